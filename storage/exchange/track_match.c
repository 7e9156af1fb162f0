#include "storage/exchange/track_match.h"

#include "storage/catalog/catalog_keys.h"
#include "storage/exchange/playlist_file_parts.h"
#include "storage/search/fold.h"

enum { WORDS_MAX = 100 }; /* hits of the words that are looked at */

typedef struct matcher {
    arena_t *scratch; /* of one entry */
    catalog_read_t read;
    const track_shelves_t *shelves;
    const track_wanted_t *wanted;
    /* Of the tracks with these names: how many there are, also on this album, also as long. */
    uint32_t named, on_album, fitting, available;
    track_found_t found, found_available;
    bool is_other; /* a track lies at the path, and is called otherwise */
} matcher_t;

const char *track_match_text(track_match_t match)
{
    static const char *const texts[] = {
#define TRACK_MATCH_ROW(name, text) [TRACK_MATCH_##name] = text,
        TRACK_MATCH_LIST(TRACK_MATCH_ROW)
#undef TRACK_MATCH_ROW
    };
    return texts[match];
}

/* ---- names ---- */

static bool is_same(str_t a, str_t b)
{
    buf_t left BUF_SCOPED = BUF_INIT, right BUF_SCOPED = BUF_INIT;
    catalog_fold(&left, a);
    catalog_fold(&right, b);
    return buf_status(&left) == ERR_OK && buf_status(&right) == ERR_OK &&
           str_equal(buf_str(&left), buf_str(&right));
}

/* By one of them, or by all: as they are credited, or with signs between their names, which folding
 * takes away ("A & B", "A; B"). */
static bool is_credited(str_t artist, const catalog_credit_t *credits, uint32_t count)
{
    buf_t line BUF_SCOPED = BUF_INIT, names BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < count; i++) {
        if (is_same(artist, credits[i].name))
            return true;
        if (credits[i].role == CATALOG_ROLE_MAIN || credits[i].role == CATALOG_ROLE_FEATURED)
            buf_printf(&names, " %.*s", STR_ARG(credits[i].name));
    }
    catalog_artist_line(credits, count, &line);
    return is_same(artist, buf_str(&line)) || is_same(artist, buf_str(&names));
}

static bool is_by(const catalog_track_t *track, str_t artist)
{
    return is_credited(artist, track->credits.items, track->credits.count) ||
           is_credited(artist, track->album_credits.items, track->album_credits.count);
}

static bool is_as_long(const catalog_track_t *track, uint64_t duration_ms)
{
    uint64_t a = track->duration_ms, b = duration_ms;
    return a == 0 || b == 0 || (a > b ? a - b : b - a) <= TRACK_MATCH_LENGTH_MS;
}

static err_t judge(matcher_t *self, uint64_t id, str_t artist, str_t title)
{
    catalog_track_t track;
    TRY(catalog_track(&self->read, id, &track));
    if (!is_same(title, track.title) || !is_by(&track, artist))
        return ERR_OK;
    self->named++;
    if (!str_is_empty(self->wanted->album) && !is_same(self->wanted->album, track.album))
        return ERR_OK;
    self->on_album++;
    if (!is_as_long(&track, self->wanted->duration_ms))
        return ERR_OK;
    track_found_t found = {TRACK_MATCH_FOUND, id, track.duration_ms};
    if (self->fitting++ == 0)
        self->found = found;
    else if (self->found.track_id == id)
        self->fitting--; /* found twice: two ways to part artist and title */
    if (track.is_available && (self->available == 0 || self->found_available.track_id != id)) {
        self->available++;
        self->found_available = found;
    }
    return ERR_OK;
}

