/* cluster_status.c -- how a node of a cluster, and the others as it sees them, are doing. */

#include "node/cluster/cluster_parts.h"

#include "runtime/base/memory.h"

/* ---- as JSON ---- */

static const char *status_name(member_status_t status)
{
    switch (status) {
    case MEMBER_JOINING:
        return "joining";
    case MEMBER_ACTIVE:
        return "active";
    case MEMBER_LEAVING:
        return "leaving";
    case MEMBER_DEAD:
        return "dead";
    }
    return "unknown";
}

static void append_load(cluster_node_t *self, uint64_t node, json_t *json)
{
    member_load_t load;
    if (!cluster_load_of(self, node, &load))
        return;
    json_key_u64(json, "actors", load.actors);
    json_key_u64(json, "load_per_mille", load.per_mille);
    json_key_u64(json, "partitions", load.served);
    json_key_u64(json, "moving", load.moving);
    json_key_u64(json, "queue_age_ms", load.queue_age_ms);
}

static void append_lane(const char *name, const link_lane_stats_t *lane, json_t *json)
{
    json_key(json, str_from(name));
    json_object_begin(json);
    json_key_u64(json, "sent_messages", lane->sent_messages);
    json_key_u64(json, "sent_bytes", lane->sent_bytes);
    json_key_u64(json, "received_messages", lane->received_messages);
    json_key_u64(json, "received_bytes", lane->received_bytes);
    json_key_u64(json, "waiting_bytes", lane->waiting_bytes);
    json_key_u64(json, "unacknowledged_frames", lane->unacknowledged);
    json_key_u64(json, "resent_frames", lane->resent_frames);
    json_key_u64(json, "missing_frames", lane->gaps);
    json_key_u64(json, "busy", lane->busy);
    json_key_u64(json, "refused", lane->refused);
    json_object_end(json);
}

static void append_link(const link_stats_t *links, size_t count, uint64_t node, json_t *json)
{
    for (size_t i = 0; links != NULL && i < count; i++) {
        const link_stats_t *link = &links[i];
        if (link->node != node)
            continue;
        json_key(json, STR("link"));
        json_object_begin(json);
        json_key_bool(json, "is_up", link->is_up);
        json_key_u64(json, "round_us", link->round_us);
        json_key_u64(json, "breaks", link->breaks);
        json_key_u64(json, "waiting_bytes", link->lanes[LINK_DATA].waiting_bytes);
        append_lane("control", &link->lanes[LINK_CONTROL], json);
        append_lane("data", &link->lanes[LINK_DATA], json);
        json_object_end(json);
    }
}

static bool is_suspect(const members_status_t *status, uint64_t node)
{
    for (uint32_t i = 0; i < status->suspect_count; i++)
        if (status->suspects[i] == node)
            return true;
    return false;
}

typedef struct picture {
    cluster_node_t *node;
    members_status_t status;
    roster_t *roster;
    link_stats_t *links;
    size_t link_count;
} picture_t;

static void append_member(const picture_t *self, const member_t *member, json_t *json)
{
    buf_t roles BUF_SCOPED = BUF_INIT;
    const view_t *view = &self->roster->view;
    str_t details = roster_details(self->roster, member->node);
    cluster_roles_append(member->roles, &roles);
    json_object_begin(json);
    json_key_u64(json, "node", member->node);
    json_key_bool(json, "is_self", member->node == self->node->node);
    json_key_str(json, "status", str_from(status_name(member->status)));
    json_key_bool(json, "is_suspect", is_suspect(&self->status, member->node));
    json_key_str(json, "address", str_from(member->address));
    json_key_str(json, "zone", str_from(member->zone));
    json_key_str(json, "roles", buf_str(&roles));
    json_key_u64(json, "weight", member->weight);
    json_key_u64(json, "level", member->level);
    json_key_bool(json, "is_gone", member->acknowledged == MEMBER_GONE);
    if (member->acknowledged != MEMBER_GONE)
        json_key_u64(json, "acknowledged", member->acknowledged);
    json_key_u64(json, "seen_ago_ms",
                 view->read_ms > member->seen_ms ? view->read_ms - member->seen_ms : 0);
    if (!str_is_empty(details)) {
        json_key(json, STR("details"));
        json_raw(json, details);
    }
    append_load(self->node, member->node, json);
    append_link(self->links, self->link_count, member->node, json);
    json_object_end(json);
}

static const char *state_name(membership_state_t state)
{
    static const char *const names[] = {"starting", "joining", "active", "leaving", "stopped"};
    return (size_t)state < COUNT_OF(names) ? names[state] : "unknown";
}

