/* outbox_replay.c -- an outbox out of its stream: events, and snapshots. */

#include "runtime/base/memory.h"
#include "runtime/durable/outbox.h"

#include <string.h>

static err_t made(outbox_t **self)
{
    if (*self == NULL)
        *self = memory_new(sizeof **self);
    return *self == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* ---- events ---- */

/* Without a body its subject is erased: it is not sent any more. */
static bool is_erased(const outbox_sent_t *sent)
{
    return str_is_empty(sent->body) && str_is_empty(sent->personal);
}

static err_t sent(outbox_t *self, const journal_record_t *record, const void *event)
{
    return is_erased(event) ? ERR_OK : outbox_add(self, record->version, record->version, event);
}

static err_t acked(outbox_t *self, UNUSED const journal_record_t *record, const void *event)
{
    (void)outbox_remove(self, ((const outbox_acked_t *)event)->number);
    return ERR_OK;
}

static err_t emptied(outbox_t *self, UNUSED const journal_record_t *record, const void *event)
{
    (void)outbox_remove(self, ((const outbox_emptied_t *)event)->number);
    return ERR_OK;
}

static err_t died(outbox_t *self, UNUSED const journal_record_t *record, const void *event)
{
    const outbox_died_t *death = event;
    outbox_die(self, death->number, death->err < ERR_COUNT ? (err_t)death->err : ERR_INTERNAL);
    return ERR_OK;
}

static err_t revived(outbox_t *self, const journal_record_t *record, const void *event)
{
    err_t err = outbox_revive(self, ((const outbox_revived_t *)event)->number, record->version);
    return err == ERR_NOT_FOUND ? ERR_OK : err; /* erased since */
}

static err_t taken(outbox_t *self, const journal_record_t *record, const void *event)
{
    const outbox_taken_t *take = event;
    return outbox_take_of(self, take->sender, take->number, record->wall_ms);
}

err_t outbox_replay(outbox_t **self, const journal_record_t *record)
{
    static const struct {
        const schema_t *schema;
        err_t (*replay)(outbox_t *self, const journal_record_t *record, const void *event);
    } events[] = {{&outbox_sent_schema, sent},       {&outbox_acked_schema, acked},
                  {&outbox_emptied_schema, emptied}, {&outbox_died_schema, died},
                  {&outbox_revived_schema, revived}, {&outbox_taken_schema, taken}};
    union {
        outbox_sent_t sent;
        outbox_died_t died;
        outbox_taken_t taken;
    } event;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (!str_equal(str_from(events[i].schema->name), record->event.name))
            continue;
        arena_t arena ARENA_SCOPED = {0};
        err_t err = schema_decode(events[i].schema, record->event.payload, &arena, &event);
        if (err != ERR_OK)
            return err == ERR_NO_MEMORY ? err : ERR_CORRUPT;
        TRY(made(self));
        return events[i].replay(*self, record, &event);
    }
    return ERR_NOT_FOUND;
}

/* ---- into a snapshot ---- */

static durable_letter_t kept(const letter_t *letter)
{
    durable_letter_t kept = {.number = letter->number,
                             .written = letter->written,
                             .err = (uint32_t)letter->dead,
                             .trace = letter->trace};
    if (letter->is_elsewhere)
        return kept;
    kept.kind = letter->kind;
    kept.key = letter->key;
    kept.name = letter->name;
    kept.body = letter->body;
    kept.is_personal = letter->is_personal;
    return kept;
}

