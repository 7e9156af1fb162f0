#include "runtime/base/buf.h"
#include "runtime/kernel.h"
#include "tests/support/actors/scene.h"
#include "tests/support/actors/toy.h"

#include "docs/samples/counter/counter.h"

static const actor_kind_t *const kinds[] = {&toy_kind, &last_kind, &first_kind};
static toy_world_t world;

static void begin(scene_t *scene)
{
    memset(&world, 0, sizeof world);
    scene_begin(scene,
                &(scene_options_t){
                    .seed = 1, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

/* Before the actor has had a turn. Returns how many were taken. */
static uint32_t fill(scene_t *scene, address_t to, uint32_t count)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++)
        taken += scene_send(scene, to, toy_echo, .number = i) == ERR_OK;
    return taken;
}

static bool says(const scene_t *scene, const char *part)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&out);
    runtime_dead_letters(scene->runtime, &json);
    check_ok(buf_status(&out));
    return str_contains(buf_str(&out), str_from(part));
}

Test(dead_letters, each_is_counted_by_kind_and_reason_and_can_be_traced)
{
    scene_t scene;
    begin(&scene);
    address_t toy = address_of("toy", STR("a"));
    address_t bad = address_of("toy", STR("bad"));

    check_err(scene_send(&scene, address_of("nobody", STR("a")), toy_echo), ERR_NOT_FOUND);
    check_err(scene_send(&scene, address_of_ref((actor_ref_t){77}), toy_echo), ERR_NOT_FOUND);
    check_ok(scene_send(&scene, toy, counter_read));
    scene_answer_t late;
    scene_ask(&scene, &late, toy, 30, toy_late_answer, .delay_ms = 60);
    scene_pass(&scene, 100);
    check_ok(scene_asked(&scene, toy, toy_reply_twice).err);
    for (int i = 0; i < 4; i++)
        check_err(scene_asked(&scene, bad, toy_fail).err, ERR_INTERNAL);
    check_err(scene_asked(&scene, bad, toy_echo).err, ERR_UNAVAILABLE);

    check_err(late.err, ERR_TIMEOUT);
    static const dead_reason_t once[] = {DEAD_NO_KIND,    DEAD_GONE,         DEAD_NO_HANDLER,
                                         DEAD_LATE_REPLY, DEAD_SECOND_REPLY, DEAD_PARKED};
    for (size_t i = 0; i < COUNT_OF(once); i++)
        cr_expect(scene_dead(&scene, once[i]) == 1, "%s", dead_reason_name(once[i]));
    cr_assert(says(&scene, "\"type\":\"counter_read\",\"reason\":\"no handler\","
                           "\"kind\":\"toy\",\"key\":\"a\""));
    cr_assert(says(&scene, "\"type\":\"toy_echo\",\"reason\":\"no such kind\""));
    scene_end(&scene);
}

Test(dead_letters, a_key_that_is_too_long_is_a_limit)
{
    static const char key[ACTOR_KEY_SIZE_MAX + 1];
    scene_t scene;
    begin(&scene);

    check_err(scene_send(&scene, address_of("toy", str_of(key, sizeof key)), toy_echo), ERR_LIMIT);
    check_ok(scene_send(&scene, address_of("toy", str_of(key, sizeof key - 1)), toy_echo));
    scene_settle(&scene);

    cr_assert(eq(u64, scene_dead(&scene, DEAD_LIMIT), 1));
    scene_end(&scene);
}

Test(dead_letters, what_expires_in_the_mailbox_is_counted_and_answered_once)
{
    scene_t scene;
    begin(&scene);
    address_t to = address_of("toy", STR("a"));
    scene_answer_t answer;

    scene_ask(&scene, &answer, to, 20, toy_echo, .number = 1);
    scene_skip(&scene, 21); /* nobody has had a turn when time is up */
    scene_settle(&scene);
    scene_pass(&scene, 1);

    check_err(answer.err, ERR_TIMEOUT);
    cr_assert(eq(u32, answer.count, 1));
    cr_assert(eq(u64, scene_dead(&scene, DEAD_EXPIRED), 1));
    cr_assert(eq(u64, scene_dead(&scene, DEAD_LATE_REPLY), 0));
    cr_assert(eq(u64, atomic_load(&world.echoed), 0));
    scene_end(&scene);
}

Test(dead_letters, each_policy_of_a_full_mailbox_counts_what_it_drops)
{
    scene_t scene;
    begin(&scene);

    cr_assert(eq(u32, fill(&scene, address_of("toy", STR("x")), 18), 16));
    cr_assert(eq(u32, fill(&scene, address_of("last", STR("x")), 10), 8));
    cr_assert(eq(u32, fill(&scene, address_of("first", STR("x")), 10), 10), "nobody is told");
    scene_check_sum(&scene);
    scene_settle(&scene);

    cr_assert(says(&scene, "{\"kind\":\"toy\",\"full\":2}"));
    cr_assert(says(&scene, "{\"kind\":\"last\",\"full\":6}"));
    cr_assert(says(&scene, "{\"kind\":\"first\",\"full\":6}"));
    cr_assert(eq(u64, atomic_load(&world.echoed), 16 + 4 + 4));
    scene_end(&scene);
}

