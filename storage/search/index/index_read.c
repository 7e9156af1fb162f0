#include "storage/bytes_at.h"
#include "storage/search/index/added.h"
#include "storage/search/index/checked.h"
#include "storage/search/index/delta_facets.h"
#include "storage/search/index/entry.h"
#include "storage/search/index/folded.h"
#include "storage/search/index/index_parts.h"
#include "storage/search/index/index_terms.h"
#include "storage/search/index/posting.h"
#include "storage/search/index/terms.h"

enum { WORK_BYTES = 64 }; /* of a posting, for one unit of work */

/* ---- one look ---- */

static err_t look(search_read_t *read)
{
    index_base_t base;
    index_state_t state;
    TRY(index_base_get(&read->tx, &base));
    TRY(index_state_get(&read->tx, &state));
    uint32_t at = 0;
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        read->first_of_kind[kind] = at;
        at += base.counts[kind];
        read->end_of_kind[kind] = at;
    }
    read->base_end = at;
    read->has_delta = index_delta_count(&state) > 0;
    TRY(index_dictionary_get(&read->tx, &base, &read->dictionary));
    return index_gone_read(&read->tx, &read->gone);
}

err_t search_read_begin(search_index_t *index, arena_t *arena, search_read_t *out_read)
{
    search_read_t read = {.index = index, .arena = arena};
    TRY(kv_places_read(&index->places, &read.tx, &read.place));
    err_t err = look(&read);
    if (err != ERR_OK)
        search_read_end(&read);
    else
        *out_read = read;
    return err;
}

void search_read_end(search_read_t *read)
{
    if (read->index == NULL)
        return;
    if (read->gone != NULL)
        roaring_bitmap_free(STEAL(read->gone));
    kv_end(&read->tx);
    kv_places_leave(&STEAL(read->index)->places, read->place);
}

/* ---- postings ---- */

typedef struct term_key {
    char bytes[TERM_SIZE_MAX];
} term_key_t;

static str_t key_of(term_key_t *key, search_space_t space, str_t term)
{
    str_t cut = terms_cut(term, sizeof key->bytes - 1);
    key->bytes[0] = (char)space;
    if (cut.size > 0)
        memcpy(key->bytes + 1, cut.data, cut.size);
    return str_of(key->bytes, cut.size + 1);
}

static err_t base_posting(search_read_t *read, str_t term, str_t *out_value)
{
    err_t err = kv_get(&read->tx, TABLE_POSTINGS, term, out_value);
    read->work += 1 + (err == ERR_OK ? out_value->size / WORK_BYTES : 0);
    return err;
}

static err_t base_titles(search_read_t *read, str_t term, roaring_bitmap_t *bitmap,
                         uint64_t *out_count)
{
    str_t title = str_slice(term, 1, term.size);
    TRY(index_titles_read(&read->tx, title, read->base_end, bitmap, out_count));
    read->work += 1 + *out_count / 2;
    return ERR_OK;
}

/* A new bitmap of the base's documents, those that are gone among them. */
static err_t base_bitmap(search_read_t *read, str_t term, roaring_bitmap_t **out_bitmap)
{
    str_t value;
    uint64_t count = 0;
    err_t err = ERR_NOT_FOUND;
    if (term.data[0] != SEARCH_SPACE_TITLE)
        err = base_posting(read, term, &value);
    if (err == ERR_OK)
        return posting_read(value, out_bitmap);
    if (err != ERR_NOT_FOUND)
        return err;
    roaring_bitmap_t *bitmap = roaring_bitmap_create();
    if (bitmap == NULL)
        return ERR_NO_MEMORY;
    err = term.data[0] == SEARCH_SPACE_TITLE ? base_titles(read, term, bitmap, &count) : ERR_OK;
    if (err == ERR_OK)
        *out_bitmap = bitmap;
    else
        roaring_bitmap_free(bitmap);
    return err;
}

err_t search_postings(search_read_t *read, search_space_t space, str_t term,
                      roaring_bitmap_t **out_bitmap)
{
    term_key_t key;
    str_t whole = key_of(&key, space, term);
    roaring_bitmap_t *bitmap = NULL;
    TRY(base_bitmap(read, whole, &bitmap));
    read->work += search_work_of_set(bitmap);
    if (read->gone != NULL) {
        read->work += search_work_of_set(bitmap);
        roaring_bitmap_andnot_inplace(bitmap, read->gone);
    }
    err_t err = read->has_delta ? index_term_read(&read->tx, whole, bitmap, &read->work) : ERR_OK;
    if (err == ERR_OK)
        *out_bitmap = bitmap;
    else
        roaring_bitmap_free(bitmap);
    return err;
}

