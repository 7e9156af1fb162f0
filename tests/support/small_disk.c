#include "tests/support/small_disk.h"

#include "runtime/base/assert.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_ballast(const small_disk_t *self, size_t size)
{
    static const char piece[4096];
    int fd = open(self->ballast.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT(fd >= 0);
    for (; size > 0; size -= MIN(size, sizeof piece))
        ASSERT(write(fd, piece, sizeof piece) == (ssize_t)sizeof piece);
    close(fd);
}

bool small_disk_mount(small_disk_t *self, temporary_name_t path, size_t size)
{
    char options[64];
    *self = (small_disk_t){.path = path};
    snprintf(self->ballast.path, sizeof self->ballast.path, "%.*s/ballast",
             (int)sizeof self->ballast.path - 16, path.path);
    snprintf(options, sizeof options, "size=%zu", size);
    ASSERT(mkdir(path.path, 0700) == 0);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", path.path, "tmpfs", 0, options) != 0)
        return false;
    self->is_mounted = true;
    put_ballast(self, size / 4);
    return true;
}

void small_disk_limit(small_disk_t *self, size_t size)
{
    *self = (small_disk_t){.is_limited = true};
    signal(SIGXFSZ, SIG_IGN);
    ASSERT(getrlimit(RLIMIT_FSIZE, &self->before) == 0);
    ASSERT(setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, self->before.rlim_max}) == 0);
}

void small_disk_give_space(small_disk_t *self)
{
    if (self->is_mounted)
        unlink(self->ballast.path);
    if (self->is_limited)
        ASSERT(setrlimit(RLIMIT_FSIZE, &self->before) == 0);
    self->is_limited = false;
}

void small_disk_remove(small_disk_t *self)
{
    small_disk_give_space(self);
    if (self->is_mounted)
        umount(self->path.path);
    self->is_mounted = false;
}