Test(dead_letters, a_mailbox_at_its_bound_drops_nothing)
{
    scene_t scene;
    begin(&scene);

    cr_assert(eq(u32, fill(&scene, address_of("toy", STR("x")), 16), 16));
    cr_assert(eq(u32, fill(&scene, address_of("last", STR("x")), 4), 4));
    cr_assert(eq(u32, fill(&scene, address_of("first", STR("x")), 4), 4));
    scene_settle(&scene);

    cr_assert(eq(u64, scene_dead(&scene, DEAD_FULL), 0));
    cr_assert(eq(u64, atomic_load(&world.echoed), 16 + 4 + 4));
    scene_end(&scene);
}

/* ---- the topic ---- */

typedef struct listener {
    uint64_t heard;
    bool is_right;
} listener_t;

static void on_dead_letter(void *context, str_t topic, const schema_t *schema, const void *message)
{
    listener_t *self = context;
    const dead_letter_t *letter = message;
    self->is_right = schema == &dead_letter_schema && str_equal(topic, STR(DEAD_LETTERS_TOPIC)) &&
                     str_equal(letter->reason, STR("no such kind")) &&
                     str_equal(letter->type, STR("toy_echo")) && str_equal(letter->kind, STR("")) &&
                     str_equal(letter->key, STR("k"));
    self->heard++;
}

Test(dead_letters, who_subscribes_hears_of_them_but_not_of_its_own)
{
    scene_t scene;
    begin(&scene);
    listener_t listener = {0};
    cr_assert(edge_subscribe(runtime_edge(scene.runtime, 0), STR(DEAD_LETTERS_TOPIC),
                             on_dead_letter, &listener) != NULL);
    /* An actor that subscribes and has no handler: each letter that reaches it dies. */
    check_ok(scene_asked(&scene, address_of("toy", STR("deaf")), toy_subscribe,
                         .topic = STR(DEAD_LETTERS_TOPIC))
                 .err);

    for (int i = 0; i < 10; i++)
        check_err(scene_send(&scene, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
    scene_settle(&scene);

    cr_assert(eq(u64, listener.heard, 10));
    cr_assert(listener.is_right);
    cr_assert(eq(u64, scene_dead(&scene, DEAD_NO_HANDLER), 10));
    scene_end(&scene);
}

Test(dead_letters, a_flood_of_them_is_told_of_in_part)
{
    scene_t scene;
    begin(&scene);
    listener_t listener = {0};
    cr_assert(edge_subscribe(runtime_edge(scene.runtime, 0), STR(DEAD_LETTERS_TOPIC),
                             on_dead_letter, &listener) != NULL);

    for (int i = 0; i <= DEAD_LETTERS_TOLD_MAX; i++)
        check_err(scene_send(&scene, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
    scene_settle(&scene);
    cr_assert(eq(u64, listener.heard, DEAD_LETTERS_TOLD_MAX));
    cr_assert(says(&scene, "\"unspoken\":1"));
    scene_pass(&scene, 1000);
    check_err(scene_send(&scene, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
    scene_settle(&scene);

    cr_assert(eq(u64, listener.heard, DEAD_LETTERS_TOLD_MAX + 1));
    scene_end(&scene);
}

/* ---- the table ---- */

Test(dead_letters, more_kinds_than_rows_are_counted_together)
{
    scene_t scene;
    begin(&scene);
    static char names[DEAD_KINDS_MAX + 50][24];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        dead_letter(scene.runtime, NULL, DEAD_GONE, &(dead_receiver_t){.kind = names[i]});
    }

    cr_assert(eq(u64, scene_dead(&scene, DEAD_GONE), COUNT_OF(names)));
    cr_assert(says(&scene, "{\"kind\":\"(others)\",\"gone\":51}"));
    scene_end(&scene);
}

Test(dead_letters, the_last_ones_are_remembered_and_no_more)
{
    scene_t scene;
    begin(&scene);
    char key[16];

    for (int i = 0; i <= DEAD_LETTERS_TRACED; i++) {
        snprintf(key, sizeof key, "(%d)", i);
        check_err(scene_send(&scene, address_of("nobody", str_from(key)), toy_echo), ERR_NOT_FOUND);
    }

    bool has_first = says(&scene, "\"(0)\"");
    cr_assert(eq(int, has_first, false));
    cr_assert(says(&scene, "\"(1)\""));
    cr_assert(says(&scene, "\"(64)\""));
    scene_end(&scene);
}
