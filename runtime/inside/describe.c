#include "runtime/base/memory.h"
#include "runtime/inside.h"
#include "runtime/kernel.h"
#include "runtime/life/tie.h"

void runtime_stats(runtime_t *self, runtime_stats_t *out_stats)
{
    const runtime_counters_t *from = &self->counters;
    runtime_stats_t stats = {.actors = registry_count(self->registry),
                             .passivations = atomic_load(&from->passivations),
                             .failures = atomic_load(&from->failures),
                             .restarts = atomic_load(&from->restarts),
                             .dead_letters = atomic_load(&from->dead_letters),
                             .late_replies = dead_letters_of(self->dead_letters, DEAD_LATE_REPLY),
                             .refused = dead_letters_of(self->dead_letters, DEAD_FULL) +
                                        dead_letters_of(self->dead_letters, DEAD_NO_MEMORY),
                             .expired = dead_letters_of(self->dead_letters, DEAD_EXPIRED),
                             .sent = atomic_load(&from->sent),
                             .handled = atomic_load(&from->handled),
                             .appends_in_flight = atomic_load(&from->appends_in_flight)};
    for (uint32_t i = 0; i < self->scheduler_count; i++) {
        const scheduler_counters_t *counters = &self->schedulers[i].counters;
        stats.messages += atomic_load(&counters->messages);
        stats.activations += atomic_load(&counters->activations);
        stats.turns += atomic_load(&counters->turns);
        stats.slow_turns += atomic_load(&counters->slow_turns);
        stats.sent += atomic_load(&counters->sent);
        stats.handled += atomic_load(&counters->handled);
        stats.stolen += atomic_load(&counters->stolen);
        stats.pool_bytes += pool_bytes(&self->schedulers[i].pool);
    }
    offload_stats(self->offload, &stats);
    stats.sleeps = atomic_load(&from->sleeps);
    stats.wakes = atomic_load(&from->wakes);
    stats.sleeps_refused = atomic_load(&from->sleeps_refused);
    stats.sleeps_lost = atomic_load(&from->sleeps_lost);
    stats.pressed = atomic_load(&self->pressure.asked);
    stats.actor_bytes = runtime_charged(self) + stats.actors * ACTOR_SLOT_SIZE;
    *out_stats = stats;
}

static void describe_actor(void *context, actor_t *actor)
{
    json_t *json = context;
    json_object_begin(json);
    json_key_str(json, "kind", str_from(actor_kind(actor)->name));
    json_key_str(json, "key", actor_key(actor));
    json_key_u64(json, "ref", actor_bits(actor));
    json_key_u64(json, "parent", actor_parent(actor));
    json_key_u64(json, "messages", actor_messages(actor));
    json_key_u64(json, "busy_us", atomic_load(&actor->busy_ns) / 1000);
    json_key_u64(json, "bytes", actor_charged(actor) + ACTOR_SLOT_SIZE);
    json_key_u64(json, "queue", mailbox_user_length(&actor->mailbox));
    json_key_u64(json, "scheduler", atomic_load(&actor->home));
    json_object_end(json);
}

void runtime_describe_latencies(runtime_t *self, json_t *json)
{
    latency_row_t *rows MEMORY_SCOPED = memory_new_array(LATENCY_ROWS_MAX + 1, sizeof *rows);
    size_t count = 0;
    if (rows == NULL || runtime_latencies(self, rows, LATENCY_ROWS_MAX + 1, &count) != ERR_OK)
        count = 0;
    json_array_begin(json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(json);
        json_key_str(json, "kind", str_from(rows[i].kind));
        json_key_str(json, "type", str_from(rows[i].type));
        json_key_u64(json, "count", rows[i].count);
        json_key_u64(json, "wait_p50_ns", rows[i].wait_p50_ns);
        json_key_u64(json, "wait_p99_ns", rows[i].wait_p99_ns);
        json_key_u64(json, "wait_max_ns", rows[i].wait_max_ns);
        json_key_u64(json, "took_p50_ns", rows[i].took_p50_ns);
        json_key_u64(json, "took_p99_ns", rows[i].took_p99_ns);
        json_key_u64(json, "took_max_ns", rows[i].took_max_ns);
        json_key_u64(json, "took_sum_ns", rows[i].took_sum_ns);
        json_object_end(json);
    }
    json_array_end(json);
}

void runtime_describe(runtime_t *self, json_t *json)
{
    runtime_stats_t stats;
    runtime_stats(self, &stats);
    json_object_begin(json);
    json_key_u64(json, "actor_count", stats.actors);
    json_key_u64(json, "messages", stats.messages);
    json_key_u64(json, "turns", stats.turns);
    json_key_u64(json, "slow_turns", stats.slow_turns);
    json_key_u64(json, "failures", stats.failures);
    json_key_u64(json, "restarts", stats.restarts);
    json_key_u64(json, "dead_letters", stats.dead_letters);
    json_key_u64(json, "late_replies", stats.late_replies);
    json_key_u64(json, "refused", stats.refused);
    json_key_u64(json, "sleeps", stats.sleeps);
    json_key_u64(json, "wakes", stats.wakes);
    json_key_u64(json, "sleeps_refused", stats.sleeps_refused);
    json_key_u64(json, "sleeps_lost", stats.sleeps_lost);
    json_key_u64(json, "pressed", stats.pressed);
    json_key_u64(json, "actor_bytes", stats.actor_bytes);
    json_key_u64(json, "pool_bytes", stats.pool_bytes);
    json_key(json, STR("latencies"));
    runtime_describe_latencies(self, json);
    json_key(json, STR("actors"));
    json_array_begin(json);
    registry_each(self->registry, describe_actor, json);
    json_array_end(json);
    json_object_end(json);
}
