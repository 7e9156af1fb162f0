/* Call chains, kinds that await, and asks of many. */
#include "runtime/kernel.h"
#include "runtime/mail/asking.h"
#include "runtime/mail/gather.h"
#include "tests/support/actors/circle.h"
#include "tests/support/actors/scene.h"

static const actor_kind_t *const kinds[] = {&waiter_kind, &relay_kind};
static circle_world_t world;

static void begin(scene_t *scene, uint64_t seed)
{
    memset(&world, 0, sizeof world);
    scene_begin(
        scene, &(scene_options_t){
                   .seed = seed, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

/* ---- call cycles ---- */

typedef struct path {
    const char *what;
    const char *begin, *steps[5]; /* the last is NULL */
    err_t want;
} path_t;

static address_t address_in(const char *text)
{
    return address_of(text[0] == 'w' ? "waiter" : "relay", str_from(text + 2));
}

static scene_answer_t go(scene_t *scene, const path_t *path, uint64_t ref_bits)
{
    str_t items[5];
    uint32_t count = 0;
    for (; path->steps[count] != NULL; count++)
        items[count] = str_from(path->steps[count]);
    circle_go_t command = {.ref_bits = ref_bits};
    command.path.items = items;
    command.path.count = count;
    scene_answer_t answer;
    scene_ask_message(scene, &answer, address_in(path->begin), 0, &circle_go_schema, &command);
    scene_settle(scene); /* no time passes: who is told is told at once */
    return answer;
}

Test(asking, an_ask_that_comes_back_to_one_that_awaits_is_a_conflict_at_once)
{
    static const path_t cases[] = {
        {"asks itself", "w/a", {"w/a"}, ERR_CONFLICT},
        {"over another", "w/a", {"r/b", "w/a"}, ERR_CONFLICT},
        {"over two that await", "w/a", {"w/b", "w/c", "w/a"}, ERR_CONFLICT},
        {"to the one in the middle", "w/a", {"w/b", "r/c", "w/b"}, ERR_CONFLICT},
        {"by reference", "w/a", {"r/b", "@"}, ERR_CONFLICT},
        {"to another of its kind", "w/a", {"r/b", "w/c"}, ERR_OK},
        {"twice to the same, that is done", "r/a", {"w/b"}, ERR_OK},
        {"back to one that does not await", "r/a", {"w/b", "r/a"}, ERR_OK},
        {"in a circle of those", "r/a", {"r/b", "r/a", "r/b", "r/a"}, ERR_OK},
    };
    scene_t scene;
    begin(&scene, 1);
    uint64_t ref_bits = scene_asked(&scene, address_in("w/a"), circle_who).value;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scene_answer_t answer = go(&scene, &cases[i], ref_bits);
        cr_expect(answer.count == 1 && answer.err == cases[i].want, "%s: %u answers, %s",
                  cases[i].what, answer.count, err_name(answer.err));
    }

    cr_assert(eq(u64, scene_dead(&scene, DEAD_CALL_CYCLE), 5));
    scene_end(&scene);
}

static void set_modes(circle_mode_t mode)
{
    for (size_t i = 0; i < CIRCLE_WORKERS_MAX; i++)
        world.modes[i] = mode;
}

Test(asking, what_is_asked_in_a_continuation_is_of_the_same_chain)
{
    ask_t ask = {.depth = 1};
    uint64_t members[2] = {11, 22};
    message_t *message =
        message_new(MESSAGE_COMMAND, NULL, NULL, STR(""), str_of(members, sizeof members));

    check_ok(ask_keep_data(&ask, STR("data"), message_text(message)));

    cr_assert(call_chain_has(message, 11) && call_chain_has(message, 22));
    bool has_other = call_chain_has(message, 33);
    cr_assert(eq(int, has_other, false));
    check_str(ask_chain(&ask), str_of(members, sizeof members));
    check_str(str_of(ask.data, ask.data_size), STR("data"));
    ask_free_data(&ask);
    message_free(message);
}

Test(asking, who_awaits_handles_nothing_else_until_the_answer_came)
{
    scene_t scene;
    begin(&scene, 1);
    set_modes(CIRCLE_IS_LATE);
    world.delay_ms = 50;
    scene_answer_t asked[2];
    const char *const names[] = {"waiter", "relay"};

    for (size_t i = 0; i < 2; i++) {
        address_t to = address_of(names[i], STR("x"));
        scene_ask(&scene, &asked[i], to, 0, circle_ask_many, .count = 1);
        scene_settle(&scene);
        check_ok(scene_send(&scene, to, circle_note, .value = i));
        scene_settle(&scene);
    }
    cr_assert(world.note_count == 1 && world.notes[0] == 1, "the relay's alone");
    scene_pass(&scene, 60);

    cr_assert(asked[0].count == 1 && asked[1].count == 1);
    cr_assert(world.note_count == 2 && world.notes[1] == 0, "then the waiter's");
    scene_end(&scene);
}

Test(asking, who_awaits_one_that_never_answers_goes_on_at_the_deadline)
{
    scene_t scene;
    begin(&scene, 1);
    set_modes(CIRCLE_IS_SILENT);
    scene_answer_t asked;
    address_t to = address_of("waiter", STR("x"));

    scene_ask(&scene, &asked, to, 0, circle_ask_many, .count = 2, .timeout_ms = 100);
    check_ok(scene_send(&scene, to, circle_note, .value = 1));
    scene_pass(&scene, 99);
    cr_assert(eq(u32, world.note_count, 0));
    scene_pass(&scene, 2);

    cr_assert(eq(u32, world.note_count, 1));
    cr_assert(eq(u64, world.timeouts, 2));
    scene_end(&scene);
}

/* ---- many ---- */

static circle_world_t gather(uint32_t count, uint32_t needed, const circle_mode_t *modes,
                             uint64_t after_ms)
{
    scene_t scene;
    begin(&scene, 1);
    memcpy(world.modes, modes, count * sizeof *modes);
    world.delay_ms = 50;
    scene_answer_t asked;
    scene_ask(&scene, &asked, address_of("relay", STR("asker")), 0, circle_ask_many, .count = count,
              .needed = needed, .timeout_ms = 100);
    scene_settle(&scene);
    scene_pass(&scene, after_ms);
    cr_assert(eq(u32, asked.count, world.gathered));
    circle_world_t seen = world;
    scene_pass(&scene, 200);
    cr_assert(eq(u64, world.gathered, 1), "exactly once");
    cr_assert(eq(u64, world.wrong, 0));
    scene_end(&scene);
    return seen;
}

#define GOOD CIRCLE_ANSWERS
#define BAD CIRCLE_REFUSES
#define MUTE CIRCLE_IS_SILENT
#define LATE CIRCLE_IS_LATE
#define BROKEN CIRCLE_FAILS
#define TWICE CIRCLE_ANSWERS_TWICE

Test(asking, many_are_asked_and_their_answers_come_together)
{
    static const struct {
        const char *what;
        uint32_t count, needed;
        circle_mode_t modes[8];
        uint64_t after_ms; /* when it is over */
        uint64_t good, refused, timeouts, cancelled, others;
    } cases[] = {
        {"nobody", 0, 0, {0}, 0, 0, 0, 0, 0, 0},
        {"one", 1, 0, {GOOD}, 0, 1, 0, 0, 0, 0},
        {"all good", 5, 0, {GOOD, GOOD, GOOD, GOOD, GOOD}, 0, 5, 0, 0, 0, 0},
        {"some refuse, one fails", 4, 0, {GOOD, BAD, BROKEN, GOOD}, 0, 2, 1, 0, 0, 1},
        {"one is gone", 8, 0, {0}, 0, 7, 0, 0, 0, 1},
        {"partial at the deadline", 4, 0, {GOOD, MUTE, BAD, MUTE}, 101, 1, 1, 2, 0, 0},
        {"late, but in time", 3, 0, {GOOD, LATE, LATE}, 51, 3, 0, 0, 0, 0},
        {"the first two of four", 4, 2, {GOOD, MUTE, LATE, GOOD}, 0, 2, 0, 0, 2, 0},
        {"needs a late one", 4, 2, {GOOD, MUTE, LATE, MUTE}, 51, 2, 0, 0, 2, 0},
        {"two can't come any more", 4, 3, {GOOD, BAD, BAD, MUTE}, 0, 1, 2, 0, 1, 0},
        {"not enough at the deadline", 3, 2, {GOOD, MUTE, MUTE}, 101, 1, 0, 2, 0, 0},
        {"one answers twice", 3, 0, {TWICE, GOOD, LATE}, 51, 3, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        circle_world_t got =
            gather(cases[i].count, cases[i].needed, cases[i].modes, cases[i].after_ms);
        cr_expect(got.gathered == 1, "%s: not over in time", cases[i].what);
        cr_expect(got.good == cases[i].good && got.refused == cases[i].refused &&
                      got.timeouts == cases[i].timeouts && got.cancelled == cases[i].cancelled &&
                      got.others == cases[i].others,
                  "%s: %llu good, %llu refused, %llu timeouts, %llu cancelled, %llu others",
                  cases[i].what, (unsigned long long)got.good, (unsigned long long)got.refused,
                  (unsigned long long)got.timeouts, (unsigned long long)got.cancelled,
                  (unsigned long long)got.others);
    }
}

/* Random members under random interleavings: `then` runs once for each, nothing is counted wrongly,
 * and what the asker saw adds up. */
Test(asking, many_under_every_order_of_events_are_gathered_once)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        scene_t scene;
        begin(&scene, seed);
        random_seed_t plan = {seed * 7};
        ms_random_t random = random_seeded(&plan);
        for (size_t i = 0; i < 8; i++)
            world.modes[i] = (circle_mode_t)random_below(&random, CIRCLE_MODES);
        world.delay_ms = (uint32_t)random_below(&random, 120);
        scene_answer_t answers[6];
        for (size_t i = 0; i < COUNT_OF(answers); i++)
            scene_ask(&scene, &answers[i],
                      address_of(i % 2 == 0 ? "relay" : "waiter", STR("asker")), 20000,
                      circle_ask_many, .count = (uint32_t)random_below(&random, 9),
                      .needed = (uint32_t)random_below(&random, 5), .timeout_ms = 100);
        scene_pass(&scene, 2000);

        for (size_t i = 0; i < COUNT_OF(answers); i++)
            cr_assert(answers[i].count == 1 && answers[i].err == ERR_OK, "seed %llu: %u answers",
                      (unsigned long long)seed, answers[i].count);
        cr_assert(world.gathered == COUNT_OF(answers) && world.wrong == 0);
        scene_end(&scene);
    }
}
