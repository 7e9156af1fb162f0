#include "storage/search/index/osa.h"

#include "runtime/base/utf8.h"

size_t osa_code_points(str_t word, uint32_t *out_points, size_t max)
{
    size_t count = 0;
    for (size_t at = 0; at < word.size;) {
        uint32_t c = (unsigned char)word.data[at];
        size_t size = 1;
        if (c >= 0x80)
            size = utf8_decode(str_slice(word, at, word.size), &c);
        if (count == max)
            return max + 1;
        out_points[count++] = c;
        at += MAX(size, (size_t)1);
    }
    return count;
}

bool osa_init(osa_t *out, str_t word, uint32_t edits)
{
    size_t count = osa_code_points(word, out->pattern, OSA_SIZE_MAX);
    if (count > OSA_SIZE_MAX)
        return false;
    out->size = (uint32_t)count;
    out->edits = MIN(edits, (uint32_t)OSA_EDITS_MAX);
    for (uint32_t j = 0; j <= out->size + 1; j++)
        out->rows[0][j] = (uint8_t)j;
    out->path[0] = 0;
    return true;
}

/* One cell from its neighbours; `j` from 1. */
static uint32_t cell(const osa_t *self, uint32_t depth, uint32_t j)
{
    const uint8_t *above = self->rows[depth - 1];
    uint32_t c = self->path[depth];
    uint32_t best = above[j - 1] + (self->pattern[j - 1] != c ? 1u : 0u);
    best = MIN(best, above[j] + 1u);
    best = MIN(best, self->rows[depth][j - 1] + 1u);
    if (j > 1 && depth > 1 && self->pattern[j - 2] == c &&
        self->pattern[j - 1] == self->path[depth - 1])
        best = MIN(best, self->rows[depth - 2][j - 2] + 1u);
    return best;
}

uint32_t osa_step(osa_t *self, uint32_t depth, uint32_t code_point)
{
    uint32_t edits = self->edits, far = edits + 1;
    if (depth > self->size + edits)
        return far; /* so many insertions at least */
    uint8_t *row = self->rows[depth];
    uint32_t from = depth > edits ? depth - edits : 1, to = MIN(self->size, depth + edits);
    uint32_t least = depth <= edits ? depth : far;
    self->path[depth] = code_point;
    row[from - 1] = (uint8_t)(from == 1 ? depth : far);
    for (uint32_t j = from; j <= to; j++) {
        uint32_t value = MIN(cell(self, depth, j), far);
        row[j] = (uint8_t)value;
        least = MIN(least, value);
    }
    row[to + 1] = (uint8_t)far;
    return least;
}

uint32_t osa_distance(const osa_t *self, uint32_t depth)
{
    uint32_t far = self->edits + 1;
    bool is_in_band = depth <= self->size + self->edits && self->size <= depth + self->edits;
    return is_in_band ? MIN((uint32_t)self->rows[depth][self->size], far) : far;
}

uint32_t osa_measure(osa_t *self, str_t word, bool is_beginning)
{
    uint32_t far = self->edits + 1, depth = 0, best = osa_distance(self, 0);
    for (size_t at = 0; at < word.size;) {
        uint32_t c = (unsigned char)word.data[at];
        size_t size = 1;
        if (c >= 0x80)
            size = utf8_decode(str_slice(word, at, word.size), &c);
        at += MAX(size, (size_t)1);
        if (osa_step(self, ++depth, c) >= (is_beginning ? best : far))
            return is_beginning ? best : far;
        best = is_beginning ? MIN(best, osa_distance(self, depth)) : osa_distance(self, depth);
    }
    return best;
}
