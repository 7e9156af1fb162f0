/* Each reason for which a message can die, made to happen: it is counted once, for the kind it was
 * meant for, and no other reason is. */
#include "runtime/journal_memory.h"
#include "runtime/kernel.h"
#include "runtime/remote/ref.h"
#include "tests/support/actors/circle.h"
#include "tests/support/actors/gauge.h"
#include "tests/support/actors/purse.h"
#include "tests/support/actors/scene.h"
#include "tests/support/actors/toy.h"
#include "tests/support/faults/memory_faults.h"

typedef struct stage {
    scene_t scene; /* first: before_free gets it */
    journal_memory_t *journal;
    toy_world_t toys;
    gauge_world_t gauges;
    circle_world_t circles;
    bool is_full; /* the journal's disk */
} stage_t;

static journal_fault_t fault(void *context, UNUSED const journal_append_t *append)
{
    const stage_t *self = context;
    return (journal_fault_t){self->is_full ? ERR_FULL : ERR_OK, !self->is_full};
}

static err_t send_nowhere(UNUSED void *context, UNUSED uint64_t node, UNUSED bool is_owed,
                          UNUSED router_fill_fn fill, UNUSED void *what)
{
    return ERR_UNAVAILABLE;
}
static const router_table_t nowhere = {.send = send_nowhere};

static void begin(stage_t *self)
{
    memset(self, 0, sizeof *self);
    check_ok(journal_memory_new(false, &self->journal));
    journal_memory_set_faults(self->journal, fault, self);
    const router_t router = {&nowhere, NULL};
    const scene_kind_t kinds[] = {{&toy_kind, &self->toys},
                                  {&gauge_kind, &self->gauges},
                                  {&waiter_kind, &self->circles},
                                  {&purse_kind, NULL}};
    scene_begin(&self->scene, &(scene_options_t){.seed = 1,
                                                 .each = kinds,
                                                 .each_count = COUNT_OF(kinds),
                                                 .journal = journal_memory_journal(self->journal),
                                                 .is_heap_only = true,
                                                 .router = &router});
}

static void end(stage_t *self)
{
    scene_end(&self->scene);
    journal_memory_free(self->journal);
}

static address_t toy(const char *key)
{
    return address_of("toy", str_from(key));
}

static void gone(stage_t *self)
{
    address_t to = address_of_ref((actor_ref_t){77});
    check_err(scene_send(&self->scene, to, toy_echo), ERR_NOT_FOUND);
}

static void no_kind(stage_t *self)
{
    check_err(scene_send(&self->scene, address_of("nobody", STR("a")), toy_echo), ERR_NOT_FOUND);
}

static void no_handler(stage_t *self)
{
    check_ok(scene_send(&self->scene, toy("a"), gauge_open));
}

static void full(stage_t *self)
{
    for (int i = 0; i < 16; i++)
        check_ok(scene_send(&self->scene, toy("a"), toy_echo));
    check_err(scene_send(&self->scene, toy("a"), toy_echo), ERR_BUSY);
}

/* One more than the mailbox holds: then what has the same key is one. */
static void superseded(stage_t *self)
{
    static const uint64_t ids[] = {1, 1, 2, 3, 4};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        check_ok(scene_send(&self->scene, address_of("gauge", STR("a")), gauge_set, .id = ids[i]));
}

static void expired(stage_t *self)
{
    static scene_answer_t answer;
    scene_ask(&self->scene, &answer, toy("a"), 20, toy_echo);
    scene_skip(&self->scene, 21); /* nobody has had a turn when time is up */
}

static void late_reply(stage_t *self)
{
    static scene_answer_t answer;
    scene_ask(&self->scene, &answer, toy("a"), 30, toy_late_answer, .delay_ms = 60);
    scene_pass(&self->scene, 100);
}

static void second_reply(stage_t *self)
{
    check_ok(scene_asked(&self->scene, toy("a"), toy_reply_twice).err);
}

static void call_cycle(stage_t *self)
{
    str_t path[] = {STR("w/b"), STR("w/a")};
    check_err(scene_asked(&self->scene, address_of("waiter", STR("a")), circle_go,
                          .path = {path, COUNT_OF(path)})
                  .err,
              ERR_CONFLICT);
}

static void draining(stage_t *self)
{
    static scene_answer_t answer;
    check_ok(runtime_drain(self->scene.runtime, 10000));
    scene_ask(&self->scene, &answer, toy("a"), 0, toy_echo);
    check_err(answer.err, ERR_OK); /* it comes in a turn of the edge's, and there is none now */
}

static void parked(stage_t *self)
{
    for (int i = 0; i < 4; i++)
        check_err(scene_asked(&self->scene, toy("bad"), toy_fail).err, ERR_INTERNAL);
    check_err(scene_asked(&self->scene, toy("bad"), toy_echo).err, ERR_UNAVAILABLE);
}

static void not_started(stage_t *self)
{
    atomic_store(&self->toys.is_start_failing, true);
    check_err(scene_asked(&self->scene, toy("a"), toy_echo).err, ERR_FORBIDDEN);
    atomic_store(&self->toys.is_start_failing, false);
}

static void undone(stage_t *self)
{
    address_t purse = address_of("purse", STR("a"));
    check_ok(scene_asked(&self->scene, purse, purse_put, .amount = 5).err);
    self->is_full = true;
    check_err(scene_asked(&self->scene, purse, purse_send, .amount = 1, .to = STR("b")).err,
              ERR_FULL);
    self->is_full = false;
}

