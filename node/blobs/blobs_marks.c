/* blobs_marks.c -- what the catalog refers to: covers of tracks, albums and artists, long lyrics.
 *
 * All of it is read in one transaction, so that a track that moves in the list meanwhile is not
 * missed. It is as new as the journal was before: the catalog of a node that was just started, or
 * is being built anew, would know of nothing. */

#include "actors/library/library_lookup.h"
#include "node/blobs/blobs.h"

enum { CATCH_UP_TURNS_MAX = 600, CATCH_UP_TURN_MS = 100 };

typedef struct marking {
    catalog_read_t read;
    arena_t arena;
    blob_marks_t *marks;
} marking_t;

static void marking_end(marking_t *self)
{
    catalog_read_end(&self->read);
    arena_deinit(&self->arena);
}

static err_t mark_track(marking_t *self, uint64_t id)
{
    catalog_track_t track;
    TRY(catalog_track(&self->read, id, &track));
    TRY(blob_marks_add(self->marks, track.artwork));
    return blob_marks_add(self->marks, track.lyrics_blob);
}

static err_t mark_album(marking_t *self, uint64_t id)
{
    catalog_album_t album;
    TRY(catalog_album(&self->read, id, &album));
    return blob_marks_add(self->marks, album.artwork);
}

static err_t mark_artist(marking_t *self, uint64_t id)
{
    catalog_artist_t artist;
    TRY(catalog_artist(&self->read, id, &artist));
    return blob_marks_add(self->marks, artist.artwork);
}

static err_t mark_list(marking_t *self, catalog_list_t list,
                       err_t (*mark)(marking_t *self, uint64_t id),
                       const _Atomic bool *is_cancelled)
{
    buf_t cursor BUF_SCOPED = BUF_INIT;
    catalog_page_t page = {.has_more = true};
    while (page.has_more) {
        catalog_page_options_t options = {.list = list, .after = buf_str(&cursor)};
        if (atomic_load(is_cancelled))
            return ERR_CANCELLED;
        arena_reset(&self->arena);
        TRY(catalog_page(&self->read, &options, &page));
        for (size_t i = 0; i < page.count; i++)
            TRY(mark(self, page.items[i].id));
        buf_reset(&cursor);
        if (page.count > 0)
            buf_append(&cursor, page.items[page.count - 1].cursor);
        TRY(buf_status(&cursor));
    }
    return ERR_OK;
}

/* In turns: a node that stops waits for none of it. */
static err_t catch_up(projection_t *projection, journal_t *journal,
                      const _Atomic bool *is_cancelled)
{
    err_t err = ERR_TIMEOUT;
    for (int i = 0; err == ERR_TIMEOUT && i < CATCH_UP_TURNS_MAX; i++) {
        if (atomic_load(is_cancelled))
            return ERR_CANCELLED;
        err = library_catch_up(projection, journal, CATCH_UP_TURN_MS);
    }
    return err;
}

err_t blobs_mark(catalog_t *catalog, projection_t *projection, journal_t *journal,
                 const _Atomic bool *is_cancelled, blob_marks_t *out_marks)
{
    marking_t marking SCOPED(marking_end) = {.marks = out_marks};
    TRY(catch_up(projection, journal, is_cancelled));
    TRY(catalog_read_begin(catalog, &marking.arena, &marking.read));
    TRY(mark_list(&marking, CATALOG_TRACKS_BY_PATH, mark_track, is_cancelled));
    TRY(mark_list(&marking, CATALOG_ALBUMS_BY_TITLE, mark_album, is_cancelled));
    TRY(mark_list(&marking, CATALOG_ARTISTS_BY_NAME, mark_artist, is_cancelled));
    blob_marks_end(out_marks);
    return ERR_OK;
}
