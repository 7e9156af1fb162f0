/* Literals against the types where they stand. */
#include "gateway/graphql/coerce.h"
#include "gateway/graphql/language/printer.h"
#include "gateway/graphql/language/suggest.h"
#include "gateway/graphql/validate/validate_parts.h"

static const gql_literal_t *member_before(const gql_literal_t *object, const gql_literal_t *member)
{
    for (const gql_literal_t *item = object->items; item != member; item = item->next)
        if (str_equal(item->member.text, member->member.text))
            return item;
    return NULL;
}

static void check_unique_members(gql_validation_t *self, const gql_literal_t *object)
{
    for (const gql_literal_t *item = object->items; item != NULL; item = item->next) {
        const gql_literal_t *before = member_before(object, item);
        if (before != NULL)
            gql_say_two(self, before->member.at, item->member.at,
                        "There can be only one input field named \"%.*s\".",
                        STR_ARG(item->member.text));
    }
}

/* Below a value that is wrong or of no known shape, only names and variables still count. */
static void check_inside(gql_validation_t *self, gql_scope_t *scope, const gql_literal_t *literal,
                         const gql_ref_t *item_type)
{
    if (literal->kind == GQL_OBJECT)
        check_unique_members(self, literal);
    for (const gql_literal_t *item = literal->items; item != NULL; item = item->next) {
        if (item->kind == GQL_VARIABLE)
            gql_check_literal(self, scope, item, item_type, false, NULL);
        else if (item->kind == GQL_LIST || item->kind == GQL_OBJECT)
            check_inside(self, scope, item, item->kind == GQL_LIST ? item_type : NULL);
    }
}

static void say_if_wrong(gql_validation_t *self, const gql_literal_t *literal,
                         const gql_ref_t *type)
{
    buf_t why BUF_SCOPED = BUF_INIT;
    if (type != NULL && !self->errors->is_full && gql_literal_is_wrong(literal, type, &why))
        gql_say(self, literal->at, "%.*s", STR_ARG(buf_str(&why)));
}

static const gql_literal_t *last_member(const gql_literal_t *object, str_t name)
{
    const gql_literal_t *found = NULL;
    for (const gql_literal_t *item = object->items; item != NULL; item = item->next)
        if (str_equal(item->member.text, name))
            found = item;
    return found;
}

static void check_one_of(gql_validation_t *self, const gql_literal_t *object,
                         const gql_type_t *type)
{
    const gql_literal_t *only = object->items;
    if (!type->is_one_of)
        return;
    if (only == NULL || only->next != NULL)
        gql_say(self, object->at, "OneOf Input Object \"%.*s\" must specify exactly one key.",
                STR_ARG(type->name));
    else if (only->kind == GQL_NULL)
        gql_say(self, object->at, "Field \"%.*s.%.*s\" must be non-null.", STR_ARG(type->name),
                STR_ARG(only->member.text));
}

static void say_unknown_member(gql_validation_t *self, const gql_literal_t *item,
                               const gql_type_t *type)
{
    buf_t hint BUF_SCOPED = BUF_INIT;
    if (self->errors->is_full)
        return;
    gql_suggestions_t suggestions = gql_suggestions_for(item->member.text);
    for (uint32_t i = 0; i < type->input_count; i++)
        gql_suggest(&suggestions, type->inputs[i].name);
    gql_suggestions_append(&suggestions, "", &hint);
    gql_say(self, item->member.at, "Field \"%.*s\" is not defined by type \"%.*s\".%.*s",
            STR_ARG(item->member.text), STR_ARG(type->name), STR_ARG(buf_str(&hint)));
}

static void check_object(gql_validation_t *self, gql_scope_t *scope, const gql_literal_t *object,
                         const gql_type_t *type)
{
    check_unique_members(self, object);
    for (uint32_t i = 0; i < type->input_count; i++) {
        const gql_input_t *input = &type->inputs[i];
        if (gql_is_required(input) && last_member(object, input->name) == NULL)
            gql_say(self, object->at,
                    "Field \"%.*s.%.*s\" of required type \"%.*s\" was not provided.",
                    STR_ARG(type->name), STR_ARG(input->name), STR_ARG(input->type->text));
    }
    check_one_of(self, object, type);
    for (const gql_literal_t *item = object->items; item != NULL; item = item->next) {
        const gql_input_t *input =
            gql_input_find(type->inputs, type->input_count, item->member.text);
        if (input == NULL)
            say_unknown_member(self, item, type);
        gql_check_literal(self, scope, item, input == NULL ? NULL : input->type,
                          input != NULL && input->default_value != NULL,
                          type->is_one_of ? type : NULL);
    }
}

static void note_usage(gql_validation_t *self, gql_scope_t *scope, gql_usage_t found)
{
    gql_usage_t *usage = scope == NULL ? NULL : gql_validation_new(self, 1, sizeof *usage);
    if (usage == NULL)
        return;
    *usage = found;
    *scope->usages_tail = usage;
    scope->usages_tail = &usage->next;
}

void gql_check_literal(gql_validation_t *self, gql_scope_t *scope, const gql_literal_t *literal,
                       const gql_ref_t *type, bool has_default, const gql_type_t *one_of)
{
    const gql_ref_t *nullable = type == NULL ? NULL : gql_nullable(type);
    if (literal->kind == GQL_VARIABLE) {
        note_usage(self, scope, (gql_usage_t){literal, type, has_default, one_of, NULL});
    } else if (literal->kind == GQL_NULL) {
        if (type != NULL && type->kind == GQL_REF_NON_NULL)
            gql_say(self, literal->at, "Expected value of type \"%.*s\", found null.",
                    STR_ARG(type->text));
    } else if (literal->kind == GQL_LIST && nullable != NULL && nullable->kind == GQL_REF_LIST) {
        for (const gql_literal_t *item = literal->items; item != NULL; item = item->next)
            gql_check_literal(self, scope, item, nullable->inner, false, NULL);
    } else if (literal->kind == GQL_OBJECT && type != NULL && type->named->kind == GQL_KIND_INPUT) {
        check_object(self, scope, literal, type->named);
    } else if (literal->kind == GQL_LIST || literal->kind == GQL_OBJECT) {
        bool is_list = literal->kind == GQL_LIST;
        say_if_wrong(self, literal, is_list ? nullable : type);
        check_inside(self, scope, literal, is_list ? nullable : NULL);
    } else {
        say_if_wrong(self, literal, type);
    }
}
