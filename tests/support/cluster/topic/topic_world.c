#include "tests/support/cluster/topic/topic_world.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/mix.h"

#include <stdio.h>

enum {
    NODES = TOPIC_WORLD_NODES_MAX,
    TOPICS = TOPIC_WORLD_TOPICS,
    AUTHORS = 2,
    HORIZON_MS = 1 << 14, /* all delays are shorter */
    TICK_MS = 50,
    ASK_RETRY_MS = 20,
};

typedef enum event_kind {
    EVENT_FRAME,
    EVENT_TICK,
    EVENT_VIEW,
    EVENT_ASK,
    EVENT_ANSWER
} event_kind_t;

typedef struct event event_t;
struct event {
    event_t *next;
    event_kind_t kind;
    uint32_t from, to, topic;
    uint64_t number;            /* of a view; of a reader's ask */
    uint64_t versions[AUTHORS]; /* of an answer */
    uint64_t pushes[AUTHORS];   /* that the reader had when it asked */
    buf_t bytes;
};

typedef struct view_row {
    placement_t *placement;
    uint64_t nodes[NODES];
    uint32_t count;
} view_row_t;

typedef struct reader {
    bool is_reading, is_asking, is_changed;
    uint64_t ask;
    uint64_t believed[AUTHORS], pushes[AUTHORS];
    uint64_t last[AUTHORS]; /* heard; 0: what comes next may be any */
    uint64_t high[AUTHORS]; /* ever heard, or published before the last gap */
} reader_t;

typedef struct node {
    topic_world_t *world;
    uint32_t index;
    topics_t *topics;
    uint64_t learned; /* the view */
    uint64_t left;    /* after which view */
    uint32_t delay_ms;
    bool is_dead, is_member;
    bool is_cut_from[NODES];
    uint64_t last_ms[NODES]; /* when what this one sent comes there */
    reader_t readers[TOPICS];
} node_t;

typedef struct author {
    uint64_t version;
    uint32_t node; /* NODES: nowhere */
    bool has_moved;
} author_t;

struct topic_world {
    topic_world_options_t options;
    random_seed_t seed;
    ms_random_t random;
    uint64_t now_ms, asks;
    event_t *first[HORIZON_MS], **end[HORIZON_MS];
    node_t nodes[NODES];
    uint32_t node_count;
    view_row_t *views; /* from version 1 on */
    uint32_t view_count, view_room;
    author_t authors[TOPICS][AUTHORS];
    str_t names[TOPICS];
    char name_room[TOPICS][16];
    topic_world_stats_t stats;
    char wrong[160];
};

static uint64_t draw(topic_world_t *self, uint64_t below)
{
    return random_below(&self->random, below);
}

/* ---- what is to come ---- */

static event_t *plan(topic_world_t *self, uint64_t at_ms, event_t model)
{
    ASSERT(at_ms < self->now_ms + HORIZON_MS);
    event_t *event = memory_new(sizeof *event);
    ASSERT(event != NULL);
    *event = model;
    size_t slot = at_ms % HORIZON_MS;
    *self->end[slot] = event;
    self->end[slot] = &event->next;
    return event;
}

static uint64_t delay_of(topic_world_t *self, uint32_t from, uint32_t to)
{
    node_t *sender = &self->nodes[from];
    uint64_t at_ms =
        self->now_ms + 1 + draw(self, self->options.delay_ms) + self->nodes[to].delay_ms;
    if (self->options.is_in_order)
        at_ms = MAX(at_ms, sender->last_ms[to]);
    sender->last_ms[to] = at_ms;
    return at_ms;
}

static void send_frame(void *context, uint64_t node, const topic_frame_t *frame)
{
    node_t *sender = context;
    topic_world_t *self = sender->world;
    ASSERT(node >= 1 && node <= self->node_count && node != sender->index + 1);
    uint32_t to = (uint32_t)node - 1;
    self->stats.sent++;
    if (self->nodes[to].is_cut_from[sender->index] || draw(self, 100) < self->options.loss_percent)
        return;
    event_t *event = plan(self, delay_of(self, sender->index, to),
                          (event_t){.kind = EVENT_FRAME, .from = sender->index, .to = to});
    topic_frame_put(frame, &event->bytes);
    ASSERT(buf_status(&event->bytes) == ERR_OK);
}

/* ---- readers ---- */

