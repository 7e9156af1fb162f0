/* Every document of the corpus against what graphql-js answers: syntax errors, printed form,
 * validation errors and results (corpus.json, made by oracle.mjs). */
#include "gateway/graphql/language/parser.h"
#include "gateway/graphql/language/printer.h"
#include "runtime/base/memory.h"
#include "tests/gateway/graphql/toy.h"
#include "tests/support/check.h"

#include <jansson.h>
#include <stdlib.h>

static const gql_parse_limits_t parse_limits = {1 << 20, 100000, 128, 10000};

static json_t *load_rows(void)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_error_t where;
    toy_read("tests/gateway/graphql/corpus.json", &text);
    json_t *corpus = json_loadb(text.data, text.size, JSON_ALLOW_NUL, &where);
    cr_assert(corpus != NULL, "corpus.json: %s", where.text);
    json_t *rows = json_incref(json_object_get(corpus, "rows"));
    json_decref(corpus);
    return rows;
}

static str_t text_of(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return str_of(json_string_value(value), json_string_length(value));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* {message, locations, path} of each error, in the order of their text: the order of rules is the
 * implementation's. */
static char *plain_errors(const json_t *errors)
{
    size_t count = json_array_size(errors);
    char **texts = memory_new_array(count, sizeof *texts);
    buf_t all = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        json_t *error = json_copy(json_array_get(errors, i));
        json_object_del(error, "extensions");
        texts[i] = json_dumps(error, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(error);
    }
    qsort(texts, count, sizeof *texts, by_text);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&all, "%s\n", texts[i]);
        free(texts[i]);
    }
    memory_free(texts);
    char *copy = str_dup_terminated(buf_str(&all));
    buf_deinit(&all);
    return copy;
}

static void expect_same_errors(const json_t *got, const json_t *wanted, str_t document)
{
    char *got_text = plain_errors(got), *wanted_text = plain_errors(wanted);
    cr_expect(strcmp(got_text, wanted_text) == 0, "%.*s\n--- got\n%s--- wanted\n%s",
              STR_ARG(document), got_text, wanted_text);
    memory_free(got_text);
    memory_free(wanted_text);
}

/* ---- language ---- */

static void expect_fault(const json_t *row, str_t document, const gql_fault_t *fault)
{
    const json_t *syntax = json_object_get(row, "syntax");
    const json_t *place = json_array_get(json_object_get(syntax, "locations"), 0);
    gql_location_t at = gql_locate(document, fault->at);
    str_t wanted = text_of(syntax, "message");
    cr_expect(str_equal(fault->message, wanted), "%.*s\n--- got\n%.*s\n--- wanted\n%.*s",
              STR_ARG(document), STR_ARG(fault->message), STR_ARG(wanted));
    cr_expect(at.line == json_integer_value(json_object_get(place, "line")) &&
                  at.column == json_integer_value(json_object_get(place, "column")),
              "%.*s\n%.*s at %u:%u", STR_ARG(document), STR_ARG(wanted), at.line, at.column);
}

static void expect_printed(const json_t *row, str_t document, const gql_document_t *tree)
{
    buf_t text BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
    arena_t arena ARENA_SCOPED = {0};
    gql_fault_t fault;
    gql_document_t *second;
    str_t wanted = text_of(row, "printed");

    gql_print_document(tree, &text);
    cr_expect(str_equal(buf_str(&text), wanted), "%.*s\n--- got\n%.*s\n--- wanted\n%.*s",
              STR_ARG(document), STR_ARG(buf_str(&text)), STR_ARG(wanted));

    check_ok(gql_parse(buf_str(&text), &parse_limits, &arena, &fault, &second));
    gql_print_document(second, &again);
    check_str(buf_str(&again), buf_str(&text));
}

