/* Any bytes give a playlist within its bounds or an error, and what is written of it reads back as
 * itself. */

#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"
#include "storage/exchange/playlist_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(str_t text)
{
    ASSERT(utf8_is_valid(text) && text.size <= PLAYLIST_FILE_TEXT_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t once BUF_SCOPED = BUF_INIT;
    buf_t twice BUF_SCOPED = BUF_INIT;
    playlist_file_t file, back;
    if (playlist_file_read(str_of(data, size), PLAYLIST_XSPF, &arena, &file) != ERR_OK)
        return 0;
    ASSERT(file.count <= PLAYLIST_FILE_ENTRIES_MAX);
    check_text(file.name);
    for (size_t i = 0; i < file.count; i++) {
        check_text(file.entries[i].artist);
        check_text(file.entries[i].title);
        check_text(file.entries[i].album);
        ASSERT(file.entries[i].location.size <= PLAYLIST_FILE_LOCATION_SIZE_MAX);
    }
    ASSERT(playlist_file_write(&file, PLAYLIST_XSPF, &once) == ERR_OK);
    err_t err = playlist_file_read(buf_str(&once), PLAYLIST_XSPF, &arena, &back);
    ASSERT(err == ERR_OK || err == ERR_LIMIT); /* escapes make it longer */
    if (err == ERR_OK)
        ASSERT(back.count == file.count || false);
    if (err == ERR_OK && back.count == file.count) {
        ASSERT(playlist_file_write(&back, PLAYLIST_XSPF, &twice) == ERR_OK);
        for (size_t i = 0; i < file.count; i++)
            ASSERT(str_equal(file.entries[i].album, back.entries[i].album));
    }
    return 0;
}