static void complain(topic_world_t *self, const char *what, const node_t *node, uint32_t topic,
                     uint64_t was, uint64_t is)
{
    if (self->wrong[0] == 0)
        (void)snprintf(self->wrong, sizeof self->wrong, "%s: node %u topic %u: %zu then %zu at %zu",
                       what, node->index, topic, (size_t)was, (size_t)is, (size_t)self->now_ms);
}

static void ask(topic_world_t *self, node_t *node, uint32_t topic)
{
    reader_t *reader = &node->readers[topic];
    reader->is_changed = reader->is_asking;
    if (reader->is_asking)
        return;
    reader->is_asking = true;
    event_t event = {.kind = EVENT_ASK, .to = node->index, .topic = topic, .number = ++self->asks};
    reader->ask = event.number;
    memcpy(event.pushes, reader->pushes, sizeof event.pushes);
    plan(self, self->now_ms + 1 + draw(self, (uint64_t)2 * self->options.delay_ms), event);
}

/* What was published until now it asks for. */
static void expect_any(const topic_world_t *self, reader_t *reader, uint32_t topic)
{
    memset(reader->last, 0, sizeof reader->last);
    for (uint32_t i = 0; i < AUTHORS; i++)
        reader->high[i] = self->authors[topic][i].version;
}

static uint32_t topic_of(const topic_world_t *self, str_t name)
{
    uint32_t topic = 0;
    while (topic < TOPICS && !str_equal(self->names[topic], name))
        topic++;
    ASSERT(topic < TOPICS);
    return topic;
}

/* What an author published before it moved may come behind what it published after. */
static void check_next(topic_world_t *self, const node_t *node, uint32_t topic, uint64_t author,
                       uint64_t version)
{
    const reader_t *reader = &node->readers[topic];
    uint64_t last = reader->last[author];
    if (last == 0 || self->authors[topic][author].has_moved)
        return;
    if (version > MAX(last, reader->high[author]) + 1)
        complain(self, "missing", node, topic, last, version);
    if (version < last)
        complain(self, "again", node, topic, last, version);
}

static void hear(void *context, str_t name, str_t post)
{
    node_t *node = context;
    topic_world_t *self = node->world;
    uint32_t topic = topic_of(self, name);
    reader_t *reader = &node->readers[topic];
    uint64_t parts[2];
    ASSERT(post.size == sizeof parts);
    memcpy(parts, post.data, sizeof parts);
    uint64_t author = parts[0], version = parts[1];
    if (!reader->is_reading)
        return;
    self->stats.heard++;
    check_next(self, node, topic, author, version);
    reader->last[author] = reader->believed[author] = version;
    reader->high[author] = MAX(reader->high[author], version);
    reader->pushes[author]++;
}

static void tell_gap(void *context, str_t name, topic_gap_why_t why)
{
    node_t *node = context;
    topic_world_t *self = node->world;
    uint32_t topic = topic_of(self, name);
    reader_t *reader = &node->readers[topic];
    if (!reader->is_reading)
        return;
    self->stats.gaps++;
    if (why != TOPIC_GAP_LATE)
        expect_any(self, reader, topic);
    ask(self, node, topic);
}

/* As the authors are at this moment; where the first is between two nodes, later. */
static void answer(topic_world_t *self, event_t asked)
{
    const author_t *authors = self->authors[asked.topic];
    if (authors[0].node == NODES || self->nodes[authors[0].node].is_dead) {
        plan(self, self->now_ms + ASK_RETRY_MS, asked);
        return;
    }
    asked.kind = EVENT_ANSWER;
    for (uint32_t i = 0; i < AUTHORS; i++)
        asked.versions[i] = authors[i].version;
    plan(self, delay_of(self, authors[0].node, asked.to), asked);
}

static void answered(topic_world_t *self, const event_t *event)
{
    node_t *node = &self->nodes[event->to];
    reader_t *reader = &node->readers[event->topic];
    if (node->is_dead || !reader->is_reading || reader->ask != event->number)
        return;
    reader->is_asking = false;
    for (uint32_t i = 0; i < AUTHORS; i++)
        if (reader->pushes[i] == event->pushes[i])
            reader->believed[i] = event->versions[i];
    if (reader->is_changed)
        ask(self, node, event->topic);
}

/* ---- views ---- */