err_t search_everything(search_read_t *read, roaring_bitmap_t **out_bitmap)
{
    err_t err = ERR_OK;
    roaring_bitmap_t *bitmap = roaring_bitmap_from_range(0, read->base_end, 1);
    if (bitmap == NULL && (bitmap = roaring_bitmap_create()) == NULL) /* there is no empty range */
        return ERR_NO_MEMORY;
    read->work++;
    if (read->gone != NULL)
        roaring_bitmap_andnot_inplace(bitmap, read->gone);
    if (read->has_delta)
        err = index_term_read(&read->tx, INDEX_TERM_ALL, bitmap, &read->work);
    if (err == ERR_OK)
        *out_bitmap = bitmap;
    else
        roaring_bitmap_free(bitmap);
    return err;
}

err_t search_counted_init(search_read_t *read, const roaring_bitmap_t *documents, uint32_t end,
                          search_counted_t *out_counted)
{
    counting_t *base COUNTING_SCOPED = NULL;
    tally_t *delta = NULL;
    TRY(counting_new(documents, end, &base));
    if (read->has_delta)
        TRY(tally_new(&read->tx, documents, &read->work, &delta));
    *out_counted = (search_counted_t){STEAL(base), delta};
    return ERR_OK;
}

void search_counted_deinit(search_counted_t *self)
{
    counting_free(self->base);
    tally_free(self->delta);
}

err_t search_count_in(search_read_t *read, search_space_t space, str_t term,
                      const search_counted_t *counted, uint64_t *out_count)
{
    term_key_t key;
    str_t value, whole = key_of(&key, space, term);
    uint64_t count = 0;
    read->work++;
    err_t err = kv_get(&read->tx, TABLE_POSTINGS, whole, &value);
    if (err == ERR_OK)
        err = counting_in(counted->base, value, &read->work, &count);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_count = count + (counted->delta == NULL ? 0 : tally_of(counted->delta, whole));
    return ERR_OK;
}

uint64_t search_frequency(search_read_t *read, search_space_t space, str_t term)
{
    term_key_t key;
    str_t value, whole = key_of(&key, space, term);
    uint64_t count = 0;
    read->work++;
    err_t err = space == SEARCH_SPACE_TITLE ? base_titles(read, whole, NULL, &count)
                                            : kv_get(&read->tx, TABLE_POSTINGS, whole, &value);
    if (err == ERR_OK && space != SEARCH_SPACE_TITLE)
        err = posting_count(value, &count);
    if (err != ERR_OK)
        count = 0;
    return read->has_delta ? count + index_term_count(&read->tx, whole, &read->work) : count;
}

/* ---- words and values ---- */

bool search_new_word(search_read_t *read, str_t from, str_t *out_word)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    if (!read->has_delta || kv_cursor_open(&read->tx, TABLE_DELTA_WORDS, &cursor) != ERR_OK)
        return false;
    read->work++;
    err_t err = from.size == 0 ? kv_first(&cursor) : kv_seek(&cursor, from);
    if (err == ERR_OK)
        *out_word = cursor.key;
    return err == ERR_OK;
}

/* The names of a space in one table, in the order of their terms. */
typedef struct names {
    kv_cursor_t cursor;
    char space;
    bool is_there;
} names_t;

