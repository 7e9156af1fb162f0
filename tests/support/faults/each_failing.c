#include "tests/support/faults/each_failing.h"

#include "tests/support/faults/memory_faults.h"

static void call(void (*fn)(void *context), void *context)
{
    if (fn != NULL)
        fn(context);
}

static bool one_round(const each_failing_t *self, uint64_t nth, bool *out_is_through,
                      buf_t *problem)
{
    call(self->begin, self->context);
    int64_t live = memory_faults_live();
    memory_faults_reset();
    memory_faults_choose(&nth, 1);
    memory_faults_arm(true);
    err_t err = self->use(self->context);
    memory_faults_arm(false);
    call(self->end, self->context);
    live = memory_faults_live() - live;
    *out_is_through = memory_faults_failed() == 0;
    memory_faults_reset();
    if (live != 0 || (err != ERR_OK && (err != ERR_NO_MEMORY || *out_is_through)))
        buf_printf(problem, "allocation %llu: %s, %lld blocks are left", (unsigned long long)nth,
                   err_name(err), (long long)live);
    else if (self->check != NULL)
        self->check(self->context, err);
    return problem->size == 0;
}

bool each_failing_holds(const each_failing_t *self, uint64_t *out_rounds, buf_t *problem)
{
    bool is_through = false;
    for (*out_rounds = 0; !is_through && *out_rounds < EACH_FAILING_MAX;)
        if (!one_round(self, ++*out_rounds, &is_through, problem))
            return false;
    if (!is_through)
        buf_append(problem, STR("it does not end"));
    return is_through;
}
