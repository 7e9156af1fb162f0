#include "storage/search/feed/search_documents.h"

#include "storage/catalog/catalog_plays.h"

/* ---- lists of names ---- */

typedef struct names {
    str_t *items;
    size_t count;
} names_t;

static err_t names_new(arena_t *arena, names_t *out_names)
{
    *out_names = (names_t){arena_new_array(arena, SEARCH_NAMES_MAX, sizeof(str_t)), 0};
    return out_names->items == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void add(names_t *names, str_t name)
{
    if (name.size == 0 || names->count == SEARCH_NAMES_MAX)
        return;
    for (size_t i = 0; i < names->count; i++)
        if (str_equal(names->items[i], name))
            return;
    names->items[names->count++] = name;
}

static void add_all(names_t *names, const str_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        add(names, items[i]);
}

static void add_credits(names_t *names, const catalog_credit_t *credits, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        add(names, credits[i].name);
        add(names, credits[i].sort_name);
    }
}

static search_names_t names_of(const names_t *names)
{
    return (search_names_t){names->items, names->count};
}

/* ---- what they have in common ---- */

typedef struct facets {
    search_reading_t *reading;
    names_t genres, moods, languages, formats, roots;
    int64_t added_at_ms;
    uint32_t looked_at; /* tracks */
    bool is_playable;
} facets_t;

static err_t facets_new(arena_t *arena, search_reading_t *reading, facets_t *out)
{
    *out = (facets_t){.reading = reading, .added_at_ms = INT64_MAX};
    TRY(names_new(arena, &out->genres));
    TRY(names_new(arena, &out->moods));
    TRY(names_new(arena, &out->languages));
    TRY(names_new(arena, &out->formats));
    return names_new(arena, &out->roots);
}

/* Samples as they are have no name of their own: people know them by the file, "wav" or "aiff". */
static str_t format_of(const catalog_facets_t *track)
{
    bool is_raw = str_equal(track->codec, STR("pcm")) && track->container.size > 0;
    return is_raw ? track->container : track->codec;
}

static void facets_add(facets_t *self, const catalog_facets_t *track)
{
    if (!track->is_available)
        return;
    self->is_playable = true;
    self->added_at_ms = MIN(self->added_at_ms, track->added_at_ms);
    add_all(&self->genres, track->genres.items, track->genres.count);
    add_all(&self->moods, track->mood.items, track->mood.count);
    add_all(&self->languages, track->languages.items, track->languages.count);
    add(&self->formats, format_of(track));
    add(&self->roots, track->root);
}

static void facets_give(const facets_t *self, search_document_t *out)
{
    out->genres = names_of(&self->genres);
    out->moods = names_of(&self->moods);
    out->languages = names_of(&self->languages);
    out->formats = names_of(&self->formats);
    out->roots = names_of(&self->roots);
    out->added_at_ms = self->added_at_ms;
}

/* Each change of a track has those of its artists made again, who may have a great many. */
static bool is_enough(const facets_t *self)
{
    return self->is_playable && self->looked_at >= SEARCH_FACETS_TRACKS_MAX;
}

static err_t add_track(catalog_read_t *read, uint64_t id, facets_t *facets)
{
    catalog_facets_t track;
    TRY(catalog_facets(read, id, &track));
    facets_add(facets, &track);
    facets->looked_at++;
    return ERR_OK;
}

static err_t leave_out(search_reading_t *reading, search_kind_t kind, uint64_t id)
{
    reading->damaged++;
    reading->damaged_kind = kind;
    reading->damaged_id = id;
    return ERR_NOT_FOUND;
}

static err_t add_tracks(catalog_read_t *read, catalog_list_t list, uint64_t of, facets_t *facets);

/* Of tracks or albums: one that is damaged, or missing, takes only itself away. */
static err_t add_one(catalog_read_t *read, bool are_albums, uint64_t id, facets_t *facets)
{
    err_t err = are_albums ? add_tracks(read, CATALOG_TRACKS_OF_ALBUM, id, facets)
                           : add_track(read, id, facets);
    if (err != ERR_CORRUPT && err != ERR_NOT_FOUND)
        return err;
    IGNORE_ERR(leave_out(facets->reading, are_albums ? SEARCH_ALBUM : SEARCH_TRACK, id));
    return ERR_OK;
}

