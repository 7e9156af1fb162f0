#include "storage/backup/backup_keys.h"

#include "runtime/base/text.h"
#include "storage/crypt/vault_record.h"

enum { TRIES_MAX = 20, LINE_SIZE_MAX = 4096 };

#define INSTANCE STR("_instance")
#define BLOBS STR("_blobs")
#define CONTEXT STR("musicstream instance in a backup")
#define CHECK STR("_check")
#define NEXT STR("_next")
#define AUDIT STR("_audit")

void backup_keys_deinit(backup_keys_t *self)
{
    aead_buf_deinit(&self->text);
    buf_deinit(&self->erased);
}

void backup_secrets_deinit(backup_secrets_t *self)
{
    aead_buf_deinit(&self->instance);
    aead_buf_deinit(&self->blobs);
}

/* ---- the instance, sealed: nonce, text, tag ---- */

static err_t seal_instance(const aead_key_t *master, str_t instance, buf_t *out)
{
    const ms_random_t random = random_system();
    aead_t *aead AEAD_SCOPED = NULL;
    aead_key_t derived AEAD_KEY_SCOPED = {0};
    uint8_t nonce[AEAD_NONCE_SIZE];
    random_fill(&random, nonce, sizeof nonce);
    TRY(aead_new(&aead));
    TRY(aead_derive(aead, master, nonce, &derived));
    buf_append_bytes(out, nonce, sizeof nonce);
    char *room = buf_extend(out, instance.size + AEAD_TAG_SIZE);
    if (room == NULL)
        return ERR_NO_MEMORY;
    return aead_seal(aead, &derived, nonce + AEAD_HALF_NONCE_SIZE, CONTEXT, instance, room);
}

static err_t open_instance(const aead_key_t *master, str_t sealed, buf_t *out)
{
    aead_t *aead AEAD_SCOPED = NULL;
    aead_key_t derived AEAD_KEY_SCOPED = {0};
    if (sealed.size < AEAD_NONCE_SIZE + AEAD_TAG_SIZE)
        return ERR_CORRUPT;
    const uint8_t *nonce = (const uint8_t *)sealed.data;
    TRY(aead_new(&aead));
    TRY(aead_derive(aead, master, nonce, &derived));
    size_t before = out->size;
    char *room = buf_extend(out, sealed.size - AEAD_NONCE_SIZE - AEAD_TAG_SIZE);
    if (room == NULL)
        return ERR_NO_MEMORY;
    err_t err = aead_open(aead, &derived, nonce + AEAD_HALF_NONCE_SIZE, CONTEXT,
                          str_slice(sealed, AEAD_NONCE_SIZE, sealed.size), room);
    if (err != ERR_OK)
        out->size = before;
    return err;
}

/* ---- lines ---- */

static void append_line(buf_t *out, str_t name, str_t bytes)
{
    buf_append(out, name);
    buf_append_char(out, ' ');
    hex_append(out, bytes);
    buf_append_char(out, '\n');
}

static bool is_subject(str_t name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return name.size > 0 && name.size <= VAULT_SUBJECT_SIZE_MAX;
}

/* Ours begin with "_"; "shared" and "blobs" are keys of the node's own. */
static bool is_user(str_t name)
{
    return name.data[0] != '_' && !str_equal(name, STR("shared")) && !str_equal(name, STR("blobs"));
}

typedef err_t (*line_fn)(void *context, str_t name, str_t bytes);

static err_t each_line(str_t text, line_fn visit, void *context)
{
    buf_t bytes AEAD_BUF_SCOPED = {.size_max = LINE_SIZE_MAX};
    str_t rest = text, line;
    while (rest.data != NULL && str_next(&rest, '\n', &line)) {
        size_t blank = str_find(line, ' ');
        if (line.size == 0 && rest.data == NULL)
            break; /* behind the last line's end */
        str_t name = str_slice(line, 0, blank);
        buf_reset(&bytes);
        if (!is_subject(name) || blank == line.size)
            return ERR_CORRUPT;
        err_t err = hex_decode(&bytes, str_slice(line, blank + 1, line.size));
        if (err != ERR_OK)
            return err == ERR_NO_MEMORY ? err : ERR_CORRUPT;
        TRY(visit(context, name, buf_str(&bytes)));
    }
    return ERR_OK;
}

