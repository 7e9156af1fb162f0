/* Couriers that send each other things durably, under refused and unknown appends, absences of the
 * journal, failures, and crashes of the node at any step. What is checked, at the end:
 *
 *  1. Of each thing whose sending is in the journal, its receiver's stream has it exactly once; or
 *     it is a dead letter, and not there.
 *  2. Of one sender and one receiver, in the order in which they were sent.
 *  3. Nothing is taken that was not sent.
 *  4. What was acknowledged was sent; nothing waits that was delivered.
 *
 * MS_SEED=n replays one seed; MS_ROUNDS=n runs n times as many. */
#include "runtime/base/memory.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/actors/courier.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

#include <stdlib.h>

enum { COURIERS = 4, COMMANDS = 80, STEPS_MAX = 400000, SEEDS = 200 };

typedef struct world world_t;

typedef struct command {
    world_t *world;
    char id[16], from[4], to[4];
    uint64_t item;
    uint32_t how, kind, tries;
    bool is_open, is_done, is_acknowledged;
} command_t;

struct world {
    uint64_t seed;
    random_seed_t plan;
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    command_t commands[COMMANDS];
    size_t open, finished;
    bool is_calm, is_away;
    uint64_t crashes, faults, absences, duplicates, died, delivered, revived;
};

static uint64_t draw(world_t *world, uint64_t below)
{
    ms_random_t random = random_seeded(&world->plan);
    return random_below(&random, below);
}

/* ---- the node ---- */

static void wake(world_t *world)
{
    buf_t after BUF_SCOPED = BUF_INIT;
    do {
        err_t err = runtime_wake_senders(world->runtime, &after, 2);
        cr_assert(err == ERR_OK || err == ERR_UNAVAILABLE, "%s", err_text(err));
        if (err != ERR_OK)
            return;
    } while (after.size > 0);
}

static void node_start(world_t *world)
{
    runtime_options_t options = {.scheduler_count = 1 + (uint32_t)draw(world, 3),
                                 .clock = simulation_clock(world->simulation),
                                 .random = simulation_random(world->simulation),
                                 .journal = journal_memory_journal(world->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &world->runtime));
    check_ok(runtime_register(world->runtime, &courier_kind, NULL));
    check_ok(runtime_start(world->runtime));
    simulation_attach(world->simulation, world->runtime);
    wake(world);
}

static void node_stop(world_t *world)
{
    outbox_stats_t stats;
    outbox_stats(world->runtime, &stats);
    world->duplicates += stats.duplicates;
    world->died += stats.died;
    world->delivered += stats.delivered;
    simulation_detach(world->simulation, world->runtime);
    journal_memory_crash(world->memory);
    runtime_free(world->runtime);
}

static void node_crash(world_t *world)
{
    world->crashes++;
    node_stop(world);
    for (size_t i = 0; i < COMMANDS; i++)
        world->commands[i].is_open = false;
    world->open = 0;
    node_start(world);
}

static journal_fault_t fault(void *context, const journal_append_t *append)
{
    world_t *world = context;
    (void)append;
    if (world->is_calm || draw(world, 12) != 0)
        return (journal_fault_t){ERR_OK, true};
    static const journal_fault_t faults[] = {
        {ERR_FULL, false}, {ERR_UNAVAILABLE, false}, {ERR_TIMEOUT, true}, {ERR_TIMEOUT, false}};
    world->faults++;
    return faults[draw(world, COUNT_OF(faults))];
}

static bool is_append_ready(void *context)
{
    return journal_memory_pending(context) > 0;
}

static void step_journal(void *context)
{
    (void)journal_memory_step(context);
}

static void be_away(world_t *world, bool is_away)
{
    world->absences += is_away && !world->is_away;
    world->is_away = is_away;
    journal_memory_set_away(world->memory, is_away);
}

/* ---- the clients ---- */

static void on_answer(void *context, const answer_t *answer)
{
    command_t *command = context;
    command->world->open--;
    command->is_open = false;
    command->is_acknowledged |= answer->err == ERR_OK;
    command->is_done |= answer->err == ERR_OK || command->tries >= 50;
    command->world->finished += command->is_done;
}

static void send_command(command_t *command)
{
    world_t *world = command->world;
    edge_t *edge = runtime_edge(world->runtime, 0);
    address_t to = address_of("courier", str_from(command->from));
    str_t id = str_from(command->id), receiver = str_from(command->to);
    command->is_open = true;
    command->tries++;
    world->open++;
    if (command->kind == 0)
        edge_ask(edge, to, 1000, id, on_answer, command, courier_send_later, .to = receiver,
                 .item = command->item);
    else if (command->kind == 1)
        edge_ask(edge, to, 1000, id, on_answer, command, courier_send_soon, .to = receiver,
                 .item = command->item);
    else
        edge_ask(edge, to, 1000, id, on_answer, command, courier_send, .to = receiver,
                 .item = command->item, .how = command->how);
}

