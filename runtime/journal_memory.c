#include "runtime/journal_memory.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <stdatomic.h>
#include <uv.h>

typedef struct stored_record {
    journal_record_t record; /* its strings lie in `bytes` */
    buf_t bytes;
} stored_record_t;

typedef struct stored_snapshot {
    buf_t stream, state;
    uint64_t version;
} stored_snapshot_t;

typedef struct pending {
    struct pending *next;
    journal_append_t append; /* its strings lie in `bytes`, its events are `events` */
    journal_event_t *events;
    buf_t bytes;
} pending_t;

struct journal_memory {
    journal_t journal; /* first: the table's functions get it */
    uv_mutex_t lock;
    bool is_manual;
    journal_fault_fn fault;
    void *fault_context;
    err_t read_err;
    _Atomic bool is_away, is_at_hand;
    stored_record_t **records; /* by position - 1 */
    size_t record_count, record_capacity;
    stored_snapshot_t *snapshots;
    size_t snapshot_count;
    pending_t *pending, **pending_end;
    size_t pending_count;
};

static journal_memory_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, journal_memory_t, journal);
}

/* ---- copies ---- */

static size_t keep(buf_t *bytes, str_t s)
{
    size_t at = bytes->size;
    buf_append(bytes, s);
    return at;
}

static str_t kept(const buf_t *bytes, size_t at, str_t s)
{
    return (str_t){bytes->data == NULL ? NULL : bytes->data + at, s.size};
}

static void pending_free(pending_t *self)
{
    buf_deinit(&self->bytes);
    memory_free(self->events);
    memory_free(self);
}

static pending_t *pending_new(const journal_append_t *append)
{
    pending_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL);
    self->append = *append;
    self->events = memory_new_array(append->event_count, sizeof(journal_event_t));
    ASSERT(self->events != NULL);
    size_t *at = memory_new_array(append->event_count * 2 + 3, sizeof(size_t));
    ASSERT(at != NULL);
    for (size_t i = 0; i < append->event_count; i++) {
        at[2 * i] = keep(&self->bytes, append->events[i].name);
        at[2 * i + 1] = keep(&self->bytes, append->events[i].payload);
    }
    size_t stream = keep(&self->bytes, append->stream);
    size_t command_id = keep(&self->bytes, append->command_id);
    size_t result = keep(&self->bytes, append->result);
    ASSERT(buf_status(&self->bytes) == ERR_OK);

    for (size_t i = 0; i < append->event_count; i++) {
        self->events[i].name = kept(&self->bytes, at[2 * i], append->events[i].name);
        self->events[i].payload = kept(&self->bytes, at[2 * i + 1], append->events[i].payload);
    }
    self->append.events = self->events;
    self->append.stream = kept(&self->bytes, stream, append->stream);
    self->append.command_id = kept(&self->bytes, command_id, append->command_id);
    self->append.result = kept(&self->bytes, result, append->result);
    memory_free(at);
    return self;
}

/* ---- deciding ---- */

static uint64_t version_of(const journal_memory_t *self, str_t stream)
{
    for (size_t i = self->record_count; i > 0; i--) {
        const journal_record_t *record = &self->records[i - 1]->record;
        if (str_equal(record->stream, stream))
            return record->version;
    }
    return 0;
}

static void store(journal_memory_t *self, const journal_append_t *append, size_t index)
{
    if (self->record_count == self->record_capacity) {
        self->record_capacity = MAX((size_t)64, self->record_capacity * 2);
        self->records = memory_resize(self->records, self->record_capacity, sizeof(void *));
        ASSERT(self->records != NULL);
    }
    stored_record_t *stored = memory_new(sizeof *stored);
    ASSERT(stored != NULL);
    bool is_last = index + 1 == append->event_count;
    const journal_event_t *event = &append->events[index];
    str_t result = is_last ? append->result : (str_t){NULL, 0};
    size_t stream = keep(&stored->bytes, append->stream);
    size_t name = keep(&stored->bytes, event->name);
    size_t payload = keep(&stored->bytes, event->payload);
    size_t command_id = keep(&stored->bytes, append->command_id);
    size_t result_at = keep(&stored->bytes, result);
    ASSERT(buf_status(&stored->bytes) == ERR_OK);

    stored->record =
        (journal_record_t){.stream = kept(&stored->bytes, stream, append->stream),
                           .version = append->expected_version + index + 1,
                           .position = self->record_count + 1,
                           .wall_ms = append->wall_ms,
                           .event = {kept(&stored->bytes, name, event->name),
                                     kept(&stored->bytes, payload, event->payload)},
                           .command_id = kept(&stored->bytes, command_id, append->command_id),
                           .result = kept(&stored->bytes, result_at, result)};
    self->records[self->record_count++] = stored;
}

