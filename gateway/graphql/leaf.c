/* Scalars and enums as input: what fits, and what is said about what does not. */
#include "gateway/graphql/coerce.h"
#include "gateway/graphql/language/printer.h"
#include "gateway/graphql/language/suggest.h"
#include "runtime/base/json.h"

#include <math.h>
#include <stdlib.h>

enum { INSPECT_ITEMS_MAX = 10, INSPECT_DEPTH_MAX = 2 };

static void inspect(const graphql_value_t *value, uint32_t depth, buf_t *out)
{
    bool is_list = value->kind == GRAPHQL_LIST;
    if (!is_list && value->kind != GRAPHQL_OBJECT) {
        graphql_value_to_json(value, out);
        return;
    }
    if (value->count == 0 || depth >= INSPECT_DEPTH_MAX) {
        buf_append(out, value->count == 0 ? (is_list ? STR("[]") : STR("{}"))
                                          : (is_list ? STR("[Array]") : STR("[Object]")));
        return;
    }
    buf_append(out, is_list ? STR("[") : STR("{ "));
    for (uint32_t i = 0; i < value->count && (!is_list || i < INSPECT_ITEMS_MAX); i++) {
        if (i > 0)
            buf_append(out, STR(", "));
        if (!is_list)
            buf_printf(out, "%.*s: ", STR_ARG(value->members[i].name));
        inspect(is_list ? &value->items[i] : &value->members[i].value, depth + 1, out);
    }
    uint32_t rest =
        is_list && value->count > INSPECT_ITEMS_MAX ? value->count - INSPECT_ITEMS_MAX : 0;
    if (rest > 0)
        buf_printf(out, ", ... %u more item%s", rest, rest == 1 ? "" : "s");
    buf_append(out, is_list ? STR("]") : STR(" }"));
}

void gql_inspect(const graphql_value_t *value, buf_t *out)
{
    inspect(value, 0, out);
}

static const gql_enum_value_t *find_value(const gql_type_t *type, str_t name)
{
    for (uint32_t i = 0; i < type->value_count; i++)
        if (str_equal(type->values[i].name, name))
            return &type->values[i];
    return NULL;
}

static void suggest_values(const gql_type_t *type, str_t text, buf_t *out)
{
    gql_suggestions_t suggestions = gql_suggestions_for(text);
    for (uint32_t i = 0; i < type->value_count; i++)
        gql_suggest(&suggestions, type->values[i].name);
    gql_suggestions_append(&suggestions, "the enum value ", out);
}

static bool refuse_enum(const gql_type_t *type, bool is_name, const char *what, str_t shown,
                        buf_t *out)
{
    if (is_name && find_value(type, shown) != NULL)
        return false;
    if (is_name)
        buf_printf(out, "Value \"%.*s\" does not exist in \"%.*s\" enum.", STR_ARG(shown),
                   STR_ARG(type->name));
    else
        buf_printf(out, "Enum \"%.*s\" cannot represent %s value: %.*s.", STR_ARG(type->name), what,
                   STR_ARG(shown));
    suggest_values(type, shown, out);
    return true;
}

static const char *refusal_of(gql_scalar_t scalar, bool is_literal)
{
    switch (scalar) {
    case GQL_SCALAR_INT:
        return "Int cannot represent non-integer value: ";
    case GQL_SCALAR_FLOAT:
        return "Float cannot represent non numeric value: ";
    case GQL_SCALAR_STRING:
        return "String cannot represent a non string value: ";
    case GQL_SCALAR_BOOLEAN:
        return "Boolean cannot represent a non boolean value: ";
    case GQL_SCALAR_ID:
        return is_literal ? "ID cannot represent a non-string and non-integer value: "
                          : "ID cannot represent value: ";
    case GQL_SCALAR_CUSTOM:
        break;
    }
    return "Unexpected value: ";
}

static bool is_32_bit(str_t digits)
{
    int64_t value;
    return str_to_i64(digits, &value) == ERR_OK && value >= INT32_MIN && value <= INT32_MAX;
}

static bool literal_fits_scalar(gql_scalar_t scalar, gql_literal_kind_t kind)
{
    switch (scalar) {
    case GQL_SCALAR_INT:
        return kind == GQL_INT;
    case GQL_SCALAR_FLOAT:
        return kind == GQL_INT || kind == GQL_FLOAT;
    case GQL_SCALAR_STRING:
        return kind == GQL_STRING;
    case GQL_SCALAR_BOOLEAN:
        return kind == GQL_BOOLEAN;
    case GQL_SCALAR_ID:
        return kind == GQL_STRING || kind == GQL_INT;
    case GQL_SCALAR_CUSTOM:
        return true;
    }
    return false;
}

