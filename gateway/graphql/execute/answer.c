/* The graphql_return_ functions: what a resolver gives is checked against the schema's type. */
#include "gateway/graphql/execute/execute_parts.h"

#include <math.h>

static const gql_ref_t *type_of(const graphql_field_t *node)
{
    return gql_nullable(node->type);
}

/* A resolver's value that the schema does not allow is our bug, told to the client as such. */
static void misfit(graphql_field_t *node, const char *what)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "Expected a value of type \"%.*s\" but received %s.",
               STR_ARG(node->type->text), what);
    gql_node_null(node, ERR_INTERNAL, buf_str(&text));
}

/* NULL: the field is no leaf. */
static const gql_type_t *leaf_of(const graphql_field_t *node)
{
    const gql_ref_t *ref = type_of(node);
    return ref->kind == GQL_REF_NAMED && gql_is_leaf(ref->named) ? ref->named : NULL;
}

static void set_text(graphql_field_t *node, gql_result_t result, str_t text)
{
    str_t copy = arena_str(&node->execution->arena, text);
    if (copy.data == NULL) {
        gql_run_out(node->execution);
        return;
    }
    node->result = result;
    node->text = copy;
}

err_t graphql_return_null(graphql_field_t *self)
{
    if (gql_begin_answer(self))
        gql_node_null(self, ERR_OK, STR(""));
    return gql_end_answer(self);
}

static bool is_enum_value(const gql_type_t *type, str_t name)
{
    for (uint32_t i = 0; i < type->value_count; i++)
        if (str_equal(type->values[i].name, name))
            return true;
    return false;
}

static void answer_str(graphql_field_t *self, str_t value)
{
    const gql_type_t *type = leaf_of(self);
    if (value.data == NULL) {
        gql_node_null(self, ERR_OK, STR(""));
        return;
    }
    if (type != NULL && type->kind == GQL_KIND_ENUM && !is_enum_value(type, value)) {
        buf_t text BUF_SCOPED = BUF_INIT;
        buf_printf(&text, "Enum \"%.*s\" cannot represent value: \"%.*s\"", STR_ARG(type->name),
                   STR_ARG(value));
        gql_node_null(self, ERR_INTERNAL, buf_str(&text));
        return;
    }
    bool fits =
        type != NULL && (type->kind == GQL_KIND_ENUM || type->scalar == GQL_SCALAR_STRING ||
                         type->scalar == GQL_SCALAR_ID || type->scalar == GQL_SCALAR_CUSTOM);
    if (fits)
        set_text(self, GQL_RESULT_STR, value);
    else
        misfit(self, "a string");
}

err_t graphql_return_str(graphql_field_t *self, str_t value)
{
    if (gql_begin_answer(self))
        answer_str(self, value);
    return gql_end_answer(self);
}

static void answer_int(graphql_field_t *self, int64_t value)
{
    const gql_type_t *type = leaf_of(self);
    gql_scalar_t scalar = type == NULL ? GQL_SCALAR_STRING : type->scalar;
    buf_t text BUF_SCOPED = BUF_INIT;
    if (type != NULL && scalar == GQL_SCALAR_ID) {
        buf_append_i64(&text, value);
        set_text(self, GQL_RESULT_STR, buf_str(&text));
    } else if (scalar == GQL_SCALAR_INT && (value < INT32_MIN || value > INT32_MAX)) {
        buf_printf(&text, "Int cannot represent non 32-bit signed integer value: %lld",
                   (long long)value);
        gql_node_null(self, ERR_INTERNAL, buf_str(&text));
    } else if (type == NULL || type->kind == GQL_KIND_ENUM || scalar == GQL_SCALAR_STRING ||
               scalar == GQL_SCALAR_BOOLEAN) {
        misfit(self, "an integer");
    } else {
        self->result = GQL_RESULT_INT;
        self->integer = value;
    }
}

err_t graphql_return_int(graphql_field_t *self, int64_t value)
{
    if (gql_begin_answer(self))
        answer_int(self, value);
    return gql_end_answer(self);
}

err_t graphql_return_id(graphql_field_t *self, uint64_t value)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_append_u64(&text, value);
    if (gql_begin_answer(self))
        answer_str(self, buf_str(&text));
    return gql_end_answer(self);
}

err_t graphql_return_float(graphql_field_t *self, double value)
{
    if (gql_begin_answer(self)) {
        const gql_type_t *type = leaf_of(self);
        bool fits = type != NULL && type->kind == GQL_KIND_SCALAR && isfinite(value) &&
                    (type->scalar == GQL_SCALAR_FLOAT || type->scalar == GQL_SCALAR_CUSTOM);
        if (fits) {
            self->result = GQL_RESULT_FLOAT;
            self->number = value;
        } else {
            misfit(self, isfinite(value) ? "a number" : "a number that is not finite");
        }
    }
    return gql_end_answer(self);
}

err_t graphql_return_bool(graphql_field_t *self, bool value)
{
    if (gql_begin_answer(self)) {
        const gql_type_t *type = leaf_of(self);
        bool fits = type != NULL && type->kind == GQL_KIND_SCALAR &&
                    (type->scalar == GQL_SCALAR_BOOLEAN || type->scalar == GQL_SCALAR_CUSTOM);
        if (fits) {
            self->result = GQL_RESULT_BOOL;
            self->boolean = value;
        } else {
            misfit(self, "a boolean");
        }
    }
    return gql_end_answer(self);
}

