#include "gateway/graphql/execute/execute_parts.h"

#include "runtime/base/json.h"

static void write_node(const graphql_field_t *node, json_t *json)
{
    switch (node->is_nulled ? GQL_RESULT_NULL : node->result) {
    case GQL_RESULT_NULL:
        json_null(json);
        break;
    case GQL_RESULT_STR:
        json_str(json, node->text);
        break;
    case GQL_RESULT_INT:
        json_i64(json, node->integer);
        break;
    case GQL_RESULT_FLOAT:
        json_f64(json, node->number);
        break;
    case GQL_RESULT_BOOL:
        json_bool(json, node->boolean);
        break;
    case GQL_RESULT_JSON:
        json_raw(json, node->text);
        break;
    case GQL_RESULT_CHILDREN:
        (node->is_list ? json_array_begin : json_object_begin)(json);
        for (uint32_t i = 0; i < node->child_count; i++) {
            if (!node->is_list)
                json_key(json, node->children[i].path.key);
            write_node(&node->children[i], json);
        }
        (node->is_list ? json_array_end : json_object_end)(json);
        break;
    }
}

bool gql_write_response(const graphql_execution_t *self, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    if (self->errors.count > 0) {
        json_key(&json, STR("errors"));
        gql_errors_write(&self->errors, out);
        json.needs_comma = true;
    }
    json_key(&json, STR("data"));
    write_node(&self->root, &json);
    json_object_end(&json);
    return buf_status(out) == ERR_OK;
}

void gql_write_refusal(const gql_errors_t *errors, buf_t *out)
{
    buf_append(out, STR("{\"errors\":"));
    gql_errors_write(errors, out);
    buf_append(out, STR("}"));
}
