#include "storage/catalog/catalog_changes.h"

#include "runtime/base/random.h"
#include "storage/catalog/catalog_parts.h"

/* TABLE_CHANGES: sequence to entity; TABLE_CHANGED: entity to sequence. TABLE_META has the rest. */
static const str_t GENERATION = STR_INIT("generation"), SEQUENCE = STR_INIT("sequence"),
                   TRIMMED = STR_INIT("trimmed");

str_t catalog_entity_key(char room[CATALOG_ENTITY_SIZE], search_kind_t kind, uint64_t id)
{
    room[0] = (char)kind;
    kv_u64_write(room + 1, id);
    return str_of(room, CATALOG_ENTITY_SIZE);
}

err_t catalog_get_number(const kv_tx_t *tx, kv_table_t table, str_t key, uint64_t *out_number)
{
    str_t value;
    err_t err = kv_get(tx, table, key, &value);
    if (err == ERR_OK && value.size != 8)
        return ERR_CORRUPT;
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        *out_number = err == ERR_OK ? kv_u64_read(value.data) : 0;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t catalog_put_number(const kv_tx_t *tx, kv_table_t table, str_t key, uint64_t number)
{
    char room[8];
    kv_u64_write(room, number);
    return kv_put(tx, table, key, str_of(room, sizeof room));
}

static err_t get_mark(const kv_tx_t *tx, catalog_mark_t *out_mark)
{
    catalog_mark_t mark;
    TRY(catalog_get_number(tx, TABLE_META, GENERATION, &mark.generation));
    TRY(catalog_get_number(tx, TABLE_META, SEQUENCE, &mark.sequence));
    *out_mark = mark;
    return ERR_OK;
}

/* ---- noting ---- */

/* Once between two flushes: who follows may begin between two transactions. */
static err_t learn(catalog_notes_t *notes, const kv_tx_t *tx)
{
    catalog_mark_t mark;
    if (LIKELY(notes->is_known))
        return ERR_OK;
    TRY(get_mark(tx, &mark));
    *notes = (catalog_notes_t){.is_known = true,
                               .is_followed = mark.generation != 0,
                               .first = mark.sequence,
                               .sequence = mark.sequence};
    return ERR_OK;
}

err_t catalog_note(catalog_write_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id)
{
    catalog_notes_t *notes = &self->notes;
    char room[CATALOG_ENTITY_SIZE], old[8];
    uint64_t before = 0;
    TRY(learn(notes, tx));
    if (!notes->is_followed)
        return ERR_OK;
    str_t entity = catalog_entity_key(room, kind, id);
    TRY(catalog_get_number(tx, TABLE_CHANGED, entity, &before));
    if (before > notes->first)
        return ERR_OK; /* nobody can have read that one */
    kv_u64_write(old, before);
    if (before > 0)
        TRY(kv_delete(tx, TABLE_CHANGES, str_of(old, sizeof old)));
    kv_u64_write(old, ++notes->sequence);
    TRY(kv_put(tx, TABLE_CHANGES, str_of(old, sizeof old), entity));
    return catalog_put_number(tx, TABLE_CHANGED, entity, notes->sequence);
}

err_t catalog_notes_flush(catalog_write_t *self, const kv_tx_t *tx)
{
    const catalog_notes_t *notes = &self->notes;
    if (notes->sequence > notes->first)
        TRY(catalog_put_number(tx, TABLE_META, SEQUENCE, notes->sequence));
    self->notes = (catalog_notes_t){.is_known = false};
    return ERR_OK;
}

/* ---- following ---- */

static err_t begin(const catalog_t *self, uint32_t place, catalog_mark_t *out_mark)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    const ms_random_t random = random_system();
    catalog_mark_t mark;
    TRY(kv_write(self->places.places[place].kv, &tx));
    TRY(get_mark(&tx, &mark));
    if (mark.generation == 0) {
        mark.generation = random_u64(&random) | 1;
        TRY(catalog_put_number(&tx, TABLE_META, GENERATION, mark.generation));
        TRY(kv_commit(&tx));
    }
    *out_mark = mark;
    return ERR_OK;
}

err_t catalog_follow(catalog_t *self, catalog_mark_t *out_mark)
{
    uint32_t place = kv_places_enter(&self->places);
    err_t err = begin(self, place, out_mark);
    kv_places_leave(&self->places, place);
    return err;
}

err_t catalog_mark(const catalog_read_t *read, catalog_mark_t *out_mark)
{
    return get_mark(&read->tx, out_mark);
}

static err_t check(const kv_tx_t *tx, catalog_mark_t after)
{
    catalog_mark_t mark;
    uint64_t trimmed;
    TRY(get_mark(tx, &mark));
    TRY(catalog_get_number(tx, TABLE_META, TRIMMED, &trimmed));
    bool is_ours = after.generation != 0 && after.generation == mark.generation;
    return is_ours && after.sequence >= trimmed && after.sequence <= mark.sequence ? ERR_OK
                                                                                   : ERR_STALE;
}

