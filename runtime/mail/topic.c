#include "runtime/mail/topic.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"
#include "runtime/kernel.h"
#include "runtime/life/behaviour.h"

enum { INDEX_BUCKETS = 4096 };

/* ---- the index: which schedulers have subscribers of a topic ---- */

typedef struct index_row {
    struct index_row *next;
    str_t name; /* behind the row */
    uint64_t schedulers;
} index_row_t;

struct topic_index {
    uv_rwlock_t lock;
    index_row_t *buckets[INDEX_BUCKETS];
};

topic_index_t *topic_index_new(void)
{
    topic_index_t *self = memory_new(sizeof *self);
    if (self != NULL)
        ASSERT(uv_rwlock_init(&self->lock) == 0);
    return self;
}

void topic_index_free(topic_index_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < INDEX_BUCKETS; i++) {
        while (self->buckets[i] != NULL) {
            index_row_t *row = self->buckets[i];
            self->buckets[i] = row->next;
            memory_free(row);
        }
    }
    uv_rwlock_destroy(&self->lock);
    memory_free(self);
}

static index_row_t **index_at(topic_index_t *self, str_t name)
{
    index_row_t **at = &self->buckets[str_hash(name) % INDEX_BUCKETS];
    while (*at != NULL && !str_equal((*at)->name, name))
        at = &(*at)->next;
    return at;
}

static err_t index_add(topic_index_t *self, str_t name, uint32_t scheduler, bool *out_is_first)
{
    err_t err = ERR_OK;
    uv_rwlock_wrlock(&self->lock);
    index_row_t **at = index_at(self, name);
    *out_is_first = *at == NULL;
    if (*at == NULL) {
        index_row_t *row = memory_new(sizeof *row + name.size);
        if (row == NULL) {
            err = ERR_NO_MEMORY;
        } else {
            memcpy(row + 1, name.data, name.size);
            row->name = str_of(row + 1, name.size);
            *at = row;
        }
    }
    if (err == ERR_OK)
        (*at)->schedulers |= UINT64_C(1) << scheduler;
    uv_rwlock_wrunlock(&self->lock);
    return err;
}

/* Returns whether nobody is left. */
static bool index_remove(topic_index_t *self, str_t name, uint32_t scheduler)
{
    bool is_last = false;
    uv_rwlock_wrlock(&self->lock);
    index_row_t **at = index_at(self, name);
    if (*at != NULL) {
        (*at)->schedulers &= ~(UINT64_C(1) << scheduler);
        is_last = (*at)->schedulers == 0;
        if (is_last) {
            index_row_t *row = *at;
            *at = row->next;
            memory_free(row);
        }
    }
    uv_rwlock_wrunlock(&self->lock);
    return is_last;
}

static uint64_t index_find(topic_index_t *self, str_t name)
{
    uv_rwlock_rdlock(&self->lock);
    index_row_t *row = *index_at(self, name);
    uint64_t schedulers = row == NULL ? 0 : row->schedulers;
    uv_rwlock_rdunlock(&self->lock);
    return schedulers;
}

/* ---- other nodes ---- */

#define FIELD_OF(tag, name)                                                                        \
    {                                                                                              \
#name, tag, FIELD_TYPE_BOOL, NULL, offsetof(topic_gap_t, name), 0                          \
    }
static const schema_field_t gap_fields[] = {FIELD_OF(1, is_start), FIELD_OF(2, is_late)};
const schema_t topic_gap_schema = {
    "topic_gap", SCHEMA_MESSAGE, sizeof(topic_gap_t), gap_fields, COUNT_OF(gap_fields), 0, true};

void runtime_set_topic_router(runtime_t *self, const topic_router_t *router)
{
    ASSERT(!self->is_started);
    self->topic_router = *router;
}

bool topic_is_shared(str_t topic)
{
    return str_find(topic, '/') < topic.size;
}

static bool is_routed(const runtime_t *runtime, str_t topic)
{
    return runtime->topic_router.publish != NULL && topic_is_shared(topic);
}

/* Somebody is the first here, or the last was. */
static void tell_router(const runtime_t *runtime, str_t topic)
{
    const topic_router_t *router = &runtime->topic_router;
    if (is_routed(runtime, topic))
        router->changed(router->context, topic);
}

/* ---- a scheduler's subscriptions ---- */

struct edge_subscription {
    message_t end; /* an actor's ends by this one, in the scheduler's inbox */
    edge_subscription_t *next, **at;
    edge_subscription_t *of_actor; /* its actor's next; the actor's owner's */
    topic_t *topic;
    edge_message_fn fn; /* NULL: an actor's */
    void *context;
    uint64_t actor;
    uint32_t incarnation;
    bool hears_gaps; /* an actor: it has a handler for them */
    bool is_dead;    /* unsubscribed while its topic was being delivered */
    scheduler_t *scheduler;
};