Test(corpus, every_document_is_parsed_or_refused_and_printed_as_graphql_js_does)
{
    json_t *rows = load_rows(), *row;
    size_t i, faults = 0;
    json_array_foreach(rows, i, row)
    {
        arena_t arena ARENA_SCOPED = {0};
        gql_fault_t fault = {0};
        gql_document_t *tree;
        str_t document = text_of(row, "document");
        err_t err = gql_parse(document, &parse_limits, &arena, &fault, &tree);
        bool is_wrong = json_object_get(row, "syntax") != NULL;
        faults += is_wrong;
        if (err != ERR_OK && is_wrong)
            expect_fault(row, document, &fault);
        else if (err == ERR_OK && !is_wrong)
            expect_printed(row, document, tree);
        else
            cr_fail("%.*s\n%s: %.*s", STR_ARG(document), err_name(err), STR_ARG(fault.message));
    }
    cr_expect(faults > 100);
    cr_expect(json_array_size(rows) > 700);
    json_decref(rows);
}

/* ---- validation and execution ---- */

static json_t *run(const graphql_engine_t *engine, const json_t *row, str_t operation, err_t *err)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    graphql_value_t variables;
    graphql_request_t request = {.query = text_of(row, "document"), .operation_name = operation};
    const json_t *given = json_object_get(row, "variables");
    if (given != NULL) {
        char *text = json_dumps(given, JSON_ENCODE_ANY);
        check_ok(graphql_value_from_json(str_from(text), &arena, &variables));
        free(text);
        request.variables = &variables;
    }
    *err = toy_run(engine, &request, &out);
    json_error_t where;
    json_t *answer = json_loadb(out.data, out.size, 0, &where);
    cr_assert(answer != NULL, "%.*s: %s", STR_ARG(buf_str(&out)), where.text);
    return answer;
}

static void expect_result(const graphql_engine_t *engine, const json_t *row, const json_t *wanted)
{
    err_t err;
    str_t document = text_of(row, "document");
    json_t *answer = run(engine, row, text_of(wanted, "operation"), &err);
    const json_t *data = json_object_get(answer, "data");
    const json_t *wanted_data = json_object_get(wanted, "data");
    char *got_text = data == NULL ? NULL : json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
    char *wanted_text =
        wanted_data == NULL ? NULL : json_dumps(wanted_data, JSON_COMPACT | JSON_ENCODE_ANY);
    bool is_same_shape = (data == NULL) == (wanted_data == NULL);
    cr_expect(is_same_shape, "%.*s", STR_ARG(document));
    if (data != NULL && wanted_data != NULL)
        cr_expect(strcmp(got_text, wanted_text) == 0, "%.*s\n--- got\n%s\n--- wanted\n%s",
                  STR_ARG(document), got_text, wanted_text);
    expect_same_errors(json_object_get(answer, "errors"), json_object_get(wanted, "errors"),
                       document);
    free(got_text);
    free(wanted_text);
    json_decref(answer);
}

Test(corpus, every_operation_is_refused_or_answered_as_graphql_js_does)
{
    graphql_engine_t *engine = toy_engine(NULL);
    json_t *rows = load_rows(), *row, *wanted;
    size_t i, j, refused = 0, answered = 0;
    json_array_foreach(rows, i, row)
    {
        err_t err;
        if (json_object_get(row, "invalid") != NULL) {
            json_t *answer = run(engine, row, (str_t){NULL, 0}, &err);
            cr_expect(err != ERR_OK);
            cr_expect(json_object_get(answer, "data") == NULL);
            expect_same_errors(json_object_get(answer, "errors"), json_object_get(row, "invalid"),
                               text_of(row, "document"));
            json_decref(answer);
            refused++;
        }
        json_array_foreach(json_object_get(row, "results"), j, wanted)
        {
            expect_result(engine, row, wanted);
            answered++;
        }
    }
    cr_expect(refused > 200 && answered > 100, "%zu refused, %zu answered", refused, answered);
    json_decref(rows);
    graphql_engine_free(engine);
}
