/* Selections: do the fields exist, do they have selections where they must, can the fragments
 * apply. */
#include "gateway/graphql/language/suggest.h"
#include "gateway/graphql/validate/validate_parts.h"

static void check(gql_validation_t *self, gql_scope_t *scope, const gql_selection_t *first,
                  const gql_type_t *parent);

/* ---- a field that does not exist ---- */

typedef struct candidate {
    const gql_type_t *type;
    uint32_t uses;
} candidate_t;

static bool is_before(const candidate_t *a, const candidate_t *b)
{
    if (a->uses != b->uses)
        return a->uses > b->uses;
    if (a->type->kind == GQL_KIND_INTERFACE && gql_implements(b->type, a->type))
        return true;
    if (b->type->kind == GQL_KIND_INTERFACE && gql_implements(a->type, b->type))
        return false;
    return gql_natural_compare(a->type->name, b->type->name) < 0;
}

static void note_candidate(candidate_t *list, uint32_t *count, const gql_type_t *type)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (list[i].type == type) {
            list[i].uses++;
            return;
        }
    }
    list[(*count)++] = (candidate_t){type, 1};
}

/* Types below an abstract one that have the field, the most common first. */
static size_t suggest_types(gql_validation_t *self, const gql_type_t *type, str_t field,
                            str_t names[SUGGESTIONS_MAX])
{
    uint32_t count = 0;
    candidate_t *list = gql_validation_new(self, self->schema->type_count, sizeof *list);
    if (list == NULL || !gql_is_abstract(type))
        return 0;
    for (uint32_t i = 0; i < type->possible_count; i++) {
        const gql_type_t *object = type->possible[i];
        if (gql_own_output_find(object, field) == NULL)
            continue;
        note_candidate(list, &count, object);
        for (uint32_t j = 0; j < object->interface_count; j++)
            if (gql_own_output_find(object->interfaces[j], field) != NULL)
                note_candidate(list, &count, object->interfaces[j]);
    }
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = i; j > 0 && is_before(&list[j], &list[j - 1]); j--) {
            candidate_t kept = list[j];
            list[j] = list[j - 1];
            list[j - 1] = kept;
        }
    size_t kept = MIN((size_t)count, (size_t)SUGGESTIONS_MAX);
    for (size_t i = 0; i < kept; i++)
        names[i] = list[i].type->name;
    return kept;
}

static void say_unknown_field(gql_validation_t *self, const gql_selection_t *field,
                              const gql_type_t *parent)
{
    buf_t hint BUF_SCOPED = BUF_INIT;
    str_t names[SUGGESTIONS_MAX];
    if (self->errors->is_full)
        return;
    size_t count = suggest_types(self, parent, field->name.text, names);
    gql_did_you_mean(names, count, "to use an inline fragment on ", &hint);
    if (hint.size == 0) {
        gql_suggestions_t suggestions = gql_suggestions_for(field->name.text);
        for (uint32_t i = 0; i < parent->field_count; i++)
            gql_suggest(&suggestions, parent->fields[i].name);
        gql_suggestions_append(&suggestions, "", &hint);
    }
    gql_say(self, field->at, "Cannot query field \"%.*s\" on type \"%.*s\".%.*s",
            STR_ARG(field->name.text), STR_ARG(parent->name), STR_ARG(buf_str(&hint)));
}

/* ---- fields ---- */

static void check_leaf(gql_validation_t *self, const gql_selection_t *field,
                       const gql_output_t *definition)
{
    str_t name = field->name.text, type = definition->type->text;
    if (gql_is_leaf(definition->type->named)) {
        if (field->selections != NULL)
            gql_say(self, field->selections_at,
                    "Field \"%.*s\" must not have a selection since type \"%.*s\" has no "
                    "subfields.",
                    STR_ARG(name), STR_ARG(type));
    } else if (field->selections == NULL) {
        gql_say(self, field->at,
                "Field \"%.*s\" of type \"%.*s\" must have a selection of subfields. Did you mean "
                "\"%.*s { ... }\"?",
                STR_ARG(name), STR_ARG(type), STR_ARG(name));
    }
}

static void check_field(gql_validation_t *self, gql_scope_t *scope, const gql_selection_t *field,
                        const gql_type_t *parent)
{
    const gql_output_t *definition =
        parent == NULL ? NULL : gql_output_find(self->schema, parent, field->name.text);
    if (parent != NULL && definition == NULL)
        say_unknown_field(self, field, parent);
    if (definition != NULL)
        check_leaf(self, field, definition);
    gql_check_arguments(self, scope, field, parent, definition);
    gql_check_directives(self, scope, field->directives, "FIELD");
    const gql_type_t *type = definition == NULL ? NULL : definition->type->named;
    check(self, scope, field->selections, type == NULL || !gql_is_composite(type) ? NULL : type);
}

