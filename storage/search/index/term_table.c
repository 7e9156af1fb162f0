#include "storage/search/index/term_table.h"

#include "runtime/base/memory.h"
#include "runtime/base/xxh64.h"

#include <stdlib.h>

enum {
    SLOTS_MIN = 1024,
    NAME_SIZE_MAX = 255,
    /* What the longest document may add past the mark of being full. */
    RUN_BUFFER = 256 * 1024,
};

typedef struct term {
    uint64_t text_at; /* of the term, its name behind it */
    uint32_t hash;
    uint32_t count; /* of its numbers */
    uint32_t last;  /* number + 1 */
    uint8_t size, name_size;
} term_t;
_Static_assert(sizeof(term_t) == 24, "a great many of them");

/* A number that a term has, in the order of arrival. */
typedef struct pair {
    uint32_t term, number;
} pair_t;

struct term_table {
    size_t memory_max;
    uint32_t *slots; /* index of a term + 1; 0: free */
    size_t slot_count;
    buf_t terms, pairs, texts;
};

err_t term_table_new(size_t memory_max, term_table_t **out_table)
{
    term_table_t *self TERM_TABLE_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->memory_max = memory_max;
    self->slot_count = SLOTS_MIN;
    self->slots = memory_new_array(self->slot_count, sizeof *self->slots);
    if (self->slots == NULL)
        return ERR_NO_MEMORY;
    *out_table = STEAL(self);
    return ERR_OK;
}

void term_table_free(term_table_t *self)
{
    if (self == NULL)
        return;
    memory_free(self->slots);
    buf_deinit(&self->terms);
    buf_deinit(&self->pairs);
    buf_deinit(&self->texts);
    memory_free(self);
}

void term_table_scope_end(term_table_t **self)
{
    term_table_free(*self);
}

static term_t *terms_of(const term_table_t *self)
{
    return (term_t *)(void *)self->terms.data;
}

static size_t term_count(const term_table_t *self)
{
    return self->terms.size / sizeof(term_t);
}

static str_t text_of(const term_table_t *self, const term_t *term)
{
    return str_of(self->texts.data + term->text_at, term->size);
}

static str_t name_of(const term_table_t *self, const term_t *term)
{
    return str_of(self->texts.data + term->text_at + term->size, term->name_size);
}

bool term_table_is_full(const term_table_t *self)
{
    /* Numbers are held twice while a run is written, terms are beside their order. */
    size_t size = self->pairs.size / 2 * 3 + self->terms.size + term_count(self) * 32 +
                  self->texts.size + self->slot_count * sizeof *self->slots;
    return size >= self->memory_max;
}

/* The slot of the term, or the free one where it belongs. */
static size_t slot_of(const term_table_t *self, str_t text, uint32_t hash)
{
    size_t mask = self->slot_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        if (self->slots[at] == 0)
            return at;
        const term_t *term = &terms_of(self)[self->slots[at] - 1];
        if (term->hash == hash && str_equal(text_of(self, term), text))
            return at;
    }
}

static err_t grow(term_table_t *self)
{
    size_t count = self->slot_count * 2;
    uint32_t *slots = memory_new_array(count, sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < term_count(self); i++) {
        size_t at = terms_of(self)[i].hash & (count - 1);
        while (slots[at] != 0)
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    memory_free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    return ERR_OK;
}

static err_t add_term(term_table_t *self, size_t slot, str_t text, str_t name, uint32_t hash)
{
    term_t term = {.text_at = self->texts.size,
                   .hash = hash,
                   .size = (uint8_t)text.size,
                   .name_size = (uint8_t)MIN(name.size, (size_t)NAME_SIZE_MAX)};
    buf_append(&self->texts, text);
    buf_append(&self->texts, str_of(name.data, term.name_size));
    buf_append_bytes(&self->terms, &term, sizeof term);
    TRY(buf_status(&self->texts));
    TRY(buf_status(&self->terms));
    self->slots[slot] = (uint32_t)term_count(self);
    return ERR_OK;
}

err_t term_table_add(term_table_t *self, str_t text, str_t name, uint32_t number)
{
    if (term_count(self) * 4 >= self->slot_count * 3)
        TRY(grow(self));
    uint32_t hash = (uint32_t)xxh64(text, 0);
    size_t slot = slot_of(self, text, hash);
    if (self->slots[slot] == 0)
        TRY(add_term(self, slot, text, name, hash));
    pair_t pair = {self->slots[slot] - 1, number};
    term_t *term = &terms_of(self)[pair.term];
    if (term->last == number + 1)
        return ERR_OK;
    buf_append_bytes(&self->pairs, &pair, sizeof pair);
    TRY(buf_status(&self->pairs));
    term->last = number + 1;
    term->count++;
    return ERR_OK;
}

/* ---- a run: terms ascending, each with its name and its numbers as steps ---- */

typedef struct ordered {
    uint64_t head; /* the first eight bytes, for most comparisons */
    const char *text;
    uint32_t size, index;
} ordered_t;

static int compare(const void *a, const void *b)
{
    const ordered_t *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return str_compare(str_of(x->text, x->size), str_of(y->text, y->size));
}

static uint64_t head_of(str_t text)
{
    uint64_t head = 0;
    memcpy(&head, text.data, MIN(text.size, sizeof head));
    return __builtin_bswap64(head);
}

static ordered_t *order(const term_table_t *self)
{
    size_t count = term_count(self);
    ordered_t *order = memory_new_array(count, sizeof *order);
    for (size_t i = 0; order != NULL && i < count; i++) {
        str_t text = text_of(self, &terms_of(self)[i]);
        order[i] = (ordered_t){head_of(text), text.data, (uint32_t)text.size, (uint32_t)i};
    }
    if (order != NULL)
        qsort(order, count, sizeof *order, compare);
    return order;
}

/* The numbers of each term together, those of term i from starts[i] on. */
static void group(const term_table_t *self, uint32_t *starts, uint32_t *numbers)
{
    const pair_t *pairs = (const pair_t *)(const void *)self->pairs.data;
    size_t count = term_count(self), pair_count = self->pairs.size / sizeof *pairs;
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
        starts[i] = at;
        at += terms_of(self)[i].count;
    }
    for (size_t i = 0; i < pair_count; i++)
        numbers[starts[pairs[i].term]++] = pairs[i].number;
    for (size_t i = 0; i < count; i++)
        starts[i] -= terms_of(self)[i].count;
}

