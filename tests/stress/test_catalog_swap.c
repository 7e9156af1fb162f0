/* Threads read a catalog while it is put in the place of another again and again: every read sees
 * one whole catalog, and none that was closed. For ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "storage/catalog/catalog_swap.h"
#include "tests/stress/racer.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdatomic.h>

enum { READERS = 3, SWAPS = 20, TRACKS_MAX = 4 };

typedef struct shared {
    catalog_t *catalog;
    atomic_bool is_over;
    _Atomic uint64_t reads;
} shared_t;

/* A catalog of so many tracks: the last one is its count. */
static void fill(catalog_t *catalog, uint64_t count)
{
    catalog_write_t *writer;
    kv_tx_t tx KV_TX_SCOPED = {0};
    ASSERT(catalog_write_new(catalog, &writer) == ERR_OK);
    ASSERT(kv_write(catalog_kv(catalog), &tx) == ERR_OK);
    for (uint64_t id = 1; id <= count; id++) {
        char path[] = "a.flac";
        path[0] = (char)('a' + id);
        catalog_track_t track = {
            .id = id, .root = STR("music"), .path = str_from(path), .title = STR("Title")};
        ASSERT(catalog_put_track(writer, &tx, &track) == ERR_OK);
    }
    ASSERT(catalog_write_flush(writer, &tx) == ERR_OK);
    ASSERT(kv_commit(&tx) == ERR_OK);
    catalog_write_free(writer);
}

static void *read_on(void *context)
{
    shared_t *shared = context;
    arena_t arena ARENA_SCOPED = {0};
    while (!atomic_load(&shared->is_over)) {
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        catalog_counts_t counts;
        catalog_track_t track;
        arena_reset(&arena);
        ASSERT(catalog_read_begin(shared->catalog, &arena, &read) == ERR_OK);
        ASSERT(catalog_counts(&read, &counts) == ERR_OK);
        ASSERT(catalog_track(&read, counts.tracks, &track) == ERR_OK);
        ASSERT(catalog_track(&read, counts.tracks + 1, &track) == ERR_NOT_FOUND);
        atomic_fetch_add(&shared->reads, 1);
    }
    return NULL;
}

static uint64_t run(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "catalog");
    shared_t shared = {0};
    pthread_t threads[READERS];
    ASSERT(catalog_open(path.path, 0, NULL, &shared.catalog) == ERR_OK);
    fill(shared.catalog, 1);
    for (int i = 0; i < READERS; i++)
        ASSERT(pthread_create(&threads[i], NULL, read_on, &shared) == 0);
    for (uint64_t i = 0; i < SWAPS; i++) {
        catalog_t *fresh;
        ASSERT(catalog_open_new(shared.catalog, 0, NULL, &fresh) == ERR_OK);
        fill(fresh, 1 + i % TRACKS_MAX);
        ASSERT(catalog_swap(shared.catalog, fresh) == ERR_OK);
        catalog_drop(fresh);
    }
    atomic_store(&shared.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    catalog_close(shared.catalog);
    return SWAPS + shared.reads;
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "swaps and reads");
    return 0;
}
