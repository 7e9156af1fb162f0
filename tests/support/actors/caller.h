#pragma once
/* caller.h -- asks a running runtime from a test's thread and waits for the answer. */

#include "docs/samples/counter/counter.h"
#include "runtime/runtime.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

typedef struct caller_answer {
    err_t err;
    char schema[64];
    char text[128];
    uint64_t value; /* of a counter_value or a toy_number */
    uint64_t position;
} caller_answer_t;

/* Through the edge of scheduler 0. command_id may be empty. */
caller_answer_t caller_ask(runtime_t *runtime, address_t to, uint64_t timeout_ms, str_t command_id,
                           const schema_t *schema, const void *message);
#define ask_of(runtime, to, command, ...)                                                          \
    caller_ask((runtime), (to), PATIENCE_MS, STR(""), &command##_schema,                           \
               &(command##_t){__VA_ARGS__})
