#include "actors/social/playlist_relations.h"

#include "actors/protocol/playlist.h"

/* Every statement here is what playlist_rules.c does to its array; `entry_ids[:n]` are the first
 * n. */

/* Tracks that come with an event: $1 to $3, numbered from 1 in each event. */
enum { TRACKS = 0, EVENT = 3 };
#define TRACKS_SQL                                                                                 \
    "WITH t AS ("                                                                                  \
    "  SELECT *, row_number() OVER (PARTITION BY place ORDER BY nth) AS k"                         \
    "    FROM unnest($1::bigint[], $2::bigint[], $3::int[])"                                       \
    "      WITH ORDINALITY AS t(place, track_id, duration_ms, nth)"                                \
    "), n AS ("                                                                                    \
    "  SELECT place, count(*) FROM t GROUP BY place"                                               \
    "), "

static void add_tracks(relation_rows_t *rows, const playlist_track_t *tracks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        relation_at(rows, TRACKS);
        relation_u64(rows, tracks[i].track_id);
        relation_u32(rows, tracks[i].duration_ms);
    }
}

/* clang-format off: it breaks lines within a statement at macros. */
static const char created_sql[] = TRACKS_SQL
    "e AS ("
    "  SELECT e.*, coalesce(n.count, 0) AS count"
    "    FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::text[])"
    "      AS e(place, playlist_id, wall_ms, user_id) LEFT JOIN n USING (place)"
    "    WHERE " RELATION_PASSED "), added AS ("
    "  INSERT INTO playlist_tracks (playlist_id, entry_id, user_id, track_id, duration_ms, "
    "added_at)"
    "    SELECT e.playlist_id, t.k, e.user_id, t.track_id, t.duration_ms, ms_time(e.wall_ms)"
    "      FROM e JOIN t USING (place)"
    "    ON CONFLICT DO NOTHING"
    ") INSERT INTO playlists (playlist_id, user_id, version, created_at, changed_at,"
    "    next_entry_id, entry_ids)"
    "  SELECT playlist_id, user_id, 1, ms_time(wall_ms), ms_time(wall_ms), count + 1,"
    "      ARRAY(SELECT generate_series(1, count)) FROM e"
    "  ON CONFLICT DO NOTHING";

static void created(relation_rows_t *rows, const void *event_)
{
    const playlist_created_t *event = event_;
    add_tracks(rows, event->tracks.items, event->tracks.count);
    relation_at(rows, EVENT);
    relation_key(rows);
    relation_wall(rows);
    relation_text(rows, event->owner_id);
}

static const char inserted_sql[] = TRACKS_SQL
    "e AS ("
    "  SELECT e.*, n.count FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::int[])"
    "      AS e(place, playlist_id, wall_ms, index) JOIN n USING (place)"
    "    WHERE " RELATION_PASSED "), added AS ("
    "  INSERT INTO playlist_tracks (playlist_id, entry_id, user_id, track_id, duration_ms, "
    "added_at)"
    "    SELECT p.playlist_id, p.next_entry_id + t.k - 1, p.user_id, t.track_id, t.duration_ms,"
    "        ms_time(e.wall_ms)"
    "      FROM e JOIN t USING (place) JOIN playlists p USING (playlist_id)"
    "    ON CONFLICT DO NOTHING"
    ") UPDATE playlists p"
    "  SET entry_ids = p.entry_ids[:e.index]"
    "        || ARRAY(SELECT generate_series(p.next_entry_id, p.next_entry_id + e.count - 1))"
    "        || p.entry_ids[e.index + 1:],"
    "      next_entry_id = p.next_entry_id + e.count,"
    "      version = p.version + 1, changed_at = ms_time(e.wall_ms)"
    "  FROM e WHERE p.playlist_id = e.playlist_id";
/* clang-format on */

static void inserted(relation_rows_t *rows, const void *event_)
{
    const playlist_inserted_t *event = event_;
    add_tracks(rows, event->tracks.items, event->tracks.count);
    relation_at(rows, EVENT);
    relation_key(rows);
    relation_wall(rows);
    relation_u32(rows, event->index);
}

static const char removed_sql[] =
    "WITH e AS ("
    "  SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])"
    "    AS e(place, playlist_id, wall_ms) WHERE " RELATION_PASSED "), r AS ("
    "  SELECT * FROM unnest($4::bigint[], $5::bigint[]) AS r(place, entry_id)"
    "), gone AS ("
    "  DELETE FROM playlist_tracks t USING e JOIN r USING (place)"
    "    WHERE t.playlist_id = e.playlist_id AND t.entry_id = r.entry_id"
    ") UPDATE playlists p"
    "  SET entry_ids = ARRAY("
    "        SELECT o.entry_id FROM unnest(p.entry_ids) WITH ORDINALITY AS o(entry_id, nth)"
    "          WHERE NOT EXISTS (SELECT FROM unnest(n.ids) AS u(id) WHERE u.id = o.entry_id)"
    "          ORDER BY o.nth),"
    "      version = p.version + 1, changed_at = ms_time(e.wall_ms)"
    "  FROM e JOIN (SELECT place, array_agg(entry_id) AS ids FROM r GROUP BY place) AS n"
    "    USING (place)"
    "  WHERE p.playlist_id = e.playlist_id";

