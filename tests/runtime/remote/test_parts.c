/* Seats, crossings, and the wire form. */
#include "runtime/base/memory.h"
#include "runtime/remote/crossings.h"
#include "runtime/remote/envelope.h"
#include "runtime/remote/seats.h"
#include "tests/support/check.h"

Test(seats, a_reference_keeps_its_parts_apart)
{
    static const uint32_t given[] = {1, 2, 511, 513, 5000, ROUTER_SEATS_MAX};
    const uint64_t plain = UINT64_C(0xabcdef) << 32 | 4210687;
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        uint64_t ref = ref_seated(plain, given[i]);
        cr_expect(eq(u32, ref_seat(ref), given[i]));
        cr_expect(eq(u64, ref_plain(ref), plain));
        /* Who takes it for a slot of this node finds none. */
        cr_expect(REGISTRY_CHUNKS_MAX <= ((uint32_t)ref - 1) / ACTOR_CHUNK, "%u", given[i]);
    }
    cr_assert(eq(u32, ref_seat(plain), 0));
    cr_assert(eq(u32, ref_seat(plain | UINT64_C(1) << 63), 0)); /* an edge's */
}

Test(seats, each_node_has_one_for_ever_and_at_the_end_there_is_none)
{
    static seats_t seats;
    uint32_t seat = 0, again = 0;
    seats_init(&seats);
    uint64_t given = 0;
    err_t err;
    while ((err = seats_give(&seats, 1000 + given, &seat)) == ERR_OK) {
        cr_assert(seat % SEATS_CHUNK != 0 && seats_node(&seats, seat) == 1000 + given);
        given++;
    }
    check_err(err, ERR_LIMIT);
    cr_assert(given > ROUTER_SEATS_MAX - ROUTER_SEATS_MAX / SEATS_CHUNK - 1);
    check_ok(seats_give(&seats, 1000, &again));
    cr_assert(eq(u32, again, 1));
    cr_assert(eq(u32, seats_find(&seats, 1000 + given), 0));
    cr_assert(eq(u32, seats_find(&seats, 1000 + 300), seats_find(&seats, 1000 + 300)));
    cr_assert(eq(u64, seats_node(&seats, 70000), 0));
    seats_deinit(&seats);
}

static uint32_t length(crossing_t *list)
{
    uint32_t count = 0;
    while (list != NULL) {
        crossing_t *next = list->next;
        memory_free(list);
        list = next;
        count++;
    }
    return count;
}

Test(crossings, what_is_put_in_is_taken_out_once_by_its_number_or_its_seat)
{
    static crossings_t crossings;
    crossing_t out;
    crossings_init(&crossings, 1000);
    for (uint64_t id = 1; id <= 900; id++)
        check_ok(crossings_put(
            &crossings, &(crossing_t){.id = id, .seat = (uint32_t)(id % 3) + 1, .local = id}, 0));
    check_err(crossings_put(&crossings, &(crossing_t){.id = 7}, 0), ERR_CONFLICT);
    check_err(crossings_put(&crossings, &(crossing_t){.id = 0}, 0), ERR_CONFLICT);

    cr_assert(crossings_take(&crossings, 7, 3, CROSSING_ASK, &out) == false); /* of another seat */
    cr_assert(crossings_take(&crossings, 7, 2, CROSSING_LINK, &out) == false);
    cr_assert(crossings_take(&crossings, 7, 2, CROSSING_ASK, &out) && out.local == 7);
    cr_assert(crossings_take(&crossings, 7, 0, CROSSING_ASK, &out) == false);
    cr_assert(eq(u32, length(crossings_take_of(&crossings, 2)), 299));
    cr_assert(eq(u32, length(crossings_take_of(&crossings, 2)), 0));
    cr_assert(eq(u32, atomic_load(&crossings.count), 600));
    crossings_deinit(&crossings);
}

Test(crossings, there_are_so_many_and_what_is_past_its_time_makes_room)
{
    static crossings_t crossings;
    crossings_init(&crossings, 16 * 300);
    err_t err = ERR_OK;
    uint64_t id = 0;
    while (err == ERR_OK)
        err = crossings_put(&crossings, &(crossing_t){.id = ++id, .deadline_ns = 10}, 5);
    check_err(err, ERR_LIMIT);
    cr_assert(eq(u64, id, 16 * 300 + 1));

    /* Not at every one that comes, but in the next tenth of a second. */
    check_err(crossings_put(&crossings, &(crossing_t){.id = id}, 20), ERR_LIMIT);
    check_ok(crossings_put(&crossings, &(crossing_t){.id = id}, UINT64_C(200000000)));
    cr_assert(eq(u32, atomic_load(&crossings.count), 16 * 300 - 300 + 1));
    crossings_deinit(&crossings);
}

static const remote_envelope_t full = {.what = ENVELOPE_COMMAND,
                                       .to = 5,
                                       .kind = {"agent", 5},
                                       .key = {"a", 1},
                                       .type = {"agent_note", 10},
                                       .ask = 77,
                                       .left_us = 1000000,
                                       .is_numbered = false,
                                       .depth = 3};