/* ---- fragments ---- */

static void say_unknown_type(gql_validation_t *self, const gql_name_t *name)
{
    buf_t hint BUF_SCOPED = BUF_INIT;
    if (self->errors->is_full)
        return;
    gql_suggestions_t suggestions = gql_suggestions_for(name->text);
    for (uint32_t i = 0; i < self->schema->type_count; i++)
        gql_suggest(&suggestions, self->schema->types[i]->name);
    gql_suggestions_append(&suggestions, "", &hint);
    gql_say(self, name->at, "Unknown type \"%.*s\".%.*s", STR_ARG(name->text),
            STR_ARG(buf_str(&hint)));
}

static bool can_apply(const gql_type_t *parent, const gql_type_t *type)
{
    return !gql_is_composite(parent) || !gql_is_composite(type) || gql_types_overlap(parent, type);
}

static void check_inline(gql_validation_t *self, gql_scope_t *scope,
                         const gql_selection_t *selection, const gql_type_t *parent)
{
    const gql_type_t *type = parent;
    if (selection->condition.text.data != NULL) {
        type = gql_type_find(self->schema, selection->condition.text);
        if (type == NULL)
            say_unknown_type(self, &selection->condition);
        else if (!gql_is_composite(type))
            gql_say(self, selection->condition.at,
                    "Fragment cannot condition on non composite type \"%.*s\".",
                    STR_ARG(type->name));
        if (parent != NULL && type != NULL && !can_apply(parent, type))
            gql_say(self, selection->at,
                    "Fragment cannot be spread here as objects of type \"%.*s\" can never be of "
                    "type \"%.*s\".",
                    STR_ARG(parent->name), STR_ARG(type->name));
    }
    gql_check_directives(self, scope, selection->directives, "INLINE_FRAGMENT");
    check(self, scope, selection->selections,
          type == NULL || !gql_is_composite(type) ? NULL : type);
}

static void check_spread(gql_validation_t *self, gql_scope_t *scope,
                         const gql_selection_t *selection, const gql_type_t *parent)
{
    gql_scope_t *target = gql_scope_find(self, selection->name.text);
    if (target == NULL)
        gql_say(self, selection->name.at, "Unknown fragment \"%.*s\".",
                STR_ARG(selection->name.text));
    else if (parent != NULL && target->type != NULL && !can_apply(parent, target->type))
        gql_say(self, selection->at,
                "Fragment \"%.*s\" cannot be spread here as objects of type \"%.*s\" can never be "
                "of type \"%.*s\".",
                STR_ARG(selection->name.text), STR_ARG(parent->name), STR_ARG(target->type->name));
    gql_check_directives(self, scope, selection->directives, "FRAGMENT_SPREAD");
}

static void check(gql_validation_t *self, gql_scope_t *scope, const gql_selection_t *first,
                  const gql_type_t *parent)
{
    for (const gql_selection_t *s = first; s != NULL; s = s->next) {
        if (self->is_out_of_memory || self->errors->is_full)
            return;
        if (s->kind == GQL_FIELD)
            check_field(self, scope, s, parent);
        else if (s->kind == GQL_INLINE)
            check_inline(self, scope, s, parent);
        else
            check_spread(self, scope, s, parent);
    }
}

void gql_check_selections(gql_validation_t *self, gql_scope_t *scope)
{
    const gql_definition_t *d = scope->definition;
    const gql_type_t *type = scope->type;
    if (d->kind == GQL_DEFINE_FRAGMENT && type == NULL)
        say_unknown_type(self, &d->condition);
    if (d->kind == GQL_DEFINE_FRAGMENT && type != NULL && !gql_is_composite(type))
        gql_say(self, d->condition.at,
                "Fragment \"%.*s\" cannot condition on non composite type \"%.*s\".",
                STR_ARG(d->name.text), STR_ARG(type->name));
    for (const gql_field_definition_t *v = d->variables; v != NULL; v = v->next) {
        const gql_type_ref_t *ref = v->type;
        while (ref->kind != GQL_TYPE_NAMED)
            ref = ref->inner;
        if (gql_type_find(self->schema, ref->name.text) == NULL)
            say_unknown_type(self, &ref->name);
    }
    if (type == NULL && d->kind == GQL_DEFINE_OPERATION)
        gql_say(self, d->at, "Schema is not configured to execute %.*s operation.",
                STR_ARG(gql_operation_word(d->operation)));
    check(self, scope, d->selections, type == NULL || !gql_is_composite(type) ? NULL : type);
}