err_t graphql_return_json(graphql_field_t *self, str_t json)
{
    if (gql_begin_answer(self)) {
        const gql_type_t *type = leaf_of(self);
        if (type != NULL && type->kind == GQL_KIND_SCALAR && type->scalar == GQL_SCALAR_CUSTOM)
            set_text(self, GQL_RESULT_JSON, json);
        else
            misfit(self, "JSON");
    }
    return gql_end_answer(self);
}

err_t graphql_return_object(graphql_field_t *self, const void *source)
{
    if (gql_begin_answer(self)) {
        const gql_ref_t *ref = type_of(self);
        if (ref->kind == GQL_REF_NAMED && ref->named->kind == GQL_KIND_OBJECT)
            gql_node_start_fields(self, ref->named, source);
        else
            misfit(self, "an object of no named type");
    }
    return gql_end_answer(self);
}

err_t graphql_return_object_as(graphql_field_t *self, const char *type, const void *source)
{
    if (gql_begin_answer(self)) {
        const gql_ref_t *ref = type_of(self);
        const gql_type_t *object = gql_type_find(self->execution->prepared->schema, str_from(type));
        bool fits =
            ref->kind == GQL_REF_NAMED && object != NULL && gql_has_possible(ref->named, object);
        if (fits)
            gql_node_start_fields(self, object, source);
        else
            misfit(self, "an object of another type");
    }
    return gql_end_answer(self);
}

static void answer_list(graphql_field_t *self, size_t count, graphql_item_fn *item,
                        const void *items)
{
    const gql_ref_t *ref = type_of(self);
    graphql_execution_t *execution = self->execution;
    if (ref->kind != GQL_REF_LIST) {
        misfit(self, "a list");
        return;
    }
    graphql_field_t *children =
        count > UINT32_MAX ? NULL : arena_new_array(&execution->arena, count, sizeof *children);
    if (children == NULL) {
        gql_run_out(execution);
        return;
    }
    self->result = GQL_RESULT_CHILDREN;
    self->is_list = true;
    self->children = children;
    self->child_count = (uint32_t)count;
    for (uint32_t i = 0; i < count && !gql_node_is_dead(self); i++) {
        children[i] = (graphql_field_t){.execution = execution,
                                        .parent = self,
                                        .path = {&self->path, {NULL, 0}, i},
                                        .plan = self->plan,
                                        .object = self->object,
                                        .type = ref->inner,
                                        .source = self->source};
        gql_node_run_item(&children[i], item, items, i);
    }
}

err_t graphql_return_list(graphql_field_t *self, size_t count, graphql_item_fn *item,
                          const void *items)
{
    if (gql_begin_answer(self))
        answer_list(self, count, item, items);
    return gql_end_answer(self);
}

err_t graphql_return_error(graphql_field_t *self, err_t err, const char *text)
{
    if (gql_begin_answer(self))
        gql_node_null(self, err == ERR_OK ? ERR_INTERNAL : err,
                      str_from(text == NULL ? err_text(err) : text));
    return gql_end_answer(self);
}

/* ---- what a resolver may ask ---- */

const void *graphql_source(const graphql_field_t *self)
{
    return self->source;
}

void *graphql_context(const graphql_field_t *self)
{
    return self->execution->context;
}

arena_t *graphql_arena(graphql_field_t *self)
{
    return &self->execution->arena;
}

str_t graphql_field_name(const graphql_field_t *self)
{
    return self->plan->definition->name;
}

str_t graphql_type_name(const graphql_field_t *self)
{
    return self->object->name;
}

bool graphql_is_cancelled(const graphql_field_t *self)
{
    const graphql_execution_t *execution = self->execution;
    return execution->is_cancelled || execution->is_unwanted || gql_node_is_dead(self);
}

const graphql_value_t *graphql_arg(const graphql_field_t *self, const char *name)
{
    return graphql_value_get(&self->plan->args, name);
}

str_t graphql_arg_str(const graphql_field_t *self, const char *name)
{
    return graphql_value_str(graphql_arg(self, name));
}

int64_t graphql_arg_int(const graphql_field_t *self, const char *name, int64_t otherwise)
{
    return graphql_value_int(graphql_arg(self, name), otherwise);
}

double graphql_arg_float(const graphql_field_t *self, const char *name, double otherwise)
{
    return graphql_value_float(graphql_arg(self, name), otherwise);
}

bool graphql_arg_bool(const graphql_field_t *self, const char *name, bool otherwise)
{
    return graphql_value_bool(graphql_arg(self, name), otherwise);
}

err_t graphql_arg_id(const graphql_field_t *self, const char *name, uint64_t *out_id)
{
    return graphql_value_id(graphql_arg(self, name), out_id);
}

bool graphql_selects(graphql_field_t *self, const char *name)
{
    const graphql_value_t *arguments;
    return graphql_selected(self, name, 0, &arguments);
}

bool graphql_selected(graphql_field_t *self, const char *name, uint32_t index,
                      const graphql_value_t **out_arguments)
{
    const gql_type_t *type = self->type->named;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < type->possible_count; i++) {
        gql_plan_set_t *set =
            gql_plan_below(self->execution->prepared, self->plan, type->possible[i]);
        for (gql_plan_field_t *f = set == NULL ? NULL : set->fields; f != NULL; f = f->next)
            if (str_equal(f->definition->name, str_from(name)) && seen++ == index) {
                *out_arguments = f->args_err == ERR_OK ? &f->args : NULL;
                return true;
            }
    }
    return false;
}
