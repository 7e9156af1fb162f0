/* Durable purses under random commands, refused and unknown appends, failures and crashes of the
 * node at any step. What is checked, always:
 *
 *  1. What was acknowledged is in the journal, exactly once, and was answered what the journal
 * says.
 *  2. What was refused is not there.
 *  3. Whatever anybody saw (a publish, money that arrived) was durable when it was seen.
 *  4. One seed, one history.
 *
 * MS_SEED=n replays one seed; MS_ROUNDS=n runs n times as many. */
#include "runtime/base/memory.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/actors/purse.h"
#include "tests/support/check.h"
#include "tests/support/scale.h"

#include <stdlib.h>

enum { PURSES = 4, COMMANDS = 120, STEPS_MAX = 200000, SEEDS = 150, ID_SIZE = 16 };

typedef struct world world_t;

typedef enum command_state { COMMAND_TO_SEND, COMMAND_OPEN, COMMAND_DONE, COMMAND_REFUSED } state_t;

typedef struct command {
    world_t *world;
    char id[ID_SIZE];
    char purse[4], to[4];
    uint64_t amount;
    state_t state;
    uint32_t tries;
    bool was_unknown; /* some try ended without an outcome */
    uint64_t balance, version, position;
} command_t;

struct world {
    uint64_t seed;
    random_seed_t plan; /* what the test draws from */
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    command_t commands[COMMANDS];
    size_t open, finished;
    uint64_t crashes, faults, published;
    bool is_calm; /* no more faults: the rest must come through */
};

static uint64_t draw(world_t *world, uint64_t below)
{
    ms_random_t random = random_seeded(&world->plan);
    return random_below(&random, below);
}

/* ---- what the journal says ---- */

typedef struct lookup {
    str_t stream, command_id;
    uint64_t version, transfer;
    uint64_t count, balance, balance_then, version_then, position_then;
    bool is_taken, is_put;
} lookup_t;

static err_t look(void *context, const journal_record_t *record)
{
    lookup_t *lookup = context;
    arena_t arena ARENA_SCOPED = {0};
    if (str_equal(record->event.name, STR("purse_was_put"))) {
        purse_was_put_t put;
        check_ok(schema_decode(&purse_was_put_schema, record->event.payload, &arena, &put));
        if (str_equal(record->stream, lookup->stream))
            lookup->balance += put.amount;
    } else {
        purse_was_taken_t taken;
        check_ok(schema_decode(&purse_was_taken_schema, record->event.payload, &arena, &taken));
        if (str_equal(record->stream, lookup->stream))
            lookup->balance -= taken.amount;
        lookup->is_taken |= taken.transfer == lookup->transfer;
    }
    bool is_command =
        !str_is_empty(lookup->command_id) && str_equal(record->command_id, lookup->command_id);
    bool is_version = lookup->version != 0 && str_equal(record->stream, lookup->stream) &&
                      record->version == lookup->version;
    if (is_command || is_version) {
        lookup->count++;
        lookup->balance_then = lookup->balance;
        lookup->version_then = record->version;
        lookup->position_then = record->position;
    }
    return ERR_OK;
}

static void look_up(world_t *world, const char *purse, lookup_t *lookup)
{
    char stream[32];
    snprintf(stream, sizeof stream, "purse/%s", purse);
    lookup->stream = str_from(stream);
    journal_t *journal = journal_memory_journal(world->memory);
    check_ok(journal->table->feed(journal, 0, SIZE_MAX, look, lookup));
}

/* ---- the node ---- */

static void on_published(void *context, str_t topic, const schema_t *schema, const void *message)
{
    world_t *world = context;
    (void)topic, (void)schema;
    const purse_changed_t *changed = message;
    char purse[4];
    snprintf(purse, sizeof purse, "%.*s", STR_ARG(changed->key));
    lookup_t lookup = {.version = changed->version};
    look_up(world, purse, &lookup);
    cr_assert(lookup.count == 1 && lookup.balance_then == changed->balance,
              "seed %llu: version %llu of %s was seen before it was durable",
              (unsigned long long)world->seed, (unsigned long long)changed->version, purse);
    world->published++;
}

