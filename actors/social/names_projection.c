#include "actors/social/names_projection.h"

#include "actors/protocol/accounts.h"
#include "actors/protocol/playlist.h"
#include "runtime/base/memory.h"

/* names: "u" and a user's id: the sealed name. "p" and a playlist's id: whether it is public, the
 * size of its owner's id, that id, the sealed name. owned: an owner's id, a NUL, a playlist's id.
 */
enum { TABLE_NAMES, TABLE_OWNED, TABLE_POSITION, TABLE_COUNT };
enum { PROJECTION_FORMAT = 1, LOAD_PAGE = 1000, PLAYLIST_HEAD = 2 };

/* Beside the position: the environment is to be made anew. */
#define CONDEMNED STR("condemned")

struct names_projection {
    kv_t *kv;
    vault_t *vault;
    name_index_t *names;
    arena_t arena; /* of one record */
    _Atomic uint64_t left_out;
};

/* ---- keys and values ---- */

static str_t user_key(arena_t *arena, str_t id)
{
    return arena_printf(arena, "u%.*s", STR_ARG(id));
}

static str_t playlist_key(arena_t *arena, str_t id)
{
    return arena_printf(arena, "p%.*s", STR_ARG(id));
}

static err_t owned_key(buf_t *out, str_t owner, str_t playlist)
{
    buf_append(out, owner);
    buf_append_char(out, '\0');
    buf_append(out, playlist);
    return buf_status(out);
}

typedef struct row {
    bool is_public;
    str_t owner, sealed;
} row_t;

static err_t read_row(str_t value, row_t *out_row)
{
    if (value.size < PLAYLIST_HEAD)
        return ERR_CORRUPT;
    size_t size = (unsigned char)value.data[1];
    if (value.size < PLAYLIST_HEAD + size)
        return ERR_CORRUPT;
    *out_row = (row_t){value.data[0] == 1, str_slice(value, PLAYLIST_HEAD, PLAYLIST_HEAD + size),
                       str_slice(value, PLAYLIST_HEAD + size, value.size)};
    return ERR_OK;
}

static err_t write_row(buf_t *out, const row_t *row)
{
    buf_append_char(out, row->is_public ? 1 : 0);
    buf_append_char(out, (char)row->owner.size);
    buf_append(out, row->owner);
    buf_append(out, row->sealed);
    return buf_status(out);
}

/* ---- memory ---- */

static err_t remember(names_projection_t *self, const name_index_entry_t *entry)
{
    err_t err = name_index_put(self->names, entry);
    if (err != ERR_LIMIT && err != ERR_INVALID)
        return err;
    name_index_remove(self->names, entry->kind, entry->key); /* as it was called before */
    atomic_fetch_add(&self->left_out, 1);
    return ERR_OK;
}

/* ---- people ---- */

static err_t forget_owned(names_projection_t *self, const kv_tx_t *tx, str_t owner)
{
    buf_t prefix BUF_SCOPED = BUF_INIT;
    TRY(owned_key(&prefix, owner, STR("")));
    for (;;) {
        kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
        TRY(kv_cursor_open(tx, TABLE_OWNED, &cursor));
        err_t err = kv_seek(&cursor, buf_str(&prefix));
        if (err == ERR_NOT_FOUND ||
            (err == ERR_OK && !str_starts_with(cursor.key, buf_str(&prefix))))
            return ERR_OK;
        TRY(err);
        str_t key = arena_str(&self->arena, cursor.key);
        if (key.data == NULL)
            return ERR_NO_MEMORY;
        str_t id = playlist_key(&self->arena, str_slice(key, prefix.size, key.size));
        kv_cursor_close(&cursor);
        err = kv_delete(tx, TABLE_NAMES, id);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        TRY(kv_delete(tx, TABLE_OWNED, key));
    }
}

