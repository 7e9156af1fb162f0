#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "storage/search/index/dictionary_parts.h"
#include "storage/search/index/osa.h"

#include <stdlib.h>

_Static_assert((int)OSA_SIZE_MAX >= (int)FOLD_WORD_SIZE_MAX, "any word can be looked for");

/* Siblings that are still to be looked at; the path to them has its rows in osa. */
typedef struct frame {
    uint32_t next;      /* a node, or NODE_NONE */
    uint32_t node_end;  /* no sibling is past it: their parent */
    uint32_t word_end;  /* of the last sibling */
    uint32_t best;      /* with is_prefix: the least distance on the path so far */
    uint32_t path_size; /* bytes */
    uint64_t open;      /* where the next letter must stand: osa_open */
} frame_t;

typedef struct walk {
    const dictionary_t *dictionary;
    osa_t osa;
    bool is_prefix;
    uint32_t limit; /* edits that are still of use */
    dictionary_near_t *out;
    size_t count, max;
    uint64_t *work, work_max;
    frame_t frames[OSA_DEPTH_MAX + 1];
    uint32_t depth; /* of the path to the frame's siblings */
} walk_t;

/* ---- the best so far: a heap with the worst on top ---- */

static bool is_worse(const walk_t *self, dictionary_near_t a, dictionary_near_t b)
{
    if (a.distance != b.distance)
        return a.distance > b.distance;
    uint64_t of_a = dictionary_frequency(self->dictionary, a.index);
    uint64_t of_b = dictionary_frequency(self->dictionary, b.index);
    return of_a != of_b ? of_a < of_b : a.index > b.index;
}

static void swap_at(walk_t *self, size_t a, size_t b)
{
    dictionary_near_t kept = self->out[a];
    self->out[a] = self->out[b];
    self->out[b] = kept;
}

