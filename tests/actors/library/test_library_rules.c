#include "actors/library/library_rules.h"

#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <stdio.h>

static library_track_t track(const char *path, const char *sound, const char *title)
{
    static const library_credit_t artist = {.name = STR_INIT("Artist")};
    library_track_t made = {.path = str_from(path),
                            .audio_hash = str_from(sound),
                            .size_bytes = 100,
                            .stamp = 7,
                            .samples = 441000,
                            .duration_ms = 10000,
                            .title = str_from(title),
                            .album = STR("Album"),
                            .number = 1};
    made.credits.items = &artist;
    made.credits.count = 1;
    made.album_credits.items = &artist;
    made.album_credits.count = 1;
    return made;
}

static library_known_t known_of(uint64_t id, const library_track_t *track, bool is_available)
{
    library_keys_t keys;
    check_ok(library_keys(STR("Artist"), STR("Artist"), track->album, track->disc, track->number,
                          track->title, &keys));
    return (library_known_t){.track_id = id,
                             .path = track->path,
                             .audio_hash = track->audio_hash,
                             .mb_recording = track->mb_recording,
                             .mb_release = track->mb_release,
                             .size_bytes = track->size_bytes,
                             .samples = track->samples,
                             .duration_ms = track->duration_ms,
                             .stamp = track->stamp,
                             .added_ms = 5,
                             .album_key = keys.album_key,
                             .artist_key = keys.artist_key,
                             .is_available = is_available};
}

static library_batch_added_t decide(const library_track_t *tracks, uint32_t count,
                                    const library_known_t *known, size_t known_count,
                                    arena_t *arena)
{
    library_batch_added_t event;
    library_add_t batch = {.root_number = 1};
    library_view_t view = {.known = known, .known_count = known_count};
    batch.tracks.items = tracks;
    batch.tracks.count = count;
    check_ok(library_decide(&batch, &view, 100, STR("music"), 1000, arena, &event));
    return event;
}

Test(library_rules, each_rule_in_its_turn)
{
    enum { RELEASE = 1, GONE = 2, LONGER = 4, MUCH_LONGER = 8 };
    static const struct {
        const char *what, *path, *sound, *title;
        int how;
        identity_reason_t want;
    } cases[] = {
        {"the same file", "a.flac", "aa", "One", 0, IDENTITY_SAME_FILE},
        {"retagged", "a.flac", "aa", "Other", 0, IDENTITY_SAME_AUDIO},
        {"moved", "b.flac", "aa", "One", GONE, IDENTITY_SAME_AUDIO},
        {"moved and retagged", "b.flac", "aa", "Other", GONE, IDENTITY_SAME_AUDIO},
        {"a copy beside it", "b.flac", "aa", "One", 0, IDENTITY_NEW},
        {"the same release", "b.flac", "bb", "Other", GONE | RELEASE, IDENTITY_SAME_RELEASE},
        {"a better encoding", "b.flac", "bb", "ONE", GONE | LONGER, IDENTITY_SAME_TAGS},
        {"another length", "b.flac", "bb", "One", GONE | MUCH_LONGER, IDENTITY_NEW},
        {"a better encoding in its place", "a.flac", "bb", "One", LONGER, IDENTITY_SAME_TAGS},
        {"another song", "b.flac", "bb", "Other", GONE, IDENTITY_NEW},
        {"another song in its place", "a.flac", "bb", "Other", 0, IDENTITY_NEW},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        library_track_t old = track("a.flac", "aa", "One");
        library_track_t new = track(cases[i].path, cases[i].sound, cases[i].title);
        if (cases[i].how & RELEASE) {
            old.mb_recording = new.mb_recording = STR("recording");
            old.mb_release = new.mb_release = STR("release");
        }
        new.stamp = cases[i].want == IDENTITY_SAME_FILE ? old.stamp : 8;
        if (cases[i].how & LONGER)
            new.duration_ms += RULES_LENGTH_MS;
        if (cases[i].how & MUCH_LONGER)
            new.duration_ms += RULES_LENGTH_MS + 1;
        library_known_t known = known_of(42, &old, !(cases[i].how & GONE));

        library_batch_added_t event = decide(&new, 1, &known, 1, &arena);

        bool is_new = cases[i].want == IDENTITY_NEW;
        const library_track_t *got = &event.tracks.items[0];
        cr_expect(got->reason == (uint32_t)cases[i].want, "%s: %s", cases[i].what,
                  identity_reason_text((identity_reason_t)got->reason));
        cr_expect(got->track_id == (is_new ? track_id_of(1, 101) : 42), "%s: id", cases[i].what);
        cr_expect(got->added_ms == (is_new ? 1000 : 5), "%s: added", cases[i].what);
        cr_expect(event.sequence == (is_new ? 101 : 100), "%s: sequence", cases[i].what);
        bool is_displaced = is_new && str_equal(new.path, old.path);
        cr_expect(event.gone.count == is_displaced, "%s: gone", cases[i].what);
    }
}

