/* From JSON text, read by jansson, to values in an arena. Alone in its file because jansson's
 * json_t is not the writer's of runtime/base. */
#include "gateway/graphql/limits.h"
#include "gateway/graphql/value.h"
#include "runtime/base/text.h"

#include <jansson.h>

typedef struct reader {
    arena_t *arena;
    uint32_t depth, count;
} reader_t;

static err_t convert(reader_t *self, const json_t *json, graphql_value_t *out);

static err_t convert_list(reader_t *self, const json_t *json, graphql_value_t *out)
{
    size_t count = json_array_size(json);
    if (count > GRAPHQL_JSON_VALUES_MAX)
        return ERR_LIMIT;
    graphql_value_t *items = arena_new_array(self->arena, count, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        TRY(convert(self, json_array_get(json, i), &items[i]));
    *out = (graphql_value_t){.kind = GRAPHQL_LIST, .count = (uint32_t)count, .items = items};
    return ERR_OK;
}

static err_t convert_object(reader_t *self, json_t *json, graphql_value_t *out)
{
    size_t count = json_object_size(json), i = 0;
    if (count > GRAPHQL_JSON_VALUES_MAX)
        return ERR_LIMIT;
    graphql_member_t *members = arena_new_array(self->arena, count, sizeof *members);
    if (members == NULL)
        return ERR_NO_MEMORY;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        members[i].name = arena_str(self->arena, str_from(key));
        if (members[i].name.data == NULL)
            return ERR_NO_MEMORY;
        TRY(convert(self, value, &members[i].value));
        i++;
    }
    *out = (graphql_value_t){.kind = GRAPHQL_OBJECT, .count = (uint32_t)i, .members = members};
    return ERR_OK;
}

static err_t convert_container(reader_t *self, const json_t *json, graphql_value_t *out)
{
    if (++self->depth > GRAPHQL_JSON_DEPTH_MAX)
        return ERR_LIMIT;
    /* jansson's iteration takes a pointer to what it does not change. */
    json_t *object = json_incref((json_t *)(uintptr_t)json);
    err_t err =
        json_is_array(json) ? convert_list(self, json, out) : convert_object(self, object, out);
    json_decref(object);
    self->depth--;
    return err;
}

static err_t convert(reader_t *self, const json_t *json, graphql_value_t *out)
{
    if (++self->count > GRAPHQL_JSON_VALUES_MAX)
        return ERR_LIMIT;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return convert_container(self, json, out);
    case JSON_STRING:
        out->kind = GRAPHQL_STRING;
        out->text =
            arena_str(self->arena, str_of(json_string_value(json), json_string_length(json)));
        return out->text.data == NULL ? ERR_NO_MEMORY : ERR_OK;
    case JSON_INTEGER:
        out->kind = GRAPHQL_INT;
        out->integer = json_integer_value(json);
        return ERR_OK;
    case JSON_REAL:
        out->kind = GRAPHQL_FLOAT;
        out->number = json_real_value(json);
        return ERR_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        out->kind = GRAPHQL_BOOLEAN;
        out->boolean = json_is_true(json);
        return ERR_OK;
    case JSON_NULL:
        out->kind = GRAPHQL_NULL;
        return ERR_OK;
    }
    return ERR_INVALID;
}

static void release(json_t **json)
{
    json_decref(*json);
}

err_t graphql_value_from_json(str_t text, arena_t *arena, graphql_value_t *out_value)
{
    if (text.size > GRAPHQL_BODY_BYTES_MAX)
        return ERR_LIMIT;
    if (!text_json_nests_within(text, GRAPHQL_JSON_DEPTH_MAX))
        return ERR_LIMIT;
    json_error_t where;
    json_t *json SCOPED(release) = json_loadb(text.data == NULL ? "" : text.data, text.size,
                                              JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
    if (json == NULL)
        return json_error_code(&where) == json_error_out_of_memory ? ERR_NO_MEMORY : ERR_INVALID;
    reader_t reader = {arena, 0, 0};
    graphql_value_t value = {.kind = GRAPHQL_NULL};
    TRY(convert(&reader, json, &value));
    *out_value = value;
    return ERR_OK;
}
