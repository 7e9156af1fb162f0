#include "gateway/graphql/http.h"

#include "runtime/base/json.h"
#include "runtime/base/text.h"

#define MEDIA_JSON "application/json"
#define MEDIA_GRAPHQL "application/graphql-response+json"

static void refuse(graphql_http_call_t *call, arena_t *arena, int status, const char *message)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    json_object_begin(&json);
    json_key(&json, STR("errors"));
    json_array_begin(&json);
    json_object_begin(&json);
    json_key_str(&json, "message", str_from(message));
    json_object_end(&json);
    json_array_end(&json);
    json_object_end(&json);
    call->status = status;
    call->body = arena_str(arena, buf_str(&text));
    if (call->body.data == NULL) {
        call->status = 503;
        call->body = STR("{\"errors\":[{\"message\":\"out of memory\"}]}");
    }
}

/* ---- headers ---- */

/* The weight of a media range in thousandths (RFC 9110 section 12.4.2); 1000 without one. */
static uint32_t weight_of(str_t parameters)
{
    str_t part;
    for (str_t rest = parameters; str_next(&rest, ';', &part);) {
        part = str_trim(part);
        if (!str_starts_with(part, STR("q=")) && !str_starts_with(part, STR("Q=")))
            continue;
        if (str_starts_with(str_slice(part, 2, 3), STR("1")))
            return 1000;
        uint32_t weight = 0, unit = 100;
        for (size_t i = 4; i < MIN(part.size, (size_t)7); i++, unit /= 10)
            if (part.data[i] >= '0' && part.data[i] <= '9')
                weight += (uint32_t)(part.data[i] - '0') * unit;
        return weight;
    }
    return 1000;
}

typedef struct acceptance {
    uint32_t json, graphql; /* weights; 0: not accepted */
} acceptance_t;

/* The most specific range that matches a type decides its weight. */
static acceptance_t read_accept(str_t accept)
{
    acceptance_t found = {0, 0};
    uint32_t specific_json = 0;
    str_t range;
    for (str_t rest = accept; str_next(&rest, ',', &range);) {
        size_t end = str_find(range, ';');
        str_t type = str_trim(str_slice(range, 0, end));
        uint32_t weight = weight_of(str_slice(range, end, range.size));
        uint32_t specific = str_equal(type, STR("*/*")) ? 1 : 3;
        bool is_any = specific == 1;
        if (str_equal_ignoring_case(type, STR("application/*"))) {
            is_any = true;
            specific = 2;
        }
        if ((is_any || str_equal_ignoring_case(type, STR(MEDIA_JSON))) &&
            specific > specific_json) {
            specific_json = specific;
            found.json = weight;
        }
        if (str_equal_ignoring_case(type, STR(MEDIA_GRAPHQL)))
            found.graphql = weight;
    }
    return found;
}

static bool is_utf8_charset(str_t value)
{
    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"')
        value = str_slice(value, 1, value.size - 1);
    return str_equal_ignoring_case(value, STR("utf-8")) ||
           str_equal_ignoring_case(value, STR("utf8"));
}

static bool is_json_content(str_t content_type)
{
    size_t end = str_find(content_type, ';');
    str_t part;
    if (!str_equal_ignoring_case(str_trim(str_slice(content_type, 0, end)), STR(MEDIA_JSON)))
        return false;
    for (str_t rest = str_slice(content_type, end, content_type.size);
         str_next(&rest, ';', &part);) {
        size_t equals = str_find(part, '=');
        str_t name = str_trim(str_slice(part, 0, equals));
        if (str_equal_ignoring_case(name, STR("charset")) &&
            !is_utf8_charset(str_trim(str_slice(part, equals + 1, part.size))))
            return false;
    }
    return true;
}

/* ---- parameters ---- */

/* The parameters of a request, whichever way they came. */
static const char *take_parameters(const graphql_value_t *body, graphql_http_call_t *call)
{
    const graphql_value_t *query = graphql_value_get(body, "query");
    const graphql_value_t *name = graphql_value_get(body, "operationName");
    const graphql_value_t *variables = graphql_value_get(body, "variables");
    const graphql_value_t *extensions = graphql_value_get(body, "extensions");
    if (graphql_value_is_null(query))
        return "Missing query";
    if (query->kind != GRAPHQL_STRING)
        return "Invalid query: it must be a string";
    if (!graphql_value_is_null(name) && name->kind != GRAPHQL_STRING)
        return "Invalid operationName: it must be a string";
    if (!graphql_value_is_null(variables) && variables->kind != GRAPHQL_OBJECT)
        return "Invalid variables: they must be an object";
    if (!graphql_value_is_null(extensions) && extensions->kind != GRAPHQL_OBJECT)
        return "Invalid extensions: they must be an object";
    call->request.query = query->text;
    call->request.operation_name = graphql_value_str(name);
    call->request.variables = graphql_value_is_null(variables) ? NULL : variables;
    return NULL;
}

