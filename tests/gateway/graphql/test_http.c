#include "gateway/graphql/http.h"
#include "tests/gateway/graphql/toy.h"
#include "tests/support/check.h"

static graphql_http_call_t read_call(const graphql_http_input_t *input, arena_t *arena)
{
    graphql_http_call_t call;
    graphql_http_read(input, arena, &call);
    return call;
}

#define POST(type, accept_, body_)                                                                 \
    {                                                                                              \
        .method = STR_INIT("POST"), .content_type = STR_INIT(type), .accept = STR_INIT(accept_),   \
        .body = STR_INIT(body_)                                                                    \
    }
#define GET(accept_, query_)                                                                       \
    {                                                                                              \
        .method = STR_INIT("GET"), .accept = STR_INIT(accept_), .query_string = STR_INIT(query_)   \
    }
#define JSON "application/json"
#define GRAPHQL "application/graphql-response+json"

Test(http, requests_are_read_or_refused_with_their_status)
{
    static const struct {
        const char *what;
        graphql_http_input_t input;
        int status;
    } cases[] = {
        {"a query", POST(JSON, JSON, "{\"query\":\"{a}\"}"), 0},
        {"charset", POST("application/json; charset=\"UTF-8\"", JSON, "{\"query\":\"{a}\"}"), 0},
        {"another charset", POST(JSON ";charset=latin1", JSON, "{\"query\":\"{a}\"}"), 415},
        {"no content type", POST("", JSON, "{\"query\":\"{a}\"}"), 415},
        {"a form", POST("application/x-www-form-urlencoded", JSON, "query={a}"), 415},
        {"graphql as text", POST("application/graphql", JSON, "{a}"), 415},
        {"no body", POST(JSON, JSON, ""), 400},
        {"no JSON", POST(JSON, JSON, "{\"query\":"), 400},
        {"a batch", POST(JSON, JSON, "[{\"query\":\"{a}\"}]"), 400},
        {"a string", POST(JSON, JSON, "\"{a}\""), 400},
        {"no query", POST(JSON, JSON, "{\"notquery\":1}"), 400},
        {"query null", POST(JSON, JSON, "{\"query\":null}"), 400},
        {"query number", POST(JSON, JSON, "{\"query\":1}"), 400},
        {"name object", POST(JSON, JSON, "{\"query\":\"{a}\",\"operationName\":{}}"), 400},
        {"name null", POST(JSON, JSON, "{\"query\":\"{a}\",\"operationName\":null}"), 0},
        {"variables array", POST(JSON, JSON, "{\"query\":\"{a}\",\"variables\":[]}"), 400},
        {"variables string", POST(JSON, JSON, "{\"query\":\"{a}\",\"variables\":\"{}\"}"), 400},
        {"variables null", POST(JSON, JSON, "{\"query\":\"{a}\",\"variables\":null}"), 0},
        {"variables", POST(JSON, JSON, "{\"query\":\"{a}\",\"variables\":{\"a\":1}}"), 0},
        {"extensions number", POST(JSON, JSON, "{\"query\":\"{a}\",\"extensions\":0}"), 400},
        {"extensions", POST(JSON, JSON, "{\"query\":\"{a}\",\"extensions\":{\"x\":1}}"), 0},
        {"GET", GET(JSON, "query=%7Ba%7D"), 0},
        {"GET with variables", GET(JSON, "query=%7Ba%7D&variables=%7B%22a%22%3A1%7D"), 0},
        {"GET with bad variables", GET(JSON, "query=%7Ba%7D&variables=%7B"), 400},
        {"GET with a list of variables", GET(JSON, "query=%7Ba%7D&variables=[]"), 400},
        {"GET with an empty name", GET(JSON, "query=%7Ba%7D&operationName="), 0},
        {"GET with nothing", GET(JSON, ""), 400},
        {"GET badly encoded", GET(JSON, "query=%7"), 400},
        {"not acceptable", GET("text/html", "query=%7Ba%7D"), 406},
        {"refused by weight", GET(JSON ";q=0", "query=%7Ba%7D"), 406},
        {"PUT", {.method = STR_INIT("PUT")}, 405},
        {"HEAD", {.method = STR_INIT("HEAD")}, 405},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        graphql_http_call_t call = read_call(&cases[i].input, &arena);
        cr_expect(call.status == cases[i].status, "%s: %d", cases[i].what, call.status);
        cr_expect(call.status == 0 || str_starts_with(call.body, STR("{\"errors\":[{\"message\":")),
                  "%s", cases[i].what);
        bool has_allow = call.allow != NULL;
        cr_expect(has_allow == (cases[i].status == 405), "%s", cases[i].what);
    }
}

