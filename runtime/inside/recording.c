/* recording.c -- reading a recorder's file: nothing in it is trusted. */

#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "runtime/inside/recorder_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct recording {
    buf_t bytes; /* empty: borrowed, for recording_parse */
    str_t file;
    const recorder_header_t *header;
    const recorder_name_t *names;
    uint32_t name_count;
    uint64_t written_after[RECORDER_RINGS_MAX];
    uint64_t torn;
    recording_event_t *events;
};

void recording_free(recording_t *self)
{
    if (self == NULL)
        return;
    buf_deinit(&self->bytes);
    memory_free(self->events);
    memory_free(self);
}

void recording_scope_end(recording_t **self)
{
    recording_free(*self);
}

/* ---- is it one? ---- */

static size_t ring_size(const recorder_header_t *header)
{
    return sizeof(recorder_head_t) + (size_t)header->ring_records * sizeof(recorder_record_t);
}

static size_t rings_at(void)
{
    return RECORDER_HEADER_SIZE + (size_t)RECORDER_NAMES_MAX * sizeof(recorder_name_t);
}

static err_t refuse(buf_t *problem, err_t err, const char *what)
{
    buf_append(problem, str_from(what));
    return err;
}

static err_t check_header(str_t file, buf_t *problem)
{
    const recorder_header_t *header = (const void *)file.data;
    if (file.size < sizeof header->magic || header->magic != RECORDER_MAGIC)
        return refuse(problem, ERR_INVALID, "this is not the file of a flight recorder");
    if (file.size < RECORDER_HEADER_SIZE)
        return refuse(problem, ERR_CORRUPT, "the file is cut short: its header is not whole");
    if (header->version > RECORDER_VERSION)
        return refuse(problem, ERR_NEWER, "the file is of a newer version of the recorder");
    bool is_known =
        header->version == RECORDER_VERSION && header->header_size == RECORDER_HEADER_SIZE &&
        header->record_size == sizeof(recorder_record_t) &&
        header->head_size == sizeof(recorder_head_t) && header->name_max == RECORDER_NAMES_MAX &&
        header->name_size == sizeof(recorder_name_t);
    bool is_possible = header->ring_count >= 1 && header->ring_count <= RECORDER_RINGS_MAX &&
                       header->ring_records >= RECORDER_RECORDS_MIN &&
                       header->ring_records <= RECORDER_RECORDS_MAX &&
                       (header->ring_records & (header->ring_records - 1)) == 0;
    if (!is_known || !is_possible)
        return refuse(problem, ERR_CORRUPT, "the file says of itself what can't be");
    if (file.size < rings_at() + header->ring_count * ring_size(header)) {
        buf_printf(problem, "the file is cut short: it has %zu bytes of %zu", file.size,
                   rings_at() + header->ring_count * ring_size(header));
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

static err_t set_up(recording_t *self, const uint64_t *heads, buf_t *problem)
{
    TRY(check_header(self->file, problem));
    self->header = (const void *)self->file.data;
    self->names = (const void *)(self->file.data + RECORDER_HEADER_SIZE);
    self->name_count =
        MIN(atomic_load(&((recorder_header_t *)(uintptr_t)self->file.data)->name_count),
            (uint32_t)RECORDER_NAMES_MAX);
    for (uint32_t i = 0; i < self->header->ring_count; i++) {
        recorder_head_t *head = (recorder_head_t *)(uintptr_t)recording_head(self, i);
        self->written_after[i] = heads == NULL ? atomic_load(&head->written) : heads[i];
    }
    return ERR_OK;
}

err_t recording_parse(str_t bytes, const uint64_t *heads, buf_t *problem,
                      recording_t **out_recording)
{
    recording_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    buf_append(&self->bytes, bytes); /* on the heap: aligned for what lies in it */
    self->file = buf_str(&self->bytes);
    err_t err = buf_status(&self->bytes);
    if (err == ERR_OK)
        err = set_up(self, heads, problem);
    if (err != ERR_OK) {
        recording_free(self);
        return err;
    }
    *out_recording = self;
    return ERR_OK;
}

/* ---- opening ---- */

static void close_scoped(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static err_t open_at(const char *path, int *out_fd)
{
    static const char *const in_folder[] = {"recorder.ring", "recorder.1.ring"};
    struct stat about;
    if (stat(path, &about) != 0)
        return err_from_errno(errno);
    int fd = -1;
    if (!S_ISDIR(about.st_mode)) {
        if (!S_ISREG(about.st_mode))
            return ERR_INVALID;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    for (size_t i = 0; S_ISDIR(about.st_mode) && fd < 0 && i < COUNT_OF(in_folder); i++) {
        char name[4096];
        int size = snprintf(name, sizeof name, "%s/%s", path, in_folder[i]);
        if (size > 0 && (size_t)size < sizeof name)
            fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return err_from_errno(errno);
    *out_fd = fd;
    return ERR_OK;
}

static err_t read_all(int fd, buf_t *out)
{
    out->size_max = RECORDING_SIZE_MAX;
    for (;;) {
        TRY(buf_reserve(out, 1 << 20));
        ssize_t size = read(fd, out->data + out->size, 1 << 20);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_from_errno(errno);
        if (size == 0)
            return ERR_OK;
        out->size += (size_t)size;
    }
}

/* What is overwritten while it is read counts as gone: the counts as they are after the reading. */
static err_t read_heads(recording_t *self, int fd)
{
    for (uint32_t i = 0; i < self->header->ring_count; i++) {
        size_t at = rings_at() + i * ring_size(self->header);
        if (pread(fd, &self->written_after[i], sizeof(uint64_t), (off_t)at) != sizeof(uint64_t))
            return ERR_IO;
    }
    return ERR_OK;
}

err_t recording_open(const char *path, buf_t *problem, recording_t **out_recording)
{
    int fd SCOPED(close_scoped) = -1;
    err_t err = open_at(path, &fd);
    if (err != ERR_OK) {
        buf_printf(problem, "there is no recording to read at %s: %s", path, err_text(err));
        return err;
    }
    recording_t *self RECORDING_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    TRY(read_all(fd, &self->bytes));
    self->file = buf_str(&self->bytes);
    TRY(set_up(self, NULL, problem));
    TRY(read_heads(self, fd));
    *out_recording = STEAL(self);
    return ERR_OK;
}

/* ---- looking ---- */

const recorder_header_t *recording_header(const recording_t *self)
{
    return self->header;
}

uint64_t recording_torn(const recording_t *self)
{
    return self->torn;
}

str_t recording_name(const recording_t *self, uint32_t name)
{
    if (name == 0 || name > self->name_count)
        return STR("");
    const recorder_name_t *entry = &self->names[name - 1];
    return str_of(entry->text, MIN((size_t)entry->size, sizeof entry->text));
}

const recorder_head_t *recording_head(const recording_t *self, uint32_t ring)
{
    return (const void *)(self->file.data + rings_at() + ring * ring_size(self->header));
}

int64_t recording_wall_us(const recording_t *self, uint64_t time_ns)
{
    /* Unsigned: a file may say anything; what is out of reach is a strange time, no overflow. */
    uint64_t since_us = (time_ns - self->header->begin_mono_ns) / 1000;
    return (int64_t)((uint64_t)self->header->begin_wall_ms * 1000 + since_us);
}

const char *record_event_text(uint32_t event)
{
    static const char *const texts[] = {
#define RECORD_TEXT(name, level, text) text,
        RECORD_EVENT_LIST(RECORD_TEXT)
#undef RECORD_TEXT
    };
    return event < RECORD_EVENTS ? texts[event] : "?";
}

recorder_level_t record_event_level(uint32_t event)
{
    static const recorder_level_t levels[] = {
#define RECORD_LEVEL(name, level, text) RECORDER_##level,
        RECORD_EVENT_LIST(RECORD_LEVEL)
#undef RECORD_LEVEL
    };
    return event < RECORD_EVENTS ? levels[event] : RECORDER_OFF;
}

/* ---- selecting ---- */

static bool is_named(const recording_t *self, uint32_t name, const char *wanted)
{
    return wanted == NULL || str_equal(recording_name(self, name), str_from(wanted));
}

typedef struct selection {
    const recording_filter_t *filter;
    uint64_t since_ns;
    uint64_t key_hash;
    uint64_t *refs; /* the activations of the key, sorted by slot of finding */
    size_t ref_count, ref_room;
    recording_event_t *events;
    size_t count, room;
    bool is_out_of_memory;
} selection_t;

static bool is_wanted_actor(const selection_t *self, const recorder_record_t *record)
{
    if (self->filter->actor != 0 && record->actor != self->filter->actor &&
        record->other != self->filter->actor)
        return false;
    if (str_is_empty(self->filter->key))
        return true;
    for (size_t i = 0; i < self->ref_count; i++)
        if (record->actor == self->refs[i] || record->other == self->refs[i])
            return true;
    return false;
}

static bool passes(const recording_t *self, const selection_t *selection,
                   const recorder_record_t *record)
{
    const recording_filter_t *filter = selection->filter;
    bool is_typed = filter->type == NULL ||
                    str_contains(recording_name(self, record->type), str_from(filter->type));
    return record->time_ns >= selection->since_ns && is_typed &&
           (filter->trace == 0 || record->trace == filter->trace) &&
           (filter->event == NULL ||
            strcmp(record_event_text(record->event), filter->event) == 0) &&
           /* By key the sender's side is wanted too, whose kind may be another. */
           (!str_is_empty(filter->key) || is_named(self, record->kind, filter->kind)) &&
           is_wanted_actor(selection, record);
}

typedef void (*visit_fn)(recording_t *self, selection_t *selection, uint32_t ring,
                         const recorder_record_t *record);

static void each_record(recording_t *self, selection_t *selection, visit_fn visit)
{
    recorder_header_t *header = (recorder_header_t *)(uintptr_t)self->header;
    uint64_t records = header->ring_records;
    self->torn = 0;
    for (uint32_t i = 0; i < self->header->ring_count; i++) {
        recorder_head_t *head = (recorder_head_t *)(uintptr_t)recording_head(self, i);
        const recorder_record_t *ring = (const void *)(head + 1);
        uint64_t written = atomic_load(&head->written), after = self->written_after[i];
        /* Who writes may be at record `after`, over its place's last one. */
        uint64_t first = atomic_load(&header->is_closed) != 0 ? after : after + 1;
        first = first > records ? first - records : 0;
        for (uint64_t n = MAX(first, written > records ? written - records : 0); n < written; n++) {
            const recorder_record_t *record = &ring[n % records];
            if (record->sequence == (uint32_t)(n + 1) && record->event != RECORD_NONE &&
                record->event < RECORD_EVENTS)
                visit(self, selection, i, record);
            else
                self->torn++;
        }
    }
}

static void find_newest(recording_t *self, selection_t *selection, uint32_t ring,
                        const recorder_record_t *record)
{
    (void)self, (void)ring;
    selection->since_ns = MAX(selection->since_ns, record->time_ns);
}

static bool has_room(void *items, size_t count, size_t *room, size_t item_size)
{
    if (count < *room)
        return true;
    size_t more = MAX((size_t)256, *room * 2);
    void *grown = memory_resize(*(void **)items, more, item_size);
    if (grown == NULL)
        return false;
    *(void **)items = grown;
    *room = more;
    return true;
}

static void find_refs(recording_t *self, selection_t *selection, uint32_t ring,
                      const recorder_record_t *record)
{
    (void)ring;
    if (record->event != RECORD_ACTIVATED || record->other != selection->key_hash ||
        !is_named(self, record->kind, selection->filter->kind))
        return;
    if (has_room(&selection->refs, selection->ref_count, &selection->ref_room, sizeof(uint64_t)))
        selection->refs[selection->ref_count++] = record->actor;
    else
        selection->is_out_of_memory = true;
}

static void take(recording_t *self, selection_t *selection, uint32_t ring,
                 const recorder_record_t *record)
{
    if (!passes(self, selection, record))
        return;
    if (has_room(&selection->events, selection->count, &selection->room, sizeof(recording_event_t)))
        selection->events[selection->count++] = (recording_event_t){record, ring};
    else
        selection->is_out_of_memory = true;
}

/* A complete event begins when what happens in it has not happened yet: the longer one first. */
static int by_time(const void *a, const void *b)
{
    const recording_event_t *left = a, *right = b;
    if (left->record->time_ns != right->record->time_ns)
        return left->record->time_ns < right->record->time_ns ? -1 : 1;
    if (left->ring != right->ring)
        return left->ring < right->ring ? -1 : 1;
    if (left->record->duration_ns != right->record->duration_ns)
        return left->record->duration_ns > right->record->duration_ns ? -1 : 1;
    return left->record < right->record ? -1 : left->record > right->record;
}

err_t recording_select(recording_t *self, const recording_filter_t *filter,
                       const recording_event_t **out_events, size_t *out_count)
{
    selection_t selection = {.filter = filter};
    if (filter->last_ns > 0) {
        each_record(self, &selection, find_newest);
        selection.since_ns -= MIN(selection.since_ns, filter->last_ns);
    }
    if (!str_is_empty(filter->key)) {
        uint64_t hash = str_hash_more(str_hash(str_from(filter->kind)), filter->key);
        selection.key_hash = (uint32_t)(hash ^ hash >> 32); /* as registry_hash */
        each_record(self, &selection, find_refs);
    }
    each_record(self, &selection, take);
    memory_free(selection.refs);
    memory_free(self->events);
    self->events = selection.events;
    if (selection.is_out_of_memory)
        return ERR_NO_MEMORY;
    if (selection.count > 0)
        qsort(self->events, selection.count, sizeof *self->events, by_time);
    size_t skipped =
        filter->max > 0 && selection.count > filter->max ? selection.count - filter->max : 0;
    *out_events = selection.count == 0 ? NULL : self->events + skipped;
    *out_count = selection.count - skipped;
    return ERR_OK;
}