/* Goes through a list. `scratch` is emptied after each page of it. */
static err_t add_list(catalog_read_t *read, catalog_list_t list, uint64_t of, bool are_albums,
                      facets_t *facets)
{
    catalog_page_t page = {0};
    catalog_page_options_t options = {.list = list, .of = of};
    do {
        arena_t scratch ARENA_SCOPED = {0};
        catalog_read_t inner = {.tx = read->tx, .arena = &scratch}; /* strings borrow the map */
        TRY(catalog_page(&inner, &options, &page));
        for (size_t i = 0; i < page.count && !is_enough(facets); i++)
            TRY(add_one(&inner, are_albums, page.items[i].id, facets));
        if (page.count > 0)
            options.after = page.items[page.count - 1].cursor;
    } while (page.has_more && !is_enough(facets));
    return ERR_OK;
}

static err_t add_tracks(catalog_read_t *read, catalog_list_t list, uint64_t of, facets_t *facets)
{
    return add_list(read, list, of, false, facets);
}

static err_t line_of(arena_t *arena, const catalog_credit_t *credits, uint32_t count,
                     str_t *out_line)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    catalog_artist_line(credits, count, &text);
    TRY(buf_status(&text));
    str_t line = text.size == 0 ? (str_t){"", 0} : arena_str(arena, buf_str(&text));
    *out_line = line;
    return line.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static str_t date_of(str_t original, str_t date)
{
    return original.size > 0 ? original : date;
}

/* ---- lyrics ---- */

static err_t long_lyrics(search_reading_t *reading, arena_t *arena, str_t hash, str_t *out_lyrics)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    err_t err = ERR_UNAVAILABLE;
    if (reading->blobs != NULL && reading->failures < SEARCH_LYRICS_FAILURES_MAX)
        err = blob_get(reading->blobs, hash, &text);
    if (err == ERR_NO_MEMORY)
        return err;
    reading->missed += err != ERR_OK;
    reading->failures = err == ERR_OK || err == ERR_NOT_FOUND ? 0 : reading->failures + 1;
    if (err != ERR_OK || text.size == 0)
        return ERR_OK;
    *out_lyrics = arena_str(arena, str_slice(buf_str(&text), 0, SEARCH_LYRICS_SIZE_MAX));
    return out_lyrics->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static err_t lyrics_of(search_reading_t *reading, arena_t *arena, const catalog_track_t *track,
                       str_t *out_lyrics)
{
    *out_lyrics = track->lyrics;
    return track->lyrics_blob.size == 0
               ? ERR_OK
               : long_lyrics(reading, arena, track->lyrics_blob, out_lyrics);
}

/* ---- the three kinds ---- */

static err_t others_of_track(arena_t *arena, const catalog_track_t *track, search_document_t *out)
{
    names_t others;
    TRY(names_new(arena, &others));
    add(&others, track->sort_title);
    add_credits(&others, track->credits.items, track->credits.count);
    add(&others, track->album_sort);
    add(&others, track->composer);
    add_credits(&others, track->album_credits.items, track->album_credits.count);
    out->others = names_of(&others);
    return ERR_OK;
}

static err_t track_of(catalog_read_t *read, search_reading_t *reading, uint64_t id,
                      search_document_t *out)
{
    catalog_track_t track;
    facets_t facets;
    TRY(catalog_track(read, id, &track));
    if (!track.is_available)
        return ERR_NOT_FOUND;
    TRY(facets_new(read->arena, reading, &facets));
    TRY(add_track(read, id, &facets));
    facets_give(&facets, out);
    out->title = track.title;
    out->album = track.album;
    out->year = catalog_year(date_of(track.original_date, track.date));
    TRY(line_of(read->arena, track.credits.items, track.credits.count, &out->artist));
    TRY(others_of_track(read->arena, &track, out));
    return lyrics_of(reading, read->arena, &track, &out->lyrics);
}

static err_t album_of(catalog_read_t *read, search_reading_t *reading, uint64_t id,
                      search_document_t *out)
{
    catalog_album_t album;
    facets_t facets;
    names_t others;
    TRY(catalog_album(read, id, &album));
    if (album.available_count == 0)
        return ERR_NOT_FOUND;
    TRY(facets_new(read->arena, reading, &facets));
    TRY(add_tracks(read, CATALOG_TRACKS_OF_ALBUM, id, &facets));
    facets_give(&facets, out);
    TRY(names_new(read->arena, &others));
    add(&others, album.sort_title);
    add_credits(&others, album.credits.items, album.credits.count);
    out->others = names_of(&others);
    out->title = album.title;
    out->year = album.year;
    return line_of(read->arena, album.credits.items, album.credits.count, &out->artist);
}

