#include "runtime/journal_memory.h"
#include "runtime/runtime.h"
#include "tests/support/actors/purse.h"
#include "tests/support/actors/scene.h"
#include "tests/support/check.h"

/* ---- a journal that has lost the end of each stream ---- */

typedef struct shorter_journal {
    journal_t journal;
    journal_memory_t *memory;
    uint64_t version_max;     /* of what is left */
    runtime_t *loses_at_read; /* NULL, or whose actors are told within the next reading */
} shorter_journal_t;

static shorter_journal_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, shorter_journal_t, journal);
}

static journal_t *inner_of(journal_t *journal)
{
    return journal_memory_journal(self_of(journal)->memory);
}

static void shorter_append(journal_t *journal, const journal_append_t *append)
{
    inner_of(journal)->table->append(inner_of(journal), append);
}

typedef struct visitor {
    uint64_t version_max;
    journal_visit_fn visit;
    void *context;
} visitor_t;

static err_t visit_some(void *context, const journal_record_t *record)
{
    visitor_t *self = context;
    return record->version > self->version_max ? ERR_OK : self->visit(self->context, record);
}

static err_t shorter_read(journal_t *journal, str_t stream, uint64_t after, journal_visit_fn visit,
                          void *context)
{
    shorter_journal_t *self = self_of(journal);
    visitor_t visitor = {self->version_max, visit, context};
    runtime_t *runtime = STEAL(self->loses_at_read);
    if (runtime != NULL) { /* this reading still has all of it */
        self->version_max = 2;
        check_ok(runtime_reread(runtime));
    }
    return inner_of(journal)->table->read(inner_of(journal), stream, after, visit_some, &visitor);
}

static void no_snapshot_put(UNUSED journal_t *journal, UNUSED str_t stream, UNUSED uint64_t version,
                            UNUSED str_t state)
{
}

static err_t no_snapshot_get(UNUSED journal_t *journal, UNUSED str_t stream,
                             UNUSED uint64_t *out_version, UNUSED buf_t *out)
{
    return ERR_NOT_FOUND;
}

static uint64_t shorter_head(journal_t *journal)
{
    return inner_of(journal)->table->head(inner_of(journal));
}

static const journal_table_t shorter_table = {.append = shorter_append,
                                              .read = shorter_read,
                                              .snapshot_put = no_snapshot_put,
                                              .snapshot_get = no_snapshot_get,
                                              .head = shorter_head};

/* ---- a purse in it ---- */

typedef struct fixture {
    shorter_journal_t shorter;
    scene_t scene;
} fixture_t;

static void begin(fixture_t *self, bool is_manual)
{
    static const actor_kind_t *const kinds[] = {&purse_kind};
    *self = (fixture_t){.shorter = {.journal.table = &shorter_table, .version_max = UINT64_MAX}};
    check_ok(journal_memory_new(is_manual, &self->shorter.memory));
    scene_begin(&self->scene, &(scene_options_t){.kinds = kinds,
                                                 .kind_count = COUNT_OF(kinds),
                                                 .journal = &self->shorter.journal});
}

static void end(fixture_t *self)
{
    scene_end(&self->scene);
    journal_memory_free(self->shorter.memory);
}

static address_t purse(void)
{
    return address_of("purse", STR("a"));
}

static uint64_t balance(fixture_t *self)
{
    scene_answer_t answer = scene_asked(&self->scene, purse(), purse_read);
    check_ok(answer.err);
    return answer.value;
}

static void put_three(fixture_t *self)
{
    for (int i = 0; i < 3; i++)
        check_ok(scene_asked(&self->scene, purse(), purse_put, .amount = 10).err);
}

Test(reread, a_state_that_runs_is_read_again)
{
    fixture_t fixture;
    begin(&fixture, false);
    put_three(&fixture);

    fixture.shorter.version_max = 2;
    uint64_t before = balance(&fixture);
    check_ok(runtime_reread(fixture.scene.runtime));

    cr_assert(eq(u64, before, 30), "nobody has told it");
    cr_assert(eq(u64, balance(&fixture), 20));
    end(&fixture);
}

Test(reread, a_state_that_is_being_read_is_read_once_more)
{
    fixture_t fixture;
    scene_answer_t answer = {0};
    begin(&fixture, false);
    put_three(&fixture);
    fixture.shorter.loses_at_read = fixture.scene.runtime;

    check_ok(runtime_reread(fixture.scene.runtime)); /* it reads, and within that it happens */
    scene_ask(&fixture.scene, &answer, purse(), 0, purse_read);
    scene_settle(&fixture.scene);

    cr_assert(answer.is_there);
    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 20));
    end(&fixture);
}

/* What was on its way keeps its outcome: who asked is told that it is durable. */
Test(reread, an_append_that_is_in_flight_ends_first)
{
    fixture_t fixture;
    scene_answer_t answer = {0};
    begin(&fixture, true);
    scene_ask(&fixture.scene, &answer, purse(), 0, purse_put, .amount = 10);
    scene_settle(&fixture.scene);

    check_ok(runtime_reread(fixture.scene.runtime));
    scene_settle(&fixture.scene);
    cr_assert_not(answer.is_there);
    cr_assert(journal_memory_step(fixture.shorter.memory));
    scene_settle(&fixture.scene);

    cr_assert(answer.is_there);
    check_ok(answer.err);
    cr_assert(eq(u64, balance(&fixture), 10));
    end(&fixture);
}
