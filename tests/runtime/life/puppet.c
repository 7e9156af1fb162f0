#include "tests/runtime/life/puppet.h"

#include "tests/runtime/life/keeper.h"
#include "tests/support/patience.h"

#define DEF_FILE "tests/runtime/life/puppet.def"
#include "runtime/base/schema_define.h"

typedef struct puppet {
    stage_t *stage;
} puppet_t;

#define ACTOR_DEF "tests/runtime/life/puppet.def"
#define ACTOR_STATE puppet_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit)
#include "runtime/actor_kind.h"

static actor_ref_t ref(uint64_t bits)
{
    return (actor_ref_t){bits};
}

ON(puppet_link)
{
    actor_link(ctx, ref(command->ref_bits));
    return ERR_OK;
}

ON(puppet_link_name)
{
    return actor_reply(ctx, puppet_number,
                       .number = actor_link_at(ctx, address_of("puppet", command->key)).bits);
}

ON(puppet_unlink)
{
    actor_unlink(ctx, ref(command->ref_bits));
    return ERR_OK;
}

ON(puppet_monitor)
{
    return actor_reply(ctx, puppet_number,
                       .number = actor_monitor(ctx, ref(command->ref_bits)).bits);
}

ON(puppet_monitor_name)
{
    return actor_reply(ctx, puppet_number,
                       .number = actor_monitor_at(ctx, address_of("puppet", command->key)).bits);
}

ON(puppet_demonitor)
{
    actor_demonitor(ctx, (actor_monitor_t){command->bits});
    return ERR_OK;
}

ON(puppet_exit)
{
    char reason[64];
    snprintf(reason, sizeof reason, "%.*s", STR_ARG(command->reason));
    return actor_exit(ctx, ref(command->ref_bits), reason);
}

ON(puppet_kill)
{
    return actor_kill(ctx, ref(command->ref_bits));
}

ON(puppet_fail)
{
    char reason[64]; /* on the stack that is unwound */
    snprintf(reason, sizeof reason, "%.*s", STR_ARG(command->reason));
    actor_fail(ctx, reason);
}

ON(puppet_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON(puppet_say)
{
    IGNORE_ERR(actor_send(ctx, address_of_ref(ref(command->ref_bits)), puppet_hear, /* or dead */
                          .number = command->number));
    if (command->is_last)
        actor_fail(ctx, "said all");
    return ERR_OK;
}

ON(puppet_hear)
{
    buf_printf(&self->stage->log, "%.*s hears %llu\n", STR_ARG(context_key(ctx)),
               (unsigned long long)command->number);
    return ERR_OK;
}

ON(puppet_spawn)
{
    actor_ref_t child = {0};
    TRY(actor_spawn_linked(ctx, command->is_trapping ? &self->stage->trapper : &self->stage->puppet,
                           command->key, &child));
    return actor_reply(ctx, puppet_number, .number = child.bits);
}

ON(puppet_who)
{
    return actor_reply(ctx, puppet_number, .number = context_self(ctx).bits);
}

ON(actor_down)
{
    buf_printf(&self->stage->log, "%.*s down %.*s\n", STR_ARG(context_key(ctx)),
               STR_ARG(command->reason));
    if (self->stage->who_hears_of_downs != 0)
        IGNORE_ERR(actor_send(ctx, at(self->stage->who_hears_of_downs), puppet_hear)); /* or dead */
    return ERR_OK;
}

ON(actor_exit)
{
    buf_printf(&self->stage->log, "%.*s exit %.*s%s\n", STR_ARG(context_key(ctx)),
               STR_ARG(command->reason), command->is_link ? "" : " (told)");
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    puppet_t *self = state;
    stage_t *stage = context_service(ctx);
    if (stage->starts_to_fail_after > 0) {
        stage->starts_to_fail_after--;
    } else if (stage->starts_to_fail > 0) {
        stage->starts_to_fail--;
        return ERR_FORBIDDEN;
    }
    self->stage = stage;
    stage->alive++;
    if (stage->is_verbose)
        buf_printf(&stage->log, "+%.*s ", STR_ARG(context_key(ctx)));
    return ERR_OK;
}

static void stop(void *state, context_t *ctx)
{
    const puppet_t *self = state;
    if (self->stage->is_verbose)
        buf_printf(&self->stage->log, "-%.*s ", STR_ARG(context_key(ctx)));
}

static void deinit(void *state)
{
    const puppet_t *self = state;
    if (self->stage != NULL)
        self->stage->alive--;
}

ACTOR_KIND(puppet, .start = start, .stop = stop, .deinit = deinit, .restarts_max = 1000000);
ACTOR_KIND(trapper, .start = start, .stop = stop, .deinit = deinit, .restarts_max = 1000000,
           .traps_exits = true);

/* ---- the stage ---- */

void stage_start(stage_t *self, uint64_t seed)
{
    stage_start_with(self, seed, NULL, NULL);
}

void stage_start_with(stage_t *self, uint64_t seed, const ms_log_t *log, journal_t *journal)
{
    *self = (stage_t){.puppet = puppet_kind, .trapper = trapper_kind};
    self->puppet.service = self->trapper.service = self; /* for who is spawned by its kind */
    check_ok(simulation_new(seed, &self->simulation));
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .log = log,
                                 .journal = journal,
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_register(self->runtime, &puppet_kind, self));
    check_ok(runtime_register(self->runtime, &trapper_kind, self));
    if (journal != NULL)
        check_ok(runtime_register(self->runtime, &keeper_kind, self));
    check_ok(runtime_start(self->runtime));
    simulation_attach(self->simulation, self->runtime);
}

