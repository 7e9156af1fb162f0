/* A music folder, real media workers, and what people do to their files. */

#include "runtime/inside.h"
#include "tests/integration/library_rig.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const music_file_t one = {.title = "One",
                                 .artist = "Somebody",
                                 .album_artist = "Somebody",
                                 .album = "Numbers",
                                 .number = 1,
                                 .sound = 1};
static const music_file_t two = {.title = "Two",
                                 .artist = "Somebody",
                                 .album_artist = "Somebody",
                                 .album = "Numbers",
                                 .number = 2,
                                 .sound = 2};

static void begin(library_rig_t *rig)
{
    library_rig_init(rig);
    music_file_write(rig->music, "a/01 One.flac", &one);
    music_file_write(rig->music, "a/02 Two.flac", &two);
    library_rig_start(rig);
    library_rig_add_root(rig);
}

Test(library, a_folder_becomes_searchable_tracks)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    begin(&rig);

    check_ok(library_rig_track(&rig, "a/01 One.flac", &track));

    check_str(track.title, STR("One"));
    check_str(track.album, STR("Numbers"));
    cr_assert(track.is_available);
    cr_assert(eq(u64, track.duration_ms, 10000));
    cr_assert(eq(u64, library_rig_search(&rig, "one numb"), track.id));
    cr_assert(eq(u64, library_rig_problems(&rig)->count, 0));
}

Test(library, a_rescan_reads_nothing_again)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    begin(&rig);

    scan_status_t status = library_rig_scan(&rig, false);

    cr_assert(eq(u64, status.files_known, 2));
    cr_assert(eq(u64, status.files_changed, 0));
}

Test(library, a_file_that_moves_keeps_its_track)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    begin(&rig);
    uint64_t id = library_rig_id(&rig, "a/01 One.flac");

    library_rig_rename(&rig, "a", "b");
    library_rig_rename(&rig, "b/01 One.flac", "b/renamed.flac");
    library_rig_scan(&rig, false);

    check_ok(library_rig_track(&rig, "b/renamed.flac", &track));
    cr_assert(eq(u64, track.id, id));
    cr_assert(track.is_available);
    check_err(library_rig_track(&rig, "a/01 One.flac", &track), ERR_NOT_FOUND);
}

Test(library, a_retagged_file_keeps_its_track)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    music_file_t other = one;
    catalog_track_t track;
    begin(&rig);
    uint64_t id = library_rig_id(&rig, "a/01 One.flac");

    other.title = "Eins";
    other.album = "Zahlen, und noch viel mehr";
    music_file_write(rig.music, "a/01 One.flac", &other);
    library_rig_scan(&rig, false);

    check_ok(library_rig_track(&rig, "a/01 One.flac", &track));
    cr_assert(eq(u64, track.id, id));
    check_str(track.title, STR("Eins"));
    cr_assert(eq(u64, library_rig_search(&rig, "eins"), id));
    cr_assert(eq(u64, library_rig_search(&rig, "one"), 0));
}

Test(library, a_better_encoding_keeps_the_track)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    music_file_t better = one;
    catalog_track_t track;
    begin(&rig);
    uint64_t id = library_rig_id(&rig, "a/01 One.flac");

    better.sound = 77;
    better.duration_ms = 11500;
    music_file_write(rig.music, "new/One (remaster).flac", &better);
    library_rig_remove(&rig, "a/01 One.flac");
    library_rig_scan(&rig, false);

    check_ok(library_rig_track(&rig, "new/One (remaster).flac", &track));
    cr_assert(eq(u64, track.id, id));
}

Test(library, a_file_that_goes_is_unavailable_until_it_returns)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    begin(&rig);
    uint64_t id = library_rig_id(&rig, "a/02 Two.flac");

    library_rig_rename(&rig, "a/02 Two.flac", "../away.flac");
    library_rig_scan(&rig, false);
    check_ok(library_rig_track_by_id(&rig, id, &track));
    cr_assert_not(track.is_available);
    check_str(track.unavailable_reason, STR("the file is gone"));

    library_rig_rename(&rig, "../away.flac", "a/02 Two.flac");
    scan_status_t status = library_rig_scan(&rig, false);
    check_ok(library_rig_track_by_id(&rig, id, &track));
    cr_assert(track.is_available);
    cr_assert(eq(u64, status.files_changed, 0), "it was not read again");
}

