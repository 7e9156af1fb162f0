#include "gateway/graphql/transport_ws.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

#include <stdio.h>

/* What one connection did, and the sources that its subscriptions opened. */
typedef struct wire {
    buf_t sent;
    uint16_t code;
    size_t closes, inits;
    err_t init_answer;
    graphql_stream_t *stream;
    size_t opened, closed, released;
    graphql_field_t *held[100];
    size_t held_count;
} wire_t;

static err_t later(graphql_field_t *field)
{
    wire_t *wire = graphql_context(field);
    wire->held[wire->held_count++] = field;
    return graphql_pending(field);
}

static err_t word(graphql_field_t *field)
{
    return graphql_return_str(field, STR("word"));
}

static void on_source_close(void *context)
{
    ((wire_t *)context)->closed++;
}

static err_t open_news(graphql_field_t *field, graphql_stream_t *stream)
{
    wire_t *wire = graphql_context(field);
    if (graphql_arg_bool(field, "refuse", false))
        return ERR_NOT_FOUND;
    wire->stream = stream;
    wire->opened++;
    graphql_stream_on_close(stream, on_source_close, wire);
    return ERR_OK;
}

static err_t news_text(graphql_field_t *field)
{
    return graphql_return_str(field, str_from(graphql_source(field)));
}

static const graphql_resolver_t rows[] = {
    {"Query.word", GRAPHQL_RESOLVE(word)},     {"Query.later", GRAPHQL_RESOLVE(later)},
    {"Mutation.word", GRAPHQL_RESOLVE(word)},  {"Subscription.news", GRAPHQL_OPEN(open_news)},
    {"News.text", GRAPHQL_RESOLVE(news_text)}, {"News.later", GRAPHQL_RESOLVE(later)},
};

static graphql_engine_t *engine_new(void)
{
    static const char sdl[] =
        "type Query { word: String later: String } type Mutation { word: String }"
        "type Subscription { news(refuse: Boolean): News! }"
        "type News { text: String later: String }";
    graphql_engine_options_t options = {
        .sdl = STR(sdl), .resolvers = rows, .resolver_count = COUNT_OF(rows)};
    buf_t problems BUF_SCOPED = BUF_INIT;
    graphql_engine_t *engine = NULL;
    err_t err = graphql_engine_new(&options, &problems, &engine);
    cr_assert(err == ERR_OK, "%s", buf_terminated(&problems));
    return engine;
}

static void on_send(void *context, str_t text)
{
    wire_t *wire = context;
    buf_append(&wire->sent, text);
    buf_append_char(&wire->sent, '\n');
}

static void on_close(void *context, uint16_t code, str_t reason)
{
    wire_t *wire = context;
    cr_expect(reason.size > 0 && reason.size <= 123);
    wire->code = code;
    wire->closes++;
}

static err_t on_init(void *context, const graphql_value_t *payload)
{
    wire_t *wire = context;
    wire->inits++;
    uint64_t token;
    if (payload != NULL && graphql_value_id(graphql_value_get(payload, "token"), &token) == ERR_OK)
        return token == 1 ? ERR_OK : ERR_UNAUTHENTICATED;
    return wire->init_answer;
}

static graphql_ws_t *connect(const graphql_engine_t *engine, wire_t *wire)
{
    graphql_ws_handlers_t handlers = {on_send, on_close, on_init, wire};
    graphql_ws_t *ws;
    check_ok(graphql_ws_new(engine, &handlers, NULL, wire, &ws));
    return ws;
}

static void say(graphql_ws_t *ws, const char *text)
{
    graphql_ws_text(ws, str_from(text));
}

static void expect_sent(wire_t *wire, const char *text)
{
    check_str(buf_str(&wire->sent), str_from(text));
    buf_reset(&wire->sent);
}

#define INIT "{\"type\":\"connection_init\"}"
#define SUBSCRIBE(id, query)                                                                       \
    "{\"id\":\"" id "\",\"type\":\"subscribe\",\"payload\":{\"query\":\"" query "\"}}"
#define ACK "{\"type\":\"connection_ack\"}\n"

