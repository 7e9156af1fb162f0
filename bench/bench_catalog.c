/* bench_catalog [--tracks N] [--data DIR]: catalog.*: a catalog of N tracks (100,000) made by
 * make_catalog, built from its journal by the projection that a node uses.
 *
 * catalog.journal       bytes of the journal a track, and how long opening it takes
 * catalog.build         tracks and events a second from an empty catalog to all of it
 * catalog.file          bytes a track, free pages apart
 * catalog.open          of the catalog that is built
 * catalog.track, .album, .artist, .page_50   one read transaction each: a track by id; an album
 * with its first 100 tracks; an artist with its first 100 albums; 50 albums of the list by title,
 * from somewhere on. What is read is drawn by Zipf's law.
 * catalog.private       bytes of this process that no file backs: after the build, and after
 * opening it again and all these reads */

#include "actors/library/library_projection.h"
#include "actors/protocol/roots.h"
#include "bench/bench.h"
#include "bench/catalog/made.h"
#include "bench/catalog/model.h"
#include "runtime/base/assert.h"
#include "storage/data_folder.h"
#include "storage/journal/journal_lmdb.h"

#include <string.h>
#include <sys/stat.h>

enum { TRACKS = 100000, READS = 20000, PAGES = 2000, SEARCHES = 301, ROOT_NUMBER = 1 };

typedef struct bench {
    model_t model;
    char data[300], path[320];
    journal_lmdb_t *journal;
    catalog_t *catalog;
    library_projection_t *library;
    projection_t *projection;
    arena_t arena;
    double *times; /* of READS */
} bench_t;

static void must(err_t err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "bench_catalog: %s: %s\n", what, err_text(err));
    exit(1);
}

/* ---- the figures ---- */

static void print_times(const char *name, double *times, size_t count)
{
    char text[64];
    qsort(times, count, sizeof *times, bench_compare);
    snprintf(text, sizeof text, "catalog.%s_p50", name);
    bench_print(text, times[count / 2] * 1e6, "us");
    snprintf(text, sizeof text, "catalog.%s_p99", name);
    bench_print(text, times[count * 99 / 100] * 1e6, "us");
}

static double file_size(const char *folder, const char *name)
{
    char path[512];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ASSERT(stat(path, &info) == 0);
    return (double)info.st_blocks * 512;
}

/* ---- making, building ---- */

static void open_catalog(bench_t *self)
{
    must(catalog_open(self->path, 0, NULL, &self->catalog), "the catalog");
    must(library_projection_new(self->catalog, &self->library), "the projection");
    projection_options_t options =
        library_projection_options(self->library, journal_lmdb_journal(self->journal));
    must(projection_open(&options, &self->projection), "the projection");
}

static void close_catalog(bench_t *self)
{
    projection_close(STEAL(self->projection));
    library_projection_free(STEAL(self->library));
    catalog_close(STEAL(self->catalog));
}

static void open_journal(bench_t *self)
{
    char path[320];
    snprintf(path, sizeof path, "%s/journal", self->data);
    double start = bench_seconds();
    must(journal_lmdb_open(&(journal_lmdb_options_t){.path = path}, &self->journal), "the journal");
    bench_print("catalog.journal_open", (bench_seconds() - start) * 1000, "ms");
    snprintf(path, sizeof path, "%s/journal/journal", self->data);
    bench_print("catalog.journal_track", file_size(path, "data.mdb") / (double)self->model.tracks,
                "B");
}

static void build(bench_t *self)
{
    journal_t *journal = journal_lmdb_journal(self->journal);
    bool is_behind = true;
    double start = bench_seconds();
    while (is_behind)
        must(projection_step(self->projection, &is_behind), "a step");
    double took = bench_seconds() - start;
    bench_print("catalog.build", (double)self->model.tracks / took, "tracks/s");
    bench_print("catalog.build_events", (double)journal->table->head(journal) / took, "events/s");
    bench_print("catalog.private_built", bench_private_mb(), "MB");
}

/* ---- reading ---- */

static uint64_t draw(const bench_t *self, size_t at)
{
    uint64_t rank = words_zipf(words_mix(at + 1), self->model.tracks);
    return track_id_of(ROOT_NUMBER, model_popular(&self->model, rank) + 1);
}

typedef void (*read_fn)(const bench_t *self, catalog_read_t *read, const catalog_track_t *track);

static void nothing_more(const bench_t *self, catalog_read_t *read, const catalog_track_t *track)
{
    (void)self, (void)read, (void)track;
}

static void read_page(catalog_read_t *read, catalog_list_t list, uint64_t of)
{
    catalog_page_t page;
    catalog_page_options_t options = {.list = list, .of = of, .limit = 100};
    must(catalog_page(read, &options, &page), "a page");
    for (size_t i = 0; i < page.count; i++) {
        catalog_track_t track;
        catalog_album_t album;
        must(list == CATALOG_TRACKS_OF_ALBUM ? catalog_track(read, page.items[i].id, &track)
                                             : catalog_album(read, page.items[i].id, &album),
             "an item");
    }
}

