/* Any bytes either decode or are refused; what decodes encodes to something that decodes equal, and
 * its copy equals it. */

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#define DEF_FILE "tests/runtime/base/test_schema.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/base/test_schema.def"
#include "runtime/base/schema_define.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const schema_t *schema, str_t input)
{
    arena_t arena ARENA_SCOPED = {.size_max = (size_t)16 << 20};
    buf_t wire BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    void *value = arena_new(&arena, schema->size), *back = arena_new(&arena, schema->size);
    if (schema_decode(schema, input, &arena, value) != ERR_OK)
        return;
    schema_encode(schema, value, &wire);
    ASSERT(buf_status(&wire) == ERR_OK);
    ASSERT(schema_decode(schema, buf_str(&wire), &arena, back) == ERR_OK);
    ASSERT(schema_equal(schema, value, back));
    void *copy MEMORY_SCOPED = memory_new(schema_deep_size(schema, value));
    schema_copy(schema, value, copy);
    ASSERT(schema_equal(schema, value, copy));
    json_t json = json_to(&text);
    schema_to_json(schema, value, &json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(&sample_schema, str_of(data, size));
    check(&sample_node_schema, str_of(data, size));
    return 0;
}