/* ---- taking ---- */

typedef struct taking {
    vault_store_t *store;
    backup_keys_t *keys;
} taking_t;

static err_t count_record(backup_keys_t *keys, str_t name, str_t bytes)
{
    vault_record_t record;
    TRY(vault_record_read(bytes, &record));
    if (!is_user(name))
        return ERR_OK;
    keys->users++;
    if (!record.is_erased)
        return ERR_OK;
    keys->erased_count++;
    buf_append(&keys->erased, name);
    buf_append_char(&keys->erased, '\n');
    return buf_status(&keys->erased);
}

static err_t take_one(void *context, str_t subject)
{
    taking_t *taking = context;
    buf_t record AEAD_BUF_SCOPED = BUF_INIT;
    if (str_equal(subject, AUDIT)) /* what is restored has an earlier log */
        return ERR_OK;
    err_t err = taking->store->table->get(taking->store, subject, &record);
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* a rotation's own record, gone meanwhile */
    TRY(err);
    append_line(&taking->keys->text, subject, buf_str(&record));
    TRY(buf_status(&taking->keys->text));
    /* NEWER, CORRUPT: a record of the rotation is of the same form, so this holds for all. */
    return count_record(taking->keys, subject, buf_str(&record));
}

/* What changes when the master key is replaced. */
static err_t read_mark(vault_store_t *store, buf_t *out)
{
    const str_t names[] = {CHECK, NEXT};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        err_t err = store->table->get(store, names[i], out);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        buf_append_char(out, '\n');
    }
    return buf_status(out);
}

static err_t check_master(const aead_key_t *master, str_t record)
{
    aead_t *aead AEAD_SCOPED = NULL;
    aead_key_t key AEAD_KEY_SCOPED = {0};
    vault_master_t named;
    TRY(aead_new(&aead));
    TRY(vault_master_init(&named, master));
    err_t err = vault_record_unwrap(aead, &named, CHECK, record, &key);
    aead_key_wipe(&named.key);
    return err;
}

static err_t take_all(vault_store_t *store, backup_keys_t *keys)
{
    taking_t taking = {store, keys};
    buf_t before AEAD_BUF_SCOPED = BUF_INIT, after AEAD_BUF_SCOPED = BUF_INIT;
    TRY(read_mark(store, &before));
    TRY(store->table->each(store, take_one, &taking));
    TRY(read_mark(store, &after));
    return str_equal(buf_str(&before), buf_str(&after)) ? ERR_OK : ERR_BUSY;
}

err_t backup_keys_take(vault_store_t *store, const aead_key_t *master,
                       const backup_secrets_t *secrets, backup_keys_t *out_keys)
{
    buf_t sealed AEAD_BUF_SCOPED = BUF_INIT;
    TRY(seal_instance(master, buf_str(&secrets->instance), &sealed));
    err_t err = ERR_BUSY;
    for (int i = 0; err == ERR_BUSY && i < TRIES_MAX; i++) {
        backup_keys_deinit(out_keys);
        *out_keys = (backup_keys_t){0};
        append_line(&out_keys->text, INSTANCE, buf_str(&sealed));
        if (secrets->blobs.size > 0)
            append_line(&out_keys->text, BLOBS, buf_str(&secrets->blobs));
        err = take_all(store, out_keys);
    }
    TRY(err);
    backup_keys_t counted BACKUP_KEYS_SCOPED = {0};
    return backup_keys_check(buf_str(&out_keys->text), master, &counted);
}

/* ---- checking ---- */

