#include "cluster/members/roster.h"

#include "runtime/base/memory.h"

roster_t *roster_new(void)
{
    roster_t *self = memory_new(sizeof *self);
    if (self != NULL)
        atomic_init(&self->references, 1);
    return self;
}

err_t roster_add(roster_t *self, const member_t *member, str_t details)
{
    str_t *more = memory_resize(self->details, self->view.count + 1, sizeof *more);
    if (more == NULL)
        return ERR_NO_MEMORY;
    self->details = more;
    str_t copy = arena_str(&self->arena, details);
    if (copy.data == NULL)
        return ERR_NO_MEMORY;
    TRY(view_put(&self->view, member));
    self->details[self->view.count - 1] = copy;
    return ERR_OK;
}

roster_t *roster_ref(roster_t *self)
{
    atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return self;
}

void roster_unref(roster_t *self)
{
    /* Pairs with the others' decrements: what they read of it is read before it is freed. */
    if (self == NULL || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) > 1)
        return;
    view_deinit(&self->view);
    memory_free(self->details);
    arena_deinit(&self->arena);
    memory_free(self);
}

void roster_scope_end(roster_t **self)
{
    roster_unref(*self);
}

str_t roster_details(const roster_t *self, uint64_t node)
{
    const member_t *member = view_find(&self->view, node);
    return member == NULL ? STR("") : self->details[member - self->view.members];
}
