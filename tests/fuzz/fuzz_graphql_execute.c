/* Any document over a small schema, with some fields answered later: one answer, and it is JSON.
 * The first byte chooses in which order pending fields are answered; bytes after a NUL are
 * variables. */
#include "gateway/graphql/engine.h"
#include "runtime/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HELD_MAX = 64 };

typedef struct desk {
    graphql_field_t *held[HELD_MAX];
    size_t held_count, answers;
} desk_t;

static const char sdl[] =
    "interface Node { id: ID! self: Node must: Node! } union U = A | B enum E { X Y }"
    "input I { a: Int = 1 b: [I!] c: String! = \"c\" e: E } directive @d(r: Int!) repeatable on "
    "FIELD "
    "type A implements Node { id: ID! self: A must: A! text(i: I, s: String): String! u: U "
    "  list(first: Int = 2): [A!]! matrix: [[Int!]] later: A fails: String! e: E f: Float }"
    "type B implements Node { id: ID! self: Node must: B! n: Int }"
    "type Query { a(i: I): A u: U node: Node list: [Node] must: A! }"
    "type Mutation { later: A text: String! }";

static err_t item(graphql_field_t *field, const void *items, size_t index);

static err_t resolve(graphql_field_t *field)
{
    desk_t *desk = graphql_context(field);
    str_t name = graphql_field_name(field);
    if (str_equal(name, STR("later")) && desk->held_count < HELD_MAX) {
        desk->held[desk->held_count++] = field;
        return graphql_pending(field);
    }
    if (str_equal(name, STR("id")))
        return graphql_return_id(field, 5);
    if (str_equal(name, STR("text")))
        return graphql_return_str(field, graphql_arg_str(field, "s"));
    if (str_equal(name, STR("list")) || str_equal(name, STR("matrix")))
        return graphql_return_list(field, 2, item, NULL);
    if (str_equal(name, STR("u")) || str_equal(name, STR("node")) ||
        (str_equal(name, STR("self")) && str_equal(graphql_type_name(field), STR("B"))))
        return graphql_return_object_as(field, graphql_selects(field, "n") ? "B" : "A", NULL);
    if (str_equal(name, STR("fails")))
        return ERR_CONFLICT;
    if (str_equal(name, STR("e")))
        return graphql_return_str(field, STR("Y"));
    if (str_equal(name, STR("f")))
        return graphql_return_float(field, 0.1);
    if (str_equal(name, STR("n")))
        return graphql_return_int(field, -1);
    return graphql_return_object(field, NULL);
}

static err_t number(graphql_field_t *field, const void *items UNUSED, size_t index)
{
    return index == 1 ? graphql_return_null(field) : graphql_return_int(field, 1);
}

static err_t item(graphql_field_t *field, const void *items UNUSED, size_t index UNUSED)
{
    if (str_equal(graphql_field_name(field), STR("matrix")))
        return graphql_return_list(field, 2, number, NULL);
    return str_equal(graphql_type_name(field), STR("A"))
               ? graphql_return_object(field, NULL)
               : graphql_return_object_as(field, "B", NULL);
}

static graphql_engine_t *engine_new(void)
{
    static const char *const names[] = {"A.id",         "A.self",     "A.must",
                                        "A.text",       "A.u",        "A.list",
                                        "A.matrix",     "A.later",    "A.fails",
                                        "A.e",          "A.f",        "B.id",
                                        "B.self",       "B.must",     "B.n",
                                        "Query.a",      "Query.u",    "Query.node",
                                        "Query.list",   "Query.must", "Mutation.later",
                                        "Mutation.text"};
    graphql_resolver_t rows[COUNT_OF(names)];
    for (size_t i = 0; i < COUNT_OF(names); i++)
        rows[i] = (graphql_resolver_t){names[i], GRAPHQL_RESOLVE(resolve)};
    graphql_engine_options_t options = {
        .sdl = STR(sdl), .resolvers = rows, .resolver_count = COUNT_OF(rows)};
    options.limits.arena_bytes_max = 1 << 20;
    buf_t problems BUF_SCOPED = BUF_INIT;
    graphql_engine_t *engine = NULL;
    ASSERT(graphql_engine_new(&options, &problems, &engine) == ERR_OK);
    return engine;
}

static void on_done(void *context, const graphql_response_t *response)
{
    desk_t *desk = context;
    desk->answers++;
    ASSERT(str_starts_with(response->json, STR("{\"")) && str_ends_with(response->json, STR("}")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    graphql_engine_t *engine = engine_new();
    arena_t arena ARENA_SCOPED = {0};
    desk_t desk = {.held_count = 0};
    str_t text = str_of(data + 1, size - 1);
    size_t end = str_find(text, '\0');
    graphql_value_t variables;
    err_t err = graphql_value_from_json(str_slice(text, end + 1, text.size), &arena, &variables);
    graphql_request_t request = {.query = str_slice(text, 0, end),
                                 .variables = err == ERR_OK ? &variables : NULL,
                                 .context = &desk};
    graphql_execution_t *running = graphql_execute(engine, &request, on_done, &desk);
    bool is_cancelled = running != NULL && (data[0] & 128) != 0;
    if (is_cancelled)
        graphql_cancel(&running);
    for (size_t answered = 0; answered < desk.held_count; answered++) {
        size_t at = (data[0] & 1) != 0 ? desk.held_count - 1 : answered;
        graphql_field_t *field = desk.held[at];
        desk.held[at] = desk.held[answered];
        err = (data[0] & 2) != 0 ? graphql_return_error(field, ERR_TIMEOUT, NULL)
                                 : graphql_return_object(field, NULL);
        ASSERT(err == ERR_OK);
    }
    ASSERT(desk.answers == (is_cancelled ? 0 : 1));
    graphql_engine_free(engine);
    return 0;
}
