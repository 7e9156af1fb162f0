#include "storage/crypt/sealed_wait.h"

#include "runtime/base/memory.h"
#include "runtime/base/thread.h"
#include "storage/crypt/aead.h"

#include <openssl/crypto.h>

typedef struct sealed_item {
    struct sealed_item *next;
    size_t size;
    sealed_waiting_t waiting;
    journal_append_t append;
    journal_event_t *events;
    char bytes[]; /* all strings */
} sealed_item_t;

/* ---- copies ---- */

static size_t bytes_of(const sealed_waiting_t *waiting)
{
    if (waiting->append == NULL)
        return waiting->stream.size + waiting->snapshot.size;
    const journal_append_t *append = waiting->append;
    size_t size = append->stream.size + append->command_id.size + append->result.size;
    for (size_t i = 0; i < append->event_count; i++)
        size += append->events[i].name.size + append->events[i].payload.size;
    return size;
}

static str_t keep(char **at, str_t s)
{
    char *copy = *at;
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    *at += s.size;
    return str_of(copy, s.size);
}

static void item_free(sealed_item_t *self)
{
    if (self == NULL)
        return;
    memory_free(self->events);
    OPENSSL_cleanse(self, self->size);
    memory_free(self);
}

static void copy_append(sealed_item_t *item, const journal_append_t *append, char *at)
{
    item->append = *append;
    item->append.stream = keep(&at, append->stream);
    item->append.command_id = keep(&at, append->command_id);
    item->append.result = keep(&at, append->result);
    item->append.events = item->events;
    for (size_t i = 0; i < append->event_count; i++)
        item->events[i] = (journal_event_t){keep(&at, append->events[i].name),
                                            keep(&at, append->events[i].payload)};
    item->waiting = (sealed_waiting_t){.append = &item->append};
}

static sealed_item_t *item_of(const sealed_waiting_t *waiting)
{
    size_t size = sizeof(sealed_item_t) + bytes_of(waiting);
    sealed_item_t *item = memory_new(size);
    if (item == NULL)
        return NULL;
    item->size = size;
    if (waiting->append == NULL) {
        char *at = item->bytes;
        item->waiting.version = waiting->version;
        item->waiting.stream = keep(&at, waiting->stream);
        item->waiting.snapshot = keep(&at, waiting->snapshot);
        return item;
    }
    item->events = memory_new_array(waiting->append->event_count, sizeof *item->events);
    if (item->events == NULL) {
        item_free(item);
        return NULL;
    }
    copy_append(item, waiting->append, item->bytes);
    return item;
}

/* ---- the queue ---- */

bool sealed_wait_is_empty(const sealed_wait_t *self)
{
    return atomic_load_explicit(&self->count, memory_order_acquire) == 0;
}

err_t sealed_wait_put(sealed_wait_t *self, const sealed_waiting_t *waiting)
{
    sealed_item_t *item = item_of(waiting);
    if (item == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_lock(&self->lock);
    bool is_full = self->is_closed || self->size + item->size > self->size_max;
    if (!is_full) {
        *self->end = item;
        self->end = &item->next;
        self->size += item->size;
        atomic_fetch_add_explicit(&self->count, 1, memory_order_relaxed);
        pthread_cond_signal(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    if (is_full)
        item_free(item);
    return is_full ? ERR_BUSY : ERR_OK;
}

/* NULL: closed, and nothing is left. */
static sealed_item_t *take(sealed_wait_t *self)
{
    pthread_mutex_lock(&self->lock);
    while (self->first == NULL && !self->is_closed)
        pthread_cond_wait(&self->changed, &self->lock);
    sealed_item_t *item = self->first;
    if (item != NULL) {
        self->first = item->next;
        self->size -= item->size;
        if (self->first == NULL)
            self->end = &self->first;
    }
    pthread_mutex_unlock(&self->lock);
    return item;
}

static void *run(void *context)
{
    thread_name("sealed-wait");
    sealed_wait_t *self = context;
    for (sealed_item_t *item; (item = take(self)) != NULL;) {
        self->serve(self->context, &item->waiting);
        item_free(item);
        /* Pairs with is_empty: who sees 0 sees what was passed on before it. */
        atomic_fetch_sub_explicit(&self->count, 1, memory_order_release);
    }
    return NULL;
}

err_t sealed_wait_start(sealed_wait_t *self, size_t size_max, sealed_serve_fn serve, void *context)
{
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    self->end = &self->first;
    self->size_max = size_max;
    self->serve = serve;
    self->context = context;
    err_t err = thread_start(&self->thread, run, self);
    self->is_started = err == ERR_OK;
    if (err == ERR_OK)
        return ERR_OK;
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->changed);
    return err;
}

void sealed_wait_stop(sealed_wait_t *self)
{
    if (!self->is_started)
        return;
    pthread_mutex_lock(&self->lock);
    self->is_closed = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    self->is_started = false;
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->changed);
}