static const view_row_t *view_at(const topic_world_t *self, uint64_t version)
{
    return &self->views[version - 1];
}

static bool is_in_view(const topic_world_t *self, uint64_t version, uint32_t index)
{
    const view_row_t *view = view_at(self, version);
    bool is_in = false;
    for (uint32_t i = 0; i < view->count; i++)
        is_in |= view->nodes[i] == index + 1;
    return is_in;
}

static uint32_t owner_in(const topic_world_t *self, uint64_t version, uint32_t topic)
{
    const placement_t *placement = view_at(self, version)->placement;
    return (uint32_t)placement->owners[topic_partition(self->names[topic])] - 1;
}

/* There is none between what an author publishes before and after it moves. */
static void forget_order(topic_world_t *self, uint32_t topic, uint32_t author)
{
    for (uint32_t i = 0; i < self->node_count; i++)
        self->nodes[i].readers[topic].last[author] = 0;
    self->authors[topic][author].has_moved = self->authors[topic][author].version > 0;
}

static void move_authors(topic_world_t *self)
{
    for (uint32_t i = 0; i < TOPICS; i++) {
        author_t *author = &self->authors[i][0];
        uint32_t owner = owner_in(self, self->view_count, i);
        const node_t *new = &self->nodes[owner];
        bool is_left = author->node == NODES || self->nodes[author->node].is_dead ||
                       self->nodes[author->node].learned == self->view_count;
        if (author->node == owner)
            continue;
        if (is_left)
            author->node = NODES;
        if (is_left && !new->is_dead &&new->learned == self->view_count) {
            author->node = owner;
            forget_order(self, i, 0);
            self->stats.moves++;
        }
    }
}

static void learn(topic_world_t *self, uint32_t index, uint64_t version)
{
    node_t *node = &self->nodes[index];
    if (node->is_dead || version <= node->learned)
        return;
    const view_row_t *view = view_at(self, version);
    node->learned = version;
    ASSERT(topics_place(node->topics, view->placement, view->nodes, view->count, self->now_ms) ==
           ERR_OK);
    move_authors(self);
}

/* Who leaves does so when it knows that nothing is its own any more, and has told all. */
static void end_if_drained(topic_world_t *self, uint32_t index)
{
    node_t *node = &self->nodes[index];
    topics_stats_t stats;
    topics_stats(node->topics, &stats);
    if (!node->is_member && node->learned > node->left && stats.waiting == 0)
        node->is_dead = true;
}

void topic_world_change_view(topic_world_t *self, uint64_t within_ms)
{
    if (self->view_count == self->view_room) {
        self->view_room = MAX(self->view_room * 2, 16u);
        self->views = memory_resize(self->views, self->view_room, sizeof *self->views);
        ASSERT(self->views != NULL);
    }
    view_row_t view = {.placement = memory_new(sizeof *view.placement)};
    ASSERT(view.placement != NULL);
    uint64_t members[NODES] = {0};
    uint32_t member_count = 0;
    for (uint32_t i = 0; i < self->node_count; i++) {
        end_if_drained(self, i);
        if (!self->nodes[i].is_dead)
            view.nodes[view.count++] = i + 1;
        if (self->nodes[i].is_member)
            members[member_count++] = i + 1;
    }
    view.placement->version = self->view_count + 1;
    for (uint32_t i = 0; i < TOPICS; i++)
        view.placement->owners[topic_partition(self->names[i])] = members[draw(self, member_count)];
    self->views[self->view_count++] = view;
    for (uint32_t i = 0; i < self->node_count; i++)
        plan(self, self->now_ms + 1 + draw(self, within_ms),
             (event_t){.kind = EVENT_VIEW, .to = i, .number = self->view_count});
}

/* ---- time ---- */

static void happen(topic_world_t *self, event_t *event)
{
    node_t *node = &self->nodes[event->to];
    topic_frame_t frame;
    if (event->kind == EVENT_ASK) {
        answer(self, (event_t){.kind = EVENT_ASK,
                               .to = event->to,
                               .topic = event->topic,
                               .number = event->number,
                               .pushes = {event->pushes[0], event->pushes[1]}});
    } else if (event->kind == EVENT_ANSWER) {
        answered(self, event);
    } else if (event->kind == EVENT_VIEW) {
        learn(self, event->to, event->number);
    } else if (!node->is_dead && event->kind == EVENT_TICK) {
        topics_tick(node->topics, self->now_ms);
        plan(self, self->now_ms + TICK_MS, (event_t){.kind = EVENT_TICK, .to = event->to});
    } else if (!node->is_dead) {
        ASSERT(topic_frame_read(buf_str(&event->bytes), &frame) == ERR_OK);
        topics_receive(node->topics, event->from + 1, &frame, self->now_ms);
    }
    buf_deinit(&event->bytes);
    memory_free(event);
}

