#include "gateway/graphql/language/ast.h"

#include "runtime/base/utf8.h"

str_t gql_operation_word(gql_operation_t operation)
{
    static const str_t words[GQL_OPERATION_COUNT] = {STR_INIT("query"), STR_INIT("mutation"),
                                                     STR_INIT("subscription")};
    return words[operation];
}

str_t gql_response_name(const gql_selection_t *field)
{
    return field->alias.text.data != NULL ? field->alias.text : field->name.text;
}

const gql_argument_t *gql_argument_find(const gql_argument_t *first, str_t name)
{
    for (; first != NULL; first = first->next)
        if (str_equal(first->name.text, name))
            return first;
    return NULL;
}

const gql_directive_t *gql_directive_find(const gql_directive_t *first, str_t name)
{
    for (; first != NULL; first = first->next)
        if (str_equal(first->name.text, name))
            return first;
    return NULL;
}

gql_location_t gql_locate(str_t source, uint32_t at)
{
    size_t line_start = 0, end = MIN((size_t)at, source.size);
    gql_location_t where = {1, 1};
    for (size_t i = 0; i < end; i++) {
        char c = source.data[i];
        bool is_crlf = c == '\r' && i + 1 < source.size && source.data[i + 1] == '\n';
        if ((c == '\n' || c == '\r') && !is_crlf) {
            where.line++;
            line_start = i + 1;
        }
    }
    for (size_t i = line_start; i < end;) {
        uint32_t code_point;
        size_t size = utf8_decode(str_slice(source, i, source.size), &code_point);
        where.column += size == 4 ? 2 : 1;
        i += MAX(size, (size_t)1);
    }
    return where;
}
