/* Asynchrony, order, nulls across pending fields, cancelling, the table, the bounds. */
#include "gateway/graphql/engine.h"
#include "runtime/base/memory.h"
#include "tests/gateway/graphql/toy.h"
#include "tests/support/check.h"

enum { HELD_MAX = 16 };

/* What the resolvers of these tests write to: the request's context. */
typedef struct desk {
    graphql_field_t *held[HELD_MAX];
    size_t held_count;
    buf_t log, answer;
    size_t answers;
    err_t err;
} desk_t;

typedef struct person {
    uint64_t id;
    str_t name;
    uint32_t age;
    bool is_admin;
    double score;
    int64_t since;
    const struct person *friend;
    struct inner {
        const char *text;
    } inner;
} person_t;

static const person_t bob = {7, STR_INIT("Bob"), 40, false, 0.5, -3, NULL, {NULL}};
static const person_t ann = {UINT64_MAX, STR_INIT("Ann"), 30, true, 2.5, 1, &bob, {"in"}};

static err_t now(graphql_field_t *field)
{
    desk_t *desk = graphql_context(field);
    buf_printf(&desk->log, "%.*s ", STR_ARG(graphql_field_name(field)));
    return graphql_return_str(field, STR("now"));
}

static err_t later(graphql_field_t *field)
{
    desk_t *desk = graphql_context(field);
    buf_printf(&desk->log, "%.*s ", STR_ARG(graphql_field_name(field)));
    desk->held[desk->held_count++] = field;
    return graphql_pending(field);
}

static err_t later_item(graphql_field_t *item, const void *items UNUSED, size_t index UNUSED)
{
    return later(item);
}

static err_t later_list(graphql_field_t *field)
{
    return graphql_return_list(field, (size_t)graphql_arg_int(field, "first", 2), later_item, NULL);
}

static err_t fails(graphql_field_t *field UNUSED)
{
    return ERR_NOT_FOUND;
}

static err_t forgets(graphql_field_t *field UNUSED)
{
    return ERR_OK;
}

static err_t person(graphql_field_t *field)
{
    return graphql_return_object(field, &ann);
}

static err_t wrong_enum(graphql_field_t *field)
{
    return graphql_return_str(field, STR("PURPLE"));
}

static err_t too_big(graphql_field_t *field)
{
    return graphql_return_int(field, 1LL << 40);
}

static err_t own_json(graphql_field_t *field)
{
    return graphql_return_json(field, STR("{\"any\":[1]}"));
}

static err_t wrong_type(graphql_field_t *field)
{
    return graphql_return_object_as(field, "Query", NULL);
}

static err_t id_argument(graphql_field_t *field)
{
    uint64_t id;
    TRY(graphql_arg_id(field, "id", &id));
    return graphql_return_id(field, id + 1);
}

/* How often `list` is asked for below, and each time's `first`. */
static err_t ahead(graphql_field_t *field)
{
    desk_t *desk = graphql_context(field);
    const graphql_value_t *arguments;
    uint32_t i = 0;
    for (; graphql_selected(field, "list", i, &arguments); i++)
        buf_printf(&desk->log, "%d ",
                   (int)graphql_value_int(graphql_value_get(arguments, "first"), -1));
    cr_expect(graphql_selects(field, "list") == (i > 0));
    cr_expect(graphql_selects(field, "fails") == false);
    return graphql_return_object(field, NULL);
}

static const char sdl[] =
    "type Query { now: String later: String must: String! deep: Query! ahead: Query! list(first: "
    "Int = 2): "
    "[String!]"
    "  fails: String failsHard: String! forgets: String person: Person color: Color big: Int any: "
    "Any"
    "  node: Node next(id: ID): ID }"
    "type Mutation { one: String two: String three: String! }"
    "enum Color { RED } scalar Any interface Node { id: ID! }"
    "type Person implements Node { id: ID! name: String! age: Int! isAdmin: Boolean! score: Float! "
    "since: Int "
    "  serial: Float friend: Person inner: Inner! } type Inner { text: String }";

static err_t deep(graphql_field_t *field)
{
    return graphql_return_object(field, NULL);
}