static size_t size_of(const journal_append_t *append)
{
    size_t size = append->result.size;
    for (size_t i = 0; i < append->event_count; i++)
        size += append->events[i].payload.size;
    return size;
}

/* Under the lock. */
static err_t decide(journal_memory_t *self, const journal_append_t *append)
{
    if (atomic_load(&self->is_away))
        return ERR_UNAVAILABLE;
    if (version_of(self, append->stream) != append->expected_version)
        return ERR_CONFLICT;
    if (append->event_count > JOURNAL_EVENTS_MAX || size_of(append) > JOURNAL_APPEND_SIZE_MAX)
        return ERR_LIMIT;
    journal_fault_t fault = {ERR_OK, true};
    if (self->fault != NULL)
        fault = self->fault(self->fault_context, append);
    bool is_written = fault.err == ERR_OK || (fault.err == ERR_TIMEOUT && fault.is_written);
    for (size_t i = 0; i < append->event_count && is_written; i++)
        store(self, append, i);
    return fault.err;
}

static void decide_and_tell(journal_memory_t *self, const journal_append_t *append)
{
    uv_mutex_lock(&self->lock);
    err_t err = decide(self, append);
    uint64_t position = self->record_count;
    uv_mutex_unlock(&self->lock);
    append->done(append->done_context, err, append->expected_version + append->event_count,
                 err == ERR_OK ? position : 0);
}

/* Under the lock. Takes one out; NULL: there is none. */
static pending_t *take_out(journal_memory_t *self, pending_t **at)
{
    pending_t *taken = *at;
    if (taken == NULL)
        return NULL;
    *at = taken->next;
    self->pending_count--;
    if (*at == NULL)
        self->pending_end = at;
    return taken;
}

static bool is_first_of_stream(const journal_memory_t *self, const pending_t *pending)
{
    const pending_t *before = self->pending;
    while (before != pending && !str_equal(before->append.stream, pending->append.stream))
        before = before->next;
    return before == pending;
}

static bool end_one(journal_memory_t *self, pending_t *taken)
{
    if (taken == NULL)
        return false;
    decide_and_tell(self, &taken->append);
    pending_free(taken);
    return true;
}

bool journal_memory_step(journal_memory_t *self)
{
    uv_mutex_lock(&self->lock);
    pending_t *taken = take_out(self, &self->pending);
    uv_mutex_unlock(&self->lock);
    return end_one(self, taken);
}

bool journal_memory_step_last(journal_memory_t *self)
{
    uv_mutex_lock(&self->lock);
    pending_t **last = &self->pending;
    for (pending_t **at = &self->pending; *at != NULL; at = &(*at)->next) {
        if (is_first_of_stream(self, *at))
            last = at;
    }
    pending_t *taken = take_out(self, last);
    uv_mutex_unlock(&self->lock);
    return end_one(self, taken);
}

void journal_memory_tear(journal_memory_t *self, size_t count)
{
    uv_mutex_lock(&self->lock);
    for (pending_t *at = self->pending; at != NULL && count > 0; at = at->next, count--)
        IGNORE_ERR(decide(self, &at->append));
    uv_mutex_unlock(&self->lock);
    journal_memory_crash(self);
}

size_t journal_memory_pending(journal_memory_t *self)
{
    uv_mutex_lock(&self->lock);
    size_t count = self->pending_count;
    uv_mutex_unlock(&self->lock);
    return count;
}

void journal_memory_crash(journal_memory_t *self)
{
    while (self->pending != NULL) {
        pending_t *pending = self->pending;
        self->pending = pending->next;
        pending_free(pending);
    }
    self->pending_end = &self->pending;
    self->pending_count = 0;
}