static err_t names_settle(names_t *self, err_t err)
{
    self->is_there =
        err == ERR_OK && self->cursor.key.size > 0 && self->cursor.key.data[0] == self->space;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t names_open(names_t *self, search_read_t *read, kv_table_t table)
{
    TRY(kv_cursor_open(&read->tx, table, &self->cursor));
    return names_settle(self, kv_seek(&self->cursor, str_of(&self->space, 1)));
}

static err_t names_next(names_t *self)
{
    return names_settle(self, kv_next(&self->cursor));
}

static void names_close(names_t *self)
{
    kv_cursor_close(&self->cursor);
}

static str_t term_of(const names_t *names)
{
    return str_slice(names->cursor.key, 1, names->cursor.key.size);
}

/* Where both stand at one term, or one of them before the other. */
static void choose(const names_t *base, const names_t *delta, bool *out_is_base, bool *out_is_delta)
{
    int order = !base->is_there    ? 1
                : !delta->is_there ? -1
                                   : str_compare(base->cursor.key, delta->cursor.key);
    *out_is_base = order <= 0;
    *out_is_delta = order >= 0;
}

typedef struct named {
    str_t name;
    uint64_t frequency;
} named_t;

static err_t add_base_name(search_read_t *read, const names_t *names, named_t *named)
{
    str_t posting;
    uint64_t count;
    read->work++;
    TRY(checked_open(names->cursor.key, names->cursor.value, &named->name));
    TRY(kv_get(&read->tx, TABLE_POSTINGS, names->cursor.key, &posting));
    TRY(posting_count(posting, &count));
    named->frequency += count;
    return ERR_OK;
}

static err_t add_delta_name(search_read_t *read, const names_t *names, named_t *named)
{
    delta_name_t delta;
    read->work++;
    TRY(delta_name_read(names->cursor.key, names->cursor.value, &delta));
    if (named->name.size == 0)
        named->name = delta.name;
    named->frequency += delta.count;
    return ERR_OK;
}

err_t search_facet_values(search_read_t *read, search_space_t space, search_value_fn each,
                          void *context)
{
    names_t base SCOPED(names_close) = {.space = (char)space};
    names_t delta SCOPED(names_close) = {.space = (char)space};
    TRY(names_open(&base, read, TABLE_NAMES));
    TRY(names_open(&delta, read, TABLE_DELTA_NAMES));
    while (base.is_there || delta.is_there) {
        bool is_base, is_delta;
        named_t named = {0};
        choose(&base, &delta, &is_base, &is_delta);
        str_t term = term_of(is_base ? &base : &delta);
        if (is_base)
            TRY(add_base_name(read, &base, &named));
        if (is_delta)
            TRY(add_delta_name(read, &delta, &named));
        if (named.frequency > 0 && !each(context, term, named.name, named.frequency))
            return ERR_OK;
        if (is_base)
            TRY(names_next(&base));
        if (is_delta)
            TRY(names_next(&delta));
    }
    return ERR_OK;
}

/* ---- documents ---- */

static bool is_of_delta(const search_read_t *read, uint32_t number)
{
    return read->has_delta && number >= SEARCH_DELTA_FIRST;
}

static bool is_of_base(const search_read_t *read, uint32_t number)
{
    return number < read->base_end &&
           (read->gone == NULL || !roaring_bitmap_contains(read->gone, number));
}

static err_t base_entry(const search_read_t *read, uint32_t number, search_entry_t *out_entry)
{
    char room[NUMBER_KEY_SIZE];
    str_t value;
    str_t key = index_number_key(room, number);
    TRY(checked_get_known(&read->tx, TABLE_ENTRIES, key, &value));
    return entry_read(value, out_entry);
}

static err_t delta_document(search_read_t *read, uint32_t number, folded_t *out_folded)
{
    char room[NUMBER_KEY_SIZE];
    str_t value;
    TRY(checked_get(&read->tx, TABLE_DELTA, index_number_key(room, number), &value));
    return folded_read(value, out_folded);
}

err_t search_entry(search_read_t *read, uint32_t number, search_entry_t *out_entry)
{
    if (is_of_base(read, number))
        return base_entry(read, number, out_entry);
    folded_t folded;
    if (!is_of_delta(read, number))
        return ERR_NOT_FOUND;
    TRY(delta_document(read, number, &folded));
    *out_entry = folded.entry;
    return ERR_OK;
}

err_t search_number(search_read_t *read, search_kind_t kind, uint64_t id, uint32_t *out_number)
{
    char room[ID_KEY_SIZE];
    str_t value;
    uint32_t number;
    err_t err = checked_get(&read->tx, TABLE_DELTA_IDS, index_id_key(room, kind, id), &value);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    if (err == ERR_OK) {
        if (value.size != sizeof number)
            return ERR_CORRUPT;
        *out_number = u32_at(value, 0);
        return ERR_OK;
    }
    TRY(index_base_number(&read->tx, kind, id, &number));
    if (!is_of_base(read, number))
        return ERR_NOT_FOUND;
    *out_number = number;
    return ERR_OK;
}

err_t search_lyrics(search_read_t *read, uint32_t number, str_t *out_lyrics)
{
    char room[NUMBER_KEY_SIZE];
    folded_t folded;
    str_t lyrics = {0};
    if (is_of_base(read, number)) {
        err_t err = checked_get(&read->tx, TABLE_LYRICS, index_number_key(room, number), &lyrics);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        read->work += 1 + lyrics.size / WORK_BYTES;
        *out_lyrics = lyrics;
        return ERR_OK;
    }
    if (!is_of_delta(read, number))
        return ERR_NOT_FOUND;
    TRY(delta_document(read, number, &folded));
    read->work += 1 + folded.lyrics.size / WORK_BYTES;
    *out_lyrics = folded.lyrics;
    return ERR_OK;
}

err_t search_added_since(search_read_t *read, int64_t added_at_ms, roaring_bitmap_t **out_bitmap)
{
    roaring_bitmap_t *bitmap;
    TRY(added_base_since(&read->tx, read->base_end, added_at_ms, &read->work, &bitmap));
    if (read->gone != NULL)
        roaring_bitmap_andnot_inplace(bitmap, read->gone);
    err_t err =
        read->has_delta ? added_delta_since(&read->tx, added_at_ms, &read->work, bitmap) : ERR_OK;
    if (err == ERR_OK)
        *out_bitmap = bitmap;
    else
        roaring_bitmap_free(bitmap);
    return err;
}
