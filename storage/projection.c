#include "storage/projection.h"

#include "runtime/base/memory.h"
#include "storage/waiters.h"

struct projection {
    projection_options_t options;
    char *name;
    pthread_mutex_t stepping;
    _Atomic uint64_t position; /* release after a commit, acquire by readers */
    atomic_bool is_outdated;
    uint64_t history, count; /* of the journal; records applied since the first one. The step's */
    waiters_t waiters;
};

/* ---- the mark: how far it is, of which journal ---- */

/* position, format, history, count: 8 bytes each, big endian. Marks of before have the first two;
 * their journals have no history. */
enum { MARK_SIZE = 32, MARK_SIZE_BEFORE = 16 };

typedef struct mark {
    uint64_t position, history, count;
    bool is_outdated;
} mark_t;

static uint64_t history_of(journal_t *journal)
{
    return journal->table->history == NULL ? 0 : journal->table->history(journal);
}

static err_t write_mark(const projection_t *self, const kv_tx_t *tx, const mark_t *at)
{
    char mark[MARK_SIZE];
    kv_u64_write(mark, at->position);
    kv_u64_write(mark + 8, self->options.format);
    kv_u64_write(mark + 16, at->history);
    kv_u64_write(mark + 24, at->count);
    return kv_put(tx, self->options.table, str_from(self->name), str_of(mark, sizeof mark));
}

/* NOT_FOUND: none, or one that says nothing here. */
static err_t read_mark(const projection_t *self, mark_t *out_at)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    const projection_options_t *options = &self->options;
    str_t mark;
    TRY(kv_read(options->kv, &tx));
    TRY(kv_get(&tx, options->table, str_from(self->name), &mark));
    if (mark.size != MARK_SIZE && mark.size != MARK_SIZE_BEFORE)
        return ERR_NOT_FOUND;
    uint64_t format = kv_u64_read(mark.data + 8);
    bool is_older =
        options->format_read > 0 && format >= options->format_read && format < options->format;
    if (format != options->format && !is_older)
        return ERR_NOT_FOUND;
    *out_at = (mark_t){.position = kv_u64_read(mark.data), .is_outdated = is_older};
    if (mark.size == MARK_SIZE) {
        out_at->history = kv_u64_read(mark.data + 16);
        out_at->count = kv_u64_read(mark.data + 24);
    }
    return ERR_OK;
}

/* NOT_FOUND: what it was built from is not what the journal has now. */
static err_t compare(const projection_t *self, const mark_t *at, uint64_t history)
{
    journal_t *journal = self->options.journal;
    uint64_t count = 0;
    if (at->history == history)
        return ERR_OK;
    if (journal->table->count == NULL)
        return ERR_NOT_FOUND;
    TRY(journal->table->count(journal, at->position, &count));
    return count == at->count ? ERR_OK : ERR_NOT_FOUND;
}

static err_t start_over(projection_t *self, uint64_t history)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_write(self->options.kv, &tx));
    TRY(self->options.reset(self->options.context, &tx));
    TRY(write_mark(self, &tx, &(mark_t){.history = history}));
    TRY(kv_commit(&tx));
    atomic_store_explicit(&self->position, 0, memory_order_release);
    self->history = history;
    self->count = 0;
    return ERR_OK;
}

/* Where it goes on, or from the first record. */
static err_t begin(projection_t *self)
{
    journal_t *journal = self->options.journal;
    mark_t at;
    uint64_t history = history_of(journal);
    err_t err = read_mark(self, &at);
    if (err == ERR_OK && at.position > journal->table->head(journal))
        err = ERR_NOT_FOUND; /* an older journal was put here */
    if (err == ERR_OK)
        err = compare(self, &at, history);
    if (err == ERR_NOT_FOUND)
        return start_over(self, history);
    TRY(err);
    atomic_store(&self->position, at.position);
    atomic_store(&self->is_outdated, at.is_outdated);
    self->history = history;
    self->count = at.count;
    return ERR_OK;
}

err_t projection_open(const projection_options_t *options, projection_t **out_projection)
{
    projection_t *self PROJECTION_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->stepping, NULL);
    waiters_init(&self->waiters, PROJECTION_WAITERS_MAX);
    self->options = *options;
    if (self->options.batch_max == 0)
        self->options.batch_max = PROJECTION_BATCH_MAX;
    self->name = str_dup_terminated(str_from(options->name));
    if (self->name == NULL)
        return ERR_NO_MEMORY;
    TRY(begin(self));
    *out_projection = STEAL(self);
    return ERR_OK;
}

void projection_close(projection_t *self)
{
    if (self == NULL)
        return;
    waiters_deinit(&self->waiters);
    pthread_mutex_destroy(&self->stepping);
    memory_free(self->name);
    memory_free(self);
}

void projection_scope_end(projection_t **self)
{
    projection_close(*self);
}

/* ---- a step ---- */

typedef struct step {
    projection_t *self;
    kv_tx_t tx;
    uint64_t position;
    size_t count, size;
    bool is_full; /* batch_size_max is reached */
} step_t;

static err_t apply_one(void *context, const journal_record_t *record)
{
    step_t *step = context;
    const projection_options_t *options = &step->self->options;
    if (step->is_full)
        return ERR_LIMIT;
    TRY(options->apply(options->context, &step->tx, record));
    step->position = record->position;
    step->count++;
    step->size += record->event.payload.size;
    step->is_full = options->batch_size_max > 0 && step->size >= options->batch_size_max;
    return ERR_OK;
}

