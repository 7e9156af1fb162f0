#include "storage/bytes_at.h"
#include "storage/search/index/added.h"
#include "storage/search/index/checked.h"
#include "storage/search/index/delta_facets.h"
#include "storage/search/index/index_parts.h"
#include "storage/search/index/index_terms.h"
#include "storage/search/index/terms.h"

#include "runtime/base/assert.h"

typedef struct update {
    const kv_tx_t *tx;
    index_base_t base;
    index_state_t state;
    dictionary_t dictionary;
    buf_t record, scratch, terms, words;
} update_t;

static void update_scope_end(update_t *self)
{
    buf_deinit(&self->record);
    buf_deinit(&self->scratch);
    buf_deinit(&self->terms);
    buf_deinit(&self->words);
}

/* ---- the terms of one document, each once: as size and bytes ---- */

static err_t put_term(void *context, str_t term, str_t name)
{
    update_t *self = context;
    uint32_t size = (uint32_t)term.size;
    (void)name;
    buf_append_bytes(&self->terms, &size, sizeof size);
    buf_append(&self->terms, term);
    return buf_status(&self->terms);
}

static bool next_term(str_t *rest, str_t *out_term)
{
    if (rest->size == 0)
        return false;
    size_t end = sizeof(uint32_t) + u32_at(*rest, 0);
    *out_term = str_slice(*rest, sizeof(uint32_t), end);
    *rest = str_slice(*rest, end, rest->size);
    return true;
}

static err_t gather_terms(update_t *self, const folded_t *folded)
{
    buf_reset(&self->terms);
    return terms_each(folded, &self->scratch, put_term, self);
}

/* ---- words that the base's dictionary does not have, with how many documents have them ---- */

static bool is_new_word(const update_t *self, str_t term)
{
    uint32_t index;
    str_t word = str_slice(term, 1, term.size);
    return term.data[0] == SEARCH_SPACE_WORD && !terms_starts_cjk(word) &&
           !dictionary_has(&self->dictionary, word, &index);
}

static err_t count_word(const update_t *self, str_t term, bool is_added)
{
    str_t word = str_slice(term, 1, term.size), value;
    uint32_t count = 0;
    if (!is_new_word(self, term))
        return ERR_OK;
    err_t err = checked_get(self->tx, TABLE_DELTA_WORDS, word, &value);
    if (err == ERR_OK && value.size != sizeof count)
        return ERR_CORRUPT;
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    if (err == ERR_OK)
        count = u32_at(value, 0);
    count = is_added ? count + 1 : count - MIN(count, 1u);
    if (count == 0)
        return err == ERR_OK ? kv_delete(self->tx, TABLE_DELTA_WORDS, word) : ERR_OK;
    return checked_put(self->tx, TABLE_DELTA_WORDS, word, str_of(&count, sizeof count));
}

static bool is_facet(str_t term)
{
    return term.data[0] >= 'A' && term.data[0] <= 'Z'; /* search_space_t */
}

static err_t count(update_t *self, str_t term, bool is_added)
{
    return is_facet(term) ? delta_name_count(self->tx, term, is_added)
                          : count_word(self, term, is_added);
}

/* ---- out ---- */

static err_t drop_terms(update_t *self, uint32_t number)
{
    str_t rest = buf_str(&self->terms), term;
    while (next_term(&rest, &term)) {
        bool is_changed;
        TRY(index_term_remove(self->tx, term, number, &is_changed));
        if (is_changed)
            TRY(count(self, term, false));
    }
    return index_term_remove(self->tx, INDEX_TERM_ALL, number, &(bool){false});
}

static err_t drop_from_delta(update_t *self, search_kind_t kind, uint32_t number)
{
    char key[NUMBER_KEY_SIZE];
    str_t value;
    folded_t folded;
    TRY(checked_get_known(self->tx, TABLE_DELTA, index_number_key(key, number), &value));
    buf_reset(&self->record); /* the map's own is gone with the first write */
    buf_append(&self->record, value);
    TRY(buf_status(&self->record));
    TRY(folded_read(buf_str(&self->record), &folded));
    TRY(gather_terms(self, &folded));
    TRY(drop_terms(self, number));
    TRY(added_delta_drop(self->tx, number));
    TRY(delta_facets_drop(self->tx, number));
    self->state.delta[kind] -= MIN(self->state.delta[kind], 1u);
    return kv_delete(self->tx, TABLE_DELTA, index_number_key(key, number));
}

static err_t drop_from_base(update_t *self, search_kind_t kind, uint64_t id)
{
    uint32_t number;
    bool is_new;
    err_t err = index_base_number(self->tx, kind, id, &number);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    TRY(index_gone_add(self->tx, number, &is_new));
    self->state.gone[kind] += is_new ? 1 : 0;
    return ERR_OK;
}

