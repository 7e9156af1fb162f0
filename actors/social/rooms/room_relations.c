#include "actors/social/rooms/room_relations.h"

#include "actors/protocol/room.h"

/* Every statement here is what room_rules.c does; all are of one event of a stream. */

#define ROWS_SQL(columns, names)                                                                   \
    "WITH e AS ("                                                                                  \
    "  SELECT * FROM unnest($1::bigint[], $2::text[], " columns ") AS e(place, room_id, " names    \
    ") WHERE " RELATION_PASSED ")"
#define KEYS_SQL                                                                                   \
    "WITH e AS ("                                                                                  \
    "  SELECT * FROM unnest($1::bigint[], $2::text[]) AS e(place, room_id)"                        \
    "    WHERE " RELATION_PASSED ")"

/* clang-format off: it breaks lines within a statement at macros. */
static const char created_sql[] = ROWS_SQL(
    "$3::bigint[], $4::text[], $5::bool[]",
    "wall_ms, user_id, is_public") ", entered AS ("
                                   "  INSERT INTO room_members (room_id, user_id, since)"
                                   "    SELECT room_id, user_id, ms_time(wall_ms) FROM e ON "
                                   "CONFLICT DO NOTHING"
                                   ") INSERT INTO rooms (room_id, user_id, is_public, created_at)"
                                   "  SELECT room_id, user_id, is_public, ms_time(wall_ms) FROM e "
                                   "ON CONFLICT DO NOTHING";

static const char public_sql[] = ROWS_SQL(
    "$3::bool[]",
    "is_public") " UPDATE rooms r SET is_public = e.is_public FROM e WHERE r.room_id = e.room_id";

static const char owner_sql[] = ROWS_SQL(
    "$3::text[]",
    "user_id") " UPDATE rooms r SET user_id = e.user_id FROM e WHERE r.room_id = e.room_id";

static const char joined_sql[] = ROWS_SQL(
    "$3::bigint[], $4::text[]",
    "wall_ms, user_id") " INSERT INTO room_members (room_id, user_id, since)"
                        "  SELECT room_id, user_id, ms_time(wall_ms) FROM e ON CONFLICT DO NOTHING";

static const char left_sql[] =
    ROWS_SQL("$3::text[]", "user_id") " DELETE FROM room_members m USING e"
                                      "  WHERE m.room_id = e.room_id AND m.user_id = e.user_id";

/* One without words is of an erased author: it is not kept, but others went for it. */
static const char posted_sql[] = ROWS_SQL(
    "$3::bigint[], $4::text[], $5::bigint[], $6::int[], $7::bigint[]",
    "wall_ms, user_id, message_id, size_bytes, kept_from") ", gone AS ("
                                                           "  DELETE FROM messages m USING e WHERE "
                                                           "m.room_id = e.room_id AND m.message_id "
                                                           "< e.kept_from"
                                                           ") INSERT INTO messages (room_id, "
                                                           "message_id, user_id, sent_at, "
                                                           "size_bytes)"
                                                           "  SELECT room_id, message_id, user_id, "
                                                           "ms_time(wall_ms), size_bytes FROM e"
                                                           "    WHERE size_bytes > 0"
                                                           "  ON CONFLICT DO NOTHING";

static const char deleted_sql[] = ROWS_SQL(
    "$3::bigint[]", "message_id") " DELETE FROM messages m USING e"
                                  "  WHERE m.room_id = e.room_id AND m.message_id = e.message_id";

static const char forgotten_sql[] =
    ROWS_SQL("$3::text[]", "user_id") ", gone AS ("
                                      "  DELETE FROM messages m USING e WHERE m.room_id = "
                                      "e.room_id AND m.user_id = e.user_id"
                                      ") DELETE FROM room_members m USING e WHERE m.room_id = "
                                      "e.room_id AND m.user_id = e.user_id";

static const char closed_sql[] =
    KEYS_SQL ", said AS (DELETE FROM messages m USING e WHERE m.room_id = e.room_id), "
             "were AS (DELETE FROM room_members m USING e WHERE m.room_id = e.room_id)"
             " DELETE FROM rooms r USING e WHERE r.room_id = e.room_id";
/* clang-format on */

static void created(relation_rows_t *rows, const void *event_)
{
    const room_created_t *event = event_;
    relation_add_key_wall(rows, event);
    relation_text(rows, event->owner_id);
    relation_bool(rows, event->is_public);
}

static void public_set(relation_rows_t *rows, const void *event_)
{
    const room_public_set_t *event = event_;
    relation_add_key(rows, event);
    relation_bool(rows, event->is_public);
}

static void owner_set(relation_rows_t *rows, const void *event_)
{
    const room_owner_set_t *event = event_;
    relation_add_key(rows, event);
    relation_text(rows, event->owner_id);
}

static void joined(relation_rows_t *rows, const void *event_)
{
    const room_joined_t *event = event_;
    relation_add_key_wall(rows, event);
    relation_text(rows, event->user_id);
}

static void left(relation_rows_t *rows, const void *event_)
{
    const room_left_t *event = event_;
    relation_add_key(rows, event);
    relation_text(rows, event->user_id);
}

static void posted(relation_rows_t *rows, const void *event_)
{
    const room_posted_t *event = event_;
    relation_add_key_wall(rows, event);
    relation_text(rows, event->author_id);
    relation_u64(rows, event->message_id);
    relation_u32(rows, event->size_bytes);
    relation_u64(rows, event->kept_from);
}

static void deleted(relation_rows_t *rows, const void *event_)
{
    const room_message_deleted_t *event = event_;
    relation_add_key(rows, event);
    relation_u64(rows, event->message_id);
}

static void forgotten(relation_rows_t *rows, const void *event_)
{
    const room_forgotten_t *event = event_;
    relation_add_key(rows, event);
    relation_text(rows, event->user_id);
}

#define ALONE(event, letters, statement, adds)                                                     \
    {                                                                                              \
        .schema = &event##_schema, .columns = (letters), .sql = (statement), .add = (adds),        \
        .is_alone = true                                                                           \
    }

static const relation_event_t events[] = {
    ALONE(room_created, "ltltb", created_sql, created),
    ALONE(room_public_set, "ltb", public_sql, public_set),
    ALONE(room_owner_set, "ltt", owner_sql, owner_set),
    ALONE(room_joined, "ltlt", joined_sql, joined),
    ALONE(room_left, "ltt", left_sql, left),
    ALONE(room_posted, "ltltlil", posted_sql, posted),
    ALONE(room_message_deleted, "ltl", deleted_sql, deleted),
    ALONE(room_forgotten, "ltt", forgotten_sql, forgotten),
    ALONE(room_closed, "lt", closed_sql, relation_add_key),
};

const relation_t ROOM_RELATION = {.name = "rooms",
                                  .format = 1,
                                  .tables = {"rooms", "room_members", "messages"},
                                  .events = events,
                                  .event_count = COUNT_OF(events)};
