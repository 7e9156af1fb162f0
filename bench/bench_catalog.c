/* catalog.*: how fast tracks go in, how fast records, pages and searches come out, and the memory
 * of a catalog of 100,000 tracks. */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "runtime/base/random.h"
#include "storage/catalog/catalog.h"

#include <ftw.h>
#include <string.h>

enum { SCAN_TRACKS = 6000, TRACKS = 100000, BATCH = 256, READS = 200000, PAGES = 2000 };

static const char *const words[] = {"love",  "night", "river", "gold",  "winter", "dance",
                                    "smoke", "heart", "stone", "light", "rain",   "road",
                                    "blue",  "fire",  "moon",  "dream"};

static str_t phrase(arena_t *arena, uint64_t number)
{
    return arena_printf(arena, "%s %s of %s %d", words[number % 16], words[number / 16 % 16],
                        words[number / 256 % 16], (int)(number / 4096));
}

static catalog_track_t track_of(arena_t *arena, uint64_t number)
{
    uint64_t album = number / 12, artist = album / 3;
    catalog_credit_t *credit = arena_new(arena, sizeof *credit);
    str_t *genre = arena_new(arena, sizeof *genre);
    credit->name = arena_printf(arena, "The %s %d", words[artist % 16], (int)artist);
    *genre = arena_printf(arena, "Genre %d", (int)(artist % 20));
    catalog_track_t track = {
        .id = number + 1,
        .root = STR("music"),
        .path = arena_printf(arena, "Artist %d/Album %d/%02d.flac", (int)artist, (int)album,
                             (int)(number % 12) + 1),
        .album = phrase(arena, album * 7),
        .title = phrase(arena, number),
        .disc = 1,
        .number = (uint32_t)(number % 12) + 1,
        .date = arena_printf(arena, "%d-05-01", 1960 + (int)(album % 60)),
        .duration_ms = 180000,
        .codec = STR("flac"),
        .container = STR("flac"),
        .bit_rate = 900000,
        .sample_rate = 44100,
        .channels = 2,
        .bits = 16,
        .size_bytes = 20000000,
        .mtime_ns = 1700000000000000000,
        .audio_hash = arena_printf(arena, "%032x", (unsigned)number * 2654435761u),
        .samples = 7938000,
        .artwork = arena_printf(arena, "%064x", (unsigned)album * 2654435761u),
        .is_available = true,
        .added_at_ms = 1700000000000 + (int64_t)number,
    };
    track.credits.items = track.album_credits.items = credit;
    track.credits.count = track.album_credits.count = 1;
    track.genres.items = genre;
    track.genres.count = 1;
    return track;
}

static void fill(catalog_t *catalog, uint64_t from, uint64_t to)
{
    catalog_write_t *writer = NULL;
    arena_t arena ARENA_SCOPED = {0};
    ASSERT(catalog_write_new(catalog, &writer) == ERR_OK);
    for (uint64_t at = from; at < to; at += BATCH) {
        kv_tx_t tx;
        ASSERT(kv_write(catalog_kv(catalog), &tx) == ERR_OK);
        for (uint64_t i = at; i < MIN(at + BATCH, to); i++) {
            catalog_track_t track = track_of(&arena, i);
            ASSERT(catalog_put_track(writer, &tx, &track) == ERR_OK);
        }
        ASSERT(catalog_write_flush(writer, &tx) == ERR_OK);
        ASSERT(kv_commit(&tx) == ERR_OK);
        arena_reset(&arena);
    }
    catalog_write_free(writer);
}

static void measure_put(const char *folder)
{
    double seconds[BENCH_PAIRS];
    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        char path[300];
        catalog_t *catalog = NULL;
        snprintf(path, sizeof path, "%s/put%zu", folder, i);
        ASSERT(catalog_open(path, 0, NULL, &catalog) == ERR_OK);
        double start = bench_seconds();
        fill(catalog, 0, SCAN_TRACKS);
        seconds[i] = bench_seconds() - start;
        catalog_close(catalog);
    }
    double median = bench_median(seconds, BENCH_PAIRS);
    bench_print("catalog.put_6000", median * 1000, "ms");
    bench_print("catalog.put", SCAN_TRACKS / median, "tracks/s");
}

