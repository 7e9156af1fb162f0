#include "node/inside/records.h"

#include "node/commands/terminal.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KIND_CELLS = 16, TYPE_CELLS = 24 };

void records_deinit(records_t *self)
{
    memory_free(self->nodes);
    memory_free(self->items);
    arena_deinit(&self->arena);
}

/* ---- reading ---- */

static str_t text_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_str(graphql_value_get(value, name));
}

static int64_t number_at(const graphql_value_t *value, const char *name)
{
    return graphql_value_int(graphql_value_get(value, name), 0);
}

static err_t grow(void *items, size_t count, size_t *room, size_t item_size)
{
    if (count < *room)
        return ERR_OK;
    size_t more = MAX((size_t)64, *room * 2);
    void *grown = memory_resize(*(void **)items, more, item_size);
    if (grown == NULL)
        return ERR_NO_MEMORY;
    *(void **)items = grown;
    *room = more;
    return ERR_OK;
}

static err_t add_node(records_t *self, const graphql_value_t *value)
{
    TRY(grow(&self->nodes, self->node_count, &self->node_room, sizeof *self->nodes));
    self->nodes[self->node_count++] =
        (records_node_t){.node = (uint64_t)number_at(value, "node"),
                         .address = text_at(value, "address"),
                         .error = text_at(value, "error"),
                         .has_clock = graphql_value_get(value, "ahead_ns") != NULL,
                         .ahead_ns = number_at(value, "ahead_ns"),
                         .ahead_ms = number_at(value, "ahead_ms"),
                         .round_us = (uint64_t)number_at(value, "round_us"),
                         .left_out = (uint64_t)number_at(value, "left_out")};
    return ERR_OK;
}

static err_t add_event(records_t *self, const graphql_value_t *value, str_t line)
{
    uint64_t node = (uint64_t)number_at(value, "node");
    size_t at = 0;
    while (at < self->node_count && self->nodes[at].node != node)
        at++;
    if (at == self->node_count)
        return ERR_INVALID;
    TRY(grow(&self->items, self->count, &self->room, sizeof *self->items));
    bool is_sent = graphql_value_get(value, "to_node") != NULL;
    self->items[self->count++] =
        (record_t){.node = (uint32_t)at,
                   .scheduler = (uint32_t)number_at(value, "scheduler"),
                   .at_ns = number_at(value, "at_ns") - self->nodes[at].ahead_ns,
                   .took_ns = (uint64_t)number_at(value, "took_ns"),
                   .waited_us = (uint64_t)number_at(value, "waited_us"),
                   .peer = (uint64_t)number_at(value, is_sent ? "to_node" : "from_node"),
                   .span = (uint64_t)number_at(value, "span"),
                   .status = (uint64_t)number_at(value, "status"),
                   .id = (uint32_t)number_at(value, "id"),
                   .event = text_at(value, "event"),
                   .kind = text_at(value, "kind"),
                   .actor = text_at(value, "actor"),
                   .message = text_at(value, "message"),
                   .other = text_at(value, graphql_value_get(value, "to") != NULL ? "to" : "from"),
                   .trace_id = text_at(value, "trace_id"),
                   .line = line};
    return ERR_OK;
}

err_t records_add(records_t *self, str_t line)
{
    graphql_value_t value;
    line = arena_str(&self->arena, line);
    if (line.data == NULL)
        return ERR_NO_MEMORY;
    TRY(graphql_value_from_json(line, &self->arena, &value));
    if (graphql_value_get(&value, "now_ns") != NULL) {
        self->now_ns = number_at(&value, "now_ns");
        self->now_ms = number_at(&value, "now_ms");
        return ERR_OK;
    }
    self->is_whole = graphql_value_bool(graphql_value_get(&value, "is_end"), false);
    if (self->is_whole)
        return ERR_OK;
    return graphql_value_get(&value, "event") == NULL ? add_node(self, &value)
                                                      : add_event(self, &value, line);
}

