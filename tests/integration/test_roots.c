/* A music folder that can't be read for a while; and of several nodes, who scans. */

#include "actors/protocol/root_keeper.h"
#include "tests/integration/library_rig.h"
#include "tests/support/patience.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void start_keeper(library_rig_t *rig)
{
    static const root_keeper_start_t command;
    check_ok(runtime_send_message(rig->runtime, address_of(ROOT_KEEPER_KIND, ROOT_KEEPER_KEY),
                                  &root_keeper_start_schema, &command));
}

static root_where_t where(root_places_t *places, str_t *out_reason, arena_t *arena)
{
    root_place_t place;
    check_ok(root_places_find(places, STR("music"), arena, &place));
    *out_reason = place.reason;
    return place.where;
}

static const root_info_t *status_of(library_rig_t *rig)
{
    const library_status_t *status = asked_as(
        ask(&rig->asking, address_of(ROOTS_KIND, ROOTS_KEY), roots_get_status, ), library_status);
    cr_assert(eq(u32, status->roots.count, 1));
    return &status->roots.items[0];
}

static uint64_t count_of(library_rig_t *rig)
{
    catalog_counts_t counts;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    check_ok(catalog_read_begin(rig->catalog, &rig->arena, &read));
    check_ok(catalog_counts(&read, &counts));
    return counts.tracks;
}

typedef struct roots_rig {
    library_rig_t library;
    root_places_t *places;
    root_peers_t *peers;
    char away[300];
} roots_rig_t;

static void rig_end(roots_rig_t *self)
{
    library_rig_deinit(&self->library);
    root_places_free(self->places);
    root_peers_free(self->peers);
}

static bool lives(void *context, uint64_t node)
{
    (void)context, (void)node;
    return true;
}

static void begin(roots_rig_t *self, uint64_t node)
{
    const root_peers_options_t options = {.node = node, .is_live = lives};
    *self = (roots_rig_t){0};
    library_rig_init(&self->library);
    music_file_write(self->library.music, "a.flac", &(music_file_t){.title = "A", .artist = "B"});
    snprintf(self->away, sizeof self->away, "%s-away", self->library.music);
    if (node != 0)
        check_ok(root_peers_new(&options, &self->peers));
    root_nodes_t nodes = {0};
    if (node != 0)
        nodes = root_peers_nodes(self->peers);
    check_ok(root_places_new(node == 0 ? NULL : &nodes, &self->places));
    self->library.places = self->places;
    self->library.peers = self->peers;
    self->library.node = node;
    library_rig_start(&self->library);
}

Test(roots, a_folder_that_goes_and_comes_back_is_noticed)
{
    roots_rig_t rig SCOPED(rig_end);
    arena_t arena ARENA_SCOPED = {0};
    str_t reason;
    begin(&rig, 0);
    start_keeper(&rig.library);
    library_rig_add_root(&rig.library);
    wait_until(where(rig.places, &reason, &arena) == ROOT_HERE);

    cr_assert(rename(rig.library.music, rig.away) == 0);

    wait_until(where(rig.places, &reason, &arena) == ROOT_NOWHERE);
    check_str(reason, STR("the music folder is not there"));
    cr_assert_not(root_places_has(rig.places, STR("music")));
    wait_until(!status_of(&rig.library)->is_readable);
    check_str(status_of(&rig.library)->reason, STR("the music folder is not there"));
    music_file_write(rig.away, "b.flac",
                     &(music_file_t){.title = "New", .artist = "B", .sound = 2});
    cr_assert(rename(rig.away, rig.library.music) == 0);
    wait_until(where(rig.places, &reason, &arena) == ROOT_HERE);
    wait_until(count_of(&rig.library) == 2); /* what came meanwhile is found, unasked */
    wait_until(status_of(&rig.library)->is_readable);
}

static bool is_available(roots_rig_t *self)
{
    catalog_track_t track;
    check_ok(library_rig_track(&self->library, "a.flac", &track));
    return track.is_available;
}

/* What is mounted on another folder is not there, and that one is empty: its tracks were not
 * deleted. */
