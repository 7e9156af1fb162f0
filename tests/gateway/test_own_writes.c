#include "gateway/own_writes.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/temporary.h"

static err_t apply(void *context, kv_tx_t *tx, const journal_record_t *record)
{
    (void)context;
    (void)tx;
    (void)record;
    return ERR_OK;
}

static err_t reset(void *context, kv_tx_t *tx)
{
    (void)context;
    (void)tx;
    return ERR_OK;
}

/* A journal of one record, and a projection that has not seen it. */
typedef struct fixture {
    temporary_t folder;
    journal_lmdb_t *journal;
    kv_t *kv;
    projection_t *projection;
    uint64_t position;
    uv_loop_t loop;
    int called;
    bool was_there; /* when it was called */
} fixture_t;

static void set_up(fixture_t *self)
{
    static const char *const tables[] = {"position"};
    *self = (fixture_t){.folder = temporary_new()};
    temporary_name_t journal = temporary_in(&self->folder, "journal");
    temporary_name_t env = temporary_in(&self->folder, "env");
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = journal.path}, &self->journal));
    journal_subject_t subject = {.journal = journal_lmdb_journal(self->journal)};
    cr_assert(journal_append_wait(&subject, STR("s"), 0, STR("x")).err == ERR_OK);
    self->position = subject.journal->table->head(subject.journal);
    check_ok(
        kv_open(&(kv_options_t){.path = env.path, .tables = tables, .table_count = 1}, &self->kv));
    projection_options_t options = {.name = "names",
                                    .journal = subject.journal,
                                    .kv = self->kv,
                                    .format = 1,
                                    .apply = apply,
                                    .reset = reset};
    check_ok(projection_open(&options, &self->projection));
    cr_assert(uv_loop_init(&self->loop) == 0);
}

static void tear_down(fixture_t *self)
{
    uv_run(&self->loop, UV_RUN_DEFAULT); /* what waits has closed its handle */
    cr_assert(uv_loop_close(&self->loop) == 0);
    projection_close(self->projection);
    kv_close(self->kv);
    journal_lmdb_close(self->journal);
    temporary_remove(&self->folder);
}
#define FIXTURE_SCOPED SCOPED(tear_down)

static void call(void *context)
{
    fixture_t *self = context;
    self->called++;
    self->was_there = projection_position(self->projection) >= self->position;
}

static void wait_for(fixture_t *self, const projection_t *projection, uint64_t position,
                     uint64_t wait_ms)
{
    own_writes_wait(&self->loop, projection, position, wait_ms, call, self);
}

static void catch_up(fixture_t *self)
{
    bool is_behind;
    check_ok(projection_step(self->projection, &is_behind));
}

Test(own_writes, what_is_there_is_not_waited_for)
{
    fixture_t self FIXTURE_SCOPED;
    set_up(&self);
    wait_for(&self, self.projection, 0, OWN_WRITES_WAIT_MS);
    cr_assert(self.called == 1);
    wait_for(&self, NULL, self.position, OWN_WRITES_WAIT_MS);
    cr_assert(self.called == 2);
    wait_for(&self, self.projection, self.position, 0);
    cr_assert(self.called == 3);
    catch_up(&self);
    wait_for(&self, self.projection, self.position, OWN_WRITES_WAIT_MS);
    cr_assert(self.called == 4);
}

Test(own_writes, what_comes_is_waited_for)
{
    fixture_t self FIXTURE_SCOPED;
    set_up(&self);
    wait_for(&self, self.projection, self.position, UINT32_MAX);
    uv_run(&self.loop, UV_RUN_ONCE); /* looked at, and not there */
    cr_assert(self.called == 0);
    catch_up(&self);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    cr_assert(self.called == 1 && self.was_there);
}

Test(own_writes, what_never_comes_is_waited_for_until_the_deadline)
{
    enum { WAIT_MS = 60 };
    fixture_t self FIXTURE_SCOPED;
    set_up(&self);
    uint64_t start = uv_hrtime();
    wait_for(&self, self.projection, self.position, WAIT_MS);
    cr_assert(self.called == 0);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    cr_assert(self.called == 1 && !self.was_there);
    cr_assert(uv_hrtime() - start >= (WAIT_MS - 1) * 1000000ull);
}
