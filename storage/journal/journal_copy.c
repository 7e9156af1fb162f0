#include "storage/journal/journal_copy.h"

#include "runtime/base/memory.h"
#include "runtime/base/xxh64.h"
#include "storage/journal/journal_heads.h"

#include <pthread.h>

/* ---- the digest ---- */

static uint64_t hash_str(str_t s, uint64_t seed)
{
    uint64_t size = s.size;
    return xxh64(s, xxh64(str_of(&size, sizeof size), seed));
}

static uint64_t hash_of(const journal_record_t *record)
{
    uint64_t numbers[2] = {record->version, (uint64_t)record->wall_ms};
    uint64_t hash = xxh64(str_of(numbers, sizeof numbers), 0);
    hash = hash_str(record->stream, hash);
    hash = hash_str(record->event.name, hash);
    hash = hash_str(record->event.payload, hash);
    hash = hash_str(record->command_id, hash);
    return hash_str(record->result, hash);
}

typedef struct walk {
    journal_visit_fn visit;
    void *context;
    uint64_t position;
    size_t count;
} walk_t;

static err_t walk_one(void *context, const journal_record_t *record)
{
    walk_t *walk = context;
    walk->position = record->position;
    walk->count++;
    return walk->visit(walk->context, record);
}

/* Every record of the feed. `page_end` (may be NULL) after each page. */
static err_t walk_feed(journal_t *journal, journal_visit_fn visit, err_t (*page_end)(void *context),
                       void *context)
{
    walk_t walk = {.visit = visit, .context = context};
    do {
        walk.count = 0;
        TRY(journal->table->feed(journal, walk.position, JOURNAL_COPY_PAGE, walk_one, &walk));
        if (page_end != NULL)
            TRY(page_end(context));
    } while (walk.count == JOURNAL_COPY_PAGE);
    return ERR_OK;
}

void journal_digest_add(journal_digest_t *self, const journal_record_t *record)
{
    self->count++;
    self->sum += hash_of(record);
}

static err_t add_to_digest(void *context, const journal_record_t *record)
{
    journal_digest_add(context, record);
    return ERR_OK;
}

err_t journal_digest(journal_t *journal, journal_digest_t *out_digest)
{
    journal_digest_t digest = {0};
    TRY(walk_feed(journal, add_to_digest, NULL, &digest));
    *out_digest = digest;
    return ERR_OK;
}

/* ---- the copy ---- */

typedef struct copy {
    journal_t *to;
    heads_t *heads; /* of the target */
    journal_progress_fn progress;
    void *context;
    uint64_t count;

    /* The append that is being put together: records of one stream with one command. Each event's
     * name and payload lie in `bytes`. */
    buf_t bytes;
    journal_event_t events[JOURNAL_EVENTS_MAX];
    size_t ends[JOURNAL_EVENTS_MAX][2], event_count;
    buf_t stream, command_id, result;
    uint64_t first_version;
    int64_t wall_ms;

    pthread_mutex_t lock;
    pthread_cond_t landed;
    uint32_t in_flight;
    err_t err; /* the first that an append came to */
} copy_t;

static void landed(void *context, err_t err, uint64_t version, uint64_t position)
{
    copy_t *copy = context;
    (void)version, (void)position;
    pthread_mutex_lock(&copy->lock);
    copy->in_flight--;
    if (copy->err == ERR_OK)
        copy->err = err;
    pthread_cond_signal(&copy->landed);
    pthread_mutex_unlock(&copy->lock);
}

/* `in_flight` is counted up and down by two threads: only under the lock, or a count is lost and
 * the copy waits for an append that nobody made. */
static err_t wait_until_at_most(copy_t *copy, uint32_t in_flight, uint32_t added)
{
    pthread_mutex_lock(&copy->lock);
    while (copy->in_flight > in_flight)
        pthread_cond_wait(&copy->landed, &copy->lock);
    err_t err = copy->err;
    if (err == ERR_OK)
        copy->in_flight += added;
    pthread_mutex_unlock(&copy->lock);
    return err;
}

/* Until all of ours were answered. */
static err_t wait_for_all(copy_t *copy)
{
    return wait_until_at_most(copy, 0, 0);
}