/* By the index of titles: everything that sorts like this one. */
static err_t find_by_title(matcher_t *self, str_t artist, str_t title)
{
    buf_t start BUF_SCOPED = BUF_INIT;
    fold_sort_append(&start, title);
    if (start.size == 0)
        buf_append(&start, title);
    start.size = MIN(start.size, (size_t)CATALOG_TEXT_SIZE_MAX);
    buf_append_char(&start, '\0');
    TRY(buf_status(&start));
    catalog_page_options_t options = {.list = CATALOG_TRACKS_BY_TITLE, .after = buf_str(&start)};
    catalog_page_t page = {.has_more = true};
    for (size_t seen = 0; page.has_more && seen < TRACK_MATCH_CANDIDATES_MAX; seen += page.count) {
        TRY(catalog_page(&self->read, &options, &page));
        for (size_t i = 0; i < page.count; i++) {
            if (!str_starts_with(page.items[i].cursor, buf_str(&start)))
                return ERR_OK;
            TRY(judge(self, page.items[i].id, artist, title));
        }
        if (page.count > 0)
            options.after = page.items[page.count - 1].cursor;
    }
    return ERR_OK;
}

/* One whose title sorts otherwise than it reads is found by its words. */
static err_t find_by_words(matcher_t *self, str_t artist, str_t title)
{
    search_found_t found;
    str_t text = arena_printf(self->scratch, "%.*s %.*s", STR_ARG(title), STR_ARG(artist));
    search_request_t request = {
        .text = text, .first = {[SEARCH_TRACK] = WORDS_MAX}, .is_exact = true};
    if (text.data == NULL)
        return ERR_NO_MEMORY;
    TRY(search_feed_ask(self->shelves->search, self->scratch, &request, &found));
    for (size_t i = 0; i < found.counts[SEARCH_TRACK]; i++) {
        err_t err = judge(self, found.results[SEARCH_TRACK][i].id, artist, title);
        if (err != ERR_OK && err != ERR_NOT_FOUND) /* gone since it was put in */
            return err;
    }
    return ERR_OK;
}

static err_t find_named(matcher_t *self, str_t artist, str_t title)
{
    uint32_t before = self->named;
    TRY(find_by_title(self, artist, title));
    return self->named == before ? find_by_words(self, artist, title) : ERR_OK;
}

/* "A - B - T" is T by "A - B", or "B - T" by A. */
static err_t find_parted(matcher_t *self, str_t both, bool *out_is_parted)
{
    static const char between[] = " - ";
    enum { SIZE = sizeof between - 1, PARTS_MAX = 8 };
    uint32_t parts = 0;
    for (size_t at = 1; at + SIZE < both.size && parts < PARTS_MAX; at++) {
        if (!str_starts_with(str_slice(both, at, both.size), STR(between)))
            continue;
        parts++;
        TRY(find_named(self, str_slice(both, 0, at), str_slice(both, at + SIZE, both.size)));
    }
    *out_is_parted = parts > 0;
    return ERR_OK;
}

/* ---- paths ---- */

/* Without ".", ".." and doubled separators; a path that leaves its start is empty. */
static void append_plain(buf_t *out, str_t path)
{
    str_t rest = path, part;
    bool is_absolute = str_starts_with(path, STR("/"));
    if (path.data == NULL)
        return;
    while (str_next(&rest, '/', &part)) {
        if (str_is_empty(part) || str_equal(part, STR(".")))
            continue;
        if (str_equal(part, STR(".."))) {
            if (out->size == 0) {
                buf_reset(out);
                return;
            }
            size_t last = str_find_last(buf_str(out), '/');
            out->size = last < out->size ? last : 0;
            continue;
        }
        if (out->size > 0 || is_absolute)
            buf_append_char(out, '/');
        buf_append(out, part);
    }
}

/* The part below the root; false: it is elsewhere. */
static bool below(str_t root, str_t path, str_t *out_rest)
{
    while (root.size > 1 && str_ends_with(root, STR("/")))
        root.size--;
    if (!str_starts_with(path, root))
        return false;
    str_t rest = str_slice(path, root.size, path.size);
    if (str_starts_with(rest, STR("/")))
        rest = str_slice(rest, 1, rest.size);
    else if (!str_ends_with(root, STR("/")))
        return false;
    *out_rest = rest;
    return rest.size > 0;
}

