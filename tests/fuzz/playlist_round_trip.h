#pragma once
/* playlist_round_trip.h -- any bytes give a playlist within its bounds or an error, and what is
 * written of it reads back as itself. */

#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"
#include "storage/exchange/playlist_file.h"

static inline void check_text(str_t text)
{
    ASSERT(utf8_is_valid(text) && text.size <= PLAYLIST_FILE_TEXT_SIZE_MAX);
}

static inline void check_bounds(const playlist_file_t *file)
{
    ASSERT(file->count <= PLAYLIST_FILE_ENTRIES_MAX);
    check_text(file->name);
    for (size_t i = 0; i < file->count; i++) {
        check_text(file->entries[i].artist);
        check_text(file->entries[i].title);
        check_text(file->entries[i].album);
        ASSERT(file->entries[i].location.size <= PLAYLIST_FILE_LOCATION_SIZE_MAX);
    }
}

/* may_lose: a format that cannot write every entry that it reads. */
static inline void check_round_trip(str_t bytes, playlist_format_t format, bool may_lose)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t once BUF_SCOPED = BUF_INIT;
    buf_t twice BUF_SCOPED = BUF_INIT;
    playlist_file_t file, back;
    if (playlist_file_read(bytes, format, &arena, &file) != ERR_OK)
        return;
    check_bounds(&file);
    ASSERT(playlist_file_write(&file, format, &once) == ERR_OK);
    err_t err = playlist_file_read(buf_str(&once), format, &arena, &back);
    ASSERT(err == ERR_OK || err == ERR_LIMIT); /* escapes make it longer */
    if (err != ERR_OK)
        return;
    ASSERT(back.count == file.count || (may_lose && back.count < file.count));
    if (back.count != file.count)
        return;
    ASSERT(playlist_file_write(&back, format, &twice) == ERR_OK);
    for (size_t i = 0; i < file.count; i++)
        ASSERT(str_equal(file.entries[i].album, back.entries[i].album));
}