/* ---- the table ---- */

static err_t can_read(const journal_memory_t *self)
{
    return atomic_load(&self->is_away) ? ERR_UNAVAILABLE : self->read_err;
}

static void do_append(journal_t *journal, const journal_append_t *append)
{
    journal_memory_t *self = self_of(journal);
    if (!self->is_manual) {
        decide_and_tell(self, append);
        return;
    }
    pending_t *pending = pending_new(append);
    uv_mutex_lock(&self->lock);
    *self->pending_end = pending;
    self->pending_end = &pending->next;
    self->pending_count++;
    uv_mutex_unlock(&self->lock);
}

/* Records never move and are never taken back, so a visit needs no lock. */
static const journal_record_t *record_at(journal_memory_t *self, uint64_t position)
{
    uv_mutex_lock(&self->lock);
    const journal_record_t *record = NULL;
    if (position <= self->record_count)
        record = &self->records[position - 1]->record;
    uv_mutex_unlock(&self->lock);
    return record;
}

static err_t do_read(journal_t *journal, str_t stream, uint64_t after_version,
                     journal_visit_fn visit, void *context)
{
    journal_memory_t *self = self_of(journal);
    TRY(can_read(self));
    const journal_record_t *record;
    for (uint64_t position = 1; (record = record_at(self, position)) != NULL; position++) {
        if (record->version > after_version && str_equal(record->stream, stream))
            TRY(visit(context, record));
    }
    return ERR_OK;
}

static err_t do_feed(journal_t *journal, uint64_t after_position, size_t count_max,
                     journal_visit_fn visit, void *context)
{
    journal_memory_t *self = self_of(journal);
    TRY(can_read(self));
    for (size_t i = 0; i < count_max; i++) {
        const journal_record_t *record = record_at(self, after_position + 1 + i);
        if (record == NULL)
            break;
        TRY(visit(context, record));
    }
    return ERR_OK;
}

static stored_snapshot_t *snapshot_of(journal_memory_t *self, str_t stream)
{
    for (size_t i = 0; i < self->snapshot_count; i++) {
        if (str_equal(buf_str(&self->snapshots[i].stream), stream))
            return &self->snapshots[i];
    }
    return NULL;
}

/* A place for the stream's. NULL: no memory. */
static stored_snapshot_t *snapshot_place(journal_memory_t *self, str_t stream)
{
    stored_snapshot_t *snapshot = snapshot_of(self, stream);
    if (snapshot != NULL)
        return snapshot;
    buf_t name BUF_SCOPED = BUF_INIT;
    buf_append(&name, stream);
    stored_snapshot_t *grown =
        memory_resize(self->snapshots, self->snapshot_count + 1, sizeof *snapshot);
    if (grown == NULL)
        return NULL;
    self->snapshots = grown;
    if (buf_status(&name) != ERR_OK)
        return NULL;
    snapshot = &self->snapshots[self->snapshot_count++];
    *snapshot = (stored_snapshot_t){.stream = name, .state = BUF_INIT};
    name = BUF_INIT;
    return snapshot;
}

/* Without memory the one before stays: the way back is longer then, and no more. */
static void do_snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    journal_memory_t *self = self_of(journal);
    buf_t copy BUF_SCOPED = BUF_INIT;
    buf_append(&copy, state);
    if (buf_status(&copy) != ERR_OK)
        return;
    uv_mutex_lock(&self->lock);
    stored_snapshot_t *snapshot = snapshot_place(self, stream);
    if (snapshot != NULL) {
        buf_t before = snapshot->state;
        snapshot->state = copy;
        snapshot->version = version;
        copy = before;
    }
    uv_mutex_unlock(&self->lock);
}

static err_t do_snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version, buf_t *out)
{
    journal_memory_t *self = self_of(journal);
    TRY(can_read(self));
    uv_mutex_lock(&self->lock);
    stored_snapshot_t *snapshot = snapshot_of(self, stream);
    if (snapshot != NULL) {
        *out_version = snapshot->version;
        buf_append(out, buf_str(&snapshot->state));
    }
    uv_mutex_unlock(&self->lock);
    return snapshot == NULL ? ERR_NOT_FOUND : buf_status(out);
}