static err_t artist_of(catalog_read_t *read, search_reading_t *reading, uint64_t id,
                       search_document_t *out)
{
    catalog_artist_t artist;
    facets_t facets;
    names_t others;
    TRY(catalog_artist(read, id, &artist));
    TRY(facets_new(read->arena, reading, &facets));
    TRY(add_tracks(read, CATALOG_TRACKS_OF_ARTIST, id, &facets));
    if (!facets.is_playable)
        TRY(add_list(read, CATALOG_ALBUMS_OF_ARTIST, id, true, &facets));
    if (!facets.is_playable)
        return ERR_NOT_FOUND;
    facets_give(&facets, out);
    TRY(names_new(read->arena, &others));
    add(&others, artist.sort_name);
    out->others = names_of(&others);
    out->title = artist.name;
    return ERR_OK;
}

static err_t document_of(catalog_read_t *read, search_reading_t *reading, search_kind_t kind,
                         uint64_t id, search_document_t *out_document)
{
    search_document_t document = {.kind = kind, .id = id};
    switch (kind) {
    case SEARCH_TRACK:
        TRY(track_of(read, reading, id, &document));
        break;
    case SEARCH_ALBUM:
        TRY(album_of(read, reading, id, &document));
        break;
    case SEARCH_ARTIST:
        TRY(artist_of(read, reading, id, &document));
        break;
    case SEARCH_KIND_COUNT:
        return ERR_INVALID;
    }
    TRY(catalog_plays(read, kind, id, &document.plays));
    *out_document = document;
    return ERR_OK;
}

err_t search_document_of(catalog_read_t *read, search_reading_t *reading, search_kind_t kind,
                         uint64_t id, search_document_t *out_document)
{
    err_t err = document_of(read, reading, kind, id, out_document);
    return err == ERR_CORRUPT ? leave_out(reading, kind, id) : err;
}

/* ---- all of them ---- */

err_t search_documents_begin(search_documents_t *self, catalog_t *catalog, blob_folder_t *lyrics,
                             catalog_mark_t *out_mark)
{
    catalog_mark_t mark;
    TRY(catalog_follow(catalog, &mark));
    *self = (search_documents_t){
        .catalog = catalog, .reading = {.blobs = lyrics}, .generation = mark.generation};
    *out_mark = mark;
    return ERR_OK;
}

static void end_page(search_documents_t *self)
{
    if (self->is_reading)
        catalog_read_end(&self->read);
    self->is_reading = false;
    self->in_page = 0;
    arena_reset(&self->arena);
}

void search_documents_end(search_documents_t *self)
{
    end_page(self);
    arena_deinit(&self->arena);
}

static err_t begin_page(search_documents_t *self)
{
    catalog_mark_t mark;
    TRY(catalog_read_begin(self->catalog, &self->arena, &self->read));
    self->is_reading = true;
    TRY(catalog_mark(&self->read, &mark));
    return mark.generation == self->generation ? ERR_OK : ERR_STALE;
}

/* The next entity of any kind. NOT_FOUND: there are no more. */
static err_t next_id(search_documents_t *self)
{
    for (; self->kind < SEARCH_KIND_COUNT; self->kind++, self->after = 0) {
        err_t err = catalog_next(&self->read, self->kind, self->after, &self->after);
        if (err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NOT_FOUND;
}

static err_t next(search_documents_t *self, search_document_t *out_document, bool *out_is_there)
{
    err_t err = ERR_NOT_FOUND;
    while (err == ERR_NOT_FOUND) {
        if (self->in_page++ == SEARCH_DOCUMENTS_PAGE)
            end_page(self);
        arena_reset(&self->arena);
        if (!self->is_reading)
            TRY(begin_page(self));
        err = next_id(self);
        if (err == ERR_NOT_FOUND) {
            *out_is_there = false;
            end_page(self);
            return ERR_OK;
        }
        TRY(err);
        err =
            search_document_of(&self->read, &self->reading, self->kind, self->after, out_document);
    }
    *out_is_there = err == ERR_OK;
    return err;
}

err_t search_documents_next(void *context, search_document_t *out_document, bool *out_is_there)
{
    search_documents_t *self = context;
    err_t err = next(self, out_document, out_is_there);
    self->is_damaged |= err == ERR_CORRUPT;
    return err;
}

err_t search_documents_count(search_documents_t *self, uint64_t *out_count)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_counts_t counts;
    TRY(catalog_read_begin(self->catalog, &self->arena, &read));
    TRY(catalog_counts(&read, &counts));
    *out_count = counts.tracks + counts.albums + counts.artists;
    return ERR_OK;
}
