#include "cluster/members/member_table.h"

#include "storage/postgres/pg_array.h"

/* ---- a node's number, and what all agree on ---- */

static err_t single(pg_t *pg, const pg_statement_t *statement, PGresult **out_result)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(pg_run(pg, statement, &result));
    if (PQntuples(result) != 1)
        return ERR_CORRUPT;
    *out_result = STEAL(result);
    return ERR_OK;
}

/* A server that took over may not know the numbers that were drawn last, and draws them again: so
 * each server's begin elsewhere. */
static const char draw_sql[] =
    "SELECT nextval('cluster_nodes') + 10000000 *"
    "  (('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint - 1)";

err_t member_table_draw(pg_t *pg, uint64_t *out_node)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    TRY(single(pg, &(pg_statement_t){.sql = draw_sql}, &result));
    *out_node = (uint64_t)pg_get_i64(result, 0, 0);
    return ERR_OK;
}

/* Whoever is not dead may hold a lease of that length; and who is dead, until it is gone for
 * certain or was not seen for long. */
static const char agree_sql[] =
    "WITH set AS ("
    "  UPDATE cluster c SET lease_ms = $1"
    "    WHERE c.lease_ms <> $1 AND (c.lease_ms = 0 OR NOT EXISTS ("
    "      SELECT FROM members m WHERE m.status < 4"
    "        OR (m.acknowledged <> -1 AND m.seen_ms + $2 * c.lease_ms > ms_now_ms())))"
    "    RETURNING lease_ms"
    ") SELECT coalesce((SELECT lease_ms FROM set), lease_ms) FROM cluster";

err_t member_table_agree(pg_t *pg, uint64_t lease_ms, uint64_t *out_there_ms)
{
    char lease[8], leases[8];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = agree_sql,
        .parameters = {pg_i64(lease, (int64_t)lease_ms), pg_i64(leases, MEMBERSHIP_STALE_LEASES)},
        .parameter_count = 2};
    TRY(single(pg, &statement, &result));
    *out_there_ms = (uint64_t)pg_get_i64(result, 0, 0);
    return *out_there_ms == lease_ms ? ERR_OK : ERR_CONFLICT;
}

/* ---- polling ---- */

/* The version is read when the statement begins: what is changed meanwhile is found by the next
 * poll. A row that is there and takes no update is dead by then. Each poll leaves another seen_ms,
 * also where the clock was set back: by that others know that there was none (decision 0043). */
static const char poll_sql[] =
    "WITH me AS ("
    "  UPDATE members SET seen_ms = greatest(seen_ms + 1, ms_now_ms()),"
    "      acknowledged = greatest(acknowledged, $2)"
    "    WHERE node = $1 AND status < 4 RETURNING status"
    ") SELECT ms_view_version(c.version), coalesce((SELECT status FROM me),"
    "    (SELECT 4 FROM members WHERE node = $1), 0)"
    "  FROM cluster c";

err_t member_table_poll(pg_t *pg, uint64_t node, uint64_t acknowledged, uint64_t *out_version,
                        member_status_t *out_status)
{
    char number[8], newest[8];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = poll_sql,
        .parameters = {pg_i64(number, (int64_t)node), pg_i64(newest, (int64_t)acknowledged)},
        .parameter_count = 2};
    TRY(single(pg, &statement, &result));
    *out_version = (uint64_t)pg_get_i64(result, 0, 0);
    *out_status = (member_status_t)pg_get_i32(result, 0, 1);
    return ERR_OK;
}

/* ---- reading ---- */

/* One statement: one moment. */
static const char read_sql[] =
    "SELECT ms_view_version(c.version), ms_now_ms(), m.node, m.status, m.roles, m.weight, m.level, "
    "m.joined,"
    "    m.died, m.acknowledged, m.seen_ms, m.votes, m.key, m.address, m.zone, m.details"
    "  FROM cluster c LEFT JOIN members m ON true ORDER BY m.node";

enum { COLUMN_NODE = 2 };

static void copy_text(char *out, size_t size, str_t text)
{
    size_t length = MIN(text.size, size - 1);
    memcpy(out, text.data, length);
    memset(out + length, 0, size - length);
}

static void read_votes(member_t *member, str_t votes)
{
    uint32_t count = pg_array_count(votes) / 2;
    member->vote_count = MIN(count, (uint32_t)MEMBER_VOTES_MAX);
    for (uint32_t i = 0; i < member->vote_count; i++)
        member->votes[i] = (member_vote_t){(uint64_t)pg_array_i64_at(votes, 2 * i),
                                           (uint64_t)pg_array_i64_at(votes, 2 * i + 1)};
}

