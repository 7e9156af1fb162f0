/* Whatever strings and numbers are written, what comes out is JSON: a reader (jansson, behind
 * gateway/graphql/value.h) takes it, and finds the same numbers, and the same text where it was
 * UTF-8. */
#include "gateway/graphql/value.h"
#include "runtime/base/assert.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double number_of(const graphql_value_t *value)
{
    return value->kind == GRAPHQL_INT ? (double)value->integer : value->number;
}

static void check(str_t text, str_t string, uint64_t number, double real)
{
    arena_t arena ARENA_SCOPED = {0};
    graphql_value_t root;
    if (memchr(string.data, '\0', string.size) != NULL)
        return; /* the reader takes no U+0000 */
    ASSERT(graphql_value_from_json(text, &arena, &root) == ERR_OK);
    const graphql_value_t *list = graphql_value_get(&root, "list");
    ASSERT(list != NULL && list->count == 3);
    if (utf8_is_valid(string))
        ASSERT(str_equal(graphql_value_at(list, 0)->text, string));
    ASSERT(graphql_value_at(list, 1)->integer == (int64_t)number);
    const graphql_value_t *read = graphql_value_at(list, 2);
    bool is_same =
        read->kind == GRAPHQL_NULL || (number_of(read) >= real && number_of(read) <= real);
    ASSERT(is_same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t number = 0;
    double real = 0;
    if (size < sizeof number + sizeof real)
        return 0;
    memcpy(&number, data, sizeof number);
    number >>= 1; /* the reader's are signed */
    memcpy(&real, data + sizeof number, sizeof real);
    str_t string = str_of(data + sizeof number + sizeof real, size - sizeof number - sizeof real);

    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    json_object_begin(&json);
    json_key(&json, STR("list"));
    json_array_begin(&json);
    json_str(&json, string);
    json_u64(&json, number);
    json_f64(&json, real);
    json_array_end(&json);
    json_object_end(&json);
    ASSERT(buf_status(&text) == ERR_OK);
    check(buf_str(&text), string, number, real);
    return 0;
}
