/* Events as statements, with the n-th allocation failing, n from 1 until none is left to fail: it
 * says NO_MEMORY or has all rows, no block is left, and the same batch is good for the next try. */

#include "storage/relations/relations.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"

#define DEF_FILE "tests/storage/faults/faults.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/storage/faults/faults.def"
#include "runtime/base/schema_define.h"

enum { STREAMS = 40, ALLOCATIONS_MAX = 500 };

static void add_written(relation_rows_t *rows, const void *event_)
{
    const faults_written_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_text(rows, event->text);
}

static const relation_event_t EVENTS[] = {
    {.schema = &faults_written_schema, .columns = "ltt", .sql = "written", .add = add_written},
    {.schema = &faults_turned_schema,
     .columns = "lt",
     .sql = "turned",
     .add = relation_add_key,
     .is_alone = true}};
static const relation_t RELATION = {
    .name = "faults", .format = 1, .tables = {"faults"}, .events = EVENTS, .event_count = 2};
static const relation_t *const LIST[] = {&RELATION};

typedef struct written {
    buf_t written, turned;
} written_t;

static err_t open_event(void *context, str_t stream, uint64_t version, const journal_event_t *event,
                        buf_t *out_payload)
{
    (void)context, (void)stream, (void)version;
    buf_append(out_payload, event->payload);
    return ERR_OK;
}

static err_t fill(relation_batch_t *batch, const written_t *wire)
{
    relation_batch_reset(batch);
    for (uint64_t i = 0; i < STREAMS; i++) {
        relation_batch_stream(batch, STR("diary/ann"), (int64_t)i);
        const journal_event_t written = {STR("faults_written"), buf_str(&wire->written)};
        const journal_event_t turned = {STR("faults_turned"), buf_str(&wire->turned)};
        TRY(relation_batch_add(batch, 1, &written, 0));
        TRY(relation_batch_add(batch, 2, &turned, 0));
        TRY(relation_batch_add(batch, 3, &turned, 0)); /* alone: a statement of its own */
    }
    return ERR_OK;
}

static err_t use_batch(relation_batch_t *batch, const written_t *wire)
{
    pg_statement_t *statements = NULL;
    size_t count = 0;
    TRY(fill(batch, wire));
    TRY(relation_batch_statements(batch, 1, &statements, &count));
    return count == 4 ? ERR_OK : ERR_INTERNAL;
}

Test(relations_no_memory, a_batch_says_so_or_has_every_row)
{
    /* The text is no UTF-8 and has a zero byte: it is repaired, in a buffer of its own. */
    const faults_written_t event = {1, STR("Dear\xff\0Diary"), {0}};
    written_t wire = {0};
    schema_encode(&faults_written_schema, &event, &wire.written);
    schema_encode(&faults_turned_schema, &(faults_turned_t){1}, &wire.turned);
    int64_t live = memory_faults_live();
    uint64_t failing = 0;

    for (bool is_through = false; !is_through;) {
        relation_batch_t *batch = NULL;
        failing++;
        memory_faults_reset();
        memory_faults_choose(&failing, 1);
        memory_faults_arm(true);
        err_t err = relation_batch_new((relation_list_t){LIST, 1},
                                       (relation_opener_t){open_event, NULL}, &batch);
        if (err == ERR_OK)
            err = use_batch(batch, &wire);
        memory_faults_arm(false);
        is_through = memory_faults_failed() == 0;
        cr_assert(err == ERR_OK || (err == ERR_NO_MEMORY && !is_through), "allocation %llu: %s",
                  (unsigned long long)failing, err_name(err));
        if (batch != NULL)
            check_ok(use_batch(batch, &wire));
        relation_batch_free(batch);
        cr_assert(memory_faults_live() == live, "allocation %llu: %lld blocks are left",
                  (unsigned long long)failing, (long long)(memory_faults_live() - live));
        cr_assert(failing < ALLOCATIONS_MAX);
    }

    cr_expect(failing > 5, "%llu allocations", (unsigned long long)failing);
    memory_faults_reset();
    buf_deinit(&wire.written);
    buf_deinit(&wire.turned);
}
