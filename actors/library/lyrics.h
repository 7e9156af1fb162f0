#pragma once
/* lyrics.h -- which of a file's lyrics are kept: the .lrc file beside it, else synced ones from its
 * tags, else plain ones; in lrc.h's canonical form; long ones as a blob. Touches the disk. */

#include "actors/protocol/library.h"
#include "media/protocol/media.h"
#include "runtime/base/arena.h"
#include "storage/blob/blob_folder.h"

/* Sets is_synced, lyrics and lyrics_blob of `track`, whose path is set. A .lrc file that can't be
 * read counts as none. Errors: of the blob folder; NO_MEMORY. */
err_t lyrics_take(const media_file_t *file, int root_fd, bool has_lrc, blob_folder_t *blobs,
                  arena_t *arena, library_track_t *track);
