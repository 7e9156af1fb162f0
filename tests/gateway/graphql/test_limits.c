/* Every bound of limits.h from both sides, and what an attacker would send. */
#include "tests/gateway/graphql/toy.h"
#include "tests/support/check.h"

static void repeat(buf_t *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_append(out, str_from(text));
}

/* head, `count` times open, middle, `count` times close, tail */
typedef struct shape {
    const char *head, *open, *middle, *close, *tail;
} shape_t;

static err_t ask(const graphql_engine_t *engine, const shape_t *shape, size_t count, buf_t *out)
{
    buf_t query BUF_SCOPED = BUF_INIT;
    buf_append(&query, str_from(shape->head));
    repeat(&query, shape->open, count);
    buf_append(&query, str_from(shape->middle));
    repeat(&query, shape->close, count);
    buf_append(&query, str_from(shape->tail));
    graphql_request_t request = {.query = buf_str(&query)};
    return toy_run(engine, &request, out);
}

Test(limits, each_bound_holds_from_both_sides)
{
    static const struct {
        const char *what;
        graphql_limits_t limits;
        shape_t shape;
        size_t fine;
        const char *said;
    } cases[] = {
        {"bytes",
         {.document_bytes_max = 100},
         {"{a}", " ", "", "", ""},
         97,
         "longer than 100 bytes"},
        {"tokens", {.tokens_max = 20}, {"{", "a ", "}", "", ""}, 18, "more than 20 tokens"},
        {"nested selections",
         {.depth_max = 10},
         {"{trouble", "{trouble", "{ok}", "}", "}"},
         8,
         "deeper than 10 levels"},
        {"nested lists",
         {.depth_max = 10},
         {"{any(value:", "[", "1", "]", ")}"},
         9,
         "deeper than 10 levels"},
        {"nested objects",
         {.depth_max = 10},
         {"{any(value:", "{a:", "1", "}", ")}"},
         9,
         "deeper than 10 levels"},
        {"nested types",
         {.depth_max = 10},
         {"query($l:", "[", "Int", "]", "){any(value:$l)}"},
         9,
         "deeper than 10 levels"},
        {"nesting through fragments",
         {.depth_max = 10},
         {"{trouble{...F}} fragment F on Trouble ", "{trouble", "{ok}", "}", ""},
         8,
         "deeper than 10 levels"},
        {"fields", {.fields_max = 50}, {"{", "a ", "}", "", ""}, 50, "more than 50 fields"},
        {"fields through fragments",
         {.fields_max = 21},
         {"{", "...F ", "a} fragment F on QueryRoot{a b}", "", ""},
         10,
         "more than 21 fields"},
        {"aliases", {.aliases_max = 5}, {"{", "x:a ", "}", "", ""}, 5, "more than 5 aliases"},
        {"comparisons",
         {.comparisons_max = 45},
         {"{", "a ", "}", "", ""},
         10,
         "more than 45 comparisons"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        graphql_engine_t *engine = toy_engine(&cases[i].limits);
        buf_t out BUF_SCOPED = BUF_INIT;
        err_t fine = ask(engine, &cases[i].shape, cases[i].fine, &out);
        bool is_refused = str_contains(buf_str(&out), STR("\"LIMIT\""));
        cr_expect(is_refused == 0, "%s: %s %.*s", cases[i].what, err_name(fine),
                  STR_ARG(buf_str(&out)));
        err_t past = ask(engine, &cases[i].shape, cases[i].fine + 1, &out);
        cr_expect(past == ERR_LIMIT, "%s: %s", cases[i].what, err_name(past));
        cr_expect(str_contains(buf_str(&out), str_from(cases[i].said)), "%s: %.*s", cases[i].what,
                  STR_ARG(buf_str(&out)));
        graphql_engine_free(engine);
    }
}

Test(limits, definitions_are_counted)
{
    graphql_engine_t *engine = toy_engine(&(graphql_limits_t){.definitions_max = 3});
    buf_t out BUF_SCOPED = BUF_INIT;

    check_err(toy_query(engine, "query A{a} query B{a} query C{a}", &out), ERR_INVALID);
    check_err(toy_query(engine, "query A{a} query B{a} query C{a} query D{a}", &out), ERR_LIMIT);
    cr_expect(str_contains(buf_str(&out), STR("more than 3 definitions")));
    graphql_engine_free(engine);
}

Test(limits, an_answer_past_its_size_is_refused_as_a_whole)
{
    graphql_limits_t limits = {.response_bytes_max = 20};
    graphql_engine_t *engine = toy_engine(&limits);
    buf_t out BUF_SCOPED = BUF_INIT;

    check_ok(toy_query(engine, "{a}", &out));
    check_str(buf_str(&out), STR("{\"data\":{\"a\":\"a\"}}"));
    check_err(toy_query(engine, "{a b c d}", &out), ERR_LIMIT);
    check_str(buf_str(&out), STR("{\"errors\":[{\"message\":\"The answer is larger than the server "
                                 "allows.\",\"extensions\":{\"code\":\"LIMIT\"}}]}"));
    graphql_engine_free(engine);
}

Test(limits, memory_of_a_request_is_bounded)
{
    graphql_limits_t limits = {.arena_bytes_max = 64 * 1024};
    graphql_engine_t *engine = toy_engine(&limits);
    buf_t out BUF_SCOPED = BUF_INIT;
    static const char wide[] =
        "{trouble{list{list{list{list{list{list{list{list{list{list{list{ok}}}}}}}}}}}}}";

    check_ok(toy_query(engine, "{trouble{list{ok}}}", &out));
    check_err(toy_query(engine, wide, &out), ERR_LIMIT);
    cr_expect(str_contains(buf_str(&out), STR("larger than the server allows")));
    graphql_engine_free(engine);
}

Test(limits, errors_of_a_response_are_bounded)
{
    graphql_limits_t limits = {.errors_max = 3};
    graphql_engine_t *engine = toy_engine(&limits);
    buf_t out BUF_SCOPED = BUF_INIT;
    size_t count = 0;

    check_err(toy_query(engine, "{q r s t u v}", &out), ERR_INVALID);
    for (size_t i = 0; i + 9 <= out.size; i++)
        count += memcmp(out.data + i, "\"message\"", 9) == 0;
    cr_expect(count == 3);
    graphql_engine_free(engine);
}

static err_t no_pages(graphql_field_t *field)
{
    if (str_equal(graphql_field_name(field), STR("n")))
        return graphql_return_int(field, 1);
    return graphql_return_list(field, 0, NULL, NULL);
}

Test(limits, pages_multiply_the_cost)
{
    static const char sdl[] = "type Query { page(first: Int = 5, after: ID): [Query!]! n: Int }";
    static const struct {
        const char *query;
        int64_t size;
        err_t wanted;
    } cases[] = {
        {"{page(first: 99) {n}}", 0, ERR_OK},       /* 1 + 99 */
        {"{page(first: 100) {n}}", 0, ERR_LIMIT},   /* 1 + 100 */
        {"{page {page {page {n}}}}", 0, ERR_LIMIT}, /* 1 + 5 + 25 + 125 */
        {"query($s: Int){page(first: $s) {n}}", 99, ERR_OK},
        {"query($s: Int){page(first: $s) {n}}", 100, ERR_LIMIT},
        {"{page(first: 2147483647) {page(first: 2147483647) {page(first: 2147483647) {n}}}}", 0,
         ERR_LIMIT},
        {"{page(first: -1) {n}}", 0, ERR_OK},
    };
    const graphql_resolver_t rows[] = {{"Query.page", GRAPHQL_RESOLVE(no_pages)},
                                       {"Query.n", GRAPHQL_RESOLVE(no_pages)}};
    graphql_engine_options_t options = {
        .sdl = str_from(sdl), .resolvers = rows, .resolver_count = 2, .limits = {.cost_max = 100}};
    buf_t problems BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    graphql_engine_t *engine;
    check_ok(graphql_engine_new(&options, &problems, &engine));

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        graphql_member_t size = {STR("s"), {.kind = GRAPHQL_INT, .integer = cases[i].size}};
        graphql_value_t variables = {.kind = GRAPHQL_OBJECT, .count = 1, .members = &size};
        graphql_request_t request = {.query = str_from(cases[i].query), .variables = &variables};
        err_t got = toy_run(engine, &request, &out);
        cr_expect(got == cases[i].wanted, "%s: %.*s", cases[i].query, STR_ARG(buf_str(&out)));
    }
    graphql_engine_free(engine);
}

