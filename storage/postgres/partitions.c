#include "storage/postgres/partitions.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "storage/postgres/fence.h"
#include "storage/postgres/pg_array.h"

#include <stdlib.h>

/* ---- epochs ---- */

struct partition_epochs {
    _Atomic uint64_t at[PARTITION_COUNT];
};

partition_epochs_t *partition_epochs_new(void)
{
    return memory_new(sizeof(partition_epochs_t));
}

void partition_epochs_free(partition_epochs_t *self)
{
    memory_free(self);
}

uint64_t partition_epochs_at(const partition_epochs_t *self, uint32_t partition)
{
    return atomic_load(&self->at[partition]);
}

void partition_epochs_set(partition_epochs_t *self, uint32_t partition, uint64_t epoch)
{
    atomic_store(&self->at[partition], epoch);
}

void partition_epochs_lost(partition_epochs_t *self, uint32_t partition, uint64_t epoch)
{
    (void)atomic_compare_exchange_strong(&self->at[partition], &epoch, 0);
}

/* ---- taking ---- */

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Whose appends must have ended: each once, ascending. */
static err_t owners_of(const partition_claim_t *claims, size_t count, uint64_t **out_owners,
                       size_t *out_count)
{
    size_t kept = 0;
    uint64_t *owners = memory_new_array(MAX(count, (size_t)1), sizeof *owners);
    if (owners == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        owners[i] = claims[i].owner;
    qsort(owners, count, sizeof *owners, by_number);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || owners[kept - 1] != owners[i])
            owners[kept++] = owners[i];
    *out_owners = owners;
    *out_count = kept;
    return ERR_OK;
}

/* What is changed is not in the moment that the rest of the statement sees. */
static const char take_sql[] =
    "WITH newest AS (SELECT version FROM cluster WHERE $2 IN (0, ms_view_version(version))),"
    " claimed AS (SELECT * FROM unnest($3, $4, $5) WITH ORDINALITY AS c(id, owner, epoch, place)),"
    " taken AS ("
    "  UPDATE partitions p SET owner = $1, epoch = p.epoch + 1 FROM claimed c, newest"
    "    WHERE p.id = c.id AND p.owner = c.owner AND p.epoch = c.epoch RETURNING p.id, p.epoch"
    ") SELECT (SELECT count(*) FROM newest), (t.id IS NOT NULL)::int, p.owner,"
    "    coalesce(t.epoch, p.epoch)"
    "  FROM claimed c JOIN partitions p ON p.id = c.id LEFT JOIN taken t ON t.id = c.id"
    "  ORDER BY c.place";

static err_t read_taken(const partitions_taker_t *taker, const PGresult *result,
                        partition_claim_t *claims, partition_epochs_t *epochs)
{
    for (int row = 0; row < PQntuples(result); row++) {
        if (pg_get_i64(result, row, 0) == 0)
            return ERR_CONFLICT;
        partition_claim_t *claim = &claims[row];
        claim->is_taken = pg_get_i32(result, row, 1) != 0;
        claim->owner = claim->is_taken ? taker->node : (uint64_t)pg_get_i64(result, row, 2);
        claim->epoch = (uint64_t)pg_get_i64(result, row, 3);
        if (epochs != NULL && claim->is_taken)
            partition_epochs_set(epochs, claim->partition, claim->epoch);
    }
    return ERR_OK;
}

enum { TAKE_NUMBERS = 2, TAKE_COLUMNS = 3 };

static void fill(pg_array_t columns[TAKE_COLUMNS], const partition_claim_t *claims, size_t count)
{
    columns[0] = pg_array_of(PG_INT4);
    columns[1] = pg_array_of(PG_INT8);
    columns[2] = pg_array_of(PG_INT8);
    for (size_t i = 0; i < count; i++) {
        ASSERT(claims[i].partition < PARTITION_COUNT);
        pg_array_add_i32(&columns[0], (int32_t)claims[i].partition);
        pg_array_add_i64(&columns[1], (int64_t)claims[i].owner);
        pg_array_add_i64(&columns[2], (int64_t)claims[i].epoch);
    }
}

