/* What an actor may call of the runtime's API, and what no plan of the explorer does
 * (test_no_memory.c): with the n-th allocation failing, then with all from the n-th on, n from 1
 * until none is left to fail. Nobody crashes, every message is handled or counted, the actor works
 * when there is memory again, the node drains, and no block is left. tools/check_no_memory finds
 * functions that are in no table. */
#include "runtime/kernel.h"
#include "runtime/state_store_file.h"
#include "runtime/stream.h"
#include "tests/support/actors/pipe.h"
#include "tests/support/actors/scene.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/temporary.h"

#define DEF_FILE "tests/sim/no_memory.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/sim/no_memory.def"
#include "runtime/base/schema_define.h"

enum { FAILING_MAX = 512, PARTNERS = 3 };

typedef struct calling {
    calling_state_t described; /* first: what sleeps */
    void *block;
    arena_t *arena;
    reply_token_t owed;
    bool has_stashed;
} calling_t;

#define ACTOR_DEF "tests/sim/no_memory.def"
#define ACTOR_STATE calling_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit) X(group_changed)
#define ACTOR_BEHAVIOURS(X) X(otherwise, INHERIT, calling_note)
#include "runtime/actor_kind.h"

static address_t partner(uint32_t index)
{
    static const char *const keys[PARTNERS] = {"partner 0", "partner 1", "partner 2"};
    return address_of("calling", str_from(keys[index % PARTNERS]));
}

/* ---- what is called ---- */

typedef err_t (*use_fn)(calling_t *self, context_t *ctx);

static err_t use_names(UNUSED calling_t *self, context_t *ctx)
{
    TRY(actor_register(ctx, STR("a name of its own")));
    cr_expect(runtime_whereis(context_runtime(ctx), STR("a name of its own")).bits != 0);
    TRY(actor_send(ctx, address_named(STR("a name of its own")), calling_note));
    TRY(actor_register(ctx, STR("another name")));
    return actor_unregister(ctx, STR("a name of its own"));
}

static err_t use_groups(UNUSED calling_t *self, context_t *ctx)
{
    str_t group = STR("a group");
    actor_ref_t members[4];
    uint32_t count = 0;
    TRY(actor_watch_group(ctx, group, members, COUNT_OF(members), &count));
    TRY(actor_join(ctx, group));
    count = runtime_group_members(context_runtime(ctx), group, members, COUNT_OF(members));
    cr_expect(count == 1 && runtime_group_pick(context_runtime(ctx), group, GROUP_NEXT).bits != 0);
    TRY(actor_send_one(ctx, group, GROUP_RANDOM, calling_note));
    TRY(actor_send_all(ctx, group, &count, calling_note));
    TRY(actor_leave(ctx, group));
    TRY(actor_join(ctx, STR("a group that it stays in")));
    return actor_unwatch_group(ctx, group);
}

static void on_gathered(UNUSED void *self, context_t *ctx, UNUSED const answer_t *answers,
                        UNUSED uint32_t count, UNUSED void *data, UNUSED size_t data_size)
{
    actor_reply_to(ctx, ((calling_t *)self)->owed, calling_done, .err = ERR_OK);
}

static err_t use_ask_many(calling_t *self, context_t *ctx)
{
    address_t to[PARTNERS];
    for (uint32_t i = 0; i < PARTNERS; i++)
        to[i] = partner(i);
    self->owed = actor_reply_later(ctx);
    actor_ask_many(ctx, to, PARTNERS, 1000, on_gathered, "data", 4, calling_note);
    return ERR_OK;
}

static err_t use_memory(calling_t *self, context_t *ctx)
{
    void *passing = actor_memory_new(ctx, 3000);
    self->block = actor_memory_new(ctx, 100);
    self->arena = actor_arena(ctx);
    actor_memory_free(ctx, passing);
    if (self->arena == NULL || arena_new(self->arena, 5000) == NULL || self->block == NULL)
        return ERR_NO_MEMORY;
    (void)actor_memory_new_or_fail(ctx, 200);
    return ERR_OK;
}

