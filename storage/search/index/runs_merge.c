#include "runtime/base/memory.h"
#include "storage/bytes_at.h"
#include "storage/search/index/term_table.h"

enum { PIECE = 1024, READ_ROOM_MIN = 4096, READ_ROOM_MAX = 256 * 1024, NAME_ROOM = 256 };

/* A run that is read: the term it stands at. */
typedef struct source {
    tape_reader_t reader;
    str_t numbers;                    /* as steps; in the reader's memory */
    uint8_t size, name_size;          /* of what is in `text` */
    char text[NAME_ROOM + NAME_ROOM]; /* the term, then its name */
} source_t;

typedef struct merge {
    source_t *sources;
    uint32_t *heap; /* of sources: least term first, of equal ones the earlier run */
    size_t count;   /* in the heap */
    const run_visitor_t *visitor;
} merge_t;

static str_t term_of(const source_t *source)
{
    return str_of(source->text, source->size);
}

/* False in *out_is_there at the end of the run. */
static err_t source_next(source_t *self, bool *out_is_there)
{
    str_t bytes;
    *out_is_there = false;
    if (tape_is_at_end(&self->reader))
        return ERR_OK;
    TRY(tape_read(&self->reader, 2, &bytes));
    self->size = (uint8_t)bytes.data[0];
    self->name_size = (uint8_t)bytes.data[1];
    size_t texts = (size_t)self->size + self->name_size;
    TRY(tape_read(&self->reader, texts + sizeof(uint32_t), &bytes));
    memcpy(self->text, bytes.data, texts);
    TRY(tape_read(&self->reader, u32_at(bytes, texts), &self->numbers));
    *out_is_there = true;
    return ERR_OK;
}

static bool is_before(const merge_t *self, uint32_t a, uint32_t b)
{
    int order = str_compare(term_of(&self->sources[a]), term_of(&self->sources[b]));
    return order != 0 ? order < 0 : a < b;
}

static void sift_down(merge_t *self, size_t at)
{
    for (;;) {
        size_t least = at, child = 2 * at + 1;
        for (size_t i = child; i < MIN(child + 2, self->count); i++)
            if (is_before(self, self->heap[i], self->heap[least]))
                least = i;
        if (least == at)
            return;
        uint32_t moved = self->heap[at];
        self->heap[at] = self->heap[least];
        self->heap[least] = moved;
        at = least;
    }
}

/* The run at the top goes on to its next term. */
static err_t advance(merge_t *self)
{
    bool is_there;
    TRY(source_next(&self->sources[self->heap[0]], &is_there));
    if (!is_there)
        self->heap[0] = self->heap[--self->count];
    if (self->count > 0)
        sift_down(self, 0);
    return ERR_OK;
}

static err_t visit_numbers(const merge_t *self, str_t steps)
{
    uint32_t numbers[PIECE], number = 0;
    size_t count = 0, at = 0;
    while (at < steps.size) {
        uint32_t step = 0;
        for (unsigned shift = 0; at < steps.size; shift += 7) {
            unsigned char byte = (unsigned char)steps.data[at++];
            step |= (uint32_t)(byte & 0x7f) << (shift & 31);
            if (byte < 0x80)
                break;
        }
        numbers[count++] = number += step;
        if (count == PIECE) {
            TRY(self->visitor->add(self->visitor->context, numbers, count));
            count = 0;
        }
    }
    return count == 0 ? ERR_OK : self->visitor->add(self->visitor->context, numbers, count);
}

/* All runs that have the term at the top. */
static err_t merge_term(merge_t *self)
{
    char text[NAME_ROOM + NAME_ROOM];
    const source_t *top = &self->sources[self->heap[0]];
    memcpy(text, top->text, sizeof text);
    str_t term = str_of(text, top->size), name = str_of(text + top->size, top->name_size);
    TRY(self->visitor->begin(self->visitor->context, term, name));
    while (self->count > 0 && str_equal(term_of(&self->sources[self->heap[0]]), term)) {
        TRY(visit_numbers(self, self->sources[self->heap[0]].numbers));
        TRY(advance(self));
    }
    return self->visitor->end(self->visitor->context, term, name);
}

static err_t start(merge_t *self, const runs_t *runs, size_t memory_max)
{
    size_t count = runs->ranges.size / sizeof(run_range_t);
    size_t room =
        MIN(MAX(memory_max / MAX(count, (size_t)1), (size_t)READ_ROOM_MIN), (size_t)READ_ROOM_MAX);
    const run_range_t *ranges = (const run_range_t *)(const void *)runs->ranges.data;
    for (size_t i = 0; i < count; i++) {
        source_t *source = &self->sources[i];
        bool is_there;
        source->reader = (tape_reader_t){
            .tape = &runs->tape, .at = ranges[i].start, .end = ranges[i].end, .room = room};
        TRY(source_next(source, &is_there));
        if (is_there)
            self->heap[self->count++] = (uint32_t)i;
    }
    for (size_t i = self->count / 2; i-- > 0;)
        sift_down(self, i);
    return ERR_OK;
}

err_t runs_merge(const runs_t *runs, size_t memory_max, const run_visitor_t *visitor)
{
    size_t count = runs->ranges.size / sizeof(run_range_t);
    merge_t merge = {.visitor = visitor};
    source_t *sources MEMORY_SCOPED = memory_new_array(count, sizeof *sources);
    uint32_t *heap MEMORY_SCOPED = memory_new_array(count, sizeof *heap);
    if (sources == NULL || heap == NULL)
        return ERR_NO_MEMORY;
    merge.sources = sources;
    merge.heap = heap;
    err_t err = start(&merge, runs, memory_max);
    while (err == ERR_OK && merge.count > 0)
        err = merge_term(&merge);
    for (size_t i = 0; i < count; i++)
        tape_reader_deinit(&sources[i].reader);
    return err;
}
