#include "storage/bytes_at.h"
#include "storage/search/index/added.h"
#include "storage/search/index/build_parts.h"
#include "storage/search/index/terms.h"

#include "runtime/base/memory.h"

enum { RECORD_HEAD = 8, COLUMN_ROOM = 64 << 10 };

typedef struct blocks {
    build_t *build;
    term_table_t *terms;
    tape_writer_t titles, added;
    buf_t block, scratch;
    uint32_t *places; /* in the block, by number; BLOCK_DOCUMENTS_MAX of them */
} blocks_t;

typedef struct emission {
    blocks_t *blocks;
    uint32_t number;
} emission_t;

static err_t add_title(blocks_t *self, str_t title, uint32_t number)
{
    rank_t item = {index_title_hash(title), number, 0};
    return tape_write(&self->titles, str_of(&item, sizeof item));
}

static err_t add_moment(blocks_t *self, int64_t ms, uint32_t number)
{
    rank_t item = {added_moment(ms), number, 0};
    return tape_write(&self->added, str_of(&item, sizeof item));
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
    char room[NUMBER_KEY_SIZE];
    build_t *build = self->build;
    TRY(folded_read(record, &folded));
    build_ranks(build)[number] = (rank_t){folded.entry.id, number, 0};
    str_t key = index_number_key(room, number);
    TRY(add_moment(self, folded.added_at_ms, number));
    TRY(build_put_checked(build, TABLE_ENTRIES, key, folded.entry_bytes));
    if (folded.lyrics.size > 0)
        TRY(build_put_checked(build, TABLE_LYRICS, key, folded.lyrics));
    emission_t emission = {self, number};
    TRY(terms_each(&folded, &self->scratch, add_term, &emission));
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
    TRY(tape_flush(&self->titles));
    TRY(tape_flush(&self->added));
    self->build->titles.size = self->titles.at;
    self->build->added.size = self->added.at;
    return term_table_write(self->terms, &self->build->runs);
}

static void blocks_scope_end(blocks_t **self)
{
    if (*self == NULL)
        return;
    term_table_free((*self)->terms);
    tape_writer_deinit(&(*self)->titles);
    tape_writer_deinit(&(*self)->added);
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
    self->titles = (tape_writer_t){.tape = &build->titles, .room = COLUMN_ROOM};
    self->added = (tape_writer_t){.tape = &build->added, .room = COLUMN_ROOM};
    self->places = memory_new_array(BLOCK_DOCUMENTS_MAX, sizeof *self->places);
    if (self->places == NULL)
        return ERR_NO_MEMORY;
    TRY(term_table_new(build->memory_max / 2, &self->terms));
    TRY(write_all(self));
    tape_close(&build->blocks);
    return ERR_OK;
}
