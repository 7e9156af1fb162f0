/* CollectFields (spec section 6.3.2), done once for each field and type of object, however many
 * objects there are: skip, include and arguments depend on variables only. */
#include "gateway/graphql/execute/prepare.h"
#include "gateway/graphql/validate/validate.h"

typedef struct collector {
    gql_prepared_t *self;
    gql_plan_set_t *set;
    const gql_definition_t **visited; /* fragments */
    uint32_t visited_count;
    bool is_out_of_memory;
} collector_t;

static bool directive_says(const gql_prepared_t *self, const gql_selection_t *selection, str_t name,
                           bool otherwise)
{
    const gql_directive_t *directive = gql_directive_find(selection->directives, name);
    const gql_argument_t *argument =
        directive == NULL ? NULL : gql_argument_find(directive->arguments, STR("if"));
    if (argument == NULL)
        return otherwise;
    if (argument->value->kind == GQL_VARIABLE)
        return graphql_value_bool(gql_variable_find(&self->variables, argument->value->text),
                                  otherwise);
    return str_equal(argument->value->text, STR("true"));
}

static bool is_included(const gql_prepared_t *self, const gql_selection_t *selection)
{
    return !directive_says(self, selection, STR("skip"), false) &&
           directive_says(self, selection, STR("include"), true);
}

static bool applies(const gql_prepared_t *self, str_t condition, const gql_type_t *type)
{
    const gql_type_t *wanted =
        condition.data == NULL ? type : gql_type_find(self->schema, condition);
    return wanted == type || (wanted != NULL && gql_has_possible(wanted, type));
}

static gql_plan_field_t *new_field(collector_t *c, const gql_selection_t *selection)
{
    gql_prepared_t *self = c->self;
    gql_plan_field_t *field = arena_new(&self->arena, sizeof *field);
    buf_t message BUF_SCOPED = BUF_INIT;
    if (field == NULL)
        return NULL;
    field->key = gql_response_name(selection);
    field->field = selection;
    field->definition = gql_output_find(self->schema, c->set->type, selection->name.text);
    if (field->definition == NULL)
        return NULL; /* validation has seen it */
    field->args_err = gql_coerce_arguments(
        field->definition->args, field->definition->arg_count, selection->arguments, selection->at,
        &self->variables, &self->arena, &message, &field->args_place, &field->args);
    if (field->args_err == ERR_NO_MEMORY)
        return NULL;
    if (field->args_err != ERR_OK)
        field->args_message = arena_str(&self->arena, buf_str(&message));
    *c->set->tail = field;
    c->set->tail = &field->next;
    c->set->count++;
    return field;
}

static bool merge(collector_t *c, gql_plan_field_t *field, const gql_selection_t *selection)
{
    if (field->merged_count == field->merged_capacity) {
        uint32_t capacity = field->merged_capacity == 0 ? 2 : field->merged_capacity * 2;
        const gql_selection_t **merged = arena_new_array(&c->self->arena, capacity, sizeof *merged);
        uint32_t *places = arena_new_array(&c->self->arena, capacity, sizeof *places);
        if (merged == NULL || places == NULL)
            return false;
        for (uint32_t i = 0; i < field->merged_count; i++) {
            merged[i] = field->merged[i];
            places[i] = field->places[i];
        }
        field->merged = merged;
        field->places = places;
        field->merged_capacity = capacity;
    }
    field->merged[field->merged_count] = selection;
    field->places[field->merged_count++] = selection->at;
    return true;
}

static void collect_field(collector_t *c, const gql_selection_t *selection)
{
    str_t key = gql_response_name(selection);
    gql_plan_field_t *field = c->set->fields;
    while (field != NULL && !str_equal(field->key, key))
        field = field->next;
    if (field == NULL)
        field = new_field(c, selection);
    if (field == NULL || !merge(c, field, selection))
        c->is_out_of_memory = true;
}

static bool visit(collector_t *c, const gql_definition_t *fragment)
{
    for (uint32_t i = 0; i < c->visited_count; i++)
        if (c->visited[i] == fragment)
            return false;
    c->visited[c->visited_count++] = fragment;
    return true;
}

static void collect(collector_t *c, const gql_selection_t *first)
{
    for (const gql_selection_t *s = first; s != NULL && !c->is_out_of_memory; s = s->next) {
        if (!is_included(c->self, s))
            continue;
        if (s->kind == GQL_FIELD) {
            collect_field(c, s);
        } else if (s->kind == GQL_INLINE) {
            if (applies(c->self, s->condition.text, c->set->type))
                collect(c, s->selections);
        } else {
            const gql_definition_t *fragment = gql_fragment_find(c->self->document, s->name.text);
            if (fragment != NULL && visit(c, fragment) &&
                applies(c->self, fragment->condition.text, c->set->type))
                collect(c, fragment->selections);
        }
    }
}

static bool collector_init(collector_t *c, gql_prepared_t *self, gql_plan_set_t *set,
                           const gql_type_t *type)
{
    size_t count = 0;
    for (const gql_definition_t *d = self->document->definitions; d != NULL; d = d->next)
        count++;
    set->type = type;
    set->tail = &set->fields;
    *c = (collector_t){.self = self, .set = set};
    c->visited = arena_new_array(&self->arena, count, sizeof *c->visited);
    return c->visited != NULL;
}

gql_plan_set_t *gql_plan_below(gql_prepared_t *self, gql_plan_field_t *field,
                               const gql_type_t *type)
{
    for (gql_plan_set_t *set = field->below; set != NULL; set = set->next)
        if (set->type == type)
            return set;
    collector_t c;
    gql_plan_set_t *set = arena_new(&self->arena, sizeof *set);
    if (set == NULL || !collector_init(&c, self, set, type))
        return NULL;
    for (uint32_t i = 0; i < field->merged_count; i++)
        collect(&c, field->merged[i]->selections);
    if (c.is_out_of_memory)
        return NULL;
    set->next = field->below;
    return field->below = set;
}

err_t gql_plan_root(gql_prepared_t *self)
{
    collector_t c;
    const gql_type_t *type = self->schema->roots[self->operation->operation];
    if (!collector_init(&c, self, &self->root, type))
        return ERR_NO_MEMORY;
    collect(&c, self->operation->selections);
    return c.is_out_of_memory ? ERR_NO_MEMORY : ERR_OK;
}