static member_t member_at(const PGresult *result, int row)
{
    int at = COLUMN_NODE;
    member_t member = {0};
    member.node = (uint64_t)pg_get_i64(result, row, at++);
    member.status = (member_status_t)pg_get_i32(result, row, at++);
    member.roles = (uint32_t)pg_get_i32(result, row, at++);
    member.weight = (uint32_t)pg_get_i32(result, row, at++);
    member.level = (uint32_t)pg_get_i32(result, row, at++);
    member.joined = (uint64_t)pg_get_i64(result, row, at++);
    member.died = (uint64_t)pg_get_i64(result, row, at++);
    member.acknowledged = (uint64_t)pg_get_i64(result, row, at++); /* -1: MEMBER_GONE */
    member.seen_ms = (uint64_t)pg_get_i64(result, row, at++);
    read_votes(&member, pg_get_str(result, row, at++));
    str_t key = pg_get_str(result, row, at++);
    memcpy(member.key, key.data, MIN(key.size, sizeof member.key));
    copy_text(member.address, sizeof member.address, pg_get_str(result, row, at++));
    copy_text(member.zone, sizeof member.zone, pg_get_str(result, row, at));
    return member;
}

err_t member_table_read(pg_t *pg, roster_t **out_roster)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    roster_t *roster ROSTER_SCOPED = roster_new();
    if (roster == NULL)
        return ERR_NO_MEMORY;
    TRY(pg_run(pg, &(pg_statement_t){.sql = read_sql}, &result));
    int count = PQntuples(result);
    if (count == 0)
        return ERR_CORRUPT;
    roster->view.version = (uint64_t)pg_get_i64(result, 0, 0);
    roster->view.read_ms = (uint64_t)pg_get_i64(result, 0, 1);
    bool is_empty = PQgetisnull(result, 0, COLUMN_NODE) != 0;
    for (int row = 0; row < count && !is_empty; row++) {
        member_t member = member_at(result, row);
        TRY(roster_add(roster, &member, pg_get_str(result, row, PQnfields(result) - 1)));
    }
    *out_roster = STEAL(roster);
    return ERR_OK;
}

/* ---- writing ---- */

/* Rows are written by whoever moved the version on; two who try wait for each other there. What a
 * row says of itself beside the version stays where it is newer. */
