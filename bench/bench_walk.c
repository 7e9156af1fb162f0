/* bench_walk [MUSIC N]: walk.*: the look for changes in a folder of N files (100,000) that
 * make_catalog makes, or has made in MUSIC, when nothing has changed: what is known of them is
 * there, every folder is read and every file looked at. Twice: the second time the kernel knows the
 * folders.
 *
 * walk.known   bytes a file that what is known takes
 * walk.first, walk.again   files a second */

#include "actors/library/walk.h"
#include "bench/bench.h"
#include "bench/catalog/made.h"
#include "bench/catalog/model.h"
#include "runtime/base/assert.h"

enum { STEP = 16384, FILE_SIZE = 4096 };

static void know(known_t *known, uint64_t tracks)
{
    model_t model = {.seed = 1, .tracks = tracks};
    arena_t arena ARENA_SCOPED = {0};
    model_album_t *album = calloc(1, sizeof *album);
    ASSERT(album != NULL);
    while (model_next(&model, &arena, album)) {
        for (uint32_t i = 0; i < album->track_count; i++)
            ASSERT(known_add(known, album->tracks[i].path, FILE_SIZE, album->tracks[i].stamp,
                             model.made, true) == ERR_OK);
        arena_reset(&arena);
    }
    free(album);
}

static void measure(const char *name, const char *music, known_t *known, uint64_t tracks)
{
    walk_t walk WALK_SCOPED = {.is_recursive = true, .known = known};
    bool is_done = false;
    double start = bench_seconds();
    ASSERT(walk_begin(&walk, music, STR("")) == ERR_OK);
    while (!is_done)
        ASSERT(walk_step(&walk, STEP, &is_done) == ERR_OK);
    bench_print(name, (double)walk.files_seen / (bench_seconds() - start), "files/s");
    if (walk.files_seen != tracks || walk_file_count(&walk) != 0)
        fprintf(stderr, "bench_walk: %llu files, %zu of them changed\n",
                (unsigned long long)walk.files_seen, walk_file_count(&walk));
}

static void measure_all(const char *music, uint64_t tracks)
{
    known_t known KNOWN_SCOPED = {0};
    know(&known, tracks);
    bench_print("walk.known", (double)(known.capacity * sizeof *known.slots) / (double)tracks, "B");
    measure("walk.first", music, &known, tracks);
    measure("walk.again", music, &known, tracks);
}

int main(int count, char **values)
{
    uint64_t tracks = made_tracks(100000);
    if (count == 1) {
        made_t made = made_new(tracks, true);
        measure_all(made.music, tracks);
        made_remove(&made);
    } else if (count == 3 && str_to_u64(str_from(values[2]), &tracks) == ERR_OK && tracks > 0) {
        measure_all(values[1], tracks);
    } else {
        fputs("usage: bench_walk [MUSIC N]\n", stderr);
        return 2;
    }
    return 0;
}
