#include "actors/streaming/streaming_relations.h"

#include "actors/protocol/session.h"

static const char seen_sql[] =
    "INSERT INTO devices (user_id, device_id, seen_at)"
    " SELECT DISTINCT ON (user_id, device_id) user_id, device_id, ms_time(wall_ms)"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])"
    "     WITH ORDINALITY AS e(place, user_id, wall_ms, device_id, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY user_id, device_id, nth DESC"
    " ON CONFLICT (user_id, device_id) DO UPDATE SET seen_at = excluded.seen_at";

static void seen(relation_rows_t *rows, const void *event_)
{
    const session_device_seen_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_text(rows, event->device_id);
}

static const char forgotten_sql[] =
    "DELETE FROM devices d"
    " USING (SELECT DISTINCT user_id, device_id FROM unnest($1::bigint[], $2::text[], $3::text[])"
    "   AS e(place, user_id, device_id) WHERE " RELATION_PASSED ") AS e"
    " WHERE d.user_id = e.user_id AND d.device_id = e.device_id";

static void forgotten(relation_rows_t *rows, const void *event_)
{
    const session_device_forgotten_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_text(rows, event->device_id);
}

static const char erased_sql[] =
    "DELETE FROM devices d USING unnest($1::bigint[], $2::text[]) AS e(place, user_id)"
    " WHERE d.user_id = e.user_id AND " RELATION_PASSED;

static const relation_event_t events[] = {
    {.schema = &session_device_seen_schema, .columns = "ltlt", .sql = seen_sql, .add = seen},
    {.schema = &session_device_forgotten_schema,
     .columns = "ltt",
     .sql = forgotten_sql,
     .add = forgotten},
    {.schema = &session_erased_schema, .columns = "lt", .sql = erased_sql, .add = relation_add_key},
};

const relation_t STREAMING_RELATION = {.name = "devices",
                                       .format = 1,
                                       .tables = {"devices"},
                                       .events = events,
                                       .event_count = COUNT_OF(events)};
