#include "media/tags/probe.h"

#include "runtime/base/xxh64.h"

void probe_hash(probe_t *self, str_t stream)
{
    uint64_t hash = xxh64(stream, self->audio->total_samples);
    self->audio->audio_hash = hash == 0 ? 1 : hash;
}

static str_t extension_of(str_t name, arena_t *arena)
{
    size_t dot = str_find_last(name, '.');
    str_t extension = str_slice(name, dot + 1, name.size);
    if (extension.size > 8)
        return (str_t){0};
    char lower[8];
    for (size_t i = 0; i < extension.size; i++) {
        char c = extension.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return arena_str(arena, str_of(lower, extension.size));
}

static err_t probe_by_content(probe_t *self)
{
    uint64_t at;
    probe_id3v2(self, 0, &at);
    str_t head = source_at(&self->source, at, 16);
    if (head.size >= 4 && memcmp(head.data, "fLaC", 4) == 0)
        return probe_flac(self, at);
    if (head.size >= 4 && memcmp(head.data, "OggS", 4) == 0)
        return probe_ogg(self);
    bool says_mpeg = at > 0 || str_equal(self->extension, STR("mp3"));
    if (head.size >= 2 &&
        (says_mpeg || ((unsigned char)head.data[0] == 0xff && (head.data[1] & 0xe0) == 0xe0)))
        return probe_mpeg(self, at, says_mpeg);
    return ERR_UNSUPPORTED;
}

static void refuse(media_file_t *file, err_t err, str_t reason)
{
    file->err = err;
    if (file->reason.size == 0)
        file->reason = reason;
}

static void finish(probe_t *self)
{
    media_audio_t *audio = self->audio;
    tag_set_finish(self->tags);
    audio->duration_ms =
        audio->sample_rate == 0
            ? 0
            : (uint64_t)((double)audio->total_samples * 1000.0 / audio->sample_rate);
    self->file->audio.items = audio;
    self->file->audio.count = 1;
}

static bool is_sane(const media_audio_t *audio)
{
    return audio->sample_rate > 0 && audio->sample_rate <= MEDIA_SAMPLE_RATE_MAX &&
           audio->channels > 0 && audio->channels <= 64 && audio->total_samples > 0;
}

static void probe_source(probe_t *self)
{
    err_t err = probe_by_content(self);
    if (err == ERR_UNSUPPORTED) {
        *self->audio = (media_audio_t){0};
        err = probe_libav(self);
    }
    if (err == ERR_OK && !is_sane(self->audio))
        err = ERR_INVALID;
    if (err == ERR_OK)
        finish(self);
    else if (err == ERR_UNSUPPORTED)
        refuse(self->file, err, STR("this is not audio of a known kind"));
    else
        refuse(self->file, err, STR("the audio is damaged"));
}

void probe_file(int fd, str_t name, arena_t *arena, tag_set_t *tags, char *window, uint32_t index,
                media_file_t *out_file)
{
    media_audio_t *audio = arena_new(arena, sizeof *audio);
    *out_file = (media_file_t){.index = index};
    probe_t self = {.arena = arena, .file = out_file, .audio = audio, .tags = tags};
    tag_set_init(tags, arena, out_file);
    self.extension = extension_of(name, arena);
    err_t err = audio == NULL ? ERR_NO_MEMORY : source_init(&self.source, fd, window);
    if (err != ERR_OK)
        refuse(out_file, err, STR("the file can't be read"));
    else if (self.source.size == 0)
        refuse(out_file, ERR_INVALID, STR("the file is empty"));
    else
        probe_source(&self);
    if (out_file->err != ERR_OK) /* no half-read tags of what is refused */
        *out_file =
            (media_file_t){.index = index, .err = out_file->err, .reason = out_file->reason};
}