static const graphql_resolver_t rows[] = {
    {"Query.now", GRAPHQL_RESOLVE(now)},
    {"Query.later", GRAPHQL_RESOLVE(later)},
    {"Query.must", GRAPHQL_RESOLVE(later)},
    {"Query.deep", GRAPHQL_RESOLVE(deep)},
    {"Query.ahead", GRAPHQL_RESOLVE(ahead)},
    {"Query.list", GRAPHQL_RESOLVE(later_list)},
    {"Query.fails", GRAPHQL_RESOLVE(fails)},
    {"Query.failsHard", GRAPHQL_RESOLVE(fails)},
    {"Query.forgets", GRAPHQL_RESOLVE(forgets)},
    {"Query.person", GRAPHQL_RESOLVE(person)},
    {"Query.color", GRAPHQL_RESOLVE(wrong_enum)},
    {"Query.big", GRAPHQL_RESOLVE(too_big)},
    {"Query.any", GRAPHQL_RESOLVE(own_json)},
    {"Query.node", GRAPHQL_RESOLVE(wrong_type)},
    {"Query.next", GRAPHQL_RESOLVE(id_argument)},
    {"Mutation.one", GRAPHQL_RESOLVE(later)},
    {"Mutation.two", GRAPHQL_RESOLVE(now)},
    {"Mutation.three", GRAPHQL_RESOLVE(later)},
    {"Person.id", GRAPHQL_MEMBER(person_t, id)},
    {"Person.name", GRAPHQL_MEMBER(person_t, name)},
    {"Person.age", GRAPHQL_MEMBER(person_t, age)},
    {"Person.isAdmin", GRAPHQL_MEMBER(person_t, is_admin)},
    {"Person.score", GRAPHQL_MEMBER(person_t, score)},
    {"Person.since", GRAPHQL_MEMBER(person_t, since)},
    {"Person.serial", GRAPHQL_MEMBER(person_t, id)},
    {"Person.friend", GRAPHQL_MEMBER_POINTER(person_t, friend)},
    {"Person.inner", GRAPHQL_MEMBER_EMBEDDED(person_t, inner)},
    {"Inner.text", GRAPHQL_MEMBER(struct inner, text)},
};

static graphql_engine_t *engine_of(const char *text, const graphql_resolver_t *table, size_t count,
                                   buf_t *problems, err_t wanted)
{
    graphql_engine_t *engine = NULL;
    graphql_engine_options_t options = {
        .sdl = str_from(text), .resolvers = table, .resolver_count = count};
    check_err(graphql_engine_new(&options, problems, &engine), wanted);
    return engine;
}

static graphql_engine_t *start(void)
{
    buf_t problems BUF_SCOPED = BUF_INIT;
    return engine_of(sdl, rows, COUNT_OF(rows), &problems, ERR_OK);
}

static void on_done(void *context, const graphql_response_t *response)
{
    desk_t *desk = context;
    desk->answers++;
    desk->err = response->err;
    buf_reset(&desk->answer);
    buf_append(&desk->answer, response->json);
}

static graphql_execution_t *ask(const graphql_engine_t *engine, const char *query, desk_t *desk)
{
    graphql_request_t request = {.query = str_from(query), .context = desk};
    return graphql_execute(engine, &request, on_done, desk);
}

static void desk_deinit(desk_t *desk)
{
    buf_deinit(&desk->log);
    buf_deinit(&desk->answer);
}
#define DESK_SCOPED SCOPED(desk_deinit)

static void complete(desk_t *desk, size_t index, const char *text)
{
    check_ok(graphql_return_str(desk->held[index], str_from(text)));
}

Test(execute, a_resolver_sees_what_is_asked_for_below_it_and_how)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"{ ahead { now } }", "now "},
        {"{ ahead { list } }", "2 list list "},
        {"{ ahead { list(first: 0) a: list(first: 1) ...on Query { b: list(first: 0) } } }",
         "0 1 0 list "},
        {"query ($n: Int = 0) { ahead { list(first: $n) @skip(if: false) c: list @skip(if: true) "
         "} }",
         "0 "},
        {"query ($n: Int! = 0) { ahead { list(first: $n) list(first: $n) ...F } } fragment F on "
         "Query { d: list(first: 0) }",
         "0 0 "},
    };
    graphql_engine_t *engine = start();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t desk DESK_SCOPED = {0};
        graphql_execution_t *execution = ask(engine, cases[i].query, &desk);
        while (desk.held_count > 0)
            check_ok(graphql_return_str(desk.held[--desk.held_count], STR("x")));
        cr_expect(execution == NULL || desk.answers == 1);
        cr_expect(str_equal(buf_str(&desk.log), str_from(cases[i].want)), "%s: \"%.*s\"",
                  cases[i].query, STR_ARG(buf_str(&desk.log)));
    }
    graphql_engine_free(engine);
}

