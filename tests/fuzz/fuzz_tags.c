/* Any bytes as FLAC, MP3 and Ogg files. Oracle: what comes out is valid UTF-8 within its bounds. */
#include "media/tags/probe.h"
#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(str_t text, size_t size_max)
{
    if (text.size > size_max || !utf8_is_valid(text))
        abort();
}

static void check_file(const media_file_t *file)
{
    check(file->title, MEDIA_TEXT_MAX);
    check(file->artist_credit, MEDIA_TEXT_MAX);
    check(file->date, MEDIA_TEXT_MAX);
    check(file->lyrics, MEDIA_LYRICS_MAX);
    check(file->synced_lyrics, MEDIA_LYRICS_MAX);
    check(file->cover_type, MEDIA_TEXT_MAX);
    for (uint32_t i = 0; i < file->artists.count; i++)
        check(file->artists.items[i], MEDIA_TEXT_MAX);
    for (uint32_t i = 0; i < file->credits.count; i++)
        check(file->credits.items[i].name, MEDIA_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {.size_max = 64 * 1024 * 1024};
    char *window MEMORY_SCOPED = memory_new(SOURCE_WINDOW_SIZE);
    tag_set_t *tags MEMORY_SCOPED = memory_new(sizeof *tags);
    media_file_t file = {0};
    media_audio_t audio = {0};
    if (window == NULL || tags == NULL || size < 4)
        return 0;
    int fd = memfd_create("fuzz", 0);
    probe_t probe = {.arena = &arena, .file = &file, .audio = &audio, .tags = tags};
    if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size ||
        source_init(&probe.source, fd, window) != ERR_OK)
        abort();
    tag_set_init(tags, &arena, &file);
    uint64_t at;
    probe_id3v2(&probe, 0, &at);
    str_t head = source_at(&probe.source, at, 4);
    if (head.size == 4 && memcmp(head.data, "fLaC", 4) == 0)
        IGNORE_ERR(probe_flac(&probe, at)); /* damage is what is looked for */
    else if (head.size == 4 && memcmp(head.data, "OggS", 4) == 0)
        IGNORE_ERR(probe_ogg(&probe));
    else
        IGNORE_ERR(probe_mpeg(&probe, at, true));
    tag_set_finish(tags);
    check_file(&file);
    close(fd);
    return 0;
}
