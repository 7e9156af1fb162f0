#include "storage/journal/journal_lmdb.h"
#include "storage/projection.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/temporary.h"

#include <stdio.h>

/* Counts each stream's events in table 0; table 1 keeps the position. */
static const char *const tables[] = {"counts", "position"};

typedef struct counting {
    int applied, flushed, discarded, resets;
    err_t fail_with;
} counting_t;

static err_t apply(void *context, kv_tx_t *tx, const journal_record_t *record)
{
    counting_t *self = context;
    uint64_t count = 0;
    str_t stored;
    if (self->fail_with != ERR_OK)
        return self->fail_with;
    if (kv_get(tx, 0, record->stream, &stored) == ERR_OK)
        memcpy(&count, stored.data, sizeof count);
    count++;
    self->applied++;
    return kv_put(tx, 0, record->stream, str_of(&count, sizeof count));
}

static err_t flush(void *context, kv_tx_t *tx)
{
    (void)tx;
    ((counting_t *)context)->flushed++;
    return ERR_OK;
}

static void discard(void *context)
{
    ((counting_t *)context)->discarded++;
}

static err_t reset(void *context, kv_tx_t *tx)
{
    ((counting_t *)context)->resets++;
    return kv_clear(tx, 0);
}

typedef struct fixture {
    temporary_t folder;
    journal_lmdb_t *journal;
    kv_t *kv;
    counting_t counting;
    projection_t *projection;
} fixture_t;

static void start(fixture_t *self, const char *boot_id, uint32_t format)
{
    temporary_name_t path = temporary_in(&self->folder, "env");
    check_ok(kv_open(&(kv_options_t){.path = path.path,
                                     .tables = tables,
                                     .table_count = 2,
                                     .is_lazy = true,
                                     .boot_id = boot_id},
                     &self->kv));
    check_ok(projection_open(&(projection_options_t){.name = "counts",
                                                     .journal = journal_lmdb_journal(self->journal),
                                                     .kv = self->kv,
                                                     .table = 1,
                                                     .format = format,
                                                     .batch_max = 4,
                                                     .context = &self->counting,
                                                     .apply = apply,
                                                     .flush = flush,
                                                     .discard = discard,
                                                     .reset = reset},
                             &self->projection));
}

static void stop(fixture_t *self)
{
    projection_close(STEAL(self->projection));
    kv_close(STEAL(self->kv));
}

static void open_journal(fixture_t *self, const char *name)
{
    temporary_name_t path = temporary_in(&self->folder, name);
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &self->journal));
}

static void tear_down(fixture_t *self)
{
    stop(self);
    journal_lmdb_close(self->journal);
    temporary_remove(&self->folder);
}
#define FIXTURE_SCOPED SCOPED(tear_down)

static void append(fixture_t *self, uint64_t from, uint64_t to)
{
    journal_subject_t subject = {.journal = journal_lmdb_journal(self->journal)};
    for (uint64_t i = from; i < to; i++)
        cr_assert(journal_append_wait(&subject, STR("s"), i, STR("x")).err == ERR_OK);
}

static uint64_t count_of(fixture_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    str_t stored;
    uint64_t count = 0;
    check_ok(kv_read(self->kv, &tx));
    if (kv_get(&tx, 0, STR("s"), &stored) == ERR_OK)
        memcpy(&count, stored.data, sizeof count);
    return count;
}

static int steps(fixture_t *self)
{
    int count = 0;
    for (bool is_behind = true; is_behind; count++)
        check_ok(projection_step(self->projection, &is_behind));
    return count;
}

Test(projection, applies_each_record_once_in_batches_and_goes_on_where_it_was)
{
    fixture_t self FIXTURE_SCOPED = {.folder = temporary_new()};
    open_journal(&self, "journal");
    append(&self, 0, 10);
    start(&self, "one", 1);

    cr_assert(steps(&self) == 3);
    cr_assert(count_of(&self) == 10 && self.counting.flushed == 3);
    cr_assert(projection_position(self.projection) == 10);

    stop(&self);
    start(&self, "one", 1);
    append(&self, 10, 12);
    cr_assert(steps(&self) == 1);
    cr_assert(count_of(&self) == 12 && self.counting.applied == 12 && self.counting.resets == 1);
}

