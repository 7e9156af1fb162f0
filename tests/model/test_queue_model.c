/* A random program on a queue and on a naive twin, which keeps two plain lists of ids: the playing
 * order and the order of old. */

#include "actors/streaming/queue.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

enum { LIST_MAX = 400, PROGRAMS = 80, STEPS = 300 };

typedef struct list {
    uint64_t ids[LIST_MAX];
    uint32_t count;
} list_t;

typedef struct twin {
    list_t play, home;
    uint64_t next_id;
    bool is_shuffled;
} twin_t;

static uint32_t list_find(const list_t *list, uint64_t id)
{
    uint32_t i = 0;
    while (i < list->count && list->ids[i] != id)
        i++;
    return i;
}

static void list_insert(list_t *list, uint32_t index, uint64_t id)
{
    for (uint32_t i = list->count; i > index; i--)
        list->ids[i] = list->ids[i - 1];
    list->ids[index] = id;
    list->count++;
}

static void list_remove(list_t *list, uint64_t id)
{
    uint32_t index = list_find(list, id);
    if (index == list->count)
        return;
    list->count--;
    for (uint32_t i = index; i < list->count; i++)
        list->ids[i] = list->ids[i + 1];
}

static void insert(queue_t *queue, twin_t *twin, const ms_random_t *random)
{
    session_track_t tracks[4];
    uint32_t count = 1 + (uint32_t)random_below(random, 4);
    uint32_t index = (uint32_t)random_below(random, twin->play.count + 1);
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (session_track_t){1 + random_below(random, 9), 1000};
    uint32_t home = twin->home.count;
    if (index < twin->play.count)
        home = index == 0 ? 0 : list_find(&twin->home, twin->play.ids[index - 1]) + 1;

    check_ok(queue_insert(queue, index, tracks, count));

    for (uint32_t i = 0; i < count; i++) {
        list_insert(&twin->play, index + i, twin->next_id);
        list_insert(&twin->home, home + i, twin->next_id++);
    }
}

static int ascending(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void remove_some(queue_t *queue, twin_t *twin, const ms_random_t *random)
{
    uint64_t ids[6];
    uint32_t count = (uint32_t)random_below(random, 7);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = random_below(random, twin->next_id + 1);
    qsort(ids, count, sizeof *ids, ascending);

    queue_remove(queue, ids, count);

    for (uint32_t i = 0; i < count; i++) {
        list_remove(&twin->play, ids[i]);
        list_remove(&twin->home, ids[i]);
    }
}

static void move(queue_t *queue, twin_t *twin, const ms_random_t *random)
{
    if (twin->play.count == 0)
        return;
    uint32_t from = (uint32_t)random_below(random, twin->play.count);
    uint32_t to = (uint32_t)random_below(random, twin->play.count);
    uint64_t id = twin->play.ids[from];

    queue_move(queue, from, to);

    list_remove(&twin->play, id);
    list_insert(&twin->play, to, id);
    if (!twin->is_shuffled)
        twin->home = twin->play;
}

/* The permutation is the seed's; what is checked is that it is one, and what comes first. */
static void shuffle(queue_t *queue, twin_t *twin, const ms_random_t *random)
{
    uint64_t first = random_below(random, twin->next_id + 1);

    queue_shuffle(queue, random_u64(random), first);

    bool is_there = list_find(&twin->play, first) != twin->play.count;
    if (is_there)
        cr_assert(eq(u64, queue->entries[0].entry_id, first));
    cr_assert(eq(u32, queue->count, twin->play.count));
    for (uint32_t i = 0; i < twin->play.count; i++)
        cr_assert(lt(u32, queue_index(queue, twin->play.ids[i]), queue->count));
    for (uint32_t i = 0; i < queue->count; i++)
        twin->play.ids[i] = queue->entries[i].entry_id;
    twin->is_shuffled = true;
}

static void check_same(const queue_t *queue, const twin_t *twin)
{
    cr_assert(eq(u32, queue->count, twin->play.count));
    cr_assert(queue->is_shuffled == twin->is_shuffled);
    for (uint32_t i = 0; i < queue->count; i++) {
        cr_assert(eq(u64, queue->entries[i].entry_id, twin->play.ids[i]));
        if (!twin->is_shuffled)
            cr_assert(eq(u32, queue->entries[i].home, i));
    }
}

static void run_program(uint64_t seed)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    queue_t queue QUEUE_SCOPED = {0};
    twin_t twin = {.next_id = 1};

    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t what = random_below(&random, 12);
        if (what < 4 && twin.play.count + 4 < LIST_MAX) {
            insert(&queue, &twin, &random);
        } else if (what < 6) {
            remove_some(&queue, &twin, &random);
        } else if (what < 9) {
            move(&queue, &twin, &random);
        } else if (what < 10) {
            shuffle(&queue, &twin, &random);
        } else if (twin.is_shuffled) {
            queue_unshuffle(&queue);
            twin.play = twin.home;
            twin.is_shuffled = false;
        }
        check_same(&queue, &twin);
    }
    queue_unshuffle(&queue);
    twin.play = twin.home;
    twin.is_shuffled = false;
    check_same(&queue, &twin);
}

Test(queue_model, random_edits_do_the_same_to_a_naive_twin)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        run_program(seed);
}

Test(queue_model, a_seed_always_gives_the_same_order_and_every_order_is_reached)
{
    session_track_t tracks[] = {{1, 0}, {2, 0}, {3, 0}};
    uint32_t seen[6] = {0};

    for (uint64_t seed = 0; seed < 600; seed++) {
        queue_t queue QUEUE_SCOPED = {0}, again QUEUE_SCOPED = {0};
        check_ok(queue_insert(&queue, 0, tracks, 3));
        check_ok(queue_insert(&again, 0, tracks, 3));
        queue_shuffle(&queue, seed, 0);
        queue_shuffle(&again, seed, 0);
        cr_assert(memcmp(queue.entries, again.entries, 3 * sizeof *queue.entries) == 0);
        uint64_t a = queue.entries[0].entry_id, b = queue.entries[1].entry_id;
        seen[(a - 1) * 2 + (b - 1 - (b > a))]++;
    }

    for (size_t i = 0; i < COUNT_OF(seen); i++)
        cr_assert(gt(u32, seen[i], 50)); /* 100 each, if all are as likely */
}

Test(queue_model, the_bound_holds_from_both_sides)
{
    queue_t queue QUEUE_SCOPED = {0};
    session_track_t *tracks MEMORY_SCOPED = memory_new_array(SESSION_QUEUE_MAX, sizeof *tracks);

    check_ok(queue_insert(&queue, 0, tracks, SESSION_QUEUE_MAX));
    check_err(queue_insert(&queue, 0, tracks, 1), ERR_LIMIT);
    cr_assert(eq(u32, queue.count, SESSION_QUEUE_MAX));
    check_err(queue_reserve(&queue, UINT32_MAX), ERR_LIMIT);
}
