#include "actors/auth/auth_relations.h"

#include "actors/protocol/account.h"

static const char created_sql[] =
    "INSERT INTO users (user_id, role, created_at, password_changed_at)"
    " SELECT user_id, role, ms_time(wall_ms), ms_time(wall_ms)"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::int[])"
    "     AS e(place, user_id, wall_ms, role) WHERE " RELATION_PASSED
    " ON CONFLICT (user_id) DO NOTHING";

static void created(relation_rows_t *rows, const void *event_)
{
    const account_created_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_u32(rows, event->role);
}

static const char password_sql[] =
    "UPDATE users u SET password_changed_at = ms_time(e.wall_ms)"
    " FROM (SELECT user_id, max(wall_ms) AS wall_ms"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS e(place, user_id, wall_ms)"
    "   WHERE " RELATION_PASSED " GROUP BY user_id) AS e WHERE u.user_id = e.user_id";

static const char started_sql[] =
    "INSERT INTO sessions (user_id, sid, counter, started_at, used_at)"
    " SELECT user_id, sid, 1, ms_time(wall_ms), ms_time(wall_ms)"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])"
    "     AS e(place, user_id, wall_ms, sid) WHERE " RELATION_PASSED
    " ON CONFLICT (user_id, sid) DO NOTHING";

static void started(relation_rows_t *rows, const void *event_)
{
    const account_session_started_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_text(rows, event->sid);
}

static const char rotated_sql[] =
    "UPDATE sessions s SET counter = e.counter, used_at = ms_time(e.wall_ms)"
    " FROM (SELECT DISTINCT ON (user_id, sid) *"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::int[])"
    "     WITH ORDINALITY AS e(place, user_id, wall_ms, sid, counter, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY user_id, sid, nth DESC) AS e"
    " WHERE s.user_id = e.user_id AND s.sid = e.sid";

static void rotated(relation_rows_t *rows, const void *event_)
{
    const account_session_rotated_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_text(rows, event->sid);
    relation_u32(rows, event->counter);
}

static const char ended_sql[] =
    "DELETE FROM sessions s"
    " USING (SELECT DISTINCT user_id, sid FROM unnest($1::bigint[], $2::text[], $3::text[])"
    "   AS e(place, user_id, sid) WHERE " RELATION_PASSED ") AS e"
    " WHERE s.user_id = e.user_id AND s.sid = e.sid";

static void ended(relation_rows_t *rows, const void *event_)
{
    const account_session_ended_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_text(rows, event->sid);
}

static const char erased_sql[] =
    "WITH e AS ("
    "  SELECT * FROM unnest($1::bigint[], $2::text[]) AS e(place, user_id) WHERE " RELATION_PASSED
    "), gone AS ("
    "  DELETE FROM sessions s USING e WHERE s.user_id = e.user_id"
    ") DELETE FROM users u USING e WHERE u.user_id = e.user_id";

static const relation_event_t events[] = {
    {.schema = &account_created_schema, .columns = "ltli", .sql = created_sql, .add = created},
    {.schema = &account_password_changed_schema,
     .columns = "ltl",
     .sql = password_sql,
     .add = relation_add_key_wall},
    {.schema = &account_session_started_schema,
     .columns = "ltlt",
     .sql = started_sql,
     .add = started},
    {.schema = &account_session_rotated_schema,
     .columns = "ltlti",
     .sql = rotated_sql,
     .add = rotated},
    {.schema = &account_session_ended_schema, .columns = "ltt", .sql = ended_sql, .add = ended},
    {.schema = &account_erased_schema, .columns = "lt", .sql = erased_sql, .add = relation_add_key},
};

const relation_t AUTH_RELATION = {.name = "accounts",
                                  .format = 1,
                                  .tables = {"users", "sessions"},
                                  .events = events,
                                  .event_count = COUNT_OF(events)};
