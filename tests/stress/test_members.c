/* Memberships of several nodes over one PostgreSQL, each with its own threads: while others ask all
 * that may be asked of them from any thread, nodes are killed, cut off, drained and started again.
 * In the end they come to one view. What is looked for are races, and ends that hang. */
#include "tests/stress/racer.h"
#include "tests/support/cluster/crowd.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include "runtime/base/assert.h"

#include <stdio.h>
#include <time.h>

enum { NODES = 4, ROUNDS = 25, STEP_MS = 60 };

/* libpq is not compiled for the sanitizer: what it does with its memory is not seen. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libpq.so\ncalled_from_lib:libcrypto.so\ncalled_from_lib:libssl.so\n";
}

typedef struct asker {
    crowd_t *crowd;
    _Atomic bool *is_over;
    random_seed_t seed;
    pthread_t thread;
    uint64_t operations;
} asker_t;

static void look(members_t *members, uint64_t node)
{
    members_status_t status;
    roster_t *roster ROSTER_SCOPED = members_roster(members);
    members_status(members, &status);
    uint64_t until_ms = members_lease_until_ms(members);
    if (members_has_lease(members))
        race_check(until_ms > 0, "a lease has an end");
    for (uint32_t i = 0; roster != NULL && i < roster->view.count; i++)
        (void)roster_details(roster, roster->view.members[i].node);
    (void)members_is_free(members, node);
}

/* As the links and the node do, from threads of theirs. */
static void do_one(members_t *members, uint64_t node, uint64_t what)
{
    switch (what) {
    case 0:
        members_link_lost(members, node);
        break;
    case 1:
        members_told(members, 1 + node);
        break;
    case 2:
        members_asked_for(members, node, node + 1);
        break;
    case 3:
        members_vouched(members, node);
        break;
    case 4:
        IGNORE_ERR(members_describe(members, STR("{\"version\":\"other\"}"))); /* no row yet */
        break;
    default:
        look(members, node);
    }
}

static void *ask_all(void *context)
{
    asker_t *self = context;
    ms_random_t random = random_seeded(&self->seed);
    while (!atomic_load(self->is_over)) {
        const struct timespec pause = {.tv_nsec = 200000};
        crowd_node_t *node = &self->crowd->nodes[random_below(&random, NODES)];
        uint64_t about = 1 + random_below(&random, 40);
        /* Who is being closed is not found any more; who has not joined yet may be asked. */
        pthread_rwlock_rdlock(&self->crowd->lock);
        if (node->members != NULL)
            do_one(node->members, about, random_below(&random, 120));
        pthread_rwlock_unlock(&self->crowd->lock);
        self->operations++;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void disturb(crowd_t *crowd, const ms_random_t *random)
{
    size_t at = random_below(random, NODES);
    switch (random_below(random, 5)) {
    case 0:
        crowd_cut(crowd, at, true);
        break;
    case 1:
        crowd_cut(crowd, at, false);
        break;
    case 2:
        members_leave(crowd->nodes[at].members);
        members_drained(crowd->nodes[at].members);
        break;
    case 3:
        IGNORE_ERR(members_say_gone(crowd->nodes[at].members, STEP_MS));
        [[fallthrough]];
    default:
        crowd_kill(crowd, at);
        crowd_start(crowd, at);
    }
}

static bool is_whole(crowd_t *crowd)
{
    for (size_t at = 0; at < NODES; at++) {
        if (!crowd_is_stopped(crowd, at))
            continue;
        crowd_kill(crowd, at);
        crowd_start(crowd, at);
    }
    return crowd_is_whole(crowd, NODES);
}

static void race(crowd_t *crowd, uint64_t rounds, const ms_random_t *random)
{
    const struct timespec pause = {.tv_nsec = STEP_MS * 1000000L};
    for (uint64_t i = 0; i < rounds; i++) {
        disturb(crowd, random);
        nanosleep(&pause, NULL); /* what was begun goes on beside the next */
    }
    for (size_t at = 0; at < NODES; at++)
        crowd_cut(crowd, at, false);
    patience_t patience = PATIENCE_FOR("one view of all");
    while (!is_whole(crowd))
        patience_spend(&patience);
}

int main(void)
{
    static crowd_t crowd;
    _Atomic bool is_over = false;
    asker_t askers[RACE_THREADS];
    uint64_t operations = 0;
    random_seed_t seed = {31};
    ms_random_t random = random_seeded(&seed);
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_init(&crowd, server.address);
    for (size_t at = 0; at < NODES; at++)
        crowd_start(&crowd, at);
    for (size_t i = 0; i < RACE_THREADS; i++) {
        askers[i] = (asker_t){.crowd = &crowd, .is_over = &is_over, .seed = {100 + i}};
        race_check(pthread_create(&askers[i].thread, NULL, ask_all, &askers[i]) == 0, "a thread");
    }
    race(&crowd, race_rounds(ROUNDS), &random);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < RACE_THREADS; i++) {
        pthread_join(askers[i].thread, NULL);
        operations += askers[i].operations;
    }
    crowd_deinit(&crowd);
    printf("%llu questions\n", (unsigned long long)operations);
    return 0;
}