/* An environment whose head could not be written once is opened again. */
static err_t begin_step(step_t *step)
{
    projection_t *self = step->self;
    err_t err = kv_write(self->options.kv, &step->tx);
    if (err != ERR_UNAVAILABLE)
        return err;
    TRY(kv_heal(self->options.kv));
    TRY(begin(self)); /* the commit that failed may be there */
    step->position = atomic_load(&self->position);
    return kv_write(self->options.kv, &step->tx);
}

static err_t apply_batch(step_t *step)
{
    projection_t *self = step->self;
    const projection_options_t *options = &self->options;
    TRY(begin_step(step));
    err_t err = options->journal->table->feed(options->journal, step->position, options->batch_max,
                                              apply_one, step);
    if (err != ERR_OK && !step->is_full)
        return err;
    if (step->count == 0)
        return ERR_OK;
    if (options->flush != NULL)
        TRY(options->flush(options->context, &step->tx));
    mark_t mark = {
        .position = step->position, .history = self->history, .count = self->count + step->count};
    TRY(write_mark(self, &step->tx, &mark));
    return kv_commit(&step->tx);
}

/* The journal may have lost some of what was applied. */
static err_t keep_up_with_history(projection_t *self)
{
    uint64_t history = history_of(self->options.journal);
    if (LIKELY(history == self->history))
        return ERR_OK;
    mark_t at = {atomic_load(&self->position), self->history, self->count, false};
    err_t err = compare(self, &at, history);
    if (err == ERR_NOT_FOUND)
        return start_over(self, history);
    TRY(err);
    self->history = history; /* all of it is there */
    return ERR_OK;
}

/* With `stepping` held. */
static err_t step_locked(projection_t *self, bool *out_is_behind)
{
    err_t err = keep_up_with_history(self);
    step_t step = {.self = self, .position = atomic_load(&self->position)};
    bool is_new = self->options.journal->table->head(self->options.journal) > step.position;
    if (err == ERR_OK && is_new)
        err = apply_batch(&step);
    kv_end(&step.tx);
    self->count += err == ERR_OK ? step.count : 0;
    if (err == ERR_OK)
        atomic_store_explicit(&self->position, step.position, memory_order_release);
    else if (self->options.discard != NULL)
        self->options.discard(self->options.context);
    *out_is_behind = step.is_full || step.count == self->options.batch_max;
    return err;
}

/* Lets go of `stepping`, and calls who waited for what was stepped. */
static void end_stepping(projection_t *self)
{
    uint64_t position = atomic_load(&self->position);
    pthread_mutex_unlock(&self->stepping);
    waiters_reach(&self->waiters, position, ERR_OK);
}

err_t projection_step(projection_t *self, bool *out_is_behind)
{
    bool is_behind = false;
    if (atomic_load(&self->is_outdated) || pthread_mutex_trylock(&self->stepping) != 0)
        return ERR_BUSY;
    err_t err = step_locked(self, &is_behind);
    end_stepping(self);
    if (err == ERR_OK)
        *out_is_behind = is_behind;
    return err;
}

err_t projection_follow(projection_t *self, const atomic_bool *is_stopped,
                        projection_stepped_fn stepped, void *context)
{
    err_t err = ERR_OK;
    bool is_behind = true;
    while (err == ERR_OK && is_behind && !atomic_load(is_stopped)) {
        is_behind = false;
        pthread_mutex_lock(&self->stepping);
        if (!atomic_load(&self->is_outdated))
            err = step_locked(self, &is_behind);
        end_stepping(self);
        if (stepped != NULL && err == ERR_OK)
            stepped(context, projection_position(self));
    }
    return err;
}

/* With `stepping` of the one that it takes the place of held: nobody steps either. */
static err_t catch_up_last(projection_t *self)
{
    bool is_behind = true;
    for (int i = 0; is_behind && i < PROJECTION_LAST_STEPS_MAX; i++)
        TRY(step_locked(self, &is_behind));
    return is_behind ? ERR_LIMIT : ERR_OK;
}

err_t projection_take_over(projection_t *self, projection_t *fresh, err_t (*swap)(void *context),
                           void *context)
{
    pthread_mutex_lock(&self->stepping);
    err_t err = catch_up_last(fresh);
    if (err == ERR_OK)
        err = swap(context);
    if (err == ERR_OK) {
        self->options.kv = fresh->options.kv;
        atomic_store(&self->position, atomic_load(&fresh->position));
        self->history = fresh->history;
        self->count = fresh->count;
        atomic_store(&self->is_outdated, false);
    }
    end_stepping(self);
    return err;
}

bool projection_is_outdated(const projection_t *self)
{
    return atomic_load(&self->is_outdated);
}

uint64_t projection_position(const projection_t *self)
{
    return atomic_load_explicit(&self->position, memory_order_acquire);
}

/* ---- waiting ---- */

err_t projection_wait(projection_t *self, uint64_t position, projection_then_fn then, void *context,
                      uint64_t *out_ticket)
{
    if (projection_position(self) >= position) {
        *out_ticket = 0;
        then(context, ERR_OK);
        return ERR_OK;
    }
    TRY(waiters_add(&self->waiters, position, then, context, out_ticket));
    /* A step that ended in between did not see it: look again. */
    waiters_reach(&self->waiters, projection_position(self), ERR_OK);
    return ERR_OK;
}

bool projection_cancel(projection_t *self, uint64_t ticket)
{
    return waiters_cancel(&self->waiters, ticket);
}
