#include "gateway/graphql/coerce.h"

#include "gateway/graphql/language/printer.h"
#include "gateway/graphql/language/suggest.h"

const graphql_value_t *gql_variable_find(const gql_variables_t *variables, str_t name)
{
    for (uint32_t i = 0; variables != NULL && i < variables->count; i++)
        if (str_equal(variables->members[i].name, name))
            return &variables->members[i].value;
    return NULL;
}

/* ---- given values ---- */

typedef struct step {
    const struct step *parent;
    str_t key; /* NULL data: the index counts */
    uint32_t index;
} step_t;

typedef struct variable {
    const gql_field_definition_t *definition;
    gql_errors_t *errors;
    arena_t *arena;
    bool is_wrong;
} variable_t;

static void append_steps(const step_t *step, buf_t *out)
{
    if (step == NULL)
        return;
    append_steps(step->parent, out);
    if (step->key.data != NULL)
        buf_printf(out, ".%.*s", STR_ARG(step->key));
    else
        buf_printf(out, "[%u]", step->index);
}

static void refuse(variable_t *self, const graphql_value_t *value, const step_t *step, str_t why)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    str_t name = self->definition->name.text;
    buf_printf(&text, "Variable \"$%.*s\" got invalid value ", STR_ARG(name));
    gql_inspect(value, &text);
    if (step != NULL) {
        buf_printf(&text, " at \"%.*s", STR_ARG(name));
        append_steps(step, &text);
        buf_append_char(&text, '"');
    }
    buf_append(&text, STR("; "));
    buf_append(&text, why);
    uint32_t place = self->definition->at;
    gql_errors_add(self->errors, ERR_INVALID, buf_str(&text), &place, 1, NULL);
    self->is_wrong = true;
}

static err_t coerce_value(variable_t *self, const graphql_value_t *value, const gql_ref_t *type,
                          const step_t *step, graphql_value_t *out);

static err_t coerce_list(variable_t *self, const graphql_value_t *value, const gql_ref_t *type,
                         const step_t *step, graphql_value_t *out)
{
    bool is_list = value->kind == GRAPHQL_LIST;
    uint32_t count = is_list ? value->count : 1;
    graphql_value_t *items = arena_new_array(self->arena, count, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count && !self->errors->is_full; i++) {
        step_t item = {step, {NULL, 0}, i};
        TRY(coerce_value(self, is_list ? &value->items[i] : value, type->inner,
                         is_list ? &item : step, &items[i]));
    }
    *out = (graphql_value_t){.kind = GRAPHQL_LIST, .count = count, .items = items};
    return ERR_OK;
}

static void refuse_unknown_members(variable_t *self, const graphql_value_t *value,
                                   const gql_type_t *type, const step_t *step)
{
    for (uint32_t i = 0; i < value->count && !self->errors->is_full; i++) {
        str_t name = value->members[i].name;
        if (gql_input_find(type->inputs, type->input_count, name) != NULL)
            continue;
        buf_t text BUF_SCOPED = BUF_INIT;
        gql_suggestions_t suggestions = gql_suggestions_for(name);
        for (uint32_t j = 0; j < type->input_count; j++)
            gql_suggest(&suggestions, type->inputs[j].name);
        buf_printf(&text, "Field \"%.*s\" is not defined by type \"%.*s\".", STR_ARG(name),
                   STR_ARG(type->name));
        gql_suggestions_append(&suggestions, "", &text);
        refuse(self, value, step, buf_str(&text));
    }
}

static void check_one_of(variable_t *self, const graphql_value_t *value, const gql_type_t *type,
                         const step_t *step, const graphql_value_t *object)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (!type->is_one_of)
        return;
    if (object->count != 1) {
        buf_printf(&text, "Exactly one key must be specified for OneOf type \"%.*s\".",
                   STR_ARG(type->name));
        refuse(self, value, step, buf_str(&text));
    } else if (object->members[0].value.kind == GRAPHQL_NULL) {
        step_t member = {step, object->members[0].name, 0};
        buf_printf(&text, "Field \"%.*s\" must be non-null.", STR_ARG(object->members[0].name));
        refuse(self, &object->members[0].value, &member, buf_str(&text));
    }
}

