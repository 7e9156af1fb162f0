#include "actors/social/user_relations.h"

#include "actors/protocol/user.h"

/* ---- tastes ---- */

/* The last word on each track. A favourite is set only where it was not (user_rules.c), so the time
 * of the last event is since when it is one. */
static const char favourite_sql[] =
    "WITH e AS ("
    "  SELECT DISTINCT ON (user_id, track_id) *"
    "    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bool[])"
    "      WITH ORDINALITY AS e(place, user_id, wall_ms, track_id, is_favourite, nth)"
    "    WHERE " RELATION_PASSED " ORDER BY user_id, track_id, nth DESC"
    "), gone AS ("
    "  DELETE FROM favourites f USING e"
    "    WHERE NOT e.is_favourite AND f.user_id = e.user_id AND f.track_id = e.track_id"
    ") INSERT INTO favourites (user_id, track_id, since)"
    "  SELECT user_id, track_id, ms_time(wall_ms) FROM e WHERE is_favourite"
    "  ON CONFLICT (user_id, track_id) DO UPDATE SET since = excluded.since";

static void favourite_set(relation_rows_t *rows, const void *event_)
{
    const user_favourite_set_t *event = event_;
    if (event->track_id == 0)
        return; /* its subject is erased */
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_u64(rows, event->track_id);
    relation_bool(rows, event->is_favourite);
}

static const char rating_sql[] =
    "WITH e AS ("
    "  SELECT DISTINCT ON (user_id, track_id) *"
    "    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[])"
    "      WITH ORDINALITY AS e(place, user_id, wall_ms, track_id, rating, nth)"
    "    WHERE " RELATION_PASSED " ORDER BY user_id, track_id, nth DESC"
    "), gone AS ("
    "  DELETE FROM ratings r USING e"
    "    WHERE e.rating = 0 AND r.user_id = e.user_id AND r.track_id = e.track_id"
    ") INSERT INTO ratings (user_id, track_id, rating, rated_at)"
    "  SELECT user_id, track_id, rating, ms_time(wall_ms) FROM e WHERE rating > 0"
    "  ON CONFLICT (user_id, track_id) DO UPDATE"
    "    SET rating = excluded.rating, rated_at = excluded.rated_at";

static void rating_set(relation_rows_t *rows, const void *event_)
{
    const user_rating_set_t *event = event_;
    if (event->track_id == 0)
        return; /* its subject is erased */
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_u64(rows, event->track_id);
    relation_u32(rows, event->rating);
}

/* Only where the listener has said nothing: as user_import.c. */
static const char imported_tastes_sql[] =
    "WITH e AS ("
    "  SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bool[],"
    "      $6::int[]) WITH ORDINALITY"
    "    AS e(place, user_id, wall_ms, track_id, is_favourite, rating, nth) WHERE " RELATION_PASSED
    "), rated AS ("
    "  INSERT INTO ratings (user_id, track_id, rating, rated_at)"
    "    SELECT DISTINCT ON (user_id, track_id) user_id, track_id, rating, ms_time(wall_ms)"
    "      FROM e WHERE rating > 0 ORDER BY user_id, track_id, nth"
    "    ON CONFLICT (user_id, track_id) DO NOTHING"
    ") INSERT INTO favourites (user_id, track_id, since)"
    "  SELECT DISTINCT ON (user_id, track_id) user_id, track_id, ms_time(wall_ms)"
    "    FROM e WHERE is_favourite ORDER BY user_id, track_id, nth"
    "  ON CONFLICT (user_id, track_id) DO NOTHING";

static void imported_tastes(relation_rows_t *rows, const void *event_)
{
    const user_imported_t *event = event_;
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        relation_at(rows, 0);
        relation_key(rows);
        relation_wall(rows);
        relation_u64(rows, event->tracks.items[i].track_id);
        relation_bool(rows, event->tracks.items[i].is_favourite);
        relation_u32(rows, event->tracks.items[i].rating);
    }
}

#define ERASED_SQL                                                                                 \
    "WITH e AS ("                                                                                  \
    "  SELECT * FROM unnest($1::bigint[], $2::text[]) AS e(place, user_id) WHERE " RELATION_PASSED \
    "), gone AS ("

static const char erased_tastes_sql[] =
    ERASED_SQL "  DELETE FROM ratings r USING e WHERE r.user_id = e.user_id"
               ") DELETE FROM favourites f USING e WHERE f.user_id = e.user_id";

static const relation_event_t taste_events[] = {
    {.schema = &user_favourite_set_schema,
     .columns = "ltllb",
     .sql = favourite_sql,
     .add = favourite_set},
    {.schema = &user_rating_set_schema, .columns = "ltlli", .sql = rating_sql, .add = rating_set},
    {.schema = &user_imported_schema,
     .columns = "ltllbi",
     .sql = imported_tastes_sql,
     .add = imported_tastes},
    {.schema = &user_erased_schema,
     .columns = "lt",
     .sql = erased_tastes_sql,
     .add = relation_add_key},
};