static void plan_commands(world_t *world)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        command_t *command = &world->commands[i];
        command->world = world;
        command->item = i + 1;
        command->kind = (uint32_t)draw(world, 6);
        command->how = (uint32_t)draw(world, COURIER_HOWS);
        if (draw(world, 4) != 0)
            command->how = COURIER_TAKES;
        snprintf(command->id, sizeof command->id, "c%zu", i);
        uint64_t from = draw(world, COURIERS),
                 to = (from + 1 + draw(world, COURIERS - 1)) % COURIERS;
        snprintf(command->from, sizeof command->from, "%u", (unsigned)from);
        snprintf(command->to, sizeof command->to, "%u", (unsigned)to);
    }
}

static void send_some(world_t *world)
{
    for (size_t i = 0; i < COMMANDS && world->open < 12; i++) {
        command_t *command = &world->commands[(i + draw(world, COMMANDS)) % COMMANDS];
        if (!command->is_open && !command->is_done)
            send_command(command);
    }
}

/* ---- what the journal says ---- */

enum { SEEN_MAX = 4096 };

typedef struct seen {
    char stream[16], to[4];
    uint64_t item;
    bool is_taken;
} seen_t;

typedef struct history {
    seen_t seen[SEEN_MAX];
    size_t count;
    uint64_t dead[COMMANDS], dead_count, waiting;
} history_t;

static err_t read_one(void *context, const journal_record_t *record)
{
    history_t *history = context;
    arena_t arena ARENA_SCOPED = {0};
    seen_t seen = {.is_taken = str_equal(record->event.name, STR("courier_took"))};
    snprintf(seen.stream, sizeof seen.stream, "%.*s", STR_ARG(record->stream));
    if (seen.is_taken) {
        courier_took_t took;
        check_ok(schema_decode(&courier_took_schema, record->event.payload, &arena, &took));
        seen.item = took.item;
    } else if (str_equal(record->event.name, STR("courier_sent"))) {
        courier_sent_t sent;
        check_ok(schema_decode(&courier_sent_schema, record->event.payload, &arena, &sent));
        seen.item = sent.item;
        snprintf(seen.to, sizeof seen.to, "%.*s", STR_ARG(sent.to));
    } else {
        return ERR_OK;
    }
    cr_assert(history->count < SEEN_MAX);
    history->seen[history->count++] = seen;
    return ERR_OK;
}

/* Things are named by their command; where that was carried out twice, by a client who got no
 * answer, the second is another one: the n-th sent is the n-th taken. */
static err_t count_letter(void *context, const outbox_letter_t *letter)
{
    history_t *history = context;
    history->waiting += letter->dead == ERR_OK;
    history->dead_count += letter->dead != ERR_OK;
    return ERR_OK;
}

static size_t times(const history_t *history, const char *stream, const seen_t *like, bool is_taken)
{
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++) {
        const seen_t *seen = &history->seen[i];
        count += seen->is_taken == is_taken && seen->item == like->item &&
                 strcmp(seen->stream, stream) == 0;
    }
    return count;
}

static bool is_to_be_taken(const world_t *world, uint64_t item)
{
    const command_t *command = &world->commands[item - 1];
    return command->kind < 2 ||
           (command->how != COURIER_REFUSES && command->how != COURIER_FAILS &&
            command->how != COURIER_TAKES_SILENTLY && command->how != COURIER_DOUBTS);
}

static void check_sent(const world_t *world, const history_t *history, const seen_t *sent)
{
    char receiver[16];
    unsigned long long seed = world->seed, item = sent->item;
    snprintf(receiver, sizeof receiver, "courier/%s", sent->to);
    size_t count = times(history, sent->stream, sent, false);
    size_t taken = times(history, receiver, sent, true);
    /* A client tries again, with the same id, until it has an answer. A timer has none. */
    bool is_fine = world->commands[sent->item - 1].kind == 1 || count == 1;
    cr_assert(is_fine, "seed %llu: %llu was carried out %zu times", seed, item, count);
    if (is_to_be_taken(world, sent->item))
        cr_assert(taken == count, "seed %llu: %llu was sent %zu times and taken %zu times", seed,
                  item, count, taken);
    else
        cr_assert(taken <= count, "seed %llu: %llu was sent %zu times and taken %zu times", seed,
                  item, count, taken);
}

static void check_taken(const world_t *world, const history_t *history, const seen_t *taken)
{
    const command_t *command = &world->commands[taken->item - 1];
    char sender[16];
    snprintf(sender, sizeof sender, "courier/%s", command->from);
    cr_assert(times(history, sender, taken, false) > 0, "seed %llu: %llu was never sent",
              (unsigned long long)world->seed, (unsigned long long)taken->item);
}

