#include "actors/library/read_tags.h"

#include "runtime/base/utf8.h"
#include "storage/catalog/catalog.h"
#include "tests/support/check.h"

Test(read_tags, a_title_is_made_of_the_name_where_the_tag_is_missing)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"a/03 - Some Song.flac", "Some Song"},
        {"03. Song.mp3", "Song"},
        {"Song.mp3", "Song"},
        {"99 Luftballons.mp3", "Luftballons"},
        {"1999.mp3", "1999"},
        {"1979-2020.mp3", "1979-2020"},
        {"a/12.flac", "12"},
        {"caf\xE9.ogg", "caf\xEF\xBF\xBD"},
        {"no ending", "no ending"},
        {"05 - .mp3", "05 -"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        str_t got = read_tags_title_of(str_from(cases[i].path), &arena);
        cr_expect(str_equal(got, str_from(cases[i].want)), "%s: \"%.*s\"", cases[i].path,
                  STR_ARG(got));
    }
}

Test(read_tags, credits_keep_what_stands_between_names)
{
    static const str_t names[] = {STR_INIT("A"), STR_INIT("B"), STR_INIT("C")};
    static const struct {
        const char *credit, *join[2];
        uint32_t roles[3];
    } cases[] = {
        {"A & B feat. C", {" & ", " feat. "}, {0, 0, CATALOG_ROLE_FEATURED}},
        {"A (ft. B, C)", {" (ft. ", ", "}, {0, CATALOG_ROLE_FEATURED, CATALOG_ROLE_FEATURED}},
        {"", {", ", " & "}, {0, 0, 0}},
        {"somebody else", {", ", " & "}, {0, 0, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        library_track_t track;
        media_file_t file = {.artist_credit = str_from(cases[i].credit)};
        file.artists.items = names;
        file.artists.count = 3;
        check_ok(read_tags(&file, STR("x.mp3"), 1, 1, &arena, &track));
        cr_assert(eq(u32, track.credits.count, 3));
        for (uint32_t j = 0; j < 3; j++)
            cr_expect(track.credits.items[j].role == cases[i].roles[j], "%s", cases[i].credit);
        for (uint32_t j = 0; j < 2; j++)
            cr_expect(str_equal(track.credits.items[j].join_phrase, str_from(cases[i].join[j])),
                      "%s: \"%.*s\"", cases[i].credit, STR_ARG(track.credits.items[j].join_phrase));
    }
}

Test(read_tags, however_much_a_file_says_a_batch_of_it_fits)
{
    arena_t arena ARENA_SCOPED = {0};
    static char long_name[4096];
    str_t names[MEDIA_CREDITS_MAX];
    media_credit_t credits[MEDIA_CREDITS_MAX];
    library_track_t track, tracks[MEDIA_BATCH_MAX];
    for (size_t i = 0; i + 1 < sizeof long_name; i += 2)
        memcpy(long_name + i, "\xC3\xA9", 2);
    for (size_t i = 0; i < MEDIA_CREDITS_MAX; i++) {
        names[i] = str_of(long_name, sizeof long_name);
        credits[i] = (media_credit_t){STR("composer"), names[i]};
    }
    media_file_t file = {.title = names[0], .album = names[0], .artist_credit = names[0]};
    file.artists.items = file.album_artists.items = file.genres.items = file.moods.items = names;
    file.artists.count = file.album_artists.count = MEDIA_CREDITS_MAX;
    file.genres.count = file.moods.count = MEDIA_VALUES_MAX;
    file.credits.items = credits;
    file.credits.count = MEDIA_CREDITS_MAX;

    check_ok(read_tags(&file, STR("x.mp3"), 1, 1, &arena, &track));

    cr_assert(track.title.size <= READ_TAGS_NAME_SIZE_MAX && utf8_is_valid(track.title));
    for (size_t i = 0; i < MEDIA_BATCH_MAX; i++)
        tracks[i] = track;
    library_add_t batch = {.root_number = 1};
    batch.tracks.items = tracks;
    batch.tracks.count = MEDIA_BATCH_MAX;
    cr_assert(schema_deep_size(&library_add_schema, &batch) < LIBRARY_BATCH_SIZE_MAX);
}