Test(library, bad_files_cost_themselves_only)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    char path[512];
    library_rig_init(&rig);
    music_file_write(rig.music, "good.flac", &one);
    music_file_write(rig.music, "caf\xE9/not utf-8 \xFF.flac", &two);
    music_file_write_bytes(rig.music, "empty.mp3", STR(""));
    music_file_write_bytes(rig.music, "text.mp3", STR("This is not music. Not at all.\n"));
    music_file_write_bytes(rig.music, "deep/notes.txt", STR("ignored"));
    snprintf(path, sizeof path, "%s/deep/loop", rig.music);
    cr_assert(symlink("..", path) == 0);
    snprintf(path, sizeof path, "%s/linked.flac", rig.music);
    cr_assert(symlink("good.flac", path) == 0);
    snprintf(path, sizeof path, "%s/circle", rig.music);
    cr_assert(symlink("circle", path) == 0);
    snprintf(path, sizeof path, "%s/pipe.mp3", rig.music);
    cr_assert(mkfifo(path, 0644) == 0);
    library_rig_start(&rig);

    library_rig_add_root(&rig);

    check_ok(library_rig_track(&rig, "good.flac", &track));
    check_ok(library_rig_track(&rig, "caf\xE9/not utf-8 \xFF.flac", &track));
    check_str(track.title, STR("Two"));
    const library_problems_t *problems = library_rig_problems(&rig);
    for (uint32_t i = 0; i < problems->problems.count; i++)
        cr_log_info("%.*s: %.*s", STR_ARG(problems->problems.items[i].path),
                    STR_ARG(problems->problems.items[i].reason));
    cr_assert(eq(u32, problems->problems.count, 4));

    scan_status_t again = library_rig_scan(&rig, false);
    cr_assert(eq(u64, again.files_changed, 0), "a bad file is not tried again");
    cr_assert(eq(u32, library_rig_problems(&rig)->problems.count, 4));

    music_file_write(rig.music, "text.mp3", &one);
    library_rig_remove(&rig, "empty.mp3");
    library_rig_scan(&rig, false);
    cr_assert(eq(u32, library_rig_problems(&rig)->problems.count, 2));
}

Test(library, a_folder_that_vanishes_takes_nothing_with_it)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    begin(&rig);
    uint64_t id = library_rig_id(&rig, "a/01 One.flac");

    temporary_name_t elsewhere = temporary_in(&rig.folder, "elsewhere");
    cr_assert(rename(rig.music, elsewhere.path) == 0);
    library_rig_scan(&rig, false);
    check_ok(library_rig_track_by_id(&rig, id, &track));
    cr_assert_not(track.is_available);
    check_str(track.unavailable_reason, STR("the music folder can't be read"));

    cr_assert(rename(elsewhere.path, rig.music) == 0);
    library_rig_scan(&rig, false);
    check_ok(library_rig_track_by_id(&rig, id, &track));
    cr_assert(track.is_available);
}

Test(library, everything_is_there_after_a_restart)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    begin(&rig);
    uint64_t id = library_rig_id(&rig, "a/01 One.flac");

    library_rig_stop(&rig);
    music_file_t three = two;
    three.title = "Three";
    three.number = three.sound = 3;
    music_file_write(rig.music, "a/03 Three.flac", &three);
    library_rig_start(&rig);
    scan_status_t status = library_rig_scan(&rig, false);

    cr_assert(eq(u64, status.files_changed, 1));
    check_ok(library_rig_track(&rig, "a/01 One.flac", &track));
    cr_assert(eq(u64, track.id, id));
    check_ok(library_rig_track(&rig, "a/03 Three.flac", &track));
    cr_assert(eq(u64, track.id, track_id_of(1, 3)));
}

