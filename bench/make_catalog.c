/* make_catalog DATA MUSIC COUNT -- a data folder whose catalog holds COUNT tracks, without reading
 * a sound: files of four kilobytes of nothing in MUSIC, and in the journal of DATA the very events
 * that a scan of them would have appended, made by the library's own walk and rules. A node that is
 * started on both builds its catalog from them and finds, when it looks, that nothing has changed.
 */

#include "actors/library/library_rules.h"
#include "actors/library/walk.h"
#include "actors/protocol/roots.h"
#include "bench/bench.h"
#include "storage/catalog/catalog.h"
#include "storage/data_folder.h"
#include "storage/journal/journal_lmdb.h"

#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRACKS_AN_ALBUM = 12, ALBUMS_AN_ARTIST = 5, FILE_SIZE = 4096, ROOT_NUMBER = 1, STEP = 4096 };
#define ROOT STR("music")

static void must(err_t err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "make_catalog: %s: %s\n", what, err_text(err));
    exit(1);
}

/* ---- names: one or two of 64 x 32 made words, as many different ones as a real library has ----
 */

static str_t word(arena_t *arena, uint32_t number)
{
    static const char *const begins[] = {"Sil", "Mor", "Har", "Ven", "Lo",  "Ash", "Cal", "Dre",
                                         "El",  "Fin", "Gal", "Ir",  "Jun", "Ka",  "Lu",  "Mi"};
    static const char *const middles[] = {"ver", "an", "be", "do", "el", "ga", "ri", "so"};
    static const char *const ends[] = {"ing", "a", "ow", "ton", "light", "er", "ia",  "en",
                                       "us",  "o", "ay", "ine", "ard",   "is", "ley", "um"};
    return arena_printf(arena, "%s%s%s", begins[number % 16], middles[number / 16 % 8],
                        ends[number / 128 % 16]);
}

static str_t title_of(arena_t *arena, uint32_t number)
{
    uint32_t mixed = number * 2654435761U;
    return arena_printf(arena, "%.*s %.*s", STR_ARG(word(arena, mixed >> 20)),
                        STR_ARG(word(arena, mixed >> 9 & 2047)));
}

/* ---- files ---- */

static void make_file(const char *music, uint32_t number)
{
    char path[512];
    uint32_t album = number / TRACKS_AN_ALBUM, artist = album / ALBUMS_AN_ARTIST;
    if (number % (TRACKS_AN_ALBUM * ALBUMS_AN_ARTIST) == 0) {
        snprintf(path, sizeof path, "%s/artist %05u", music, artist);
        mkdir(path, 0700);
    }
    if (number % TRACKS_AN_ALBUM == 0) {
        snprintf(path, sizeof path, "%s/artist %05u/album %06u", music, artist, album);
        mkdir(path, 0700);
    }
    snprintf(path, sizeof path, "%s/artist %05u/album %06u/%02u track %07u.flac", music, artist,
             album, number % TRACKS_AN_ALBUM + 1, number);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, FILE_SIZE) != 0)
        must(ERR_IO, path);
    close(fd);
}

/* The number that make_file wrote into the name. */
static uint32_t number_of(str_t path)
{
    uint32_t number = 0;
    must(str_to_u32(str_slice(path, path.size - 12, path.size - 5), &number), "a file's name");
    return number;
}

/* ---- events ---- */

static library_track_t track_of(const walk_t *walk, const walk_file_t *file, arena_t *arena)
{
    str_t path = walk_file_path(walk, file);
    uint32_t number = number_of(path), album = number / TRACKS_AN_ALBUM;
    library_track_t track = {.path = path,
                             .size_bytes = file->size_bytes,
                             .stamp = file->stamp,
                             .audio_hash = arena_printf(arena, "%032x", number),
                             .samples = 44100ULL * (120 + number % 240),
                             .sample_rate = 44100,
                             .channels = 2,
                             .bits = 16,
                             .bit_rate = 800000,
                             .duration_ms = 1000ULL * (120 + number % 240),
                             .codec = STR("flac"),
                             .container = STR("flac"),
                             .title = title_of(arena, number),
                             .album = title_of(arena, 7000000 + album),
                             .disc = 1,
                             .number = number % TRACKS_AN_ALBUM + 1,
                             .number_total = TRACKS_AN_ALBUM,
                             .date = arena_printf(arena, "%u", 1960 + album % 65),
                             .has_gain = true,
                             .track_gain_cdb = -700,
                             .track_peak = 0.9,
                             .album_gain_cdb = -700,
                             .album_peak = 0.9};
    library_credit_t *credit = arena_new(arena, sizeof *credit);
    str_t *genre = arena_new(arena, sizeof *genre);
    if (credit == NULL || genre == NULL)
        must(ERR_NO_MEMORY, "a track");
    *credit = (library_credit_t){.name = title_of(arena, 9000000 + album / ALBUMS_AN_ARTIST),
                                 .role = CATALOG_ROLE_MAIN};
    *genre = word(arena, album / ALBUMS_AN_ARTIST % 40);
    track.credits.items = track.album_credits.items = credit;
    track.credits.count = track.album_credits.count = 1;
    track.genres.items = genre;
    track.genres.count = 1;
    return track;
}

