#include "node/exchange/import_run.h"

#include "runtime/base/memory.h"
#include "storage/exchange/playlist_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { IMPORT_PART = 1000, IMPORT_BATCH = 200 };

/* What is known of one track of ours. */
typedef struct fact {
    uint64_t track_id;
    bool is_starred;
    uint32_t rating, play_count;
    int64_t starred_at, played_at;
} fact_t;

typedef struct import {
    const config_t *config;
    bool is_dry;
    const import_source_t *source;
    char user_id[EXCHANGE_USER_ID_SIZE];
    str_t theirs, their_id;
    const char *ours;
    int exit_code; /* of what was said already */
    /* The part at hand. */
    arena_t arena;
    track_wanted_t *wanted;
    fact_t *notes; /* beside each, of notes */
    exchange_found_t *found;
    size_t count;
    uint64_t seen, matched;
    buf_t facts;   /* of fact_t */
    buf_t ids;     /* of uint64_t: of a playlist */
    arena_t lists; /* what of playlists is kept while they are gone through */
    buf_t playlists;
} import_t;

static void import_deinit(import_t *self)
{
    arena_deinit(&self->arena);
    arena_deinit(&self->lists);
    buf_deinit(&self->facts);
    buf_deinit(&self->ids);
    buf_deinit(&self->playlists);
}

static void say_progress(const import_t *self)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%.*s: %llu tracks looked for", STR_ARG(self->theirs),
                (unsigned long long)self->seen);
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
}

/* ---- parts ---- */

static err_t part_begin(import_t *self)
{
    arena_reset(&self->arena);
    self->count = 0;
    self->wanted = arena_new_array(&self->arena, IMPORT_PART, sizeof *self->wanted);
    self->notes = arena_new_array(&self->arena, IMPORT_PART, sizeof *self->notes);
    self->found = arena_new_array(&self->arena, IMPORT_PART, sizeof *self->found);
    return self->wanted == NULL || self->notes == NULL || self->found == NULL ? ERR_NO_MEMORY
                                                                              : ERR_OK;
}

static void say_unmatched(const import_t *self, const track_wanted_t *wanted, str_t reason)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    exchange_append_entry(&text, wanted);
    printf("not matched: %.*s: %s: %.*s\n", STR_ARG(self->theirs), buf_terminated(&text),
           STR_ARG(reason));
}

/* Asks which tracks are meant; `take` gets each that is one. */
static err_t part_end(import_t *self, void (*take)(import_t *self, size_t index))
{
    self->exit_code =
        exchange_match(self->config, self->wanted, self->count, &self->arena, self->found);
    if (self->exit_code != EXIT_OK)
        return ERR_CANCELLED;
    for (size_t i = 0; i < self->count; i++) {
        if (self->found[i].track_id == 0) {
            say_unmatched(self, &self->wanted[i], self->found[i].reason);
            continue;
        }
        self->matched++;
        take(self, i);
    }
    self->seen += self->count;
    say_progress(self);
    return part_begin(self);
}