Test(execute, pending_fields_answer_in_any_order_and_stand_in_the_query_s_order)
{
    graphql_engine_t *engine = start();
    desk_t desk DESK_SCOPED = {0};

    cr_assert_not_null(ask(engine, "{ a: later now b: later list }", &desk));
    check_str(buf_str(&desk.log), STR("later now later list list "));
    complete(&desk, 3, "l1");
    complete(&desk, 1, "b");
    complete(&desk, 2, "l0");
    cr_expect(desk.answers == 0);
    complete(&desk, 0, "a");

    cr_expect(desk.answers == 1);
    check_str(buf_str(&desk.answer),
              STR("{\"data\":{\"a\":\"a\",\"now\":\"now\",\"b\":\"b\",\"list\":[\"l0\",\"l1\"]}}"));
    graphql_engine_free(engine);
}

Test(execute, a_mutation_s_fields_wait_for_each_other)
{
    graphql_engine_t *engine = start();
    desk_t desk DESK_SCOPED = {0};

    ask(engine, "mutation { one two again: one three }", &desk);
    check_str(buf_str(&desk.log), STR("one "));
    complete(&desk, 0, "1");
    check_str(buf_str(&desk.log), STR("one two one "));
    complete(&desk, 1, "2");
    check_str(buf_str(&desk.log), STR("one two one three "));
    check_ok(graphql_return_error(desk.held[2], ERR_CONFLICT, NULL));

    check_str(buf_str(&desk.answer),
              STR("{\"errors\":[{\"message\":\"it was changed in the meantime\",\"locations\":"
                  "[{\"line\":1,\"column\":31}],\"path\":[\"three\"],\"extensions\":{\"code\":"
                  "\"CONFLICT\"}}],\"data\":null}"));
    graphql_engine_free(engine);
}

Test(execute, a_late_null_takes_its_parents_and_silences_what_is_below)
{
    graphql_engine_t *engine = start();
    desk_t desk DESK_SCOPED = {0};

    ask(engine, "{ list deep { must other: later } }", &desk);
    check_ok(graphql_return_error(desk.held[1], ERR_UNAVAILABLE, "gone"));
    cr_expect(graphql_is_cancelled(desk.held[0]));
    check_ok(graphql_return_error(desk.held[0], ERR_TIMEOUT, "not told"));
    check_ok(graphql_return_null(desk.held[2]));
    cr_expect(graphql_is_cancelled(desk.held[3]));
    cr_expect(desk.answers == 0);
    complete(&desk, 3, "too late");

    check_str(
        buf_str(&desk.answer),
        STR("{\"errors\":[{\"message\":\"gone\",\"locations\":[{\"line\":1,\"column\":3}],"
            "\"path\":[\"list\",1],\"extensions\":{\"code\":\"UNAVAILABLE\",\"retryAfter\":2}},"
            "{\"message\":\"Cannot return null for non-nullable field Query.must.\","
            "\"locations\":[{\"line\":1,\"column\":15}],\"path\":[\"deep\",\"must\"],"
            "\"extensions\":{\"code\":\"INTERNAL\"}}],\"data\":null}"));
    graphql_engine_free(engine);
}

Test(execute, a_cancelled_request_answers_nothing_and_its_fields_may_still_complete)
{
    graphql_engine_t *engine = start();
    desk_t desk DESK_SCOPED = {0};

    graphql_execution_t *execution = ask(engine, "{ later b: later }", &desk);
    graphql_cancel(&execution);
    cr_expect(execution == NULL);
    cr_expect(graphql_is_cancelled(desk.held[0]));
    complete(&desk, 0, "x");
    complete(&desk, 1, "y");

    cr_expect(desk.answers == 0);
    graphql_engine_free(engine);
}

static void cancel_seen(void *context)
{
    (*(int *)context)++;
}

Test(execute, what_works_for_a_request_is_told_once_that_it_is_cancelled_and_not_when_it_is_done)
{
    graphql_engine_t *engine = start();
    desk_t desk DESK_SCOPED = {0};
    int seen[3] = {0};

    graphql_execution_t *execution = ask(engine, "{ later b: later }", &desk);
    check_ok(graphql_on_cancel(desk.held[0], cancel_seen, &seen[0]));
    check_ok(graphql_on_cancel(desk.held[1], cancel_seen, &seen[1]));
    complete(&desk, 0, "x");
    graphql_cancel(&execution);
    complete(&desk, 1, "y");
    cr_expect(ask(engine, "{ later }", &desk) != NULL);
    check_ok(graphql_on_cancel(desk.held[2], cancel_seen, &seen[2]));
    complete(&desk, 2, "z");

    cr_expect(seen[0] == 1 && seen[1] == 1 && seen[2] == 0);
    cr_expect(desk.answers == 1);
    graphql_engine_free(engine);
}

