/* Fields that share a response name must be one field (spec section 5.3.2).
 *
 * Compared are: the fields of one selection set with each other; those with the fields of every
 * fragment it spreads; the fragments with each other; and, for two fields of one name, their
 * selection sets in the same three ways. Pairs of fragments, and pairs of a set and a fragment, are
 * compared once. What is left is quadratic in fields of one name, so comparisons are counted. */
#include "gateway/graphql/language/strings.h"
#include "gateway/graphql/validate/validate_parts.h"

typedef struct entry entry_t;
struct entry {
    const gql_selection_t *field;
    const gql_type_t *parent; /* NULL: not known */
    const gql_output_t *definition;
    entry_t *same_name; /* the next of this response name */
    entry_t *next_name; /* of the first of a name: the first of the next name */
};

/* A selection set with inline fragments flattened. */
typedef struct field_set {
    entry_t *first, **tail;
    uint32_t *fragments, fragment_count; /* indexes of scopes spread in it, each once */
    uint8_t *compared;                   /* by scope index: with which fragments, and how */
} field_set_t;

enum { NOT_COMPARED, COMPARED_EXCLUSIVE, COMPARED }; /* exclusive: only shapes were compared */

typedef struct places {
    uint32_t *items, count;
} places_t;

typedef struct conflict conflict_t;
struct conflict {
    str_t name, reason;
    places_t left, right;
    conflict_t *next;
};

typedef struct merger {
    gql_validation_t *self;
    field_set_t **sets;      /* by the index of a set's first selection */
    uint8_t *compared_pairs; /* fragments by fragments */
    uint32_t comparisons;
} merger_t;

typedef struct conflicts {
    conflict_t *first, **tail;
} conflicts_t;

static bool spend(merger_t *m)
{
    gql_validation_t *self = m->self;
    if (self->is_out_of_memory || self->is_past_limit || self->errors->is_full)
        return false;
    if (++m->comparisons <= self->limits->comparisons_max)
        return true;
    gql_say_limit(self, 0, "Checking that fields can be merged takes more than %u comparisons.",
                  self->limits->comparisons_max);
    return false;
}

/* ---- sets ---- */

static void add_fragment(field_set_t *set, uint32_t index)
{
    for (uint32_t i = 0; i < set->fragment_count; i++)
        if (set->fragments[i] == index)
            return;
    set->fragments[set->fragment_count++] = index;
}

static void add_field(merger_t *m, field_set_t *set, const gql_selection_t *field,
                      const gql_type_t *parent)
{
    entry_t *entry = gql_validation_new(m->self, 1, sizeof *entry);
    if (entry == NULL)
        return;
    entry->field = field;
    entry->parent = parent;
    if (parent != NULL && parent->kind != GQL_KIND_UNION)
        entry->definition = gql_own_output_find(parent, field->name.text);
    str_t name = gql_response_name(field);
    for (entry_t *group = set->first; group != NULL; group = group->next_name) {
        if (!str_equal(gql_response_name(group->field), name))
            continue;
        entry_t *last = group;
        while (last->same_name != NULL)
            last = last->same_name;
        last->same_name = entry;
        return;
    }
    *set->tail = entry;
    set->tail = &entry->next_name;
}

static void fill(merger_t *m, field_set_t *set, const gql_selection_t *first,
                 const gql_type_t *parent)
{
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        if (s->kind == GQL_FIELD) {
            add_field(m, set, s, parent);
        } else if (s->kind == GQL_SPREAD) {
            gql_scope_t *target = gql_scope_find(m->self, s->name.text);
            if (target != NULL)
                add_fragment(set, (uint32_t)(target - m->self->scopes));
        } else {
            const gql_type_t *type = s->condition.text.data == NULL
                                         ? parent
                                         : gql_type_find(m->self->schema, s->condition.text);
            fill(m, set, s->selections, type);
        }
    }
}

static field_set_t *set_of(merger_t *m, const gql_selection_t *first, const gql_type_t *parent)
{
    field_set_t **place = &m->sets[first->index];
    if (*place != NULL)
        return *place;
    field_set_t *set = gql_validation_new(m->self, 1, sizeof *set);
    uint32_t scopes = m->self->scope_count;
    if (set == NULL)
        return NULL;
    set->tail = &set->first;
    set->fragments = gql_validation_new(m->self, scopes, sizeof *set->fragments);
    set->compared = gql_validation_new(m->self, scopes, 1);
    if (set->fragments == NULL || set->compared == NULL)
        return NULL;
    fill(m, set, first, parent);
    return *place = set;
}