static err_t coerce_object(variable_t *self, const graphql_value_t *value, const gql_type_t *type,
                           const step_t *step, graphql_value_t *out)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (value->kind != GRAPHQL_OBJECT) {
        buf_printf(&text, "Expected type \"%.*s\" to be an object.", STR_ARG(type->name));
        refuse(self, value, step, buf_str(&text));
        return ERR_OK;
    }
    graphql_member_t *members = arena_new_array(self->arena, type->input_count, sizeof *members);
    if (members == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->input_count; i++) {
        const gql_input_t *input = &type->inputs[i];
        const graphql_value_t *given = graphql_value_find(value, input->name);
        step_t member = {step, input->name, 0};
        if (given == NULL && gql_is_required(input)) {
            buf_reset(&text);
            buf_printf(&text, "Field \"%.*s\" of required type \"%.*s\" was not provided.",
                       STR_ARG(input->name), STR_ARG(input->type->text));
            refuse(self, value, step, buf_str(&text));
        }
        if (given == NULL && input->default_value == NULL)
            continue;
        members[count].name = input->name;
        if (given == NULL)
            TRY(gql_coerce_literal(input->default_value, input->type, NULL, self->arena,
                                   &members[count].value));
        else
            TRY(coerce_value(self, given, input->type, &member, &members[count].value));
        count++;
    }
    *out = (graphql_value_t){.kind = GRAPHQL_OBJECT, .count = count, .members = members};
    refuse_unknown_members(self, value, type, step);
    check_one_of(self, value, type, step, out);
    return ERR_OK;
}

static err_t coerce_value(variable_t *self, const graphql_value_t *value, const gql_ref_t *type,
                          const step_t *step, graphql_value_t *out)
{
    buf_t why BUF_SCOPED = BUF_INIT;
    if (value->kind == GRAPHQL_NULL) {
        if (type->kind == GQL_REF_NON_NULL) {
            buf_printf(&why, "Expected non-nullable type \"%.*s\" not to be null.",
                       STR_ARG(type->text));
            refuse(self, value, step, buf_str(&why));
        }
        *out = (graphql_value_t){.kind = GRAPHQL_NULL};
        return ERR_OK;
    }
    type = gql_nullable(type);
    if (type->kind == GQL_REF_LIST)
        return coerce_list(self, value, type, step, out);
    if (type->named->kind == GQL_KIND_INPUT)
        return coerce_object(self, value, type->named, step, out);
    if (gql_value_is_wrong(value, type->named, self->arena, &why, out))
        refuse(self, value, step, buf_str(&why));
    return buf_status(&why);
}

static err_t coerce_variable(const gql_schema_t *schema, variable_t *self,
                             const graphql_value_t *given, gql_variables_t *variables)
{
    const gql_field_definition_t *definition = self->definition;
    str_t name = definition->name.text;
    const gql_ref_t *type = gql_ref_from_ast(schema, definition->type, self->arena);
    if (type == NULL)
        return ERR_NO_MEMORY; /* validation knows the type */
    const graphql_value_t *value = graphql_value_find(given, name);
    graphql_member_t *member = &variables->members[variables->count];
    member->name = name;
    bool is_required = type->kind == GQL_REF_NON_NULL;
    if (value == NULL && definition->default_value != NULL) {
        variables->count++;
        return gql_coerce_literal(definition->default_value, type, NULL, self->arena,
                                  &member->value);
    }
    if (value == NULL || (value->kind == GRAPHQL_NULL && is_required)) {
        if (is_required) {
            gql_errors_say(self->errors, ERR_INVALID, definition->at,
                           value == NULL
                               ? "Variable \"$%.*s\" of required type \"%.*s\" was not provided."
                               : "Variable \"$%.*s\" of non-null type \"%.*s\" must not be null.",
                           STR_ARG(name), STR_ARG(type->text));
            self->is_wrong = true;
        }
        return ERR_OK;
    }
    variables->count++;
    return coerce_value(self, value, type, NULL, &member->value);
}