/* What lasts longer goes before what happens in it. */
static int by_time(const void *a, const void *b)
{
    const record_t *left = a, *right = b;
    if (left->at_ns != right->at_ns)
        return left->at_ns < right->at_ns ? -1 : 1;
    if (left->took_ns != right->took_ns)
        return left->took_ns > right->took_ns ? -1 : 1;
    return left->line.data < right->line.data ? -1 : left->line.data > right->line.data;
}

void records_sort(records_t *self)
{
    if (self->count > 0)
        qsort(self->items, self->count, sizeof *self->items, by_time);
}

/* ---- as lines ---- */

void records_problems_append(const records_t *self, buf_t *out)
{
    for (size_t i = 0; i < self->node_count; i++) {
        const records_node_t *node = &self->nodes[i];
        if (!str_is_empty(node->error))
            buf_printf(out, "node %" PRIu64 " at %.*s: %.*s\n", node->node, STR_ARG(node->address),
                       STR_ARG(node->error));
        else if (node->left_out > 0)
            buf_printf(out, "node %" PRIu64 ": %" PRIu64 " older records are left out\n",
                       node->node, node->left_out);
    }
}

static void append_clock(const records_t *self, int64_t at_ns, buf_t *out)
{
    int64_t us = self->now_ms * 1000 + (at_ns - self->now_ns) / 1000;
    char iso[ISO_TIME_SIZE];
    clock_iso(us / 1000, iso);
    buf_printf(out, "%.12s%03d ", iso + 11, (int)((us % 1000 + 1000) % 1000));
}

static void append_took(uint64_t ns, buf_t *out)
{
    char text[32];
    if (ns == 0)
        text[0] = '\0';
    else if (ns < 1000000)
        snprintf(text, sizeof text, "%.1f us", (double)ns / 1e3);
    else
        snprintf(text, sizeof text, "%.1f ms", (double)ns / 1e6);
    buf_printf(out, "%-9s ", text);
}

static void end_line(buf_t *line, uint32_t columns, buf_t *out)
{
    while (line->size > 0 && line->data[line->size - 1] == ' ')
        line->size--;
    terminal_append(out, buf_str(line), columns, false);
    buf_append_char(out, '\n');
    buf_deinit(line);
}

static void append_more(const record_t *item, buf_t *out)
{
    if (item->peer != 0)
        buf_printf(out, "%s node %" PRIu64, str_equal(item->event, STR("carried")) ? "to" : "from",
                   item->peer);
    else if (!str_is_empty(item->trace_id))
        buf_printf(out, "%.*s, status %" PRIu64, STR_ARG(item->trace_id), item->status);
    else if (!str_is_empty(item->other))
        buf_printf(out, "%s %.*s", str_equal(item->event, STR("sent")) ? "to" : "from",
                   STR_ARG(item->other));
}

void records_list_append(const records_t *self, uint32_t columns, buf_t *out)
{
    buf_printf(out, "%-15s %-5s %-12s %-*s %-10s %-*s %-9s %s\n", "TIME", "NODE", "EVENT",
               KIND_CELLS, "KIND", "ACTOR", TYPE_CELLS, "MESSAGE", "TOOK", "MORE");
    for (size_t i = 0; i < self->count; i++) {
        const record_t *item = &self->items[i];
        buf_t line = BUF_INIT;
        append_clock(self, item->at_ns, &line);
        buf_printf(&line, "%-5" PRIu64 " ", self->nodes[item->node].node);
        terminal_append(&line, item->event, 12, true);
        buf_append_char(&line, ' ');
        terminal_append(&line, item->kind, KIND_CELLS, true);
        buf_append_char(&line, ' ');
        terminal_append(&line, item->actor, 10, true);
        buf_append_char(&line, ' ');
        terminal_append(&line, item->message, TYPE_CELLS, true);
        buf_append_char(&line, ' ');
        append_took(item->took_ns, &line);
        append_more(item, &line);
        end_line(&line, columns, out);
    }
}
