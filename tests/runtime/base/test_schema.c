#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#define DEF_FILE "tests/runtime/base/test_schema.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/base/test_schema.def"
#include "runtime/base/schema_define.h"

#include <msgpack.h>

enum { MODEL_ROUNDS = 3000 };

static str_t random_str(const ms_random_t *random, arena_t *arena)
{
    char bytes[300];
    size_t size = random_below(random, random_below(random, 10) == 0 ? sizeof bytes : 12);
    random_fill(random, bytes, size);
    return size == 0 ? (str_t){NULL, 0} : arena_str(arena, str_of(bytes, size));
}

/* Numbers of every width, so that every form of the wire is met. */
static uint64_t random_number(const ms_random_t *random)
{
    return random_u64(random) >> random_below(random, 64);
}

static sample_t random_sample(const ms_random_t *random, arena_t *arena)
{
    sample_t sample = {.flag = random_below(random, 2) == 1,
                       .small = (uint32_t)random_number(random),
                       .large = random_number(random),
                       .signed_ = (int64_t)(random_number(random) * (random_u64(random) | 1)),
                       .ratio = (double)random_number(random) / 7,
                       .text = random_str(random, arena),
                       .late = random_str(random, arena)};
    sample.numbers.count = (uint32_t)random_below(random, 20);
    sample.words.count = (uint32_t)random_below(random, 20);
    sample.leaves.count = (uint32_t)random_below(random, 20);
    uint64_t *numbers = arena_new_array(arena, sample.numbers.count, sizeof *numbers);
    str_t *words = arena_new_array(arena, sample.words.count, sizeof *words);
    sample_leaf_t *leaves = arena_new_array(arena, sample.leaves.count, sizeof *leaves);
    for (uint32_t i = 0; i < sample.numbers.count; i++)
        numbers[i] = random_number(random);
    for (uint32_t i = 0; i < sample.words.count; i++)
        words[i] = random_str(random, arena);
    for (uint32_t i = 0; i < sample.leaves.count; i++)
        leaves[i] = (sample_leaf_t){random_str(random, arena), -(int64_t)random_below(random, 999)};
    sample.numbers.items = numbers;
    sample.words.items = words;
    sample.leaves.items = leaves;
    return sample;
}

static sample_t full_sample(void)
{
    static const uint64_t numbers[] = {0, 1, UINT64_MAX};
    static const str_t words[] = {STR_INIT("one"), {NULL, 0}, STR_INIT("three")};
    static const sample_leaf_t leaves[] = {{STR_INIT("oak"), -5}, {{NULL, 0}, INT64_MIN}};
    return (sample_t){true,         7,          UINT64_MAX,  -1,         0.25, STR("text"),
                      {numbers, 3}, {words, 3}, {leaves, 2}, STR("late")};
}

Test(schema, random_values_come_back_equal_and_msgpack_c_reads_them)
{
    random_seed_t seed = {42};
    ms_random_t random = random_seeded(&seed);

    for (int round = 0; round < MODEL_ROUNDS; round++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t wire BUF_SCOPED = BUF_INIT;
        sample_t sample = random_sample(&random, &arena), back;

        schema_encode(&sample_schema, &sample, &wire);
        check_ok(buf_status(&wire));
        check_ok(schema_decode(&sample_schema, buf_str(&wire), &arena, &back));

        cr_assert(schema_equal(&sample_schema, &sample, &back), "round %d", round);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t at = 0;
        cr_assert(msgpack_unpack_next(&unpacked, wire.data, wire.size, &at) ==
                  MSGPACK_UNPACK_SUCCESS);
        cr_assert(at == wire.size && unpacked.data.type == MSGPACK_OBJECT_MAP);
        msgpack_unpacked_destroy(&unpacked);
    }
}

Test(schema, a_deep_copy_is_one_block_that_stands_alone)
{
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);

    for (int round = 0; round < 300; round++) {
        arena_t arena = {0};
        arena_t kept ARENA_SCOPED = {0};
        sample_t sample = random_sample(&random, &arena), back;
        size_t size = schema_deep_size(&sample_schema, &sample);
        sample_t *copy = memory_new(size);
        buf_t wire BUF_SCOPED = BUF_INIT;

        schema_encode(&sample_schema, &sample, &wire);
        schema_copy(&sample_schema, &sample, copy);
        arena_deinit(&arena); /* under ASan a pointer left behind shows */

        check_ok(schema_decode(&sample_schema, buf_str(&wire), &kept, &back));
        cr_assert(schema_equal(&sample_schema, copy, &back));
        memory_free(copy);
    }
}

Test(schema, zero_fields_take_no_bytes)
{
    buf_t wire BUF_SCOPED = BUF_INIT;

    schema_encode(&sample_schema, &(sample_t){0}, &wire);
    schema_encode(&sample_empty_schema, &(sample_empty_t){}, &wire);

    check_str(buf_str(&wire), STR("\x80\x80"));
}