/* Of all peers, those that are gone too. */
static void append_links(const cluster_node_t *self, json_t *json)
{
    mesh_stats_t stats;
    mesh_stats(self->mesh, &stats);
    json_key(json, STR("links"));
    json_object_begin(json);
    json_key_u64(json, "lost_messages", stats.lost);
    json_key_u64(json, "strangers", stats.strangers);
    json_key_u64(json, "unproved", stats.unproved);
    json_key_u64(json, "garbage", stats.garbage);
    json_object_end(json);
}

static void append_own(const picture_t *self, json_t *json)
{
    handover_counts_t counts = mover_counts(self->node->mover);
    buf_t missing BUF_SCOPED = BUF_INIT;
    cluster_roles_append(cluster_node_missing_roles(self->node), &missing);
    json_key_u64(json, "node", self->node->node);
    json_key_str(json, "state", str_from(state_name(self->status.state)));
    json_key_u64(json, "view", self->status.version);
    json_key_u64(json, "lease_ms", self->status.lease_ms);
    json_key_u64(json, "lease_left_ms", self->status.lease_left_ms);
    json_key_u64(json, "health", self->status.health);
    json_key_bool(json, "is_database_away", self->status.is_table_away);
    json_key_str(json, "missing_roles", buf_str(&missing));
    json_key_u64(json, "served", counts.served);
    json_key_u64(json, "moving", counts.draining + counts.coming);
    json_key_u64(json, "moved", counts.moved);
    json_key_u64(json, "taken_over", counts.taken_over);
    json_key_u64(json, "lost", counts.lost);
    append_links(self->node, json);
}

static void append_picture(const picture_t *self, json_t *json)
{
    json_object_begin(json);
    append_own(self, json);
    json_key(json, STR("members"));
    json_array_begin(json);
    for (uint32_t i = 0; self->roster != NULL && i < self->roster->view.count; i++)
        append_member(self, &self->roster->view.members[i], json);
    json_array_end(json);
    json_object_end(json);
}

void cluster_node_append_status(cluster_node_t *self, json_t *json)
{
    picture_t picture = {.node = self};
    link_stats_t *links MEMORY_SCOPED = memory_new_array(LINK_PEERS_MAX, sizeof *links);
    roster_t *roster ROSTER_SCOPED = members_roster(self->members);
    members_status(self->members, &picture.status);
    picture.roster = roster;
    picture.links = links;
    if (links != NULL)
        picture.link_count =
            MIN(mesh_peer_stats(self->mesh, links, LINK_PEERS_MAX), (size_t)LINK_PEERS_MAX);
    append_picture(&picture, json);
}

void cluster_node_look(cluster_node_t *self)
{
    member_talk_look(&self->talk);
}

/* ---- for Prometheus ---- */

typedef struct figure {
    const char *family, *type, *help;
    uint64_t value;
} figure_t;

static void append_figures(const figure_t *figures, size_t count, buf_t *out)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out,
                   "# HELP musicstream_cluster_%s %s\n# TYPE musicstream_cluster_%s %s\n"
                   "musicstream_cluster_%s %llu\n",
                   figures[i].family, figures[i].help, figures[i].family, figures[i].type,
                   figures[i].family, (unsigned long long)figures[i].value);
}

static void append_membership(cluster_node_t *self, buf_t *out)
{
    members_status_t status;
    handover_counts_t counts = mover_counts(self->mover);
    members_status(self->members, &status);
    const figure_t figures[] = {
        {"view", "gauge", "Version of the view that this node has.", status.version},
        {"live_nodes", "gauge", "Nodes that are alive in it.", status.live_count},
        {"suspect_nodes", "gauge", "Nodes that this one suspects.", status.suspect_count},
        {"has_lease", "gauge", "Whether this node may serve.",
         cluster_node_may_serve(self) ? 1 : 0},
        {"lease_milliseconds", "gauge", "For so long it may yet serve without hearing from others.",
         status.lease_left_ms},
        {"health", "gauge", "How late this node itself is: 0 is good.", status.health},
        {"table_failures_total", "counter", "Questions to the membership table that failed.",
         status.failures},
        {"partitions", "gauge", "Partitions that this node serves.", counts.served},
        {"partitions_moving", "gauge", "Partitions that leave it or come to it.",
         counts.draining + counts.coming},
        {"partitions_moved_total", "counter", "Partitions that came from live nodes.",
         counts.moved},
        {"partitions_taken_over_total", "counter", "Partitions that came from dead nodes.",
         counts.taken_over},
        {"partitions_lost_total", "counter",
         "Partitions that the database, after a fail-over, said to be another node's.",
         counts.lost}};
    append_figures(figures, COUNT_OF(figures), out);
}