Test(library_rules, two_that_fit_are_ambiguous_unless_more_tells_them_apart)
{
    arena_t arena ARENA_SCOPED = {0};
    library_track_t a = track("a.flac", "aa", "One"), b = track("b.flac", "aa", "One");
    library_track_t c = track("c.flac", "aa", "Two"), file = track("new.flac", "aa", "One");
    library_known_t known[] = {known_of(1, &a, false), known_of(2, &b, false),
                               known_of(3, &c, false)};

    library_batch_added_t event = decide(&file, 1, known, 3, &arena);
    cr_assert(eq(u32, event.tracks.items[0].reason, IDENTITY_AMBIGUOUS));
    cr_assert(eq(u64, event.tracks.items[0].track_id, track_id_of(1, 101)));

    file.title = STR("Two");
    event = decide(&file, 1, known, 3, &arena);
    cr_assert(eq(u64, event.tracks.items[0].track_id, 3));
}

Test(library_rules, files_that_swap_names_swap_nothing_else)
{
    arena_t arena ARENA_SCOPED = {0};
    library_track_t a = track("a.flac", "aa", "One"), b = track("b.flac", "bb", "Two");
    b.stamp = 8;
    library_known_t known[] = {known_of(1, &a, true), known_of(2, &b, true)};
    library_track_t swapped[] = {track("a.flac", "bb", "Two"), track("b.flac", "aa", "One")};
    swapped[0].stamp = 8;

    library_batch_added_t event = decide(swapped, 2, known, 2, &arena);

    cr_assert(eq(u64, event.tracks.items[0].track_id, 2));
    cr_assert(eq(u64, event.tracks.items[1].track_id, 1));
    cr_assert(eq(u32, event.gone.count, 0));
}

Test(library_rules, a_batch_has_bounds)
{
    arena_t arena ARENA_SCOPED = {0};
    library_batch_added_t event;
    library_view_t view = {0};
    library_add_t batch = {.root_number = 1};
    library_track_t tracks[LIBRARY_BATCH_MAX + 1];
    static char paths[LIBRARY_BATCH_MAX + 1][16];
    for (uint32_t i = 0; i <= LIBRARY_BATCH_MAX; i++) {
        snprintf(paths[i], sizeof paths[i], "%u.flac", i);
        tracks[i] = track(paths[i], paths[i], paths[i]);
    }
    batch.tracks.items = tracks;
    batch.tracks.count = LIBRARY_BATCH_MAX;
    check_ok(library_decide(&batch, &view, 0, STR("m"), 0, &arena, &event));
    batch.tracks.count++;
    check_err(library_decide(&batch, &view, 0, STR("m"), 0, &arena, &event), ERR_LIMIT);

    static const char *const bad[] = {"", "/etc/passwd", "a/../b", "a//b", "./a", "a/"};
    batch.tracks.count = 1;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        tracks[0].path = str_from(bad[i]);
        cr_expect(library_decide(&batch, &view, 0, STR("m"), 0, &arena, &event) == ERR_INVALID,
                  "%s", bad[i]);
    }
    batch.root_number = 0;
    check_err(library_decide(&batch, &view, 0, STR("m"), 0, &arena, &event), ERR_INVALID);
}

Test(library_rules, albums_without_an_artist_are_of_their_folder)
{
    arena_t arena ARENA_SCOPED = {0};
    static const library_credit_t second = {.name = STR_INIT("Second")};
    library_track_t tracks[] = {track("x/1.flac", "a", "A"), track("x/2.flac", "b", "B"),
                                track("y/1.flac", "c", "C")};
    for (size_t i = 0; i < COUNT_OF(tracks); i++)
        tracks[i].album_credits.count = 0;
    tracks[1].credits.items = &second;

    library_batch_added_t event = decide(tracks, 3, NULL, 0, &arena);

    const library_track_t *got = event.tracks.items;
    cr_assert(eq(u64, got[0].album_id, got[1].album_id));
    cr_assert(ne(u64, got[0].album_id, got[2].album_id));
    check_str(got[0].album_credits.items[0].name, STR("Various Artists"));
    check_str(got[2].album_credits.items[0].name, STR("Artist"));
    cr_assert(got[0].is_compilation && !got[2].is_compilation);
}

/* ---- the model: a disk that people change at random, and what must hold after every scan ---- */

enum { MODEL_FILES = 24, MODEL_ROUNDS = 2000 };

typedef struct model_file {
    char path[16], sound[16], title[16];
    bool is_there;
    int64_t stamp;
    uint64_t must_be; /* the track it has to stay; 0: free */
} model_file_t;

typedef struct model {
    model_file_t files[MODEL_FILES];
    library_known_t known[8192];
    library_track_t known_tracks[8192];
    char texts[8192][3][16];
    size_t known_count;
    uint64_t sequence;
    int64_t clock;
    uint32_t names;
} model_t;

