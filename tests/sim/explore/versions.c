#include "tests/sim/explore/inside.h"

#include "runtime/base/assert.h"
#include "tests/support/faults/memory_faults.h"

void versions_enter(world_t *self)
{
    versions_t *versions = &self->versions;
    *versions = (versions_t){0};
    for (uint32_t i = 0; i < TARGET_KINDS; i++) {
        versions->kinds[0][i] = versions->kinds[1][i] =
            *runtime_kind(self->runtime, target_kind_name((target_kind_t)i));
        act_make_other_version(&versions->kinds[1][i], versions->handlers);
        versions->tables[0][i] = &versions->kinds[0][i];
        versions->tables[1][i] = &versions->kinds[1][i];
    }
    for (uint32_t i = 0; i < 2; i++)
        versions->plugins[i] = (plugin_t){.name = "explored",
                                          .version = i == 0 ? "0" : "1",
                                          .kinds = versions->tables[i],
                                          .kind_count = TARGET_KINDS};
    /* As runtime_load_plugin would have it; its kinds are registered, each with its service. */
    self->runtime->plugins->loaded[self->runtime->plugins->count++] =
        (loaded_plugin_t){.plugin = &versions->plugins[0]};
}

static void told(world_t *self, err_t err)
{
    versions_t *versions = &self->versions;
    ledger_trace(&self->ledger, "  fault: replaced: %s %.*s", err_name(err),
                 STR_ARG(buf_str(&versions->problem)));
    versions->is_replacing = false;
    versions->running ^= err == ERR_OK;
    self->replacements += err == ERR_OK;
    buf_deinit(&versions->problem);
}

void versions_begin(world_t *self, uint64_t steps_max)
{
    versions_t *versions = &self->versions;
    if (versions->is_replacing)
        return;
    ledger_trace(&self->ledger, "  fault: replace");
    plugins_t *plugins = self->runtime->plugins;
    versions->problem = BUF_INIT;
    versions->until_step = simulation_steps(self->simulation) + steps_max;
    versions->replacing = (replacing_t){.runtime = self->runtime,
                                        .plugins = plugins,
                                        .loaded = plugins_find(plugins, "explored"),
                                        .plugin = &versions->plugins[1 - versions->running],
                                        .path = "explored",
                                        .problem = &versions->problem};
    versions->is_replacing = true;
    memory_faults_arm(!self->is_calm);
    err_t err = replacing_begin(&versions->replacing);
    memory_faults_arm(false);
    if (err != ERR_OK)
        told(self, err);
}

void versions_step(world_t *self, bool is_now)
{
    versions_t *versions = &self->versions;
    if (!versions->is_replacing)
        return;
    bool is_over = is_now || simulation_steps(self->simulation) >= versions->until_step;
    bool is_at_rest = replacing_is_at_rest(&versions->replacing);
    if (!is_at_rest && !is_over)
        return;
    self->ledger.is_rehearsing = true;
    memory_faults_arm(!self->is_calm);
    err_t err = replacing_end(&versions->replacing, is_at_rest ? ERR_OK : ERR_TIMEOUT);
    memory_faults_arm(false);
    self->ledger.is_rehearsing = false;
    told(self, err);
}

void versions_drop(world_t *self)
{
    versions_t *versions = &self->versions;
    if (versions->is_replacing)
        replacement_unref(STEAL(versions->replacing.replacement));
    buf_deinit(&versions->problem);
    versions->is_replacing = false;
}
