#include "runtime/mail/dead_letters.h"

#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"
#include "runtime/kernel.h"
#include "runtime/mail/backlog.h"
#include "runtime/remote/remote.h"

#include <string.h>

/* Declared by hand, as actor_down is: runtime.h is included before any .def file. */
static const schema_field_t dead_letter_fields[] = {
    {"reason", 1, FIELD_TYPE_STR, NULL, offsetof(dead_letter_t, reason), 0},
    {"type", 2, FIELD_TYPE_STR, NULL, offsetof(dead_letter_t, type), 0},
    {"kind", 3, FIELD_TYPE_STR, NULL, offsetof(dead_letter_t, kind), 0},
    {"key", 4, FIELD_TYPE_STR, NULL, offsetof(dead_letter_t, key), 0},
    {"receiver", 5, FIELD_TYPE_U64, NULL, offsetof(dead_letter_t, receiver), 0},
    {"sender", 6, FIELD_TYPE_U64, NULL, offsetof(dead_letter_t, sender), 0},
};
const schema_t dead_letter_schema = {"dead_letter",
                                     SCHEMA_MESSAGE,
                                     sizeof(dead_letter_t),
                                     dead_letter_fields,
                                     COUNT_OF(dead_letter_fields),
                                     0,
                                     false};

typedef struct row {
    _Atomic(const char *) kind; /* NULL: free */
    _Atomic uint64_t counts[DEAD_REASONS];
} row_t;

typedef struct trace {
    _Atomic bool is_taken; /* by a writer or a reader */
    uint64_t number;       /* from 1; 0: never written */
    uint64_t at_ns, sender, receiver;
    const char *kind;
    const schema_t *schema;
    dead_reason_t reason;
    uint32_t key_size;
    char key[DEAD_KEY_SIZE];
} trace_t;

struct dead_letters {
    row_t rows[DEAD_KINDS_MAX];
    trace_t traces[DEAD_LETTERS_TRACED];
    _Atomic uint64_t count;             /* of traces so far */
    _Atomic uint64_t told_second, told; /* the rate of what is published */
    _Atomic uint64_t untraced, unspoken;
};

dead_letters_t *dead_letters_new(void)
{
    return memory_new(sizeof(dead_letters_t));
}

void dead_letters_free(dead_letters_t *self)
{
    memory_free(self);
}

const char *dead_reason_name(dead_reason_t reason)
{
    static const char *const names[DEAD_REASONS] = {
#define DEAD_NAME(name, text) text,
        DEAD_REASON_LIST(DEAD_NAME)
#undef DEAD_NAME
    };
    return (unsigned)reason < DEAD_REASONS ? names[reason] : "?";
}

/* ---- rows ---- */

static bool is_row_of(row_t *row, const char *kind)
{
    const char *taken = atomic_load_explicit(&row->kind, memory_order_acquire);
    if (taken == NULL && atomic_compare_exchange_strong(&row->kind, &taken, kind))
        return true;
    return strcmp(taken, kind) == 0;
}

/* Open addressing without removal; a full table counts what is new in its last row. */
static row_t *row_of(dead_letters_t *self, const char *kind)
{
    size_t first = str_hash(str_from(kind)) % (DEAD_KINDS_MAX - 1);
    for (size_t i = 0; i < DEAD_KINDS_MAX - 1; i++) {
        row_t *row = &self->rows[(first + i) % (DEAD_KINDS_MAX - 1)];
        if (is_row_of(row, kind))
            return row;
    }
    row_t *last = &self->rows[DEAD_KINDS_MAX - 1];
    (void)is_row_of(last, "(others)");
    return last;
}

/* ---- traces ---- */

static void trace(dead_letters_t *self, const message_t *message, dead_reason_t reason,
                  const dead_receiver_t *receiver, uint64_t now_ns)
{
    uint64_t number = atomic_fetch_add(&self->count, 1) + 1;
    trace_t *at = &self->traces[number % DEAD_LETTERS_TRACED];
    /* Acquire and release: what lies in the place belongs to who took it. */
    if (atomic_exchange_explicit(&at->is_taken, true, memory_order_acquire)) {
        count_one(&self->untraced);
        return;
    }
    at->number = number;
    at->at_ns = now_ns;
    at->sender = message == NULL ? 0 : message->sender;
    at->schema = message == NULL ? NULL : message->schema;
    at->receiver = receiver->ref;
    at->kind = receiver->kind;
    at->reason = reason;
    at->key_size = (uint32_t)MIN(receiver->key.size, (size_t)DEAD_KEY_SIZE);
    if (at->key_size > 0)
        memcpy(at->key, receiver->key.data, at->key_size);
    atomic_store_explicit(&at->is_taken, false, memory_order_release);
}

static bool trace_copy(dead_letters_t *self, size_t index, trace_t *out)
{
    trace_t *at = &self->traces[index];
    if (atomic_exchange_explicit(&at->is_taken, true, memory_order_acquire))
        return false; /* it is being written: it will be seen the next time */
    bool is_there = at->number != 0;
    memcpy((char *)out + offsetof(trace_t, number), (char *)at + offsetof(trace_t, number),
           sizeof *at - offsetof(trace_t, number));
    atomic_store_explicit(&at->is_taken, false, memory_order_release);
    return is_there;
}

/* ---- telling ---- */

static bool may_tell(dead_letters_t *self, uint64_t now_ns)
{
    uint64_t second = now_ns / 1000000000;
    if (atomic_exchange(&self->told_second, second) != second)
        atomic_store(&self->told, 0);
    if (atomic_fetch_add(&self->told, 1) < DEAD_LETTERS_TOLD_MAX)
        return true;
    count_one(&self->unspoken);
    return false;
}

