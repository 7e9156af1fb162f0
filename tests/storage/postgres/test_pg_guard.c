#include "storage/postgres/pg_guard.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ROUNDS = 200, NODES = 3 };

typedef struct node {
    pg_guard_t *guard;
    pthread_t thread;
    _Atomic int *inside;
    int most;
    err_t err;
} node_t;

static void *lock_often(void *context)
{
    node_t *self = context;
    for (int i = 0; i < ROUNDS; i++) {
        self->err = pg_guard_lock(self->guard, STR("one"));
        if (self->err != ERR_OK)
            return NULL;
        int inside = atomic_fetch_add(self->inside, 1) + 1;
        self->most = MAX(self->most, inside);
        atomic_fetch_sub(self->inside, 1);
        pg_guard_unlock(self->guard, STR("one"));
    }
    return NULL;
}

Test(pg_guard, one_node_at_a_time_has_it_and_others_wait_or_give_up)
{
    postgres_t server POSTGRES_SCOPED = {0};
    node_t nodes[NODES];
    _Atomic int inside = 0;
    postgres_start(&server);
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (node_t){.inside = &inside};
        check_ok(pg_guard_open(server.address, 0, NULL, &nodes[i].guard));
        cr_assert(pthread_create(&nodes[i].thread, NULL, lock_often, &nodes[i]) == 0);
    }
    for (int i = 0; i < NODES; i++) {
        pthread_join(nodes[i].thread, NULL);
        check_ok(nodes[i].err);
        cr_assert(nodes[i].most == 1);
    }

    pg_guard_t *impatient PG_GUARD_SCOPED = NULL;
    check_ok(pg_guard_open(server.address, 300, NULL, &impatient));
    check_ok(pg_guard_lock(nodes[0].guard, STR("one")));
    check_err(pg_guard_lock(impatient, STR("one")), ERR_BUSY);
    check_ok(pg_guard_lock(impatient, STR("another")));
    pg_guard_unlock(impatient, STR("another"));
    pg_guard_close(nodes[0].guard); /* as one that was killed */
    wait_until(pg_guard_lock(impatient, STR("one")) == ERR_OK);
    pg_guard_unlock(impatient, STR("one"));

    postgres_do(&server, "immediate");
    postgres_do(&server, "restart");
    wait_until(pg_guard_lock(nodes[1].guard, STR("one")) == ERR_OK);
    pg_guard_unlock(nodes[1].guard, STR("one"));
    for (int i = 1; i < NODES; i++)
        pg_guard_close(nodes[i].guard);
}
