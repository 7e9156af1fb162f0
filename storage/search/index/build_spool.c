#include "storage/bytes_at.h"
#include "storage/search/index/build_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

enum { ROOM_MIN = 4096, ROOM_MAX = 256 << 10, RECORD_HEAD = 8 };

/* ---- pass 1: each document folded, as its size and its record ---- */

static err_t note(build_t *self, const search_document_t *document, size_t size)
{
    rank_t rank = {rank_key(document->kind, document->plays), build_count(self), (uint32_t)size};
    if (rank.index >= SEARCH_DELTA_FIRST - 1)
        return ERR_LIMIT;
    uint64_t *most = &self->base.plays_max[document->kind];
    *most = MAX(*most, document->plays);
    self->base.counts[document->kind]++;
    buf_append_bytes(&self->ranks, &rank, sizeof rank);
    return buf_status(&self->ranks);
}

static err_t spool_document(build_t *self, const search_document_t *document, buf_t *record,
                            tape_writer_t *writer)
{
    uint32_t size = 0;
    ASSERT(document->kind < SEARCH_KIND_COUNT);
    buf_reset(record);
    buf_append_bytes(record, &size, sizeof size);
    TRY(folded_append(record, document));
    size = (uint32_t)(record->size - sizeof size);
    memcpy(record->data, &size, sizeof size);
    TRY(tape_write(writer, buf_str(record)));
    return note(self, document, size);
}

err_t build_spool(build_t *self)
{
    const search_source_t *source = &self->options->source;
    tape_writer_t writer SCOPED(tape_writer_deinit) = {.tape = &self->spool, .room = ROOM_MAX};
    buf_t record BUF_SCOPED = BUF_INIT;
    for (;;) {
        search_document_t document = {0};
        bool is_there = false;
        TRY(build_check_stopped(self));
        TRY(source->next(source->context, &document, &is_there));
        if (!is_there)
            break;
        TRY(spool_document(self, &document, &record, &writer));
        build_step(self, 1);
    }
    TRY(tape_flush(&writer));
    self->spool.size = writer.at;
    return ERR_OK;
}

/* ---- pass 2: the records by blocks of ranks ---- */

static err_t end_block(build_t *self, build_block_t *block)
{
    buf_append_bytes(&self->block_list, block, sizeof *block);
    *block = (build_block_t){block->first + block->count, 0, block->end, block->end};
    return buf_status(&self->block_list);
}

/* By their order, before they are put back in the order of the spool. */
static err_t plan_blocks(build_t *self)
{
    const rank_t *ranks = build_ranks(self);
    build_block_t block = {0};
    for (uint32_t i = 0; i < build_count(self); i++) {
        uint64_t size = RECORD_HEAD + ranks[i].size;
        bool is_full = block.count == BLOCK_DOCUMENTS_MAX ||
                       block.end - block.start + size > self->memory_max / 4;
        if (is_full && block.count > 0)
            TRY(end_block(self, &block));
        block.count++;
        block.end += size;
    }
    return block.count > 0 ? end_block(self, &block) : ERR_OK;
}

static size_t block_of(const build_block_t *blocks, size_t count, uint32_t number)
{
    size_t low = 0, high = count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (blocks[middle].first <= number)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static err_t deal(build_t *self, const build_block_t *blocks, tape_writer_t *writers, size_t count)
{
    tape_reader_t reader SCOPED(tape_reader_deinit) = {
        .tape = &self->spool, .end = self->spool.size, .room = ROOM_MAX};
    for (uint32_t i = 0; i < build_count(self); i++) {
        uint32_t head[2] = {(uint32_t)build_ranks(self)[i].key, build_ranks(self)[i].size};
        str_t record;
        tape_writer_t *writer = &writers[block_of(blocks, count, head[0])];
        TRY(build_check_stopped(self));
        TRY(tape_read(&reader, sizeof(uint32_t) + head[1], &record));
        TRY(tape_write(writer, str_of(head, sizeof head)));
        TRY(tape_write(writer, str_slice(record, sizeof(uint32_t), record.size)));
    }
    for (size_t i = 0; i < count; i++)
        TRY(tape_flush(&writers[i]));
    return ERR_OK;
}

static err_t deal_to_blocks(build_t *self)
{
    const build_block_t *blocks = (const build_block_t *)(const void *)self->block_list.data;
    size_t count = self->block_list.size / sizeof *blocks;
    size_t room = self->memory_max / 2 / MAX(count, (size_t)1);
    tape_writer_t *writers MEMORY_SCOPED = memory_new_array(count, sizeof *writers);
    if (writers == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        writers[i] = (tape_writer_t){
            .tape = &self->blocks,
            .at = blocks[i].start,
            .room = MIN(MAX(room, (size_t)ROOM_MIN), (size_t)ROOM_MAX),
        };
    err_t err = deal(self, blocks, writers, count);
    for (size_t i = 0; i < count; i++)
        tape_writer_deinit(&writers[i]);
    return err;
}

err_t build_cut_blocks(build_t *self)
{
    rank_t *ranks = build_ranks(self);
    ranks_sort(ranks, build_count(self));
    TRY(plan_blocks(self));
    for (uint32_t i = 0; i < build_count(self); i++)
        ranks[i].key = i;
    ranks_by_index(ranks, build_count(self));
    TRY(deal_to_blocks(self));
    tape_close(&self->spool);
    return ERR_OK;
}