Test(schema, minus_zero_and_nan_travel)
{
    arena_t arena ARENA_SCOPED = {0};
    const double ratios[] = {-0.0, __builtin_nan(""), __builtin_inf()};

    for (size_t i = 0; i < COUNT_OF(ratios); i++) {
        buf_t wire BUF_SCOPED = BUF_INIT;
        sample_t sample = {.ratio = ratios[i]}, back;

        schema_encode(&sample_schema, &sample, &wire);
        check_ok(schema_decode(&sample_schema, buf_str(&wire), &arena, &back));

        cr_expect(schema_equal(&sample_schema, &sample, &back), "%f", ratios[i]);
    }
}

Test(schema, an_older_program_skips_what_it_does_not_know)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT;
    sample_t sample = full_sample(), newer;
    sample_old_t old;

    schema_encode(&sample_schema, &sample, &wire);
    check_ok(schema_decode(&sample_old_schema, buf_str(&wire), &arena, &old));
    check_str(old.text, STR("text"));

    buf_reset(&wire);
    schema_encode(&sample_old_schema, &old, &wire);
    check_ok(schema_decode(&sample_schema, buf_str(&wire), &arena, &newer));
    check_str(newer.text, STR("text"));
    cr_assert(newer.large == 0 && newer.leaves.count == 0 && newer.late.size == 0);
}

Test(schema, every_truncation_is_refused_and_changes_nothing)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT;
    sample_t sample = full_sample();
    schema_encode(&sample_schema, &sample, &wire);

    for (size_t size = 0; size < wire.size; size++) {
        sample_t out = {.large = 99};
        char *exact = memory_dup(wire.data, size);
        err_t err = schema_decode(&sample_schema, str_of(exact, size), &arena, &out);
        memory_free(exact);
        cr_assert(err == ERR_INVALID, "%zu bytes: %s", size, err_name(err));
        cr_assert(out.large == 99 && out.text.size == 0);
    }
}

Test(schema, what_is_not_the_wire_form_is_refused)
{
    static const struct {
        const char *what;
        str_t wire;
        err_t want;
    } cases[] = {
        {"nothing", {NULL, 0}, ERR_INVALID},
        {"not a map", STR_INIT("\x90"), ERR_INVALID},
        {"the unused byte", STR_INIT("\xc1"), ERR_INVALID},
        {"bytes after the end", STR_INIT("\x80\x80"), ERR_INVALID},
        {"a tag twice", STR_INIT("\x82\x02\x01\x02\x01"), ERR_INVALID},
        {"a tag that is text", STR_INIT("\x81\xa1z\x01"), ERR_INVALID},
        {"a negative u32", STR_INIT("\x81\x02\xff"), ERR_INVALID},
        {"2^32 in a u32", STR_INIT("\x81\x02\xcf\0\0\0\1\0\0\0\0"), ERR_INVALID},
        {"2^32 - 1 in a u32", STR_INIT("\x81\x02\xce\xff\xff\xff\xff"), ERR_OK},
        {"2^63 in an i64", STR_INIT("\x81\x04\xcf\x80\0\0\0\0\0\0\0"), ERR_INVALID},
        {"2^63 - 1 in an i64", STR_INIT("\x81\x04\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), ERR_OK},
        {"a float of four bytes", STR_INIT("\x81\x05\xca\x3f\x80\0\0"), ERR_OK},
        {"a signed form of a positive", STR_INIT("\x81\x02\xd1\0\x07"), ERR_OK},
        {"bin for str", STR_INIT("\x81\x06\xc4\x01z"), ERR_OK},
        {"an integer for a bool", STR_INIT("\x81\x01\x01"), ERR_INVALID},
        {"nil for a str", STR_INIT("\x81\x06\xc0"), ERR_INVALID},
        {"a map for a list", STR_INIT("\x81\x07\x80"), ERR_INVALID},
        {"65537 items", STR_INIT("\x81\x07\xdd\0\1\0\1"), ERR_LIMIT},
        {"65536 items that are not there", STR_INIT("\x81\x07\xdd\0\1\0\0"), ERR_INVALID},
        {"an unknown ext", STR_INIT("\x81\x70\xd6\x01zzzz"), ERR_OK},
        {"an unknown long ext", STR_INIT("\x81\x70\xc7\x03\x01zzz"), ERR_OK},
        {"an unknown ext cut short", STR_INIT("\x81\x70\xd6\x01zz"), ERR_INVALID},
        {"an unknown nest", STR_INIT("\x81\x70\x92\x81\x01\x90\xc0"), ERR_OK},
        {"an unknown map of 2^32 - 1", STR_INIT("\x81\x70\xdf\xff\xff\xff\xff"), ERR_INVALID},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        sample_t out = {0};
        err_t err = schema_decode(&sample_schema, cases[i].wire, &arena, &out);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
    }
}

/* A chain of `levels` nodes, one inside the other. */
static sample_node_t chain_of(sample_node_t *nodes, int levels)
{
    for (int i = 0; i < levels; i++) {
        nodes[i] = (sample_node_t){.id = (uint64_t)i + 1};
        if (i > 0) {
            nodes[i].children.items = &nodes[i - 1];
            nodes[i].children.count = 1;
        }
    }
    return nodes[levels - 1];
}

Test(schema, lists_are_eight_deep_and_not_nine)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT, deeper BUF_SCOPED = BUF_INIT;
    sample_node_t nodes[SCHEMA_DEPTH_MAX + 2], back;
    sample_node_t deepest = chain_of(nodes, SCHEMA_DEPTH_MAX + 1);

    schema_encode(&sample_node_schema, &deepest, &wire);
    check_ok(buf_status(&wire));
    check_ok(schema_decode(&sample_node_schema, buf_str(&wire), &arena, &back));
    cr_assert(schema_equal(&sample_node_schema, &deepest, &back));

    sample_node_t one_more = chain_of(nodes, SCHEMA_DEPTH_MAX + 2);
    schema_encode(&sample_node_schema, &one_more, &deeper);
    check_err(buf_status(&deeper), ERR_LIMIT);
    buf_reset(&deeper);
    buf_append(&deeper, STR("\x82\x01\x01\x02\x91"));
    buf_append(&deeper, buf_str(&wire));
    check_err(schema_decode(&sample_node_schema, buf_str(&deeper), &arena, &back), ERR_LIMIT);
}

Test(schema, a_list_holds_65536_items_and_not_one_more)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT;
    uint64_t *numbers = memory_new_array(SCHEMA_ITEMS_MAX + 1, sizeof *numbers);
    sample_t sample = {.numbers = {numbers, SCHEMA_ITEMS_MAX}}, back;

    schema_encode(&sample_schema, &sample, &wire);
    check_ok(schema_decode(&sample_schema, buf_str(&wire), &arena, &back));
    cr_assert(back.numbers.count == SCHEMA_ITEMS_MAX);

    sample.numbers.count++;
    schema_encode(&sample_schema, &sample, &wire);
    check_err(buf_status(&wire), ERR_LIMIT);
    memory_free(numbers);
}