static const char write_sql[] =
    "WITH landed AS ("
    "  UPDATE cluster SET version = ms_view_version(version) + 1"
    "    WHERE ms_view_version(version) = $1 RETURNING version"
    "), removed AS ("
    "  DELETE FROM members m USING landed WHERE m.node = ANY ($2)"
    "), forgotten AS ("
    "  DELETE FROM writers w USING landed WHERE w.node = ANY ($2)"
    "), put AS ("
    "  INSERT INTO members AS m (node, status, roles, weight, level, joined, died, acknowledged,"
    "      seen_ms, votes, key, address, zone, details)"
    "    SELECT r.node, r.status, r.roles, r.weight, r.level, r.joined, r.died, r.acknowledged,"
    "        ms_now_ms(), r.votes::bigint[], r.key, r.address, r.zone, $15"
    "      FROM landed, unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    "        AS r(node, status, roles, weight, level, joined, died, acknowledged, votes, key,"
    "             address, zone)"
    "    ON CONFLICT (node) DO UPDATE SET status = excluded.status, joined = excluded.joined,"
    "      died = excluded.died, votes = excluded.votes,"
    "      acknowledged = CASE WHEN -1 IN (m.acknowledged, excluded.acknowledged) THEN -1"
    "        ELSE greatest(m.acknowledged, excluded.acknowledged) END"
    ") SELECT pg_notify('" MEMBER_TABLE_CHANNEL "', '') FROM landed";

enum { ROW_COLUMNS = 12, FIRST_COLUMN = 2, WRITE_PARAMETERS = 15, VOTES_TEXT_MAX = 200 };

typedef struct rows {
    pg_array_t removed, columns[ROW_COLUMNS];
} rows_t;

static void rows_init(rows_t *self)
{
    static const pg_type_t types[ROW_COLUMNS] = {PG_INT8, PG_INT4,  PG_INT4, PG_INT4,
                                                 PG_INT4, PG_INT8,  PG_INT8, PG_INT8,
                                                 PG_TEXT, PG_BYTEA, PG_TEXT, PG_TEXT};
    self->removed = pg_array_of(PG_INT8);
    for (size_t i = 0; i < ROW_COLUMNS; i++)
        self->columns[i] = pg_array_of(types[i]);
}

static void rows_deinit(rows_t *self)
{
    pg_array_deinit(&self->removed);
    for (size_t i = 0; i < ROW_COLUMNS; i++)
        pg_array_deinit(&self->columns[i]);
}
#define ROWS_SCOPED SCOPED(rows_deinit)

/* Arrays of arrays do not exist: each row's as text. */
static void add_votes(pg_array_t *column, const member_t *row)
{
    char text[VOTES_TEXT_MAX] = "{";
    size_t size = 1;
    for (uint32_t i = 0; i < row->vote_count; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%llu,%llu", i == 0 ? "" : ",",
                                 (unsigned long long)row->votes[i].node,
                                 (unsigned long long)row->votes[i].at_ms);
    text[size++] = '}';
    pg_array_add_str(column, str_of(text, size));
}

static void add_row(rows_t *self, const member_t *row)
{
    pg_array_t *column = self->columns;
    pg_array_add_i64(column++, (int64_t)row->node);
    pg_array_add_i32(column++, (int32_t)row->status);
    pg_array_add_i32(column++, (int32_t)row->roles);
    pg_array_add_i32(column++, (int32_t)row->weight);
    pg_array_add_i32(column++, (int32_t)row->level);
    pg_array_add_i64(column++, (int64_t)row->joined);
    pg_array_add_i64(column++, (int64_t)row->died);
    pg_array_add_i64(column++, (int64_t)row->acknowledged);
    add_votes(column++, row);
    pg_array_add_str(column++, str_of((const char *)row->key, sizeof row->key));
    pg_array_add_str(column++, str_from(row->address));
    pg_array_add_str(column, str_from(row->zone));
}

err_t member_table_write(pg_t *pg, uint64_t version, const membership_change_t *changes,
                         size_t count, str_t details, bool *out_is_landed)
{
    char from[8];
    rows_t rows ROWS_SCOPED;
    rows_init(&rows);
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {.sql = write_sql, .parameter_count = WRITE_PARAMETERS};
    for (size_t i = 0; i < count; i++) {
        if (changes[i].is_removed)
            pg_array_add_i64(&rows.removed, (int64_t)changes[i].row.node);
        else
            add_row(&rows, &changes[i].row);
    }
    statement.parameters[0] = pg_i64(from, (int64_t)version);
    TRY(pg_array_end(&rows.removed, &statement.parameters[1]));
    for (size_t i = 0; i < ROW_COLUMNS; i++)
        TRY(pg_array_end(&rows.columns[i], &statement.parameters[FIRST_COLUMN + i]));
    statement.parameters[WRITE_PARAMETERS - 1] = pg_text(details);
    TRY(pg_run(pg, &statement, &result));
    *out_is_landed = PQntuples(result) == 1;
    return ERR_OK;
}

/* ---- beside the state machine ---- */

err_t member_table_describe(pg_t *pg, uint64_t node, str_t details)
{
    static const char sql[] =
        "WITH moved AS ("
        "  UPDATE cluster SET version = ms_view_version(version) + 1"
        "    WHERE EXISTS (SELECT FROM members WHERE node = $1) RETURNING version"
        "), described AS (UPDATE members m SET details = $2 FROM moved WHERE m.node = $1)"
        " SELECT pg_notify('" MEMBER_TABLE_CHANNEL "', '') FROM moved";
    char number[8];
    PGresult *result PG_RESULT_SCOPED = NULL;
    if (details.size > MEMBER_DETAILS_SIZE_MAX)
        return ERR_LIMIT;
    pg_statement_t statement = {.sql = sql,
                                .parameters = {pg_i64(number, (int64_t)node), pg_text(details)},
                                .parameter_count = 2};
    TRY(pg_run(pg, &statement, &result));
    return PQntuples(result) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

err_t member_table_say_gone(pg_t *pg, uint64_t node, uint64_t unseen_ms)
{
    static const char sql[] =
        "WITH moved AS ("
        "  UPDATE cluster SET version = ms_view_version(version) + 1 WHERE EXISTS ("
        "    SELECT FROM members WHERE node = $1 AND seen_ms + $2 <= ms_now_ms()) RETURNING version"
        "), gone AS ("
        "  UPDATE members m SET acknowledged = -1, status = 4,"
        "      died = CASE m.status WHEN 4 THEN m.died ELSE moved.version END"
        "    FROM moved WHERE m.node = $1"
        "), told AS (SELECT pg_notify('" MEMBER_TABLE_CHANNEL "', '') FROM moved)"
        " SELECT (SELECT count(*) FROM members WHERE node = $1), (SELECT count(*) FROM told)";
    char number[8], unseen[8];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = sql,
        .parameters = {pg_i64(number, (int64_t)node), pg_i64(unseen, (int64_t)unseen_ms)},
        .parameter_count = 2};
    TRY(single(pg, &statement, &result));
    if (pg_get_i64(result, 0, 0) == 0)
        return ERR_NOT_FOUND;
    return pg_get_i64(result, 0, 1) == 1 ? ERR_OK : ERR_BUSY;
}
