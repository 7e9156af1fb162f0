#include "actors/library/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    WATCH_MASK = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR |
                 IN_EXCL_UNLINK,
    WATCH_READS_MAX = 64, /* buffers in one call */
};

err_t watch_open(watch_t *self)
{
    *self = (watch_t){0};
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return errno == ENOSYS ? ERR_UNSUPPORTED : err_from_errno(errno);
    self->fd = fd;
    return ERR_OK;
}

void watch_close(watch_t *self)
{
    if (self->fd > 0)
        close(self->fd);
    buf_deinit(&self->text);
    buf_deinit(&self->folders);
    *self = (watch_t){0};
}

static watch_folder_t *folder_at(watch_t *self, int descriptor)
{
    size_t index = (size_t)descriptor;
    if (descriptor < 0 || index >= self->folders.size / sizeof(watch_folder_t))
        return NULL;
    return (watch_folder_t *)(void *)(self->folders.data + index * sizeof(watch_folder_t));
}

err_t watch_add(watch_t *self, const char *root_path, str_t folder)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/%.*s", root_path, STR_ARG(folder));
    if (self->fd <= 0 || size <= 0 || (size_t)size >= sizeof path)
        return ERR_LIMIT;
    int descriptor = inotify_add_watch(self->fd, path, WATCH_MASK);
    if (descriptor < 0)
        return errno == ENOSPC ? ERR_LIMIT : err_from_errno(errno);
    /* Descriptors count up; a folder's entry lies at its own. */
    if (descriptor > WATCH_FOLDERS_MAX) {
        inotify_rm_watch(self->fd, descriptor);
        return ERR_LIMIT;
    }
    while (folder_at(self, descriptor) == NULL) {
        static const watch_folder_t unused;
        buf_append_bytes(&self->folders, &unused, sizeof unused);
        TRY(buf_status(&self->folders));
    }
    watch_folder_t *entry = folder_at(self, descriptor);
    if (entry->is_used && str_equal(str_slice(buf_str(&self->text), entry->path_begin,
                                              entry->path_begin + entry->path_size),
                                    folder))
        return ERR_OK;
    *entry = (watch_folder_t){self->text.size, folder.size, true};
    buf_append(&self->text, folder);
    return buf_status(&self->text);
}

str_t watch_touched_at(const watch_touched_t *self, size_t index)
{
    return str_slice(buf_str(&self->text), self->paths[index].begin,
                     self->paths[index].begin + self->paths[index].size);
}

void watch_touched_reset(watch_touched_t *self)
{
    buf_reset(&self->text);
    self->count = 0;
    self->is_overflow = false;
}

void watch_touched_deinit(watch_touched_t *self)
{
    buf_deinit(&self->text);
    *self = (watch_touched_t){0};
}

void watch_touch(watch_touched_t *self, str_t folder)
{
    for (size_t i = 0; i < self->count; i++)
        if (str_equal(watch_touched_at(self, i), folder))
            return;
    if (self->count == WATCH_TOUCHED_MAX) {
        self->is_overflow = true;
        return;
    }
    size_t begin = self->text.size;
    buf_append(&self->text, folder);
    if (buf_status(&self->text) != ERR_OK) {
        self->is_overflow = true;
        return;
    }
    self->paths[self->count].begin = begin;
    self->paths[self->count++].size = folder.size;
}

static void take_event(watch_t *self, const struct inotify_event *event, watch_touched_t *touched)
{
    watch_folder_t *folder = folder_at(self, event->wd);
    if (event->mask & IN_Q_OVERFLOW)
        touched->is_overflow = true;
    if (folder == NULL || !folder->is_used)
        return;
    if (event->mask & IN_IGNORED)
        folder->is_used = false;
    else if (event->len == 0 || event->name[0] != '.') /* as the walk, which leaves these out */
        watch_touch(touched, str_slice(buf_str(&self->text), folder->path_begin,
                                       folder->path_begin + folder->path_size));
}

bool watch_read(watch_t *self, watch_touched_t *touched)
{
    _Alignas(struct inotify_event) char room[16384];
    bool has_any = false;
    for (int i = 0; i < WATCH_READS_MAX && self->fd > 0; i++) {
        ssize_t size = read(self->fd, room, sizeof room);
        if (size <= 0)
            break;
        has_any = true;
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(room + at);
            take_event(self, event, touched);
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return has_any;
}
