/* What each event type becomes when its subject is erased: its personal fields are missing. A new
 * event of a kind with personal data without a row here fails. */

#include "actors/auth/kinds.h"
#include "actors/personal.h"
#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "actors/protocol/playlist.h"
#include "actors/protocol/room.h"
#include "actors/protocol/session.h"
#include "actors/protocol/user.h"
#include "actors/social/kinds.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

extern const actor_kind_t session_kind;

/* Criterion's own takes no expression that begins with a sign. */
#define expect_that(expression, ...)                                                               \
    do {                                                                                           \
        bool expected_ = (expression);                                                             \
        cr_expect(expected_, __VA_ARGS__);                                                         \
    } while (0)

static const struct {
    const actor_kind_t *kind;
    const schema_t *state;
} KINDS[PERSONAL_KIND_COUNT] = {
    {&account_kind, &account_state_schema},   {&accounts_kind, &accounts_state_schema},
    {&playlist_kind, &playlist_state_schema}, {&room_kind, &room_state_schema},
    {&session_kind, &session_state_schema},   {&user_kind, &user_state_schema}};

/* The fields of the state that an erased event leaves other than empty in a new actor. */
static const struct {
    const char *event, *state;
} RULES[] = {
    {"account_created", "role=7 created_at=7 "},
    {"account_password_changed", ""},
    {"account_session_started", "sessions(sid=public started_at=7 used_at=7 counter=1 ) "},
    {"account_session_rotated", ""},
    {"account_session_ended", ""},
    {"account_erased", ""},
    {"accounts_user_added", "users(user_id=public role=7 created_at=7 ) "},
    {"accounts_user_removed", ""},
    {"accounts_sessions_ended", "ended(sid=public ended_at=7 ) "},
    {"playlist_created", "owner_id=public version=1 next_entry_id=1 changed_at=7 "},
    {"playlist_inserted", "version=1 changed_at=7 "},
    {"playlist_removed", "version=1 changed_at=7 "},
    {"playlist_moved", "version=1 changed_at=7 "},
    {"playlist_renamed", "version=1 changed_at=7 "},
    {"playlist_public_set", "version=1 changed_at=7 is_public "},
    {"playlist_erased", "version=1 changed_at=7 is_deleted "},
    {"room_created", "owner_id=public is_public version=1 created_at=7 members(number=1 "
                     "user_id=public since=7 ) last_member=1 "},
    {"room_renamed", "version=1 "},
    {"room_public_set", "is_public version=1 "},
    {"room_owner_set", "owner_id=public version=1 "},
    {"room_joined", "version=1 members(number=1 user_id=public since=7 ) last_member=1 "},
    {"room_left", "version=1 "},
    {"room_posted", "version=1 last_message=7 "},
    {"room_message_deleted", "version=1 "},
    {"room_forgotten", "version=1 "},
    {"room_closed", "is_closed version=1 "},
    {"session_queue_replaced", "version=1 next_entry_id=1 position_at=7 active_device_id=public "
                               "next_play_number=1 placement=1 "},
    {"session_enqueued", "version=1 next_entry_id=1 next_play_number=1 "},
    {"session_removed", "version=1 next_entry_id=1 next_play_number=1 "},
    {"session_moved", "version=1 next_entry_id=1 next_play_number=1 "},
    {"session_cleared", "version=1 next_entry_id=1 position_at=7 next_play_number=1 placement=1 "},
    {"session_playback_set",
     "version=1 next_entry_id=1 current_entry_id=7 is_playing position_at=7 "
     "active_device_id=public listen_started_at=7 next_play_number=1 "},
    {"session_repeat_set", "version=1 next_entry_id=1 repeat=7 next_play_number=1 "},
    {"session_shuffle_set", "version=1 next_entry_id=1 is_shuffled next_play_number=1 "},
    {"session_volume_set", "version=1 next_entry_id=1 next_play_number=1 "},
    {"session_device_seen", "version=1 next_entry_id=1 devices(device_id=public volume=100 "
                            "seen_at=7 ) next_play_number=1 "},
    {"session_device_forgotten", "version=1 next_entry_id=1 next_play_number=1 "},
    {"session_play_told", "next_entry_id=1 next_play_number=1 "},
    {"session_erased", "next_entry_id=1 next_play_number=1 "},
    {"user_favourite_set", ""},
    {"user_rating_set", ""},
    {"user_played", "history() last_play_number=7 "},
    {"user_imported", ""},
    {"user_playlist_added", "playlist_ids(public) "},
    {"user_playlist_removed", ""},
    {"user_setting_set", ""},
    {"user_searched", ""},
    {"user_search_forgotten", ""},
    {"user_searches_cleared", ""},
    {"user_follow_set", "following(number=1 user_id=public since=7 ) last_following=1 "},
    {"user_follower_set", "followers(number=1 user_id=public since=7 ) last_follower=1 "},
    {"user_acted", "last_activity=7 "},
    {"user_act_dropped", ""},
    {"user_room_set", "rooms(room_id=public standing=7 ) "},
    {"user_erased", "is_erased "},
};

