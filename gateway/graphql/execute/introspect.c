/* The schema, asked about by GraphQL itself (spec section 4): resolvers like any others. The source
 * of a __Type is a gql_ref_t, so that lists and non-nulls are types too. */
#include "gateway/graphql/engine_parts.h"
#include "gateway/graphql/execute/execute_parts.h"
#include "gateway/graphql/language/printer.h"

static const gql_schema_t *schema_of(const graphql_field_t *field)
{
    return field->execution->prepared->schema;
}

static err_t return_ref(graphql_field_t *field, const gql_ref_t *ref)
{
    return ref == NULL ? graphql_return_null(field) : graphql_return_object(field, ref);
}

static err_t return_root(graphql_field_t *field, gql_operation_t operation)
{
    const gql_type_t *type = schema_of(field)->roots[operation];
    return return_ref(field, type == NULL ? NULL : &type->ref);
}

/* Items of lists are pointers to sources. */
static err_t pointed(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, ((const void *const *)items)[index]);
}

/* ---- top fields ---- */

static err_t meta_typename(graphql_field_t *field)
{
    return graphql_return_str(field, graphql_type_name(field));
}

static err_t meta_schema(graphql_field_t *field)
{
    return graphql_return_object(field, schema_of(field));
}

static err_t meta_type(graphql_field_t *field)
{
    const gql_type_t *type = gql_type_find(schema_of(field), graphql_arg_str(field, "name"));
    return return_ref(field, type == NULL ? NULL : &type->ref);
}

/* ---- __Schema ---- */

typedef struct type_list {
    const gql_ref_t **items;
    uint32_t count;
    bool *is_listed;
} type_list_t;

static void list_type(type_list_t *list, const gql_type_t *type)
{
    if (list->is_listed[type->index])
        return;
    list->is_listed[type->index] = true;
    list->items[list->count++] = &type->ref;
}

static void list_scalar(type_list_t *list, const gql_ref_t *ref)
{
    if (ref->named->is_builtin && ref->named->kind == GQL_KIND_SCALAR)
        list_type(list, ref->named);
}

static void list_inputs(type_list_t *list, const gql_input_t *inputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        list_scalar(list, inputs[i].type);
}

/* As graphql-js orders them: own types as written, each followed by the built-in scalars that it is
 * the first to use; then those of directives; then the introspection types. */
static void list_types(const gql_schema_t *schema, type_list_t *list)
{
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const gql_type_t *type = schema->types[i];
        if (type->is_builtin)
            continue;
        list_type(list, type);
        for (uint32_t j = 0; j < type->field_count; j++) {
            list_scalar(list, type->fields[j].type);
            list_inputs(list, type->fields[j].args, type->fields[j].arg_count);
        }
        list_inputs(list, type->inputs, type->input_count);
    }
    for (uint32_t i = schema->directive_count; i-- > 0;)
        list_inputs(list, schema->directives[i].args, schema->directives[i].arg_count);
    for (uint32_t i = 0; i < schema->type_count; i++)
        if (schema->types[i]->kind != GQL_KIND_SCALAR)
            list_type(list, schema->types[i]);
}

static err_t schema_types(graphql_field_t *field)
{
    const gql_schema_t *schema = schema_of(field);
    arena_t *arena = graphql_arena(field);
    type_list_t list = {arena_new_array(arena, schema->type_count, sizeof(gql_ref_t *)), 0,
                        arena_new_array(arena, schema->type_count, sizeof(bool))};
    if (list.items == NULL || list.is_listed == NULL)
        return ERR_NO_MEMORY;
    list_types(schema, &list);
    return graphql_return_list(field, list.count, pointed, list.items);
}

static err_t schema_query(graphql_field_t *field)
{
    return return_root(field, GQL_OPERATION_QUERY);
}

static err_t schema_mutation(graphql_field_t *field)
{
    return return_root(field, GQL_OPERATION_MUTATION);
}

static err_t schema_subscription(graphql_field_t *field)
{
    return return_root(field, GQL_OPERATION_SUBSCRIPTION);
}

/* Own directives first, then the built-in ones. */
static err_t directive_item(graphql_field_t *item, const void *items, size_t index)
{
    const gql_schema_t *schema = items;
    uint32_t own = schema->directive_count - schema->builtin_directive_count;
    size_t at = index < own ? schema->builtin_directive_count + index : index - own;
    return graphql_return_object(item, &schema->directives[at]);
}

static err_t schema_directives(graphql_field_t *field)
{
    const gql_schema_t *schema = schema_of(field);
    return graphql_return_list(field, schema->directive_count, directive_item, schema);
}

/* ---- __Type ---- */

