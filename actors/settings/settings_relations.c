#include "actors/settings/settings_relations.h"

#include "actors/protocol/server.h"

static const char setting_sql[] =
    "INSERT INTO server_settings (name, value, set_at)"
    " SELECT DISTINCT ON (name) name, value, ms_time(wall_ms)"
    "   FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])"
    "     WITH ORDINALITY AS e(place, wall_ms, name, value, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY name, nth DESC"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = excluded.set_at";

static void setting_set(relation_rows_t *rows, const void *event_)
{
    const server_setting_set_t *event = event_;
    relation_at(rows, 0);
    relation_wall(rows);
    relation_text(rows, event->name);
    relation_text(rows, event->value);
}

static const char feature_sql[] =
    "INSERT INTO feature_flags (name, is_on, set_at)"
    " SELECT DISTINCT ON (name) name, is_on, ms_time(wall_ms)"
    "   FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bool[])"
    "     WITH ORDINALITY AS e(place, wall_ms, name, is_on, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY name, nth DESC"
    " ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on, set_at = excluded.set_at";

static void feature_set(relation_rows_t *rows, const void *event_)
{
    const server_feature_set_t *event = event_;
    relation_at(rows, 0);
    relation_wall(rows);
    relation_text(rows, event->name);
    relation_bool(rows, event->is_on);
}

/* There is one stream of them, so their order is the stream's. */
static const relation_event_t events[] = {
    {.schema = &server_setting_set_schema,
     .columns = "lltt",
     .sql = setting_sql,
     .add = setting_set},
    {.schema = &server_feature_set_schema,
     .columns = "lltb",
     .sql = feature_sql,
     .add = feature_set},
};

const relation_t SERVER_RELATION = {.name = "server",
                                    .format = 1,
                                    .tables = {"server_settings", "feature_flags"},
                                    .events = events,
                                    .event_count = COUNT_OF(events)};