void topic_world_run(topic_world_t *self, uint64_t for_ms)
{
    for (uint64_t until = self->now_ms + for_ms; self->now_ms < until;) {
        size_t slot = ++self->now_ms % HORIZON_MS;
        while (self->first[slot] != NULL) {
            event_t *event = self->first[slot];
            self->first[slot] = event->next;
            if (event->next == NULL)
                self->end[slot] = &self->first[slot];
            happen(self, event);
        }
    }
}

/* ---- life ---- */

static void add_node(topic_world_t *self)
{
    node_t *node = &self->nodes[self->node_count];
    const topics_sink_t sink = {node, send_frame, hear, tell_gap, NULL};
    *node = (node_t){.world = self, .index = self->node_count, .is_member = true};
    ASSERT(topics_new(node->index + 1, &sink, &node->topics) == ERR_OK);
    plan(self, self->now_ms + 1 + draw(self, TICK_MS),
         (event_t){.kind = EVENT_TICK, .to = self->node_count++});
}

topic_world_t *topic_world_new(const topic_world_options_t *options)
{
    topic_world_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL);
    self->options = *options;
    self->seed.state = options->seed;
    self->random = random_seeded(&self->seed);
    for (size_t i = 0; i < HORIZON_MS; i++)
        self->end[i] = &self->first[i];
    for (uint32_t i = 0; i < TOPICS; i++) {
        int size = snprintf(self->name_room[i], sizeof self->name_room[i], "thing/%u/%s", i,
                            i % 2 == 0 ? "a" : "b");
        self->names[i] = str_of(self->name_room[i], (size_t)size);
    }
    for (uint32_t i = 0; i < options->nodes; i++)
        add_node(self);
    for (uint32_t i = 0; i < TOPICS; i++)
        self->authors[i][0].node = self->authors[i][1].node = NODES;
    topic_world_change_view(self, 1);
    topic_world_run(self, 2);
    return self;
}

void topic_world_free(topic_world_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < HORIZON_MS; i++) {
        for (event_t *event = self->first[i], *next; event != NULL; event = next) {
            next = event->next;
            buf_deinit(&event->bytes);
            memory_free(event);
        }
    }
    for (uint32_t i = 0; i < self->node_count; i++)
        topics_free(self->nodes[i].topics);
    for (uint32_t i = 0; i < self->view_count; i++)
        memory_free(self->views[i].placement);
    memory_free(self->views);
    memory_free(self);
}

void topic_world_scope_end(topic_world_t **self)
{
    topic_world_free(*self);
}

/* ---- what is done to it ---- */

/* Wherever it is known that the node before is gone. */
static bool move_second(topic_world_t *self, uint32_t topic)
{
    author_t *author = &self->authors[topic][1];
    uint32_t to = (uint32_t)draw(self, self->node_count);
    const node_t *node = &self->nodes[to];
    if (node->is_dead || node->learned == 0 || is_in_view(self, node->learned, author->node))
        return false;
    author->node = to;
    forget_order(self, topic, 1);
    return true;
}

void topic_world_publish(topic_world_t *self, uint32_t topic, uint32_t index)
{
    author_t *author = &self->authors[topic][index];
    if (author->node == NODES || self->nodes[author->node].is_dead) {
        if (index == 0 || !move_second(self, topic))
            return; /* between two nodes */
    }
    node_t *node = &self->nodes[author->node];
    uint64_t parts[2] = {index, ++author->version};
    str_t post = str_of(parts, sizeof parts);
    if (topics_is_home(node->topics, self->names[topic]))
        hear(node, self->names[topic], post);
    topics_publish(node->topics, self->names[topic], post, self->now_ms);
}

