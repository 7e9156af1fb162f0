#include "docs/samples/visitor/visitor.h"

#define DEF_FILE "docs/samples/visitor/visitor.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "docs/samples/visitor/visitor.def"
#define ACTOR_STATE visitor_state_t
#include "runtime/actor_kind.h"

ON(visitor_sees)
{
    arena_t *arena = actor_arena(ctx);
    uint32_t count = self->pages.count;
    str_t *pages = arena_new_array(arena, count + 1, sizeof *pages);
    if (pages == NULL)
        return actor_refuse(ctx, ERR_LIMIT, "this visitor has seen enough");
    if (count > 0)
        memcpy(pages, self->pages.items, count * sizeof *pages);
    pages[count] = arena_str(arena, command->page);
    self->pages.items = pages;
    self->pages.count = count + 1;
    return ERR_OK;
}

ON(visitor_look_back)
{
    return actor_reply(ctx, visitor_history, .pages = {self->pages.items, self->pages.count});
}

ACTOR_KIND(visitor, .state_schema = &visitor_state_schema, .idle_ms = 60000, .hibernates = true,
           .memory_max = 1 << 20);
