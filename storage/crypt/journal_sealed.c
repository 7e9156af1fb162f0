#include "storage/crypt/journal_sealed.h"

#include "runtime/base/memory.h"
#include "storage/crypt/sealed_wait.h"

struct journal_sealed {
    journal_t journal;
    journal_t *inner;
    vault_t *vault;
    const sealed_kind_t *kinds;
    size_t kind_count;
    sealed_wait_t waiting;
};

static journal_sealed_t *sealed_of(journal_t *journal)
{
    return CONTAINER_OF(journal, journal_sealed_t, journal);
}

static const sealed_kind_t *kind_of(const journal_sealed_t *self, str_t stream)
{
    return sealed_kind_of(self->kinds, self->kind_count, stream);
}

/* ---- appending ---- */

static sealed_place_t place_of(const sealed_kind_t *kind, const journal_append_t *append, size_t i)
{
    return (sealed_place_t){kind, append->stream, append->expected_version + i + 1,
                            append->events[i].name};
}

enum { FEW = 4 /* events: most appends have no more */ };

/* The append with everything sealed; borrows from `bytes` and from the plain one. */
typedef struct sealing {
    journal_append_t append;
    journal_event_t few[FEW], *events;
    size_t few_ends[FEW], *ends; /* of each event's payload in bytes */
    buf_t bytes;
    bool may_fetch; /* keys */
} sealing_t;

static void sealing_deinit(sealing_t *self)
{
    if (self->events != self->few)
        memory_free(self->events);
    if (self->ends != self->few_ends)
        memory_free(self->ends);
    buf_deinit(&self->bytes);
}