/* The path where they saw it, and below their library. */
static err_t want(import_t *self, const foreign_track_t *track)
{
    arena_t *arena = &self->arena;
    track_wanted_t *wanted = &self->wanted[self->count];
    *wanted = (track_wanted_t){.path = arena_str(arena, track->path),
                               .artist = arena_str(arena, track->artist),
                               .title = arena_str(arena, track->title),
                               .album = arena_str(arena, track->album),
                               .duration_ms = track->duration_ms};
    str_t library = track->library_path;
    while (library.size > 1 && str_ends_with(library, STR("/")))
        library.size--;
    str_t below = str_slice(track->path, library.size, track->path.size);
    if (str_is_empty(library) || str_is_empty(track->path))
        return ERR_OK;
    if (!str_starts_with(track->path, STR("/"))) {
        wanted->relative = wanted->path;
        wanted->path = arena_printf(arena, "%.*s/%.*s", STR_ARG(library), STR_ARG(track->path));
    } else if (str_starts_with(track->path, library) && str_starts_with(below, STR("/"))) {
        wanted->relative = arena_str(arena, str_slice(below, 1, below.size));
    }
    return wanted->path.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* One that they have forgotten has nothing to find it by. */
static bool is_lost(import_t *self, const foreign_track_t *track)
{
    if (track->is_known)
        return false;
    const track_wanted_t wanted = {.title = track->id};
    say_unmatched(self, &wanted, STR("its own server has forgotten this file"));
    self->seen++;
    return true;
}

/* ---- what was made of tracks ---- */

static void take_fact(import_t *self, size_t index)
{
    fact_t fact = self->notes[index];
    fact.track_id = self->found[index].track_id;
    buf_append_bytes(&self->facts, &fact, sizeof fact);
}

static err_t on_note(void *context, const foreign_note_t *note)
{
    import_t *self = context;
    if (is_lost(self, &note->track))
        return ERR_OK;
    TRY(want(self, &note->track));
    self->notes[self->count++] = (fact_t){.is_starred = note->is_starred,
                                          .rating = note->rating,
                                          .play_count = note->play_count,
                                          .starred_at = note->starred_at,
                                          .played_at = note->played_at};
    return self->count == IMPORT_PART ? part_end(self, take_fact) : ERR_OK;
}

static int by_track(const void *a, const void *b)
{
    const fact_t *left = a, *right = b;
    return (left->track_id > right->track_id) - (left->track_id < right->track_id);
}

static int by_star(const void *a, const void *b)
{
    const fact_t *left = a, *right = b;
    int order = (left->starred_at > right->starred_at) - (left->starred_at < right->starred_at);
    return order != 0 ? order : by_track(a, b);
}

static int by_play(const void *a, const void *b)
{
    const fact_t *left = a, *right = b;
    int order = (left->played_at > right->played_at) - (left->played_at < right->played_at);
    return order != 0 ? order : by_track(a, b);
}

/* Two files of theirs may be one track of ours. */
static size_t merge(fact_t *facts, size_t count)
{
    size_t kept = 0;
    if (count == 0)
        return 0;
    qsort(facts, count, sizeof *facts, by_track);
    for (size_t i = 1; i < count; i++) {
        fact_t *to = &facts[kept];
        if (facts[i].track_id != to->track_id) {
            facts[++kept] = facts[i];
            continue;
        }
        to->is_starred |= facts[i].is_starred;
        to->rating = MAX(to->rating, facts[i].rating);
        to->play_count = facts[i].play_count > UINT32_MAX - to->play_count
                             ? UINT32_MAX
                             : to->play_count + facts[i].play_count;
        to->starred_at = MAX(to->starred_at, facts[i].starred_at);
        to->played_at = MAX(to->played_at, facts[i].played_at);
    }
    return kept + 1;
}

typedef struct totals {
    uint64_t favourites, ratings, plays;
} totals_t;

static void append_rows(buf_t *out, const fact_t *facts, size_t count, bool is_plays)
{
    json_t json = json_to(out);
    json_array_begin(&json);
    for (size_t i = 0; i < count; i++) {
        json_array_begin(&json);
        json_u64(&json, facts[i].track_id);
        json_u64(&json, !is_plays && facts[i].is_starred);
        json_u64(&json, is_plays ? 0 : facts[i].rating);
        json_u64(&json, is_plays ? facts[i].play_count : 0);
        json_i64(&json, is_plays ? facts[i].played_at : 0);
        json_array_end(&json);
    }
    json_array_end(&json);
}

/* Without a command id: the same again is no change by itself, and says so. */
static int send_batch(const import_t *self, const fact_t *facts, size_t count, bool is_plays,
                      totals_t *totals)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t rows BUF_SCOPED = BUF_INIT, body BUF_SCOPED = BUF_INIT;
    const graphql_value_t *done = NULL;
    json_t json = json_to(&body);
    append_rows(&rows, facts, count, is_plays);
    json_object_begin(&json);
    json_key_str(&json, "user_id", str_from(self->user_id));
    json_key(&json, STR("tracks"));
    json_raw(&json, buf_str(&rows));
    json_object_end(&json);
    int exit_code = command_ask(self->config, "tracks.import", buf_str(&body), &arena, &done);
    totals->favourites += (uint64_t)graphql_value_int(graphql_value_get(done, "favourites"), 0);
    totals->ratings += (uint64_t)graphql_value_int(graphql_value_get(done, "ratings"), 0);
    totals->plays += (uint64_t)graphql_value_int(graphql_value_get(done, "plays"), 0);
    return exit_code;
}

