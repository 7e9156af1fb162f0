#include "actors/library/lyrics.h"

#include "actors/library/lrc.h"

#include <fcntl.h>
#include <unistd.h>

/* The ending is matched without case, as the walk did. */
static int open_lrc(int root_fd, str_t path, arena_t *arena)
{
    static const char *const endings[] = {"lrc", "LRC", "Lrc"};
    size_t dot = str_find_last(path, '.');
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        str_t name = arena_printf(arena, "%.*s.%s", STR_ARG(str_slice(path, 0, dot)), endings[i]);
        int fd =
            name.data == NULL ? -1 : openat(root_fd, name.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

static str_t read_lrc(int root_fd, str_t path, arena_t *arena)
{
    size_t size = 0;
    int fd = open_lrc(root_fd, path, arena);
    char *text = fd < 0 ? NULL : arena_new(arena, LRC_SIZE_MAX);
    while (text != NULL && size < LRC_SIZE_MAX) {
        ssize_t got = read(fd, text + size, LRC_SIZE_MAX - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return (str_t){text, size};
}

err_t lyrics_take(const media_file_t *file, int root_fd, bool has_lrc, blob_folder_t *blobs,
                  arena_t *arena, library_track_t *track)
{
    lrc_t lrc = {0};
    blob_hash_t hash;
    buf_t canonical BUF_SCOPED = BUF_INIT;
    str_t text = has_lrc ? read_lrc(root_fd, track->path, arena) : (str_t){NULL, 0};
    if (text.size == 0)
        text = file->synced_lyrics.size > 0 ? file->synced_lyrics : file->lyrics;
    if (text.size == 0)
        return ERR_OK;
    TRY(lrc_parse(text, arena, &lrc));
    lrc_append(&lrc, &canonical);
    TRY(buf_status(&canonical));
    track->is_synced = lrc.is_synced;
    if (canonical.size <= LIBRARY_LYRICS_INLINE_MAX) {
        track->lyrics = arena_str(arena, buf_str(&canonical));
        return track->lyrics.data == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    TRY(blob_put(blobs, buf_str(&canonical), &hash));
    track->lyrics_blob = arena_str(arena, str_from(hash.text));
    return track->lyrics_blob.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}