static void append_router(const cluster_node_t *self, buf_t *out)
{
    router_stats_t stats;
    runtime_router_stats(self->runtime, &stats);
    const figure_t figures[] = {
        {"messages_sent_total", "counter", "Messages to other nodes.", stats.sent},
        {"messages_received_total", "counter", "Messages from other nodes.", stats.received},
        {"messages_passed_on_total", "counter", "Messages for partitions that had moved.",
         stats.passed_on},
        {"messages_by_load_total", "counter",
         "Messages to another node because it is less busy (PLACED_BY_LOAD).", stats.by_load},
        {"messages_held_total", "counter", "Messages that waited for a partition.", stats.held},
        {"messages_unreachable_total", "counter", "Messages that could not be sent.",
         stats.unreachable + stats.refused},
        {"messages_invalid_total", "counter", "Messages that were not understood.", stats.invalid},
        {"asks_lost_total", "counter", "Questions whose node was lost.", stats.asks_lost}};
    append_figures(figures, COUNT_OF(figures), out);
}

/* More nodes are worth it while the first stays near 1000 or the second does not go back to 0. */
static void append_load_figures(cluster_node_t *self, buf_t *out)
{
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    uint64_t done = stats.handled + stats.dead_letters;
    const figure_t figures[] = {
        {"load_per_mille", "gauge", "Of its processors that this node uses: to scale by.",
         atomic_load(&self->per_mille)},
        {"messages_waiting", "gauge", "Messages to its actors that wait: to scale by.",
         stats.sent > done ? stats.sent - done : 0},
        {"queue_age_milliseconds", "gauge",
         "How long messages wait, by how many do and were handled in the last second: to scale by.",
         atomic_load(&self->queue_age_ms)}};
    append_figures(figures, COUNT_OF(figures), out);
}

typedef struct link_figure {
    const char *family, *type, *help;
    uint64_t (*of)(const link_stats_t *link);
} link_figure_t;

static uint64_t is_up_of(const link_stats_t *link)
{
    return link->is_up ? 1 : 0;
}

static uint64_t breaks_of(const link_stats_t *link)
{
    return link->breaks;
}

static uint64_t round_of(const link_stats_t *link)
{
    return link->round_us;
}

static uint64_t waiting_of(const link_stats_t *link)
{
    return link->lanes[LINK_DATA].waiting_bytes + link->lanes[LINK_CONTROL].waiting_bytes;
}

static uint64_t refused_of(const link_stats_t *link)
{
    return link->lanes[LINK_DATA].busy + link->lanes[LINK_CONTROL].busy;
}

static uint64_t resent_of(const link_stats_t *link)
{
    return link->lanes[LINK_DATA].resent_frames + link->lanes[LINK_CONTROL].resent_frames;
}

static uint64_t sent_of(const link_stats_t *link)
{
    return link->lanes[LINK_DATA].sent_bytes + link->lanes[LINK_CONTROL].sent_bytes;
}

/* A line a peer; a cluster of many nodes has many. */
static void append_link_figures(cluster_node_t *self, buf_t *out)
{
    static const link_figure_t figures[] = {
        {"is_up", "gauge", "Whether the link to this node is up.", is_up_of},
        {"breaks_total", "counter", "How often it went down.", breaks_of},
        {"round_microseconds", "gauge", "Its newest greeting, there and back.", round_of},
        {"waiting_bytes", "gauge", "What waits to be sent over it.", waiting_of},
        {"refused_total", "counter", "Messages that it had no room for.", refused_of},
        {"resent_frames_total", "counter", "Frames that were sent again.", resent_of},
        {"sent_bytes_total", "counter", "What was sent over it.", sent_of}};
    link_stats_t *links MEMORY_SCOPED = memory_new_array(LINK_PEERS_MAX, sizeof *links);
    size_t count = links == NULL ? 0
                                 : MIN(mesh_peer_stats(self->mesh, links, LINK_PEERS_MAX),
                                       (size_t)LINK_PEERS_MAX);
    for (size_t f = 0; count > 0 && f < COUNT_OF(figures); f++) {
        const link_figure_t *figure = &figures[f];
        buf_printf(out,
                   "# HELP musicstream_cluster_link_%s %s\n# TYPE musicstream_cluster_link_%s %s\n",
                   figure->family, figure->help, figure->family, figure->type);
        for (size_t i = 0; i < count; i++)
            buf_printf(out, "musicstream_cluster_link_%s{node=\"%llu\"} %llu\n", figure->family,
                       (unsigned long long)links[i].node,
                       (unsigned long long)figure->of(&links[i]));
    }
}

void cluster_node_append_metrics(cluster_node_t *self, buf_t *out)
{
    append_membership(self, out);
    append_router(self, out);
    append_load_figures(self, out);
    cluster_roles_append_metrics(self, out);
    append_link_figures(self, out);
}