static err_t change_at(const kv_cursor_t *cursor, catalog_change_t *out_change)
{
    str_t entity = cursor->value;
    if (cursor->key.size != 8 || entity.size != CATALOG_ENTITY_SIZE ||
        (uint8_t)entity.data[0] >= SEARCH_KIND_COUNT)
        return ERR_CORRUPT;
    *out_change = (catalog_change_t){(search_kind_t)entity.data[0], kv_u64_read(entity.data + 1),
                                     kv_u64_read(cursor->key.data)};
    return ERR_OK;
}

err_t catalog_changes(const catalog_read_t *read, catalog_mark_t after,
                      catalog_changes_t *out_changes)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char from[8];
    size_t count = 0;
    TRY(check(&read->tx, after));
    catalog_change_t *items = arena_new_array(read->arena, CATALOG_CHANGES_MAX, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    kv_u64_write(from, after.sequence + 1);
    TRY(kv_cursor_open(&read->tx, TABLE_CHANGES, &cursor));
    err_t err = kv_seek(&cursor, str_of(from, sizeof from));
    for (; err == ERR_OK && count < CATALOG_CHANGES_MAX; err = kv_next(&cursor))
        TRY(change_at(&cursor, &items[count++]));
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_changes = (catalog_changes_t){items, count, err == ERR_OK};
    return ERR_OK;
}

err_t catalog_next(const catalog_read_t *read, search_kind_t kind, uint64_t after, uint64_t *out_id)
{
    static const kv_table_t tables[SEARCH_KIND_COUNT] = {
        [SEARCH_TRACK] = TABLE_TRACKS,
        [SEARCH_ALBUM] = TABLE_ALBUMS,
        [SEARCH_ARTIST] = TABLE_ARTISTS,
    };
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char from[8];
    if (after == UINT64_MAX)
        return ERR_NOT_FOUND;
    kv_u64_write(from, after + 1);
    TRY(kv_cursor_open(&read->tx, tables[kind], &cursor));
    TRY(kv_seek(&cursor, str_of(from, sizeof from)));
    if (cursor.key.size != 8)
        return ERR_CORRUPT;
    *out_id = kv_u64_read(cursor.key.data);
    return ERR_OK;
}

/* ---- trimming ---- */

/* What the oldest notes are: they are copied, since a removal moves what a cursor borrows. */
static err_t oldest(const kv_tx_t *tx, uint64_t up_to, arena_t *arena, catalog_changes_t *out)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    size_t count = 0;
    catalog_change_t *items = arena_new_array(arena, CATALOG_TRIM_MAX, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    TRY(kv_cursor_open(tx, TABLE_CHANGES, &cursor));
    err_t err = kv_first(&cursor);
    for (; err == ERR_OK && count < CATALOG_TRIM_MAX; err = kv_next(&cursor)) {
        TRY(change_at(&cursor, &items[count]));
        if (items[count].sequence > up_to)
            break;
        count++;
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out = (catalog_changes_t){items, count, count == CATALOG_TRIM_MAX};
    return ERR_OK;
}

static err_t trim(const kv_tx_t *tx, const catalog_changes_t *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        char sequence[8], room[CATALOG_ENTITY_SIZE];
        kv_u64_write(sequence, notes->items[i].sequence);
        TRY(kv_delete(tx, TABLE_CHANGES, str_of(sequence, sizeof sequence)));
        TRY(kv_delete(tx, TABLE_CHANGED,
                      catalog_entity_key(room, notes->items[i].kind, notes->items[i].id)));
    }
    return catalog_put_number(tx, TABLE_META, TRIMMED, notes->items[notes->count - 1].sequence);
}

static err_t trim_at(const catalog_t *self, uint32_t place, catalog_mark_t up_to,
                     bool *out_has_more)
{
    arena_t arena ARENA_SCOPED = {0};
    kv_tx_t tx KV_TX_SCOPED = {0};
    catalog_changes_t notes = {0};
    TRY(kv_write(self->places.places[place].kv, &tx));
    TRY(check(&tx, up_to));
    TRY(oldest(&tx, up_to.sequence, &arena, &notes));
    if (notes.count > 0) {
        TRY(trim(&tx, &notes));
        TRY(kv_commit(&tx));
    }
    *out_has_more = notes.has_more;
    return ERR_OK;
}

err_t catalog_trim(catalog_t *self, catalog_mark_t up_to, bool *out_has_more)
{
    uint32_t place = kv_places_enter(&self->places);
    err_t err = trim_at(self, place, up_to, out_has_more);
    kv_places_leave(&self->places, place);
    return err;
}
