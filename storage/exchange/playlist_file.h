#pragma once
/* playlist_file.h -- playlists as files: M3U (with its extended lines) and XSPF.
 *
 * An entry says where its sound lies and what it is called; what a format has no place for is empty
 * or 0. Text is UTF-8 without control characters; a location is a path with '/' between its parts,
 * absolute or not, or, where it has another scheme than file:, an address. M3U names artist and
 * title in one ("Artist - Title"): without an #EXTART line all of it is the title here.
 *
 * Reading M3U: a byte order mark, CRLF and blank lines are fine; text that is not UTF-8 is taken
 * for Latin-1, but not in what calls itself .m3u8 or begins with the mark. Reading XSPF: a document
 * type is refused, and with it every entity that the document would declare.
 *
 * Ownership  What was read lies in the caller's arena.
 * Threads    None: pure functions.
 * Errors     INVALID: not such a file; LIMIT: larger than PLAYLIST_FILE_SIZE_MAX, more entries than
 *            PLAYLIST_FILE_ENTRIES_MAX, or a location over PLAYLIST_FILE_LOCATION_SIZE_MAX;
 *            NO_MEMORY. */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

enum {
    PLAYLIST_FILE_SIZE_MAX = 8 * 1024 * 1024,
    PLAYLIST_FILE_ENTRIES_MAX = 10000,
    PLAYLIST_FILE_LOCATION_SIZE_MAX = 4096,
    PLAYLIST_FILE_TEXT_SIZE_MAX = 1024, /* of a name; what is longer is cut */
    PLAYLIST_FILE_DEPTH_MAX = 32        /* of XML elements */
};

typedef enum playlist_format { PLAYLIST_M3U, PLAYLIST_M3U8, PLAYLIST_XSPF } playlist_format_t;

typedef struct playlist_file_entry {
    str_t location, artist, title, album;
    uint64_t duration_ms; /* 0: not said */
} playlist_file_entry_t;

typedef struct playlist_file {
    str_t name; /* empty: not said */
    const playlist_file_entry_t *entries;
    size_t count;
} playlist_file_t;

/* "m3u", "m3u8", "xspf", also as the end of a file's name; any case. INVALID. */
err_t playlist_format_of(str_t name, playlist_format_t *out_format);
/* For HTTP. */
str_t playlist_format_type(playlist_format_t format);

err_t playlist_file_read(str_t bytes, playlist_format_t format, arena_t *arena,
                         playlist_file_t *out_file);
/* Appends it; always UTF-8. What reads back is the same, but for parts of a second in M3U, and for
 * line ends and other control characters in names, which become blanks. */
err_t playlist_file_write(const playlist_file_t *file, playlist_format_t format, buf_t *out);