Test(library, an_album_without_an_artist_is_of_its_folder)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t a, b, c;
    catalog_album_t album;
    library_rig_init(&rig);
    music_file_t file = {.title = "A", .artist = "First", .album = "Mix", .number = 1, .sound = 1};
    music_file_write(rig.music, "mix/1.flac", &file);
    library_rig_start(&rig);
    library_rig_add_root(&rig);

    file =
        (music_file_t){.title = "B", .artist = "Second", .album = "Mix", .number = 2, .sound = 2};
    music_file_write(rig.music, "mix/2.flac", &file);
    file.sound = 3;
    music_file_write(rig.music, "other/2.flac", &file);
    library_rig_scan(&rig, false);

    check_ok(library_rig_track(&rig, "mix/1.flac", &a));
    check_ok(library_rig_track(&rig, "mix/2.flac", &b));
    check_ok(library_rig_track(&rig, "other/2.flac", &c));
    cr_assert(eq(u64, a.album_id, b.album_id));
    cr_assert(ne(u64, a.album_id, c.album_id));
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(rig.catalog, &rig.arena, &read));
    check_ok(catalog_album(&read, a.album_id, &album));
    cr_assert(album.is_compilation);
    check_str(album.credits.items[0].name, STR("Various Artists"));
    check_ok(catalog_album(&read, c.album_id, &album));
    cr_assert_not(album.is_compilation);
    check_str(album.credits.items[0].name, STR("Second"));
}

Test(library, lyrics_beside_the_file_are_followed)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    begin(&rig);

    music_file_write_bytes(rig.music, "a/01 One.lrc", STR("[00:01.5]Hello\n"));
    scan_status_t status = library_rig_scan(&rig, false);

    cr_assert(eq(u64, status.files_changed, 1));
    check_ok(library_rig_track(&rig, "a/01 One.flac", &track));
    cr_assert(track.lyrics_synced);
    check_str(track.lyrics, STR("[00:01.500]Hello\n"));
}

/* Of several nodes, one scans and another has the library: what that one has just written need not
 * be heard of here yet. */
Test(library, what_was_added_elsewhere_a_moment_ago_gets_its_cover)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    library_rig_init(&rig);
    rig.is_deaf = true;
    music_file_write(rig.music, "b/01 One.flac", &one);
    music_file_write_png(rig.music, "b/Cover.png", 400, 0x3366CC);
    library_rig_start(&rig);

    library_rig_add_root(&rig);

    check_ok(library_rig_track(&rig, "b/01 One.flac", &track));
    cr_assert(eq(sz, track.artwork.size, BLOB_HASH_SIZE));
}

Test(library, covers_and_loudness_come_in_the_background)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    catalog_album_t album;
    library_rig_init(&rig);
    rig.has_loudness = true;
    music_file_write_wav(rig.music, "a/sine.wav", 44100, 5, 440);
    music_file_write(rig.music, "b/01 One.flac", &one);
    music_file_write_png(rig.music, "b/Cover.png", 400, 0x3366CC);
    library_rig_start(&rig);

    library_rig_add_root(&rig);

    check_ok(library_rig_track(&rig, "b/01 One.flac", &track));
    cr_assert(eq(sz, track.artwork.size, BLOB_HASH_SIZE));
    check_str(track.artwork_color, STR("#3366cc"));
    cr_assert(blob_has(rig.artwork, track.artwork));
    const char *path;
    check_ok(blob_variant_path(rig.artwork, track.artwork, STR("96.webp"), &rig.arena, &path));
    cr_assert(access(path, R_OK) == 0);
    {
        catalog_read_t read CATALOG_READ_SCOPED = {0};
        check_ok(catalog_read_begin(rig.catalog, &rig.arena, &read));
        check_ok(catalog_album(&read, track.album_id, &album));
        check_str(album.artwork, track.artwork);
    }
    check_ok(library_rig_track(&rig, "a/sine.wav", &track));
    cr_assert(track.has_gain);
    cr_assert(track.loudness_mlufs < -5000 && track.loudness_mlufs > -20000, "%lld",
              (long long)track.loudness_mlufs);
    cr_assert(eq(sz, track.artwork.size, 0));

    library_rig_remove(&rig, "b/Cover.png");
    library_rig_scan(&rig, false);
    check_ok(library_rig_track(&rig, "b/01 One.flac", &track));
    cr_assert(eq(sz, track.artwork.size, 0), "the cover went with its file");
}