Test(envelope, it_is_read_as_it_was_written_and_no_byte_less)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    arena_t arena ARENA_SCOPED = {0};
    received_t received;
    parcel_t parcel = {.envelope = full, .schema = &remote_envelope_schema, .body = &full};
    check_ok(parcel_fill(&parcel, &bytes));

    check_ok(envelope_read(buf_str(&bytes), &arena, &received));
    cr_assert(schema_equal(&remote_envelope_schema, &received.envelope, &full));
    remote_envelope_t body;
    check_ok(schema_decode(&remote_envelope_schema, received.body, &arena, &body));
    cr_assert(schema_equal(&remote_envelope_schema, &body, &full));
    size_t envelope_size = bytes.size - received.body.size;
    for (size_t size = 0; size < envelope_size; size++)
        check_err(envelope_read(str_of(bytes.data, size), &arena, &received), ERR_INVALID);
}

Test(envelope, what_is_past_a_bound_is_not_taken)
{
    static const char long_text[ENVELOPE_TEXT_MAX + 1], long_key[ACTOR_KEY_SIZE_MAX + 1];
    static const uint64_t numbers[ENVELOPE_CHAIN_MAX + 2];
    const struct {
        const char *what;
        remote_envelope_t envelope;
        err_t want;
    } cases[] = {
        {"nothing", {.what = 1}, ERR_OK},
        {"a later kind of message", {.what = 1000}, ERR_OK},
        {"a key", {.key = {long_key, ACTOR_KEY_SIZE_MAX}}, ERR_OK},
        {"a long key", {.key = {long_key, sizeof long_key}}, ERR_INVALID},
        {"a text", {.text = {long_text, ENVELOPE_TEXT_MAX}}, ERR_OK},
        {"a long text", {.text = {long_text, sizeof long_text}}, ERR_INVALID},
        {"the deepest chain", {.depth = ACTOR_CALL_DEPTH_MAX + 1}, ERR_OK},
        {"a deeper one", {.depth = ACTOR_CALL_DEPTH_MAX + 2}, ERR_INVALID},
        {"the last hop", {.hops = ROUTER_HOPS_MAX}, ERR_OK},
        {"one more", {.hops = ROUTER_HOPS_MAX + 1}, ERR_INVALID},
        {"an error", {.err = ERR_COUNT - 1}, ERR_OK},
        {"an unknown one", {.err = ERR_COUNT}, ERR_INVALID},
        {"a chain", {.chain = {numbers, ENVELOPE_CHAIN_MAX}}, ERR_OK},
        {"a long chain", {.chain = {numbers, ENVELOPE_CHAIN_MAX + 2}}, ERR_INVALID},
        {"half a link of a chain", {.chain = {numbers, 3}}, ERR_INVALID},
        {"seats", {.seats = {numbers, ENVELOPE_SEATS_MAX}}, ERR_OK},
        {"many seats", {.seats = {numbers, ENVELOPE_SEATS_MAX + 2}}, ERR_INVALID},
        {"half a seat", {.seats = {numbers, 1}}, ERR_INVALID},
        {"a number without a sender",
         {.is_numbered = true, .command_id = {long_key, 8}},
         ERR_INVALID},
        {"a number and its sender", {.is_numbered = true, .command_id = {long_key, 12}}, ERR_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t bytes BUF_SCOPED = BUF_INIT;
        arena_t arena ARENA_SCOPED = {0};
        received_t received;
        parcel_t parcel = {.envelope = cases[i].envelope};
        check_ok(parcel_fill(&parcel, &bytes));
        err_t got = envelope_read(buf_str(&bytes), &arena, &received);
        cr_expect(got == cases[i].want, "%s: got %s", cases[i].what, err_name(got));
    }
    static const char huge[ROUTER_ENVELOPE_SIZE_MAX];
    buf_t bytes BUF_SCOPED = BUF_INIT;
    parcel_t parcel = {.envelope = {.command_id = {huge, sizeof huge}}};
    check_err(parcel_fill(&parcel, &bytes), ERR_LIMIT);
}

/* Numbers, texts and lists on both sides of every length at which their form changes. */
Test(envelope, it_is_written_as_any_schema_is)
{
    static const uint64_t numbers[] = {0,     1,     127,        128,        255,        256,
                                       65535, 65536, 4294967295, 4294967296, UINT64_MAX, 99};
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    static char text[65536];
    memset(text, 't', sizeof text);
    for (size_t i = 0; i < COUNT_OF(numbers) * COUNT_OF(sizes); i++) {
        uint64_t number = numbers[i % COUNT_OF(numbers)];
        size_t size = sizes[i / COUNT_OF(numbers)];
        uint32_t listed = (uint32_t)(i % 20);
        uint64_t items[20];
        for (uint32_t j = 0; j < listed; j++)
            items[j] = number + j;
        const remote_envelope_t envelope = {.what = (uint32_t)number,
                                            .to = number,
                                            .kind = {text, size},
                                            .sender = i % 3 == 0 ? number : 0,
                                            .is_numbered = i % 2 == 0,
                                            .chain = {items, listed},
                                            .text = {text, i % 5 == 0 ? size : 0},
                                            .ask = i,
                                            .left_us = i % 7,
                                            .hops = i % 4,
                                            .view = number,
                                            .id = 1,
                                            .other_id = 2,
                                            .depth = 3,
                                            .trace = 4,
                                            .position = 5,
                                            .err = 6,
                                            .key = {text, i % 3},
                                            .is_travelling = i % 3 == 1};
        buf_t ours BUF_SCOPED = BUF_INIT, theirs BUF_SCOPED = BUF_INIT;
        envelope_encode(&envelope, &ours);
        schema_encode(&remote_envelope_schema, &envelope, &theirs);
        cr_assert(str_equal(buf_str(&ours), buf_str(&theirs)), "case %zu", i);
    }
}
