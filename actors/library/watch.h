#pragma once
/* watch.h -- follows changes below a music folder with inotify.
 *
 * A watch a folder, at most WATCH_FOLDERS_MAX and what the kernel grants; what is not watched is
 * found by the next whole scan. What came in is read when asked for, never waited for.
 *
 * Ownership  The watch owns its descriptor. Threads  One at a time.
 * Errors     LIMIT: no further folder is taken; NO_MEMORY; IO, UNSUPPORTED: there is no inotify. */

#include "actors/library/walk.h"

enum { WATCH_FOLDERS_MAX = 65536, WATCH_TOUCHED_MAX = 64 };

typedef struct watch {
    int fd; /* 0: closed */
    buf_t text;
    buf_t folders; /* of watch_folder_t, by watch descriptor */
} watch_t;

typedef struct watch_folder {
    size_t path_begin, path_size; /* in text; relative to the root */
    bool is_used;
} watch_folder_t;

/* Folders in which something happened. */
typedef struct watch_touched {
    buf_t text;
    struct {
        size_t begin, size;
    } paths[WATCH_TOUCHED_MAX];
    size_t count;
    bool is_overflow; /* more than that: look at everything */
} watch_touched_t;

err_t watch_open(watch_t *self);
void watch_close(watch_t *self);
#define WATCH_SCOPED SCOPED(watch_close)
/* Again for a folder that is watched changes nothing. NOT_FOUND: it is gone. */
err_t watch_add(watch_t *self, const char *root_path, str_t folder);
/* Adds what came in since the last call; true: something did. */
bool watch_read(watch_t *self, watch_touched_t *touched);

/* Adds a folder, once. */
void watch_touch(watch_touched_t *self, str_t folder);
str_t watch_touched_at(const watch_touched_t *self, size_t index);
void watch_touched_reset(watch_touched_t *self);
void watch_touched_deinit(watch_touched_t *self);