err_t gql_coerce_variables(const gql_schema_t *schema, const gql_definition_t *operation,
                           const graphql_value_t *given, gql_errors_t *errors,
                           gql_variables_t *out_variables)
{
    uint32_t count = 0;
    bool is_wrong = false;
    for (const gql_field_definition_t *v = operation->variables; v != NULL; v = v->next)
        count++;
    gql_variables_t variables = {arena_new_array(errors->arena, count, sizeof(graphql_member_t)),
                                 0};
    if (variables.members == NULL)
        return ERR_NO_MEMORY;
    for (const gql_field_definition_t *v = operation->variables; v != NULL; v = v->next) {
        variable_t self = {v, errors, errors->arena, false};
        TRY(coerce_variable(schema, &self, given, &variables));
        is_wrong |= self.is_wrong;
    }
    *out_variables = variables;
    return is_wrong ? ERR_INVALID : ERR_OK;
}

/* ---- literals ---- */

static bool is_missing(const gql_literal_t *literal, const gql_variables_t *variables)
{
    return literal->kind == GQL_VARIABLE && gql_variable_find(variables, literal->text) == NULL;
}

static err_t literal_list(const gql_literal_t *literal, const gql_ref_t *type,
                          const gql_variables_t *variables, arena_t *arena, graphql_value_t *out)
{
    uint32_t count = 0, i = 0;
    for (const gql_literal_t *item = literal->items; item != NULL; item = item->next)
        count++;
    count = literal->kind == GQL_LIST ? count : 1;
    graphql_value_t *items = arena_new_array(arena, count, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    *out = (graphql_value_t){.kind = GRAPHQL_LIST, .count = count, .items = items};
    if (literal->kind != GQL_LIST)
        return gql_coerce_literal(literal, type->inner, variables, arena, &items[0]);
    for (const gql_literal_t *item = literal->items; item != NULL; item = item->next, i++) {
        if (!is_missing(item, variables))
            TRY(gql_coerce_literal(item, type->inner, variables, arena, &items[i]));
        else if (type->inner->kind == GQL_REF_NON_NULL)
            return ERR_INVALID;
    }
    return ERR_OK;
}

static const gql_literal_t *member_of(const gql_literal_t *object, str_t name)
{
    for (const gql_literal_t *item = object->items; item != NULL; item = item->next)
        if (str_equal(item->member.text, name))
            return item;
    return NULL;
}

static err_t literal_object(const gql_literal_t *literal, const gql_type_t *type,
                            const gql_variables_t *variables, arena_t *arena, graphql_value_t *out)
{
    if (literal->kind != GQL_OBJECT)
        return ERR_INVALID;
    graphql_member_t *members = arena_new_array(arena, type->input_count, sizeof *members);
    if (members == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->input_count; i++) {
        const gql_input_t *input = &type->inputs[i];
        const gql_literal_t *given = member_of(literal, input->name);
        if (given == NULL || is_missing(given, variables))
            given = input->default_value;
        if (given == NULL && input->type->kind == GQL_REF_NON_NULL)
            return ERR_INVALID;
        if (given == NULL)
            continue;
        members[count].name = input->name;
        TRY(gql_coerce_literal(given, input->type, variables, arena, &members[count].value));
        count++;
    }
    if (type->is_one_of && (count != 1 || members[0].value.kind == GRAPHQL_NULL))
        return ERR_INVALID;
    *out = (graphql_value_t){.kind = GRAPHQL_OBJECT, .count = count, .members = members};
    return ERR_OK;
}

err_t gql_coerce_literal(const gql_literal_t *literal, const gql_ref_t *type,
                         const gql_variables_t *variables, arena_t *arena,
                         graphql_value_t *out_value)
{
    if (literal->kind == GQL_VARIABLE) {
        const graphql_value_t *variable = gql_variable_find(variables, literal->text);
        if (variable == NULL)
            return ERR_INVALID;
        *out_value = *variable;
        bool is_wrong = out_value->kind == GRAPHQL_NULL && type->kind == GQL_REF_NON_NULL;
        return is_wrong ? ERR_INVALID : ERR_OK;
    }
    if (literal->kind == GQL_NULL) {
        *out_value = (graphql_value_t){.kind = GRAPHQL_NULL};
        return type->kind == GQL_REF_NON_NULL ? ERR_INVALID : ERR_OK;
    }
    type = gql_nullable(type);
    if (type->kind == GQL_REF_LIST)
        return literal_list(literal, type, variables, arena, out_value);
    if (type->named->kind == GQL_KIND_INPUT)
        return literal_object(literal, type->named, variables, arena, out_value);
    buf_t why BUF_SCOPED = BUF_INIT;
    if (gql_literal_is_wrong(literal, type, &why))
        return ERR_INVALID;
    return gql_leaf_value(literal, type->named, variables, arena, out_value);
}

/* ---- arguments ---- */

static err_t coerce_argument(const gql_input_t *input, const gql_argument_t *argument, uint32_t at,
                             const gql_variables_t *variables, arena_t *arena, buf_t *message,
                             uint32_t *place, graphql_value_t *out, bool *out_is_set)
{
    bool is_required = input->type->kind == GQL_REF_NON_NULL;
    const gql_literal_t *literal = argument == NULL ? NULL : argument->value;
    *out_is_set = true;
    if (literal == NULL || is_missing(literal, variables)) {
        *place = literal == NULL ? at : literal->at;
        *out_is_set = input->default_value != NULL;
        if (input->default_value != NULL)
            return gql_coerce_literal(input->default_value, input->type, NULL, arena, out);
        if (!is_required)
            return ERR_OK;
        buf_printf(message, "Argument \"%.*s\" of required type \"%.*s\" was ",
                   STR_ARG(input->name), STR_ARG(input->type->text));
        if (literal == NULL)
            buf_append(message, STR("not provided."));
        else
            buf_printf(message,
                       "provided the variable \"$%.*s\" which was not provided a runtime value.",
                       STR_ARG(literal->text));
        return ERR_INVALID;
    }
    *place = literal->at;
    const graphql_value_t *variable =
        literal->kind == GQL_VARIABLE ? gql_variable_find(variables, literal->text) : NULL;
    bool is_null =
        literal->kind == GQL_NULL || (variable != NULL && variable->kind == GRAPHQL_NULL);
    if (is_null && is_required) {
        buf_printf(message, "Argument \"%.*s\" of non-null type \"%.*s\" must not be null.",
                   STR_ARG(input->name), STR_ARG(input->type->text));
        return ERR_INVALID;
    }
    err_t err = gql_coerce_literal(literal, input->type, variables, arena, out);
    if (err == ERR_INVALID) {
        buf_printf(message, "Argument \"%.*s\" has invalid value ", STR_ARG(input->name));
        gql_print_literal(literal, message);
        buf_append_char(message, '.');
    }
    return err;
}

err_t gql_coerce_arguments(const gql_input_t *inputs, uint32_t input_count,
                           const gql_argument_t *arguments, uint32_t at,
                           const gql_variables_t *variables, arena_t *arena, buf_t *out_message,
                           uint32_t *out_place, graphql_value_t *out_object)
{
    graphql_member_t *members = arena_new_array(arena, input_count, sizeof *members);
    if (members == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < input_count; i++) {
        bool is_set;
        members[count].name = inputs[i].name;
        TRY(coerce_argument(&inputs[i], gql_argument_find(arguments, inputs[i].name), at, variables,
                            arena, out_message, out_place, &members[count].value, &is_set));
        count += is_set;
    }
    *out_object = (graphql_value_t){.kind = GRAPHQL_OBJECT, .count = count, .members = members};
    return ERR_OK;
}