struct topic {
    topic_t *next;
    str_t name; /* behind the topic */
    edge_subscription_t *first, **end;
    bool has_dead;
};

static topic_t **topic_at(topic_table_t *self, str_t name)
{
    topic_t **at = &self->buckets[str_hash(name) % TOPIC_BUCKETS];
    while (*at != NULL && !str_equal((*at)->name, name))
        at = &(*at)->next;
    return at;
}

static topic_t *topic_find_or_add(scheduler_t *scheduler, str_t name)
{
    topic_t **at = topic_at(&scheduler->topics, name);
    if (*at != NULL)
        return *at;
    topic_t *topic = memory_new(sizeof *topic + name.size);
    if (topic == NULL)
        return NULL;
    bool is_first = false;
    if (index_add(scheduler->runtime->topics, name, scheduler->index, &is_first) != ERR_OK) {
        memory_free(topic);
        return NULL;
    }
    if (is_first)
        tell_router(scheduler->runtime, name);
    memcpy(topic + 1, name.data, name.size);
    topic->name = str_of(topic + 1, name.size);
    topic->end = &topic->first;
    *at = topic;
    return topic;
}

static edge_subscription_t *subscribe(scheduler_t *scheduler, str_t name,
                                      const edge_subscription_t *model)
{
    if (name.size > TOPIC_SIZE_MAX)
        return NULL;
    edge_subscription_t *self = memory_new(sizeof *self);
    topic_t *topic = self == NULL ? NULL : topic_find_or_add(scheduler, name);
    if (topic == NULL) {
        memory_free(self);
        return NULL;
    }
    *self = *model;
    self->scheduler = scheduler;
    self->topic = topic;
    self->at = topic->end;
    *topic->end = self;
    topic->end = &self->next;
    return self;
}

static void subscription_free(edge_subscription_t *self)
{
    *self->at = self->next;
    if (self->next == NULL)
        self->topic->end = self->at;
    else
        self->next->at = self->at;
    memory_free(self);
}

static void free_dead(topic_t *topic)
{
    edge_subscription_t *next = NULL;
    for (edge_subscription_t *it = topic->first; it != NULL; it = next) {
        next = it->next;
        if (it->is_dead)
            subscription_free(it);
    }
    topic->has_dead = false;
}

/* Takes out what is dead, and the topic when nobody is left. */
static void sweep(scheduler_t *scheduler, topic_t *topic)
{
    if (topic->has_dead)
        free_dead(topic);
    if (topic->first != NULL)
        return;
    topic_t **in_table = topic_at(&scheduler->topics, topic->name);
    *in_table = topic->next;
    if (index_remove(scheduler->runtime->topics, topic->name, scheduler->index))
        tell_router(scheduler->runtime, topic->name);
    memory_free(topic);
}

static void unsubscribe(edge_subscription_t *subscription)
{
    scheduler_t *scheduler = subscription->scheduler;
    topic_t *topic = subscription->topic;
    if (scheduler->topics.delivering == topic) {
        subscription->is_dead = topic->has_dead = true;
        return;
    }
    subscription_free(subscription);
    sweep(scheduler, topic);
}

edge_subscription_t *edge_subscribe(edge_t *self, str_t topic, edge_message_fn fn, void *context)
{
    edge_subscription_t model = {.fn = fn, .context = context};
    return subscribe(self->scheduler, topic, &model);
}

void edge_unsubscribe(edge_subscription_t **pointer)
{
    edge_subscription_t *self = STEAL(*pointer);
    if (self != NULL)
        unsubscribe(self);
}

/* A topic with a subscriber stays, and its name with it: so the actor's owner may look, wherever it
 * subscribed. */
static bool has_subscribed(const actor_extra_t *extra, str_t topic)
{
    const edge_subscription_t *it = extra->subscriptions;
    while (it != NULL && !str_equal(it->topic->name, topic))
        it = it->of_actor;
    return it != NULL;
}

err_t topic_subscribe_actor(scheduler_t *self, actor_t *actor, str_t topic)
{
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL)
        return ERR_NO_MEMORY;
    if (has_subscribed(extra, topic))
        return ERR_OK;
    if (topic.size > TOPIC_SIZE_MAX || extra->subscription_count == ACTOR_TOPICS_MAX)
        return ERR_LIMIT;
    extra->subscriber = MAX(extra->subscriber, UINT32_C(1));
    const actor_kind_t *kind = actor->kind;
    edge_subscription_t model = {.actor = actor_bits(actor), .incarnation = extra->subscriber};
    model.hears_gaps = handler_in(kind->handlers, kind->handler_count, &topic_gap_schema) != NULL;
    edge_subscription_t *subscription = subscribe(self, topic, &model);
    if (subscription == NULL)
        return ERR_NO_MEMORY;
    message_init(&subscription->end, MESSAGE_UNSUBSCRIBE, NULL);
    subscription->of_actor = extra->subscriptions;
    extra->subscriptions = subscription;
    extra->subscription_count++;
    return ERR_OK;
}