static void rename_file(model_t *self, model_file_t *file)
{
    snprintf(file->path, sizeof file->path, "%u.flac", ++self->names);
}

static void change(model_t *self, model_file_t *file, uint64_t choice)
{
    if (!file->is_there) {
        *file = (model_file_t){.is_there = true, .stamp = ++self->clock};
        rename_file(self, file);
        snprintf(file->sound, sizeof file->sound, "s%u", ++self->names);
        snprintf(file->title, sizeof file->title, "t%u", ++self->names);
    } else if (choice == 0) {
        rename_file(self, file); /* moved */
    } else if (choice == 1) {
        snprintf(file->title, sizeof file->title, "t%u", ++self->names); /* retagged */
        file->stamp = ++self->clock;
    } else if (choice == 2) {
        snprintf(file->sound, sizeof file->sound, "s%u", ++self->names); /* encoded anew */
        rename_file(self, file);
        file->stamp = ++self->clock;
    } else {
        *file = (model_file_t){0}; /* gone, for good */
    }
}

static library_known_t *known_by_path(model_t *self, const char *path)
{
    for (size_t i = 0; i < self->known_count; i++)
        if (self->known[i].is_available && str_equal(self->known[i].path, str_from(path)))
            return &self->known[i];
    return NULL;
}

static void remember(model_t *self, const library_track_t *got)
{
    size_t index = self->known_count;
    for (size_t i = 0; i < self->known_count; i++)
        if (self->known[i].track_id == got->track_id)
            index = i;
    cr_assert(index < COUNT_OF(self->known));
    self->known_count += index == self->known_count;
    snprintf(self->texts[index][0], 16, "%.*s", STR_ARG(got->path));
    snprintf(self->texts[index][1], 16, "%.*s", STR_ARG(got->audio_hash));
    snprintf(self->texts[index][2], 16, "%.*s", STR_ARG(got->title));
    library_track_t kept =
        track(self->texts[index][0], self->texts[index][1], self->texts[index][2]);
    kept.stamp = got->stamp;
    self->known[index] = known_of(got->track_id, &kept, true);
}

/* As the scan does it: first what is gone, then what is new or changed, in one batch. */
static void scan(model_t *self)
{
    arena_t arena ARENA_SCOPED = {0};
    library_track_t tracks[MODEL_FILES];
    model_file_t *files[MODEL_FILES];
    uint32_t count = 0;
    for (size_t i = 0; i < self->known_count; i++) {
        bool is_there = false;
        for (size_t j = 0; j < MODEL_FILES; j++)
            is_there |= self->files[j].is_there &&
                        str_equal(self->known[i].path, str_from(self->files[j].path));
        self->known[i].is_available &= is_there;
    }
    for (size_t i = 0; i < MODEL_FILES; i++) {
        model_file_t *file = &self->files[i];
        library_known_t *known = file->is_there ? known_by_path(self, file->path) : NULL;
        if (!file->is_there || (known != NULL && known->stamp == file->stamp))
            continue;
        tracks[count] = track(file->path, file->sound, file->title);
        tracks[count].stamp = file->stamp;
        files[count++] = file;
    }
    library_batch_added_t event;
    library_add_t batch = {.root_number = 1};
    library_view_t view = {.known = self->known, .known_count = self->known_count};
    batch.tracks.items = tracks;
    batch.tracks.count = count;
    check_ok(library_decide(&batch, &view, self->sequence, STR("m"), 0, &arena, &event));
    self->sequence = event.sequence;
    for (uint32_t i = 0; i < event.gone.count; i++)
        for (size_t j = 0; j < self->known_count; j++)
            if (self->known[j].track_id == event.gone.items[i].track_id)
                self->known[j].is_available = false;
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(files[i]->must_be == 0 || event.tracks.items[i].track_id == files[i]->must_be,
                  "%s is another track now", files[i]->path);
        files[i]->must_be = event.tracks.items[i].track_id;
        remember(self, &event.tracks.items[i]);
    }
}

Test(library_rules, model_a_file_stays_its_track_whatever_is_done_to_it)
{
    static model_t self;
    random_seed_t seed = {20261122};
    ms_random_t random = random_seeded(&seed);

    for (uint32_t round = 0; round < MODEL_ROUNDS; round++) {
        bool is_changed[MODEL_FILES] = {0};
        for (uint64_t changes = random_below(&random, 4); changes > 0; changes--) {
            size_t index = (size_t)random_below(&random, MODEL_FILES);
            if (!is_changed[index]) /* one change a scan, so that something is left to know it by */
                change(&self, &self.files[index], random_below(&random, 4));
            is_changed[index] = true;
        }
        scan(&self);
        for (size_t i = 0; i < MODEL_FILES; i++) {
            const model_file_t *file = &self.files[i];
            if (!file->is_there)
                continue;
            const library_known_t *known = known_by_path(&self, file->path);
            cr_assert(known != NULL && known->track_id == file->must_be);
        }
    }
    cr_assert(self.sequence > 100 && self.sequence < 8192);
}