bool gql_literal_is_wrong(const gql_literal_t *literal, const gql_ref_t *location,
                          buf_t *out_message)
{
    const gql_type_t *type = location->named;
    buf_t shown BUF_SCOPED = BUF_INIT;
    gql_print_literal(literal, &shown);
    if (!gql_is_leaf(type)) {
        buf_printf(out_message, "Expected value of type \"%.*s\", found %.*s.",
                   STR_ARG(location->text), STR_ARG(buf_str(&shown)));
        return true;
    }
    if (type->kind == GQL_KIND_ENUM)
        return refuse_enum(type, literal->kind == GQL_ENUM, "non-enum", buf_str(&shown),
                           out_message);
    if (type->scalar == GQL_SCALAR_INT && literal->kind == GQL_INT && !is_32_bit(literal->text)) {
        buf_printf(out_message, "Int cannot represent non 32-bit signed integer value: %.*s",
                   STR_ARG(literal->text));
        return true;
    }
    if (literal_fits_scalar(type->scalar, literal->kind))
        return false;
    buf_append(out_message, str_from(refusal_of(type->scalar, true)));
    buf_append(out_message, buf_str(&shown));
    return true;
}

/* ---- literals ---- */

static err_t number_of(str_t digits, arena_t *arena, double *out_number)
{
    str_t terminated = arena_str(arena, digits);
    if (terminated.data == NULL)
        return ERR_NO_MEMORY;
    *out_number = strtod(terminated.data, NULL);
    return ERR_OK;
}

/* A custom scalar takes whatever is written. */
static err_t untyped(const gql_literal_t *literal, const gql_variables_t *variables, arena_t *arena,
                     graphql_value_t *out);

static err_t untyped_items(const gql_literal_t *literal, const gql_variables_t *variables,
                           arena_t *arena, graphql_value_t *out)
{
    uint32_t count = 0, i = 0;
    bool is_list = literal->kind == GQL_LIST;
    for (const gql_literal_t *item = literal->items; item != NULL; item = item->next)
        count++;
    graphql_value_t *items = is_list ? arena_new_array(arena, count, sizeof *items) : NULL;
    graphql_member_t *members = is_list ? NULL : arena_new_array(arena, count, sizeof *members);
    if (items == NULL && members == NULL)
        return ERR_NO_MEMORY;
    for (const gql_literal_t *item = literal->items; item != NULL; item = item->next, i++) {
        if (members != NULL)
            members[i].name = item->member.text;
        TRY(untyped(item, variables, arena, is_list ? &items[i] : &members[i].value));
    }
    *out = (graphql_value_t){.kind = is_list ? GRAPHQL_LIST : GRAPHQL_OBJECT, .count = count};
    if (is_list)
        out->items = items;
    else
        out->members = members;
    return ERR_OK;
}

static err_t untyped(const gql_literal_t *literal, const gql_variables_t *variables, arena_t *arena,
                     graphql_value_t *out)
{
    const graphql_value_t *variable;
    *out = (graphql_value_t){.kind = GRAPHQL_STRING, .text = literal->text};
    switch (literal->kind) {
    case GQL_NULL:
        out->kind = GRAPHQL_NULL;
        return ERR_OK;
    case GQL_BOOLEAN:
        *out = (graphql_value_t){.kind = GRAPHQL_BOOLEAN,
                                 .boolean = str_equal(literal->text, STR("true"))};
        return ERR_OK;
    case GQL_INT:
        out->kind = GRAPHQL_INT;
        if (str_to_i64(literal->text, &out->integer) == ERR_OK)
            return ERR_OK;
        out->kind = GRAPHQL_FLOAT;
        return number_of(literal->text, arena, &out->number);
    case GQL_FLOAT:
        out->kind = GRAPHQL_FLOAT;
        return number_of(literal->text, arena, &out->number);
    case GQL_STRING:
    case GQL_ENUM:
        return ERR_OK;
    case GQL_LIST:
    case GQL_OBJECT:
        return untyped_items(literal, variables, arena, out);
    case GQL_VARIABLE:
        variable = gql_variable_find(variables, literal->text);
        if (variable == NULL)
            out->kind = GRAPHQL_NULL;
        else
            *out = *variable;
        return ERR_OK;
    }
    return ERR_OK;
}

