#include "runtime/mail/topic.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/kernel.h"

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

static err_t index_add(topic_index_t *self, str_t name, uint32_t scheduler)
{
    err_t err = ERR_OK;
    uv_rwlock_wrlock(&self->lock);
    index_row_t **at = index_at(self, name);
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

static void index_remove(topic_index_t *self, str_t name, uint32_t scheduler)
{
    uv_rwlock_wrlock(&self->lock);
    index_row_t **at = index_at(self, name);
    if (*at != NULL) {
        (*at)->schedulers &= ~(UINT64_C(1) << scheduler);
        if ((*at)->schedulers == 0) {
            index_row_t *row = *at;
            *at = row->next;
            memory_free(row);
        }
    }
    uv_rwlock_wrunlock(&self->lock);
}

static uint64_t index_find(topic_index_t *self, str_t name)
{
    uv_rwlock_rdlock(&self->lock);
    index_row_t *row = *index_at(self, name);
    uint64_t schedulers = row == NULL ? 0 : row->schedulers;
    uv_rwlock_rdunlock(&self->lock);
    return schedulers;
}

/* ---- a scheduler's subscriptions ---- */

struct edge_subscription {
    edge_subscription_t *next;
    topic_t *topic;
    edge_message_fn fn; /* NULL: an actor's */
    void *context;
    uint64_t actor;
    uint32_t incarnation;
    bool is_dead; /* unsubscribed while its topic was being delivered */
    scheduler_t *scheduler;
};

struct topic {
    topic_t *next;
    str_t name; /* behind the topic */
    edge_subscription_t *first, **end;
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
    if (index_add(scheduler->runtime->topics, name, scheduler->index) != ERR_OK) {
        memory_free(topic);
        return NULL;
    }
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
    *topic->end = self;
    topic->end = &self->next;
    return self;
}

/* Takes out what is dead, and the topic when nobody is left. */
static void sweep(scheduler_t *scheduler, topic_t *topic)
{
    edge_subscription_t **at = &topic->first;
    while (*at != NULL) {
        edge_subscription_t *subscription = *at;
        if (subscription->is_dead) {
            *at = subscription->next;
            memory_free(subscription);
        } else {
            at = &subscription->next;
        }
    }
    topic->end = at;
    if (topic->first != NULL)
        return;
    topic_t **in_table = topic_at(&scheduler->topics, topic->name);
    *in_table = topic->next;
    index_remove(scheduler->runtime->topics, topic->name, scheduler->index);
    memory_free(topic);
}

static void unsubscribe(edge_subscription_t *subscription)
{
    subscription->is_dead = true;
    scheduler_t *scheduler = subscription->scheduler;
    if (scheduler->topics.delivering != subscription->topic)
        sweep(scheduler, subscription->topic);
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

err_t topic_subscribe_actor(scheduler_t *self, str_t topic, uint64_t actor, uint32_t incarnation)
{
    if (topic.size > TOPIC_SIZE_MAX)
        return ERR_LIMIT;
    edge_subscription_t model = {.actor = actor, .incarnation = incarnation};
    return subscribe(self, topic, &model) == NULL ? ERR_NO_MEMORY : ERR_OK;
}

void topic_unsubscribe_actor(scheduler_t *self, uint64_t actor, uint32_t incarnation)
{
    for (size_t i = 0; i < TOPIC_BUCKETS; i++) {
        topic_t *next = NULL;
        for (topic_t *topic = self->topics.buckets[i]; topic != NULL; topic = next) {
            next = topic->next;
            bool is_hit = false;
            for (edge_subscription_t *it = topic->first; it != NULL; it = it->next) {
                if (it->fn == NULL && it->actor == actor && it->incarnation == incarnation)
                    is_hit = it->is_dead = true;
            }
            if (is_hit && self->topics.delivering != topic)
                sweep(self, topic);
        }
    }
}

void topic_table_deinit(scheduler_t *scheduler)
{
    for (size_t i = 0; i < TOPIC_BUCKETS; i++) {
        while (scheduler->topics.buckets[i] != NULL) {
            topic_t *topic = scheduler->topics.buckets[i];
            for (edge_subscription_t *it = topic->first; it != NULL; it = it->next)
                it->is_dead = true;
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

void topic_publish(runtime_t *runtime, message_t *message)
{
    uint64_t schedulers = index_find(runtime->topics, message_text(message));
    while (schedulers != 0) {
        uint32_t index = (uint32_t)__builtin_ctzll(schedulers);
        schedulers &= schedulers - 1;
        message_t *copy = schedulers == 0 ? STEAL(message) : message_dup(message);
        if (copy == NULL)
            topic_missed(runtime, message_text(message));
        else
            scheduler_post(&runtime->schedulers[index], copy);
    }
    message_free(message);
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
    self->topics.delivering = topic;
    for (edge_subscription_t *it = topic->first; it != NULL; it = it->next) {
        if (it->is_dead)
            continue;
        if (it->fn != NULL)
            it->fn(it->context, topic->name, message->schema, message_body(message));
        else
            deliver_to_actor(self, it, message);
    }
    self->topics.delivering = NULL;
    sweep(self, topic);
}
