#include "runtime/base/buf.h"
#include "runtime/kernel.h"
#include "tests/support/actors/stage.h"
#include "tests/support/actors/toy.h"

#include "docs/samples/counter/counter.h"

static const actor_kind_t *const kinds[] = {&toy_kind, &last_kind, &first_kind};
static toy_world_t world;

static void begin(stage_t *stage)
{
    memset(&world, 0, sizeof world);
    stage_begin(stage,
                &(stage_options_t){
                    .seed = 1, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

/* Before the actor has had a turn. Returns how many were taken. */
static uint32_t fill(stage_t *stage, address_t to, uint32_t count)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++)
        taken += stage_send(stage, to, toy_echo, .number = i) == ERR_OK;
    return taken;
}

static bool says(const stage_t *stage, const char *part)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&out);
    runtime_dead_letters(stage->runtime, &json);
    check_ok(buf_status(&out));
    return str_contains(buf_str(&out), str_from(part));
}

Test(dead_letters, each_is_counted_by_kind_and_reason_and_can_be_traced)
{
    stage_t stage;
    begin(&stage);
    address_t toy = address_of("toy", STR("a"));
    address_t bad = address_of("toy", STR("bad"));

    check_err(stage_send(&stage, address_of("nobody", STR("a")), toy_echo), ERR_NOT_FOUND);
    check_err(stage_send(&stage, address_of_ref((actor_ref_t){77}), toy_echo), ERR_NOT_FOUND);
    check_ok(stage_send(&stage, toy, counter_read));
    stage_answer_t late;
    stage_ask(&stage, &late, toy, 30, toy_late_answer, .delay_ms = 60);
    stage_pass(&stage, 100);
    check_ok(stage_asked(&stage, toy, toy_reply_twice).err);
    for (int i = 0; i < 4; i++)
        check_err(stage_asked(&stage, bad, toy_fail).err, ERR_INTERNAL);
    check_err(stage_asked(&stage, bad, toy_echo).err, ERR_UNAVAILABLE);

    check_err(late.err, ERR_TIMEOUT);
    static const dead_reason_t once[] = {DEAD_NO_KIND,    DEAD_GONE,         DEAD_NO_HANDLER,
                                         DEAD_LATE_REPLY, DEAD_SECOND_REPLY, DEAD_PARKED};
    for (size_t i = 0; i < COUNT_OF(once); i++)
        cr_expect(stage_dead(&stage, once[i]) == 1, "%s", dead_reason_name(once[i]));
    cr_assert(says(&stage, "\"type\":\"counter_read\",\"reason\":\"no handler\","
                           "\"kind\":\"toy\",\"key\":\"a\""));
    cr_assert(says(&stage, "\"type\":\"toy_echo\",\"reason\":\"no such kind\""));
    stage_end(&stage);
}

Test(dead_letters, what_expires_in_the_mailbox_is_counted_and_answered_once)
{
    stage_t stage;
    begin(&stage);
    address_t to = address_of("toy", STR("a"));
    stage_answer_t answer;

    stage_ask(&stage, &answer, to, 20, toy_echo, .number = 1);
    stage_skip(&stage, 21); /* nobody has had a turn when time is up */
    stage_settle(&stage);
    stage_pass(&stage, 1);

    check_err(answer.err, ERR_TIMEOUT);
    cr_assert(eq(u32, answer.count, 1));
    cr_assert(eq(u64, stage_dead(&stage, DEAD_EXPIRED), 1));
    cr_assert(eq(u64, stage_dead(&stage, DEAD_LATE_REPLY), 0));
    cr_assert(eq(u64, atomic_load(&world.echoed), 0));
    stage_end(&stage);
}

Test(dead_letters, each_policy_of_a_full_mailbox_counts_what_it_drops)
{
    stage_t stage;
    begin(&stage);

    cr_assert(eq(u32, fill(&stage, address_of("toy", STR("x")), 18), 16));
    cr_assert(eq(u32, fill(&stage, address_of("last", STR("x")), 10), 8));
    cr_assert(eq(u32, fill(&stage, address_of("first", STR("x")), 10), 10), "nobody is told");
    stage_check_sum(&stage);
    stage_settle(&stage);

    cr_assert(says(&stage, "{\"kind\":\"toy\",\"full\":2}"));
    cr_assert(says(&stage, "{\"kind\":\"last\",\"full\":6}"));
    cr_assert(says(&stage, "{\"kind\":\"first\",\"full\":6}"));
    cr_assert(eq(u64, atomic_load(&world.echoed), 16 + 4 + 4));
    stage_end(&stage);
}