void stage_stop(stage_t *self)
{
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    cr_assert(eq(u64, stats.actors, 0));
    cr_assert(eq(u64, self->alive, 0));
    runtime_free(self->runtime);
    simulation_free(self->simulation);
    buf_deinit(&self->log);
    buf_deinit(&self->shown);
}

void stage_settle(stage_t *self)
{
    simulation_settle(self->simulation);
}

static void note_passed(void *context)
{
    bool *has_passed = context;
    *has_passed = true;
}

static bool is_set(void *context)
{
    const bool *has_passed = context;
    return *has_passed;
}

void stage_pass(stage_t *self, uint64_t ms)
{
    bool has_passed = false;
    simulation_after(self->simulation, ms, note_passed, &has_passed);
    (void)simulation_run(self->simulation, is_set, &has_passed, 1000000);
    stage_settle(self);
}

const char *stage_log(stage_t *self)
{
    stage_settle(self);
    buf_reset(&self->shown);
    buf_append(&self->shown, buf_str(&self->log));
    buf_reset(&self->log);
    return buf_terminated(&self->shown);
}

typedef struct asked {
    stage_t *stage;
    uint64_t number;
} asked_t;

static void write_row(stage_t *stage, const supervisor_row_t *row)
{
    buf_printf(&stage->log, "%.*s %.*s %u%s\n", STR_ARG(row->id), STR_ARG(row->state),
               row->restarts, row->is_supervisor ? " supervisor" : "");
}

static void write_counts(stage_t *stage, const supervisor_counts_t *counts)
{
    buf_printf(&stage->log, "specs %u active %u supervisors %u workers %u\n", counts->specs,
               counts->active, counts->supervisors, counts->workers);
}

static void on_answer(void *context, const answer_t *answer)
{
    asked_t *asked = context;
    asked->stage->err = answer->err;
    if (answer->schema == &puppet_number_schema) {
        asked->number = ((const puppet_number_t *)answer->message)->number;
    } else if (answer->schema == &supervisor_child_schema) {
        asked->number = ((const supervisor_child_t *)answer->message)->ref_bits;
    } else if (answer->schema == &supervisor_children_schema) {
        const supervisor_children_t *children = answer->message;
        for (uint32_t i = 0; i < children->children.count; i++)
            write_row(asked->stage, &children->children.items[i]);
        asked->number = children->total;
    } else if (answer->schema == &supervisor_counts_schema) {
        write_counts(asked->stage, answer->message);
    }
}

uint64_t stage_ask(stage_t *self, address_t to, const schema_t *schema, const void *message)
{
    asked_t asked = {self, 0};
    self->err = ERR_TIMEOUT;
    edge_t *edge = runtime_edge(self->runtime, 0);
    uint64_t ticket =
        edge_ask_message(edge, to, 0, (str_t){NULL, 0}, on_answer, &asked, schema, message);
    stage_settle(self);
    edge_cancel(edge, ticket); /* who is silent now may answer when `asked` is gone */
    return asked.number;
}

uint64_t stage_ref(stage_t *self, const char *kind, const char *key)
{
    return ask_puppet(self, address_of(kind, str_from(key)), puppet_who);
}
