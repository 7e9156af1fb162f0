/* Fragments as a graph: used, without circles, and not too much when expanded. */
#include "gateway/graphql/validate/validate_parts.h"

/* ---- which fragments a definition spreads ---- */

typedef struct pending {
    const gql_selection_t *selections;
    struct pending *below;
} pending_t;

static void note_spread(gql_validation_t *self, gql_scope_t *scope,
                        const gql_selection_t *selection)
{
    gql_spread_t *spread = gql_validation_new(self, 1, sizeof *spread);
    if (spread == NULL)
        return;
    spread->selection = selection;
    spread->target = gql_scope_find(self, selection->name.text);
    *scope->spreads_tail = spread;
    scope->spreads_tail = &spread->next;
}

/* Those of one selection set before those further down, the last nested set first: the order
 * decides which way round a circle is told, and this is graphql-js'. */
static void collect_spreads(gql_validation_t *self, gql_scope_t *scope)
{
    pending_t *top = gql_validation_new(self, 1, sizeof *top);
    if (top == NULL)
        return;
    top->selections = scope->definition->selections;
    while (top != NULL) {
        const gql_selection_t *first = top->selections;
        top = top->below;
        for (const gql_selection_t *s = first; s != NULL; s = s->next) {
            if (s->kind == GQL_SPREAD)
                note_spread(self, scope, s);
            if (s->selections == NULL)
                continue;
            pending_t *more = gql_validation_new(self, 1, sizeof *more);
            if (more == NULL)
                return;
            *more = (pending_t){s->selections, top};
            top = more;
        }
    }
}

/* ---- circles ---- */

typedef struct path {
    const gql_selection_t **steps;
    uint32_t length;
} path_t;

static void say_cycle(gql_validation_t *self, const path_t *path, uint32_t from)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    uint32_t *places = gql_validation_new(self, path->length - from, sizeof *places);
    if (places == NULL)
        return;
    buf_printf(&text, "Cannot spread fragment \"%.*s\" within itself",
               STR_ARG(path->steps[path->length - 1]->name.text));
    for (uint32_t i = from; i < path->length; i++) {
        places[i - from] = path->steps[i]->at;
        if (i + 1 < path->length)
            buf_printf(&text, "%s\"%.*s\"", i == from ? " via " : ", ",
                       STR_ARG(path->steps[i]->name.text));
    }
    buf_append_char(&text, '.');
    gql_errors_add(self->errors, ERR_INVALID, buf_str(&text), places, path->length - from, NULL);
    self->has_cycle = true;
}

/* Recursion is bounded by the number of fragments: one is entered once. */
static void find_cycles(gql_validation_t *self, gql_scope_t *scope, path_t *path)
{
    if (scope->visit == self->round)
        return;
    scope->visit = self->round;
    scope->is_open = true;
    scope->open_at = path->length;
    for (const gql_spread_t *spread = scope->spreads; spread != NULL; spread = spread->next) {
        path->steps[path->length++] = spread->selection;
        if (spread->target != NULL && spread->target->is_open)
            say_cycle(self, path, spread->target->open_at);
        else if (spread->target != NULL)
            find_cycles(self, spread->target, path);
        path->length--;
    }
    scope->is_open = false;
}

static void mark_used(gql_validation_t *self, gql_scope_t *scope)
{
    if (scope->visit == self->round)
        return;
    scope->visit = self->round;
    scope->is_used = true;
    for (const gql_spread_t *spread = scope->spreads; spread != NULL; spread = spread->next)
        if (spread->target != NULL)
            mark_used(self, spread->target);
}

/* A name that is used counts for all fragments that have it. */
static bool is_used(gql_validation_t *self, const gql_scope_t *scope)
{
    const gql_scope_t *named = gql_scope_find(self, scope->definition->name.text);
    return scope->is_used || (named != NULL && named->is_used);
}

void gql_check_fragments(gql_validation_t *self)
{
    for (uint32_t i = 0; i < self->scope_count; i++)
        collect_spreads(self, &self->scopes[i]);
    path_t path = {gql_validation_new(self, self->scope_count + 1, sizeof *path.steps), 0};
    if (self->is_out_of_memory)
        return;
    self->round++;
    for (uint32_t i = 0; i < self->scope_count; i++)
        if (self->scopes[i].definition->kind == GQL_DEFINE_FRAGMENT)
            find_cycles(self, &self->scopes[i], &path);
    self->round++;
    for (uint32_t i = 0; i < self->scope_count; i++)
        if (self->scopes[i].definition->kind == GQL_DEFINE_OPERATION)
            mark_used(self, &self->scopes[i]);
    for (uint32_t i = 0; i < self->scope_count; i++) {
        const gql_definition_t *d = self->scopes[i].definition;
        if (d->kind == GQL_DEFINE_FRAGMENT && !is_used(self, &self->scopes[i]))
            gql_say(self, d->at, "Fragment \"%.*s\" is never used.", STR_ARG(d->name.text));
    }
}

/* ---- size, with fragments expanded; each fragment is measured once ---- */

static void measure(gql_validation_t *self, gql_scope_t *scope);

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint32_t measure_selections(gql_validation_t *self, gql_scope_t *scope,
                                   const gql_selection_t *first)
{
    uint32_t deepest = 0;
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        uint32_t depth = 0;
        if (s->kind == GQL_SPREAD) {
            gql_scope_t *target = gql_scope_find(self, s->name.text);
            if (target != NULL) {
                measure(self, target);
                depth = target->depth;
                scope->fields = add(scope->fields, target->fields);
                scope->aliases = add(scope->aliases, target->aliases);
            }
        } else {
            scope->fields = add(scope->fields, s->kind == GQL_FIELD);
            scope->aliases = add(scope->aliases, s->alias.text.data != NULL);
            depth = measure_selections(self, scope, s->selections) + (s->kind == GQL_FIELD);
        }
        deepest = MAX(deepest, depth);
    }
    return deepest;
}

static void measure(gql_validation_t *self, gql_scope_t *scope)
{
    if (scope->is_measured)
        return;
    scope->is_measured = true;
    scope->depth = measure_selections(self, scope, scope->definition->selections);
}

void gql_check_size(gql_validation_t *self)
{
    const graphql_limits_t *limits = self->limits;
    for (uint32_t i = 0; i < self->scope_count; i++) {
        gql_scope_t *scope = &self->scopes[i];
        measure(self, scope);
        uint32_t at = scope->definition->at;
        if (scope->depth > limits->depth_max)
            gql_say_limit(self, at, "Selections nest deeper than %u levels.", limits->depth_max);
        if (scope->definition->kind != GQL_DEFINE_OPERATION)
            continue;
        if (scope->fields > limits->fields_max)
            gql_say_limit(self, at, "The operation selects more than %u fields.",
                          limits->fields_max);
        if (scope->aliases > limits->aliases_max)
            gql_say_limit(self, at, "The operation uses more than %u aliases.",
                          limits->aliases_max);
    }
}