err_t gql_leaf_value(const gql_literal_t *literal, const gql_type_t *type,
                     const gql_variables_t *variables, arena_t *arena, graphql_value_t *out_value)
{
    TRY(untyped(literal, variables, arena, out_value));
    if (type->kind == GQL_KIND_ENUM)
        out_value->kind = GRAPHQL_ENUM;
    if (type->scalar == GQL_SCALAR_ID)
        *out_value = (graphql_value_t){.kind = GRAPHQL_STRING, .text = literal->text};
    if (type->scalar == GQL_SCALAR_FLOAT && out_value->kind == GRAPHQL_INT)
        *out_value = (graphql_value_t){.kind = GRAPHQL_FLOAT, .number = (double)out_value->integer};
    return ERR_OK;
}

/* ---- given values ---- */

/* Given values belong to the caller; what is kept is copied. */
static void copy_value(const graphql_value_t *value, arena_t *arena, graphql_value_t *out)
{
    *out = *value;
    if (value->kind == GRAPHQL_STRING || value->kind == GRAPHQL_ENUM) {
        out->text = arena_str(arena, value->text);
    } else if (value->kind == GRAPHQL_LIST) {
        graphql_value_t *items = arena_new_array(arena, value->count, sizeof *items);
        out->count = items == NULL ? 0 : value->count;
        for (uint32_t i = 0; i < out->count; i++)
            copy_value(&value->items[i], arena, &items[i]);
        out->items = items;
    } else if (value->kind == GRAPHQL_OBJECT) {
        graphql_member_t *members = arena_new_array(arena, value->count, sizeof *members);
        out->count = members == NULL ? 0 : value->count;
        for (uint32_t i = 0; i < out->count; i++) {
            members[i].name = arena_str(arena, value->members[i].name);
            copy_value(&value->members[i].value, arena, &members[i].value);
        }
        out->members = members;
    }
}

static bool as_integer(const graphql_value_t *value, int64_t *out)
{
    if (value->kind == GRAPHQL_INT)
        *out = value->integer;
    else if (value->kind == GRAPHQL_FLOAT && fabs(value->number) <= 9007199254740992.0 &&
             value->number == floor(value->number))
        *out = (int64_t)value->number;
    else
        return false;
    return true;
}

static bool refuse_value(const graphql_value_t *value, const char *why, buf_t *out)
{
    buf_append(out, str_from(why));
    gql_inspect(value, out);
    return true;
}

static bool scalar_is_wrong(const graphql_value_t *value, gql_scalar_t scalar, arena_t *arena,
                            buf_t *out_message, graphql_value_t *out)
{
    int64_t integer = 0;
    bool is_integer = as_integer(value, &integer), fits = true;
    copy_value(value, arena, out);
    switch (scalar) {
    case GQL_SCALAR_INT:
        fits = is_integer;
        if (is_integer && (integer < INT32_MIN || integer > INT32_MAX))
            return refuse_value(
                value, "Int cannot represent non 32-bit signed integer value: ", out_message);
        *out = (graphql_value_t){.kind = GRAPHQL_INT, .integer = integer};
        break;
    case GQL_SCALAR_FLOAT:
        fits = value->kind == GRAPHQL_INT || value->kind == GRAPHQL_FLOAT;
        *out = (graphql_value_t){.kind = GRAPHQL_FLOAT, .number = graphql_value_float(value, 0)};
        break;
    case GQL_SCALAR_STRING:
        fits = value->kind == GRAPHQL_STRING;
        break;
    case GQL_SCALAR_BOOLEAN:
        fits = value->kind == GRAPHQL_BOOLEAN;
        break;
    case GQL_SCALAR_ID:
        fits = value->kind == GRAPHQL_STRING || is_integer;
        if (value->kind != GRAPHQL_STRING)
            *out = (graphql_value_t){.kind = GRAPHQL_STRING,
                                     .text = arena_printf(arena, "%lld", (long long)integer)};
        break;
    case GQL_SCALAR_CUSTOM:
        break;
    }
    return fits ? false : refuse_value(value, refusal_of(scalar, false), out_message);
}

bool gql_value_is_wrong(const graphql_value_t *value, const gql_type_t *type, arena_t *arena,
                        buf_t *out_message, graphql_value_t *out_value)
{
    if (type->kind == GQL_KIND_SCALAR)
        return scalar_is_wrong(value, type->scalar, arena, out_message, out_value);
    *out_value =
        (graphql_value_t){.kind = GRAPHQL_ENUM, .text = arena_str(arena, graphql_value_str(value))};
    if (value->kind == GRAPHQL_STRING)
        return refuse_enum(type, true, "", value->text, out_message);
    buf_t shown BUF_SCOPED = BUF_INIT;
    gql_inspect(value, &shown);
    return refuse_enum(type, false, "non-string", buf_str(&shown), out_message);
}