Test(http, the_media_type_is_negotiated)
{
    static const struct {
        const char *accept;
        bool is_graphql;
    } cases[] = {
        {"", false},
        {"*/*", false},
        {"application/*", false},
        {JSON, false},
        {GRAPHQL, true},
        {GRAPHQL "; charset=utf-8, " JSON "; charset=utf-8", true},
        {JSON ", " GRAPHQL, true},
        {JSON ", " GRAPHQL ";q=0.5", false},
        {GRAPHQL ";q=0.8, " JSON ";q=0.31", true},
        {"text/html, */*;q=0.1", false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        graphql_http_input_t input = GET(JSON, "query=%7Ba%7D");
        input.accept = str_from(cases[i].accept);
        graphql_http_call_t call = read_call(&input, &arena);
        cr_expect(call.status == 0, "%s", cases[i].accept);
        cr_expect(call.is_graphql_response == cases[i].is_graphql, "%s", cases[i].accept);
        bool is_named = str_starts_with(str_from(call.media_type), STR(GRAPHQL));
        cr_expect(is_named == cases[i].is_graphql, "%s: %s", cases[i].accept, call.media_type);
    }
}

Test(http, what_was_read_reaches_the_engine)
{
    static const graphql_http_input_t inputs[] = {
        POST(JSON, JSON,
             "{\"query\":\"query A{b} query B($i:String){list(input:[$i])}\",\"operationName\":"
             "\"B\",\"variables\":{\"i\":\"\\u00e9&+\"}}"),
        GET(JSON,
            "variables=%7B%22i%22%3A%22%C3%A9%26%2B%22%7D&operationName=B&query=query+A%7Bb%7D+"
            "query+B(%24i:String)%7Blist(input:%5B%24i%5D)%7D"),
    };
    graphql_engine_t *engine = toy_engine(NULL);

    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t out BUF_SCOPED = BUF_INIT;
        graphql_http_call_t call = read_call(&inputs[i], &arena);
        cr_expect(call.status == 0);
        check_ok(toy_run(engine, &call.request, &out));
        check_str(buf_str(&out),
                  STR("{\"data\":{\"list\":\"list:{\\\"input\\\":[\\\"\xc3\xa9&+\\\"]}\"}}"));
    }
    graphql_engine_free(engine);
}

Test(http, the_status_says_what_became_of_the_request)
{
    static const struct {
        const char *what, *accept, *query;
        int status;
    } cases[] = {
        {"done", JSON, "{a}", 200},
        {"a field failed", GRAPHQL, "{trouble{errorString}}", 200},
        {"data is null", GRAPHQL, "{nonNullTrouble{errorNonNull}}", 200},
        {"does not parse, JSON", JSON, "{", 200},
        {"does not parse", GRAPHQL, "{", 400},
        {"not valid, JSON", JSON, "{zz}", 200},
        {"not valid", GRAPHQL, "{zz}", 400},
        {"a variable is missing", GRAPHQL,
         "query(%24a:Int!){complicatedArgs{intArgField(intArg:%24a)}}", 400},
        {"a mutation", JSON, "mutation{first}", 405},
        {"a mutation, either way", GRAPHQL, "mutation{first}", 405},
        {"a subscription", GRAPHQL, "subscription{spamEmails}", 405},
    };
    graphql_engine_t *engine = toy_engine(NULL);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t out BUF_SCOPED = BUF_INIT, query BUF_SCOPED = BUF_INIT;
        buf_printf(&query, "query=%s", cases[i].query);
        graphql_http_input_t input = {.method = STR("GET"),
                                      .accept = str_from(cases[i].accept),
                                      .query_string = buf_str(&query)};
        graphql_http_call_t call = read_call(&input, &arena);
        cr_assert(call.status == 0, "%s", cases[i].what);
        err_t err = toy_run(engine, &call.request, &out);
        int status = graphql_http_status(&call, &(graphql_response_t){buf_str(&out), err});
        cr_expect(status == cases[i].status, "%s: %d", cases[i].what, status);
        bool has_data = str_contains(buf_str(&out), STR("\"data\""));
        cr_expect(has_data == (err == ERR_OK), "%s", cases[i].what);
    }
    graphql_engine_free(engine);
}

Test(http, a_body_past_its_bounds_is_refused)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t body BUF_SCOPED = BUF_INIT;
    graphql_http_input_t input = POST(JSON, JSON, "");

    buf_append(&body, STR("{\"query\":\"{a}\",\"variables\":"));
    for (int i = 0; i < 100000; i++)
        buf_append_char(&body, '[');
    input.body = buf_str(&body);
    cr_expect(read_call(&input, &arena).status == 413);

    buf_reset(&body);
    buf_append(&body, STR("{\"query\":\""));
    for (int i = 0; i < GRAPHQL_BODY_BYTES_MAX; i++)
        buf_append_char(&body, ' ');
    buf_append(&body, STR("{a}\"}"));
    input.body = buf_str(&body);
    cr_expect(read_call(&input, &arena).status == 413);
}