static void append_step(buf_t *out, uint32_t step)
{
    char bytes[5];
    size_t size = 0;
    for (; step >= 0x80; step >>= 7)
        bytes[size++] = (char)(step | 0x80);
    bytes[size++] = (char)step;
    buf_append_bytes(out, bytes, size);
}

static err_t write_term(const term_table_t *self, const term_t *term, const uint32_t *numbers,
                        buf_t *scratch, tape_writer_t *writer)
{
    char head[2] = {(char)term->size, (char)term->name_size};
    buf_reset(scratch);
    buf_append_bytes(scratch, head, sizeof head);
    buf_append(scratch, text_of(self, term));
    buf_append(scratch, name_of(self, term));
    uint32_t before = 0, size = 0;
    size_t size_at = scratch->size;
    buf_append_bytes(scratch, &size, sizeof size);
    for (uint32_t i = 0; i < term->count; i++) {
        append_step(scratch, numbers[i] - before);
        before = numbers[i];
    }
    TRY(buf_status(scratch));
    size = (uint32_t)(scratch->size - size_at - sizeof size);
    memcpy(scratch->data + size_at, &size, sizeof size);
    return tape_write(writer, buf_str(scratch));
}

static err_t write_run(const term_table_t *self, tape_writer_t *writer)
{
    size_t count = term_count(self);
    ordered_t *ordered MEMORY_SCOPED = order(self);
    uint32_t *starts MEMORY_SCOPED = memory_new_array(count, sizeof *starts);
    uint32_t *numbers MEMORY_SCOPED =
        memory_new_array(self->pairs.size / sizeof(pair_t), sizeof *numbers);
    buf_t scratch BUF_SCOPED = BUF_INIT;
    if (ordered == NULL || starts == NULL || numbers == NULL)
        return ERR_NO_MEMORY;
    group(self, starts, numbers);
    for (size_t i = 0; i < count; i++) {
        const term_t *term = &terms_of(self)[ordered[i].index];
        TRY(write_term(self, term, numbers + starts[ordered[i].index], &scratch, writer));
    }
    return tape_flush(writer);
}

static void empty(term_table_t *self)
{
    memset(self->slots, 0, self->slot_count * sizeof *self->slots);
    buf_reset(&self->terms);
    buf_reset(&self->pairs);
    buf_reset(&self->texts);
}

err_t term_table_write(term_table_t *self, runs_t *runs)
{
    if (self->terms.size == 0)
        return ERR_OK;
    tape_writer_t writer SCOPED(tape_writer_deinit) = {
        .tape = &runs->tape, .at = runs->tape.size, .room = RUN_BUFFER};
    TRY(write_run(self, &writer));
    run_range_t range = {runs->tape.size, writer.at};
    buf_append_bytes(&runs->ranges, &range, sizeof range);
    TRY(buf_status(&runs->ranges));
    runs->tape.size = writer.at;
    empty(self);
    return ERR_OK;
}

void runs_deinit(runs_t *self)
{
    tape_close(&self->tape);
    buf_deinit(&self->ranges);
}
