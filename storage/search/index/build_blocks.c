#include "storage/bytes_at.h"
#include "storage/search/index/build_parts.h"
#include "storage/search/index/terms.h"

#include "runtime/base/memory.h"

enum { RECORD_HEAD = 8, TITLES_ROOM = 64 << 10 };

/* The column of when documents were added, a chunk at a time. */
typedef struct added {
    int64_t values[1 + ADDED_CHUNK]; /* the latest, then each */
    size_t count;
} added_t;

typedef struct blocks {
    build_t *build;
    term_table_t *terms;
    tape_writer_t titles;
    buf_t block, scratch;
    uint32_t *places; /* in the block, by number; BLOCK_DOCUMENTS_MAX of them */
    added_t added;
} blocks_t;

static err_t flush_added(blocks_t *self, uint32_t number)
{
    char key[NUMBER_KEY_SIZE], *room;
    added_t *added = &self->added;
    size_t size = (1 + added->count) * sizeof added->values[0];
    if (added->count == 0)
        return ERR_OK;
    added->values[0] = added->values[1];
    for (size_t i = 1; i < added->count; i++)
        added->values[0] = MAX(added->values[0], added->values[1 + i]);
    TRY(build_append(self->build, TABLE_ADDED, index_number_key(key, number / ADDED_CHUNK), size,
                     &room));
    memcpy(room, added->values, size);
    added->count = 0;
    return ERR_OK;
}

static err_t put(blocks_t *self, kv_table_t table, uint32_t number, str_t value)
{
    char key[NUMBER_KEY_SIZE], *room;
    TRY(build_append(self->build, table, index_number_key(key, number), value.size, &room));
    memcpy(room, value.data, value.size);
    return ERR_OK;
}

typedef struct emission {
    blocks_t *blocks;
    uint32_t number;
} emission_t;

static err_t add_title(blocks_t *self, str_t title, uint32_t number)
{
    rank_t item = {index_title_hash(title), number, 0};
    return tape_write(&self->titles, str_of(&item, sizeof item));
}

static err_t add_term(void *context, str_t term, str_t name)
{
    emission_t *emission = context;
    if (term.data[0] == SEARCH_SPACE_TITLE)
        return add_title(emission->blocks, str_slice(term, 1, term.size), emission->number);
    return term_table_add(emission->blocks->terms, term, name, emission->number);
}

static err_t write_document(blocks_t *self, uint32_t number, str_t record)
{
    folded_t folded;
    build_t *build = self->build;
    TRY(folded_read(record, &folded));
    const search_entry_t *entry = &folded.entry;
    build_ranks(build)[number] = (rank_t){entry->id, number, 0};
    self->added.values[1 + self->added.count++] = entry->added_at_ms;
    TRY(put(self, TABLE_ENTRIES, number, folded.entry_bytes));
    if (folded.lyrics.size > 0)
        TRY(put(self, TABLE_LYRICS, number, folded.lyrics));
    emission_t emission = {self, number};
    TRY(terms_each(&folded, &self->scratch, add_term, &emission));
    if (self->added.count == ADDED_CHUNK)
        TRY(flush_added(self, number));
    return term_table_is_full(self->terms) ? term_table_write(self->terms, &build->runs) : ERR_OK;
}

/* Where each number's record is: they came in the order of the source. */
static err_t find_places(blocks_t *self, const build_block_t *block)
{
    str_t all = buf_str(&self->block);
    uint32_t found = 0;
    for (size_t at = 0; at < all.size; found++) {
        if (all.size - at < RECORD_HEAD || u32_at(all, at) - block->first >= block->count ||
            all.size - at - RECORD_HEAD < u32_at(all, at + 4))
            return ERR_CORRUPT;
        self->places[u32_at(all, at) - block->first] = (uint32_t)at;
        at += RECORD_HEAD + u32_at(all, at + 4);
    }
    return found == block->count ? ERR_OK : ERR_CORRUPT;
}

static err_t read_block(blocks_t *self, const build_block_t *block)
{
    tape_reader_t reader SCOPED(tape_reader_deinit) = {
        .tape = &self->build->blocks, .at = block->start, .end = block->end};
    str_t bytes;
    TRY(tape_read(&reader, (size_t)(block->end - block->start), &bytes));
    buf_deinit(&self->block);
    self->block = STEAL(reader.bytes);
    return find_places(self, block);
}

static err_t write_block(blocks_t *self, const build_block_t *block)
{
    const uint64_t *plays_max = self->build->base.plays_max;
    TRY(read_block(self, block));
    for (uint32_t i = 0; i < block->count; i++) {
        size_t at = self->places[i];
        uint32_t size = u32_at(buf_str(&self->block), at + 4);
        TRY(build_check_stopped(self->build));
        TRY(folded_rank(self->block.data + at + RECORD_HEAD, size, plays_max));
        TRY(write_document(self, block->first + i,
                           str_of(self->block.data + at + RECORD_HEAD, size)));
        build_step(self->build, 1);
    }
    return ERR_OK;
}

static err_t write_all(blocks_t *self)
{
    const build_t *build = self->build;
    const build_block_t *blocks = (const build_block_t *)(const void *)build->block_list.data;
    size_t count = build->block_list.size / sizeof *blocks;
    for (size_t i = 0; i < count; i++)
        TRY(write_block(self, &blocks[i]));
    if (build_count(build) > 0)
        TRY(flush_added(self, build_count(build) - 1));
    TRY(tape_flush(&self->titles));
    self->build->titles.size = self->titles.at;
    return term_table_write(self->terms, &self->build->runs);
}

static void blocks_scope_end(blocks_t **self)
{
    if (*self == NULL)
        return;
    term_table_free((*self)->terms);
    tape_writer_deinit(&(*self)->titles);
    buf_deinit(&(*self)->block);
    buf_deinit(&(*self)->scratch);
    memory_free((*self)->places);
    memory_free(*self);
}

err_t build_write_blocks(build_t *build)
{
    blocks_t *self SCOPED(blocks_scope_end) = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->build = build;
    self->titles = (tape_writer_t){.tape = &build->titles, .room = TITLES_ROOM};
    self->places = memory_new_array(BLOCK_DOCUMENTS_MAX, sizeof *self->places);
    if (self->places == NULL)
        return ERR_NO_MEMORY;
    TRY(term_table_new(build->memory_max / 2, &self->terms));
    TRY(write_all(self));
    tape_close(&build->blocks);
    return ERR_OK;
}