static err_t delete_if_there(const kv_tx_t *tx, kv_table_t table, str_t key)
{
    err_t err = kv_delete(tx, table, key);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t user_gone(names_projection_t *self, const kv_tx_t *tx, str_t id)
{
    name_index_remove_owner(self->names, id);
    TRY(forget_owned(self, tx, id));
    return delete_if_there(tx, TABLE_NAMES, user_key(&self->arena, id));
}

static err_t user_added(names_projection_t *self, const kv_tx_t *tx,
                        const accounts_user_added_t *event)
{
    buf_t sealed BUF_SCOPED = BUF_INIT;
    str_t key = user_key(&self->arena, event->user_id);
    if (str_is_empty(event->name)) /* erased since */
        return ERR_OK;
    err_t err = vault_seal(self->vault, event->user_id, key, event->name, &sealed);
    if (err == ERR_FORBIDDEN)
        return ERR_OK;
    TRY(err);
    TRY(kv_put(tx, TABLE_NAMES, key, buf_str(&sealed)));
    return remember(self, &(name_index_entry_t){.kind = NAME_INDEX_PERSON,
                                                .key = event->user_id,
                                                .name = event->name});
}

/* ---- playlists ---- */

static err_t playlist_gone(names_projection_t *self, const kv_tx_t *tx, str_t id)
{
    buf_t owned BUF_SCOPED = BUF_INIT;
    str_t key = playlist_key(&self->arena, id), value;
    row_t row;
    name_index_remove(self->names, NAME_INDEX_PLAYLIST, id);
    err_t err = kv_get(tx, TABLE_NAMES, key, &value);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    TRY(read_row(value, &row));
    TRY(owned_key(&owned, row.owner, id));
    TRY(delete_if_there(tx, TABLE_OWNED, buf_str(&owned)));
    return delete_if_there(tx, TABLE_NAMES, key);
}

/* The name as it is now, on the disk and in memory. */
static err_t put_playlist(names_projection_t *self, const kv_tx_t *tx,
                          const name_index_entry_t *entry)
{
    buf_t sealed BUF_SCOPED = BUF_INIT, value BUF_SCOPED = BUF_INIT, owned BUF_SCOPED = BUF_INIT;
    str_t key = playlist_key(&self->arena, entry->key);
    if (str_is_empty(entry->name) || entry->owner.size > NAME_INDEX_KEY_SIZE_MAX)
        return playlist_gone(self, tx, entry->key);
    err_t err = vault_seal(self->vault, entry->owner, key, entry->name, &sealed);
    if (err == ERR_FORBIDDEN)
        return playlist_gone(self, tx, entry->key);
    TRY(err);
    TRY(write_row(&value, &(row_t){entry->is_public, entry->owner, buf_str(&sealed)}));
    TRY(owned_key(&owned, entry->owner, entry->key));
    TRY(kv_put(tx, TABLE_NAMES, key, buf_str(&value)));
    TRY(kv_put(tx, TABLE_OWNED, buf_str(&owned), STR("")));
    return remember(self, entry);
}

/* What is there of a playlist, copied; NOT_FOUND: nothing. `out_name` gets the name in clear. */
static err_t get_playlist(names_projection_t *self, const kv_tx_t *tx, str_t id,
                          name_index_entry_t *out_entry, buf_t *out_name)
{
    str_t key = playlist_key(&self->arena, id), value;
    row_t row;
    TRY(kv_get(tx, TABLE_NAMES, key, &value));
    TRY(read_row(value, &row));
    str_t owner = arena_str(&self->arena, row.owner);
    if (owner.data == NULL)
        return ERR_NO_MEMORY;
    TRY(vault_unseal(self->vault, owner, key, row.sealed, out_name));
    *out_entry =
        (name_index_entry_t){NAME_INDEX_PLAYLIST, id, owner, buf_str(out_name), row.is_public};
    return ERR_OK;
}

/* One that is not there, or whose owner was erased meanwhile, is none. */
static err_t change_playlist(names_projection_t *self, const kv_tx_t *tx, str_t id,
                             const str_t *name, const bool *is_public)
{
    buf_t clear BUF_SCOPED = BUF_INIT;
    name_index_entry_t entry;
    err_t err = get_playlist(self, tx, id, &entry, &clear);
    if (err == ERR_STALE || err == ERR_CONFLICT)
        err = playlist_gone(self, tx, id);
    else if (err == ERR_OK) {
        entry.name = name != NULL ? *name : entry.name;
        entry.is_public = is_public != NULL ? *is_public : entry.is_public;
        err = put_playlist(self, tx, &entry);
    }
    if (clear.size > 0)
        explicit_bzero(clear.data, clear.size);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- the feed ---- */

#define DECODE_IF(event_name)                                                                      \
    event_name##_t event_name##_;                                                                  \
    bool is_##event_name = str_equal(record->event.name, STR(#event_name));                        \
    if (is_##event_name)                                                                           \
        TRY(schema_decode(&event_name##_schema, record->event.payload, &self->arena,               \
                          &event_name##_));                                                        \
    if (is_##event_name)

static err_t apply_account(names_projection_t *self, const kv_tx_t *tx,
                           const journal_record_t *record)
{
    DECODE_IF(accounts_user_added)
    return user_added(self, tx, &accounts_user_added_);
    DECODE_IF(accounts_user_removed)
    return user_gone(self, tx, accounts_user_removed_.user_id);
    return ERR_OK;
}

static err_t apply_playlist(names_projection_t *self, const kv_tx_t *tx,
                            const journal_record_t *record, str_t id)
{
    DECODE_IF(playlist_created)
    return put_playlist(self, tx,
                        &(name_index_entry_t){NAME_INDEX_PLAYLIST, id, playlist_created_.owner_id,
                                              playlist_created_.name, false});
    DECODE_IF(playlist_renamed)
    return change_playlist(self, tx, id, &playlist_renamed_.name, NULL);
    DECODE_IF(playlist_public_set)
    return change_playlist(self, tx, id, NULL, &playlist_public_set_.is_public);
    DECODE_IF(playlist_erased)
    return playlist_gone(self, tx, id);
    return ERR_OK;
}

static err_t apply(void *context, kv_tx_t *tx, const journal_record_t *record)
{
    names_projection_t *self = context;
    str_t playlists = STR(PLAYLIST_KIND "/");
    arena_reset(&self->arena);
    if (str_starts_with(record->stream, playlists))
        return apply_playlist(self, tx, record,
                              str_slice(record->stream, playlists.size, record->stream.size));
    if (str_starts_with(record->stream, STR(ACCOUNTS_KIND "/")))
        return apply_account(self, tx, record);
    return ERR_OK;
}

static err_t reset(void *context, kv_tx_t *tx)
{
    names_projection_t *self = context;
    name_index_clear(self->names);
    atomic_store(&self->left_out, 0);
    TRY(kv_clear(tx, TABLE_NAMES));
    return kv_clear(tx, TABLE_OWNED);
}

/* ---- loading ---- */

static err_t load_one(names_projection_t *self, str_t key, str_t value)
{
    buf_t clear BUF_SCOPED = BUF_INIT;
    str_t id = str_slice(key, 1, key.size);
    row_t row = {.owner = id, .sealed = value};
    bool is_playlist = key.data[0] == 'p';
    if (is_playlist)
        TRY(read_row(value, &row));
    err_t err = vault_unseal(self->vault, row.owner, key, row.sealed, &clear);
    if (err == ERR_OK)
        err = remember(self,
                       &(name_index_entry_t){is_playlist ? NAME_INDEX_PLAYLIST : NAME_INDEX_PERSON,
                                             id, row.owner, buf_str(&clear), row.is_public});
    if (clear.size > 0)
        explicit_bzero(clear.data, clear.size);
    return err == ERR_STALE || err == ERR_CONFLICT ? ERR_OK : err; /* erased: the feed says so */
}

/* Up to LOAD_PAGE of them from the key in `at` on, which then is the next one's; none: the end. */
static err_t load_page(names_projection_t *self, buf_t *at, uint64_t *damaged)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    TRY(kv_read(self->kv, &tx));
    TRY(kv_cursor_open(&tx, TABLE_NAMES, &cursor));
    err_t err = at->size == 0 ? kv_first(&cursor) : kv_seek(&cursor, buf_str(at));
    for (uint32_t i = 0; err == ERR_OK && i < LOAD_PAGE; i++) {
        err_t loaded = load_one(self, cursor.key, cursor.value);
        if (loaded == ERR_CORRUPT)
            (*damaged)++;
        else
            TRY(loaded);
        err = kv_next(&cursor);
    }
    buf_reset(at);
    if (err == ERR_OK)
        buf_append(at, cursor.key);
    TRY(buf_status(at));
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The next start begins at the first record. */
static err_t condemn(names_projection_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_write(self->kv, &tx));
    TRY(kv_put(&tx, TABLE_POSITION, CONDEMNED, STR("")));
    TRY(kv_commit(&tx));
    return ERR_CORRUPT;
}

err_t names_projection_load(names_projection_t *self, const atomic_bool *is_stopped)
{
    buf_t at BUF_SCOPED = BUF_INIT;
    uint64_t damaged = 0;
    do {
        if (atomic_load(is_stopped))
            return ERR_CANCELLED;
        TRY(load_page(self, &at, &damaged));
    } while (at.size > 0);
    return damaged > 0 ? condemn(self) : ERR_OK;
}

uint64_t names_projection_left_out(const names_projection_t *self)
{
    return atomic_load(&self->left_out);
}

/* ---- life ---- */

static err_t open_kv(names_projection_t *self, const char *path, const char *boot_id)
{
    static const char *const tables[TABLE_COUNT] = {"names", "owned", "position"};
    return kv_open(&(kv_options_t){.path = path,
                                   .tables = tables,
                                   .table_count = TABLE_COUNT,
                                   .is_lazy = true,
                                   .boot_id = boot_id},
                   &self->kv);
}

static bool is_condemned(names_projection_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    return kv_read(self->kv, &tx) == ERR_OK && kv_has(&tx, TABLE_POSITION, CONDEMNED);
}

err_t names_projection_new(const char *path, const char *boot_id, vault_t *vault,
                           name_index_t *names, names_projection_t **out_projection)
{
    names_projection_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->vault = vault;
    self->names = names;
    err_t err = open_kv(self, path, boot_id);
    if (err == ERR_OK && is_condemned(self)) {
        kv_drop(STEAL(self->kv));
        err = open_kv(self, path, boot_id);
    }
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    *out_projection = self;
    return ERR_OK;
}

void names_projection_free(names_projection_t *self)
{
    if (self == NULL)
        return;
    kv_close(self->kv);
    arena_deinit(&self->arena);
    memory_free(self);
}

projection_options_t names_projection_options(names_projection_t *self, journal_t *journal)
{
    return (projection_options_t){.name = "names",
                                  .journal = journal,
                                  .kv = self->kv,
                                  .table = TABLE_POSITION,
                                  .format = PROJECTION_FORMAT,
                                  .context = self,
                                  .apply = apply,
                                  .reset = reset};
}