static field_set_t *set_of_fragment(merger_t *m, uint32_t index)
{
    gql_scope_t *scope = &m->self->scopes[index];
    return set_of(m, scope->definition->selections, scope->type);
}

/* ---- two fields ---- */

static bool literals_equal(const gql_literal_t *a, const gql_literal_t *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind != GQL_LIST && a->kind != GQL_OBJECT)
        return str_equal(a->text, b->text) && a->is_block == b->is_block;
    uint32_t count_a = 0, count_b = 0;
    for (const gql_literal_t *item = a->items; item != NULL; item = item->next)
        count_a++;
    for (const gql_literal_t *item = b->items; item != NULL; item = item->next)
        count_b++;
    if (count_a != count_b)
        return false;
    const gql_literal_t *other = b->items;
    for (const gql_literal_t *item = a->items; item != NULL; item = item->next) {
        if (a->kind == GQL_OBJECT)
            for (other = b->items;
                 other != NULL && !str_equal(other->member.text, item->member.text);)
                other = other->next;
        if (other == NULL || !literals_equal(item, other))
            return false;
        other = other->next;
    }
    return true;
}

static bool arguments_equal(const gql_selection_t *a, const gql_selection_t *b)
{
    uint32_t count_a = 0, count_b = 0;
    for (const gql_argument_t *arg = a->arguments; arg != NULL; arg = arg->next)
        count_a++;
    for (const gql_argument_t *arg = b->arguments; arg != NULL; arg = arg->next)
        count_b++;
    if (count_a != count_b)
        return false;
    for (const gql_argument_t *arg = a->arguments; arg != NULL; arg = arg->next) {
        const gql_argument_t *other = gql_argument_find(b->arguments, arg->name.text);
        if (other == NULL || !literals_equal(arg->value, other->value))
            return false;
    }
    return true;
}

/* Could no value be of both types? */
static bool shapes_differ(const gql_ref_t *a, const gql_ref_t *b)
{
    for (; a->kind == b->kind; a = a->inner, b = b->inner)
        if (a->kind == GQL_REF_NAMED)
            return (gql_is_leaf(a->named) || gql_is_leaf(b->named)) && a->named != b->named;
    return true;
}

static places_t gather(merger_t *m, uint32_t own, const conflict_t *list, bool is_left)
{
    uint32_t count = 1;
    for (const conflict_t *c = list; c != NULL; c = c->next)
        count += is_left ? c->left.count : c->right.count;
    places_t places = {gql_validation_new(m->self, count, sizeof(uint32_t)), 0};
    if (places.items == NULL)
        return places;
    places.items[places.count++] = own;
    for (const conflict_t *c = list; c != NULL; c = c->next) {
        const places_t *more = is_left ? &c->left : &c->right;
        for (uint32_t i = 0; i < more->count; i++)
            places.items[places.count++] = more->items[i];
    }
    return places;
}

static void add_conflict(merger_t *m, conflicts_t *out, const entry_t *a, const entry_t *b,
                         str_t reason, const conflict_t *below)
{
    conflict_t *conflict = gql_validation_new(m->self, 1, sizeof *conflict);
    if (conflict == NULL)
        return;
    conflict->name = gql_response_name(a->field);
    conflict->reason = arena_str(m->self->arena, reason);
    conflict->left = gather(m, a->field->at, below, true);
    conflict->right = gather(m, b->field->at, below, false);
    *out->tail = conflict;
    out->tail = &conflict->next;
}

static void compare_subsets(merger_t *m, conflicts_t *out, bool is_exclusive, const entry_t *a,
                            const entry_t *b);

static bool are_exclusive(const entry_t *a, const entry_t *b)
{
    return a->parent != b->parent && a->parent != NULL && b->parent != NULL &&
           a->parent->kind == GQL_KIND_OBJECT && b->parent->kind == GQL_KIND_OBJECT;
}