/* Stars in the order of their time, so that the newest is first here, too; plays likewise. */
static int send_all(const import_t *self, fact_t *facts, size_t count, bool is_plays,
                    totals_t *totals)
{
    if (count > 0)
        qsort(facts, count, sizeof *facts, is_plays ? by_play : by_star);
    for (size_t at = 0; at < count; at += IMPORT_BATCH) {
        size_t batch = MIN(count - at, (size_t)IMPORT_BATCH);
        int exit_code = send_batch(self, facts + at, batch, is_plays, totals);
        if (exit_code != EXIT_OK)
            return exit_code;
    }
    return EXIT_OK;
}

static totals_t totals_of(const fact_t *facts, size_t count)
{
    totals_t totals = {0};
    for (size_t i = 0; i < count; i++) {
        totals.favourites += facts[i].is_starred;
        totals.ratings += facts[i].rating != 0;
        totals.plays += facts[i].play_count;
    }
    return totals;
}

static int say_lost(const import_t *self, err_t err)
{
    const import_source_t *source = self->source;
    const char *problem = source->problem == NULL ? "" : source->problem(source->self);
    if (self->exit_code != EXIT_OK)
        return self->exit_code;
    return command_failed("%s could not be read to its end: %s; again goes on", source->name,
                          problem[0] == '\0' ? err_text(err) : problem);
}

static int import_notes(import_t *self)
{
    self->seen = self->matched = 0;
    buf_reset(&self->facts);
    err_t err = part_begin(self);
    if (err == ERR_OK)
        err = self->source->notes(self->source->self, self->their_id, on_note, self);
    if (err == ERR_OK)
        err = part_end(self, take_fact);
    end_progress();
    if (err == ERR_OK)
        err = buf_status(&self->facts);
    if (err != ERR_OK)
        return say_lost(self, err);
    fact_t *facts = (fact_t *)(void *)self->facts.data;
    size_t count = merge(facts, self->facts.size / sizeof *facts);
    totals_t totals = totals_of(facts, count);
    printf("%.*s: %llu of %llu tracks matched: %llu favourites, %llu ratings, %llu plays\n",
           STR_ARG(self->theirs), (unsigned long long)self->matched, (unsigned long long)self->seen,
           (unsigned long long)totals.favourites, (unsigned long long)totals.ratings,
           (unsigned long long)totals.plays);
    if (self->is_dry)
        return EXIT_OK;
    totals = (totals_t){0};
    int exit_code = send_all(self, facts, count, false, &totals);
    if (exit_code == EXIT_OK)
        exit_code = send_all(self, facts, count, true, &totals);
    printf("%s: new here: %llu favourites, %llu ratings, %llu plays\n", self->ours,
           (unsigned long long)totals.favourites, (unsigned long long)totals.ratings,
           (unsigned long long)totals.plays);
    return exit_code;
}

/* ---- playlists ---- */

static err_t on_playlist(void *context, const foreign_playlist_t *playlist)
{
    import_t *self = context;
    foreign_playlist_t kept = *playlist;
    kept.id = arena_str(&self->lists, playlist->id);
    kept.name = arena_str(&self->lists, playlist->name);
    if (kept.id.data == NULL || kept.name.data == NULL)
        return ERR_NO_MEMORY;
    buf_append_bytes(&self->playlists, &kept, sizeof kept);
    return buf_status(&self->playlists);
}

static void take_id(import_t *self, size_t index)
{
    uint64_t id = self->found[index].track_id;
    buf_append_bytes(&self->ids, &id, sizeof id);
}

static err_t on_entry(void *context, const foreign_track_t *track)
{
    import_t *self = context;
    if (is_lost(self, track))
        return ERR_OK;
    TRY(want(self, track));
    return ++self->count == IMPORT_PART ? part_end(self, take_id) : ERR_OK;
}