Test(library, a_cancelled_scan_goes_on_where_it_stopped)
{
    enum { FILES = 600 };
    library_rig_t rig LIBRARY_RIG_SCOPED;
    static char titles[FILES][16];
    library_rig_init(&rig);
    for (uint32_t i = 0; i < FILES; i++) {
        char name[64];
        music_file_t file = one;
        snprintf(titles[i], sizeof titles[i], "Title %u", i);
        snprintf(name, sizeof name, "%u/%u.flac", i / 20, i);
        file.title = titles[i];
        file.sound = i;
        file.number = i;
        file.duration_ms = 200;
        music_file_write(rig.music, name, &file);
    }
    library_rig_start(&rig);
    asked_as(ask(&rig.asking, address_of(ROOTS_KIND, ROOTS_KEY), roots_add, .name = STR("music"),
                 .path = str_from(rig.music)),
             library_status);
    uint64_t done = 0;
    while (done == 0)
        done = asked_as(ask(&rig.asking, address_of("scan", STR("music")), scan_get_status, ),
                        scan_status)
                   ->files_done;

    asked_as(ask(&rig.asking, address_of("scan", STR("music")), scan_cancel, ), scan_started);
    library_rig_settle(&rig);
    scan_status_t status = library_rig_scan(&rig, false);

    cr_assert(status.files_changed < FILES, "what was read is not read again");
    cr_assert(eq(u64, status.files_known, FILES));
    for (uint32_t i = 0; i < FILES; i += 37) {
        char name[64];
        catalog_track_t track;
        snprintf(name, sizeof name, "%u/%u.flac", i / 20, i);
        check_ok(library_rig_track(&rig, name, &track));
        check_str(track.title, str_from(titles[i]));
    }
    catalog_counts_t counts;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(rig.catalog, &rig.arena, &read));
    check_ok(catalog_counts(&read, &counts));
    cr_assert(eq(u64, counts.tracks, FILES));
}

typedef struct looking {
    library_rig_t *rig;
    uv_sem_t done;
    bool has_timer;
} looking_t;

static void on_inspected(void *context, err_t err, str_t json)
{
    looking_t *self = context;
    self->has_timer = err != ERR_OK || !str_contains(json, STR("\"timers\":0"));
    uv_sem_post(&self->done);
}

static void inspect_there(void *context)
{
    looking_t *self = context;
    edge_inspect(runtime_edge(self->rig->runtime, 0), address_of("scan", STR("music")), 20000,
                 on_inspected, self);
}

/* Whether the scan will look by itself; else something has to happen first. */
static bool scan_has_timer(library_rig_t *rig)
{
    looking_t looking = {.rig = rig};
    uv_sem_init(&looking.done, 0);
    check_ok(edge_post(runtime_edge(rig->runtime, 0), inspect_there, &looking));
    uv_sem_wait(&looking.done);
    uv_sem_destroy(&looking.done);
    return looking.has_timer;
}

Test(library, a_watched_folder_follows_by_itself)
{
    library_rig_t rig LIBRARY_RIG_SCOPED;
    catalog_track_t track;
    library_rig_init(&rig);
    rig.is_watching = true;
    music_file_write(rig.music, "a/01 One.flac", &one);
    library_rig_start(&rig);
    library_rig_add_root(&rig);
    while (scan_has_timer(&rig)) /* until the kernel is to say it */
        uv_sleep(1);

    music_file_write(rig.music, "b/02 Two.flac", &two);
    listening_t listening;
    listening_start(&listening, rig.runtime, LIBRARY_STATUS_TOPIC);
    for (uint32_t i = 0; library_rig_track(&rig, "b/02 Two.flac", &track) != ERR_OK; i++)
        listening_at(&listening, i, &library_status_schema);
    listening_stop(&listening);

    check_str(track.title, STR("Two"));
}