static uint64_t do_head(journal_t *journal)
{
    return journal_memory_count(self_of(journal));
}

static bool do_is_away(journal_t *journal)
{
    return atomic_load(&self_of(journal)->is_away);
}

static bool do_is_at_hand(journal_t *journal, UNUSED str_t stream)
{
    return atomic_load(&self_of(journal)->is_at_hand);
}

/* Whether the newest word about its messages is that some wait. */
static bool is_waiting(journal_memory_t *self, str_t stream, uint64_t position)
{
    const journal_record_t *record;
    journal_waiting_t waiting = JOURNAL_WAITING;
    while ((record = record_at(self, ++position)) != NULL) {
        journal_waiting_t now = journal_waiting_after(record->event.name);
        if (now != JOURNAL_WAITING_AS_BEFORE && str_equal(record->stream, stream))
            waiting = now;
    }
    return waiting == JOURNAL_WAITING;
}

/* The first stream after this name in which messages wait. False: there is none. */
static bool find_waiting(journal_memory_t *self, str_t after, str_t *out_stream)
{
    const journal_record_t *record;
    bool is_found = false;
    for (uint64_t position = 1; (record = record_at(self, position)) != NULL; position++) {
        if (journal_waiting_after(record->event.name) != JOURNAL_WAITING ||
            str_compare(record->stream, after) <= 0 ||
            (is_found && str_compare(record->stream, *out_stream) >= 0) ||
            !is_waiting(self, record->stream, position))
            continue;
        *out_stream = record->stream;
        is_found = true;
    }
    return is_found;
}

static err_t do_waiting(journal_t *journal, str_t after, size_t count_max, journal_stream_fn visit,
                        void *context)
{
    journal_memory_t *self = self_of(journal);
    TRY(can_read(self));
    for (size_t i = 0; i < count_max && find_waiting(self, after, &after); i++)
        TRY(visit(context, after));
    return ERR_OK;
}

static const journal_table_t table = {.append = do_append,
                                      .read = do_read,
                                      .snapshot_put = do_snapshot_put,
                                      .snapshot_get = do_snapshot_get,
                                      .feed = do_feed,
                                      .head = do_head,
                                      .is_away = do_is_away,
                                      .waiting = do_waiting,
                                      .is_at_hand = do_is_at_hand};

/* ---- life ---- */

err_t journal_memory_new(bool is_manual, journal_memory_t **out_journal)
{
    journal_memory_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal.table = &table;
    self->is_manual = is_manual;
    self->pending_end = &self->pending;
    if (uv_mutex_init(&self->lock) != 0) {
        memory_free(self);
        return ERR_NO_MEMORY;
    }
    *out_journal = self;
    return ERR_OK;
}

void journal_memory_free(journal_memory_t *self)
{
    if (self == NULL)
        return;
    journal_memory_crash(self);
    for (size_t i = 0; i < self->record_count; i++) {
        buf_deinit(&self->records[i]->bytes);
        memory_free(self->records[i]);
    }
    for (size_t i = 0; i < self->snapshot_count; i++) {
        buf_deinit(&self->snapshots[i].stream);
        buf_deinit(&self->snapshots[i].state);
    }
    memory_free(self->records);
    memory_free(self->snapshots);
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

journal_t *journal_memory_journal(journal_memory_t *self)
{
    return &self->journal;
}

void journal_memory_set_faults(journal_memory_t *self, journal_fault_fn fn, void *context)
{
    self->fault = fn;
    self->fault_context = context;
}

void journal_memory_set_at_hand(journal_memory_t *self, bool is_at_hand)
{
    atomic_store(&self->is_at_hand, is_at_hand);
}

void journal_memory_set_away(journal_memory_t *self, bool is_away)
{
    atomic_store(&self->is_away, is_away);
}

void journal_memory_fail_reads(journal_memory_t *self, err_t err)
{
    self->read_err = err;
}

size_t journal_memory_count(journal_memory_t *self)
{
    uv_mutex_lock(&self->lock);
    size_t count = self->record_count;
    uv_mutex_unlock(&self->lock);
    return count;
}