static err_t keep_letters(const outbox_t *self, arena_t *arena, durable_snapshot_t *snapshot)
{
    durable_letter_t *letters = arena_new_array(arena, outbox_count(self) + 1, sizeof *letters);
    if (letters == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    for (const letter_lane_t *lane = self->lanes; lane != NULL; lane = lane->next)
        for (const letter_t *letter = lane->first; letter != NULL; letter = letter->next)
            letters[count++] = kept(letter);
    for (const letter_t *letter = self->dead; letter != NULL; letter = letter->next)
        letters[count++] = kept(letter);
    snapshot->letters.items = letters;
    snapshot->letters.count = count;
    return ERR_OK;
}

err_t outbox_to_snapshot(const outbox_t *self, arena_t *arena, durable_snapshot_t *snapshot)
{
    if (self == NULL)
        return ERR_OK;
    durable_sender_t *senders = arena_new_array(arena, self->sender_count + 1, sizeof *senders);
    if (senders == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->sender_count; i++) {
        const known_sender_t *known = &self->senders[i];
        senders[i] = (durable_sender_t){str_of(known->stream, known->stream_size), known->number,
                                        known->wall_ms};
    }
    snapshot->senders.items = senders;
    snapshot->senders.count = self->sender_count;
    return keep_letters(self, arena, snapshot);
}

/* ---- out of a snapshot ---- */

/* Letters of which the snapshot has only the number, in its order, until they are read. */
typedef struct missing {
    const durable_snapshot_t *snapshot;
    outbox_t *read; /* what was found */
    uint64_t last;
} missing_t;

static err_t find_missing(void *context, const journal_record_t *record)
{
    missing_t *missing = context;
    for (uint32_t i = 0; i < missing->snapshot->letters.count; i++) {
        const durable_letter_t *letter = &missing->snapshot->letters.items[i];
        if (letter->written == record->version && str_is_empty(letter->name))
            TRY(outbox_replay(&missing->read, record));
    }
    return record->version < missing->last ? ERR_OK : ERR_CANCELLED; /* that was all */
}

static err_t read_missing(journal_t *journal, str_t stream, missing_t *missing)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < missing->snapshot->letters.count; i++) {
        const durable_letter_t *letter = &missing->snapshot->letters.items[i];
        if (!str_is_empty(letter->name))
            continue;
        first = MIN(first, letter->written);
        missing->last = MAX(missing->last, letter->written);
    }
    if (missing->last == 0)
        return ERR_OK;
    err_t err = journal->table->read(journal, stream, first - 1, find_missing, missing);
    return err == ERR_CANCELLED ? ERR_OK : err;
}

static const letter_t *read_letter(const outbox_t *read, uint64_t number)
{
    for (const letter_lane_t *lane = read == NULL ? NULL : read->lanes; lane != NULL;
         lane = lane->next)
        for (const letter_t *letter = lane->first; letter != NULL; letter = letter->next)
            if (letter->number == number)
                return letter;
    return NULL;
}

static err_t restore_letter(outbox_t *self, const durable_letter_t *kept, const outbox_t *read)
{
    outbox_sent_t sent = {.kind = kept->kind, .key = kept->key, .name = kept->name};
    if (str_is_empty(kept->name)) {
        const letter_t *letter = read_letter(read, kept->written);
        if (letter == NULL)
            return ERR_OK; /* erased */
        sent = (outbox_sent_t){.kind = letter->kind,
                               .key = letter->key,
                               .name = letter->name,
                               .personal = letter->body,
                               .subject = STR("elsewhere")};
    } else if (kept->is_personal) {
        sent.personal = kept->body;
    } else {
        sent.body = kept->body;
    }
    sent.trace = kept->trace;
    TRY(outbox_add(self, kept->number, kept->written, &sent));
    if (kept->err != ERR_OK)
        outbox_die(self, kept->number, kept->err < ERR_COUNT ? (err_t)kept->err : ERR_INTERNAL);
    return ERR_OK;
}

static err_t restore(outbox_t *self, const durable_snapshot_t *snapshot, const outbox_t *read)
{
    for (uint32_t i = 0; i < snapshot->letters.count; i++)
        TRY(restore_letter(self, &snapshot->letters.items[i], read));
    for (uint32_t i = 0; i < snapshot->senders.count; i++) {
        const durable_sender_t *sender = &snapshot->senders.items[i];
        TRY(outbox_take_of(self, sender->stream, sender->number, sender->wall_ms));
    }
    return ERR_OK;
}

err_t outbox_from_snapshot(outbox_t **self, journal_t *journal, str_t stream,
                           const durable_snapshot_t *snapshot)
{
    missing_t missing = {.snapshot = snapshot};
    if (snapshot->letters.count == 0 && snapshot->senders.count == 0)
        return ERR_OK;
    TRY(made(self));
    err_t err = read_missing(journal, stream, &missing);
    if (err == ERR_OK)
        err = restore(*self, snapshot, missing.read);
    outbox_free(missing.read);
    return err;
}