/* NULL: a and b do not conflict by themselves. */
static const char *own_conflict(const entry_t *a, const entry_t *b, bool is_exclusive, buf_t *text)
{
    str_t left = a->field->name.text, right = b->field->name.text;
    if (!is_exclusive && !str_equal(left, right)) {
        buf_printf(text, "\"%.*s\" and \"%.*s\" are different fields", STR_ARG(left),
                   STR_ARG(right));
    } else if (!is_exclusive && !arguments_equal(a->field, b->field)) {
        buf_append(text, STR("they have differing arguments"));
    } else if (a->definition != NULL && b->definition != NULL &&
               shapes_differ(a->definition->type, b->definition->type)) {
        buf_printf(text, "they return conflicting types \"%.*s\" and \"%.*s\"",
                   STR_ARG(a->definition->type->text), STR_ARG(b->definition->type->text));
    } else {
        return NULL;
    }
    return buf_terminated(text);
}

static void compare(merger_t *m, conflicts_t *out, bool is_exclusive, const entry_t *a,
                    const entry_t *b)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (!spend(m))
        return;
    is_exclusive |= are_exclusive(a, b);
    if (own_conflict(a, b, is_exclusive, &text) != NULL) {
        add_conflict(m, out, a, b, buf_str(&text), NULL);
        return;
    }
    if (a->field->selections == NULL || b->field->selections == NULL)
        return;
    conflicts_t below = {NULL, NULL};
    below.tail = &below.first;
    compare_subsets(m, &below, is_exclusive, a, b);
    if (below.first == NULL)
        return;
    for (const conflict_t *c = below.first; c != NULL; c = c->next)
        buf_printf(&text, "%ssubfields \"%.*s\" conflict because %.*s",
                   text.size > 0 ? " and " : "", STR_ARG(c->name), STR_ARG(c->reason));
    add_conflict(m, out, a, b, buf_str(&text), below.first);
}

/* ---- sets and fragments ---- */

static void compare_sets(merger_t *m, conflicts_t *out, bool is_exclusive, const field_set_t *a,
                         const field_set_t *b)
{
    for (const entry_t *left = a->first; left != NULL; left = left->next_name) {
        const entry_t *right = b->first;
        if (!spend(m))
            return;
        while (right != NULL &&
               !str_equal(gql_response_name(left->field), gql_response_name(right->field)))
            right = right->next_name;
        for (const entry_t *x = right == NULL ? NULL : left; x != NULL; x = x->same_name)
            for (const entry_t *y = right; y != NULL; y = y->same_name)
                compare(m, out, is_exclusive, x, y);
    }
}

static bool was_compared(uint8_t *state, bool is_exclusive)
{
    if (*state == COMPARED || (is_exclusive && *state == COMPARED_EXCLUSIVE))
        return true;
    *state = is_exclusive ? COMPARED_EXCLUSIVE : COMPARED;
    return false;
}

static void compare_with_fragment(merger_t *m, conflicts_t *out, bool is_exclusive,
                                  field_set_t *set, uint32_t fragment)
{
    if (!spend(m) || was_compared(&set->compared[fragment], is_exclusive))
        return;
    field_set_t *other = set_of_fragment(m, fragment);
    if (other == NULL || other == set)
        return;
    compare_sets(m, out, is_exclusive, set, other);
    for (uint32_t i = 0; i < other->fragment_count; i++)
        compare_with_fragment(m, out, is_exclusive, set, other->fragments[i]);
}

static void compare_fragments(merger_t *m, conflicts_t *out, bool is_exclusive, uint32_t a,
                              uint32_t b)
{
    if (!spend(m) || a == b)
        return;
    uint32_t low = MIN(a, b), high = MAX(a, b);
    if (was_compared(&m->compared_pairs[low * m->self->scope_count + high], is_exclusive))
        return;
    field_set_t *left = set_of_fragment(m, a), *right = set_of_fragment(m, b);
    if (left == NULL || right == NULL)
        return;
    compare_sets(m, out, is_exclusive, left, right);
    for (uint32_t i = 0; i < right->fragment_count; i++)
        compare_fragments(m, out, is_exclusive, a, right->fragments[i]);
    for (uint32_t i = 0; i < left->fragment_count; i++)
        compare_fragments(m, out, is_exclusive, left->fragments[i], b);
}