static err_t sealing_init(sealing_t *self, const journal_append_t *append)
{
    bool is_few = append->event_count <= FEW;
    size_t count = append->event_count, size = append->result.size;
    self->append = *append;
    self->events = is_few ? self->few : memory_new_array(count, sizeof *self->events);
    self->ends = is_few ? self->few_ends : memory_new_array(count, sizeof *self->ends);
    if (self->events == NULL || self->ends == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        size += append->events[i].payload.size + SEALED_EVENT_MORE;
    return buf_reserve(&self->bytes, size + SEALED_EVENT_MORE);
}

/* The answer of the last event, where it has nothing to hide itself. */
static err_t seal_result(journal_sealed_t *self, const sealed_place_t *last, sealing_t *sealing,
                         str_t payload)
{
    str_t subject;
    TRY(sealed_subject(last, payload, &subject));
    if (!sealing->may_fetch && !vault_is_ready(self->vault, subject))
        return ERR_NOT_FOUND;
    return sealed_whole_put(self->vault, last, subject, sealing->append.result, &sealing->bytes);
}

static err_t seal_events(journal_sealed_t *self, const sealed_kind_t *kind, sealing_t *sealing,
                         const journal_append_t *append)
{
    buf_t *bytes = &sealing->bytes;
    size_t count = append->event_count;
    for (size_t i = 0; i < count; i++) {
        sealed_place_t place = place_of(kind, append, i);
        bool has_answer = i + 1 == count && !str_is_empty(append->result) &&
                          sealed_schema(kind, place.event) != NULL; /* else not of this kind */
        size_t begin = bytes->size;
        sealed_plain_t plain = {append->events[i].payload,
                                has_answer ? append->result : (str_t){NULL, 0}, sealing->may_fetch};
        TRY(sealed_event_put(self->vault, &place, &plain, bytes));
        sealing->ends[i] = bytes->size;
        if (!has_answer)
            continue;
        if (bytes->size > begin)
            sealing->append.result = SEALED_WITH_EVENT;
        else
            TRY(seal_result(self, &place, sealing, plain.payload));
    }
    return ERR_OK;
}

/* What was sealed into the bytes, which move no more. */
static void refer(sealing_t *sealing, const journal_append_t *append)
{
    size_t begin = 0;
    for (size_t i = 0; i < append->event_count; begin = sealing->ends[i], i++) {
        sealing->events[i] = append->events[i];
        if (sealing->ends[i] > begin)
            sealing->events[i].payload =
                str_slice(buf_str(&sealing->bytes), begin, sealing->ends[i]);
    }
    if (sealing->bytes.size > begin)
        sealing->append.result = str_slice(buf_str(&sealing->bytes), begin, sealing->bytes.size);
    sealing->append.events = sealing->events;
}

/* NOT_FOUND: a key is not in memory; nobody was told anything. */
static err_t seal_and_pass(journal_sealed_t *self, const sealed_kind_t *kind,
                           const journal_append_t *append, bool may_fetch)
{
    sealing_t sealing SCOPED(sealing_deinit) = {.bytes = BUF_INIT, .may_fetch = may_fetch};
    TRY(sealing_init(&sealing, append));
    TRY(seal_events(self, kind, &sealing, append));
    refer(&sealing, append);
    self->inner->table->append(self->inner, &sealing.append);
    return ERR_OK;
}

static void do_append(journal_t *journal, const journal_append_t *append)
{
    journal_sealed_t *self = sealed_of(journal);
    const sealed_kind_t *kind = kind_of(self, append->stream);
    if (kind == NULL) {
        self->inner->table->append(self->inner, append);
        return;
    }
    err_t err = append->stream.size > JOURNAL_STREAM_SIZE_MAX ? ERR_LIMIT
                : sealed_wait_is_empty(&self->waiting) ? seal_and_pass(self, kind, append, false)
                                                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        err = sealed_wait_put(&self->waiting, &(sealed_waiting_t){.append = append});
    if (err != ERR_OK)
        append->done(append->done_context, err, 0, 0);
}

/* ---- reading ---- */

void sealed_room_deinit(sealed_room_t *self)
{
    aead_buf_deinit(&self->payload);
    aead_buf_deinit(&self->result);
}

/* Who never had a key is not. */
static err_t look_whether_erased(vault_t *vault, str_t subject, bool *out_is_erased)
{
    err_t err = vault_is_erased(vault, subject, out_is_erased);
    return err == ERR_NOT_FOUND || err == ERR_INVALID ? ERR_OK : err;
}

/* An answer that is not with its event. */
static err_t open_result(vault_t *vault, const sealed_place_t *place, sealed_room_t *room,
                         journal_record_t *record)
{
    str_t subject;
    bool is_named = sealed_subject(place, record->event.payload, &subject) == ERR_OK;
    if (!sealed_has(record->result)) {
        bool is_erased = false; /* written before anything was sealed: it goes all the same */
        if (record->result.size > 0 && is_named)
            TRY(look_whether_erased(vault, subject, &is_erased));
        if (is_erased)
            record->result = (str_t){NULL, 0};
        return ERR_OK;
    }
    if (!is_named)
        return ERR_CORRUPT;
    err_t err = sealed_whole_get(vault, place, subject, record->result, &room->result);
    if (err != ERR_OK && err != ERR_STALE)
        return err == ERR_CONFLICT ? ERR_CORRUPT : err;
    record->result = buf_str(&room->result);
    return ERR_OK;
}

/* The mark that says so is in the open: it must agree with what was sealed. */
static err_t check_answer(const sealed_place_t *place, const journal_record_t *record,
                          const sealed_room_t *room)
{
    str_t sealed;
    bool is_with_event = str_equal(record->result, SEALED_WITH_EVENT);
    if (!is_with_event)
        return room->result.size == 0 ? ERR_OK : ERR_CORRUPT;
    bool has_sealed = sealed_schema(place->kind, place->event) == NULL || /* unknown: not opened */
                      schema_find_sealed(record->event.payload, &sealed) == ERR_OK;
    return has_sealed ? ERR_OK : ERR_CORRUPT;
}

err_t journal_sealed_read_record(vault_t *vault, const sealed_kind_t *kind,
                                 const journal_record_t *record, sealed_room_t *room,
                                 journal_record_t *out_record)
{
    sealed_place_t place = {kind, record->stream, record->version, record->event.name};
    journal_record_t opened = *record;
    buf_reset(&room->payload);
    buf_reset(&room->result);
    TRY(sealed_event_get(vault, &place, record->event.payload, &room->payload, &room->result));
    TRY(check_answer(&place, record, room));
    if (str_equal(record->result, SEALED_WITH_EVENT))
        opened.result = buf_str(&room->result);
    else
        TRY(open_result(vault, &place, room, &opened));
    if (room->payload.size > 0)
        opened.event.payload = buf_str(&room->payload);
    *out_record = opened;
    return ERR_OK;
}

typedef struct opening {
    journal_sealed_t *self;
    journal_visit_fn visit;
    void *context;
    sealed_room_t room;
} opening_t;

static void opening_deinit(opening_t *self)
{
    sealed_room_deinit(&self->room);
}

static err_t visit_opened(void *context, const journal_record_t *record)
{
    opening_t *opening = context;
    const sealed_kind_t *kind = kind_of(opening->self, record->stream);
    journal_record_t opened;
    if (kind == NULL)
        return opening->visit(opening->context, record);
    TRY(journal_sealed_read_record(opening->self->vault, kind, record, &opening->room, &opened));
    return opening->visit(opening->context, &opened);
}

static err_t do_read(journal_t *journal, str_t stream, uint64_t after_version,
                     journal_visit_fn visit, void *context)
{
    opening_t opening SCOPED(opening_deinit) = {
        sealed_of(journal), visit, context, {BUF_INIT, BUF_INIT}};
    journal_t *inner = opening.self->inner;
    return inner->table->read(inner, stream, after_version, visit_opened, &opening);
}

static err_t do_feed(journal_t *journal, uint64_t after_position, size_t count_max,
                     journal_visit_fn visit, void *context)
{
    opening_t opening SCOPED(opening_deinit) = {
        sealed_of(journal), visit, context, {BUF_INIT, BUF_INIT}};
    journal_t *inner = opening.self->inner;
    return inner->table->feed(inner, after_position, count_max, visit_opened, &opening);
}

static uint64_t do_head(journal_t *journal)
{
    journal_t *inner = sealed_of(journal)->inner;
    return inner->table->head(inner);
}

static bool do_is_away(journal_t *journal)
{
    journal_t *inner = sealed_of(journal)->inner;
    return inner->table->is_away != NULL && inner->table->is_away(inner);
}

static uint64_t do_history(journal_t *journal)
{
    journal_t *inner = sealed_of(journal)->inner;
    return inner->table->history == NULL ? 0 : inner->table->history(inner);
}

static err_t do_count(journal_t *journal, uint64_t position, uint64_t *out_count)
{
    journal_t *inner = sealed_of(journal)->inner;
    return inner->table->count == NULL ? ERR_UNSUPPORTED
                                       : inner->table->count(inner, position, out_count);
}

static err_t do_waiting(journal_t *journal, str_t after, size_t count_max, journal_stream_fn visit,
                        void *context)
{
    journal_t *inner = sealed_of(journal)->inner;
    return inner->table->waiting == NULL
               ? ERR_UNSUPPORTED
               : inner->table->waiting(inner, after, count_max, visit, context);
}

/* ---- snapshots ---- */

/* So is the key. */
static uint64_t do_epoch(journal_t *journal, str_t stream)
{
    return journal_epoch(sealed_of(journal)->inner, stream);
}

static bool do_is_at_hand(journal_t *journal, str_t stream)
{
    journal_sealed_t *self = sealed_of(journal);
    const journal_table_t *inner = self->inner->table;
    const sealed_kind_t *kind = kind_of(self, stream);
    if (inner->is_at_hand == NULL || !inner->is_at_hand(self->inner, stream))
        return false;
    sealed_place_t place = {kind, stream, 0, {NULL, 0}};
    return kind == NULL || vault_is_at_hand(self->vault, sealed_snapshot_subject(&place));
}

static void seal_snapshot(journal_sealed_t *self, const sealed_kind_t *kind,
                          const sealed_waiting_t *snapshot)
{
    buf_t sealed BUF_SCOPED = BUF_INIT;
    sealed_place_t place = {kind, snapshot->stream, snapshot->version, {NULL, 0}};
    /* One that can't be sealed is not kept: the events are all there. */
    if (sealed_whole_put(self->vault, &place, sealed_snapshot_subject(&place), snapshot->snapshot,
                         &sealed) == ERR_OK)
        self->inner->table->snapshot_put(self->inner, snapshot->stream, snapshot->version,
                                         buf_str(&sealed));
}

static void do_snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    journal_sealed_t *self = sealed_of(journal);
    const sealed_kind_t *kind = kind_of(self, stream);
    sealed_waiting_t snapshot = {.stream = stream, .snapshot = state, .version = version};
    if (kind == NULL) {
        self->inner->table->snapshot_put(self->inner, stream, version, state);
        return;
    }
    sealed_place_t place = {kind, stream, version, {NULL, 0}};
    if (vault_is_ready(self->vault, sealed_snapshot_subject(&place)))
        seal_snapshot(self, kind, &snapshot);
    else
        IGNORE_ERR(sealed_wait_put(&self->waiting, &snapshot)); /* the next one will do */
}