Test(schema, an_arena_that_is_too_small_is_no_memory)
{
    buf_t wire BUF_SCOPED = BUF_INIT;
    sample_t sample = full_sample(), back;
    schema_encode(&sample_schema, &sample, &wire);

    for (size_t size_max = 16; size_max < sizeof(sample_t) + 128; size_max += 16) {
        arena_t arena ARENA_SCOPED = {.size_max = size_max};
        check_err(schema_decode(&sample_schema, buf_str(&wire), &arena, &back), ERR_NO_MEMORY);
    }
}

Test(schema, every_single_difference_is_seen)
{
    sample_t a = full_sample();
    sample_t differing[10];
    for (size_t i = 0; i < COUNT_OF(differing); i++)
        differing[i] = full_sample();
    differing[0].flag = false;
    differing[1].small++;
    differing[2].large--;
    differing[3].signed_ = 1;
    differing[4].ratio = 0.5;
    differing[5].text = STR("Text");
    differing[6].numbers.count--;
    differing[7].words.count--;
    differing[8].leaves.items++;
    differing[8].leaves.count--;
    differing[9].late = (str_t){NULL, 0};

    cr_assert(schema_equal(&sample_schema, &a, &a));
    for (size_t i = 0; i < COUNT_OF(differing); i++)
        cr_expect(schema_equal(&sample_schema, &a, &differing[i]) == false, "difference %zu", i);
}

Test(schema, json_names_fields_and_keeps_large_numbers_as_text)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    sample_t sample = full_sample();

    schema_to_json(&sample_schema, &sample, &json);

    check_str(buf_str(&text),
              STR("{\"flag\":true,\"small\":7,\"large\":\"18446744073709551615\",\"signed_\":-1,"
                  "\"ratio\":0.25,\"text\":\"text\",\"numbers\":[0,1,\"18446744073709551615\"],"
                  "\"words\":[\"one\",\"\",\"three\"],\"leaves\":[{\"name\":\"oak\",\"weight\":-5},"
                  "{\"name\":\"\",\"weight\":\"-9223372036854775808\"}],\"late\":\"late\"}"));
}

Test(schema, a_secret_is_not_shown_and_can_be_wiped)
{
    char password[] = "hunter2", key[] = "0123";
    const sample_key_t keys[] = {{STR("ana"), str_from(key)}};
    sample_sign_in_t value = {
        .name = STR("ana"), .password = str_from(password), .keys = {keys, 1}};
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);

    schema_to_json(&sample_sign_in_schema, &value, &json);
    schema_wipe(&sample_sign_in_schema, &value);

    check_str(buf_str(&text), STR("{\"name\":\"ana\",\"password\":\"***\",\"code\":\"\","
                                  "\"keys\":[{\"owner\":\"ana\",\"key\":\"***\"}]}"));
    cr_assert(password[0] == '\0' && password[6] == '\0' && key[3] == '\0');
    check_str(value.name, STR("ana"));
    cr_assert(sample_sign_in_schema.marks == FIELD_SECRET && sample_leaf_schema.marks == 0);
}
