#pragma once
/* tag_set.h -- collects the tags of one file under the names that taggers use, and makes a
 * media_file_t.
 *
 * Keys are compared by their letters and digits only, without case: "MUSICBRAINZ_ALBUMID" is
 * "MusicBrainz Album Id". A key that is not known is skipped. Repeated keys of a field with one
 * value: the first counts. Several artists: repeated tags, values parted by NUL or ';' or " / ",
 * and guests after "feat."; the credit keeps the file's own words.
 *
 * Limits     MEDIA_TEXT_MAX, MEDIA_LYRICS_MAX, MEDIA_VALUES_MAX, MEDIA_CREDITS_MAX, and TAG_BUDGET
 * bytes of text a file; what is over is dropped or cut. Ownership  Everything lies in the arena.
 * Threads    None. */

#include "media/protocol/media.h"
#include "media/tags/charset.h"

enum { TAG_BUDGET = 640 * 1024, TAG_KEY_MAX = 64 };

typedef enum tag_list {
    TAG_ARTIST,  /* as credited */
    TAG_ARTISTS, /* one by one */
    TAG_ARTIST_SORT,
    TAG_ARTIST_MBID,
    TAG_ALBUM_ARTIST,
    TAG_ALBUM_ARTISTS,
    TAG_ALBUM_ARTIST_SORT,
    TAG_ALBUM_ARTIST_MBID,
    TAG_GENRE,
    TAG_MOOD,
    TAG_LANGUAGE,
    TAG_LISTS
} tag_list_t;

typedef struct tag_values {
    str_t items[MEDIA_VALUES_MAX];
    uint32_t count;
} tag_values_t;

typedef struct tag_set {
    arena_t *arena;
    media_file_t *file;
    size_t budget;
    uint32_t credit_count;
    str_t year, day_month; /* of ID3v2.3: TYER and TDAT */
    tag_values_t lists[TAG_LISTS];
    media_credit_t credits[MEDIA_CREDITS_MAX];
} tag_set_t;

void tag_set_init(tag_set_t *self, arena_t *arena, media_file_t *file);
void tag_add(tag_set_t *self, str_t key, str_t raw, charset_t charset);
void tag_add_credit(tag_set_t *self, str_t role, str_t name);
/* The picture's own bytes, as far as at hand: at least both ends of TAG_COVER_END bytes. */
enum { TAG_COVER_END = 16 * 1024 };
void tag_set_cover(tag_set_t *self, str_t type, uint64_t size, str_t head, str_t tail);
/* Moves the lists into the file. */
void tag_set_finish(tag_set_t *self);