static void read_album(const bench_t *self, catalog_read_t *read, const catalog_track_t *track)
{
    (void)self;
    catalog_album_t album;
    must(catalog_album(read, track->album_id, &album), "an album");
    read_page(read, CATALOG_TRACKS_OF_ALBUM, album.id);
}

static void read_artist(const bench_t *self, catalog_read_t *read, const catalog_track_t *track)
{
    (void)self;
    catalog_artist_t artist;
    must(catalog_artist(read, track->credits.items[0].artist_id, &artist), "an artist");
    read_page(read, CATALOG_ALBUMS_OF_ARTIST, artist.id);
}

static void measure_reads(bench_t *self, const char *name, size_t count, read_fn more)
{
    for (size_t i = 0; i < count; i++) {
        catalog_read_t read;
        catalog_track_t track;
        double start = bench_seconds();
        must(catalog_read_begin(self->catalog, &self->arena, &read), "a read");
        must(catalog_track(&read, draw(self, i), &track), "a track");
        more(self, &read, &track);
        catalog_read_end(&read);
        self->times[i] = bench_seconds() - start;
        arena_reset(&self->arena);
    }
    print_times(name, self->times, count);
}

static void measure_pages(bench_t *self)
{
    for (size_t i = 0; i < PAGES; i++) {
        catalog_read_t read;
        catalog_page_t page;
        char after[2] = {(char)('a' + words_mix(i) % 26), (char)('a' + words_mix(i) / 26 % 26)};
        catalog_page_options_t options = {
            .list = CATALOG_ALBUMS_BY_TITLE, .after = str_of(after, 2), .limit = 50};
        double start = bench_seconds();
        must(catalog_read_begin(self->catalog, &self->arena, &read), "a read");
        must(catalog_page(&read, &options, &page), "a page");
        for (size_t k = 0; k < page.count; k++) {
            catalog_album_t album;
            must(catalog_album(&read, page.items[k].id, &album), "an album");
        }
        catalog_read_end(&read);
        self->times[i] = bench_seconds() - start;
        arena_reset(&self->arena);
    }
    print_times("page_50", self->times, PAGES);
}

static void measure(bench_t *self)
{
    kv_stats_t stats;
    double start = bench_seconds();
    open_catalog(self);
    bench_print("catalog.open", (bench_seconds() - start) * 1000, "ms");
    measure_reads(self, "track", READS, nothing_more);
    measure_reads(self, "album", PAGES, read_album);
    measure_reads(self, "artist", PAGES, read_artist);
    measure_pages(self);
    must(kv_stats(catalog_kv(self->catalog), &stats), "the size");
    bench_print("catalog.file_track",
                ((double)stats.used_size - (double)stats.free_pages * 4096) /
                    (double)self->model.tracks,
                "B");
    bench_print("catalog.private", bench_private_mb(), "MB");
}

static bool read_arguments(bench_t *self, int count, char **values)
{
    const char *tracks = NULL, *data = NULL;
    for (int i = 1; i < count; i += 2) {
        bool is_tracks = strcmp(values[i], "--tracks") == 0;
        if (i + 1 == count || (!is_tracks && strcmp(values[i], "--data") != 0))
            return false;
        *(is_tracks ? &tracks : &data) = values[i + 1];
    }
    if (data != NULL)
        snprintf(self->data, sizeof self->data, "%s", data);
    return tracks == NULL ||
           (str_to_u64(str_from(tracks), &self->model.tracks) == ERR_OK && self->model.tracks > 0);
}

int main(int count, char **values)
{
    bench_t self = {.model = {.seed = 1, .tracks = made_tracks(TRACKS)}};
    made_t made;
    if (!read_arguments(&self, count, values)) {
        fputs("usage: bench_catalog [--tracks N] [--data DIR]\n", stderr);
        return 2;
    }
    self.times = calloc(READS, sizeof *self.times);
    ASSERT(self.times != NULL);
    bool is_given = self.data[0] != '\0';
    if (!is_given) {
        double start = bench_seconds();
        made = made_new(self.model.tracks, false);
        bench_print("catalog.made", (double)self.model.tracks / (bench_seconds() - start),
                    "tracks/s");
        memcpy(self.data, made.data, sizeof self.data);
    }
    snprintf(self.path, sizeof self.path, "%s/catalog", self.data);
    open_journal(&self);
    open_catalog(&self);
    build(&self);
    close_catalog(&self);
    measure(&self);
    close_catalog(&self);
    journal_lmdb_close(self.journal);
    arena_deinit(&self.arena);
    free(self.times);
    if (!is_given)
        made_remove(&made);
    return 0;
}