Test(transport_ws, each_fault_closes_once_with_its_code_and_silences_the_connection)
{
    static const struct {
        const char *what, *messages[4];
        uint16_t code;
    } cases[] = {
        {"no JSON", {"{\"type\""}, 4400},
        {"no object", {"[]"}, 4400},
        {"nothing", {""}, 4400},
        {"no type", {"{}"}, 4400},
        {"an unknown type", {INIT, "{\"type\":\"nope\"}"}, 4400},
        {"a type for clients", {INIT, "{\"type\":\"next\",\"id\":\"1\"}"}, 4400},
        {"a payload that is a list", {"{\"type\":\"connection_init\",\"payload\":[]}"}, 4400},
        {"no id", {INIT, "{\"type\":\"subscribe\",\"payload\":{\"query\":\"{word}\"}}"}, 4400},
        {"no query", {INIT, "{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{}}"}, 4400},
        {"an empty id", {INIT, SUBSCRIBE("", "{word}")}, 4400},
        {"subscribe before init", {SUBSCRIBE("1", "{word}")}, 4401},
        {"init refused", {"{\"type\":\"connection_init\",\"payload\":{\"token\":\"2\"}}"}, 4403},
        {"an id twice", {INIT, SUBSCRIBE("a", "{later}"), SUBSCRIBE("a", "{word}")}, 4409},
        {"init twice", {INIT, INIT}, 4429},
    };
    graphql_engine_t *engine = engine_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        wire_t wire = {0};
        graphql_ws_t *ws = connect(engine, &wire);
        for (size_t j = 0; j < COUNT_OF(cases[i].messages) && cases[i].messages[j] != NULL; j++)
            say(ws, cases[i].messages[j]);
        cr_expect(wire.code == cases[i].code, "%s: %u", cases[i].what, wire.code);
        buf_reset(&wire.sent);
        say(ws, INIT);
        say(ws, "{");
        graphql_ws_init_timeout(ws);
        graphql_ws_ping(ws);
        for (size_t j = 0; j < wire.held_count; j++)
            check_ok(graphql_return_null(wire.held[j]));
        cr_expect(wire.closes == 1 && wire.sent.size == 0, "%s", cases[i].what);
        cr_expect(graphql_ws_subscription_count(ws) == 0, "%s", cases[i].what);
        graphql_ws_free(ws);
        buf_deinit(&wire.sent);
    }
    graphql_engine_free(engine);
}

Test(transport_ws, init_is_awaited_for_a_time)
{
    graphql_engine_t *engine = engine_new();
    wire_t late = {0}, in_time = {0}, other = {0};
    graphql_ws_t *ws = connect(engine, &late), *fine = connect(engine, &in_time);
    graphql_ws_t *foreign = connect(engine, &other);

    graphql_ws_init_timeout(ws);
    say(fine, "{\"type\":\"connection_init\",\"payload\":{\"token\":\"1\"}}");
    graphql_ws_init_timeout(fine);
    graphql_ws_refuse_subprotocol(foreign);

    cr_expect(late.code == 4408);
    cr_expect(in_time.closes == 0);
    cr_expect(other.code == 4406);
    expect_sent(&in_time, ACK);
    cr_expect(graphql_ws_is_offered(STR("graphql-ws, graphql-transport-ws")));
    bool is_old_offered = graphql_ws_is_offered(STR("graphql-ws"));
    cr_expect(is_old_offered == 0);
    graphql_ws_free(ws);
    graphql_ws_free(fine);
    graphql_ws_free(foreign);
    buf_deinit(&in_time.sent);
    graphql_engine_free(engine);
}

Test(transport_ws, operations_give_next_and_complete_or_error)
{
    graphql_engine_t *engine = engine_new();
    wire_t wire = {0};
    graphql_ws_t *ws = connect(engine, &wire);
    say(ws, INIT);
    expect_sent(&wire, ACK);

    say(ws, SUBSCRIBE("1", "{word}"));
    expect_sent(&wire,
                "{\"id\":\"1\",\"type\":\"next\",\"payload\":{\"data\":{\"word\":\"word\"}}}\n"
                "{\"id\":\"1\",\"type\":\"complete\"}\n");
    say(ws, SUBSCRIBE("1", "mutation{word}"));
    expect_sent(&wire,
                "{\"id\":\"1\",\"type\":\"next\",\"payload\":{\"data\":{\"word\":\"word\"}}}\n"
                "{\"id\":\"1\",\"type\":\"complete\"}\n");
    say(ws, SUBSCRIBE("1", "{"));
    expect_sent(
        &wire,
        "{\"id\":\"1\",\"type\":\"error\",\"payload\":[{\"message\":\"Syntax Error: Expected "
        "Name, found \\u003cEOF>.\",\"locations\":[{\"line\":1,\"column\":2}],"
        "\"extensions\":{\"code\":\"INVALID\"}}]}\n");
    say(ws, SUBSCRIBE("1", "subscription{news(refuse:true){text}}"));
    expect_sent(&wire,
                "{\"id\":\"1\",\"type\":\"error\",\"payload\":[{\"message\":\"there is no such "
                "thing\",\"locations\":[{\"line\":1,\"column\":14}],\"path\":[\"news\"],"
                "\"extensions\":{\"code\":\"NOT_FOUND\"}}]}\n");
    say(ws, "{\"type\":\"ping\",\"payload\":{\"n\":[1,\"x\"]}}");
    expect_sent(&wire, "{\"type\":\"pong\",\"payload\":{\"n\":[1,\"x\"]}}\n");
    say(ws, "{\"type\":\"ping\"}");
    expect_sent(&wire, "{\"type\":\"pong\"}\n");
    say(ws, "{\"type\":\"pong\"}");
    say(ws, "{\"type\":\"complete\",\"id\":\"unknown\"}");
    cr_expect(wire.sent.size == 0 && wire.closes == 0);
    cr_expect(graphql_ws_subscription_count(ws) == 0);

    graphql_ws_free(ws);
    buf_deinit(&wire.sent);
    graphql_engine_free(engine);
}

