#include "storage/relations/relation_page.h"

#include "runtime/base/memory.h"
#include "storage/relations/relation_build.h"

#include <stdlib.h>

enum { TIMELINE, XID, ORDINAL, STREAM, VERSION, WALL_MS, NAME, PAYLOAD };

/* The size counts what lies before a row, so that a page has at least one. */
#define PAGE_SQL(held_back)                                                                        \
    "SELECT timeline, xid, ordinal, stream, version, wall_ms, name, payload FROM ("                \
    "  SELECT timeline, xid::text::bigint AS xid, ordinal, stream, version, wall_ms, name, "       \
    "payload,"                                                                                     \
    "      sum(octet_length(payload)) OVER (ORDER BY timeline, xid, ordinal)"                      \
    "        - octet_length(payload) AS size_before"                                               \
    "    FROM (SELECT * FROM events"                                                               \
    "      WHERE (timeline, xid, ordinal) > ($1, $2::text::xid8, $3) AND name = ANY "              \
    "($4)" held_back "      ORDER BY timeline, xid, ordinal LIMIT $5) AS e"                        \
    ") AS e WHERE size_before < $6 ORDER BY timeline, xid, ordinal"

static const char page_sql[] = PAGE_SQL(" AND xid < pg_snapshot_xmin(pg_current_snapshot())");
static const char last_page_sql[] = PAGE_SQL("");

void relation_page_end(relation_page_t *self)
{
    PQclear(self->rows);
    *self = (relation_page_t){0};
}

/* In the order of the index, up to the limit. Left to itself the server may take the few rows that
 * it guesses follow a position for all there are, and sort what follows for each page. */
static err_t run_by_index(pg_t *connection, const pg_statement_t *statement, PGresult **out_result)
{
    PGresult *results[2];
    pg_statement_t statements[2] = {{.sql = "SELECT set_config('enable_bitmapscan', 'off', true),"
                                            " set_config('enable_seqscan', 'off', true),"
                                            " set_config('enable_sort', 'off', true)"},
                                    *statement};
    TRY(pg_transaction(connection, statements, COUNT_OF(statements), results));
    PQclear(results[0]);
    *out_result = results[1];
    return ERR_OK;
}

err_t relation_page_fetch(pg_t *connection, const relation_page_query_t *query,
                          relation_page_t *out_page)
{
    char timeline[4], xid[8], ordinal[4], limit[8], size[8];
    PGresult *result = NULL;
    const pg_statement_t statement = {
        .sql = query->has_gate ? last_page_sql : page_sql,
        .parameters = {pg_i32(timeline, query->after.timeline), pg_i64(xid, query->after.xid),
                       pg_i32(ordinal, query->after.ordinal), query->names,
                       pg_i64(limit, query->limit), pg_i64(size, RELATION_PAGE_SIZE)},
        .parameter_count = 6,
    };
    TRY(query->has_gate ? pg_run(connection, &statement, &result)
                        : run_by_index(connection, &statement, &result));
    *out_page = (relation_page_t){result, (uint32_t)PQntuples(result)};
    return ERR_OK;
}

relation_place_t relation_page_place(const relation_page_t *self, uint32_t row)
{
    return (relation_place_t){pg_get_i32(self->rows, (int)row, TIMELINE),
                              pg_get_i64(self->rows, (int)row, XID),
                              pg_get_i32(self->rows, (int)row, ORDINAL)};
}

str_t relation_page_name(const relation_page_t *self, uint32_t row)
{
    return pg_get_str(self->rows, (int)row, NAME);
}

/* ---- stream by stream ---- */

typedef struct entry {
    str_t stream;
    uint32_t row;
} entry_t;

static int by_stream(const void *a, const void *b)
{
    const entry_t *x = a, *y = b;
    int order = str_compare(x->stream, y->stream);
    return order != 0 ? order : x->row < y->row ? -1 : 1;
}

static err_t add_row(const relation_page_t *self, int row, relation_batch_t *batch)
{
    journal_event_t event = {pg_get_str(self->rows, row, NAME),
                             pg_get_str(self->rows, row, PAYLOAD)};
    return relation_batch_add(batch, (uint64_t)pg_get_i64(self->rows, row, VERSION), &event,
                              pg_get_i64(self->rows, row, WALL_MS));
}

err_t relation_page_add(const relation_page_t *self, uint32_t begin, uint32_t end,
                        relation_batch_t *batch)
{
    uint32_t count = end - begin;
    int64_t place = 0;
    entry_t *entries MEMORY_SCOPED = memory_new_array(count, sizeof *entries);
    if (entries == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (entry_t){pg_get_str(self->rows, (int)(begin + i), STREAM), begin + i};
    qsort(entries, count, sizeof *entries, by_stream);
    relation_batch_reset(batch);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || !str_equal(entries[i].stream, entries[i - 1].stream))
            relation_batch_stream(batch, entries[i].stream, ++place);
        TRY(add_row(self, (int)entries[i].row, batch));
    }
    return ERR_OK;
}
