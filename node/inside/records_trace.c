/* records_trace.c -- the records of one trace as a tree: each message under the one that it
 * followed from.
 *
 * On a node a message has a number while it is under way (`id`), which comes again later: what is
 * handled is what was sent or received with it last. Between nodes who sends it gives it a span, of
 * which who receives it tells. */

#include "node/commands/terminal.h"
#include "node/inside/records.h"
#include "runtime/base/memory.h"

#include <inttypes.h>
#include <stdio.h>

enum { NOBODY = -1, DEPTH_MAX = 40 };

/* A message, or the request that it all came from. */
typedef struct step {
    const record_t *handled, *sent, *received, *carried,
        *request; /* NULL: there is no such record */
    int32_t parent, first_child, last_child, next;
} step_t;

typedef struct tree {
    const records_t *records;
    step_t *steps;
    int32_t count;
    int32_t *by_id; /* open addressing, 1 + the newest step with that node and id */
    size_t slots;
} tree_t;

static const record_t *any_of(const step_t *step)
{
    return step->request != NULL    ? step->request
           : step->handled != NULL  ? step->handled
           : step->received != NULL ? step->received
                                    : step->sent;
}

static int64_t time_of(const step_t *step)
{
    return any_of(step)->at_ns;
}

/* ---- what is what ---- */

static bool has_id(const step_t *step, const record_t *record)
{
    const record_t *own = step->sent != NULL       ? step->sent
                          : step->received != NULL ? step->received
                                                   : step->handled;
    return own != NULL && own->node == record->node && own->id == record->id;
}

static int32_t *place_of(const tree_t *self, const record_t *record)
{
    uint64_t hash = (record->id + (uint64_t)record->node) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash >> 32) & (self->slots - 1);
    while (self->by_id[slot] != 0 && !has_id(&self->steps[self->by_id[slot] - 1], record))
        slot = (slot + 1) & (self->slots - 1);
    return &self->by_id[slot];
}

static step_t *step_at(const tree_t *self, const record_t *record)
{
    int32_t number = *place_of(self, record);
    return number == 0 ? NULL : &self->steps[number - 1];
}

static step_t *step_new(tree_t *self)
{
    step_t *step = &self->steps[self->count++];
    *step = (step_t){.parent = NOBODY, .first_child = NOBODY, .last_child = NOBODY, .next = NOBODY};
    return step;
}

static bool covers(const record_t *outer, const record_t *inner)
{
    return outer->node == inner->node && outer->at_ns <= inner->at_ns &&
           inner->at_ns - outer->at_ns <= (int64_t)outer->took_ns;
}

/* In whose handling it was sent: in that of its sender, or on that thread at that time; what was
 * held back for the journal, in what its sender handled before. */
static bool follows(const step_t *step, const record_t *sent, bool is_strict)
{
    const record_t *handled = step->handled;
    if (handled == NULL || handled->node != sent->node || handled->at_ns > sent->at_ns)
        return false;
    bool is_sender = !str_is_empty(sent->actor) && str_equal(handled->actor, sent->actor);
    bool is_there = handled->scheduler == sent->scheduler && covers(handled, sent);
    return is_strict ? is_there : is_sender || (str_is_empty(sent->actor) && is_there);
}

static int32_t parent_of(const tree_t *self, const record_t *sent)
{
    for (int32_t i = self->count - 1; i >= 0; i--)
        if (follows(&self->steps[i], sent, true))
            return i;
    for (int32_t i = self->count - 1; i >= 0; i--)
        if (follows(&self->steps[i], sent, false))
            return i;
    for (int32_t i = self->count - 1; i >= 0; i--)
        if (self->steps[i].request != NULL && covers(self->steps[i].request, sent))
            return i;
    return NOBODY;
}

static void take(tree_t *self, const record_t *record)
{
    step_t *step = record->id == 0 ? NULL : step_at(self, record);
    if (str_equal(record->event, STR("request"))) {
        step_new(self)->request = record;
        return;
    }
    bool is_sent = str_equal(record->event, STR("sent"));
    bool is_received = str_equal(record->event, STR("received"));
    bool is_handled = str_equal(record->event, STR("handled"));
    bool is_carried = str_equal(record->event, STR("carried"));
    if (is_sent && step != NULL && step->received != NULL && step->handled == NULL &&
        step->sent == NULL) {
        step->sent = record;
    } else if (is_carried && step != NULL) {
        step->carried = record;
    } else if (is_handled && step != NULL && step->handled == NULL) {
        step->handled = record;
    } else if (is_sent || is_received || is_handled) {
        int32_t parent = is_received ? NOBODY : parent_of(self, record);
        step = step_new(self);
        step->parent = parent;
        *(is_sent ? &step->sent : is_received ? &step->received : &step->handled) = record;
        if (record->id != 0)
            *place_of(self, record) = self->count;
    }
}

/* ---- between nodes ---- */

static int32_t carrier_of(const tree_t *self, const record_t *received)
{
    for (int32_t i = 0; i < self->count; i++) {
        const record_t *carried = self->steps[i].carried;
        if (carried != NULL && carried->span == received->span &&
            self->records->nodes[carried->node].node == received->peer)
            return i;
    }
    return NOBODY;
}