/* What one receiver has of one sender is a subsequence of what was sent. */
static void check_order(const world_t *world, const history_t *history, const char *from,
                        const char *to)
{
    char sender[16], receiver[16];
    size_t at = 0;
    snprintf(sender, sizeof sender, "courier/%s", from);
    snprintf(receiver, sizeof receiver, "courier/%s", to);
    for (size_t i = 0; i < history->count; i++) {
        const seen_t *taken = &history->seen[i];
        if (!taken->is_taken || strcmp(taken->stream, receiver) != 0 ||
            strcmp(world->commands[taken->item - 1].from, from) != 0)
            continue;
        while (at < history->count &&
               (history->seen[at].is_taken || history->seen[at].item != taken->item ||
                strcmp(history->seen[at].stream, sender) != 0))
            at++;
        cr_assert(at < history->count, "seed %llu: %llu of %s was taken by %s out of order",
                  (unsigned long long)world->seed, (unsigned long long)taken->item, from, to);
        at++;
    }
}

static bool has_only_dead(world_t *world)
{
    history_t *history = calloc(1, sizeof *history);
    check_ok(outbox_list(journal_memory_journal(world->memory), count_letter, history));
    bool is_so = history->waiting == 0;
    free(history);
    return is_so;
}

static void check(world_t *world)
{
    history_t *history = calloc(1, sizeof *history);
    journal_t *journal = journal_memory_journal(world->memory);
    check_ok(journal->table->feed(journal, 0, SIZE_MAX, read_one, history));
    for (size_t i = 0; i < history->count; i++) {
        if (history->seen[i].is_taken)
            check_taken(world, history, &history->seen[i]);
        else
            check_sent(world, history, &history->seen[i]);
    }
    for (size_t from = 0; from < COURIERS; from++)
        for (size_t to = 0; to < COURIERS; to++)
            check_order(world, history, (char[]){(char)('0' + from), 0},
                        (char[]){(char)('0' + to), 0});
    free(history);
}

/* ---- a run ---- */

static uint64_t run(uint64_t seed, world_t *totals)
{
    world_t *world = calloc(1, sizeof *world);
    world->seed = seed;
    world->plan.state = seed * 5 + 3;
    check_ok(simulation_new(seed, &world->simulation));
    check_ok(journal_memory_new(true, &world->memory));
    journal_memory_set_faults(world->memory, fault, world);
    simulation_add_source(world->simulation, is_append_ready, step_journal, world->memory);
    plan_commands(world);
    node_start(world);

    bool is_over = false;
    for (uint64_t step = 0; step < STEPS_MAX && !is_over; step++) {
        if (draw(world, 4) == 0)
            send_some(world);
        if (!world->is_calm && draw(world, 300) == 0)
            node_crash(world);
        if (draw(world, 100) == 0)
            be_away(world, !world->is_calm && draw(world, 2) == 0);
        world->is_calm |= world->finished > COMMANDS * 9 / 10;
        bool is_idle = !simulation_step(world->simulation);
        if (world->finished == COMMANDS && (is_idle || step % 2000 == 0)) {
            be_away(world, false);
            is_over = has_only_dead(world);
            wake(world);
        }
    }
    cr_assert(is_over, "seed %llu: %zu of %d commands came to an end, or something waits",
              (unsigned long long)seed, world->finished, COMMANDS);
    check(world);
    uint64_t fingerprint = simulation_fingerprint(world->simulation);
    node_stop(world);
    totals->crashes += world->crashes;
    totals->faults += world->faults;
    totals->absences += world->absences;
    totals->duplicates += world->duplicates;
    totals->died += world->died;
    totals->delivered += world->delivered;
    journal_memory_free(world->memory);
    simulation_free(world->simulation);
    free(world);
    return fingerprint;
}

Test(sim_outbox, what_is_sent_durably_is_taken_once_and_in_order)
{
    uint64_t only = scale_number("MS_SEED", 0);
    uint64_t last = only != 0 ? only : SEEDS * scale_rounds();
    static world_t totals;

    for (uint64_t seed = only != 0 ? only : 1; seed <= last; seed++)
        run(seed, &totals);

    if (only == 0)
        cr_assert(totals.crashes > last && totals.faults > last && totals.absences > last &&
                      totals.duplicates > last && totals.died > last && totals.delivered > last,
                  "%llu crashes, %llu faults, %llu absences, %llu duplicates, %llu died, %llu "
                  "delivered",
                  (unsigned long long)totals.crashes, (unsigned long long)totals.faults,
                  (unsigned long long)totals.absences, (unsigned long long)totals.duplicates,
                  (unsigned long long)totals.died, (unsigned long long)totals.delivered);
}

Test(sim_outbox, one_seed_is_one_history)
{
    static world_t totals;
    for (uint64_t seed = 1000; seed < 1005; seed++)
        cr_assert(eq(u64, run(seed, &totals), run(seed, &totals)));
}