typedef struct writer {
    journal_t *journal;
    sem_t done;
    err_t err;
    uint64_t version; /* of the library's stream */
} writer_t;

static void appended(void *context, err_t err, UNUSED uint64_t version, UNUSED uint64_t position)
{
    writer_t *self = context;
    self->err = err;
    sem_post(&self->done);
}

static void append(writer_t *self, str_t stream, uint64_t expected, const schema_t *schema,
                   const void *event)
{
    const ms_clock_t clock = clock_system();
    buf_t payload BUF_SCOPED = BUF_INIT;
    schema_encode(schema, event, &payload);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal_append_t request = {.stream = stream,
                                .expected_version = expected,
                                .epoch = JOURNAL_EPOCH,
                                .wall_ms = clock_wall_ms(&clock),
                                .events = &written,
                                .event_count = 1,
                                .done = appended,
                                .done_context = self};
    self->journal->table->append(self->journal, &request);
    sem_wait(&self->done);
    must(self->err, "an append");
}

static void append_library(writer_t *self, const schema_t *schema, const void *event)
{
    append(self, STR("library/music"), self->version++, schema, event);
}

static void append_tracks(writer_t *self, const walk_t *walk)
{
    const ms_clock_t clock = clock_system();
    library_track_t tracks[LIBRARY_BATCH_MAX];
    uint64_t sequence = 0;
    for (size_t i = 0; i < walk_file_count(walk);) {
        arena_t arena ARENA_SCOPED = {0};
        library_batch_added_t event;
        library_view_t empty = {0};
        uint32_t count = 0;
        for (; count < LIBRARY_BATCH_MAX && i < walk_file_count(walk); i++)
            tracks[count++] = track_of(walk, walk_file_at(walk, i), &arena);
        library_add_t batch = {.root_number = ROOT_NUMBER, .tracks = {tracks, count}};
        must(library_decide(&batch, &empty, sequence, ROOT, clock_wall_ms(&clock), &arena, &event),
             "a batch");
        sequence = event.sequence;
        append_library(self, &library_batch_added_schema, &event);
    }
    static const library_finished_t finished;
    append_library(self, &library_finished_schema, &finished);
}

int main(int count, char **values)
{
    uint32_t files = 0;
    if (count != 4 || str_to_u32(str_from(values[3]), &files) != ERR_OK || values[2][0] != '/') {
        fputs("usage: make_catalog DATA MUSIC COUNT (MUSIC from the root on)\n", stderr);
        return 2;
    }
    const char *music = values[2];
    arena_t arena ARENA_SCOPED = {0};
    buf_t problem BUF_SCOPED = BUF_INIT;
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.is_recursive = true, .known = &known};
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;

    mkdir(music, 0700);
    for (uint32_t i = 0; i < files; i++)
        make_file(music, i);
    must(walk_begin(&walk, music, STR("")), "the walk");
    for (bool is_done = false; !is_done;)
        must(walk_step(&walk, STEP, &is_done), "the walk");

    must(data_folder_open(values[1], &problem, &data), values[1]);
    must(
        journal_lmdb_open(
            &(journal_lmdb_options_t){.path = data_folder_name(data, &arena, "journal")}, &journal),
        "the journal");
    writer_t writer = {.journal = journal_lmdb_journal(journal)};
    sem_init(&writer.done, 0, 0);
    root_added_t root = {ROOT, str_from(music), ROOT_NUMBER};
    append(&writer, STR("roots/all"), 0, &root_added_schema, &root);
    append_tracks(&writer, &walk);
    return 0;
}