static void tie(tree_t *self)
{
    for (int32_t i = 0; i < self->count; i++) {
        step_t *step = &self->steps[i];
        if (step->received != NULL)
            step->parent = carrier_of(self, step->received);
    }
    for (int32_t i = 0; i < self->count; i++) {
        step_t *step = &self->steps[i];
        if (step->parent == NOBODY || step->parent == i)
            continue;
        step_t *parent = &self->steps[step->parent];
        if (parent->last_child == NOBODY)
            parent->first_child = i;
        else
            self->steps[parent->last_child].next = i;
        parent->last_child = i;
    }
}

/* ---- as lines ---- */

typedef struct printing {
    const tree_t *tree;
    int64_t begin_ns;
    uint32_t columns;
    buf_t *out;
} printing_t;

static void append_ms(buf_t *line, int64_t ns)
{
    buf_printf(line, "%10.3f ", (double)ns / 1e6);
}

static void append_ns(buf_t *line, const char *none, uint64_t ns)
{
    char text[32];
    if (ns == 0)
        snprintf(text, sizeof text, "%s", none);
    else
        snprintf(text, sizeof text, "%.3f", (double)ns / 1e6);
    buf_printf(line, "%8s ", text);
}

static void append_what(const step_t *step, buf_t *line)
{
    const record_t *record = any_of(step);
    if (step->request != NULL) {
        terminal_append(line, record->message, 10, false);
        buf_append_char(line, ' ');
        terminal_append(line, record->kind, 80, false);
        buf_printf(line, ", status %" PRIu64, record->status);
        return;
    }
    terminal_append(line, record->message, 40, false);
    if (step->handled != NULL) {
        buf_append(line, STR("  "));
        terminal_append(line, record->kind, 30, false);
        buf_printf(line, " %.*s", STR_ARG(record->actor));
    } else if (step->carried != NULL) {
        buf_printf(line, "  to node %" PRIu64 ", which has not recorded it", step->carried->peer);
    } else if (str_is_empty(record->other) && str_is_empty(record->kind)) {
        buf_append(line, STR("  to who asked"));
    }
}

static void print_step(const printing_t *self, const step_t *step, int64_t at_ns, int depth)
{
    const record_t *record = any_of(step);
    buf_t line BUF_SCOPED = BUF_INIT;
    append_ms(&line, at_ns - self->begin_ns);
    buf_printf(&line, "%-5" PRIu64 " ", self->tree->records->nodes[record->node].node);
    append_ns(&line, "-", record->took_ns);
    append_ns(&line, "-", record->waited_us * 1000);
    for (int i = 0; i < MIN(depth, (int)DEPTH_MAX); i++)
        buf_append(&line, STR("  "));
    append_what(step, &line);
    terminal_append(self->out, buf_str(&line), self->columns, false);
    buf_append_char(self->out, '\n');
}

/* One that went to another node is shown there, if that is known. */
static bool is_shown(const step_t *step)
{
    return step->carried == NULL || step->handled != NULL || step->first_child == NOBODY;
}

/* Never before what it followed from: clocks differ. The depth is that of calls: bounded by what
 * there is. */
static void print_from(const printing_t *self, int32_t at, int64_t not_before_ns, int depth)
{
    for (int32_t i = at; i != NOBODY; i = self->tree->steps[i].next) {
        const step_t *step = &self->tree->steps[i];
        int64_t at_ns = MAX(time_of(step), not_before_ns);
        if (is_shown(step))
            print_step(self, step, at_ns, depth);
        print_from(self, step->first_child, at_ns, depth + (is_shown(step) ? 1 : 0));
    }
}

static void print_nodes(const records_t *records, buf_t *out)
{
    for (size_t i = 0; i < records->node_count; i++) {
        const records_node_t *node = &records->nodes[i];
        if (node->node != 0 && node->has_clock)
            buf_printf(out,
                       "node %" PRIu64 " at %.*s: its clock is %+" PRId64
                       " ms from this node's; known to %.1f ms\n",
                       node->node, STR_ARG(node->address), node->ahead_ms,
                       (double)node->round_us / 2000);
    }
    records_problems_append(records, out);
}

static void print_all(const tree_t *tree, uint32_t columns, buf_t *out)
{
    printing_t printing = {tree, INT64_MAX, columns, out};
    for (int32_t i = 0; i < tree->count; i++)
        if (tree->steps[i].parent == NOBODY)
            printing.begin_ns = MIN(printing.begin_ns, time_of(&tree->steps[i]));
    buf_printf(out, "%10s %-5s %8s %8s %s\n", "AT ms", "NODE", "TOOK ms", "WAITED", "WHAT");
    for (int32_t i = 0; i < tree->count; i++)
        if (tree->steps[i].parent == NOBODY) {
            const step_t *root = &tree->steps[i];
            if (is_shown(root))
                print_step(&printing, root, time_of(root), 0);
            print_from(&printing, root->first_child, time_of(root), is_shown(root) ? 1 : 0);
        }
}

err_t records_trace_append(const records_t *records, uint32_t columns, buf_t *out)
{
    tree_t tree = {.records = records, .slots = 16};
    while (tree.slots < records->count * 2)
        tree.slots *= 2;
    tree.steps = memory_new_array(records->count + 1, sizeof *tree.steps);
    tree.by_id = memory_new_array(tree.slots, sizeof *tree.by_id);
    err_t err = tree.steps == NULL || tree.by_id == NULL ? ERR_NO_MEMORY : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < records->count; i++)
        take(&tree, &records->items[i]);
    if (err == ERR_OK) {
        tie(&tree);
        print_all(&tree, columns, out);
        print_nodes(records, out);
    }
    memory_free(tree.steps);
    memory_free(tree.by_id);
    return err;
}
