#include "tests/support/catalog/catalog_help.h"

#include "tests/support/check.h"

static catalog_credit_t *credit(arena_t *arena, str_t name)
{
    catalog_credit_t *credit = arena_new(arena, sizeof *credit);
    credit->name = name;
    return credit;
}

catalog_track_t made_track(arena_t *arena, uint64_t number)
{
    uint64_t album = number / 12, artist = album / 3;
    str_t *genre = arena_new(arena, sizeof *genre);
    *genre = arena_printf(arena, "Genre %d", (int)(artist % 20));
    str_t name = arena_printf(arena, "Artist %d of the River", (int)artist);
    catalog_track_t track = {
        .id = number + 1,
        .root = STR("music"),
        .path = arena_printf(arena, "Artist %d/Album %d/%02d Song %d.flac", (int)artist, (int)album,
                             (int)(number % 12) + 1, (int)number),
        .album = arena_printf(arena, "Album Title %d", (int)album),
        .title = arena_printf(arena, "Song Number %d in Time", (int)number),
        .disc = 1,
        .disc_total = 1,
        .number = (uint32_t)(number % 12) + 1,
        .number_total = 12,
        .date = arena_printf(arena, "%d-05-01", 1960 + (int)(album % 60)),
        .duration_ms = 180000 + number % 1000,
        .codec = STR("flac"),
        .container = STR("flac"),
        .sample_rate = 44100,
        .channels = 2,
        .bits = 16,
        .size_bytes = 20000000 + number,
        .mtime_ns = 1700000000000000000 + (int64_t)number,
        .audio_hash = arena_printf(arena, "%032x", (unsigned)number * 2654435761u),
        .samples = 7938000,
        .artwork = arena_printf(arena, "%064x", (unsigned)album * 2654435761u),
        .is_available = true,
        .added_at_ms = 1700000000000 + (int64_t)number,
    };
    track.credits.items = credit(arena, name);
    track.credits.count = 1;
    track.album_credits.items = credit(arena, name);
    track.album_credits.count = 1;
    track.genres.items = genre;
    track.genres.count = 1;
    return track;
}

static str_t pick(arena_t *arena, const ms_random_t *random, const char *what, uint64_t of)
{
    return arena_printf(arena, "%s %c", what, (char)('A' + random_below(random, of)));
}

catalog_track_t random_track(arena_t *arena, const ms_random_t *random, uint64_t id)
{
    catalog_track_t track = {
        .id = id,
        .root = pick(arena, random, "root", 2),
        .path = arena_printf(arena, "dir %d/file %d", (int)random_below(random, 3), (int)id),
        .album = random_below(random, 10) == 0 ? (str_t){NULL, 0} : pick(arena, random, "Album", 5),
        .title = pick(arena, random, "Title", 20),
        .disc = (uint32_t)random_below(random, 3),
        .number = (uint32_t)random_below(random, 4),
        .date = arena_printf(arena, "%d", 1990 + (int)random_below(random, 5)),
        .duration_ms = random_below(random, 1000),
        .audio_hash = pick(arena, random, "hash", 10),
        .is_available = random_below(random, 4) > 0,
        .added_at_ms = (int64_t)random_below(random, 1000) - 500,
    };
    uint32_t credits = (uint32_t)random_below(random, 4),
             genres = (uint32_t)random_below(random, 4);
    catalog_credit_t *names = arena_new_array(arena, 4, sizeof *names);
    str_t *kinds = arena_new_array(arena, 4, sizeof *kinds);
    for (uint32_t i = 0; i < 4; i++) {
        names[i].name = pick(arena, random, "Artist", 6); /* twice the same now and then */
        names[i].role = (uint32_t)random_below(random, CATALOG_ROLE_COUNT);
        kinds[i] = pick(arena, random, "Genre", 5);
    }
    track.credits.items = names;
    track.credits.count = credits;
    track.album_credits.items = names + 3;
    track.album_credits.count = (uint32_t)random_below(random, 2);
    track.genres.items = kinds;
    track.genres.count = genres;
    return track;
}

catalog_fixture_t catalog_fixture_new(void)
{
    catalog_fixture_t self = {.folder = temporary_new()};
    temporary_name_t path = temporary_in(&self.folder, "catalog");
    check_ok(catalog_open(path.path, 0, NULL, &self.catalog));
    check_ok(catalog_write_new(self.catalog, &self.writer));
    return self;
}

void catalog_fixture_scope_end(catalog_fixture_t *self)
{
    catalog_write_free(self->writer);
    catalog_close(self->catalog);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}