/* ---- an event with something in every field ---- */

enum { NUMBER = 7 };

static void fill(const schema_t *schema, bool is_hidden, arena_t *arena, char *value);

static void fill_list(const schema_field_t *field, bool is_hidden, arena_t *arena, char *at)
{
    size_t size = field->type == FIELD_TYPE_LIST ? field->items->size : sizeof(str_t);
    char *items = arena_new(arena, size);
    schema_list_t list = {items, 1};
    if (field->type == FIELD_TYPE_LIST)
        fill(field->items, is_hidden, arena, items);
    else if (field->type == FIELD_TYPE_LIST_STR)
        *(str_t *)(void *)items = is_hidden ? STR("S3cret") : STR("public");
    else
        *(uint64_t *)(void *)items = NUMBER;
    memcpy(at, &list.items, sizeof list.items);
    memcpy(at + offsetof(schema_list_t, count), &list.count, sizeof list.count);
}

static void fill(const schema_t *schema, bool is_hidden, arena_t *arena, char *value)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        bool hides = is_hidden || (field->marks & SEALED_MARKS) != 0;
        char *at = value + field->offset;
        if (field->type == FIELD_TYPE_BOOL)
            *(bool *)at = true;
        else if (field->type == FIELD_TYPE_U32)
            *(uint32_t *)(void *)at = NUMBER;
        else if (field->type == FIELD_TYPE_F64)
            *(double *)(void *)at = NUMBER;
        else if (field->type == FIELD_TYPE_STR)
            *(str_t *)(void *)at = hides ? STR("S3cret") : STR("public");
        else if (field->type < FIELD_TYPE_STR)
            *(uint64_t *)(void *)at = NUMBER;
        else
            fill_list(field, hides, arena, at);
    }
}

/* ---- replaying it ---- */

static const actor_applier_t *applier_of(const actor_kind_t *kind, const schema_t *schema)
{
    for (size_t i = 0; i < kind->applier_count; i++)
        if (kind->appliers[i].schema == schema)
            return &kind->appliers[i];
    cr_fatal("%s is no event of %s", schema->name, kind->name);
    return NULL;
}

static void apply(const actor_kind_t *kind, const schema_t *schema, bool is_erased, arena_t *arena,
                  void *state)
{
    buf_t wire BUF_SCOPED = BUF_INIT, erased BUF_SCOPED = BUF_INIT;
    char *event = arena_new(arena, MAX(schema->size, (size_t)1));
    fill(schema, false, arena, event);
    schema_encode(schema, event, &wire);
    check_ok(schema_join_marked(schema, buf_str(&wire), SEALED_MARKS, (str_t){NULL, 0}, &erased));
    str_t bytes = buf_str(is_erased ? &erased : &wire);
    bytes = arena_str(arena, bytes);
    check_ok(schema_decode(schema, bytes, arena, event));
    applier_of(kind, schema)->apply(state, event, NUMBER);
}

static void describe_list(const schema_field_t *field, const char *at, buf_t *out);

/* What is not empty: "role=7 sessions(sid=public )". */
static void describe(const schema_t *schema, const char *value, buf_t *out)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const schema_field_t *field = &schema->fields[i];
        const char *at = value + field->offset;
        if (field->type == FIELD_TYPE_BOOL && *(const bool *)at)
            buf_printf(out, "%s ", field->name);
        else if (field->type == FIELD_TYPE_U32 && *(const uint32_t *)(const void *)at != 0)
            buf_printf(out, "%s=%u ", field->name, *(const uint32_t *)(const void *)at);
        else if (field->type == FIELD_TYPE_U64 || field->type == FIELD_TYPE_I64) {
            long long number = *(const int64_t *)(const void *)at;
            if (number != 0)
                buf_printf(out, "%s=%lld ", field->name, number);
        } else if (field->type == FIELD_TYPE_STR && ((const str_t *)(const void *)at)->size > 0)
            buf_printf(out, "%s=%.*s ", field->name, STR_ARG(*(const str_t *)(const void *)at));
        else if (field->type >= FIELD_TYPE_LIST_U64)
            describe_list(field, at, out);
    }
}