static void removed(relation_rows_t *rows, const void *event_)
{
    const playlist_removed_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    for (uint32_t i = 0; i < event->entry_ids.count; i++) {
        relation_at(rows, 3);
        relation_u64(rows, event->entry_ids.items[i]);
    }
}

static const char moved_sql[] =
    "UPDATE playlists p"
    " SET entry_ids = CASE WHEN o.entry_ids IS NULL THEN p.entry_ids"
    "       ELSE o.entry_ids[:e.index] || e.entry_id || o.entry_ids[e.index + 1:] END,"
    "     version = p.version + 1, changed_at = ms_time(e.wall_ms)"
    " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[])"
    "   AS e(place, playlist_id, wall_ms, entry_id, index)"
    "   JOIN playlists q ON q.playlist_id = e.playlist_id"
    "   CROSS JOIN LATERAL (SELECT CASE WHEN e.index < cardinality(q.entry_ids)"
    "     AND e.entry_id = ANY (q.entry_ids) THEN array_remove(q.entry_ids, e.entry_id) END"
    "     AS entry_ids) AS o"
    " WHERE p.playlist_id = e.playlist_id AND " RELATION_PASSED;

static void moved(relation_rows_t *rows, const void *event_)
{
    const playlist_moved_t *event = event_;
    relation_at(rows, 0);
    relation_key(rows);
    relation_wall(rows);
    relation_u64(rows, event->entry_id);
    relation_u32(rows, event->index);
}

static const char renamed_sql[] =
    "UPDATE playlists p SET version = p.version + 1, changed_at = ms_time(e.wall_ms)"
    " FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS e(place, playlist_id, wall_ms)"
    " WHERE p.playlist_id = e.playlist_id AND " RELATION_PASSED;

static const char public_sql[] =
    "UPDATE playlists p SET is_public = e.is_public, version = p.version + 1,"
    "     changed_at = ms_time(e.wall_ms)"
    " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bool[])"
    "   AS e(place, playlist_id, wall_ms, is_public)"
    " WHERE p.playlist_id = e.playlist_id AND " RELATION_PASSED;

static void public_set(relation_rows_t *rows, const void *event_)
{
    const playlist_public_set_t *event = event_;
    relation_add_key_wall(rows, event);
    relation_bool(rows, event->is_public);
}

static const char erased_sql[] =
    "WITH e AS ("
    "  SELECT * FROM unnest($1::bigint[], $2::text[]) AS e(place, playlist_id)"
    "    WHERE " RELATION_PASSED "), gone AS ("
    "  DELETE FROM playlist_tracks t USING e WHERE t.playlist_id = e.playlist_id"
    ") DELETE FROM playlists p USING e WHERE p.playlist_id = e.playlist_id";

/* What changes the order changes it one event after the other. */
static const relation_event_t events[] = {
    {.schema = &playlist_created_schema,
     .columns = "lliltlt",
     .sql = created_sql,
     .add = created,
     .is_alone = true},
    {.schema = &playlist_inserted_schema,
     .columns = "lliltli",
     .sql = inserted_sql,
     .add = inserted,
     .is_alone = true},
    {.schema = &playlist_removed_schema,
     .columns = "ltlll",
     .sql = removed_sql,
     .add = removed,
     .is_alone = true},
    {.schema = &playlist_moved_schema,
     .columns = "ltlli",
     .sql = moved_sql,
     .add = moved,
     .is_alone = true},
    {.schema = &playlist_renamed_schema,
     .columns = "ltl",
     .sql = renamed_sql,
     .add = relation_add_key_wall,
     .is_alone = true},
    {.schema = &playlist_public_set_schema,
     .columns = "ltlb",
     .sql = public_sql,
     .add = public_set,
     .is_alone = true},
    {.schema = &playlist_erased_schema,
     .columns = "lt",
     .sql = erased_sql,
     .add = relation_add_key,
     .is_alone = true},
};

const relation_t PLAYLIST_RELATION = {.name = "playlists",
                                      .format = 1,
                                      .tables = {"playlists", "playlist_tracks"},
                                      .events = events,
                                      .event_count = COUNT_OF(events)};
