/* Any bytes are a document or a fault; what parses is printed, parsed again, and printed the same.
 */
#include "gateway/graphql/language/parser.h"
#include "gateway/graphql/language/printer.h"
#include "runtime/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t parse(str_t text, arena_t *arena, gql_document_t **out)
{
    static const gql_parse_limits_t limits = {1 << 20, 20000, 64, 400};
    gql_fault_t fault = {0};
    err_t err = gql_parse(text, &limits, arena, &fault, out);
    ASSERT(err == ERR_OK || (fault.message.size > 0 && fault.at <= text.size));
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t first BUF_SCOPED = BUF_INIT, second BUF_SCOPED = BUF_INIT;
    gql_document_t *tree, *again;
    if (parse(str_of(data, size), &arena, &tree) != ERR_OK)
        return 0;
    gql_print_document(tree, &first);
    err_t err = parse(buf_str(&first), &arena, &again);
    ASSERT(err == ERR_OK || err == ERR_LIMIT);
    if (err == ERR_OK) {
        gql_print_document(again, &second);
        ASSERT(str_equal(buf_str(&first), buf_str(&second)));
    }
    return 0;
}