static err_t send(copy_t *copy)
{
    if (copy->event_count == 0)
        return ERR_OK;
    TRY(buf_status(&copy->bytes));
    for (size_t i = 0, at = 0; i < copy->event_count; at = copy->ends[i][1], i++)
        copy->events[i] =
            (journal_event_t){str_slice(buf_str(&copy->bytes), at, copy->ends[i][0]),
                              str_slice(buf_str(&copy->bytes), copy->ends[i][0], copy->ends[i][1])};
    TRY(wait_until_at_most(copy, JOURNAL_COPY_IN_FLIGHT - 1, 1)); /* its own place */
    str_t stream = buf_str(&copy->stream);
    copy->to->table->append(copy->to,
                            &(journal_append_t){.stream = stream,
                                                .expected_version = copy->first_version - 1,
                                                .epoch = journal_epoch(copy->to, stream),
                                                .wall_ms = copy->wall_ms,
                                                .events = copy->events,
                                                .event_count = copy->event_count,
                                                .command_id = buf_str(&copy->command_id),
                                                .result = buf_str(&copy->result),
                                                .done = landed,
                                                .done_context = copy});
    copy->event_count = 0;
    return ERR_OK;
}

static bool belongs(const copy_t *copy, const journal_record_t *record)
{
    size_t more = record->event.name.size + record->event.payload.size + record->result.size;
    return copy->event_count > 0 && copy->event_count < JOURNAL_EVENTS_MAX &&
           str_equal(buf_str(&copy->stream), record->stream) &&
           str_equal(buf_str(&copy->command_id), record->command_id) &&
           copy->wall_ms == record->wall_ms && copy->result.size == 0 &&
           record->version == copy->first_version + copy->event_count &&
           copy->bytes.size + more <= JOURNAL_APPEND_SIZE_MAX;
}

static err_t set(buf_t *buf, str_t s)
{
    buf_reset(buf);
    buf_append(buf, s);
    return buf_status(buf);
}

static err_t add_event(copy_t *copy, const journal_record_t *record)
{
    size_t *ends = copy->ends[copy->event_count];
    buf_append(&copy->bytes, record->event.name);
    ends[0] = copy->bytes.size;
    buf_append(&copy->bytes, record->event.payload);
    ends[1] = copy->bytes.size;
    copy->event_count++;
    TRY(buf_status(&copy->bytes));
    return set(&copy->result, record->result);
}

static err_t copy_one(void *context, const journal_record_t *record)
{
    copy_t *copy = context;
    stream_head_t there = {0};
    copy->count++;
    if (heads_find(copy->heads, record->stream, &there) && record->version <= there.version)
        return ERR_OK;
    if (!belongs(copy, record)) {
        TRY(send(copy));
        buf_reset(&copy->bytes);
        copy->first_version = record->version;
        copy->wall_ms = record->wall_ms;
        TRY(set(&copy->stream, record->stream));
        TRY(set(&copy->command_id, record->command_id));
        TRY(set(&copy->result, (str_t){NULL, 0}));
    }
    return add_event(copy, record);
}

/* No transaction of the source outlives a page, nor does what was read in it. */
static err_t page_copied(void *context)
{
    copy_t *copy = context;
    TRY(send(copy));
    TRY(wait_for_all(copy));
    if (copy->progress != NULL)
        copy->progress(copy->context, copy->count);
    return ERR_OK;
}

static err_t note_head(void *context, const journal_record_t *record)
{
    copy_t *copy = context;
    head_entry_t *entry = heads_entry(copy->heads, record->stream);
    stream_head_t head = {.version = record->version, .position = record->position};
    if (entry == NULL)
        return heads_add(copy->heads, record->stream, head) == NULL ? ERR_NO_MEMORY : ERR_OK;
    entry->durable = head;
    return ERR_OK;
}

static err_t run(copy_t *copy, journal_t *from, journal_t *to)
{
    journal_digest_t before, after;
    TRY(heads_new(&copy->heads));
    TRY(walk_feed(to, note_head, NULL, copy));
    copy->count = 0;
    err_t err = walk_feed(from, copy_one, page_copied, copy);
    err_t last = wait_for_all(copy); /* nothing of ours is under way any more */
    TRY(err);
    TRY(last);
    TRY(journal_digest(from, &before));
    TRY(journal_digest(to, &after));
    return before.count == after.count && before.sum == after.sum ? ERR_OK : ERR_CONFLICT;
}

err_t journal_copy(journal_t *from, journal_t *to, journal_progress_fn progress, void *context)
{
    copy_t *copy = memory_new(sizeof *copy);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    copy->to = to;
    copy->progress = progress;
    copy->context = context;
    pthread_mutex_init(&copy->lock, NULL);
    pthread_cond_init(&copy->landed, NULL);
    err_t err = run(copy, from, to);
    heads_free(copy->heads);
    buf_deinit(&copy->bytes);
    buf_deinit(&copy->stream);
    buf_deinit(&copy->command_id);
    buf_deinit(&copy->result);
    pthread_cond_destroy(&copy->landed);
    pthread_mutex_destroy(&copy->lock);
    memory_free(copy);
    return err;
}
