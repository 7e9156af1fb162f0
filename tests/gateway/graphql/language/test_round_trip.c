/* Random documents of the whole grammar: what was printed parses to what prints the same. */
#include "gateway/graphql/language/parser.h"
#include "gateway/graphql/language/printer.h"
#include "tests/support/check.h"

typedef struct dice {
    uint64_t state;
    buf_t *out;
} dice_t;

/* xorshift64 (Marsaglia, 2003) */
static uint32_t roll(dice_t *self, uint32_t sides)
{
    self->state ^= self->state << 13;
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return (uint32_t)(self->state >> 33) % sides;
}

static void put(dice_t *self, const char *text)
{
    buf_append(self->out, str_from(text));
}

static void put_name(dice_t *self)
{
    static const char *const names[] = {"a",        "_b1",        "type", "query",
                                        "fragment", "longerName", "on_",  "input"};
    put(self, names[roll(self, COUNT_OF(names))]);
}

static void put_value(dice_t *self, int depth, bool is_const)
{
    static const char *const leaves[] = {
        "1",
        "-0",
        "2.50e-3",
        "true",
        "null",
        "ENUM",
        "\"\"",
        "\"q\\\"\\u00e9\\n\"",
        "\"\"\" block\n   text \"\"\"",
        "\"\"\"\\\"\"\" x\"\"\"",
        "\"\"\"\"\"\"",
        "\"a rather long string that helps a line to grow past eighty columns\""};
    uint32_t kind = roll(self, depth > 0 ? 6 : 3);
    if (kind == 3 && !is_const) {
        put(self, "$");
        put_name(self);
    } else if (kind == 4) {
        put(self, "[");
        for (uint32_t i = roll(self, 4); i > 0; i--) {
            put_value(self, depth - 1, is_const);
            put(self, i % 2 == 0 ? " , " : " ");
        }
        put(self, "]");
    } else if (kind == 5) {
        put(self, "{");
        for (uint32_t i = roll(self, 3); i > 0; i--) {
            put_name(self);
            put(self, ":");
            put_value(self, depth - 1, is_const);
            put(self, " ");
        }
        put(self, "}");
    } else {
        put(self, leaves[roll(self, COUNT_OF(leaves))]);
    }
}

static void put_arguments(dice_t *self, bool is_const)
{
    if (roll(self, 2) == 0)
        return;
    put(self, "(");
    for (uint32_t i = roll(self, 3) + 1; i > 0; i--) {
        put_name(self);
        put(self, ": ");
        put_value(self, 2, is_const);
        put(self, "\n");
    }
    put(self, ")");
}

static void put_directives(dice_t *self, bool is_const)
{
    for (uint32_t i = roll(self, 3); i > 1; i--) {
        put(self, " @");
        put_name(self);
        put_arguments(self, is_const);
    }
}

static void put_selections(dice_t *self, int depth)
{
    put(self, " {");
    for (uint32_t i = roll(self, 3) + 1; i > 0; i--) {
        uint32_t kind = roll(self, 5);
        put(self, kind == 0 ? " ...F" : kind == 1 ? " ... on T" : kind == 2 ? " x: " : " # c\r\n");
        if (kind >= 2) {
            put_name(self);
            put_arguments(self, false);
        }
        put_directives(self, false);
        if (kind == 1 || (kind >= 2 && depth > 0 && roll(self, 2) == 0))
            put_selections(self, depth - 1);
    }
    put(self, "}");
}

static void put_type(dice_t *self)
{
    static const char *const types[] = {"T", "T!", "[T]", "[[T!]]!"};
    put(self, types[roll(self, COUNT_OF(types))]);
}

static void put_inputs(dice_t *self, const char *open, const char *close, const char *before)
{
    put(self, open);
    for (uint32_t i = roll(self, 3) + 1; i > 0; i--) {
        if (roll(self, 3) == 0)
            put(self, roll(self, 2) == 0 ? " \"said\" " : "\"\"\"\n said\n  more\n\"\"\"");
        put(self, before);
        put_name(self);
        put(self, ": ");
        put_type(self);
        if (roll(self, 2) == 0) {
            put(self, " = ");
            put_value(self, 2, true);
        }
        put_directives(self, true);
        put(self, " ");
    }
    put(self, close);
}

static void put_definition(dice_t *self)
{
    static const char *const heads[] = {
        "query N", "mutation",     "fragment F on T", "type T implements & A & B",
        "input I", "directive @d", "union U",         "enum E",
        "scalar S"};
    uint32_t kind = roll(self, COUNT_OF(heads));
    put(self, kind == 0 && roll(self, 2) == 0 ? "query" : heads[kind]);
    if (kind < 2 && roll(self, 2) == 0)
        put_inputs(self, "(", ")", "$");
    if (kind != 5)
        put_directives(self, kind >= 3);
    if (kind < 3) {
        put_selections(self, 3);
    } else if (kind == 3) {
        put(self, " { f");
        put_inputs(self, "(", ")", "");
        put(self, ": ");
        put_type(self);
        put(self, " }");
    } else if (kind == 4) {
        put_inputs(self, "{", "}", "");
    } else if (kind == 5) {
        put_inputs(self, "(", ")", "");
        put(self, " repeatable on FIELD | QUERY");
    } else {
        put(self, kind == 6 ? " = | A | B" : kind == 7 && roll(self, 2) == 0 ? " { X Y @y }" : "");
    }
    put(self, "\n");
}

Test(round_trip, what_is_printed_parses_to_what_prints_the_same)
{
    static const gql_parse_limits_t limits = {1 << 20, 100000, 64, 100};

    for (uint64_t seed = 1; seed <= 3000; seed++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t text BUF_SCOPED = BUF_INIT, first BUF_SCOPED = BUF_INIT, second BUF_SCOPED = BUF_INIT;
        dice_t dice = {seed * 0x9e3779b97f4a7c15u, &text};
        gql_document_t *tree, *again;
        gql_fault_t fault = {0};
        for (uint32_t i = roll(&dice, 3) + 1; i > 0; i--)
            put_definition(&dice);

        err_t err = gql_parse(buf_str(&text), &limits, &arena, &fault, &tree);
        cr_assert(err == ERR_OK, "seed %llu: %.*s\n%.*s", (unsigned long long)seed,
                  STR_ARG(fault.message), STR_ARG(buf_str(&text)));
        gql_print_document(tree, &first);
        err = gql_parse(buf_str(&first), &limits, &arena, &fault, &again);
        cr_assert(err == ERR_OK, "seed %llu: %.*s\n%.*s", (unsigned long long)seed,
                  STR_ARG(fault.message), STR_ARG(buf_str(&first)));
        gql_print_document(again, &second);
        check_str(buf_str(&second), buf_str(&first));
    }
}