static void measure_get(catalog_t *catalog, const ms_random_t *random)
{
    double start = bench_seconds();
    arena_t arena ARENA_SCOPED = {0};
    for (int i = 0; i < READS; i++) {
        catalog_read_t read;
        catalog_track_t track;
        ASSERT(catalog_read_begin(catalog, &arena, &read) == ERR_OK);
        ASSERT(catalog_track(&read, 1 + random_below(random, TRACKS), &track) == ERR_OK);
        catalog_read_end(&read);
        arena_reset(&arena);
    }
    bench_print("catalog.get", READS / (bench_seconds() - start), "tracks/s");
}

static void measure_pages(catalog_t *catalog, const ms_random_t *random)
{
    double start = bench_seconds();
    arena_t arena ARENA_SCOPED = {0};
    for (int i = 0; i < PAGES; i++) {
        catalog_read_t read;
        catalog_page_t page;
        char after[2] = {(char)('a' + random_below(random, 26)), 0};
        catalog_page_options_t options = {
            .list = CATALOG_ALBUMS_BY_TITLE, .after = str_of(after, 2), .limit = 50};
        ASSERT(catalog_read_begin(catalog, &arena, &read) == ERR_OK);
        ASSERT(catalog_page(&read, &options, &page) == ERR_OK);
        for (size_t k = 0; k < page.count; k++) {
            catalog_album_t album;
            ASSERT(catalog_album(&read, page.items[k].id, &album) == ERR_OK);
        }
        catalog_read_end(&read);
        arena_reset(&arena);
    }
    bench_print("catalog.page_50", (bench_seconds() - start) / PAGES * 1e6, "us");
}

static void measure_search(catalog_t *catalog, const char *name, const char *text)
{
    double times[101];
    arena_t arena ARENA_SCOPED = {0};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        catalog_read_t read;
        search_answer_t answer;
        search_query_t query = {str_from(text), {20, 20, 20}};
        double start = bench_seconds();
        ASSERT(catalog_read_begin(catalog, &arena, &read) == ERR_OK);
        ASSERT(catalog_search(&read, &query, &answer) == ERR_OK);
        catalog_read_end(&read);
        arena_reset(&arena);
        times[i] = (bench_seconds() - start) * 1e6;
    }
    bench_print(name, bench_median(times, COUNT_OF(times)), "us");
}

/* A line of /proc/self/smaps_rollup, in KiB. */
static double memory_of(const char *what)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double sum = 0;
    ASSERT(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, what, strlen(what)) == 0)
            sum += strtod(line + strlen(what) + 1, NULL);
    fclose(file);
    return sum;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

int main(void)
{
    const char *base = getenv("MS_BENCH_DIR");
    char folder[256], path[300];
    random_seed_t seed = {1};
    ms_random_t random = random_seeded(&seed);
    snprintf(folder, sizeof folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(folder) != NULL);
    measure_put(folder);
    catalog_t *catalog = NULL;
    snprintf(path, sizeof path, "%s/large", folder);
    ASSERT(catalog_open(path, 0, NULL, &catalog) == ERR_OK);
    double start = bench_seconds();
    fill(catalog, 0, TRACKS);
    bench_print("catalog.put_100000", bench_seconds() - start, "s");
    catalog_close(catalog);
    start = bench_seconds();
    ASSERT(catalog_open(path, 0, NULL, &catalog) == ERR_OK);
    bench_print("catalog.open", (bench_seconds() - start) * 1000, "ms");
    measure_get(catalog, &random);
    measure_pages(catalog, &random);
    measure_search(catalog, "catalog.search_letter", "r");
    measure_search(catalog, "catalog.search_word", "winter");
    measure_search(catalog, "catalog.search_three", "golden river moon");
    measure_search(catalog, "catalog.search_common", "love night riv");
    kv_stats_t stats;
    ASSERT(kv_stats(catalog_kv(catalog), &stats) == ERR_OK);
    bench_print("catalog.file", (double)stats.used_size / 1e6, "MB");
    bench_print("catalog.private", (memory_of("Private_Dirty:") + memory_of("Swap:")) / 1024,
                "MiB");
    bench_print("catalog.mapped", memory_of("Rss:") / 1024, "MiB");
    catalog_close(catalog);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
