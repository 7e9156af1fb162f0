#pragma once
/* test_kit.h -- one actor alone, without threads: tell it something, look at what it did.
 *
 *     kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));
 *     const kit_answer_t *answer = kit_ask(kit, counter_add, .amount = 3);
 *
 *     const counter_added_t *event = kit_emitted(kit, counter_added);
 *     assert(event != NULL && event->amount == 3);
 *     assert(kit_answer_as(answer, counter_value)->value == 3);
 *     assert(kit_is_quiet(kit));
 *
 * The actor is a real one in a real runtime; only the world around it is not there. What it does to
 * the world is an *effect*: kept in order, carried out for nobody. Every function that looks at one
 * takes the oldest, which must be what is asked for; else it gives NULL (or false), takes nothing,
 * and kit_wrong says what was there instead. So a test that forgets an effect notices it.
 *
 * Time stands still but for kit_pass. Jobs run when told, asks are answered by hand or run into
 * their deadline. The journal is in memory; kit_restart is the end of the process and its next
 * start.
 *
 * Ownership  The kit owns all that it hands out, until kit_close.
 * Threads    One; no scheduler of another runtime may be current, but many kits may live.
 * Errors     Without memory: kit_open gives NULL; afterwards what is told is not handled, and
 *            kit_wrong says so. It needs no test framework. */

#include "runtime/journal_memory.h"
#include "runtime/runtime.h"

API_BEGIN

typedef struct kit kit_t;

typedef struct kit_options {
    const actor_kind_t *kind;
    str_t key;
    void *service; /* its context_service */
    uint64_t seed; /* of context_random_u64 */
} kit_options_t;

/* Starts the actor: `start` has run. NULL: no memory. */
[[nodiscard]] kit_t *kit_open(const actor_kind_t *kind, str_t key);
[[nodiscard]] kit_t *kit_open_with(const kit_options_t *options);
void kit_close(kit_t *self);
void kit_scope_end(kit_t **self);
#define KIT_SCOPED SCOPED(kit_scope_end)

/* ---- telling ---- */

/* Answered now, later, or, while is_there is false, not yet. */
typedef struct kit_answer {
    bool is_there;
    err_t err;
    const schema_t *schema;
    const void *message;
    str_t text; /* of a refusal */
} kit_answer_t;

#define kit_ask(kit, command, ...)                                                                 \
    kit_ask_message((kit), STR(""), &command##_schema, &__extension__(command##_t){__VA_ARGS__})
#define kit_ask_with_id(kit, id, command, ...)                                                     \
    kit_ask_message((kit), (id), &command##_schema, &__extension__(command##_t){__VA_ARGS__})
const kit_answer_t *kit_ask_message(kit_t *self, str_t command_id, const schema_t *schema,
                                    const void *message);
/* NULL: not there, an error, or another reply. */
#define kit_answer_as(answer, reply)                                                               \
    ((const reply##_t *)kit_answer_message((answer), &reply##_schema))
const void *kit_answer_message(const kit_answer_t *answer, const schema_t *schema);
/* Without waiting for an answer. */
#define kit_tell(kit, command, ...)                                                                \
    kit_tell_message((kit), &command##_schema, &__extension__(command##_t){__VA_ARGS__})
void kit_tell_message(kit_t *self, const schema_t *schema, const void *message);
/* To who subscribed to the topic. */
#define kit_publish(kit, topic, event, ...)                                                        \
    kit_publish_message((kit), (topic), &event##_schema, &__extension__(event##_t){__VA_ARGS__})
void kit_publish_message(kit_t *self, str_t topic, const schema_t *schema, const void *message);

/* ---- what it did: each takes the oldest effect ---- */

#define kit_emitted(kit, event) ((const event##_t *)kit_take_event((kit), &event##_schema))
#define kit_sent(kit, to, command)                                                                 \
    ((const command##_t *)kit_take_sent((kit), (to), &command##_schema))
#define kit_asked(kit, to, command)                                                                \
    ((const command##_t *)kit_take_asked((kit), (to), &command##_schema))
#define kit_published(kit, topic, event)                                                           \
    ((const event##_t *)kit_take_published((kit), (topic), &event##_schema))
#define kit_armed(kit, delay_ms, period_ms, command)                                               \
    ((const command##_t *)kit_take_armed((kit), (delay_ms), (period_ms), &command##_schema))
const void *kit_take_event(kit_t *self, const schema_t *schema);
const void *kit_take_sent(kit_t *self, address_t to, const schema_t *schema);
const void *kit_take_asked(kit_t *self, address_t to, const schema_t *schema);
const void *kit_take_published(kit_t *self, str_t topic, const schema_t *schema);
const void *kit_take_armed(kit_t *self, uint64_t delay_ms, uint64_t period_ms,
                           const schema_t *schema);
bool kit_spawned(kit_t *self, const char *kind, str_t key, actor_ref_t *out_ref);
bool kit_offloaded(kit_t *self, offload_lane_t lane);
bool kit_stopped(kit_t *self); /* also by idleness */
bool kit_failed(kit_t *self, const char *reason);
/* No effect is left that was not taken. */
bool kit_is_quiet(kit_t *self);
/* Forgets what was not taken. */
void kit_skip(kit_t *self);
/* Why the last look gave NULL or false: a sentence. */
const char *kit_wrong(kit_t *self);

/* ---- the world's part ---- */

/* Answers the oldest ask that is open; false: there is none. */
#define kit_reply(kit, reply, ...)                                                                 \
    kit_reply_message((kit), &reply##_schema, &__extension__(reply##_t){__VA_ARGS__})
bool kit_reply_message(kit_t *self, const schema_t *schema, const void *reply);
bool kit_refuse(kit_t *self, err_t err);
/* Runs the oldest job that waits, and tells the actor; or tells it that it ended with err. */
bool kit_run_job(kit_t *self);
bool kit_fail_job(kit_t *self, err_t err);
/* What sends come to from now on: ERR_OK, or ERR_BUSY and the like. */
void kit_set_send_result(kit_t *self, err_t err);
/* Somebody to send to or to monitor. */
actor_ref_t kit_stranger(kit_t *self);
/* A stranger or a child ends normally, or is killed. */
void kit_end(kit_t *self, actor_ref_t ref);
void kit_kill(kit_t *self, actor_ref_t ref);
/* Time goes on; what is due on the way happens at its moment. */
void kit_pass(kit_t *self, uint64_t ms);
/* The process dies and starts again on the same journal. Effects that were not taken stay. */
void kit_restart(kit_t *self);
/* For faults: journal_memory.h. */
journal_memory_t *kit_journal(kit_t *self);
/* The state as it is; NULL: the actor has none now. */
const void *kit_state(kit_t *self);

API_END