Test(roots, the_folder_that_nothing_is_mounted_on_is_no_empty_library)
{
    roots_rig_t rig SCOPED(rig_end);
    arena_t arena ARENA_SCOPED = {0};
    str_t reason;
    char hidden[320], file[320];
    begin(&rig, 0);
    start_keeper(&rig.library);
    library_rig_add_root(&rig.library);
    wait_until(where(rig.places, &reason, &arena) == ROOT_HERE && count_of(&rig.library) == 1);
    snprintf(hidden, sizeof hidden, "%s/.hidden", rig.library.music);
    snprintf(file, sizeof file, "%s/cover.txt", rig.library.music);

    cr_assert(rename(rig.library.music, rig.away) == 0);
    cr_assert(mkdir(rig.library.music, 0700) == 0);
    cr_assert(mkdir(hidden, 0700) == 0);

    wait_until(where(rig.places, &reason, &arena) == ROOT_NOWHERE &&
               str_contains(reason, STR("is empty: is what belongs there mounted?")));
    library_rig_scan(&rig.library, false);
    cr_assert(is_available(&rig), "a scan takes nothing away");
    cr_assert(rmdir(hidden) == 0 && rmdir(rig.library.music) == 0);
    cr_assert(rename(rig.away, rig.library.music) == 0);
    wait_until(where(rig.places, &reason, &arena) == ROOT_HERE);
    wait_until(status_of(&rig.library)->is_readable);

    /* A file says that it is the right one: what was in it is gone. */
    snprintf(hidden, sizeof hidden, "%s/a.flac", rig.library.music);
    cr_assert(unlink(hidden) == 0);
    FILE *other = fopen(file, "w");
    cr_assert(other != NULL && fclose(other) == 0);
    wait_until(where(rig.places, &reason, &arena) == ROOT_HERE);
    library_rig_scan(&rig.library, false);
    cr_assert(is_available(&rig) == false);
    cr_assert(unlink(file) == 0);
    library_rig_scan(&rig.library, false);
    wait_until(where(rig.places, &reason, &arena) == ROOT_HERE); /* nothing is missing in it */
    unlink(file);
}

/* ---- one of several nodes ---- */

static const roots_known_t *report(roots_rig_t *self, uint64_t node, bool is_scanner,
                                   const char *reason)
{
    root_reading_t reading = {STR("music"), str_from(reason), is_scanner};
    roots_report_t command = {.node = node, .address = STR("192.0.2.2:9")};
    command.roots.items = &reading;
    command.roots.count = 1;
    return asked_as(ask_with_id(&self->library.asking, address_of(ROOTS_KIND, ROOTS_KEY), STR(""),
                                &roots_report_schema, &command),
                    roots_known);
}

static void add_of_node(roots_rig_t *self, const char *path)
{
    asked_as(ask(&self->library.asking, address_of(ROOTS_KIND, ROOTS_KEY), roots_add,
                 .name = STR("music"), .path = str_from(path), .is_of_node = true),
             library_status);
}

/* Node 8 has said that it scans: node 7, which could, leaves it alone; and takes over when 8 can't
 * read the folder any more. */
Test(roots, of_several_nodes_one_scans_and_another_takes_over)
{
    roots_rig_t rig SCOPED(rig_end);
    root_node_t reader;
    begin(&rig, 7);
    add_of_node(&rig, rig.library.music);
    add_of_node(&rig, "/where/it/is/on/node/8");
    check_str(status_of(&rig.library)->path, str_from(rig.library.music));
    cr_assert(eq(u64, report(&rig, 8, true, "")->roots.items[0].scanner, 8));
    start_keeper(&rig.library);
    root_nodes_t nodes = root_peers_nodes(rig.peers);
    do /* it is forgotten where it does not report */
        cr_assert(eq(u64, report(&rig, 8, true, "")->roots.items[0].scanner, 8));
    while (nodes.readers(nodes.context, STR("music"), STR("k"), &reader, 1) != 1);
    cr_assert(eq(u64, reader.node, 8));
    cr_assert(eq(str, reader.address, "192.0.2.2:9"));

    const roots_known_t *known;
    do
        known = report(&rig, 8, true, "the music folder can't be read");
    while (known->roots.items[0].scanner != 7);

    wait_until(count_of(&rig.library) == 1);
    uint64_t before = known->roots.items[0].scan;
    music_file_write(rig.library.music, "b.flac",
                     &(music_file_t){.title = "New", .artist = "B", .sound = 2});
    asked_as(ask(&rig.library.asking, address_of(ROOTS_KIND, ROOTS_KEY), roots_start_scan, ),
             library_status);
    cr_assert(gt(u64, report(&rig, 8, false, "gone")->roots.items[0].scan, before));
    wait_until(count_of(&rig.library) == 2);
}
