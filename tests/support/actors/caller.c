#include "tests/support/actors/caller.h"

#include <stdio.h>

typedef struct call {
    runtime_t *runtime;
    address_t to;
    uint64_t timeout_ms;
    str_t command_id;
    const schema_t *schema;
    const void *message;
    caller_answer_t answer;
    uv_sem_t done;
} call_t;

static void on_answer(void *context, const answer_t *answer)
{
    call_t *call = context;
    call->answer.err = answer->err;
    call->answer.position = answer->position;
    snprintf(call->answer.text, sizeof call->answer.text, "%.*s", STR_ARG(answer->text));
    if (answer->schema != NULL) {
        snprintf(call->answer.schema, sizeof call->answer.schema, "%s", answer->schema->name);
        if (answer->schema->size >= sizeof(uint64_t))
            memcpy(&call->answer.value, answer->message, sizeof(uint64_t));
    }
    uv_sem_post(&call->done);
}

static void ask_there(void *context)
{
    call_t *call = context;
    edge_ask_message(runtime_edge(call->runtime, 0), call->to, call->timeout_ms, call->command_id,
                     on_answer, call, call->schema, call->message);
}

caller_answer_t caller_ask(runtime_t *runtime, address_t to, uint64_t timeout_ms, str_t command_id,
                           const schema_t *schema, const void *message)
{
    call_t call = {runtime, to, timeout_ms, command_id, schema, message, {0}, {{0}}};
    uv_sem_init(&call.done, 0);
    check_ok(edge_post(runtime_edge(runtime, 0), ask_there, &call));
    uv_sem_wait(&call.done);
    uv_sem_destroy(&call.done);
    return call.answer;
}
