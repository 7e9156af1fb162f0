#include "tests/runtime/code/stage.h"
#include "tests/support/patience.h"

#include <stdlib.h>

const char *plugin_path(const char *name, char room[512])
{
    const char *build = getenv("MS_BUILD");
    snprintf(room, 512, "%s/plugins/%s.so", build == NULL ? "." : build, name);
    return room;
}

void stage_open(stage_t *self)
{
    char room[512];
    *self = (stage_t){0};
    check_ok(journal_memory_new(false, &self->journal));
    runtime_options_t options = {.scheduler_count = 2,
                                 .journal = journal_memory_journal(self->journal)};
    check_ok(runtime_new(&options, &self->runtime));
    err_t err =
        runtime_load_plugin(self->runtime, plugin_path("tally_v1", room), NULL, &self->problem);
    cr_assert(err == ERR_OK, "%s", buf_terminated(&self->problem));
    check_ok(runtime_start(self->runtime));
    self->asking.runtime = self->runtime;
}

void stage_close(stage_t *self)
{
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(self->runtime);
    journal_memory_free(self->journal);
    asking_deinit(&self->asking);
    buf_deinit(&self->problem);
}

err_t stage_replace(stage_t *self, const char *plugin, uint64_t timeout_ms)
{
    char room[512];
    buf_reset(&self->problem);
    return runtime_replace_plugin(self->runtime, "tally", plugin_path(plugin, room), timeout_ms,
                                  &self->problem);
}

void check_waits_for(stage_t *self, const char *plugin, const char *what)
{
    bool is_said = false;
    for (uint64_t timeout_ms = 25; !is_said && timeout_ms < 60000; timeout_ms *= 2) {
        check_err(stage_replace(self, plugin, timeout_ms), ERR_TIMEOUT);
        is_said = str_contains(buf_str(&self->problem), str_from(what));
    }
    cr_assert(is_said, "not \"%s\": %s", what, buf_terminated(&self->problem));
}

static const void *viewed(stage_t *self, asked_t asked, const schema_t *schema)
{
    answer_t answer = {.err = asked.err, .schema = asked.schema, .message = asked.message};
    const void *status = answer_view(&answer, schema, &self->asking.arena);
    cr_assert(status != NULL, "answered with %s (%s)",
              asked.schema == NULL ? "nothing" : asked.schema->name, err_name(asked.err));
    return status;
}

tally_status_t tally_of(stage_t *self, asked_t asked)
{
    return *(const tally_status_t *)viewed(self, asked, &tally_status_schema);
}

ledger_status_t ledger_of(stage_t *self, asked_t asked)
{
    return *(const ledger_status_t *)viewed(self, asked, &ledger_status_schema);
}
