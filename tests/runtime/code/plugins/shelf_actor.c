#include "runtime/base/memory.h"
#include "tests/runtime/code/plugins/tally.h"

typedef struct shelf {
#if VERSION >= 2
    uint64_t version;
#endif
    char *text;
} shelf_t;

#define ACTOR_DEF "tests/runtime/code/plugins/shelf.def"
#define ACTOR_STATE shelf_t
#include "runtime/actor_kind.h"

static err_t put(shelf_t *self, str_t text)
{
    char *copy = str_dup_terminated(text);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    memory_free(self->text);
    self->text = copy;
    return ERR_OK;
}

ON(shelf_put)
{
    return put(self, command->text);
}

ON(shelf_read)
{
    return actor_reply(ctx, shelf_status, .text = str_from(self->text), .version = VERSION);
}

static void snapshot(const void *state, buf_t *out)
{
    const shelf_t *self = state;
    buf_append(out, str_from(self->text));
}

static err_t restore(void *state, str_t text)
{
    return put(state, text);
}

static void deinit(void *state)
{
    shelf_t *self = state;
    memory_free(self->text);
}

ACTOR_KIND(shelf, .snapshot = snapshot, .restore = restore, .deinit = deinit);