static void describe_list(const schema_field_t *field, const char *at, buf_t *out)
{
    schema_list_t list;
    memcpy(&list, at, sizeof list);
    for (uint32_t i = 0; i < list.count; i++) {
        buf_printf(out, "%s(", field->name);
        if (field->type == FIELD_TYPE_LIST)
            describe(field->items, (const char *)list.items + i * field->items->size, out);
        else if (field->type == FIELD_TYPE_LIST_STR)
            buf_append(out, ((const str_t *)list.items)[i]);
        buf_printf(out, ") ");
    }
}

/* Also: what it left is a state that a snapshot keeps. */
static void state_to_text(size_t kind, const void *state, buf_t *out)
{
    buf_t first BUF_SCOPED = BUF_INIT, second BUF_SCOPED = BUF_INIT;
    arena_t arena ARENA_SCOPED = {0};
    void *record = arena_new(&arena, KINDS[kind].state->size);
    void *again = memory_new(KINDS[kind].kind->state_size);
    KINDS[kind].kind->snapshot(state, &first);
    check_ok(buf_status(&first));
    check_ok(KINDS[kind].kind->restore(again, buf_str(&first)));
    KINDS[kind].kind->snapshot(again, &second);
    check_str(buf_str(&second), buf_str(&first));
    check_ok(schema_decode(KINDS[kind].state, buf_str(&first), &arena, record));
    describe(KINDS[kind].state, record, out);
    KINDS[kind].kind->deinit(again);
    memory_free(again);
}

static void state_after(size_t kind, const schema_t *schema, bool is_erased, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    void *state = memory_new(KINDS[kind].kind->state_size);
    apply(KINDS[kind].kind, schema, is_erased, &arena, state);
    state_to_text(kind, state, out);
    KINDS[kind].kind->deinit(state);
    memory_free(state);
}

static const char *rule_of(const char *event)
{
    for (size_t i = 0; i < COUNT_OF(RULES); i++)
        if (strcmp(RULES[i].event, event) == 0)
            return RULES[i].state;
    return "(no rule)";
}

Test(erased, every_event_gives_a_defined_state)
{
    for (size_t k = 0; k < PERSONAL_KIND_COUNT; k++) {
        for (size_t i = 0; PERSONAL_KINDS[k].events[i] != NULL; i++) {
            const schema_t *schema = PERSONAL_KINDS[k].events[i];
            buf_t got BUF_SCOPED = BUF_INIT;
            state_after(k, schema, true, &got);
            expect_that(str_equal(buf_str(&got), str_from(rule_of(schema->name))),
                        "\n    {\"%s\", \"%s\"},", schema->name, buf_terminated(&got));
            expect_that(!str_contains(buf_str(&got), STR("S3cret")), "%s", schema->name);
        }
    }
}

/* Every pair of events in a row, the first as it was, the second erased: nothing breaks, and after
 * the kind's own erasure nothing is left. */
Test(erased, nothing_breaks_whatever_came_before)
{
    for (size_t k = 0; k < PERSONAL_KIND_COUNT; k++) {
        const schema_t *const *events = PERSONAL_KINDS[k].events;
        for (size_t i = 0; events[i] != NULL; i++) {
            for (size_t j = 0; events[j] != NULL; j++) {
                arena_t arena ARENA_SCOPED = {0};
                buf_t got BUF_SCOPED = BUF_INIT;
                void *state = memory_new(KINDS[k].kind->state_size);
                apply(KINDS[k].kind, events[i], false, &arena, state);
                apply(KINDS[k].kind, events[j], true, &arena, state);
                apply(KINDS[k].kind, events[i], true, &arena, state);
                state_to_text(k, state, &got);
                KINDS[k].kind->deinit(state);
                memory_free(state);
            }
        }
    }
}