static void node_start(world_t *world)
{
    runtime_options_t options = {.scheduler_count = 1 + (uint32_t)draw(world, 3),
                                 .clock = simulation_clock(world->simulation),
                                 .random = simulation_random(world->simulation),
                                 .journal = journal_memory_journal(world->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &world->runtime));
    check_ok(runtime_register(world->runtime, &purse_kind, NULL));
    check_ok(runtime_start(world->runtime));
    simulation_attach(world->simulation, world->runtime);
    cr_assert(edge_subscribe(runtime_edge(world->runtime, 0), STR("purses"), on_published, world) !=
              NULL);
}

static void node_crash(world_t *world)
{
    world->crashes++;
    simulation_detach(world->simulation, world->runtime);
    journal_memory_crash(world->memory);
    runtime_free(world->runtime);
    for (size_t i = 0; i < COMMANDS; i++) {
        command_t *command = &world->commands[i];
        if (command->state == COMMAND_OPEN) {
            command->state = COMMAND_TO_SEND;
            command->was_unknown = true;
            world->open--;
        }
    }
}

/* ---- the clients ---- */

static void on_answer(void *context, const answer_t *answer)
{
    command_t *command = context;
    world_t *world = command->world;
    world->open--;
    bool is_retried = answer->err == ERR_TIMEOUT || answer->err == ERR_UNAVAILABLE ||
                      answer->err == ERR_FULL || answer->err == ERR_BUSY || answer->err == ERR_IO ||
                      answer->err == ERR_CONFLICT;
    command->was_unknown |= answer->err == ERR_TIMEOUT;
    if (answer->err == ERR_OK) {
        const purse_balance_t *balance = answer->message;
        command->state = COMMAND_DONE;
        command->balance = balance->value;
        command->version = balance->version;
        command->position = answer->position;
        world->finished++;
    } else if (is_retried && command->tries < 50) {
        command->state = COMMAND_TO_SEND;
    } else {
        command->state = COMMAND_REFUSED;
        world->finished++;
    }
}

static void send_command(command_t *command)
{
    world_t *world = command->world;
    edge_t *edge = runtime_edge(world->runtime,
                                (uint32_t)draw(world, runtime_scheduler_count(world->runtime)));
    address_t to = address_of("purse", str_from(command->purse));
    str_t id = str_from(command->id);
    uint64_t transfer = (uint64_t)(command - world->commands) + 1;
    command->state = COMMAND_OPEN;
    command->tries++;
    world->open++;
    if (command->to[0] != '\0')
        edge_ask(edge, to, 1000, id, on_answer, command, purse_send, .amount = command->amount,
                 .transfer = transfer, .to = str_from(command->to));
    else if (command->amount == 0)
        edge_ask(edge, to, 1000, id, on_answer, command, purse_fail_late, .amount = 1);
    else
        edge_ask(edge, to, 1000, id, on_answer, command, purse_put, .amount = command->amount);
}

static void plan_commands(world_t *world)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        command_t *command = &world->commands[i];
        command->world = world;
        snprintf(command->id, sizeof command->id, "c%zu", i);
        snprintf(command->purse, sizeof command->purse, "%u", (unsigned)draw(world, PURSES));
        if (draw(world, 3) == 0)
            snprintf(command->to, sizeof command->to, "%u", (unsigned)draw(world, PURSES));
        command->amount = draw(world, 20) == 0 && command->to[0] == '\0' ? 0 : 1 + draw(world, 9);
    }
}

static void send_some(world_t *world)
{
    for (size_t i = 0; i < COMMANDS && world->open < 12; i++) {
        command_t *command = &world->commands[(i + draw(world, COMMANDS)) % COMMANDS];
        if (command->state == COMMAND_TO_SEND)
            send_command(command);
    }
}

