/* Operations as a whole: names, the one field of a subscription, and how deep introspection goes.
 */
#include "gateway/graphql/validate/validate_parts.h"

enum { INTROSPECTION_LISTS_MAX = 3 }; /* lists of lists of ... below __schema or __type */

static void check_names(gql_validation_t *self)
{
    uint32_t operations = 0;
    for (uint32_t i = 0; i < self->scope_count; i++)
        operations += self->scopes[i].definition->kind == GQL_DEFINE_OPERATION;
    for (uint32_t i = 0; i < self->scope_count; i++) {
        const gql_definition_t *d = self->scopes[i].definition;
        bool is_operation = d->kind == GQL_DEFINE_OPERATION;
        if (is_operation && d->name.text.data == NULL) {
            if (operations > 1)
                gql_say(self, d->at,
                        "This anonymous operation must be the only defined operation.");
            continue;
        }
        for (uint32_t j = 0; j < i; j++) {
            const gql_definition_t *before = self->scopes[j].definition;
            if (before->kind != d->kind || !str_equal(before->name.text, d->name.text))
                continue;
            gql_say_two(self, before->name.at, d->name.at,
                        "There can be only one %s named \"%.*s\".",
                        is_operation ? "operation" : "fragment", STR_ARG(d->name.text));
            break;
        }
    }
}

/* ---- subscriptions ---- */

typedef struct top_fields {
    const gql_selection_t *first;  /* sets the response name that is allowed */
    uint32_t *others, other_count; /* places of fields of other names */
    uint32_t *meta, meta_count;    /* places of fields that begin with __ */
} top_fields_t;

static void collect_top(gql_validation_t *self, const gql_type_t *root,
                        const gql_selection_t *selection, top_fields_t *top)
{
    for (const gql_selection_t *s = selection; s != NULL; s = s->next) {
        if (s->kind == GQL_FIELD) {
            if (top->first == NULL)
                top->first = s;
            if (!str_equal(gql_response_name(top->first), gql_response_name(s)))
                top->others[top->other_count++] = s->at;
            if (str_starts_with(s->name.text, STR("__")))
                top->meta[top->meta_count++] = s->at;
            continue;
        }
        gql_scope_t *target = s->kind == GQL_SPREAD ? gql_scope_find(self, s->name.text) : NULL;
        str_t condition = target != NULL ? target->definition->condition.text : s->condition.text;
        const gql_type_t *type =
            condition.data == NULL ? root : gql_type_find(self->schema, condition);
        bool applies = type != NULL && (type == root || gql_has_possible(type, root));
        if (s->kind == GQL_SPREAD && (target == NULL || target->visit == self->round))
            continue;
        if (target != NULL)
            target->visit = self->round;
        if (applies)
            collect_top(self, root, target != NULL ? target->definition->selections : s->selections,
                        top);
    }
}

static void check_subscription(gql_validation_t *self, gql_scope_t *scope)
{
    const gql_definition_t *d = scope->definition;
    uint32_t *places =
        gql_validation_new(self, (size_t)self->document->selection_count * 2, sizeof *places);
    if (places == NULL || scope->type == NULL)
        return;
    top_fields_t top = {.others = places, .meta = places + self->document->selection_count};
    self->round++;
    collect_top(self, scope->type, d->selections, &top);
    str_t who = d->name.text.data == NULL
                    ? STR("Anonymous Subscription")
                    : arena_printf(self->arena, "Subscription \"%.*s\"", STR_ARG(d->name.text));
    if (top.other_count > 0)
        gql_errors_add(
            self->errors, ERR_INVALID,
            arena_printf(self->arena, "%.*s must select only one top level field.", STR_ARG(who)),
            top.others, top.other_count, NULL);
    if (top.meta_count > 0)
        gql_errors_add(self->errors, ERR_INVALID,
                       arena_printf(self->arena,
                                    "%.*s must not select an introspection top level field.",
                                    STR_ARG(who)),
                       top.meta, top.meta_count, NULL);
}

/* ---- introspection ---- */

static bool is_introspection_list(str_t name)
{
    return str_equal(name, STR("fields")) || str_equal(name, STR("interfaces")) ||
           str_equal(name, STR("possibleTypes")) || str_equal(name, STR("inputFields"));
}

/* introspection_seen is the greatest entry depth + 1 at which a fragment was entered: a shallower
 * visit finds nothing new, so every fragment is entered at most INTROSPECTION_LISTS_MAX times. */
static bool is_too_deep(gql_validation_t *self, const gql_selection_t *first, uint32_t depth)
{
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        uint32_t below = depth;
        if (s->kind == GQL_SPREAD) {
            gql_scope_t *target = gql_scope_find(self, s->name.text);
            if (target == NULL || target->introspection_seen > depth)
                continue;
            target->introspection_seen = depth + 1;
            if (is_too_deep(self, target->definition->selections, depth))
                return true;
            continue;
        }
        if (s->kind == GQL_FIELD && is_introspection_list(s->name.text) &&
            ++below >= INTROSPECTION_LISTS_MAX)
            return true;
        if (is_too_deep(self, s->selections, below))
            return true;
    }
    return false;
}

static void check_introspection(gql_validation_t *self, const gql_selection_t *first)
{
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        bool enters = s->kind == GQL_FIELD && (str_equal(s->name.text, STR("__schema")) ||
                                               str_equal(s->name.text, STR("__type")));
        for (uint32_t i = 0; enters && i < self->scope_count; i++)
            self->scopes[i].introspection_seen = 0;
        if (enters && is_too_deep(self, s->selections, 0))
            gql_say(self, s->at, "Maximum introspection depth exceeded");
        else
            check_introspection(self, s->selections);
    }
}

void gql_check_operations(gql_validation_t *self)
{
    if (self->is_out_of_memory)
        return;
    check_names(self);
    for (uint32_t i = 0; i < self->scope_count; i++) {
        const gql_definition_t *d = self->scopes[i].definition;
        if (d->kind == GQL_DEFINE_OPERATION && d->operation == GQL_OPERATION_SUBSCRIPTION)
            check_subscription(self, &self->scopes[i]);
        check_introspection(self, d->selections);
    }
}
