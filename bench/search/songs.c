#include "bench/search/songs.h"

#include "runtime/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static void read_file(const char *name, buf_t *out)
{
    const char *source = getenv("MS_SOURCE");
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/tests/fixtures/search/%s", source == NULL ? "." : source, name);
    FILE *file = fopen(buf_terminated(&path), "r");
    if (file == NULL) {
        fprintf(stderr, "%s: not there\n", buf_terminated(&path));
        exit(1);
    }
    char piece[4096];
    for (size_t size; (size = fread(piece, 1, sizeof piece, file)) > 0;)
        buf_append_bytes(out, piece, size);
    fclose(file);
    ASSERT(buf_status(out) == ERR_OK);
}

static str_t next_part(str_t *line)
{
    str_t part;
    ASSERT(str_next(line, '|', &part) && part.size > 0);
    return part;
}

void songs_load(songs_t *self)
{
    *self = (songs_t){0};
    read_file("songs.txt", &self->text);
    str_t rest = buf_str(&self->text), line;
    while (str_next(&rest, '\n', &line)) {
        if (line.size == 0)
            continue;
        ASSERT(self->count < SONGS_MAX);
        song_t *song = &self->items[self->count++];
        song->title = next_part(&line);
        song->artist = next_part(&line);
        song->album = next_part(&line);
        song->genre = next_part(&line);
        ASSERT(str_to_u32(next_part(&line), &song->year) == ERR_OK);
    }
}

void songs_deinit(songs_t *self)
{
    buf_deinit(&self->text);
}

static uint32_t song_of(const songs_t *songs, str_t title)
{
    for (uint32_t i = 0; i < songs->count; i++)
        if (str_equal(songs->items[i].title, title))
            return i;
    fprintf(stderr, "no song is called \"%.*s\"\n", STR_ARG(title));
    exit(1);
}

void songs_load_misspellings(const songs_t *songs, const char *name, songs_misspellings_t *out)
{
    *out = (songs_misspellings_t){0};
    read_file(name, &out->text);
    str_t rest = buf_str(&out->text), line;
    while (str_next(&rest, '\n', &line)) {
        if (line.size == 0)
            continue;
        ASSERT(out->count < SONGS_TYPED_MAX);
        songs_typed_t *typed = &out->items[out->count++];
        typed->text = next_part(&line);
        typed->song = song_of(songs, next_part(&line));
    }
}

void songs_misspellings_deinit(songs_misspellings_t *self)
{
    buf_deinit(&self->text);
}