/* The playlist's id here follows from the command id, which follows from theirs. */
static int make_playlist(import_t *self, const foreign_playlist_t *playlist, size_t count)
{
    buf_t command_id BUF_SCOPED = BUF_INIT;
    const graphql_value_t *view = NULL;
    err_t err = ERR_OK;
    const import_source_t *source = self->source;
    uint64_t hash = str_hash_more(str_hash(source->origin), playlist->id);
    buf_printf(&command_id, "%s-playlist-%016llx", source->name, (unsigned long long)hash);
    exchange_playlist_t made = {self->user_id, buf_str(&command_id), playlist->name,
                                (const uint64_t *)(const void *)self->ids.data, count};
    int exit_code = exchange_create(self->config, &made, &self->arena, &view, &err);
    if (err == ERR_CONFLICT)
        printf("  it was imported before and deleted since: left so\n");
    if (err == ERR_INVALID)
        printf("  its name can't be one here: not imported\n");
    return exit_code;
}

static int import_playlist(import_t *self, const foreign_playlist_t *playlist)
{
    self->seen = self->matched = 0;
    buf_reset(&self->ids);
    err_t err = part_begin(self);
    if (err == ERR_OK)
        err = self->source->entries(self->source->self, playlist->id, on_entry, self);
    if (err == ERR_OK)
        err = part_end(self, take_id);
    if (err == ERR_OK)
        err = buf_status(&self->ids);
    end_progress();
    if (err != ERR_OK)
        return say_lost(self, err);
    size_t count = MIN(self->ids.size / sizeof(uint64_t), (size_t)PLAYLIST_FILE_ENTRIES_MAX);
    buf_t name BUF_SCOPED = BUF_INIT;
    exchange_append_words(&name, playlist->name);
    printf("%.*s: playlist '%s': %llu of %llu entries matched%s\n", STR_ARG(self->theirs),
           buf_terminated(&name), (unsigned long long)self->matched, (unsigned long long)self->seen,
           playlist->is_smart ? " (a smart one: taken as it is now)" : "");
    if (self->matched > count)
        printf("  only the first %zu are taken\n", count);
    if (count == 0 && self->seen > 0) {
        printf("  nothing of it is here: not imported\n");
        return EXIT_OK;
    }
    return self->is_dry ? EXIT_OK : make_playlist(self, playlist, count);
}

static int import_playlists(import_t *self)
{
    buf_reset(&self->playlists);
    arena_reset(&self->lists);
    err_t err = self->source->playlists(self->source->self, self->their_id, on_playlist, self);
    if (err != ERR_OK)
        return say_lost(self, err);
    const foreign_playlist_t *playlists = (const foreign_playlist_t *)(void *)self->playlists.data;
    for (size_t i = 0; i < self->playlists.size / sizeof *playlists; i++) {
        int exit_code = import_playlist(self, &playlists[i]);
        if (exit_code != EXIT_OK)
            return exit_code;
    }
    return EXIT_OK;
}

/* ---- all of it ---- */

static int import_others(import_t *self)
{
    const import_source_t *source = self->source;
    uint64_t albums = 0, artists = 0;
    err_t err = source->others(source->self, self->their_id, &albums, &artists);
    if (err != ERR_OK)
        return say_lost(self, err);
    if (albums + artists > 0)
        printf(
            "%.*s: %llu albums and %llu artists are starred or rated there, which only tracks are "
            "here: not imported\n",
            STR_ARG(self->theirs), (unsigned long long)albums, (unsigned long long)artists);
    return EXIT_OK;
}

err_t import_names_of(const char *pair, import_names_t *out_names)
{
    str_t both = str_from(pair);
    size_t equals = str_find(both, '=');
    if (equals == 0 || equals + 1 >= both.size)
        return ERR_INVALID;
    *out_names = (import_names_t){.theirs = str_slice(both, 0, equals), .ours = pair + equals + 1};
    return ERR_OK;
}

int import_run(const config_t *config, const import_source_t *source, const import_names_t *names,
               bool is_dry)
{
    import_t self SCOPED(import_deinit) = {.config = config,
                                           .is_dry = is_dry,
                                           .source = source,
                                           .theirs = names->theirs,
                                           .their_id = names->their_id,
                                           .ours = names->ours};
    int exit_code = exchange_user_id(config, names->ours, self.user_id);
    if (exit_code == EXIT_OK)
        exit_code = import_notes(&self);
    if (exit_code == EXIT_OK)
        exit_code = import_playlists(&self);
    return exit_code == EXIT_OK ? import_others(&self) : exit_code;
}