Test(projection, is_built_again_after_a_power_cut_with_another_format_and_on_an_older_journal)
{
    fixture_t self FIXTURE_SCOPED = {.folder = temporary_new()};
    temporary_name_t marker = temporary_in(&self.folder, "env/boot");
    open_journal(&self, "journal");
    append(&self, 0, 10);
    start(&self, "one", 1);
    steps(&self);
    stop(&self);

    FILE *file = fopen(marker.path, "w");
    fputs("one", file);
    fclose(file);
    start(&self, "two", 1);
    cr_assert(count_of(&self) == 0);
    steps(&self);
    cr_assert(count_of(&self) == 10);

    stop(&self);
    start(&self, "two", 2);
    cr_assert(count_of(&self) == 0);
    steps(&self);
    cr_assert(count_of(&self) == 10);

    stop(&self);
    journal_lmdb_close(STEAL(self.journal));
    open_journal(&self, "older");
    append(&self, 0, 3);
    start(&self, "two", 2);
    steps(&self);
    cr_assert(count_of(&self) == 3);
}

Test(projection, a_batch_that_fails_leaves_nothing_and_is_tried_again)
{
    fixture_t self FIXTURE_SCOPED = {.folder = temporary_new()};
    bool is_behind = false;
    open_journal(&self, "journal");
    append(&self, 0, 3);
    start(&self, "one", 1);

    self.counting.fail_with = ERR_FULL;
    check_err(projection_step(self.projection, &is_behind), ERR_FULL);
    cr_assert(projection_position(self.projection) == 0 && count_of(&self) == 0);
    cr_assert(self.counting.discarded == 1);

    self.counting.fail_with = ERR_OK;
    check_ok(projection_step(self.projection, &is_behind));
    cr_assert(count_of(&self) == 3);
}

/* ---- waiting ---- */

typedef struct called {
    int count;
    err_t err;
} called_t;

static void call(void *context, err_t err)
{
    called_t *called = context;
    called->count++;
    called->err = err;
}

Test(projection, a_waiter_is_called_once_its_position_is_reached)
{
    fixture_t self FIXTURE_SCOPED = {.folder = temporary_new()};
    called_t at_once = {0}, soon = {0}, later = {0}, cancelled = {0}, never = {0};
    uint64_t ticket, ticket_cancelled, ticket_soon;
    bool is_behind;
    open_journal(&self, "journal");
    start(&self, "one", 1);
    append(&self, 0, 6);

    check_ok(projection_wait(self.projection, 0, call, &at_once, &ticket));
    cr_assert(at_once.count == 1 && ticket == 0);
    check_ok(projection_wait(self.projection, 4, call, &soon, &ticket_soon));
    check_ok(projection_wait(self.projection, 6, call, &later, &ticket));
    check_ok(projection_wait(self.projection, 4, call, &cancelled, &ticket_cancelled));
    check_ok(projection_wait(self.projection, 7, call, &never, &ticket));
    cr_assert(projection_cancel(self.projection, ticket_cancelled));
    cr_assert(soon.count == 0);

    check_ok(projection_step(self.projection, &is_behind));
    cr_assert(soon.count == 1 && soon.err == ERR_OK && later.count == 0 && cancelled.count == 0);
    cr_assert(projection_cancel(self.projection, ticket_soon) == false);
    check_ok(projection_step(self.projection, &is_behind));
    cr_assert(later.count == 1);
    stop(&self);
    cr_assert(never.count == 1 && never.err == ERR_CANCELLED);
}

Test(projection, only_so_many_may_wait)
{
    fixture_t self FIXTURE_SCOPED = {.folder = temporary_new()};
    called_t called = {0};
    uint64_t ticket;
    open_journal(&self, "journal");
    start(&self, "one", 1);

    for (int i = 0; i < PROJECTION_WAITERS_MAX; i++)
        check_ok(projection_wait(self.projection, 1, call, &called, &ticket));
    check_err(projection_wait(self.projection, 1, call, &called, &ticket), ERR_LIMIT);
    append(&self, 0, 1);
    steps(&self);

    cr_assert(called.count == PROJECTION_WAITERS_MAX);
}
