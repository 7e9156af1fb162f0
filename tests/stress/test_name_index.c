/* Names are asked for while they are put, renamed, made public and taken back, removed and settled:
 * who asks sees no name that is another's own, and each answer is whole. For ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "runtime/base/random.h"
#include "storage/search/names/name_index.h"
#include "tests/stress/racer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { READERS = 3, CHANGES = 3000, KEYS = 200, OWNERS = 4 };

typedef struct shared {
    name_index_t *names;
    atomic_bool is_over;
    _Atomic uint64_t questions, found;
} shared_t;

/* A private one is called "own N", N its owner: nobody else may find it. */
static void ask(shared_t *shared, uint32_t asker, bool is_typing)
{
    arena_t arena ARENA_SCOPED = {0};
    name_index_found_t found;
    char id[16], own[16];
    snprintf(id, sizeof id, "u%u", asker);
    snprintf(own, sizeof own, "own%u", asker);
    name_index_query_t query = {.text = is_typing ? STR("ow") : STR("own"),
                                .asker = str_from(id),
                                .is_typing = is_typing,
                                .first = {NAME_INDEX_FIRST_MAX, NAME_INDEX_FIRST_MAX}};
    ASSERT(name_index_find(shared->names, &arena, &query, &found) == ERR_OK);
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < found.counts[kind]; i++) {
            str_t name = found.hits[kind][i].name;
            ASSERT(str_ends_with(name, STR("all")) || str_ends_with(name, str_from(own)));
            ASSERT(found.hits[kind][i].words.count == 1);
            atomic_fetch_add(&shared->found, 1);
        }
    atomic_fetch_add(&shared->questions, 1);
}

static void *ask_on(void *context)
{
    shared_t *shared = context;
    for (uint32_t i = 0; !atomic_load(&shared->is_over); i++)
        ask(shared, i % OWNERS, i % 3 == 0);
    return NULL;
}

static void change(shared_t *shared, const ms_random_t *random)
{
    char key[16], owner[16], name[32];
    uint32_t of = (uint32_t)random_below(random, OWNERS), n = (uint32_t)random_below(random, KEYS);
    bool is_public = random_below(random, 2) == 0;
    snprintf(key, sizeof key, "k%u", n);
    snprintf(owner, sizeof owner, "u%u", of);
    snprintf(name, sizeof name, is_public ? "own all" : "own own%u", of);
    uint64_t what = random_below(random, 100);
    if (what < 70)
        ASSERT(name_index_put(shared->names,
                              &(name_index_entry_t){NAME_INDEX_PLAYLIST, str_from(key),
                                                    str_from(owner), str_from(name), is_public}) ==
               ERR_OK);
    else if (what < 95)
        name_index_remove(shared->names, NAME_INDEX_PLAYLIST, str_from(key));
    else if (what < 97)
        name_index_remove_owner(shared->names, str_from(owner));
    else if (what < 99)
        ASSERT(name_index_settle(shared->names) == ERR_OK);
    else
        name_index_clear(shared->names);
}

static uint64_t run(void)
{
    shared_t shared = {0};
    pthread_t threads[READERS];
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    ASSERT(name_index_new(0, &shared.names) == ERR_OK);
    for (int i = 0; i < READERS; i++)
        ASSERT(pthread_create(&threads[i], NULL, ask_on, &shared) == 0);
    for (int i = 0; i < CHANGES; i++)
        change(&shared, &random);
    while (atomic_load(&shared.questions) == 0) /* at least one of them was there */
        sched_yield();
    atomic_store(&shared.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    name_index_free(shared.names);
    return CHANGES + atomic_load(&shared.questions);
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "changes and questions");
    return 0;
}
