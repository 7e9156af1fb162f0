#pragma once
/* walk.h -- walks a music folder and tells what differs from what is known of it.
 *
 * A walk is taken in steps, so that it can be cancelled and asked how far it is. Real folders come
 * first, then folders behind symbolic links, each of those once and only if it was not seen before:
 * so a loop ends and nothing is met twice. Symbolic links to files are not followed; they are
 * problems. Names that begin with a dot are left out. A name is bytes, it need not be UTF-8.
 *
 * The stamp of a file is its mtime in ns, mixed with those of the .lrc file beside it and of its
 * folder's cover, if they are there: a change of either is a change of the file.
 *
 * Ownership  The walk owns all that it found; what walk_... gives is borrowed until the next step.
 * It borrows `known` until walk_end. Threads    One at a time; it blocks on the disk. Errors     A
 * folder that can't be read is a problem, not an error. Errors are of the root itself (NOT_FOUND,
 * FORBIDDEN, ...), NO_MEMORY, and LIMIT past WALK_FILES_MAX. */

#include "actors/library/known.h"
#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

enum {
    WALK_FILES_MAX = 16 * 1000 * 1000,
    WALK_DEPTH_MAX = 64,
    WALK_PATH_SIZE_MAX = 4095,
    WALK_PROBLEMS_MAX = 1000, /* kept; further ones are counted */
};

/* A file to be read, with the folder's path in front of its name. */
typedef struct walk_file {
    size_t path_begin, path_size; /* in walk_t.text */
    uint64_t size_bytes;
    int64_t stamp;
    uint32_t folder; /* in walk_t.folders */
    bool has_lrc;
} walk_file_t;

/* A folder in which something is to be read. */
typedef struct walk_folder {
    size_t path_begin, path_size;
    size_t cover_begin, cover_size; /* its cover's path; size 0: none */
    int64_t cover_stamp;
} walk_folder_t;

typedef struct walk_problem {
    size_t path_begin, path_size;
    uint64_t size_bytes;
    int64_t stamp;
    const char *reason;
    bool is_folder;
} walk_problem_t;

typedef struct walk_visit {
    size_t path_begin, path_size;
} walk_visit_t;

typedef struct walk {
    int root_fd;
    bool is_full;      /* everything counts as changed */
    bool is_recursive; /* folders below, too */
    known_t *known;
    buf_t text;      /* every path */
    buf_t files;     /* of walk_file_t */
    buf_t folders;   /* of walk_folder_t */
    buf_t problems;  /* of walk_problem_t */
    buf_t returned;  /* of uint64_t: track ids of files that are back, unchanged */
    buf_t pending;   /* of folders to visit, newest last */
    buf_t links;     /* of folders behind symbolic links, visited after all others */
    known_t visited; /* of (device, inode) of folders */
    buf_t visits;    /* of walk_visit_t: the folders that were read */
    uint64_t files_seen, problem_count;
} walk_t;

void walk_deinit(walk_t *self);
#define WALK_SCOPED SCOPED(walk_deinit)

/* Begins at the root's folder `begin` (relative; empty: the root). May be called again for further
 * folders. One that is not there any more is no error: its files will not be seen. */
err_t walk_begin(walk_t *self, const char *root_path, str_t begin);
/* Goes on for about this many directory entries. */
err_t walk_step(walk_t *self, uint64_t entries_max, bool *out_is_done);

size_t walk_file_count(const walk_t *self);
const walk_file_t *walk_file_at(const walk_t *self, size_t index);
const walk_folder_t *walk_folder_at(const walk_t *self, size_t index);
size_t walk_folder_count(const walk_t *self);
/* Paths of the folders that were read. */
size_t walk_visited_count(const walk_t *self);
str_t walk_visited_at(const walk_t *self, size_t index);
size_t walk_problem_count(const walk_t *self);
const walk_problem_t *walk_problem_at(const walk_t *self, size_t index);
str_t walk_text(const walk_t *self, size_t begin, size_t size);
static inline str_t walk_file_path(const walk_t *self, const walk_file_t *file)
{
    return walk_text(self, file->path_begin, file->path_size);
}
/* Whether the path lies in or below a folder that could not be read. */
bool walk_is_unreadable(const walk_t *self, str_t path);

/* Whether a scan looks at a file of this name. */
bool walk_is_audio(str_t name);
/* 0: not a cover's name; otherwise the smaller the better. */
int walk_cover_rank(str_t name);