static void limit(stage_t *self)
{
    static const char key[ACTOR_KEY_SIZE_MAX + 1];
    check_err(scene_send(&self->scene, address_of("toy", str_of(key, sizeof key)), toy_echo),
              ERR_LIMIT);
}

static void unreachable(stage_t *self)
{
    address_t to = address_of_ref((actor_ref_t){ref_seated(77, 3)});
    check_err(scene_send(&self->scene, to, toy_echo), ERR_UNAVAILABLE);
}

static void not_served(stage_t *self)
{
    runtime_set_serving(self->scene.runtime, false);
    check_err(scene_send(&self->scene, address_of("purse", STR("a")), purse_read), ERR_UNAVAILABLE);
    runtime_set_serving(self->scene.runtime, true);
}

/* Sends with the nth allocation failing. Returns whether one was left to fail. */
static bool send_without(stage_t *self, uint64_t nth)
{
    memory_faults_reset();
    memory_faults_choose(&nth, 1);
    (void)memory_faults_arm(true);
    err_t err = scene_send(&self->scene, toy("with a long key"), toy_echo);
    (void)memory_faults_arm(false);
    cr_assert(err == (memory_faults_failed() > 0 ? ERR_NO_MEMORY : ERR_OK));
    return memory_faults_failed() > 0;
}

/* Without memory for the message itself there is none that could die; the next is the actor's. */
static void no_memory(stage_t *self)
{
    cr_assert(send_without(self, 1));
    cr_assert(eq(u64, scene_dead(&self->scene, DEAD_NO_MEMORY), 0));
    cr_assert(send_without(self, 2));
}

static const struct {
    void (*make)(stage_t *self);
    const char *kind; /* that it is counted for */
} causes[DEAD_REASONS] = {
    [DEAD_GONE] = {gone, "(unknown)"},
    [DEAD_NO_KIND] = {no_kind, "(unknown)"},
    [DEAD_NO_HANDLER] = {no_handler, "toy"},
    [DEAD_FULL] = {full, "toy"},
    [DEAD_SUPERSEDED] = {superseded, "gauge"},
    [DEAD_EXPIRED] = {expired, "toy"},
    [DEAD_LATE_REPLY] = {late_reply, "(edge)"},
    [DEAD_SECOND_REPLY] = {second_reply, "toy"},
    [DEAD_CALL_CYCLE] = {call_cycle, "waiter"},
    [DEAD_DRAINING] = {draining, "toy"},
    [DEAD_PARKED] = {parked, "toy"},
    [DEAD_NOT_STARTED] = {not_started, "toy"},
    [DEAD_UNDONE] = {undone, "purse"},
    [DEAD_UNREACHABLE] = {unreachable, "(unknown)"},
    [DEAD_NOT_SERVED] = {not_served, "purse"},
    [DEAD_LIMIT] = {limit, "toy"},
    [DEAD_NO_MEMORY] = {no_memory, "toy"},
};

typedef struct counted {
    uint64_t counts[DEAD_REASONS];
    const char *kinds[DEAD_REASONS];
} counted_t;

static void add(void *context, const char *kind, dead_reason_t reason, uint64_t count)
{
    counted_t *self = context;
    self->counts[reason] += count;
    self->kinds[reason] = kind;
}

Test(dead_reasons, each_is_made_to_happen_and_counted_once_for_its_kind)
{
    static stage_t stage;
    for (size_t i = 0; i < DEAD_REASONS; i++) {
        const char *name = dead_reason_name((dead_reason_t)i);
        cr_assert(causes[i].make != NULL, "nothing makes \"%s\" happen", name);
        counted_t counted = {0};
        begin(&stage);

        causes[i].make(&stage);
        scene_settle(&stage.scene);

        runtime_dead_letters_each(stage.scene.runtime, add, &counted);
        for (size_t j = 0; j < DEAD_REASONS; j++)
            cr_expect(counted.counts[j] == (i == j), "%s: %llu are \"%s\"", name,
                      (unsigned long long)counted.counts[j], dead_reason_name((dead_reason_t)j));
        cr_expect(counted.kinds[i] != NULL && strcmp(counted.kinds[i], causes[i].kind) == 0,
                  "%s: for %s", name, counted.kinds[i]);
        end(&stage);
    }
}

/* What waits for an actor that ends goes to the next activation; for want of memory there is none:
 * then that is why, not that the node ends. */
Test(dead_reasons, leftovers_say_why_they_could_not_be_handed_over)
{
    static stage_t stage;
    uint64_t seen = 0;
    bool has_failed = true;
    for (uint64_t nth = 1; has_failed; nth++) {
        begin(&stage);
        check_ok(scene_send(&stage.scene, toy("with a long key"), toy_stop));
        check_ok(scene_send(&stage.scene, toy("with a long key"), toy_echo));
        memory_faults_reset();
        memory_faults_choose(&nth, 1);
        (void)memory_faults_arm(true);

        scene_settle(&stage.scene);

        (void)memory_faults_arm(false);
        has_failed = memory_faults_failed() > 0;
        seen += scene_dead(&stage.scene, DEAD_NO_MEMORY);
        cr_assert(eq(u64, scene_dead(&stage.scene, DEAD_DRAINING), 0));
        end(&stage);
    }
    memory_faults_reset();
    cr_assert(seen > 0);
}