Test(execute, what_resolvers_return_is_checked_against_the_schema)
{
    static const struct {
        const char *what, *query, *part;
    } cases[] = {
        {"an error class", "{ fails }", "\"code\":\"NOT_FOUND\""},
        {"a null where none may be", "{ failsHard }", "\"data\":null"},
        {"no answer", "{ forgets }", "the field was not answered"},
        {"not in the enum", "{ color }",
         "Enum \\\"Color\\\" cannot represent value: \\\"PURPLE\\\""},
        {"not 32 bits", "{ big }", "Int cannot represent non 32-bit signed integer value: 109"},
        {"JSON in a scalar", "{ any }", "\"data\":{\"any\":{\"any\":[1]}}"},
        {"another type", "{ node { id } }", "an object of another type"},
        {"an id that is a number", "{ next(id: \"41\") }", "\"next\":\"42\""},
        {"an id that is none", "{ next(id: \"x\") }", "\"code\":\"INVALID\""},
        {"members",
         "{ person { __typename id name age isAdmin score since inner { text } friend { id friend "
         "{ id } "
         "inner { text } } } }",
         "{\"__typename\":\"Person\",\"id\":\"18446744073709551615\",\"name\":\"Ann\",\"age\":30,"
         "\"isAdmin\":true,\"score\":2.5,\"since\":1,\"inner\":{\"text\":\"in\"},\"friend\":{"
         "\"id\":\"7\",\"friend\":null,\"inner\":{\"text\":null}}}"},
        {"a big number in a Float", "{ person { serial } }", "\"serial\":1.8446744073709552e+19"},
    };
    graphql_engine_t *engine = start();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        desk_t desk DESK_SCOPED = {0};
        cr_expect(ask(engine, cases[i].query, &desk) == NULL);
        cr_expect(str_contains(buf_str(&desk.answer), str_from(cases[i].part)), "%s: %.*s",
                  cases[i].what, STR_ARG(buf_str(&desk.answer)));
    }
    graphql_engine_free(engine);
}

Test(engine, a_table_that_does_not_fit_the_schema_is_refused_with_every_reason)
{
    static const struct {
        const char *what, *sdl, *problem;
        graphql_resolver_t row;
    } cases[] = {
        {"a field without a row",
         "type Query { a: Int b: Int }",
         "Query.b: has no resolver.",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"a row without a field",
         "type Query { a: Int }",
         "Query.c: the schema has no such field.",
         {"Query.c", GRAPHQL_RESOLVE(now)}},
        {"a member of another type",
         "type Query { a: Int }",
         "Query.a: the member's type",
         {"Query.a", GRAPHQL_MEMBER(person_t, name)}},
        {"an empty row", "type Query { a: Int }", "Query.a: the row neither", {.field = "Query.a"}},
        {"no query", "type A { a: Int }", "Query root type must be provided.", {.field = "A.a"}},
        {"an unknown type",
         "type Query { a: Nope }",
         "Unknown type \"Nope\".",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"an unfulfilled interface",
         "interface I { x: Int } type Query implements I { a: Int }",
         "must have \"x: Int\"",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"an output type as input",
         "type Query { a(q: Query): Int }",
         "must be an input type",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"two types of a name",
         "type Query { a: Int } type Query { a: Int }",
         "only one type named",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"an endless input",
         "input I { i: I! } type Query { a(i: I): Int }",
         "requires itself",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"no GraphQL", "type Query {", "Syntax Error", {"Query.a", GRAPHQL_RESOLVE(now)}},
        {"subscription without open",
         "type Query { a: Int } type Subscription { a: Int }",
         "Subscription.a: has no resolver.",
         {"Query.a", GRAPHQL_RESOLVE(now)}},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problems BUF_SCOPED = BUF_INIT;
        engine_of(cases[i].sdl, &cases[i].row, 1, &problems, ERR_INVALID);
        cr_expect(str_contains(buf_str(&problems), str_from(cases[i].problem)), "%s: %.*s",
                  cases[i].what, STR_ARG(buf_str(&problems)));
    }
}