Test(dead_letters, a_mailbox_at_its_bound_drops_nothing)
{
    stage_t stage;
    begin(&stage);

    cr_assert(eq(u32, fill(&stage, address_of("toy", STR("x")), 16), 16));
    cr_assert(eq(u32, fill(&stage, address_of("last", STR("x")), 4), 4));
    cr_assert(eq(u32, fill(&stage, address_of("first", STR("x")), 4), 4));
    stage_settle(&stage);

    cr_assert(eq(u64, stage_dead(&stage, DEAD_FULL), 0));
    cr_assert(eq(u64, atomic_load(&world.echoed), 16 + 4 + 4));
    stage_end(&stage);
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
    stage_t stage;
    begin(&stage);
    listener_t listener = {0};
    cr_assert(edge_subscribe(runtime_edge(stage.runtime, 0), STR(DEAD_LETTERS_TOPIC),
                             on_dead_letter, &listener) != NULL);
    /* An actor that subscribes and has no handler: each letter that reaches it dies. */
    check_ok(stage_asked(&stage, address_of("toy", STR("deaf")), toy_subscribe,
                         .topic = STR(DEAD_LETTERS_TOPIC))
                 .err);

    for (int i = 0; i < 10; i++)
        check_err(stage_send(&stage, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
    stage_settle(&stage);

    cr_assert(eq(u64, listener.heard, 10));
    cr_assert(listener.is_right);
    cr_assert(eq(u64, stage_dead(&stage, DEAD_NO_HANDLER), 10));
    stage_end(&stage);
}

Test(dead_letters, a_flood_of_them_is_told_of_in_part)
{
    stage_t stage;
    begin(&stage);
    listener_t listener = {0};
    cr_assert(edge_subscribe(runtime_edge(stage.runtime, 0), STR(DEAD_LETTERS_TOPIC),
                             on_dead_letter, &listener) != NULL);

    for (int i = 0; i <= DEAD_LETTERS_TOLD_MAX; i++)
        check_err(stage_send(&stage, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
    stage_settle(&stage);
    cr_assert(eq(u64, listener.heard, DEAD_LETTERS_TOLD_MAX));
    cr_assert(says(&stage, "\"unspoken\":1"));
    stage_pass(&stage, 1000);
    check_err(stage_send(&stage, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
    stage_settle(&stage);

    cr_assert(eq(u64, listener.heard, DEAD_LETTERS_TOLD_MAX + 1));
    stage_end(&stage);
}

/* ---- the table ---- */

Test(dead_letters, more_kinds_than_rows_are_counted_together)
{
    stage_t stage;
    begin(&stage);
    static char names[DEAD_KINDS_MAX + 50][8];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        dead_letter(stage.runtime, NULL, DEAD_GONE, &(dead_receiver_t){.kind = names[i]});
    }

    cr_assert(eq(u64, stage_dead(&stage, DEAD_GONE), COUNT_OF(names)));
    cr_assert(says(&stage, "{\"kind\":\"(others)\",\"gone\":51}"));
    stage_end(&stage);
}

Test(dead_letters, the_last_ones_are_remembered_and_no_more)
{
    stage_t stage;
    begin(&stage);
    char key[8];

    for (int i = 0; i <= DEAD_LETTERS_TRACED; i++) {
        snprintf(key, sizeof key, "(%d)", i);
        check_err(stage_send(&stage, address_of("nobody", str_from(key)), toy_echo), ERR_NOT_FOUND);
    }

    bool has_first = says(&stage, "\"(0)\"");
    cr_assert(eq(int, has_first, false));
    cr_assert(says(&stage, "\"(1)\""));
    cr_assert(says(&stage, "\"(64)\""));
    stage_end(&stage);
}