static const gql_type_t *type_below(const entry_t *entry)
{
    return entry->definition == NULL ? NULL : entry->definition->type->named;
}

static void compare_subsets(merger_t *m, conflicts_t *out, bool is_exclusive, const entry_t *a,
                            const entry_t *b)
{
    field_set_t *left = set_of(m, a->field->selections, type_below(a));
    field_set_t *right = set_of(m, b->field->selections, type_below(b));
    if (left == NULL || right == NULL)
        return;
    compare_sets(m, out, is_exclusive, left, right);
    for (uint32_t i = 0; i < right->fragment_count; i++)
        compare_with_fragment(m, out, is_exclusive, left, right->fragments[i]);
    for (uint32_t i = 0; i < left->fragment_count; i++)
        compare_with_fragment(m, out, is_exclusive, right, left->fragments[i]);
    for (uint32_t i = 0; i < left->fragment_count; i++)
        for (uint32_t j = 0; j < right->fragment_count; j++)
            compare_fragments(m, out, is_exclusive, left->fragments[i], right->fragments[j]);
}

/* ---- every selection set of the document ---- */

static void report(merger_t *m, const conflict_t *conflict)
{
    places_t all = {
        gql_validation_new(m->self, conflict->left.count + conflict->right.count, sizeof(uint32_t)),
        0};
    if (all.items == NULL)
        return;
    for (uint32_t i = 0; i < conflict->left.count; i++)
        all.items[all.count++] = conflict->left.items[i];
    for (uint32_t i = 0; i < conflict->right.count; i++)
        all.items[all.count++] = conflict->right.items[i];
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text,
               "Fields \"%.*s\" conflict because %.*s. Use different aliases on the fields to "
               "fetch both if this was intentional.",
               STR_ARG(conflict->name), STR_ARG(conflict->reason));
    gql_errors_add(m->self->errors, ERR_INVALID, buf_str(&text), all.items, all.count, NULL);
}

static void check_set(merger_t *m, const gql_selection_t *first, const gql_type_t *parent)
{
    conflicts_t found = {NULL, NULL};
    found.tail = &found.first;
    field_set_t *set = set_of(m, first, parent);
    if (set == NULL)
        return;
    for (const entry_t *group = set->first; group != NULL; group = group->next_name)
        for (const entry_t *a = group; a != NULL; a = a->same_name)
            for (const entry_t *b = a->same_name; b != NULL && !m->self->is_past_limit;
                 b = b->same_name)
                compare(m, &found, false, a, b);
    for (uint32_t i = 0; i < set->fragment_count; i++) {
        compare_with_fragment(m, &found, false, set, set->fragments[i]);
        for (uint32_t j = i + 1; j < set->fragment_count; j++)
            compare_fragments(m, &found, false, set->fragments[i], set->fragments[j]);
    }
    for (const conflict_t *c = found.first; c != NULL; c = c->next)
        report(m, c);
}

/* Sets of inline fragments are part of the set around them; only what their fields hold is new. */
static void check_below(merger_t *m, const gql_selection_t *first, const gql_type_t *parent)
{
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        if (s->selections == NULL || m->self->is_out_of_memory)
            continue;
        const gql_type_t *type = parent;
        if (s->kind == GQL_FIELD) {
            const gql_output_t *definition =
                parent == NULL ? NULL : gql_output_find(m->self->schema, parent, s->name.text);
            type = definition == NULL ? NULL : definition->type->named;
            check_set(m, s->selections, type);
        } else if (s->condition.text.data != NULL) {
            type = gql_type_find(m->self->schema, s->condition.text);
        }
        check_below(m, s->selections, type);
    }
}

void gql_check_merging(gql_validation_t *self)
{
    merger_t m = {.self = self};
    m.sets = gql_validation_new(self, self->document->selection_count, sizeof(field_set_t *));
    m.compared_pairs = gql_validation_new(self, (size_t)self->scope_count * self->scope_count, 1);
    for (uint32_t i = 0; i < self->scope_count && !self->is_out_of_memory; i++) {
        const gql_scope_t *scope = &self->scopes[i];
        check_set(&m, scope->definition->selections, scope->type);
        check_below(&m, scope->definition->selections, scope->type);
    }
}