static journal_fault_t fault(void *context, const journal_append_t *append)
{
    world_t *world = context;
    (void)append;
    journal_fault_t none = {ERR_OK, true};
    if (world->is_calm || draw(world, 12) != 0)
        return none;
    world->faults++;
    static const journal_fault_t faults[] = {
        {ERR_FULL, false}, {ERR_UNAVAILABLE, false}, {ERR_TIMEOUT, true}, {ERR_TIMEOUT, false}};
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

/* ---- the invariants ---- */

static void check_command(world_t *world, const command_t *command)
{
    lookup_t lookup = {.command_id = str_from(command->id)};
    look_up(world, command->purse, &lookup);
    unsigned long long seed = world->seed;
    if (command->state == COMMAND_DONE) {
        cr_assert(lookup.count == 1, "seed %llu: %s was acknowledged and is there %llu times", seed,
                  command->id, (unsigned long long)lookup.count);
        cr_assert(lookup.balance_then == command->balance &&
                      lookup.version_then == command->version &&
                      lookup.position_then <= command->position,
                  "seed %llu: %s was answered balance %llu, version %llu, position %llu; the "
                  "journal says %llu, %llu, %llu",
                  seed, command->id, (unsigned long long)command->balance,
                  (unsigned long long)command->version, (unsigned long long)command->position,
                  (unsigned long long)lookup.balance_then, (unsigned long long)lookup.version_then,
                  (unsigned long long)lookup.position_then);
    } else if (!command->was_unknown) {
        cr_assert(lookup.count == 0, "seed %llu: %s was refused and is there", seed, command->id);
    }
    cr_assert(lookup.count <= 1, "seed %llu: %s was done twice", seed, command->id);
}

static err_t check_transfer(void *context, const journal_record_t *record)
{
    world_t *world = context;
    if (!str_equal(record->event.name, STR("purse_was_put")))
        return ERR_OK;
    arena_t arena ARENA_SCOPED = {0};
    purse_was_put_t put;
    check_ok(schema_decode(&purse_was_put_schema, record->event.payload, &arena, &put));
    if (put.transfer == 0)
        return ERR_OK;
    lookup_t lookup = {.transfer = put.transfer};
    journal_t *journal = journal_memory_journal(world->memory);
    check_ok(journal->table->feed(journal, 0, record->position - 1, look, &lookup));
    cr_assert(lookup.is_taken, "seed %llu: money arrived that was never taken",
              (unsigned long long)world->seed);
    return ERR_OK;
}

static uint64_t run(uint64_t seed, world_t *totals)
{
    world_t *world = calloc(1, sizeof *world);
    world->seed = seed;
    world->plan.state = seed * 3 + 1;
    check_ok(simulation_new(seed, &world->simulation));
    check_ok(journal_memory_new(true, &world->memory));
    journal_memory_set_faults(world->memory, fault, world);
    simulation_add_source(world->simulation, is_append_ready, step_journal, world->memory);
    node_start(world);
    plan_commands(world);

    for (uint64_t step = 0; step < STEPS_MAX && world->finished < COMMANDS; step++) {
        if (draw(world, 4) == 0)
            send_some(world);
        if (!world->is_calm && draw(world, 400) == 0) {
            node_crash(world);
            node_start(world);
        }
        world->is_calm |= world->finished > COMMANDS * 9 / 10;
        (void)simulation_step(world->simulation);
    }
    cr_assert(world->finished == COMMANDS, "seed %llu: %zu of %d commands came to an end",
              (unsigned long long)seed, world->finished, COMMANDS);
    for (size_t i = 0; i < COMMANDS; i++)
        check_command(world, &world->commands[i]);
    journal_t *journal = journal_memory_journal(world->memory);
    check_ok(journal->table->feed(journal, 0, SIZE_MAX, check_transfer, world));

    uint64_t fingerprint = simulation_fingerprint(world->simulation);
    totals->crashes += world->crashes;
    totals->faults += world->faults;
    totals->published += world->published;
    node_crash(world);
    journal_memory_free(world->memory);
    simulation_free(world->simulation);
    free(world);
    return fingerprint;
}

Test(sim_runtime, what_was_acknowledged_survives_whatever_happens)
{
    uint64_t only = scale_number("MS_SEED", 0);
    uint64_t last = only != 0 ? only : SEEDS * scale_rounds();
    static world_t totals;

    for (uint64_t seed = only != 0 ? only : 1; seed <= last; seed++)
        run(seed, &totals);

    if (only == 0)
        cr_assert(totals.crashes > last && totals.faults > last && totals.published > last,
                  "the runs are as rough as they should be");
}

Test(sim_runtime, one_seed_is_one_history)
{
    static world_t totals;
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        uint64_t first = run(seed, &totals);
        uint64_t second = run(seed, &totals);
        uint64_t other = run(seed + 100, &totals);

        cr_assert(eq(u64, first, second));
        cr_assert(ne(u64, first, other));
    }
}
