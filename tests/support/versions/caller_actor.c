#include "tests/support/versions/herald.h"

#define DEF_FILE "tests/support/versions/caller.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "tests/support/versions/caller.def"
#define ACTOR_STATE caller_t
#include "runtime/actor_kind.h"

enum { CALLS_EVERY_MS = 100, CALLS = 8, LOUDNESS = 11 };

static err_t start(void *self, context_t *ctx)
{
    (void)self;
    actor_timer_start(ctx, CALLS_EVERY_MS, CALLS_EVERY_MS, caller_call);
    return ERR_OK;
}

/* As the node of another version says it, and nothing else does. */
static bool is_of_other_version(const answer_t *answer)
{
    return answer->err == ERR_UNAVAILABLE && str_contains(answer->text, STR("of a version that"));
}

static void note_refusal(caller_t *self, const answer_t *answer, uint64_t *of_version)
{
    if (of_version != NULL && is_of_other_version(answer))
        (*of_version)++;
    else if (!is_of_other_version(answer) &&
             (answer->err == ERR_UNAVAILABLE || answer->err == ERR_TIMEOUT))
        self->away++;
    else {
        self->wrong++;
        self->wrong_error = (uint64_t)answer->err;
    }
}

static void said(void *state, context_t *ctx, const answer_t *answer, void *data, size_t size)
{
    caller_t *self = state;
    const herald_said_t *told =
        answer->err == ERR_OK ? answer_as(answer, herald_said, context_arena(ctx)) : NULL;
    (void)data;
    (void)size;
    if (told == NULL) {
        note_refusal(self, answer, NULL);
        return;
    }
    self->wrong += told->size != strlen("hear") || told->version < 1 || told->version > 2;
    self->said_by_1 += told->version == 1;
    self->said_by_2 += told->version == 2;
#if VERSION >= 2
    self->kept += told->loudness == LOUDNESS;
    self->skipped += told->loudness == 0;
    /* Skipped by one of version 2, too, where a node of version 1 passed the question on. */
    self->wrong += told->loudness != 0 && (told->version != 2 || told->loudness != LOUDNESS);
#endif
}

static void say(context_t *ctx, str_t key)
{
#if VERSION >= 2
    actor_ask(ctx, address_of("herald", key), 0, said, NULL, 0, herald_say, .text = STR("hear"),
              .loudness = LOUDNESS);
#else
    actor_ask(ctx, address_of("herald", key), 0, said, NULL, 0, herald_say, .text = STR("hear"));
#endif
}

#if VERSION >= 2
static void sung(void *state, UNUSED context_t *ctx, const answer_t *answer, UNUSED void *data,
                 UNUSED size_t size)
{
    caller_t *self = state;
    if (answer->err == ERR_OK)
        self->sung++;
    else
        note_refusal(self, answer, &self->unsung);
}

static void danced(void *state, UNUSED context_t *ctx, const answer_t *answer, UNUSED void *data,
                   UNUSED size_t size)
{
    caller_t *self = state;
    if (answer->err == ERR_OK)
        self->danced++;
    else
        note_refusal(self, answer, &self->undanced);
}
#endif

ON(caller_call)
{
    (void)self;
    (void)command;
    for (int i = 0; i < CALLS; i++) {
        str_t key = arena_printf(context_arena(ctx), "%d", i);
        say(ctx, key);
#if VERSION >= 2
        actor_ask(ctx, address_of("herald", key), 0, sung, NULL, 0, herald_sing);
        actor_ask(ctx, address_of("dancer", key), 0, danced, NULL, 0, dancer_dance);
#endif
    }
    return ERR_OK;
}

ACTOR_KIND(caller, .placement = PLACED_NEAR, .start = start, .state_schema = &caller_schema);
