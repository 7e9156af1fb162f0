#pragma once
/* playlist_file_parts.h -- what the two formats share: for storage/exchange only. */

#include "storage/exchange/playlist_file.h"

/* Entries as they come. */
typedef struct playlist_reader {
    arena_t *arena;
    buf_t entries; /* of playlist_file_entry_t */
    str_t name;
} playlist_reader_t;

void playlist_reader_deinit(playlist_reader_t *self);
#define PLAYLIST_READER_SCOPED SCOPED(playlist_reader_deinit)

/* Text without control characters and blanks at its ends, at most PLAYLIST_FILE_TEXT_SIZE_MAX, in
 * the arena. NO_MEMORY. */
err_t playlist_reader_text(playlist_reader_t *self, str_t text, str_t *out_text);
/* A path or an address as it was written; is_uri: percent-encoded. LIMIT, NO_MEMORY. */
err_t playlist_reader_location(playlist_reader_t *self, str_t text, bool is_uri,
                               str_t *out_location);
/* LIMIT, NO_MEMORY. */
err_t playlist_reader_add(playlist_reader_t *self, const playlist_file_entry_t *entry);
err_t playlist_reader_end(playlist_reader_t *self, playlist_file_t *out_file);

/* Of the form "http://...". */
bool playlist_location_has_scheme(str_t location);
/* The same text without control characters: each becomes a blank. */
void playlist_append_clean(buf_t *out, str_t text);

err_t m3u_read(playlist_reader_t *self, str_t bytes, bool is_utf8);
void m3u_write(const playlist_file_t *file, buf_t *out);
err_t xspf_read(playlist_reader_t *self, str_t bytes);
void xspf_write(const playlist_file_t *file, buf_t *out);