/* NULL for a list or non-null. */
static const gql_type_t *named(const graphql_field_t *field)
{
    const gql_ref_t *ref = graphql_source(field);
    return ref->kind == GQL_REF_NAMED ? ref->named : NULL;
}

static err_t type_kind(graphql_field_t *field)
{
    static const char *const kinds[] = {
        [GQL_KIND_SCALAR] = "SCALAR",       [GQL_KIND_OBJECT] = "OBJECT",
        [GQL_KIND_INTERFACE] = "INTERFACE", [GQL_KIND_UNION] = "UNION",
        [GQL_KIND_ENUM] = "ENUM",           [GQL_KIND_INPUT] = "INPUT_OBJECT"};
    const gql_ref_t *ref = graphql_source(field);
    if (ref->kind == GQL_REF_NAMED)
        return graphql_return_str(field, str_from(kinds[ref->named->kind]));
    return graphql_return_str(field, ref->kind == GQL_REF_LIST ? STR("LIST") : STR("NON_NULL"));
}

static err_t type_name(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    return graphql_return_str(field, type == NULL ? (str_t){NULL, 0} : type->name);
}

static err_t type_description(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    return graphql_return_str(field, type == NULL ? (str_t){NULL, 0} : type->description);
}

static err_t type_specified_by(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    return graphql_return_str(field, type == NULL ? (str_t){NULL, 0} : type->specified_by);
}

static err_t type_is_one_of(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    bool is_input = type != NULL && type->kind == GQL_KIND_INPUT;
    return is_input ? graphql_return_bool(field, type->is_one_of) : graphql_return_null(field);
}

static err_t type_of_type(graphql_field_t *field)
{
    return return_ref(field, ((const gql_ref_t *)graphql_source(field))->inner);
}

/* A list of pointers to those of `count` elements that are not deprecated, or all. `flag_at` is
 * where an element says that it is. */
static err_t return_current(graphql_field_t *field, const void *elements, size_t count, size_t size,
                            size_t flag_at)
{
    bool all = graphql_arg_bool(field, "includeDeprecated", false);
    const void **kept = arena_new_array(graphql_arena(field), count, sizeof *kept);
    size_t kept_count = 0;
    if (kept == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *element = (const char *)elements + i * size;
        bool is_deprecated;
        memcpy(&is_deprecated, element + flag_at, sizeof is_deprecated);
        if (all || !is_deprecated)
            kept[kept_count++] = element;
    }
    return graphql_return_list(field, kept_count, pointed, kept);
}

static err_t return_inputs(graphql_field_t *field, const gql_input_t *inputs, uint32_t count)
{
    return return_current(field, inputs, count, sizeof *inputs,
                          offsetof(gql_input_t, is_deprecated));
}

static err_t type_fields(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    if (type == NULL || (type->kind != GQL_KIND_OBJECT && type->kind != GQL_KIND_INTERFACE))
        return graphql_return_null(field);
    return return_current(field, type->fields, type->field_count, sizeof *type->fields,
                          offsetof(gql_output_t, is_deprecated));
}

static err_t type_inputs(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    if (type == NULL || type->kind != GQL_KIND_INPUT)
        return graphql_return_null(field);
    return return_inputs(field, type->inputs, type->input_count);
}

static err_t type_values(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    if (type == NULL || type->kind != GQL_KIND_ENUM)
        return graphql_return_null(field);
    return return_current(field, type->values, type->value_count, sizeof *type->values,
                          offsetof(gql_enum_value_t, is_deprecated));
}

static err_t type_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, &((const gql_type_t *const *)items)[index]->ref);
}

static err_t type_interfaces(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    if (type == NULL || (type->kind != GQL_KIND_OBJECT && type->kind != GQL_KIND_INTERFACE))
        return graphql_return_null(field);
    return graphql_return_list(field, type->interface_count, type_item, type->interfaces);
}

static err_t type_possible(graphql_field_t *field)
{
    const gql_type_t *type = named(field);
    if (type == NULL || !gql_is_abstract(type))
        return graphql_return_null(field);
    return graphql_return_list(field, type->possible_count, type_item, type->possible);
}

/* ---- __Field, __InputValue, __Directive ---- */

static err_t field_args(graphql_field_t *field)
{
    const gql_output_t *output = graphql_source(field);
    return return_inputs(field, output->args, output->arg_count);
}

static err_t field_type(graphql_field_t *field)
{
    return return_ref(field, ((const gql_output_t *)graphql_source(field))->type);
}

static err_t input_type(graphql_field_t *field)
{
    return return_ref(field, ((const gql_input_t *)graphql_source(field))->type);
}

