#include "gateway/graphql/value.h"

#include "runtime/base/json.h"

const graphql_value_t *graphql_value_find(const graphql_value_t *self, str_t name)
{
    if (self == NULL || self->kind != GRAPHQL_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < self->count; i++)
        if (str_equal(self->members[i].name, name))
            return &self->members[i].value;
    return NULL;
}

const graphql_value_t *graphql_value_get(const graphql_value_t *self, const char *name)
{
    return graphql_value_find(self, str_from(name));
}

const graphql_value_t *graphql_value_at(const graphql_value_t *self, size_t index)
{
    bool has = self != NULL && self->kind == GRAPHQL_LIST && index < self->count;
    return has ? &self->items[index] : NULL;
}

size_t graphql_value_count(const graphql_value_t *self)
{
    bool has = self != NULL && (self->kind == GRAPHQL_LIST || self->kind == GRAPHQL_OBJECT);
    return has ? self->count : 0;
}

bool graphql_value_is_null(const graphql_value_t *self)
{
    return self == NULL || self->kind == GRAPHQL_NULL;
}

str_t graphql_value_str(const graphql_value_t *self)
{
    bool has = self != NULL && (self->kind == GRAPHQL_STRING || self->kind == GRAPHQL_ENUM);
    return has ? self->text : (str_t){NULL, 0};
}

int64_t graphql_value_int(const graphql_value_t *self, int64_t otherwise)
{
    return self != NULL && self->kind == GRAPHQL_INT ? self->integer : otherwise;
}

double graphql_value_float(const graphql_value_t *self, double otherwise)
{
    if (self != NULL && self->kind == GRAPHQL_INT)
        return (double)self->integer;
    return self != NULL && self->kind == GRAPHQL_FLOAT ? self->number : otherwise;
}

bool graphql_value_bool(const graphql_value_t *self, bool otherwise)
{
    return self != NULL && self->kind == GRAPHQL_BOOLEAN ? self->boolean : otherwise;
}

err_t graphql_value_id(const graphql_value_t *self, uint64_t *out_id)
{
    return str_to_u64(graphql_value_str(self), out_id) == ERR_OK ? ERR_OK : ERR_INVALID;
}

static void write_value(const graphql_value_t *self, json_t *json)
{
    switch (self->kind) {
    case GRAPHQL_NULL:
        json_null(json);
        break;
    case GRAPHQL_BOOLEAN:
        json_bool(json, self->boolean);
        break;
    case GRAPHQL_INT:
        json_i64(json, self->integer);
        break;
    case GRAPHQL_FLOAT:
        json_f64(json, self->number);
        break;
    case GRAPHQL_STRING:
    case GRAPHQL_ENUM:
        json_str(json, self->text);
        break;
    case GRAPHQL_LIST:
        json_array_begin(json);
        for (uint32_t i = 0; i < self->count; i++)
            write_value(&self->items[i], json);
        json_array_end(json);
        break;
    case GRAPHQL_OBJECT:
        json_object_begin(json);
        for (uint32_t i = 0; i < self->count; i++) {
            json_key(json, self->members[i].name);
            write_value(&self->members[i].value, json);
        }
        json_object_end(json);
        break;
    }
}

void graphql_value_to_json(const graphql_value_t *self, buf_t *out)
{
    json_t json = json_to(out);
    write_value(self, &json);
}
