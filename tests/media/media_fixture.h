#pragma once
/* media_fixture.h -- files made on the spot, and what a rendition sounds like when a player decodes
 * it. */

#include "media/demo/compose.h"
#include "media/protocol/segments.h"
#include "media/tags/probe.h"

/* An unlinked temporary file, empty, to read and write. */
int fixture_file(void);
int fixture_bytes(str_t bytes);
/* A wave coded and written with tags; the descriptor is read-only in effect. */
int fixture_audio(const demo_wave_t *wave, demo_format_t format, const demo_tag_t *tags,
                  size_t tag_count, str_t cover);
/* Everything a probe says, in the arena. */
media_file_t fixture_probe(int fd, const char *name, arena_t *arena);
segment_source_t fixture_source(const media_file_t *file);

/* Encodes segments [first, first + count) of a source into files. */
void fixture_encode(int source, const char *name, const segment_source_t *format,
                    rendition_t rendition, uint32_t first, uint32_t count, int *out_fds);
/* All that is in a file. */
void fixture_read(int fd, buf_t *out);
/* Decodes init and segments as a player does: mono mix as floats, priming and padding still in. */
void fixture_decode(str_t mp4, demo_wave_t *out_wave);