static err_t input_default(graphql_field_t *field)
{
    const gql_input_t *input = graphql_source(field);
    buf_t text BUF_SCOPED = BUF_INIT;
    if (input->default_value == NULL)
        return graphql_return_null(field);
    gql_print_literal(input->default_value, &text);
    TRY(buf_status(&text));
    return graphql_return_str(field, buf_str(&text));
}

static err_t directive_args(graphql_field_t *field)
{
    const gql_directive_type_t *directive = graphql_source(field);
    return return_inputs(field, directive->args, directive->arg_count);
}

static err_t location_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_str(item, ((const str_t *)items)[index]);
}

static err_t directive_locations(graphql_field_t *field)
{
    const gql_directive_type_t *directive = graphql_source(field);
    return graphql_return_list(field, directive->location_count, location_item,
                               directive->locations);
}

const graphql_resolver_t *gql_introspection_resolvers(size_t *out_count)
{
    static const graphql_resolver_t rows[] = {
        {"__typename", GRAPHQL_RESOLVE(meta_typename)},
        {"__schema", GRAPHQL_RESOLVE(meta_schema)},
        {"__type", GRAPHQL_RESOLVE(meta_type)},
        {"__Schema.description", GRAPHQL_MEMBER(gql_schema_t, description)},
        {"__Schema.types", GRAPHQL_RESOLVE(schema_types)},
        {"__Schema.queryType", GRAPHQL_RESOLVE(schema_query)},
        {"__Schema.mutationType", GRAPHQL_RESOLVE(schema_mutation)},
        {"__Schema.subscriptionType", GRAPHQL_RESOLVE(schema_subscription)},
        {"__Schema.directives", GRAPHQL_RESOLVE(schema_directives)},
        {"__Type.kind", GRAPHQL_RESOLVE(type_kind)},
        {"__Type.name", GRAPHQL_RESOLVE(type_name)},
        {"__Type.description", GRAPHQL_RESOLVE(type_description)},
        {"__Type.specifiedByURL", GRAPHQL_RESOLVE(type_specified_by)},
        {"__Type.fields", GRAPHQL_RESOLVE(type_fields)},
        {"__Type.interfaces", GRAPHQL_RESOLVE(type_interfaces)},
        {"__Type.possibleTypes", GRAPHQL_RESOLVE(type_possible)},
        {"__Type.enumValues", GRAPHQL_RESOLVE(type_values)},
        {"__Type.inputFields", GRAPHQL_RESOLVE(type_inputs)},
        {"__Type.ofType", GRAPHQL_RESOLVE(type_of_type)},
        {"__Type.isOneOf", GRAPHQL_RESOLVE(type_is_one_of)},
        {"__Field.name", GRAPHQL_MEMBER(gql_output_t, name)},
        {"__Field.description", GRAPHQL_MEMBER(gql_output_t, description)},
        {"__Field.args", GRAPHQL_RESOLVE(field_args)},
        {"__Field.type", GRAPHQL_RESOLVE(field_type)},
        {"__Field.isDeprecated", GRAPHQL_MEMBER(gql_output_t, is_deprecated)},
        {"__Field.deprecationReason", GRAPHQL_MEMBER(gql_output_t, deprecation)},
        {"__InputValue.name", GRAPHQL_MEMBER(gql_input_t, name)},
        {"__InputValue.description", GRAPHQL_MEMBER(gql_input_t, description)},
        {"__InputValue.type", GRAPHQL_RESOLVE(input_type)},
        {"__InputValue.defaultValue", GRAPHQL_RESOLVE(input_default)},
        {"__InputValue.isDeprecated", GRAPHQL_MEMBER(gql_input_t, is_deprecated)},
        {"__InputValue.deprecationReason", GRAPHQL_MEMBER(gql_input_t, deprecation)},
        {"__EnumValue.name", GRAPHQL_MEMBER(gql_enum_value_t, name)},
        {"__EnumValue.description", GRAPHQL_MEMBER(gql_enum_value_t, description)},
        {"__EnumValue.isDeprecated", GRAPHQL_MEMBER(gql_enum_value_t, is_deprecated)},
        {"__EnumValue.deprecationReason", GRAPHQL_MEMBER(gql_enum_value_t, deprecation)},
        {"__Directive.name", GRAPHQL_MEMBER(gql_directive_type_t, name)},
        {"__Directive.description", GRAPHQL_MEMBER(gql_directive_type_t, description)},
        {"__Directive.isRepeatable", GRAPHQL_MEMBER(gql_directive_type_t, is_repeatable)},
        {"__Directive.locations", GRAPHQL_RESOLVE(directive_locations)},
        {"__Directive.args", GRAPHQL_RESOLVE(directive_args)},
    };
    *out_count = COUNT_OF(rows);
    return rows;
}