const relation_t TASTES_RELATION = {.name = "tastes",
                                    .format = 1,
                                    .tables = {"favourites", "ratings"},
                                    .events = taste_events,
                                    .event_count = COUNT_OF(taste_events)};

/* ---- follows ----
 * A row is the follower's: no other stream writes it. Whoever is erased was taken off the lists of
 * their followers before (audit_actor.c). */

static const char follow_sql[] =
    "WITH e AS ("
    "  SELECT DISTINCT ON (user_id, followed_id) *"
    "    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bool[])"
    "      WITH ORDINALITY AS e(place, user_id, wall_ms, followed_id, is_following, nth)"
    "    WHERE " RELATION_PASSED " ORDER BY user_id, followed_id, nth DESC"
    "), gone AS ("
    "  DELETE FROM follows f USING e WHERE NOT e.is_following AND f.follower_id = e.user_id"
    "      AND f.followed_id = e.followed_id"
    ") INSERT INTO follows (follower_id, followed_id, since)"
    "  SELECT user_id, followed_id, ms_time(wall_ms) FROM e WHERE is_following"
    "  ON CONFLICT (follower_id, followed_id) DO UPDATE SET since = excluded.since";

static void follow_set(relation_rows_t *rows, const void *event_)
{
    const user_follow_set_t *event = event_;
    relation_add_key_wall(rows, event);
    relation_text(rows, event->user_id);
    relation_bool(rows, event->is_following);
}

static const char erased_follows_sql[] =
    "DELETE FROM follows f USING (SELECT * FROM unnest($1::bigint[], $2::text[])"
    "   AS e(place, user_id) WHERE " RELATION_PASSED ") AS e WHERE f.follower_id = e.user_id";

static const relation_event_t follow_events[] = {
    {.schema = &user_follow_set_schema, .columns = "ltltb", .sql = follow_sql, .add = follow_set},
    {.schema = &user_erased_schema,
     .columns = "lt",
     .sql = erased_follows_sql,
     .add = relation_add_key},
};

const relation_t FOLLOWS_RELATION = {.name = "follows",
                                     .format = 1,
                                     .tables = {"follows"},
                                     .events = follow_events,
                                     .event_count = COUNT_OF(follow_events)};

/* ---- activities ---- */

static const char acted_sql[] =
    "WITH e AS ("
    "  SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[],"
    "      $6::bigint[], $7::text[], $8::int[], $9::bigint[])"
    "    AS e(place, user_id, wall_ms, number, kind, track_id, object_id, rating, kept_from)"
    "    WHERE " RELATION_PASSED "), gone AS ("
    "  DELETE FROM activities a USING e WHERE a.user_id = e.user_id AND a.number < e.kept_from"
    ") INSERT INTO activities (user_id, number, kind, track_id, rating, object_id, at)"
    "  SELECT user_id, number, (ARRAY['favourite', 'rating', 'playlist', 'follow'])[kind],"
    "      nullif(track_id, 0), nullif(rating, 0), nullif(object_id, ''), ms_time(wall_ms) FROM e"
    "    WHERE kind BETWEEN 1 AND 4"
    "  ON CONFLICT DO NOTHING";

static void acted(relation_rows_t *rows, const void *event_)
{
    const user_acted_t *event = event_;
    if (event->track_id == 0 && str_is_empty(event->object_id))
        return; /* its subject is erased */
    relation_add_key_wall(rows, event);
    relation_u64(rows, event->number);
    relation_u32(rows, event->kind);
    relation_u64(rows, event->track_id);
    relation_text(rows, event->object_id);
    relation_u32(rows, event->rating);
    relation_u64(rows, event->kept_from);
}

static const char act_dropped_sql[] =
    "DELETE FROM activities a USING (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])"
    "   AS e(place, user_id, number) WHERE " RELATION_PASSED ") AS e"
    " WHERE a.user_id = e.user_id AND a.number = e.number";

static void act_dropped(relation_rows_t *rows, const void *event_)
{
    const user_act_dropped_t *event = event_;
    relation_add_key(rows, event);
    relation_u64(rows, event->number);
}

static const char erased_activities_sql[] =
    "DELETE FROM activities a USING (SELECT * FROM unnest($1::bigint[], $2::text[])"
    "   AS e(place, user_id) WHERE " RELATION_PASSED ") AS e WHERE a.user_id = e.user_id";

/* Who shares no more has nothing shared. */
static void unshared(relation_rows_t *rows, const void *event_)
{
    const user_setting_set_t *event = event_;
    if (str_equal(event->name, STR("activity_shared")) && str_equal(event->value, STR("off")))
        relation_add_key(rows, event);
}