static void read_post(const graphql_http_input_t *input, arena_t *arena, graphql_http_call_t *call)
{
    if (!is_json_content(input->content_type)) {
        refuse(call, arena, 415, "The body must be application/json in UTF-8");
        return;
    }
    graphql_value_t *body = arena_new(arena, sizeof *body);
    err_t err = body == NULL ? ERR_NO_MEMORY : graphql_value_from_json(input->body, arena, body);
    if (err == ERR_LIMIT)
        refuse(call, arena, 413, "The body is too large or nests too deep");
    else if (err == ERR_NO_MEMORY)
        refuse(call, arena, 503, "out of memory");
    else if (err != ERR_OK)
        refuse(call, arena, 400, "The body is not JSON");
    else if (body->kind == GRAPHQL_LIST)
        refuse(call, arena, 400, "Batched requests are not supported");
    else if (body->kind != GRAPHQL_OBJECT)
        refuse(call, arena, 400, "The body must be a JSON object");
    if (call->status != 0)
        return;
    const char *fault = take_parameters(body, call);
    if (fault != NULL)
        refuse(call, arena, 400, fault);
}

/* A parameter of the query string as a member; JSON for `variables` and `extensions`. */
static const char *decode_parameter(str_t name, str_t text, arena_t *arena, graphql_member_t *out)
{
    buf_t decoded BUF_SCOPED = BUF_INIT;
    if (percent_decode(&decoded, text, true) != ERR_OK)
        return "The query string is not well encoded";
    out->name = name;
    bool is_json = str_equal(name, STR("variables")) || str_equal(name, STR("extensions"));
    if (is_json && decoded.size > 0)
        return graphql_value_from_json(buf_str(&decoded), arena, &out->value) == ERR_OK
                   ? NULL
                   : "Variables and extensions must be JSON objects";
    out->value.kind = is_json ? GRAPHQL_NULL : GRAPHQL_STRING;
    out->value.text = arena_str(arena, buf_str(&decoded));
    if (str_equal(name, STR("operationName")) && decoded.size == 0)
        out->value.kind = GRAPHQL_NULL;
    return out->value.text.data == NULL ? "out of memory" : NULL;
}

static void read_get(const graphql_http_input_t *input, arena_t *arena, graphql_http_call_t *call)
{
    static const str_t names[] = {STR_INIT("query"), STR_INIT("operationName"),
                                  STR_INIT("variables"), STR_INIT("extensions")};
    graphql_value_t *body = arena_new(arena, sizeof *body);
    graphql_member_t *members = arena_new_array(arena, COUNT_OF(names), sizeof *members);
    const char *fault = body == NULL || members == NULL ? "out of memory" : NULL;
    str_t part, rest = input->query_string.data == NULL ? STR("") : input->query_string;
    uint32_t count = 0;
    if (rest.size > GRAPHQL_BODY_BYTES_MAX) {
        refuse(call, arena, 413, "The query string is too long");
        return;
    }
    for (bool seen[COUNT_OF(names)] = {false}; fault == NULL && str_next(&rest, '&', &part);) {
        size_t equals = str_find(part, '=');
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            if (seen[i] || !str_equal(str_slice(part, 0, equals), names[i]))
                continue;
            seen[i] = true;
            fault = decode_parameter(names[i], str_slice(part, equals + 1, part.size), arena,
                                     &members[count++]);
        }
    }
    if (fault == NULL) {
        *body = (graphql_value_t){.kind = GRAPHQL_OBJECT, .count = count, .members = members};
        fault = take_parameters(body, call);
    }
    if (fault != NULL)
        refuse(call, arena, 400, fault);
    call->request.is_query_only = true;
}

void graphql_http_read(const graphql_http_input_t *input, arena_t *arena,
                       graphql_http_call_t *out_call)
{
    graphql_http_call_t call = {.media_type = MEDIA_JSON "; charset=utf-8"};
    acceptance_t accepts = read_accept(str_is_empty(input->accept) ? STR("*/*") : input->accept);
    call.is_graphql_response = accepts.graphql > 0 && accepts.graphql >= accepts.json;
    if (call.is_graphql_response)
        call.media_type = MEDIA_GRAPHQL "; charset=utf-8";
    bool is_get = str_equal(input->method, STR("GET"));
    if (!is_get && !str_equal(input->method, STR("POST"))) {
        refuse(&call, arena, 405, "GraphQL is served by GET and POST");
        call.allow = "GET, POST";
    } else if (accepts.graphql == 0 && accepts.json == 0) {
        refuse(&call, arena, 406,
               "Only application/graphql-response+json and application/json can be sent");
    } else if (is_get) {
        read_get(input, arena, &call);
    } else {
        read_post(input, arena, &call);
    }
    *out_call = call;
}

int graphql_http_status(graphql_http_call_t *call, const graphql_response_t *response)
{
    if (response->err == ERR_FORBIDDEN && call->request.is_query_only) {
        call->allow = "POST";
        return 405;
    }
    if (response->err == ERR_NO_MEMORY)
        return 503;
    return response->err == ERR_OK || !call->is_graphql_response ? 200 : 400;
}
