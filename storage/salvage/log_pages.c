#include "storage/salvage/log_pages.h"

#include "storage/bytes_at.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    PAGE_SIZE = 4096,
    PAGE_HEAD = 16,
    NODE_HEAD = 8,
    KEY_SIZE = 8,
    FLAG_BIG = 1,
    RECORD_SIZE_MAX = JOURNAL_APPEND_SIZE_MAX + 65536
};

typedef struct scanning {
    str_t page;
    uint64_t page_offset;
    log_bytes_fn read_more;
    void *more_context;
    log_page_fn visit;
    void *context;
    buf_t room;
} scanning_t;

static void scanning_end(scanning_t *self)
{
    buf_deinit(&self->room);
}

static err_t try_record(const scanning_t *self, uint64_t position, str_t bytes, uint64_t offset)
{
    stored_record_t stored;
    log_place_t place = {offset, (uint32_t)bytes.size};
    if (position == 0 || journal_record_read(position, bytes, &stored) != ERR_OK)
        return ERR_OK; /* of another table, or damaged */
    return self->visit(self->context, &place, &stored);
}

static err_t try_node(scanning_t *self, size_t at)
{
    str_t page = self->page;
    size_t key = at + NODE_HEAD, value = key + KEY_SIZE;
    size_t size = u16_at(page, at) | (size_t)u16_at(page, at + 2) << 16;
    if (u16_at(page, at + 6) != KEY_SIZE || value > page.size || size > RECORD_SIZE_MAX)
        return ERR_OK;
    uint64_t position = __builtin_bswap64(u64_at(page, key));
    if (u16_at(page, at + 4) != FLAG_BIG)
        return size > page.size - value
                   ? ERR_OK
                   : try_record(self, position, str_slice(page, value, value + size),
                                self->page_offset + value);
    if (value + sizeof(uint64_t) > page.size)
        return ERR_OK;
    uint64_t number = u64_at(page, value);
    buf_reset(&self->room);
    if (number > UINT64_MAX / PAGE_SIZE / 2 ||
        !self->read_more(self->more_context, number * PAGE_SIZE + PAGE_HEAD, size, &self->room))
        return buf_status(&self->room);
    return try_record(self, position, buf_str(&self->room), number * PAGE_SIZE + PAGE_HEAD);
}

err_t log_page_scan(str_t page, uint64_t page_offset, log_bytes_fn read_more, void *more_context,
                    log_page_fn visit, void *context)
{
    scanning_t self SCOPED(scanning_end) = {.page = page,
                                            .page_offset = page_offset,
                                            .read_more = read_more,
                                            .more_context = more_context,
                                            .visit = visit,
                                            .context = context};
    /* Offsets fill the page from the front, nodes from the back: they end where nodes begin. */
    size_t first_node = page.size;
    for (size_t at = PAGE_HEAD; at + 2 <= first_node; at += 2) {
        size_t node = u16_at(page, at);
        if (node < at + 2 || node % 2 != 0 || node + NODE_HEAD > page.size)
            continue;
        first_node = MIN(first_node, node);
        TRY(try_node(&self, node));
    }
    return ERR_OK;
}

/* ---- a file ---- */

static void fd_scope_end(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool read_at(int fd, uint64_t offset, size_t size, buf_t *out)
{
    char *room = buf_extend(out, size);
    if (room == NULL || offset > INT64_MAX - size)
        return false;
    for (size_t at = 0; at < size;) {
        ssize_t got = pread(fd, room + at, size - at, (off_t)(offset + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static bool read_of_file(void *context, uint64_t offset, size_t size, buf_t *out)
{
    return read_at(*(const int *)context, offset, size, out);
}

err_t log_pages_walk(const char *path, log_page_fn visit, void *context)
{
    int fd SCOPED(fd_scope_end) = open(path, O_RDONLY | O_CLOEXEC);
    buf_t page BUF_SCOPED = BUF_INIT;
    if (fd < 0)
        return err_from_errno(errno);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t at = 0; at + PAGE_SIZE <= size; at += PAGE_SIZE) {
        buf_reset(&page);
        if (!read_at(fd, (uint64_t)at, PAGE_SIZE, &page)) {
            TRY(buf_status(&page));
            continue; /* a bad block: the pages behind it may be whole */
        }
        TRY(log_page_scan(buf_str(&page), (uint64_t)at, read_of_file, &fd, visit, context));
    }
    return ERR_OK;
}

err_t log_pages_read(int fd, const log_place_t *place, uint64_t position, buf_t *room,
                     stored_record_t *out_stored)
{
    buf_reset(room);
    if (!read_at(fd, place->offset, place->size, room))
        return ERR_CORRUPT;
    return journal_record_read(position, buf_str(room), out_stored);
}