static void release(void *event)
{
    memory_free(event);
}

static err_t emit(wire_t *wire, const char *text)
{
    char *event = str_dup_terminated(str_from(text));
    err_t err = graphql_emit(wire->stream, event, release);
    if (err != ERR_OK)
        memory_free(event);
    return err;
}

Test(transport_ws, events_come_in_order_also_when_fields_are_pending)
{
    graphql_engine_t *engine = engine_new();
    wire_t wire = {0};
    graphql_ws_t *ws = connect(engine, &wire);
    say(ws, INIT);
    say(ws, SUBSCRIBE("s", "subscription{news{text later}}"));
    buf_reset(&wire.sent);

    check_ok(emit(&wire, "one"));
    check_ok(emit(&wire, "two"));
    cr_expect(wire.held_count == 1);
    check_ok(graphql_return_null(wire.held[0]));
    expect_sent(&wire,
                "{\"id\":\"s\",\"type\":\"next\",\"payload\":{\"data\":{\"news\":{\"text\":\"one\","
                "\"later\":null}}}}\n");
    cr_expect(wire.held_count == 2);
    graphql_stream_end(wire.stream);
    cr_expect(wire.closed == 1);
    check_ok(graphql_return_null(wire.held[1]));
    expect_sent(&wire,
                "{\"id\":\"s\",\"type\":\"next\",\"payload\":{\"data\":{\"news\":{\"text\":\"two\","
                "\"later\":null}}}}\n{\"id\":\"s\",\"type\":\"complete\"}\n");
    cr_expect(graphql_ws_subscription_count(ws) == 0);

    graphql_ws_free(ws);
    buf_deinit(&wire.sent);
    graphql_engine_free(engine);
}

Test(transport_ws, a_source_ends_however_the_subscription_ends)
{
    static const char *const ends[] = {"complete", "connection", "failure", "close"};
    graphql_engine_t *engine = engine_new();

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        wire_t wire = {0};
        graphql_ws_t *ws = connect(engine, &wire);
        say(ws, INIT);
        say(ws, SUBSCRIBE("s", "subscription{news{later}}"));
        buf_reset(&wire.sent);
        check_ok(emit(&wire, "pending"));
        check_ok(emit(&wire, "waiting"));
        if (i == 0)
            say(ws, "{\"type\":\"complete\",\"id\":\"s\"}");
        else if (i == 2)
            graphql_stream_fail(wire.stream, ERR_FORBIDDEN, "signed out");
        else if (i == 3)
            say(ws, "nonsense");
        if (i == 1) {
            graphql_ws_free(ws);
            ws = NULL;
        }
        cr_expect(wire.closed == 1, "%s", ends[i]);
        cr_expect(graphql_is_cancelled(wire.held[0]), "%s", ends[i]);
        check_ok(graphql_return_null(wire.held[0]));
        bool has_failed = str_contains(buf_str(&wire.sent), STR("\"type\":\"error\""));
        cr_expect(has_failed == (i == 2), "%s", ends[i]);
        cr_expect(wire.held_count == 1, "%s", ends[i]);
        graphql_ws_free(ws);
        buf_deinit(&wire.sent);
    }
    graphql_engine_free(engine);
}

Test(transport_ws, waiting_events_and_operations_are_bounded)
{
    graphql_engine_t *engine = engine_new();
    wire_t wire = {0};
    graphql_ws_t *ws = connect(engine, &wire);
    say(ws, INIT);
    say(ws, SUBSCRIBE("s", "subscription{news{later}}"));
    for (int i = 0; i <= GRAPHQL_EVENTS_QUEUED_MAX; i++)
        check_ok(emit(&wire, "x"));
    check_err(emit(&wire, "x"), ERR_BUSY);

    for (int i = 1; i < GRAPHQL_WS_SUBSCRIPTIONS_MAX; i++) {
        char text[200];
        snprintf(text, sizeof text, SUBSCRIBE("%d", "{later}"), i);
        say(ws, text);
    }
    cr_expect(graphql_ws_subscription_count(ws) == GRAPHQL_WS_SUBSCRIPTIONS_MAX);
    buf_reset(&wire.sent);
    say(ws, SUBSCRIBE("more", "{word}"));
    cr_expect(str_contains(buf_str(&wire.sent), STR("\"code\":\"LIMIT\"")));
    cr_expect(wire.closes == 0);

    graphql_ws_free(ws);
    for (size_t i = 0; i < wire.held_count; i++)
        check_ok(graphql_return_null(wire.held[i]));
    buf_deinit(&wire.sent);
    graphql_engine_free(engine);
}