typedef struct checking {
    const aead_key_t *master;
    backup_keys_t *keys;
    bool has_instance, is_rotating;
    err_t master_err; /* whether it opens `_check` */
} checking_t;

static err_t check_line(void *context, str_t name, str_t bytes)
{
    checking_t *checking = context;
    if (str_equal(name, INSTANCE)) {
        buf_t instance AEAD_BUF_SCOPED = BUF_INIT;
        checking->has_instance = true;
        /* FORBIDDEN, below, says it better than CORRUPT. */
        err_t err =
            checking->master == NULL ? ERR_OK : open_instance(checking->master, bytes, &instance);
        if (err == ERR_CORRUPT && checking->master_err == ERR_OK)
            checking->master_err = err;
        return err == ERR_CORRUPT ? ERR_OK : err;
    }
    if (str_equal(name, BLOBS))
        return ERR_OK; /* the vault opens it */
    if (str_equal(name, NEXT))
        checking->is_rotating = true;
    if (str_equal(name, CHECK) && checking->master != NULL) {
        err_t err = check_master(checking->master, bytes);
        if (err != ERR_OK)
            checking->master_err = err;
    }
    return count_record(checking->keys, name, bytes);
}

err_t backup_keys_check(str_t text, const aead_key_t *master, backup_keys_t *out_keys)
{
    checking_t checking = {.master = master, .keys = out_keys};
    TRY(each_line(text, check_line, &checking));
    if (!checking.has_instance)
        return ERR_CORRUPT;
    /* While it is being replaced either of two opens them. */
    return checking.master_err == ERR_FORBIDDEN && checking.is_rotating ? ERR_OK
                                                                        : checking.master_err;
}

/* ---- giving ---- */

typedef struct giving {
    vault_store_t *store;
    const aead_key_t *master;
    backup_secrets_t *secrets;
} giving_t;

static err_t give_line(void *context, str_t name, str_t bytes)
{
    const giving_t *giving = context;
    vault_store_t *store = giving->store;
    buf_t there AEAD_BUF_SCOPED = BUF_INIT;
    if (str_equal(name, INSTANCE))
        return open_instance(giving->master, bytes, &giving->secrets->instance);
    if (str_equal(name, BLOBS)) {
        buf_append(&giving->secrets->blobs, bytes);
        return buf_status(&giving->secrets->blobs);
    }
    err_t err = store->table->get(store, name, &there);
    if (err == ERR_OK)
        return ERR_OK; /* of the restore that was cut short: this record, or its tombstone */
    return err == ERR_NOT_FOUND ? store->table->put(store, name, (str_t){NULL, 0}, bytes) : err;
}

err_t backup_keys_give(str_t text, const aead_key_t *master, vault_store_t *store,
                       backup_secrets_t *out_secrets)
{
    giving_t giving = {store, master, out_secrets};
    return each_line(text, give_line, &giving);
}

static err_t erase_one(vault_store_t *store, str_t id, uint64_t *count)
{
    char tombstone[VAULT_RECORD_SIZE];
    buf_t there AEAD_BUF_SCOPED = BUF_INIT;
    err_t err = store->table->get(store, id, &there);
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* of after this backup: nothing of theirs is in it */
    TRY(err);
    vault_record_write_erased(tombstone);
    str_t record = str_of(tombstone, sizeof tombstone);
    if (str_equal(buf_str(&there), record))
        return ERR_OK;
    TRY(store->table->put(store, id, buf_str(&there), record));
    ++*count;
    return ERR_OK;
}

err_t backup_keys_erase(str_t list, vault_store_t *store, uint64_t *out_count)
{
    str_t rest = list, line;
    uint64_t count = 0;
    while (rest.data != NULL && str_next(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.size == 0 || line.data[0] == '#')
            continue;
        if (!is_subject(line) || !is_user(line))
            return ERR_INVALID;
        TRY(erase_one(store, line, &count));
    }
    *out_count = count;
    return ERR_OK;
}
