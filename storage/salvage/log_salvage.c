#include "storage/salvage/log_salvage.h"

#include "runtime/base/memory.h"
#include "storage/journal/journal_feed.h"
#include "storage/journal/journal_heads.h"
#include "storage/salvage/log_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct entry {
    uint64_t position;
    log_place_t place;
    bool is_taken;
} entry_t;

struct log_salvage {
    journal_t journal; /* first */
    int fd;
    buf_t entries; /* of entry_t, by position */
    buf_t room;
    heads_t *heads; /* how far each stream was taken */
    heads_t *cut;   /* version: the same, of those that end early; position: records left out */
    uint64_t head;
    log_salvage_stats_t stats;
};

static log_salvage_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, log_salvage_t, journal);
}

static size_t count_of(const log_salvage_t *self)
{
    return self->entries.size / sizeof(entry_t);
}

static entry_t *entry_at(const log_salvage_t *self, size_t index)
{
    return (entry_t *)(void *)(self->entries.data + index * sizeof(entry_t));
}

/* ---- finding ---- */

static err_t found(void *context, const log_place_t *place, const stored_record_t *stored)
{
    log_salvage_t *self = context;
    entry_t entry = {.position = stored->record.position, .place = *place};
    if (self->head != 0 && entry.position > self->head)
        return ERR_OK;
    buf_append_bytes(&self->entries, &entry, sizeof entry);
    return buf_status(&self->entries);
}

/* The same position: as they were found, the later pages first, which are mostly the younger. */
static int by_position(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return x->place.offset > y->place.offset ? -1 : x->place.offset < y->place.offset;
}

/* ---- what follows on ---- */

static err_t leave_out(log_salvage_t *self, str_t stream)
{
    stream_head_t head = {0};
    head_entry_t *entry = heads_entry(self->cut, stream);
    (void)heads_find(self->heads, stream, &head);
    self->stats.left_out++;
    if (entry == NULL)
        entry = heads_add(self->cut, stream, (stream_head_t){.version = head.version});
    if (entry == NULL)
        return ERR_NO_MEMORY;
    entry->durable.position++;
    return ERR_OK;
}

/* Whether it is the next one of its stream; then it is taken. */
static err_t take(log_salvage_t *self, entry_t *entry, const stored_record_t *stored)
{
    str_t stream = stored->record.stream;
    head_entry_t *head = heads_entry(self->heads, stream);
    stream_head_t last = {0};
    if (head != NULL)
        last = head->durable;
    stream_head_t next = {.version = stored->record.version, .position = entry->position};
    if (next.version != last.version + 1 || stored->previous != last.position)
        return ERR_OK;
    if (head != NULL)
        head->durable = next;
    else if (heads_add(self->heads, stream, next) == NULL)
        return ERR_NO_MEMORY;
    entry->is_taken = true;
    self->stats.taken++;
    return ERR_OK;
}

/* All that was found at one position: copies of a page, or one that never counted. */
static err_t take_one_of(log_salvage_t *self, size_t begin, size_t end)
{
    stored_record_t stored;
    err_t err = ERR_OK;
    for (size_t i = begin; i < end; i++) {
        entry_t *entry = entry_at(self, i);
        err = log_pages_read(self->fd, &entry->place, entry->position, &self->room, &stored);
        if (err != ERR_OK)
            continue; /* it was whole a moment ago: the disk */
        TRY(take(self, entry, &stored));
        if (entry->is_taken)
            return ERR_OK;
    }
    if (err == ERR_OK)
        return leave_out(self, stored.record.stream);
    self->stats.lost++;
    return ERR_OK;
}

static err_t take_all(log_salvage_t *self)
{
    size_t count = count_of(self);
    uint64_t last = 0;
    for (size_t begin = 0, end; begin < count; begin = end) {
        uint64_t position = entry_at(self, begin)->position;
        for (end = begin + 1; end < count && entry_at(self, end)->position == position; end++)
            ;
        self->stats.lost += position - last - 1;
        last = position;
        TRY(take_one_of(self, begin, end));
    }
    if (self->head > last)
        self->stats.lost += self->head - last;
    return ERR_OK;
}

/* ---- the feed ---- */

static size_t first_after(const log_salvage_t *self, uint64_t position)
{
    size_t begin = 0, end = count_of(self);
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (entry_at(self, middle)->position <= position)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

static err_t feed(journal_t *journal, uint64_t after_position, size_t count_max,
                  journal_visit_fn visit, void *context)
{
    log_salvage_t *self = self_of(journal);
    size_t at = first_after(self, after_position), visited = 0;
    for (; at < count_of(self) && visited < count_max; at++) {
        const entry_t *entry = entry_at(self, at);
        stored_record_t stored;
        if (!entry->is_taken)
            continue;
        TRY(log_pages_read(self->fd, &entry->place, entry->position, &self->room, &stored));
        TRY(visit(context, &stored.record));
        visited++;
    }
    return ERR_OK;
}

static uint64_t head(journal_t *journal)
{
    const log_salvage_t *self = self_of(journal);
    for (size_t at = count_of(self); at > 0; at--)
        if (entry_at(self, at - 1)->is_taken)
            return entry_at(self, at - 1)->position;
    return 0;
}

static const journal_table_t table = JOURNAL_FEED_TABLE(feed, head);

/* ---- opening ---- */

err_t log_salvage_open(const char *path, uint64_t head_, log_salvage_t **out_salvage)
{
    log_salvage_t *self LOG_SALVAGE_SCOPED = memory_new(sizeof *self);
    buf_t name BUF_SCOPED = BUF_INIT;
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal.table = &table;
    self->head = head_;
    self->fd = -1;
    TRY(heads_new(&self->heads));
    TRY(heads_new(&self->cut));
    buf_printf(&name, "%s/data.mdb", path);
    const char *file = buf_terminated(&name);
    self->fd = open(file, O_RDONLY | O_CLOEXEC);
    if (self->fd < 0)
        return err_from_errno(errno);
    TRY(log_pages_walk(file, found, self));
    if (self->entries.size > 0)
        qsort(self->entries.data, count_of(self), sizeof(entry_t), by_position);
    TRY(take_all(self));
    *out_salvage = STEAL(self);
    return ERR_OK;
}

void log_salvage_close(log_salvage_t *self)
{
    if (self == NULL)
        return;
    if (self->fd >= 0)
        close(self->fd);
    buf_deinit(&self->entries);
    buf_deinit(&self->room);
    heads_free(self->heads);
    heads_free(self->cut);
    memory_free(self);
}

void log_salvage_scope_end(log_salvage_t **self)
{
    log_salvage_close(*self);
}

void log_salvage_stats(const log_salvage_t *self, log_salvage_stats_t *out_stats)
{
    *out_stats = self->stats;
}

err_t log_salvage_each_cut(const log_salvage_t *self,
                           err_t (*visit)(void *context, str_t stream, uint64_t version,
                                          uint64_t left_out),
                           void *context)
{
    head_entry_t **entries MEMORY_SCOPED = NULL;
    TRY(heads_sorted(self->cut, &entries));
    for (size_t i = 0; i < heads_count(self->cut); i++)
        TRY(visit(context, str_of(entries[i]->stream, entries[i]->stream_size),
                  entries[i]->durable.version, entries[i]->durable.position));
    return ERR_OK;
}

journal_t *log_salvage_journal(log_salvage_t *self)
{
    return &self->journal;
}