/* Wherever it is. */
static err_t drop(update_t *self, search_kind_t kind, uint64_t id)
{
    char room[ID_KEY_SIZE];
    str_t key = index_id_key(room, kind, id), value;
    err_t err = checked_get(self->tx, TABLE_DELTA_IDS, key, &value);
    if (err == ERR_NOT_FOUND)
        return drop_from_base(self, kind, id);
    if (err != ERR_OK)
        return err;
    if (value.size != sizeof(uint32_t))
        return ERR_CORRUPT;
    TRY(drop_from_delta(self, kind, u32_at(value, 0)));
    return kv_delete(self->tx, TABLE_DELTA_IDS, key);
}

/* ---- in ---- */

static err_t add_terms(update_t *self, uint32_t number)
{
    str_t rest = buf_str(&self->terms), term;
    while (next_term(&rest, &term)) {
        bool is_changed;
        TRY(index_term_add(self->tx, term, number, &is_changed));
        if (is_changed)
            TRY(count(self, term, true));
    }
    return index_term_add(self->tx, INDEX_TERM_ALL, number, &(bool){false});
}

static err_t add_names(update_t *self, str_t facets)
{
    folded_facet_t facet;
    while (folded_next_facet(&facets, &facet)) {
        char key[TERM_SIZE_MAX];
        key[0] = (char)facet.space;
        memcpy(key + 1, facet.folded.data, facet.folded.size);
        str_t term = str_of(key, facet.folded.size + 1);
        if (kv_has(self->tx, TABLE_NAMES, term))
            continue;
        TRY(delta_name_call(self->tx, term, facet.name));
    }
    return ERR_OK;
}

static err_t take_number(update_t *self, search_kind_t kind, uint32_t *out_number)
{
    if (self->state.given[kind] >> SEARCH_DELTA_KIND_SHIFT != 0)
        return ERR_FULL;
    *out_number = search_delta_first(kind) + self->state.given[kind]++;
    self->state.delta[kind]++;
    return ERR_OK;
}

static err_t add(update_t *self, const search_document_t *document)
{
    char number_room[NUMBER_KEY_SIZE], id_room[ID_KEY_SIZE];
    uint32_t number;
    folded_t folded;
    buf_reset(&self->record);
    TRY(folded_append(&self->record, document));
    TRY(folded_rank(self->record.data, self->record.size, self->base.plays_max));
    TRY(folded_read(buf_str(&self->record), &folded));
    TRY(gather_terms(self, &folded));
    TRY(take_number(self, document->kind, &number));
    TRY(add_terms(self, number));
    TRY(add_names(self, folded.facets));
    TRY(added_delta_put(self->tx, number, document->added_at_ms));
    TRY(delta_facets_put(self->tx, number, &folded));
    TRY(checked_put(self->tx, TABLE_DELTA, index_number_key(number_room, number),
                    buf_str(&self->record)));
    return checked_put(self->tx, TABLE_DELTA_IDS,
                       index_id_key(id_room, document->kind, document->id),
                       str_of(&number, sizeof number));
}

static err_t apply(update_t *self, const search_change_t *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const search_document_t *document = &changes[i].document;
        ASSERT(document->kind < SEARCH_KIND_COUNT);
        TRY(drop(self, document->kind, document->id));
        if (!changes[i].is_removal)
            TRY(add(self, document));
    }
    return index_delta_count(&self->state) > SEARCH_DELTA_FULL ? ERR_FULL : ERR_OK;
}

static err_t write_all(const kv_tx_t *tx, const search_change_t *changes, size_t count,
                       search_position_t position)
{
    update_t update SCOPED(update_scope_end) = {.tx = tx};
    TRY(index_base_get(tx, &update.base));
    TRY(index_state_get(tx, &update.state));
    TRY(index_dictionary_get(tx, &update.base, &update.dictionary));
    TRY(apply(&update, changes, count));
    update.state.position = position;
    return index_state_put(tx, &update.state);
}

err_t search_index_update(search_index_t *self, const search_change_t *changes, size_t count,
                          search_position_t position)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    kv_t *kv = kv_places_current(&self->places);
    ASSERT(count <= SEARCH_UPDATE_MAX);
    err_t err = kv_write(kv, &tx);
    if (err == ERR_UNAVAILABLE) { /* a head that could not be written ended the environment */
        TRY(kv_heal(kv));
        err = kv_write(kv, &tx);
    }
    if (err != ERR_OK)
        return err;
    TRY(write_all(&tx, changes, count, position));
    return kv_commit(&tx);
}
