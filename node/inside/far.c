#include "node/inside/far.h"

#include "node/inside/inspector.h"
#include "runtime/base/memory.h"

#include <stdio.h>
#include <string.h>

/* One node's place, which stays where it is while an answer is under way. */
typedef struct place {
    far_node_t node;
    far_t *far;
} place_t;

struct far {
    cluster_node_t *cluster;
    edge_t *edge;
    far_told_fn told;
    void *context;
    place_t **places;
    size_t count;
    uint32_t asking, telling; /* who is told may end it */
    bool is_over;
};

static uint64_t now_ns(const far_t *self)
{
    return clock_mono_ns(runtime_clock(edge_runtime(self->edge)));
}

static void free_if_done(far_t *self)
{
    if (!self->is_over || self->asking > 0 || self->telling > 0)
        return;
    for (size_t i = 0; i < self->count; i++) {
        buf_deinit(&self->places[i]->node.told);
        memory_free(self->places[i]);
    }
    memory_free(self->places);
    memory_free(self);
}

void far_end(far_t **pointer)
{
    far_t *self = STEAL(*pointer);
    if (self == NULL)
        return;
    self->is_over = true;
    free_if_done(self);
}

size_t far_count(const far_t *self)
{
    return self->count;
}

far_node_t *far_at(const far_t *self, size_t index)
{
    return &self->places[index]->node;
}

bool far_is_asking(const far_t *self)
{
    return self->asking > 0;
}

/* ---- who is there ---- */

static far_node_t *find(const far_t *self, uint64_t node)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->places[i]->node.node == node)
            return &self->places[i]->node;
    return NULL;
}

static err_t add(far_t *self, uint64_t node, const char *address, bool is_self)
{
    place_t **places = memory_resize(self->places, self->count + 1, sizeof *places);
    if (places == NULL)
        return ERR_NO_MEMORY;
    self->places = places;
    place_t *place = memory_new(sizeof *place);
    if (place == NULL)
        return ERR_NO_MEMORY;
    place->far = self;
    place->node.node = node;
    place->node.is_self = is_self;
    (void)str_to_array(str_from(address), place->node.address, sizeof place->node.address);
    self->places[self->count++] = place;
    return ERR_OK;
}

err_t far_refresh(far_t *self)
{
    if (self->cluster == NULL)
        return self->count > 0 ? ERR_OK : add(self, 0, "", true);
    roster_t *roster ROSTER_SCOPED = members_roster(cluster_node_members(self->cluster));
    uint64_t own = cluster_node_number(self->cluster);
    for (size_t i = 0; i < self->count; i++)
        self->places[i]->node.is_gone = !self->places[i]->node.is_self;
    for (uint32_t i = 0; roster != NULL && i < roster->view.count; i++) {
        const member_t *member = &roster->view.members[i];
        if (member->status == MEMBER_DEAD)
            continue;
        far_node_t *there = find(self, member->node);
        if (there != NULL)
            there->is_gone = false;
        else
            TRY(add(self, member->node, member->address, member->node == own));
    }
    /* Also one that is in no view yet has insides. */
    return find(self, own) != NULL ? ERR_OK : add(self, own, "", true);
}

err_t far_new(cluster_node_t *cluster, edge_t *edge, far_told_fn told, void *context,
              far_t **out_far)
{
    far_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    *self = (far_t){.cluster = cluster, .edge = edge, .told = told, .context = context};
    err_t err = far_refresh(self);
    if (err != ERR_OK)
        far_end(&self);
    else
        *out_far = self;
    return err;
}

/* ---- asking ---- */

static const char *sentence(const far_node_t *node)
{
    if (node->err == ERR_TIMEOUT)
        return "it does not answer";
    if (node->err == ERR_UNAVAILABLE)
        return "it can't be reached";
    if (node->err == ERR_UNSUPPORTED)
        return "it is of a version that can't be looked into";
    return err_text(node->err);
}

/* Half of the way there and back is taken as the way there. */
static void take_clock(const far_t *self, far_node_t *node, const inspector_time_t *time)
{
    const ms_clock_t *clock = runtime_clock(edge_runtime(self->edge));
    uint64_t now = now_ns(self);
    uint64_t then_ns = node->asked_ns + (now - node->asked_ns) / 2;
    node->round_ns = now - node->asked_ns;
    node->ahead_ns = (int64_t)(time->mono_ns - then_ns);
    node->ahead_ms = time->wall_ms - (clock_wall_ms(clock) - (int64_t)(node->round_ns / 2000000));
    node->has_clock = true;
}

static void take(const far_t *self, far_node_t *node, const answer_t *answer)
{
    node->err = answer->err;
    if (answer->err != ERR_OK) {
        str_t text = str_is_empty(answer->text) ? str_from(sentence(node)) : answer->text;
        text.size = MIN(text.size, sizeof node->why - 1);
        (void)str_to_array(text, node->why, sizeof node->why);
        return;
    }
    node->told_ns = now_ns(self);
    if (answer->schema == &inspector_time_schema) {
        take_clock(self, node, answer->message);
    } else if (answer->schema == &inspector_told_schema) {
        const inspector_told_t *told = answer->message;
        buf_reset(&node->told);
        buf_append(&node->told, told->json);
        node->lost = told->lost;
        node->err = buf_status(&node->told);
        node->has_told |= node->err == ERR_OK;
    }
}

static void answered(void *context, const answer_t *answer)
{
    place_t *place = context;
    far_t *self = place->far;
    place->node.is_asking = false;
    self->asking--;
    take(self, &place->node, answer);
    if (!self->is_over) {
        self->telling++;
        self->told(self->context, &place->node);
        self->telling--;
    }
    free_if_done(self);
}

void far_ask_message(far_t *self, far_node_t *node, uint64_t timeout_ms, const schema_t *schema,
                     const void *command)
{
    address_t to = address_of(INSPECTOR_KIND, INSPECTOR_KEY);
    runtime_t *runtime = edge_runtime(self->edge);
    if (node->is_asking)
        return;
    if (!node->is_self &&
        runtime_address_at(runtime, node->node, INSPECTOR_KIND, INSPECTOR_KEY, &to) != ERR_OK) {
        node->err = ERR_NO_MEMORY;
        return;
    }
    node->is_asking = true;
    node->asked_ns = now_ns(self);
    self->asking++;
    edge_ask_message(self->edge, to, timeout_ms, (str_t){NULL, 0}, answered,
                     CONTAINER_OF(node, place_t, node), schema, command);
}

void far_each(far_t *self, void (*ask)(void *context, far_node_t *node))
{
    self->asking++;
    for (size_t i = 0; i < self->count; i++)
        ask(self->context, far_at(self, i));
    self->asking--;
    if (self->asking == 0)
        self->told(self->context, NULL);
}

void far_node_begin(const far_t *self, const far_node_t *node, json_t *json)
{
    json_object_begin(json);
    json_key_u64(json, "node", node->node);
    json_key_str(json, "address", str_from(node->address));
    json_key_bool(json, "is_self", node->is_self);
    if (node->err != ERR_OK) {
        json_key_str(json, "code", str_from(err_name(node->err)));
        json_key_str(json, "error", str_from(node->why));
    }
    if (node->told_ns != 0)
        json_key_u64(json, "silent_ms", (now_ns(self) - node->told_ns) / 1000000);
}