Test(limits, bombs_are_refused_quickly_and_without_a_deep_stack)
{
    static const struct {
        const char *what;
        shape_t shape;
        size_t count;
    } bombs[] = {
        {"10,000 deep", {"", "{a", "", "}", ""}, 10000},
        {"10,000 deep and never closed", {"", "{a", "", "", ""}, 10000},
        {"lists", {"{a(b:", "[", "", "]", ")}"}, 10000},
        {"objects", {"{a(b:", "{c:", "1", "}", ")}"}, 9000},
        {"types", {"query($a:", "[", "Int", "]", "){a}"}, 10000},
        {"inline fragments", {"{", "...{", "a", "}", "}"}, 10000},
        {"many fields", {"{", "a ", "}", "", ""}, 9000},
        {"many names", {"{", "a:a b:b c:c d:d ", "}", "", ""}, 600},
        {"same field with selections", {"{", "dog{name}", "}", "", ""}, 2000},
        {"fragments in fragments",
         {"{...A}fragment A on QueryRoot{...B ...B}fragment B on QueryRoot{...C ...C}"
          "fragment C on QueryRoot{...D ...D}fragment D on QueryRoot{...E ...E}"
          "fragment E on QueryRoot{...F ...F}fragment F on QueryRoot{",
          "a ", "}", "", ""},
         40},
        {"directives", {"{a", "@skip(if:true)", "", "", "}"}, 1500},
        {"arguments", {"{field(", "arg:1 ", "", "", ")}"}, 3000},
        {"members", {"{any(value:{", "a:1 ", "", "", "})}"}, 3000},
        {"variables", {"query(", "$a:Int ", "", "", "){a}"}, 3000},
        {"operations", {"", "query A{a}", "", "", ""}, 199},
        {"bad fields", {"{", "zz ", "}", "", ""}, 9000},
        {"a long name", {"{", "abcdefghij", "}", "", ""}, 6000},
        {"a long string", {"{field(arg:\"", "abcdefghij", "\")}", "", ""}, 6000},
        {"quotes", {"{field(arg:\"\"\"", "\\\"\"\"", "\"\"\")}", "", ""}, 15000},
        {"blank lines", {"{field(arg:\"\"\"", " \n", "\"\"\")}", "", ""}, 30000},
    };
    graphql_engine_t *engine = toy_engine(NULL);

    for (size_t i = 0; i < COUNT_OF(bombs); i++) {
        buf_t out BUF_SCOPED = BUF_INIT;
        err_t err = ask(engine, &bombs[i].shape, bombs[i].count, &out);
        cr_expect(out.size > 0 && out.size < 512 * 1024, "%s: %zu bytes (%s)", bombs[i].what,
                  out.size, err_name(err));
    }
    graphql_engine_free(engine);
}
