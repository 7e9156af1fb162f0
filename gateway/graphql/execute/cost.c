/* How many values an operation asks for: a field counts once for each object it is asked of, and a
 * field with `first` or `last` gives that many objects. */
#include "gateway/graphql/execute/prepare.h"
#include "gateway/graphql/validate/validate.h"

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static int64_t literal_int(const gql_prepared_t *self, const gql_literal_t *literal)
{
    int64_t value = GRAPHQL_PAGE_DEFAULT;
    if (literal == NULL)
        return value;
    if (literal->kind == GQL_VARIABLE)
        return graphql_value_int(gql_variable_find(&self->variables, literal->text), value);
    return literal->kind == GQL_INT && str_to_i64(literal->text, &value) == ERR_OK
               ? value
               : GRAPHQL_PAGE_DEFAULT;
}

/* 1 for a field that has no pages. */
static uint64_t page_size(const gql_prepared_t *self, const gql_selection_t *field,
                          const gql_output_t *definition)
{
    static const str_t names[] = {STR_INIT("first"), STR_INIT("last")};
    int64_t size = -1;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const gql_input_t *input =
            gql_input_find(definition->args, definition->arg_count, names[i]);
        const gql_argument_t *argument = gql_argument_find(field->arguments, names[i]);
        if (input == NULL || (argument == NULL && size >= 0))
            continue;
        size =
            MAX(size, literal_int(self, argument != NULL ? argument->value : input->default_value));
    }
    return size < 1 ? 1 : (uint64_t)size;
}

/* The fragments' expansion is bounded by limits->fields_max, which validation has checked. */
static uint64_t cost_of(const gql_prepared_t *self, const gql_selection_t *first,
                        const gql_type_t *parent, uint64_t times)
{
    uint64_t cost = 0;
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        if (s->kind == GQL_FIELD) {
            const gql_output_t *definition =
                parent == NULL ? NULL : gql_output_find(self->schema, parent, s->name.text);
            uint64_t page = definition == NULL ? 1 : page_size(self, s, definition);
            const gql_type_t *type = definition == NULL ? NULL : definition->type->named;
            cost = add(cost, times);
            cost = add(cost, cost_of(self, s->selections, type, multiply(times, page)));
            continue;
        }
        const gql_definition_t *fragment =
            s->kind == GQL_SPREAD ? gql_fragment_find(self->document, s->name.text) : NULL;
        str_t condition = fragment != NULL ? fragment->condition.text : s->condition.text;
        const gql_type_t *type =
            condition.data == NULL ? parent : gql_type_find(self->schema, condition);
        cost = add(cost, cost_of(self, fragment != NULL ? fragment->selections : s->selections,
                                 type, times));
    }
    return cost;
}

uint64_t gql_cost(const gql_prepared_t *self)
{
    return cost_of(self, self->operation->selections,
                   self->schema->roots[self->operation->operation], 1);
}
