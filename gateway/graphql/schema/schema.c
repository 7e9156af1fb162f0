#include "gateway/graphql/schema/schema.h"

const gql_type_t *gql_type_find(const gql_schema_t *schema, str_t name)
{
    if (schema->table_size == 0)
        return NULL;
    uint32_t mask = schema->table_size - 1;
    for (uint32_t at = (uint32_t)str_hash(name) & mask;; at = (at + 1) & mask) {
        const gql_type_t *type = schema->table[at];
        if (type == NULL || str_equal(type->name, name))
            return type;
    }
}

const gql_directive_type_t *gql_directive_type_find(const gql_schema_t *schema, str_t name)
{
    for (uint32_t i = 0; i < schema->directive_count; i++)
        if (str_equal(schema->directives[i].name, name))
            return &schema->directives[i];
    return NULL;
}

const gql_output_t *gql_own_output_find(const gql_type_t *type, str_t name)
{
    for (uint32_t i = 0; i < type->field_count; i++)
        if (str_equal(type->fields[i].name, name))
            return &type->fields[i];
    return NULL;
}

const gql_output_t *gql_output_find(const gql_schema_t *schema, const gql_type_t *type, str_t name)
{
    if (str_starts_with(name, STR("__"))) {
        if (str_equal(name, schema->meta_typename.name) && gql_is_composite(type))
            return &schema->meta_typename;
        if (type == schema->roots[GQL_OPERATION_QUERY] && str_equal(name, schema->meta_schema.name))
            return &schema->meta_schema;
        if (type == schema->roots[GQL_OPERATION_QUERY] && str_equal(name, schema->meta_type.name))
            return &schema->meta_type;
    }
    return gql_own_output_find(type, name);
}

const gql_input_t *gql_input_find(const gql_input_t *inputs, uint32_t count, str_t name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(inputs[i].name, name))
            return &inputs[i];
    return NULL;
}

/* Wraps `inner`; NULL stays NULL. */
static const gql_ref_t *wrap(const gql_ref_t *inner, bool is_list, arena_t *arena)
{
    gql_ref_t *ref = inner == NULL ? NULL : arena_new(arena, sizeof *ref);
    if (ref == NULL)
        return NULL;
    ref->kind = is_list ? GQL_REF_LIST : GQL_REF_NON_NULL;
    ref->named = inner->named;
    ref->inner = inner;
    ref->text = arena_printf(arena, is_list ? "[%.*s]" : "%.*s!", STR_ARG(inner->text));
    return ref->text.data == NULL ? NULL : ref;
}

const gql_ref_t *gql_ref_from_ast(const gql_schema_t *schema, const gql_type_ref_t *type,
                                  arena_t *arena)
{
    if (type->kind == GQL_TYPE_NAMED) {
        const gql_type_t *named = gql_type_find(schema, type->name.text);
        return named == NULL ? NULL : &named->ref;
    }
    return wrap(gql_ref_from_ast(schema, type->inner, arena), type->kind == GQL_TYPE_LIST, arena);
}

bool gql_is_composite(const gql_type_t *type)
{
    return type->kind == GQL_KIND_OBJECT || gql_is_abstract(type);
}

bool gql_is_abstract(const gql_type_t *type)
{
    return type->kind == GQL_KIND_INTERFACE || type->kind == GQL_KIND_UNION;
}

bool gql_is_leaf(const gql_type_t *type)
{
    return type->kind == GQL_KIND_SCALAR || type->kind == GQL_KIND_ENUM;
}

bool gql_is_input_type(const gql_type_t *type)
{
    return gql_is_leaf(type) || type->kind == GQL_KIND_INPUT;
}

bool gql_is_required(const gql_input_t *input)
{
    return input->type->kind == GQL_REF_NON_NULL && input->default_value == NULL;
}

bool gql_has_possible(const gql_type_t *type, const gql_type_t *object)
{
    for (uint32_t i = 0; i < type->possible_count; i++)
        if (type->possible[i] == object)
            return true;
    return false;
}

bool gql_implements(const gql_type_t *type, const gql_type_t *interface)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i] == interface)
            return true;
    return false;
}

bool gql_types_overlap(const gql_type_t *a, const gql_type_t *b)
{
    if (a == b)
        return true;
    for (uint32_t i = 0; i < a->possible_count; i++)
        if (gql_has_possible(b, a->possible[i]))
            return true;
    return false;
}

const gql_ref_t *gql_nullable(const gql_ref_t *ref)
{
    return ref->kind == GQL_REF_NON_NULL ? ref->inner : ref;
}

bool gql_refs_equal(const gql_ref_t *a, const gql_ref_t *b)
{
    for (; a->kind == b->kind; a = a->inner, b = b->inner)
        if (a->kind == GQL_REF_NAMED)
            return a->named == b->named;
    return false;
}

static bool is_named_subtype(const gql_type_t *sub, const gql_type_t *super)
{
    return sub == super || (super->kind == GQL_KIND_UNION && gql_has_possible(super, sub)) ||
           (super->kind == GQL_KIND_INTERFACE && gql_implements(sub, super));
}

bool gql_is_subtype(const gql_ref_t *sub, const gql_ref_t *super)
{
    for (;;) {
        if (super->kind == GQL_REF_NON_NULL) {
            if (sub->kind != GQL_REF_NON_NULL)
                return false;
            sub = sub->inner;
            super = super->inner;
        } else if (sub->kind == GQL_REF_NON_NULL) {
            sub = sub->inner;
        } else if (super->kind == GQL_REF_NAMED || sub->kind == GQL_REF_NAMED) {
            return super->kind == sub->kind && is_named_subtype(sub->named, super->named);
        } else {
            sub = sub->inner;
            super = super->inner;
        }
    }
}