static err_t run_take(pg_t *pg, const partitions_taker_t *taker, const fence_t *fence,
                      pg_array_t columns[TAKE_COLUMNS], PGresult **out_result)
{
    char node[8], version[8];
    pg_statement_t statement = {.sql = take_sql,
                                .parameters = {pg_i64(node, (int64_t)taker->node),
                                               pg_i64(version, (int64_t)taker->version)},
                                .parameter_count = TAKE_NUMBERS + TAKE_COLUMNS};
    for (size_t i = 0; i < TAKE_COLUMNS; i++)
        TRY(pg_array_end(&columns[i], &statement.parameters[TAKE_NUMBERS + i]));
    return fence_transaction(pg, fence, &statement, 1, out_result);
}

err_t partitions_take(pg_t *pg, const partitions_taker_t *taker, partition_claim_t *claims,
                      size_t count, partition_epochs_t *epochs)
{
    uint64_t *owners MEMORY_SCOPED = NULL;
    pg_array_t columns[TAKE_COLUMNS];
    PGresult *result PG_RESULT_SCOPED = NULL;
    fence_t fence = {.hold_ms = FENCE_HOLD_MAX_MS, .log = taker->log};
    TRY(owners_of(claims, count, &owners, &fence.count));
    fence.nodes = owners;
    fill(columns, claims, count);
    err_t err = run_take(pg, taker, &fence, columns, &result);
    for (size_t i = 0; i < TAKE_COLUMNS; i++)
        pg_array_deinit(&columns[i]);
    TRY(err);
    if ((size_t)PQntuples(result) != count)
        return ERR_CORRUPT; /* a row is missing */
    return read_taken(taker, result, claims, epochs);
}

/* ---- reading ---- */

/* Rows are as they were made for most of an installation without a cluster: those need not come. */
err_t partitions_read(pg_t *pg, partition_claim_t out_claims[PARTITION_COUNT],
                      uint64_t *out_version)
{
    static const pg_statement_t statement = {
        .sql = "SELECT p.id, p.owner, p.epoch, (SELECT ms_view_version(version) FROM cluster)"
               "  FROM (VALUES (1)) AS one LEFT JOIN partitions p ON p.owner <> 0 OR p.epoch <> 1"};
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(pg, &statement, &result));
    bool is_as_made = PQntuples(result) == 1 && PQgetisnull(result, 0, 0) != 0;
    *out_version = (uint64_t)pg_get_i64(result, 0, 3);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        out_claims[i] = (partition_claim_t){i, PARTITION_OWNER_ALONE, 1, false};
    for (int row = 0; row < PQntuples(result) && !is_as_made; row++) {
        uint32_t at = (uint32_t)pg_get_i32(result, row, 0);
        if (at >= PARTITION_COUNT)
            return ERR_CORRUPT;
        out_claims[at].owner = (uint64_t)pg_get_i64(result, row, 1);
        out_claims[at].epoch = (uint64_t)pg_get_i64(result, row, 2);
    }
    return ERR_OK;
}

/* ---- without a cluster ---- */

static const char gone_sql[] =
    "WITH left_over AS (SELECT FROM members WHERE acknowledged <> -1),"
    " moved AS (UPDATE cluster SET version = ms_view_version(version) + 1"
    "   WHERE EXISTS (SELECT FROM left_over) RETURNING version)"
    " UPDATE members m SET acknowledged = -1, status = 4,"
    "     died = CASE m.status WHEN 4 THEN m.died ELSE moved.version END FROM moved";

err_t partitions_take_alone(pg_t *pg, const ms_log_t *log, partition_epochs_t *epochs)
{
    size_t count = 0;
    uint64_t version;
    partitions_taker_t alone = {.node = PARTITION_OWNER_ALONE, .log = log};
    partition_claim_t *claims MEMORY_SCOPED = memory_new_array(PARTITION_COUNT, sizeof *claims);
    if (claims == NULL)
        return ERR_NO_MEMORY;
    TRY(partitions_read(pg, claims, &version));
    for (uint32_t i = 0; i < PARTITION_COUNT; i++) {
        if (claims[i].owner == PARTITION_OWNER_ALONE)
            partition_epochs_set(epochs, i, claims[i].epoch);
        else
            claims[count++] = claims[i];
    }
    if (count == 0)
        return ERR_OK;
    log_info(log, "journal",
             "the database was a cluster's: its members are gone, all is served "
             "here");
    TRY(pg_run(pg, &(pg_statement_t){.sql = gone_sql}, NULL));
    return partitions_take(pg, &alone, claims, count, epochs);
}
