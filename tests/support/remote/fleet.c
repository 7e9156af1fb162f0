#include "tests/support/remote/fleet.h"

#include "runtime/kernel.h"
#include "runtime/remote/remote.h"
#include "tests/support/actors/courier.h"
#include "tests/support/actors/purse.h"
#include "tests/support/patience.h"

#include <stdio.h>

void fleet_add(fleet_t *self, uint64_t node)
{
    static const actor_kind_t *const kinds[] = {&agent_kind, &hound_kind, &waiting_kind,
                                                &nearby_kind, &worker_kind};
    scene_t *scene = &self->nodes[node];
    char path[512] = "";
    if (self->recorders != NULL)
        snprintf(path, sizeof path, "%s/%llu.ring", self->recorders, (unsigned long long)node);
    *scene = (scene_t){.simulation = self->simulation};
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .journal = self->journal,
                                 .recorder_path = self->recorders == NULL ? NULL : path,
                                 .recorder_records = 1024,
                                 .is_heap_only = true,
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &scene->runtime));
    self->worlds[node] = (agent_world_t){&self->log, node};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        check_ok(runtime_register(scene->runtime, kinds[i], &self->worlds[node]));
    check_ok(runtime_register(scene->runtime, &source_kind, &self->pipe));
    check_ok(runtime_register(scene->runtime, &sink_kind, &self->pipe));
    if (self->journal != NULL) {
        check_ok(runtime_register(scene->runtime, &courier_kind, NULL));
        check_ok(runtime_register(scene->runtime, &purse_kind, NULL));
    }
    network_join(self->network, node, scene->runtime);
    runtime_set_serving(scene->runtime, true);
    runtime_set_view(scene->runtime, 1);
    check_ok(runtime_start(scene->runtime));
    simulation_attach(self->simulation, scene->runtime);
    self->count = MAX(self->count, (uint32_t)node);
    if (self->has_met)
        fleet_meet(self);
}

void fleet_meet(fleet_t *self)
{
    self->has_met = true;
    for (uint64_t node = 1; node <= self->count; node++) {
        uint64_t others[NETWORK_NODES_MAX];
        uint32_t count = 0;
        for (uint64_t other = 1; other <= self->count; other++)
            if (other != node && self->nodes[other].runtime != NULL)
                others[count++] = other;
        if (self->nodes[node].runtime != NULL)
            check_ok(runtime_set_peers(self->nodes[node].runtime, others, count));
    }
}

void fleet_tend(fleet_t *self, uint32_t times)
{
    for (; times > 0; times--) {
        for (uint64_t node = 1; node <= self->count; node++)
            if (self->nodes[node].runtime != NULL)
                runtime_tend_peers(self->nodes[node].runtime);
        fleet_settle(self);
    }
}

void fleet_begin(fleet_t *self, uint64_t seed, uint32_t count, journal_t *journal)
{
    fleet_begin_recorded(self, seed, count, journal, NULL);
}

void fleet_begin_recorded(fleet_t *self, uint64_t seed, uint32_t count, journal_t *journal,
                          const char *recorders)
{
    *self = (fleet_t){.journal = journal, .recorders = recorders};
    agent_log_init(&self->log);
    check_ok(simulation_new(seed, &self->simulation));
    self->network = network_new(seed);
    simulation_add_source(self->simulation, network_is_ready, network_step, self->network);
    for (uint64_t node = 1; node <= count; node++)
        fleet_add(self, node);
    fleet_place_all(self, 1);
}

void fleet_end(fleet_t *self)
{
    fleet_settle(self);
    for (uint64_t node = 1; node <= self->count; node++)
        if (self->nodes[node].runtime != NULL)
            scene_check_sum(&self->nodes[node]);
    for (uint64_t node = 1; node <= self->count; node++)
        if (self->nodes[node].runtime != NULL)
            check_ok(runtime_drain(self->nodes[node].runtime, PATIENCE_MS));
    for (uint64_t node = 1; node <= self->count; node++)
        runtime_free(self->nodes[node].runtime);
    network_free(self->network);
    simulation_free(self->simulation);
    agent_log_deinit(&self->log);
    buf_deinit(&self->shown);
}

const char *fleet_log(fleet_t *self)
{
    return agent_log_take(&self->log, &self->shown);
}

void fleet_pass(fleet_t *self, uint64_t ms)
{
    for (uint64_t node = 1; node <= self->count; node++)
        if (self->nodes[node].runtime != NULL) {
            scene_pass(&self->nodes[node], ms);
            return;
        }
}

uint64_t fleet_ref(fleet_t *self, uint64_t on, const char *kind, const char *key)
{
    scene_answer_t answer =
        scene_asked(&self->nodes[on], address_of(kind, str_from(key)), agent_who);
    check_ok(answer.err);
    return answer.value;
}

void fleet_settle(fleet_t *self)
{
    simulation_settle(self->simulation);
}

void fleet_place(fleet_t *self, const char *kind_name, const char *key, uint64_t owner)
{
    for (uint64_t node = 1; node <= self->count; node++) {
        if (self->nodes[node].runtime == NULL)
            continue;
        const actor_kind_t *kind = runtime_kind(self->nodes[node].runtime, kind_name);
        uint32_t partition = remote_partition(kind, str_from(key));
        check_ok(runtime_place(self->nodes[node].runtime, partition, owner));
    }
}

void fleet_place_all(fleet_t *self, uint64_t owner)
{
    for (uint64_t node = 1; node <= self->count; node++)
        for (uint32_t i = 0; self->nodes[node].runtime != NULL && i < PARTITION_COUNT; i++)
            check_ok(runtime_place(self->nodes[node].runtime, i, owner));
}

void fleet_kill(fleet_t *self, uint64_t node)
{
    network_leave(self->network, node);
    simulation_detach(self->simulation, self->nodes[node].runtime);
    runtime_free(STEAL(self->nodes[node].runtime));
    if (self->has_met)
        fleet_meet(self);
    for (uint64_t other = 1; other <= self->count; other++)
        if (self->nodes[other].runtime != NULL)
            runtime_node_lost(self->nodes[other].runtime, node);
}

router_stats_t fleet_stats(const fleet_t *self, uint64_t node)
{
    router_stats_t stats;
    runtime_router_stats(self->nodes[node].runtime, &stats);
    return stats;
}