static err_t work(void *data, UNUSED size_t data_size)
{
    return offload_is_cancelled(data) ? ERR_CANCELLED : ERR_OK;
}

static void on_work(UNUSED void *self, UNUSED context_t *ctx, UNUSED err_t err, UNUSED void *data,
                    UNUSED size_t data_size)
{
}

static err_t use_offload(UNUSED calling_t *self, context_t *ctx)
{
    offload_options_t options = {OFFLOAD_FILE, OFFLOAD_HIGH, 1000};
    (void)actor_offload_with(ctx, &options, work, on_work, "data", 4);
    actor_offload_cancel(ctx, actor_offload(ctx, OFFLOAD_FILE, work, on_work, "data", 4));
    (void)actor_offload_when_room(ctx, OFFLOAD_FILE, on_work, "data", 4);
    return ERR_OK;
}

static err_t use_relations(UNUSED calling_t *self, context_t *ctx)
{
    actor_monitor_t monitor = actor_monitor_at(ctx, partner(0));
    (void)actor_monitor_at(ctx, partner(1));
    (void)actor_monitor_at(ctx, address_of("calling", STR("nobody")));
    actor_demonitor(ctx, monitor);
    actor_unlink(ctx, actor_link_at(ctx, partner(0)));
    (void)actor_link_at(ctx, partner(1));
    return ERR_OK;
}

static err_t use_stash(calling_t *self, context_t *ctx)
{
    if (!self->has_stashed) {
        self->has_stashed = true;
        actor_become(ctx, otherwise);
        TRY(actor_send(ctx, address_of("calling", context_key(ctx)), calling_note));
        return actor_stash(ctx);
    }
    actor_unbecome(ctx);
    return ERR_OK;
}

