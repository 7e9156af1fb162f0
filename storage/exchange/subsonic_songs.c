/* subsonic_songs.c -- every song of the server once: what is starred, rated or played. */
#include "storage/exchange/subsonic_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

/* ---- a set of hashes ---- */

typedef struct seen {
    uint64_t *slots; /* 0: free */
    size_t count, size;
} seen_t;

static void seen_deinit(seen_t *self)
{
    memory_free(self->slots);
}

static uint64_t *slot_of(uint64_t *slots, size_t size, uint64_t hash)
{
    size_t at = hash & (size - 1);
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static err_t grow(seen_t *self)
{
    enum { FIRST = 1024 };
    size_t size = self->size == 0 ? FIRST : self->size * 2;
    uint64_t *slots = memory_new_array(size, sizeof *slots);
    if (slots == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->size; i++)
        if (self->slots[i] != 0)
            *slot_of(slots, size, self->slots[i]) = self->slots[i];
    memory_free(self->slots);
    self->slots = slots;
    self->size = size;
    return ERR_OK;
}

/* *out_is_new: it was not in there. */
static err_t seen_add(seen_t *self, uint64_t hash, bool *out_is_new)
{
    hash += hash == 0;
    if (self->count * 2 >= self->size)
        TRY(grow(self));
    uint64_t *slot = slot_of(self->slots, self->size, hash);
    *out_is_new = *slot == 0;
    self->count += *out_is_new;
    *slot = hash;
    return ERR_OK;
}

/* ---- one song ---- */

typedef struct walk {
    subsonic_t *server;
    foreign_note_fn fn;
    void *context;
    seen_t seen;
    size_t songs;                 /* of the last page */
    uint64_t first, first_before; /* hashes of the ids that pages began with */
} walk_t;

static void walk_deinit(walk_t *self)
{
    seen_deinit(&self->seen);
}

static uint64_t hash_of(str_t id, bool is_star)
{
    return str_hash_more(str_hash(id), is_star ? STR("*") : STR("-"));
}

static foreign_note_t note_of(subsonic_answer_t *answer, const subsonic_node_t *song)
{
    str_t starred = subsonic_text(answer, song, "starred");
    foreign_note_t note = {.track = subsonic_track(answer, song)};
    /* A time; somebody's servers say true, or nothing but that it is there. */
    note.is_starred = (!str_is_empty(starred) && !str_equal(starred, STR("false"))) ||
                      subsonic_is(song, "starred");
    note.starred_at = foreign_time_ms(starred);
    note.rating = (uint32_t)MIN(subsonic_number(song, "userRating"), (uint64_t)FOREIGN_RATING_MAX);
    note.play_count = (uint32_t)MIN(subsonic_number(song, "playCount"), (uint64_t)UINT32_MAX);
    note.played_at = foreign_time_ms(subsonic_text(answer, song, "played"));
    return note;
}

static err_t take_song(walk_t *self, subsonic_answer_t *answer, const subsonic_node_t *song)
{
    foreign_note_t note = note_of(answer, song);
    bool is_new = false, is_new_star = false;
    if (!note.is_starred && note.rating == 0 && note.play_count == 0)
        return ERR_OK;
    if (str_is_empty(note.track.id) || subsonic_is(song, "isDir") || subsonic_is(song, "isVideo"))
        return ERR_OK;
    TRY(seen_add(&self->seen, hash_of(note.track.id, false), &is_new));
    if (note.is_starred)
        TRY(seen_add(&self->seen, hash_of(note.track.id, true), &is_new_star));
    return is_new ? self->fn(self->context, &note) : ERR_OK;
}

/* ---- all of them ---- */

static err_t take_songs(walk_t *self, subsonic_answer_t *answer, const subsonic_node_t *list)
{
    self->songs = subsonic_count(list, "song");
    self->first_before = self->first;
    self->first = str_hash(subsonic_text(answer, subsonic_child(list, "song"), "id"));
    if (self->songs > 0 && self->first == self->first_before)
        return ERR_UNSUPPORTED; /* the same page again */
    for (size_t i = 0; i < self->songs; i++)
        TRY(take_song(self, answer, subsonic_at(list, "song", i)));
    return ERR_OK;
}

static err_t search_page(walk_t *self, const char *query, uint64_t offset)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    buf_t more BUF_SCOPED = BUF_INIT;
    buf_printf(&more, "&query=%s&artistCount=0&albumCount=0&songCount=%d&songOffset=%llu", query,
               SUBSONIC_PAGE, (unsigned long long)offset);
    TRY(buf_status(&more));
    TRY(subsonic_ask(self->server, "search3", buf_str(&more), &answer));
    return take_songs(self, &answer, subsonic_child(answer.response, "searchResult3"));
}