/* Do the names that it has speak of this track? "Artist - Title" counts as well as the title. */
static bool agrees(const track_wanted_t *wanted, const catalog_track_t *track)
{
    return str_is_empty(wanted->title) || is_same(wanted->title, track->title) ||
           (str_is_empty(wanted->artist) && str_contains(wanted->title, STR(" - ")));
}

static err_t find_path(matcher_t *self, str_t path, track_found_t *out_found)
{
    buf_t plain BUF_SCOPED = BUF_INIT;
    uint32_t count = 0;
    append_plain(&plain, path);
    TRY(buf_status(&plain));
    bool is_absolute = str_starts_with(buf_str(&plain), STR("/"));
    for (size_t i = 0; i < self->shelves->root_count && plain.size > 0; i++) {
        str_t rest = buf_str(&plain);
        uint64_t id;
        catalog_track_t track;
        if (is_absolute && !below(self->shelves->roots[i].path, buf_str(&plain), &rest))
            continue;
        err_t err = catalog_find_path(&self->read, self->shelves->roots[i].name, rest, &id);
        if (err == ERR_NOT_FOUND)
            continue;
        TRY(err);
        TRY(catalog_track(&self->read, id, &track));
        if (!is_absolute && !agrees(self->wanted, &track)) {
            self->is_other = true;
            continue;
        }
        count++;
        *out_found = (track_found_t){TRACK_MATCH_FOUND, id, track.duration_ms};
    }
    if (count > 1)
        out_found->match = TRACK_MATCH_SEVERAL;
    return ERR_OK;
}

/* ---- one entry ---- */

static track_match_t reason_of(const matcher_t *self, bool is_named)
{
    if (self->fitting > 1)
        return TRACK_MATCH_SEVERAL;
    if (self->on_album > 0)
        return TRACK_MATCH_LENGTH;
    if (self->named > 0)
        return TRACK_MATCH_ALBUM;
    if (self->is_other)
        return TRACK_MATCH_OTHER;
    if (playlist_location_has_scheme(self->wanted->path))
        return TRACK_MATCH_STREAM;
    return is_named ? TRACK_MATCH_UNKNOWN : TRACK_MATCH_UNNAMED;
}

static err_t match_one(matcher_t *self, track_found_t *out_found)
{
    const track_wanted_t *wanted = self->wanted;
    track_found_t found = {.match = TRACK_MATCH_UNKNOWN};
    bool is_named = !str_is_empty(wanted->artist) && !str_is_empty(wanted->title);
    if (!playlist_location_has_scheme(wanted->path))
        TRY(find_path(self, wanted->path, &found));
    if (found.match != TRACK_MATCH_FOUND && !str_is_empty(wanted->relative))
        TRY(find_path(self, wanted->relative, &found));
    if (found.match == TRACK_MATCH_UNKNOWN) {
        if (is_named)
            TRY(find_named(self, wanted->artist, wanted->title));
        else
            TRY(find_parted(self, wanted->title, &is_named));
        if (self->fitting == 1)
            found = self->found;
        else if (self->available == 1)
            found = self->found_available;
        else
            found = (track_found_t){.match = reason_of(self, is_named)};
    }
    *out_found = found.match == TRACK_MATCH_FOUND ? found : (track_found_t){.match = found.match};
    return ERR_OK;
}

err_t track_match_all(const track_shelves_t *shelves, const track_wanted_t *wanted, size_t count,
                      track_found_t *out_found)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    if (shelves->root_count > TRACK_MATCH_ROOTS_MAX)
        return ERR_INVALID;
    TRY(catalog_read_begin(shelves->catalog, &scratch, &read));
    for (size_t i = 0; i < count; i++) {
        matcher_t matcher = {
            .scratch = &scratch, .read = read, .shelves = shelves, .wanted = &wanted[i]};
        TRY(match_one(&matcher, &out_found[i]));
        arena_reset(&scratch);
    }
    return ERR_OK;
}