static err_t use_context(UNUSED calling_t *self, context_t *ctx)
{
    str_t text = arena_printf(context_arena(ctx), "%.*s", STR_ARG(context_key(ctx)));
    actor_ref_t self_ref = context_self(ctx);
    TRY(actor_send_to_ref(ctx, self_ref, &calling_note_schema, &(calling_note_t){}));
    TRY(actor_send_to(ctx, partner(0), &calling_note_schema, &(calling_note_t){}));
    return text.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void on_viewed(void *state, context_t *ctx, const answer_t *answer, UNUSED void *data,
                      UNUSED size_t data_size)
{
    const calling_t *self = state;
    /* By a table of another's, as an answer from a plugin has: copied into the arena. */
    schema_t other = calling_done_schema;
    const calling_done_t *done = answer_view(answer, &other, context_arena(ctx));
    actor_reply_to(ctx, self->owed, calling_done, .err = done == NULL ? ERR_NO_MEMORY : ERR_OK);
}

static err_t use_view(calling_t *self, context_t *ctx)
{
    self->owed = actor_reply_later(ctx);
    actor_ask(ctx, partner(0), 1000, on_viewed, NULL, 0, calling_note);
    return ERR_OK;
}

static err_t use_readable(UNUSED calling_t *self, context_t *ctx)
{
    return actor_wait_readable(ctx, 0) == ERR_UNSUPPORTED ? ERR_OK : ERR_INTERNAL;
}

/* It sleeps when it is idle, and the next look wakes it. */
static err_t use_nothing(calling_t *self, UNUSED context_t *ctx)
{
    self->described.count++;
    return ERR_OK;
}

static const struct {
    const char *what;
    use_fn use;
} uses[] = {
    {"actor_register, actor_unregister, runtime_whereis, address_named", use_names},
    {"actor_join, actor_leave, actor_watch_group, actor_unwatch_group, actor_send_one, "
     "actor_send_all, runtime_group_members, runtime_group_pick",
     use_groups},
    {"actor_ask_many, actor_reply_later", use_ask_many},
    {"actor_memory_new, actor_memory_new_or_fail, actor_memory_free, actor_arena", use_memory},
    {"actor_offload_with, actor_offload_cancel, actor_offload_when_room, offload_is_cancelled",
     use_offload},
    {"actor_monitor_at, actor_link_at", use_relations},
    {"actor_stash, actor_unstash_all, actor_become_behaviour, actor_unbecome", use_stash},
    {"actor_send_to_ref, actor_send_to, context_arena", use_context},
    {"answer_view", use_view},
    {"actor_wait_readable", use_readable},
    {"hibernation: state_store_file_open, state_store_file_close", use_nothing},
};

ON(calling_do)
{
    err_t err = uses[command->use].use(self, ctx);
    bool is_later = uses[command->use].use == use_ask_many || uses[command->use].use == use_view;
    if (is_later || err != ERR_OK || (self->has_stashed && uses[command->use].use == use_stash))
        return err;
    return actor_reply(ctx, calling_done, .err = err);
}

ON(calling_note)
{
    if (self->has_stashed)
        actor_unstash_all(ctx);
    return actor_reply(ctx, calling_done, .err = ERR_OK);
}

ON_IN(otherwise, calling_note)
{
    return on_calling_note(self, ctx, command);
}

ON(actor_down)
{
    return ERR_OK;
}

ON(actor_exit)
{
    return ERR_OK;
}

ON(group_changed)
{
    return ERR_OK;
}

ACTOR_KIND(calling, .state_schema = &calling_state_schema, .idle_ms = 20, .hibernates = true,
           .traps_exits = true, .restarts_max = 1000000);

/* ---- with failing allocations ---- */

typedef struct stage {
    scene_t scene;
    state_store_t *store;
    pipe_world_t pipes;
} stage_t;

static void begin(stage_t *self, const temporary_t *folder)
{
    memset(self, 0, sizeof *self);
    check_ok(state_store_file_open(temporary_in(folder, "states").path, &self->store));
    const scene_kind_t kinds[] = {
        {&calling_kind, NULL}, {&source_kind, &self->pipes}, {&sink_kind, &self->pipes}};
    scene_begin(&self->scene, &(scene_options_t){.seed = 1,
                                                 .each = kinds,
                                                 .each_count = COUNT_OF(kinds),
                                                 .state_store = self->store,
                                                 .is_heap_only = true});
}

static void end(stage_t *self)
{
    scene_end(&self->scene);
    state_store_file_close(self->store);
}

/* The first-th fails, and where is_for_good all after it. */
static void choose(uint64_t first, bool is_for_good)
{
    static uint64_t failing[FAILING_MAX];
    for (uint64_t i = 0; i < FAILING_MAX; i++)
        failing[i] = first + i;
    memory_faults_reset();
    memory_faults_choose(failing, is_for_good ? FAILING_MAX : 1);
    (void)memory_faults_arm(true);
}

static bool unchoose(void)
{
    (void)memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    memory_faults_reset();
    return has_failed;
}

static void set(void *context)
{
    *(bool *)context = true;
}

static bool is_set(void *context)
{
    return *(bool *)context;
}

/* As scene_pass, whose own alarm has memory. */
static void pass_without(scene_t *scene, uint64_t ms)
{
    bool is_over = false;
    (void)memory_faults_arm(false);
    simulation_after(scene->simulation, ms, set, &is_over);
    (void)memory_faults_arm(true);
    cr_assert(simulation_run(scene->simulation, is_set, &is_over, 100000));
    scene_settle(scene);
}

static bool try_use(const temporary_t *folder, uint32_t use, uint64_t first, bool is_for_good)
{
    static stage_t stage;
    int64_t live = memory_faults_live();
    begin(&stage, folder);
    scene_t *scene = &stage.scene;
    address_t to = address_of("calling", STR("who is called"));
    for (uint32_t i = 0; i < PARTNERS; i++)
        check_ok(scene_asked(scene, partner(i), calling_note).err);

    choose(first, is_for_good);
    scene_answer_t answer = scene_asked(scene, to, calling_do, .use = use);
    pass_without(scene, 50); /* those that may fall asleep do */
    bool has_failed = unchoose();

    runtime_stats_t stats;
    runtime_stats(scene->runtime, &stats);
    bool is_fine = answer.err == ERR_OK && stats.sleeps > 0;
    cr_assert(has_failed || is_fine, "%s: %s", uses[use].what, err_name(answer.err));
    cr_assert(answer.count == 1, "%s with allocation %llu", uses[use].what,
              (unsigned long long)first);
    scene_pass(scene, 50);
    err_t after = scene_asked(scene, to, calling_note).err;
    cr_assert(after == ERR_OK, "%s with allocation %llu, and after it: %s", uses[use].what,
              (unsigned long long)first, err_name(after));
    end(&stage);
    cr_assert(memory_faults_live() == live, "%s with allocation %llu leaves %lld blocks",
              uses[use].what, (unsigned long long)first, (long long)(memory_faults_live() - live));
    return has_failed;
}

Test(no_memory_actor, whatever_an_actor_calls_ends_well_without_memory)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    for (uint32_t use = 0; use < COUNT_OF(uses); use++) {
        for (int is_for_good = 0; is_for_good < 2; is_for_good++) {
            uint64_t first = 1;
            while (try_use(&folder, use, first, is_for_good != 0))
                first++;
            cr_assert(first > 2, "%s: nothing fails", uses[use].what);
        }
    }
}