static err_t open_snapshot(journal_sealed_t *self, const sealed_place_t *place, str_t state,
                           buf_t *out)
{
    err_t err = sealed_whole_get(self->vault, place, sealed_snapshot_subject(place), state, out);
    /* Erased, or of before an erasure: the events will tell. */
    return err == ERR_STALE || err == ERR_CONFLICT ? ERR_NOT_FOUND : err;
}

static err_t do_snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version, buf_t *out)
{
    journal_sealed_t *self = sealed_of(journal);
    const sealed_kind_t *kind = kind_of(self, stream);
    if (kind == NULL)
        return self->inner->table->snapshot_get(self->inner, stream, out_version, out);
    buf_t state AEAD_BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;
    TRY(self->inner->table->snapshot_get(self->inner, stream, &version, &state));
    sealed_place_t place = {kind, stream, version, {NULL, 0}};
    bool is_left_over = false; /* of before anything was sealed, of a subject that is erased */
    if (!sealed_has(buf_str(&state)))
        TRY(look_whether_erased(self->vault, sealed_snapshot_subject(&place), &is_left_over));
    if (is_left_over)
        return ERR_NOT_FOUND;
    if (sealed_has(buf_str(&state)))
        TRY(open_snapshot(self, &place, buf_str(&state), out));
    else
        buf_append(out, buf_str(&state));
    TRY(buf_status(out));
    *out_version = version;
    return ERR_OK;
}