void topic_world_read(topic_world_t *self, uint32_t topic, uint32_t index, bool is_reading)
{
    node_t *node = &self->nodes[index];
    reader_t *reader = &node->readers[topic];
    if (node->is_dead || reader->is_reading == is_reading)
        return;
    *reader = (reader_t){.is_reading = is_reading};
    expect_any(self, reader, topic);
    ASSERT(topics_hear(node->topics, self->names[topic], is_reading, self->now_ms) == ERR_OK);
    if (is_reading)
        ask(self, node, topic);
}

void topic_world_add(topic_world_t *self)
{
    if (self->node_count < NODES)
        add_node(self);
}

void topic_world_leave(topic_world_t *self, uint32_t node)
{
    uint32_t members = 0;
    for (uint32_t i = 0; i < self->node_count; i++)
        members += self->nodes[i].is_member;
    if (members > 1 && self->nodes[node].is_member) {
        self->nodes[node].is_member = false;
        self->nodes[node].left = self->view_count;
    }
}

void topic_world_kill(topic_world_t *self, uint32_t node)
{
    topic_world_leave(self, node);
    if (!self->nodes[node].is_member)
        self->nodes[node].is_dead = true;
}

void topic_world_cut(topic_world_t *self, uint32_t from, uint32_t to, bool is_cut)
{
    self->nodes[to].is_cut_from[from] = is_cut;
}

void topic_world_slow(topic_world_t *self, uint32_t node, uint32_t delay_ms)
{
    self->nodes[node].delay_ms = delay_ms;
}

void topic_world_heal(topic_world_t *self)
{
    self->options.loss_percent = 0;
    for (uint32_t i = 0; i < self->node_count; i++) {
        self->nodes[i].delay_ms = 0;
        memset(self->nodes[i].is_cut_from, 0, sizeof self->nodes[i].is_cut_from);
    }
    topic_world_change_view(self, 50);
}

void topic_world_disturb(topic_world_t *self, bool is_calm)
{
    uint32_t node = (uint32_t)draw(self, self->node_count);
    uint32_t other = (uint32_t)draw(self, self->node_count);
    uint32_t topic = (uint32_t)draw(self, TOPICS);
    bool is_on = draw(self, 2) == 0;
    uint64_t what = draw(self, is_calm ? 30 : 40);
    if (what < 20) {
        for (uint64_t i = draw(self, 40) == 0 ? 3 * TOPIC_WINDOW : 1; i-- > 0;)
            topic_world_publish(self, topic, (uint32_t)draw(self, AUTHORS));
    } else if (what < 30) {
        topic_world_read(self, topic, node, is_on);
    } else if (what < 34) {
        topic_world_change_view(self, is_on ? 20 : 2000);
    } else if (what < 36) {
        topic_world_cut(self, node, other, is_on);
    } else if (what < 37) {
        topic_world_slow(self, node, is_on ? 400 : 0);
    } else if (what < 38) {
        topic_world_add(self);
    } else if (is_on) {
        topic_world_kill(self, node);
    } else {
        topic_world_leave(self, node);
    }
}

/* ---- looking ---- */

const char *topic_world_wrong(const topic_world_t *self)
{
    return self->wrong[0] == 0 ? NULL : self->wrong;
}

const char *topic_world_untold(topic_world_t *self)
{
    for (uint32_t i = 0; i < self->node_count; i++) {
        for (uint32_t j = 0; j < TOPICS * AUTHORS; j++) {
            const node_t *node = &self->nodes[i];
            const reader_t *reader = &node->readers[j / AUTHORS];
            uint64_t believed = reader->believed[j % AUTHORS];
            uint64_t version = self->authors[j / AUTHORS][j % AUTHORS].version;
            if (!node->is_dead && reader->is_reading && believed != version)
                complain(self, j % 2 == 0 ? "was not told" : "was not told by the second", node,
                         j / AUTHORS, believed, version);
        }
    }
    return topic_world_wrong(self);
}

uint32_t topic_world_home(const topic_world_t *self, uint32_t topic)
{
    return owner_in(self, self->view_count, topic);
}

const topics_t *topic_world_topics(const topic_world_t *self, uint32_t node)
{
    return self->nodes[node].topics;
}

uint32_t topic_world_nodes(const topic_world_t *self)
{
    return self->node_count;
}

bool topic_world_is_member(const topic_world_t *self, uint32_t node)
{
    return self->nodes[node].is_member;
}

topic_world_stats_t topic_world_stats(const topic_world_t *self)
{
    return self->stats;
}
