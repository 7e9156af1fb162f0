#pragma once
/* tag_keys.h -- which tag goes where: the names of Vorbis comments, ID3 frames, MP4 and APE items.
 *
 * Threads  Constant data. */

#include "runtime/base/str.h"

typedef enum tag_kind {
    TAG_KIND_TEXT,   /* at = offset of a str_t in media_file_t; the first one counts */
    TAG_KIND_DATE,   /* the same, as YYYY[-MM[-DD]] */
    TAG_KIND_LYRICS, /* plain or LRC, by what is in it */
    TAG_KIND_LIST,   /* at = tag_list_t */
    TAG_KIND_CREDIT, /* role */
    TAG_KIND_NUMBER, /* at = offset of a uint32_t; "3" or "3/12": the total goes to at + 4 */
    TAG_KIND_FLAG,   /* at = offset of a bool */
    TAG_KIND_GAIN,   /* at = offset of a double; the bool of its scope is set */
    TAG_KIND_PEAK,
    TAG_KIND_R128, /* RFC 7845, 5.2.1 */
    TAG_KIND_YEAR,
    TAG_KIND_DAY_MONTH,
    TAG_KIND_PERFORMER /* "name (instrument)" */
} tag_kind_t;

typedef struct tag_key {
    const char *name; /* letters and digits, lower case */
    tag_kind_t kind;
    size_t at;
    const char *role;
} tag_key_t;

/* NULL: not a key that is used. The name in lower case letters and digits. */
const tag_key_t *tag_key_find(str_t name);
/* For the test that the table is in order. */
const tag_key_t *tag_key_at(size_t index, size_t *out_count);
/* Of ID3v1 and its extension by Winamp; NULL: no such number. */
const char *tag_genre_name(uint32_t number);
