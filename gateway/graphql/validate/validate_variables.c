/* Variables: defined once, with an input type, used, and used where their type fits. */
#include "gateway/graphql/language/printer.h"
#include "gateway/graphql/validate/validate_parts.h"

static const gql_field_definition_t *find_variable(const gql_definition_t *operation, str_t name)
{
    const gql_field_definition_t *found = NULL;
    for (const gql_field_definition_t *v = operation->variables; v != NULL; v = v->next)
        if (str_equal(v->name.text, name))
            found = v;
    return found;
}

static void check_unique(gql_validation_t *self, const gql_definition_t *operation,
                         const gql_field_definition_t *variable)
{
    size_t count = 0;
    for (const gql_field_definition_t *v = operation->variables; v != NULL; v = v->next) {
        if (!str_equal(v->name.text, variable->name.text))
            continue;
        if (count == 0 && v != variable)
            return;
        count++;
    }
    uint32_t *places = count < 2 ? NULL : gql_validation_new(self, count, sizeof *places);
    if (places == NULL)
        return;
    count = 0;
    for (const gql_field_definition_t *v = variable; v != NULL; v = v->next)
        if (str_equal(v->name.text, variable->name.text))
            places[count++] = v->name_at;
    str_t text = arena_printf(self->arena, "There can be only one variable named \"$%.*s\".",
                              STR_ARG(variable->name.text));
    gql_errors_add(self->errors, ERR_INVALID, text, places, count, NULL);
}

static void check_definition(gql_validation_t *self, gql_scope_t *operation,
                             const gql_field_definition_t *variable)
{
    const gql_ref_t *type = gql_ref_from_ast(self->schema, variable->type, self->arena);
    check_unique(self, operation->definition, variable);
    if (type != NULL && !gql_is_input_type(type->named)) {
        buf_t text BUF_SCOPED = BUF_INIT;
        gql_print_type(variable->type, &text);
        gql_say(self, variable->type->at, "Variable \"$%.*s\" cannot be non-input type \"%.*s\".",
                STR_ARG(variable->name.text), STR_ARG(buf_str(&text)));
        type = NULL;
    }
    if (variable->default_value != NULL)
        gql_check_literal(self, NULL, variable->default_value, type, false, NULL);
    gql_check_directives(self, NULL, variable->directives, "VARIABLE_DEFINITION");
}

/* ---- uses ---- */

typedef struct round {
    gql_scope_t *operation;
    gql_scope_t **reached; /* the operation and every fragment it reaches */
    uint32_t count;
} round_t;

static void reach(gql_validation_t *self, gql_scope_t *scope, round_t *round)
{
    if (scope->visit == self->round)
        return;
    scope->visit = self->round;
    round->reached[round->count++] = scope;
    for (const gql_spread_t *spread = scope->spreads; spread != NULL; spread = spread->next)
        if (spread->target != NULL)
            reach(self, spread->target, round);
}

static bool may_stand(const gql_ref_t *type, const gql_literal_t *default_value,
                      const gql_usage_t *usage)
{
    const gql_ref_t *wanted = usage->type;
    if (wanted->kind == GQL_REF_NON_NULL && type->kind != GQL_REF_NON_NULL) {
        bool has_value = default_value != NULL && default_value->kind != GQL_NULL;
        return (has_value || usage->has_default) && gql_is_subtype(type, wanted->inner);
    }
    return gql_is_subtype(type, wanted);
}

static void check_position(gql_validation_t *self, const gql_field_definition_t *variable,
                           const gql_usage_t *usage)
{
    const gql_ref_t *type = gql_ref_from_ast(self->schema, variable->type, self->arena);
    if (type == NULL || usage->type == NULL)
        return;
    if (!may_stand(type, variable->default_value, usage))
        gql_say_two(self, variable->at, usage->variable->at,
                    "Variable \"$%.*s\" of type \"%.*s\" used in position expecting type "
                    "\"%.*s\".",
                    STR_ARG(variable->name.text), STR_ARG(type->text), STR_ARG(usage->type->text));
    if (usage->one_of != NULL && type->kind != GQL_REF_NON_NULL)
        gql_say_two(self, variable->at, usage->variable->at,
                    "Variable \"$%.*s\" is of type \"%.*s\" but must be non-nullable to be used "
                    "for OneOf Input Object \"%.*s\".",
                    STR_ARG(variable->name.text), STR_ARG(type->text),
                    STR_ARG(usage->one_of->name));
}

static void check_usage(gql_validation_t *self, const gql_definition_t *operation,
                        const gql_usage_t *usage)
{
    str_t name = usage->variable->text;
    const gql_field_definition_t *variable = find_variable(operation, name);
    if (variable != NULL)
        check_position(self, variable, usage);
    else if (operation->name.text.data != NULL)
        gql_say_two(self, usage->variable->at, operation->at,
                    "Variable \"$%.*s\" is not defined by operation \"%.*s\".", STR_ARG(name),
                    STR_ARG(operation->name.text));
    else
        gql_say_two(self, usage->variable->at, operation->at, "Variable \"$%.*s\" is not defined.",
                    STR_ARG(name));
}

static bool is_used(const round_t *round, str_t name)
{
    for (uint32_t i = 0; i < round->count; i++)
        for (const gql_usage_t *u = round->reached[i]->usages; u != NULL; u = u->next)
            if (str_equal(u->variable->text, name))
                return true;
    return false;
}

void gql_check_variables(gql_validation_t *self, gql_scope_t *operation)
{
    const gql_definition_t *d = operation->definition;
    round_t round = {operation, gql_validation_new(self, self->scope_count, sizeof(gql_scope_t *)),
                     0};
    if (round.reached == NULL)
        return;
    self->round++;
    reach(self, operation, &round);
    for (uint32_t i = 0; i < round.count; i++)
        for (const gql_usage_t *u = round.reached[i]->usages; u != NULL; u = u->next)
            if (!self->errors->is_full && !self->is_out_of_memory)
                check_usage(self, d, u);
    for (const gql_field_definition_t *v = d->variables; v != NULL; v = v->next) {
        if (self->errors->is_full || self->is_out_of_memory)
            return;
        check_definition(self, operation, v);
        if (is_used(&round, v->name.text))
            continue;
        if (d->name.text.data != NULL)
            gql_say(self, v->at, "Variable \"$%.*s\" is never used in operation \"%.*s\".",
                    STR_ARG(v->name.text), STR_ARG(d->name.text));
        else
            gql_say(self, v->at, "Variable \"$%.*s\" is never used.", STR_ARG(v->name.text));
    }
}