static void sift_up(walk_t *self, size_t at)
{
    while (at > 0 && is_worse(self, self->out[at], self->out[(at - 1) / 2])) {
        swap_at(self, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(walk_t *self, size_t count)
{
    for (size_t at = 0;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (is_worse(self, self->out[child], self->out[worst]))
                worst = child;
        if (worst == at)
            return;
        swap_at(self, at, worst);
        at = worst;
    }
}

static void offer(walk_t *self, uint32_t index, uint32_t distance)
{
    dictionary_near_t near = {index, distance};
    if (distance > self->limit)
        return;
    if (self->count < self->max) {
        self->out[self->count++] = near;
        sift_up(self, self->count - 1);
    } else if (is_worse(self, self->out[0], near)) {
        self->out[0] = near;
        sift_down(self, self->count);
    }
    if (self->count == self->max)
        self->limit = self->out[0].distance;
}

/* The heap becomes a list, best first. */
static void sort_heap(walk_t *self)
{
    for (size_t left = self->count; left > 1; left--) {
        swap_at(self, 0, left - 1);
        sift_down(self, left - 1);
    }
}

/* ---- the walk ---- */

static bool spend(walk_t *self)
{
    if (*self->work >= self->work_max)
        return false;
    ++*self->work;
    return true;
}

/* All words of a branch in which nothing is nearer than `distance`. */
static void offer_all(walk_t *self, uint32_t from, uint32_t to, uint32_t distance)
{
    to = MIN(to, self->dictionary->word_count);
    for (uint32_t index = from; index < to && distance <= self->limit; index++) {
        if (!spend(self))
            return;
        offer(self, index, distance);
    }
}

/* The rest of a word that shares its path with no other, from `at` bytes on. */
static void walk_tail(walk_t *self, uint32_t word_index, uint32_t at, uint32_t depth, uint32_t best)
{
    str_t word = dictionary_word(self->dictionary, word_index);
    /* No more code points are to come than bytes. */
    bool is_short = word.size + depth + self->limit < (size_t)self->osa.size + at;
    if (is_short && !self->is_prefix)
        return;
    while (at < word.size) {
        uint32_t c;
        at += (uint32_t)utf8_next(word, at, &c);
        depth++;
        if (depth > OSA_DEPTH_MAX || !spend(self))
            return;
        uint32_t least = osa_step(&self->osa, depth, c);
        if (self->is_prefix)
            best = MIN(best, osa_distance(&self->osa, depth));
        if (least > self->limit || least >= best) {
            if (!self->is_prefix)
                return;
            break;
        }
    }
    offer(self, word_index, self->is_prefix ? best : osa_distance(&self->osa, depth));
}

static void push(walk_t *self, dictionary_node_t node, uint32_t node_end, frame_t frame)
{
    bool is_ahead = node.first_child < node_end; /* children stand before their parent */
    if (!is_ahead || self->depth == OSA_DEPTH_MAX)
        return;
    frame.next = node.first_child;
    frame.node_end = node_end;
    frame.open = osa_open(&self->osa, self->depth, self->limit);
    self->frames[++self->depth] = frame;
}

/* Takes the next sibling off a frame. */
static dictionary_node_t take(walk_t *self, frame_t *frame, uint32_t *out_index,
                              uint32_t *out_word_end)
{
    *out_index = frame->next;
    *out_word_end = frame->word_end; /* only asked for beginnings */
    dictionary_node_t node = dictionary_node(self->dictionary, frame->next);
    frame->next++;
    if ((node.point & NODE_IS_LAST) != 0 || frame->next >= frame->node_end)
        frame->next = NODE_NONE;
    else if (self->is_prefix)
        *out_word_end = dictionary_node(self->dictionary, frame->next).first_word;
    return node;
}

static uint32_t utf8_size(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static void visit(walk_t *self, frame_t *frame)
{
    uint32_t index, word_end, depth = self->depth;
    dictionary_node_t node = take(self, frame, &index, &word_end);
    uint32_t c = node.point & NODE_POINT, best = frame->best;
    uint32_t path_size = frame->path_size + utf8_size(c);
    if ((osa_places(&self->osa, c) & frame->open) == 0 && frame->open != OSA_OPEN_ALL)
        return; /* and no beginning of the path is near: it would not have been gone on with */
    uint32_t least = osa_step(&self->osa, depth, c), here = osa_distance(&self->osa, depth);
    if (self->is_prefix)
        best = MIN(best, here);
    if (least > self->limit || least >= best) { /* nothing below is nearer */
        if (self->is_prefix)
            offer_all(self, node.first_word, word_end, best);
        return;
    }
    if (node.first_child == NODE_NONE) {
        walk_tail(self, node.first_word, path_size, depth, best);
        return;
    }
    if ((node.point & NODE_IS_WORD) != 0)
        offer(self, node.first_word, self->is_prefix ? best : here);
    push(self, node, index, (frame_t){.word_end = word_end, .best = best, .path_size = path_size});
}

static void walk_all(walk_t *self)
{
    uint32_t root = self->dictionary->node_count - 1, far = self->osa.edits + 1;
    dictionary_node_t node = dictionary_node(self->dictionary, root);
    uint32_t best = self->is_prefix ? MIN(osa_distance(&self->osa, 0), far) : far;
    if (node.first_child == NODE_NONE) {
        walk_tail(self, node.first_word, 0, 0, best);
        return;
    }
    push(self, node, root, (frame_t){.word_end = self->dictionary->word_count, .best = best});
    while (self->depth > 0) {
        frame_t *frame = &self->frames[self->depth];
        if (frame->next == NODE_NONE)
            self->depth--;
        else if (spend(self))
            visit(self, frame);
        else
            return;
    }
}

size_t dictionary_find_near(const dictionary_t *self, str_t word, uint32_t distance, bool is_prefix,
                            dictionary_near_t *out, size_t max, uint64_t *work, uint64_t work_max)
{
    walk_t walk; /* 10 KiB, most of it rows that need no zeroes */
    if (self->node_count == 0 || max == 0 || !osa_init(&walk.osa, word, distance))
        return 0;
    walk.dictionary = self;
    walk.is_prefix = is_prefix;
    walk.limit = walk.osa.edits;
    walk.out = out;
    walk.count = 0;
    walk.max = max;
    walk.work = work;
    walk.work_max = work_max;
    walk.depth = 0;
    walk_all(&walk);
    sort_heap(&walk);
    return walk.count;
}
