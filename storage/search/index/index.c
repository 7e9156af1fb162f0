#include "runtime/base/crc32c.h"
#include "runtime/base/memory.h"
#include "storage/bytes_at.h"
#include "storage/search/index/index_build.h"
#include "storage/search/index/index_parts.h"

#include <unistd.h>

const char *const INDEX_TABLES[TABLE_COUNT] = {
    "meta",        "postings",     "entries",     "names",       "lyrics",      "added",
    "added-marks", "ids",          "titles",      "delta",       "delta-terms", "delta-added",
    "delta-ids",   "delta-facets", "delta-names", "delta-words", "gone",
};

/* ---- heads, with a checksum behind them: in every format the same ---- */

static err_t head_get(const kv_tx_t *tx, const char *name, void *out_head, size_t size)
{
    str_t value;
    err_t err = kv_get(tx, TABLE_META, str_from(name), &value);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    if (value.size != size + sizeof(uint32_t) ||
        crc32c(0, str_of(value.data, size)) != u32_at(value, size))
        return ERR_CORRUPT;
    memcpy(out_head, value.data, size);
    return ERR_OK;
}

static err_t head_put(const kv_tx_t *tx, const char *name, const void *head, size_t size)
{
    buf_t value BUF_SCOPED = BUF_INIT;
    uint32_t check = crc32c(0, str_of(head, size));
    buf_append_bytes(&value, head, size);
    buf_append_bytes(&value, &check, sizeof check);
    TRY(buf_status(&value));
    return kv_put(tx, TABLE_META, str_from(name), buf_str(&value));
}

err_t index_base_get(const kv_tx_t *tx, index_base_t *out_base)
{
    return head_get(tx, "base", out_base, sizeof *out_base);
}

err_t index_base_put(const kv_tx_t *tx, const index_base_t *base)
{
    return head_put(tx, "base", base, sizeof *base);
}

err_t index_state_get(const kv_tx_t *tx, index_state_t *out_state)
{
    return head_get(tx, "state", out_state, sizeof *out_state);
}

err_t index_state_put(const kv_tx_t *tx, const index_state_t *state)
{
    return head_put(tx, "state", state, sizeof *state);
}

static err_t dictionary_block(const kv_tx_t *tx, const index_base_t *base, str_t *out_block)
{
    str_t block = {0};
    err_t err = kv_get(tx, TABLE_META, STR("dictionary"), &block);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    if (block.size < base->dictionary_size)
        return ERR_CORRUPT;
    *out_block = str_slice(block, 0, base->dictionary_size);
    return ERR_OK;
}

err_t index_dictionary_get(const kv_tx_t *tx, const index_base_t *base, dictionary_t *out)
{
    str_t block;
    TRY(dictionary_block(tx, base, &block));
    return dictionary_open(block, out);
}

err_t index_dictionary_check(const kv_tx_t *tx)
{
    index_base_t base;
    str_t block;
    TRY(index_base_get(tx, &base));
    TRY(dictionary_block(tx, &base, &block));
    return crc32c(0, block) == base.dictionary_check ? ERR_OK : ERR_CORRUPT;
}

uint64_t index_delta_count(const index_state_t *state)
{
    uint64_t count = 0;
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        count += (uint64_t)state->gone[kind] + state->delta[kind];
    return count;
}

/* ---- opening ---- */

static err_t start_empty(kv_t *kv)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    uint64_t count;
    TRY(kv_write(kv, &tx));
    TRY(kv_count(&tx, TABLE_META, &count));
    if (count > 0)
        return ERR_OK;
    TRY(index_base_put(&tx, &(index_base_t){.format = SEARCH_FORMAT, .ranking = SEARCH_RANKING}));
    TRY(index_state_put(&tx, &(index_state_t){0}));
    return kv_commit(&tx);
}

static err_t check_format(kv_t *kv)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    index_base_t base;
    TRY(kv_read(kv, &tx));
    TRY(index_base_get(&tx, &base));
    if (base.format != SEARCH_FORMAT)
        return ERR_STALE;
    /* A walk of it looks at nodes here and there, far too many for checksums on the way. */
    return index_dictionary_check(&tx);
}

err_t search_index_open(const search_index_options_t *options, search_index_t **out_index)
{
    kv_t *kv KV_SCOPED = NULL;
    TRY(index_discard_unfinished(options->path));
    /* Durable: what an update has answered is there after a power cut, too. */
    TRY(kv_open(&(kv_options_t){.path = options->path,
                                .tables = INDEX_TABLES,
                                .table_count = TABLE_COUNT,
                                .map_size = options->map_size},
                &kv));
    TRY(start_empty(kv));
    TRY(check_format(kv));
    search_index_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    kv_places_init(&self->places, STEAL(kv));
    *out_index = self;
    return ERR_OK;
}

void search_index_close(search_index_t *self)
{
    if (self == NULL)
        return;
    kv_places_deinit(&self->places);
    memory_free(self);
}

void search_index_scope_end(search_index_t **self)
{
    search_index_close(*self);
}

/* ---- what is known of it ---- */

static err_t look(const kv_tx_t *tx, search_index_stats_t *out_stats)
{
    index_base_t base;
    index_state_t state;
    uint64_t new_words;
    kv_stats_t kv;
    TRY(index_base_get(tx, &base));
    TRY(index_state_get(tx, &state));
    TRY(kv_count(tx, TABLE_DELTA_WORDS, &new_words));
    TRY(kv_stats(tx->kv, &kv)); /* which stays as long as the transaction, whatever is swapped */
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *out_stats = (search_index_stats_t){.terms = base.terms,
                                        .words = base.words + new_words,
                                        .delta = index_delta_count(&state),
                                        .file_size = kv.used_size - kv.free_pages * page,
                                        .built_at_ms = base.built_at_ms,
                                        .is_outdated = base.ranking != SEARCH_RANKING};
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        out_stats->documents[kind] =
            (uint64_t)base.counts[kind] - state.gone[kind] + state.delta[kind];
    return ERR_OK;
}

err_t search_index_stats(search_index_t *self, search_index_stats_t *out_stats)
{
    kv_tx_t tx;
    uint32_t place;
    TRY(kv_places_read(&self->places, &tx, &place));
    err_t err = look(&tx, out_stats);
    kv_end(&tx);
    kv_places_leave(&self->places, place);
    return err;
}

search_position_t search_index_position(search_index_t *self)
{
    kv_tx_t tx;
    uint32_t place;
    index_state_t state = {0};
    if (kv_places_read(&self->places, &tx, &place) != ERR_OK)
        return state.position;
    IGNORE_ERR(index_state_get(&tx, &state)); /* damaged: nothing of it is known */
    kv_end(&tx);
    kv_places_leave(&self->places, place);
    return state.position;
}