static void tell(runtime_t *runtime, const message_t *message, dead_reason_t reason,
                 const dead_receiver_t *receiver, uint64_t now_ns)
{
    str_t topic = STR(DEAD_LETTERS_TOPIC);
    /* What tells of dead letters and dies itself is not told of. */
    bool is_own = message != NULL && message->schema == &dead_letter_schema;
    if (is_own || !topic_is_heard(runtime, topic) || !may_tell(runtime->dead_letters, now_ns))
        return;
    const schema_t *schema = message == NULL ? NULL : message->schema;
    dead_letter_t letter = {.reason = str_from(dead_reason_name(reason)),
                            .type = str_from(schema == NULL ? "" : schema->name),
                            .kind = str_from(receiver->kind == NULL ? "" : receiver->kind),
                            .key = receiver->key,
                            .receiver = receiver->ref,
                            .sender = message == NULL ? 0 : message->sender};
    message_t *told =
        message_new(MESSAGE_PUBLISH, &dead_letter_schema, &letter, (str_t){NULL, 0}, topic);
    if (told == NULL)
        count_one(&runtime->dead_letters->unspoken);
    else
        topic_publish(runtime, told);
}

void dead_letter(runtime_t *runtime, const message_t *message, dead_reason_t reason,
                 const dead_receiver_t *receiver)
{
    inside_dead_letter(runtime, message, reason, receiver);
    bool is_reply = reason == DEAD_LATE_REPLY || reason == DEAD_SECOND_REPLY;
    if (message == NULL && !is_reply)
        count_sent(runtime);
    if (!is_reply)
        count_one(&runtime->counters.dead_letters);
    const char *kind = receiver->kind == NULL ? "(unknown)" : receiver->kind;
    count_one(&row_of(runtime->dead_letters, kind)->counts[reason]);
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    trace(runtime->dead_letters, message, reason, receiver, now_ns);
    tell(runtime, message, reason, receiver, now_ns);
}

/* ---- looking ---- */

uint64_t dead_letters_of(const dead_letters_t *self, dead_reason_t reason)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < DEAD_KINDS_MAX; i++)
        sum += atomic_load(&self->rows[i].counts[reason]);
    return sum;
}

void runtime_dead_letters_each(runtime_t *self,
                               void (*each)(void *context, const char *kind, dead_reason_t reason,
                                            uint64_t count),
                               void *context)
{
    for (size_t i = 0; i < DEAD_KINDS_MAX; i++) {
        const row_t *row = &self->dead_letters->rows[i];
        const char *kind = atomic_load(&row->kind);
        for (size_t j = 0; kind != NULL && j < DEAD_REASONS; j++) {
            uint64_t count = atomic_load(&row->counts[j]);
            if (count > 0)
                each(context, kind, (dead_reason_t)j, count);
        }
    }
}

static void describe_row(const row_t *row, json_t *json)
{
    const char *kind = atomic_load(&row->kind);
    if (kind == NULL)
        return;
    json_object_begin(json);
    json_key_str(json, "kind", str_from(kind));
    for (size_t i = 0; i < DEAD_REASONS; i++) {
        uint64_t count = atomic_load(&row->counts[i]);
        if (count > 0)
            json_key_u64(json, dead_reason_name((dead_reason_t)i), count);
    }
    json_object_end(json);
}

static void describe_trace(const trace_t *at, uint64_t now_ns, json_t *json)
{
    json_object_begin(json);
    json_key_str(json, "type", str_from(at->schema == NULL ? "" : at->schema->name));
    json_key_str(json, "reason", str_from(dead_reason_name(at->reason)));
    json_key_str(json, "kind", str_from(at->kind == NULL ? "" : at->kind));
    json_key_str(json, "key", str_of(at->key, at->key_size));
    json_key_u64(json, "receiver", at->receiver);
    json_key_u64(json, "sender", at->sender);
    json_key_u64(json, "age_ms", now_ns > at->at_ns ? (now_ns - at->at_ns) / 1000000 : 0);
    json_object_end(json);
}

void runtime_dead_letters(runtime_t *runtime, json_t *json)
{
    dead_letters_t *self = runtime->dead_letters;
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    json_object_begin(json);
    json_key_u64(json, "count", atomic_load(&runtime->counters.dead_letters));
    json_key_u64(json, "untraced", atomic_load(&self->untraced));
    json_key_u64(json, "unspoken", atomic_load(&self->unspoken));
    json_key(json, STR("kinds"));
    json_array_begin(json);
    for (size_t i = 0; i < DEAD_KINDS_MAX; i++)
        describe_row(&self->rows[i], json);
    json_array_end(json);
    json_key(json, STR("last"));
    json_array_begin(json);
    uint64_t newest = atomic_load(&self->count);
    for (size_t i = 0; i < DEAD_LETTERS_TRACED; i++) { /* the newest first */
        trace_t copy;
        if (trace_copy(self, (newest - i) % DEAD_LETTERS_TRACED, &copy))
            describe_trace(&copy, now_ns, json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void add_in_flight(void *context, actor_t *actor)
{
    uint64_t *sum = context;
    *sum += mailbox_user_length(&actor->mailbox) + actor_stash_count(actor);
}

uint64_t runtime_in_flight(runtime_t *self)
{
    uint64_t sum = 0;
    registry_each(self->registry, add_in_flight, &sum);
    if (self->remote != NULL)
        sum += atomic_load(&self->remote->in_flight);
    return sum;
}