static const relation_event_t activity_events[] = {
    {.schema = &user_acted_schema,
     .columns = "ltlliltil",
     .sql = acted_sql,
     .add = acted,
     .is_alone = true},
    {.schema = &user_act_dropped_schema,
     .columns = "ltl",
     .sql = act_dropped_sql,
     .add = act_dropped},
    {.schema = &user_setting_set_schema,
     .columns = "lt",
     .sql = erased_activities_sql,
     .add = unshared},
    {.schema = &user_erased_schema,
     .columns = "lt",
     .sql = erased_activities_sql,
     .add = relation_add_key},
};

const relation_t ACTIVITIES_RELATION = {.name = "activities",
                                        .format = 1,
                                        .tables = {"activities"},
                                        .events = activity_events,
                                        .event_count = COUNT_OF(activity_events)};

/* ---- plays ---- */

enum { PLAYED_AT = 4 }; /* the column of played_sql that says which months are needed */

static const char months_sql[] = "SELECT ms_plays_months($1::bigint[])";
static const char played_sql[] =
    "INSERT INTO plays (user_id, number, track_id, played_at)"
    " SELECT user_id, number, track_id, ms_time(played_at)"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])"
    "     AS e(place, user_id, number, track_id, played_at) WHERE " RELATION_PASSED
    " ON CONFLICT DO NOTHING";

static void played(relation_rows_t *rows, const void *event_)
{
    const user_played_t *event = event_;
    if (event->track_id == 0)
        return; /* its subject is erased */
    relation_at(rows, 0);
    relation_key(rows);
    relation_u64(rows, event->number);
    relation_u64(rows, event->track_id);
    relation_i64(rows, event->played_at);
}

static const char imported_plays_sql[] =
    "INSERT INTO imported_plays AS i (user_id, track_id, plays, last_played_at)"
    " SELECT user_id, track_id, max(plays),"
    "     CASE WHEN max(played_at) > 0 THEN ms_time(max(played_at)) END"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::int[], $5::bigint[])"
    "     AS e(place, user_id, track_id, plays, played_at)"
    "   WHERE (plays > 0 OR played_at <> 0) AND " RELATION_PASSED "   GROUP BY user_id, track_id"
    " ON CONFLICT (user_id, track_id) DO UPDATE SET plays = greatest(i.plays, excluded.plays),"
    "   last_played_at = greatest(i.last_played_at, excluded.last_played_at)";

static void imported_plays(relation_rows_t *rows, const void *event_)
{
    const user_imported_t *event = event_;
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        relation_at(rows, 0);
        relation_key(rows);
        relation_u64(rows, event->tracks.items[i].track_id);
        relation_u32(rows, event->tracks.items[i].play_count);
        relation_i64(rows, event->tracks.items[i].played_at);
    }
}

static const char erased_plays_sql[] =
    ERASED_SQL "  DELETE FROM imported_plays i USING e WHERE i.user_id = e.user_id"
               ") DELETE FROM plays p USING e WHERE p.user_id = e.user_id";

static const relation_event_t play_events[] = {
    {.schema = &user_played_schema,
     .columns = "ltlll",
     .sql = played_sql,
     .add = played,
     .prepare = months_sql,
     .prepare_column = PLAYED_AT},
    {.schema = &user_imported_schema,
     .columns = "ltlil",
     .sql = imported_plays_sql,
     .add = imported_plays},
    {.schema = &user_erased_schema,
     .columns = "lt",
     .sql = erased_plays_sql,
     .add = relation_add_key},
};

const relation_t PLAYS_RELATION = {.name = "plays",
                                   .format = 1,
                                   .tables = {"plays", "imported_plays"},
                                   .events = play_events,
                                   .event_count = COUNT_OF(play_events)};

/* ---- settings ---- */

static const char setting_sql[] =
    "INSERT INTO settings (user_id, name, value, set_at)"
    " SELECT DISTINCT ON (user_id, name) user_id, name, value, ms_time(wall_ms)"
    "   FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[])"
    "     WITH ORDINALITY AS e(place, user_id, wall_ms, name, value, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY user_id, name, nth DESC"
    " ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value, set_at = excluded.set_at";

static void setting_set(relation_rows_t *rows, const void *event_)
{
    const user_setting_set_t *event = event_;
    if (str_is_empty(event->value))
        return; /* its subject is erased */
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_text(rows, event->name);
    relation_text(rows, event->value);
}

static const char erased_settings_sql[] =
    "DELETE FROM settings s USING (SELECT * FROM unnest($1::bigint[], $2::text[])"
    "   AS e(place, user_id) WHERE " RELATION_PASSED ") AS e WHERE s.user_id = e.user_id";

static const relation_event_t setting_events[] = {
    {.schema = &user_setting_set_schema,
     .columns = "ltltt",
     .sql = setting_sql,
     .add = setting_set},
    {.schema = &user_erased_schema,
     .columns = "lt",
     .sql = erased_settings_sql,
     .add = relation_add_key},
};

const relation_t SETTINGS_RELATION = {.name = "settings",
                                      .format = 2, /* 1 had references in the place of words */
                                      .tables = {"settings"},
                                      .events = setting_events,
                                      .event_count = COUNT_OF(setting_events)};