/* Pages may be smaller than was asked for: the end is one without songs. */
static err_t search_all(walk_t *self, const char *query, uint64_t *out_songs)
{
    self->first = 0;
    for (uint32_t pages = 0; pages < SUBSONIC_PAGES_MAX; pages++) {
        TRY(search_page(self, query, *out_songs));
        *out_songs += self->songs;
        if (self->songs == 0)
            return ERR_OK;
    }
    return ERR_LIMIT;
}

static err_t album_songs(walk_t *self, str_t id)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    buf_t more BUF_SCOPED = BUF_INIT;
    buf_append(&more, STR("&id="));
    percent_append(&more, id, "");
    TRY(buf_status(&more));
    err_t err = subsonic_ask(self->server, "getAlbum", buf_str(&more), &answer);
    if (err == ERR_NOT_FOUND) /* removed meanwhile */
        return ERR_OK;
    TRY(err);
    const subsonic_node_t *album = subsonic_child(answer.response, "album");
    for (size_t i = 0; i < subsonic_count(album, "song"); i++)
        TRY(take_song(self, &answer, subsonic_at(album, "song", i)));
    return ERR_OK;
}

static err_t album_page(walk_t *self, uint64_t offset, size_t *out_albums)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    buf_t more BUF_SCOPED = BUF_INIT;
    buf_printf(&more, "&type=alphabeticalByName&size=%d&offset=%llu", SUBSONIC_PAGE,
               (unsigned long long)offset);
    TRY(buf_status(&more));
    TRY(subsonic_ask(self->server, "getAlbumList2", buf_str(&more), &answer));
    const subsonic_node_t *list = subsonic_child(answer.response, "albumList2");
    size_t count = subsonic_count(list, "album");
    self->first_before = self->first;
    self->first = str_hash(subsonic_text(&answer, subsonic_child(list, "album"), "id"));
    *out_albums = count > 0 && self->first == self->first_before ? 0 : count;
    for (size_t i = 0; i < *out_albums; i++) {
        str_t id = subsonic_text(&answer, subsonic_at(list, "album", i), "id");
        if (!str_is_empty(id))
            TRY(album_songs(self, id));
    }
    return ERR_OK;
}

static err_t albums_all(walk_t *self)
{
    self->first = 0;
    for (uint64_t offset = 0, pages = 0; pages < SUBSONIC_PAGES_MAX; pages++) {
        size_t albums = 0;
        TRY(album_page(self, offset, &albums));
        offset += albums;
        if (albums == 0)
            return ERR_OK;
    }
    return ERR_LIMIT;
}

/* What ends it, whichever way songs are looked for. */
static bool is_final(err_t err)
{
    return err == ERR_NO_MEMORY || err == ERR_LIMIT || err == ERR_FORBIDDEN || err == ERR_CANCELLED;
}

/* ---- stars ---- */

static err_t starred(subsonic_t *self, subsonic_answer_t *out_answer)
{
    return subsonic_ask(self, "getStarred2", STR(""), out_answer);
}

/* A server may leave stars out of its lists, and has songs starred that are in none of them. */
static err_t take_stars(walk_t *self, subsonic_answer_t *answer)
{
    const subsonic_node_t *list = subsonic_child(answer->response, "starred2");
    for (size_t i = 0; i < subsonic_count(list, "song"); i++) {
        foreign_note_t note = note_of(answer, subsonic_at(list, "song", i));
        bool is_new = false, is_new_star = false;
        note.is_starred = true;
        if (str_is_empty(note.track.id))
            continue;
        TRY(seen_add(&self->seen, hash_of(note.track.id, true), &is_new_star));
        TRY(seen_add(&self->seen, hash_of(note.track.id, false), &is_new));
        if (!is_new)
            note.rating = note.play_count = 0; /* they were in the list */
        if (is_new_star)
            TRY(self->fn(self->context, &note));
    }
    return ERR_OK;
}

err_t subsonic_notes(subsonic_t *self, foreign_note_fn fn, void *context)
{
    walk_t walk SCOPED(walk_deinit) = {.server = self, .fn = fn, .context = context};
    subsonic_answer_t stars SUBSONIC_ANSWER_SCOPED = {0};
    uint64_t songs = 0;
    TRY(starred(self, &stars));
    /* Some want two quotes for an empty query. */
    static const char *const queries[] = {"", "%22%22"};
    err_t err = ERR_OK;
    for (size_t i = 0; i < COUNT_OF(queries) && songs == 0; i++) {
        err = search_all(&walk, queries[i], &songs);
        if (is_final(err))
            return err;
    }
    if (err != ERR_OK || songs == 0)
        TRY(albums_all(&walk));
    return take_stars(&walk, &stars);
}

err_t subsonic_others(subsonic_t *self, uint64_t *out_albums, uint64_t *out_artists)
{
    subsonic_answer_t stars SUBSONIC_ANSWER_SCOPED = {0};
    TRY(starred(self, &stars));
    const subsonic_node_t *list = subsonic_child(stars.response, "starred2");
    *out_albums = subsonic_count(list, "album");
    *out_artists = subsonic_count(list, "artist");
    return ERR_OK;
}