/* The last word of an erasure in each kind, after everything else was said in clear. */
Test(erased, an_erasure_leaves_nothing_of_what_was_there)
{
    static const schema_t *const last[PERSONAL_KIND_COUNT] = {
        &account_erased_schema, &accounts_user_removed_schema, &playlist_erased_schema,
        &room_closed_schema,    &session_erased_schema,        &user_erased_schema};
    for (size_t k = 0; k < PERSONAL_KIND_COUNT; k++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t got BUF_SCOPED = BUF_INIT;
        void *state = memory_new(KINDS[k].kind->state_size);
        for (size_t i = 0; PERSONAL_KINDS[k].events[i] != NULL; i++)
            if (PERSONAL_KINDS[k].events[i] != last[k])
                apply(KINDS[k].kind, PERSONAL_KINDS[k].events[i], false, &arena, state);
        apply(KINDS[k].kind, last[k], false, &arena, state);
        state_to_text(k, state, &got);
        expect_that(!str_contains(buf_str(&got), STR("S3cret")), "%s: %s", PERSONAL_KINDS[k].name,
                    buf_terminated(&got));
        KINDS[k].kind->deinit(state);
        memory_free(state);
    }
}

/* ---- the list of kinds ---- */

static bool is_sealed_event(const schema_t *schema)
{
    for (size_t k = 0; k < PERSONAL_KIND_COUNT; k++)
        for (size_t i = 0; PERSONAL_KINDS[k].events[i] != NULL; i++)
            if (PERSONAL_KINDS[k].events[i] == schema)
                return true;
    return false;
}

/* Marks within a list: its records' fields, all the way down. */
static uint32_t marks_within(const schema_t *schema)
{
    uint32_t marks = 0;
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].type == FIELD_TYPE_LIST)
            marks |= schema->fields[i].items->marks | marks_within(schema->fields[i].items);
    return marks;
}

#define RECORD(name, ...)
#define STATE(name, ...)
#define COMMAND(name, ...)
#define REPLY(name, ...)
#define MESSAGE(name, ...)
#define EVENT(name, ...) extern const schema_t name##_schema;
#include "tests/all_defs.inc"
#undef EVENT
#define EVENT(name, ...) &name##_schema,
/* Every event of every .def of the services. */
static const schema_t *const ALL_EVENTS[] = {
#include "tests/all_defs.inc"
};

Test(erased, the_list_of_all_events_is_whole)
{
    size_t sealed = 0, known = 0;
    for (size_t k = 0; k < PERSONAL_KIND_COUNT; k++)
        for (size_t i = 0; PERSONAL_KINDS[k].events[i] != NULL; i++, sealed++)
            for (size_t e = 0; e < COUNT_OF(ALL_EVENTS); e++)
                known += ALL_EVENTS[e] == PERSONAL_KINDS[k].events[i] ? 1 : 0;
    check_true(known == sealed);
    check_true(COUNT_OF(RULES) == sealed); /* and no rule is left over */
}

Test(erased, every_event_with_a_mark_is_of_a_kind_that_is_sealed)
{
    for (size_t i = 0; i < COUNT_OF(ALL_EVENTS); i++) {
        const schema_t *schema = ALL_EVENTS[i];
        expect_that((schema->marks & SEALED_MARKS) == 0 || is_sealed_event(schema), "%s",
                    schema->name);
        for (size_t f = 0; f < schema->field_count; f++) {
            expect_that(schema->fields[f].tag != SCHEMA_SEALED_TAG, "%s", schema->name);
            bool hides = schema->fields[f].type == FIELD_TYPE_LIST &&
                         (schema->fields[f].marks & SEALED_MARKS) == 0;
            expect_that(!hides || ((schema->fields[f].items->marks |
                                    marks_within(schema->fields[f].items)) &
                                   SEALED_MARKS) == 0,
                        "%s.%s: mark the list, what is in it is marked", schema->name,
                        schema->fields[f].name);
        }
    }
}

Test(erased, an_event_of_a_kind_of_several_people_names_its_subject)
{
    for (size_t k = 0; k < PERSONAL_KIND_COUNT; k++)
        for (size_t i = 0; PERSONAL_KINDS[k].events[i] != NULL; i++) {
            const schema_t *schema = PERSONAL_KINDS[k].events[i];
            expect_that(PERSONAL_KINDS[k].is_owned || (schema->marks & SEALED_MARKS) == 0 ||
                            (schema->marks & FIELD_SUBJECT) != 0,
                        "%s", schema->name);
        }
}
