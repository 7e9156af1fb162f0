/* What a schema must fulfil beyond its grammar (spec section 3, "Type Validation"). */
#include "gateway/graphql/schema/schema.h"

#define PROBLEM(out, ...)                                                                          \
    do {                                                                                           \
        buf_printf((out), __VA_ARGS__);                                                            \
        buf_append_char((out), '\n');                                                              \
    } while (0)

static void check_inputs(str_t owner, const gql_input_t *inputs, uint32_t count, buf_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!gql_is_input_type(inputs[i].type->named))
            PROBLEM(out, "The type of \"%.*s\" of \"%.*s\" must be an input type.",
                    STR_ARG(inputs[i].name), STR_ARG(owner));
        if (str_starts_with(inputs[i].name, STR("__")))
            PROBLEM(out, "Name \"%.*s\" must not begin with \"__\".", STR_ARG(inputs[i].name));
    }
}

static void check_fields(const gql_type_t *type, buf_t *out)
{
    if (type->field_count == 0)
        PROBLEM(out, "Type \"%.*s\" must define one or more fields.", STR_ARG(type->name));
    for (uint32_t i = 0; i < type->field_count; i++) {
        const gql_output_t *field = &type->fields[i];
        if (field->type->named->kind == GQL_KIND_INPUT)
            PROBLEM(out, "The type of \"%.*s.%.*s\" must be an output type.", STR_ARG(type->name),
                    STR_ARG(field->name));
        if (str_starts_with(field->name, STR("__")))
            PROBLEM(out, "Name \"%.*s\" must not begin with \"__\".", STR_ARG(field->name));
        check_inputs(field->name, field->args, field->arg_count, out);
    }
}

static void check_arguments(const gql_type_t *type, const gql_output_t *field,
                            const gql_output_t *wanted, buf_t *out)
{
    for (uint32_t i = 0; i < wanted->arg_count; i++) {
        const gql_input_t *arg = &wanted->args[i];
        const gql_input_t *own = gql_input_find(field->args, field->arg_count, arg->name);
        if (own == NULL || !gql_refs_equal(own->type, arg->type))
            PROBLEM(out, "\"%.*s.%.*s\" must take the argument \"%.*s: %.*s\" of its interface.",
                    STR_ARG(type->name), STR_ARG(field->name), STR_ARG(arg->name),
                    STR_ARG(arg->type->text));
    }
    for (uint32_t i = 0; i < field->arg_count; i++) {
        const gql_input_t *arg = &field->args[i];
        if (gql_is_required(arg) &&
            gql_input_find(wanted->args, wanted->arg_count, arg->name) == NULL)
            PROBLEM(out, "\"%.*s.%.*s\" must not require \"%.*s\", unknown to its interface.",
                    STR_ARG(type->name), STR_ARG(field->name), STR_ARG(arg->name));
    }
}

static void check_interface(const gql_type_t *type, const gql_type_t *interface, buf_t *out)
{
    if (type == interface)
        PROBLEM(out, "Type \"%.*s\" cannot implement itself.", STR_ARG(type->name));
    for (uint32_t i = 0; i < interface->interface_count; i++)
        if (!gql_implements(type, interface->interfaces[i]))
            PROBLEM(out, "Type \"%.*s\" must implement \"%.*s\" as \"%.*s\" does.",
                    STR_ARG(type->name), STR_ARG(interface->interfaces[i]->name),
                    STR_ARG(interface->name));
    for (uint32_t i = 0; i < interface->field_count; i++) {
        const gql_output_t *wanted = &interface->fields[i];
        const gql_output_t *field = gql_own_output_find(type, wanted->name);
        if (field == NULL || !gql_is_subtype(field->type, wanted->type))
            PROBLEM(out, "Type \"%.*s\" must have \"%.*s: %.*s\" of interface \"%.*s\".",
                    STR_ARG(type->name), STR_ARG(wanted->name), STR_ARG(wanted->type->text),
                    STR_ARG(interface->name));
        else
            check_arguments(type, field, wanted, out);
    }
}

/* An input object that requires itself could never be written down. Every walk is bounded by the
 * number of types: one is not entered twice. */
static bool requires(const gql_type_t *type, const gql_type_t *wanted, uint32_t depth)
{
    for (uint32_t i = 0; i < type->input_count && depth > 0; i++) {
        const gql_ref_t *ref = type->inputs[i].type;
        if (ref->kind != GQL_REF_NON_NULL || ref->inner->kind != GQL_REF_NAMED ||
            ref->named->kind != GQL_KIND_INPUT)
            continue;
        if (ref->named == wanted || requires(ref->named, wanted, depth - 1))
            return true;
    }
    return false;
}

enum { INPUT_NESTING_MAX = 8 }; /* how far a circle of required input objects is followed */

static void check_type(const gql_type_t *type, buf_t *out)
{
    switch (type->kind) {
    case GQL_KIND_OBJECT:
    case GQL_KIND_INTERFACE:
        check_fields(type, out);
        for (uint32_t i = 0; i < type->interface_count; i++)
            check_interface(type, type->interfaces[i], out);
        break;
    case GQL_KIND_UNION:
        if (type->possible_count == 0)
            PROBLEM(out, "Union \"%.*s\" must have members.", STR_ARG(type->name));
        break;
    case GQL_KIND_ENUM:
        if (type->value_count == 0)
            PROBLEM(out, "Enum \"%.*s\" must have values.", STR_ARG(type->name));
        break;
    case GQL_KIND_INPUT:
        if (type->input_count == 0)
            PROBLEM(out, "Input \"%.*s\" must have fields.", STR_ARG(type->name));
        check_inputs(type->name, type->inputs, type->input_count, out);
        if (requires(type, type, INPUT_NESTING_MAX))
            PROBLEM(out, "Input \"%.*s\" requires itself.", STR_ARG(type->name));
        break;
    case GQL_KIND_SCALAR:
        break;
    }
}

void gql_schema_check(const gql_schema_t *schema, buf_t *out_problems)
{
    if (schema->roots[GQL_OPERATION_QUERY] == NULL)
        PROBLEM(out_problems, "Query root type must be provided.");
    for (int i = 0; i < GQL_OPERATION_COUNT; i++)
        if (schema->roots[i] != NULL && schema->roots[i]->kind != GQL_KIND_OBJECT)
            PROBLEM(out_problems, "Root type \"%.*s\" must be an object type.",
                    STR_ARG(schema->roots[i]->name));
    for (uint32_t i = 0; i < schema->type_count; i++)
        check_type(schema->types[i], out_problems);
    for (uint32_t i = 0; i < schema->directive_count; i++)
        check_inputs(schema->directives[i].name, schema->directives[i].args,
                     schema->directives[i].arg_count, out_problems);
}