/* ---- what had to wait for its key ---- */

static void serve(void *context, const sealed_waiting_t *waiting)
{
    journal_sealed_t *self = context;
    const journal_append_t *append = waiting->append;
    if (append == NULL) {
        seal_snapshot(self, kind_of(self, waiting->stream), waiting);
        return;
    }
    const sealed_kind_t *kind = kind_of(self, append->stream);
    err_t err = seal_and_pass(self, kind, append, true);
    if (err != ERR_OK)
        append->done(append->done_context, err, 0, 0);
}

/* ---- life ---- */

static const journal_table_t sealed_table = {.append = do_append,
                                             .read = do_read,
                                             .snapshot_put = do_snapshot_put,
                                             .snapshot_get = do_snapshot_get,
                                             .feed = do_feed,
                                             .head = do_head,
                                             .is_away = do_is_away,
                                             .epoch = do_epoch,
                                             .waiting = do_waiting,
                                             .is_at_hand = do_is_at_hand,
                                             .history = do_history,
                                             .count = do_count};

err_t journal_sealed_open(const journal_sealed_options_t *options, journal_sealed_t **out_journal)
{
    journal_sealed_t *self JOURNAL_SEALED_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal.table = &sealed_table;
    self->inner = options->inner;
    self->vault = options->vault;
    self->kinds = options->kinds;
    self->kind_count = options->kind_count;
    TRY(sealed_wait_start(&self->waiting, JOURNAL_SEALED_WAITING_MAX, serve, self));
    *out_journal = STEAL(self);
    return ERR_OK;
}

void journal_sealed_close(journal_sealed_t *self)
{
    if (self == NULL)
        return;
    sealed_wait_stop(&self->waiting);
    memory_free(self);
}

void journal_sealed_scope_end(journal_sealed_t **self)
{
    journal_sealed_close(*self);
}

journal_t *journal_sealed_journal(journal_sealed_t *self)
{
    return &self->journal;
}
