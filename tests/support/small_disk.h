#pragma once
/* small_disk.h -- a disk that fills up for real, and has space again: a file system of its own that
 * only this process sees, or, where one may not mount, files that may not grow past a size.
 *
 * Threads  One. Errors  Ends the test when it can't. */

#include "tests/support/temporary.h"

#include <sys/resource.h>

typedef struct small_disk {
    temporary_name_t path, ballast;
    struct rlimit before;
    bool is_mounted, is_limited;
} small_disk_t;

/* At `path`, which is made; a quarter of it is taken, which small_disk_give_space gives back. It
 * goes with the process, also when the test fails. False: one may not mount here. */
bool small_disk_mount(small_disk_t *self, temporary_name_t path, size_t size);
/* Files of at most `size` bytes: writes stop short there (EFBIG), as on a full disk. */
void small_disk_limit(small_disk_t *self, size_t size);
void small_disk_give_space(small_disk_t *self);
void small_disk_remove(small_disk_t *self);
#define SMALL_DISK_SCOPED SCOPED(small_disk_remove)
