#pragma once
/* probe.h -- what is in an audio file: tags and technical data.
 *
 * FLAC, MP3 and Ogg (Vorbis, Opus) are read here, with a few reads of the file and every bound
 * checked; all else, and what they do not settle, goes to libavformat (probe_libav.c).
 *
 * Ownership  Results lie in the arena. Threads    None; one prober serves one thread. */

#include "media/tags/source.h"
#include "media/tags/tag_set.h"

enum { PROBE_HASH_SIZE = 64 * 1024 };

/* One file on its way. */
typedef struct probe {
    source_t source;
    arena_t *arena;
    media_file_t *file;
    media_audio_t *audio;
    tag_set_t *tags;
    str_t extension; /* lower case, without the dot */
} probe_t;

/* What every format's reader says. OK: all there. UNSUPPORTED: not mine, or not settled: ask
 * libavformat. INVALID: mine, but damaged; file->reason says how. */
err_t probe_flac(probe_t *self, uint64_t at);
err_t probe_mpeg(probe_t *self, uint64_t at, bool may_search);
err_t probe_ogg(probe_t *self);
err_t probe_libav(probe_t *self); /* may keep tags found so far */

/* Reads ID3v2 tags at the offset; *out_end is where they end (the offset itself: none). */
void probe_id3v2(probe_t *self, uint64_t at, uint64_t *out_end);
/* Reads an ID3v1 and an APEv2 tag at the end, for what is not known yet. */
void probe_id3v1(probe_t *self, uint64_t *out_audio_end);
/* Vorbis comments (vendor first) of a whole packet, without its framing. Pictures in base64 too. */
void probe_vorbis_comment(probe_t *self, str_t packet);
/* The body of a FLAC PICTURE block of which `head` is the beginning, at `offset` in the file. */
void probe_flac_picture(probe_t *self, uint64_t offset, uint64_t size);

/* audio_hash from the stream's first bytes and the sample count. */
void probe_hash(probe_t *self, str_t stream);

/* The whole: never fails, problems stand in the file's err and reason. */
void probe_file(int fd, str_t name, arena_t *arena, tag_set_t *tags, char *window, uint32_t index,
                media_file_t *out_file);

/* Finds the embedded cover's bytes (in the arena). NOT_FOUND; LIMIT: over MEDIA_COVER_MAX. */
err_t probe_cover(int fd, str_t name, arena_t *arena, str_t *out_bytes);