/* ---- streams: two actors, all steps ---- */

typedef struct stream_use {
    const char *what;
    bool is_by_hand, stops_at_ten;
    uint64_t items;
} stream_use_t;

static void stream_by_hand(scene_t *scene)
{
    address_t source = address_of("source", STR("a")), sink = address_of("sink", STR("a"));
    IGNORE_ERR(scene_send(scene, source, pipe_open, .window = 8)); /* or there was no memory */
    scene_settle(scene);
    IGNORE_ERR(scene_send(scene, source, pipe_push, .count = 4));
    scene_settle(scene);
    IGNORE_ERR(scene_send(scene, sink, pipe_done, .count = 1));
    IGNORE_ERR(scene_send(scene, sink, pipe_flush));
    scene_settle(scene);
    IGNORE_ERR(scene_send(scene, sink, pipe_stop));
    IGNORE_ERR(scene_send(scene, source, pipe_close));
}

static bool try_stream(const temporary_t *folder, const stream_use_t *use, uint64_t first,
                       bool is_for_good)
{
    static stage_t stage;
    int64_t live = memory_faults_live();
    begin(&stage, folder);
    stage.pipes.is_by_hand = use->is_by_hand;
    stage.pipes.stops_at_ten = use->stops_at_ten;

    choose(first, is_for_good);
    if (use->is_by_hand)
        stream_by_hand(&stage.scene);
    else
        IGNORE_ERR(scene_send(&stage.scene, address_of("source", STR("a")), pipe_start,
                              .items = use->items, .window = 4));
    scene_settle(&stage.scene);
    bool has_failed = unchoose();

    cr_assert(stage.pipes.wrong == 0, "%s", use->what);
    end(&stage);
    cr_assert(memory_faults_live() == live, "%s with allocation %llu leaves %lld blocks", use->what,
              (unsigned long long)first, (long long)(memory_faults_live() - live));
    return has_failed;
}

Test(no_memory_actor, a_stream_ends_well_without_memory)
{
    static const stream_use_t stream_uses[] = {
        {"stream_out_open, stream_out_send, stream_out_close, stream_out_credited, "
         "stream_out_ended, stream_in_accept, stream_in_done, stream_in_ended",
         false, false, 20},
        {"stream_in_stop, stream_out_down, stream_in_down", false, true, 20},
        {"stream_in_flush", true, false, 0},
    };
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    for (size_t i = 0; i < COUNT_OF(stream_uses); i++) {
        for (int is_for_good = 0; is_for_good < 2; is_for_good++) {
            uint64_t first = 1;
            while (try_stream(&folder, &stream_uses[i], first, is_for_good != 0))
                first++;
            cr_assert(first > 10, "%s", stream_uses[i].what);
        }
    }
}