void topic_unsubscribe_all(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra == NULL)
        return;
    edge_subscription_t *next = NULL;
    for (edge_subscription_t *it = STEAL(extra->subscriptions); it != NULL; it = next) {
        next = it->of_actor; /* once it is posted it is its scheduler's */
        scheduler_post(it->scheduler, &it->end);
    }
    extra->subscription_count = 0;
    extra->subscriber++; /* what is under way is for the state before */
}

void topic_unsubscribed(message_t *message)
{
    unsubscribe(CONTAINER_OF(message, edge_subscription_t, end));
}

void topic_table_deinit(scheduler_t *scheduler)
{
    for (size_t i = 0; i < TOPIC_BUCKETS; i++) {
        while (scheduler->topics.buckets[i] != NULL) {
            topic_t *topic = scheduler->topics.buckets[i];
            while (topic->first != NULL)
                subscription_free(topic->first);
            sweep(scheduler, topic);
        }
    }
}

/* ---- publishing ---- */

bool topic_is_heard(const runtime_t *runtime, str_t topic)
{
    return index_find(runtime->topics, topic) != 0;
}

void topic_missed(runtime_t *runtime, str_t topic)
{
    dead_letter(runtime, NULL, DEAD_NO_MEMORY, &(dead_receiver_t){"(topic)", topic, 0});
}

/* Takes the message. False: some miss it. */
static bool fan_out(runtime_t *runtime, message_t *message)
{
    bool is_whole = true;
    uint64_t schedulers = index_find(runtime->topics, message_text(message));
    while (schedulers != 0) {
        uint32_t index = (uint32_t)__builtin_ctzll(schedulers);
        schedulers &= schedulers - 1;
        message_t *copy = schedulers == 0 ? STEAL(message) : message_dup(message);
        is_whole &= copy != NULL;
        if (copy == NULL)
            topic_missed(runtime, message_text(message));
        else
            scheduler_post(&runtime->schedulers[index], copy);
    }
    message_free(message);
    return is_whole;
}

void topic_publish(runtime_t *runtime, message_t *message)
{
    if (inside_is_watching(runtime))
        inside_belongs(runtime, message);
    const topic_router_t *router = &runtime->topic_router;
    str_t topic = message_text(message);
    bool is_here =
        !is_routed(runtime, topic) ||
        router->publish(router->context, &(topic_post_t){topic, message->schema,
                                                         message_body(message), message->trace});
    if (is_here)
        fan_out(runtime, message);
    else
        message_free(message);
}

bool runtime_topic_deliver(runtime_t *self, const topic_post_t *post)
{
    if (!topic_is_heard(self, post->topic))
        return true;
    message_t *message =
        message_new(MESSAGE_PUBLISH, post->schema, post->message, (str_t){NULL, 0}, post->topic);
    if (message == NULL)
        topic_missed(self, post->topic);
    else
        message->trace = post->trace;
    return message != NULL && fan_out(self, message);
}

bool runtime_topic_is_heard(const runtime_t *self, str_t topic)
{
    return topic_is_heard(self, topic);
}

static void deliver_to_actor(scheduler_t *self, const edge_subscription_t *subscription,
                             const message_t *message)
{
    message_t *copy = message_new(MESSAGE_COMMAND, message->schema, message_body(message),
                                  (str_t){NULL, 0}, (str_t){NULL, 0});
    if (copy == NULL) {
        dead_letter(self->runtime, NULL, DEAD_NO_MEMORY,
                    &(dead_receiver_t){.ref = subscription->actor});
        return;
    }
    copy->sender = message->sender;
    copy->trace = message->trace;
    copy->is_by_ref = true;
    copy->incarnation = subscription->incarnation;
    IGNORE_ERR(deliver(self->runtime, NULL, (str_t){NULL, 0}, subscription->actor,
                       copy)); /* counted there */
}

void topic_deliver(scheduler_t *self, const message_t *message)
{
    topic_t *topic = *topic_at(&self->topics, message_text(message));
    if (topic == NULL)
        return;
    uint32_t before = inside_swap_trace(self->runtime, message->trace);
    self->topics.delivering = topic;
    for (edge_subscription_t *it = topic->first; it != NULL; it = it->next) {
        bool is_for_it = it->fn != NULL || it->hears_gaps || message->schema != &topic_gap_schema;
        if (it->is_dead || !is_for_it)
            continue;
        if (it->fn != NULL)
            it->fn(it->context, topic->name, message->schema, message_body(message));
        else
            deliver_to_actor(self, it, message);
    }
    self->topics.delivering = NULL;
    inside_swap_trace(self->runtime, before);
    sweep(self, topic);
}
