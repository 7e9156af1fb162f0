#pragma once
/* schema.h -- things declared once: a `.def` file yields struct, msgpack codec, deep copy, JSON and
 * tables.
 *
 * A `.def` file holds RECORD, STATE, COMMAND, EVENT, REPLY and MESSAGE lines:
 *
 *     RECORD(credit,         FIELD(1, u64, artist_id), FIELD(2, str, name))
 *     COMMAND(album_credit,  FIELD(1, u64, album_id),  FIELD(2, list(credit), credits))
 *
 * schema_declare.h, included with DEF_FILE defined, turns each line into `struct NAME` = `NAME_t`
 * and declares `NAME_schema`; schema_define.h defines that table. Types: bool u32 u64 i64 f64 str,
 * list_u64, list_str, list(RECORD). A list is `struct { const T *items; uint32_t count; }`.
 * Everything is borrowed: a value owns nothing.
 *
 * After the name a field may carry one mark: SECRET, for what is never shown (passwords, tokens,
 * codes): schema_to_json writes "***" in its place, schema_wipe overwrites it; or PERSONAL, for
 * what says who somebody is or what they wrote: no trace shows it, and in an EVENT it is sealed
 * before it is stored (storage/crypt/journal_sealed.h), as is what is SECRET; or PERSONAL_WORD, the
 * same of a word out of a few, or an id: tables for SQL hold it as it is, not a reference; or KEY,
 * for what makes a newer message replace an older one (OVERFLOW_COALESCE); or SUBJECT, for a string
 * that names whose the PERSONAL fields of the line are, where that is not the stream's key; or REF,
 * for a u64 that is the bits of an actor_ref: to another node it goes as what it is called there.
 *
 * The wire form is one msgpack map {tag: value}; fields that are zero or empty are left out,
 * unknown tags are skipped, missing ones read as zero: so both an older and a newer program can
 * read it. Tags are never used twice.
 *
 * Limits    SCHEMA_FIELDS_MAX fields a line, SCHEMA_DEPTH_MAX levels of lists, SCHEMA_ITEMS_MAX
 * items in a list. Threads   Tables are constant. */

#include "runtime/base/arena.h"
#include "runtime/base/json.h"

API_BEGIN

enum { SCHEMA_FIELDS_MAX = 64, SCHEMA_DEPTH_MAX = 8, SCHEMA_ITEMS_MAX = 65536 };

typedef enum schema_role {
    SCHEMA_RECORD,
    SCHEMA_STATE,
    SCHEMA_COMMAND,
    SCHEMA_EVENT,
    SCHEMA_REPLY,
    SCHEMA_MESSAGE
} schema_role_t;

typedef enum field_type {
    FIELD_TYPE_BOOL,
    FIELD_TYPE_U32,
    FIELD_TYPE_U64,
    FIELD_TYPE_I64,
    FIELD_TYPE_F64,
    FIELD_TYPE_STR,
    FIELD_TYPE_LIST_U64,
    FIELD_TYPE_LIST_STR,
    FIELD_TYPE_LIST
} field_type_t;

typedef struct schema schema_t;

enum { FIELD_SECRET = 1, FIELD_PERSONAL = 2, FIELD_KEY = 4 };
enum { FIELD_SUBJECT = 8 };
enum { FIELD_WORD = 16 };
enum { FIELD_REF = 32 };

typedef struct schema_field {
    const char *name;
    uint32_t tag;
    field_type_t type;
    const schema_t *items; /* of a FIELD_TYPE_LIST */
    size_t offset;
    uint32_t marks; /* FIELD_... */
} schema_field_t;

struct schema {
    const char *name; /* "album_credit": also its name in the journal and on the wire */
    schema_role_t role;
    size_t size; /* of the struct */
    const schema_field_t *fields;
    size_t field_count;
    uint32_t marks; /* of its own fields together */
    bool is_flat;   /* no strings, no lists: a copy of the struct is a deep copy. False where it is
                       not   known */
};

/* The shape of every list in a struct. */
typedef struct schema_list {
    const void *items;
    uint32_t count;
} schema_list_t;

/* Appends the wire form. Errors: through the buffer. */
void schema_encode(const schema_t *schema, const void *value, buf_t *out);

/* Reads the wire form into *out_value (schema->size bytes). Strings borrow `data`; lists lie in the
 * arena. INVALID    not msgpack, a wrong type, something after the end LIMIT      deeper or longer
 * than the limits NO_MEMORY */
err_t schema_decode(const schema_t *schema, str_t data, arena_t *arena, void *out_value);

/* The bytes a deep copy takes (struct first, then lists and strings), and the copy into `room` of
 * just that size, 16-byte aligned. So a message is one block. */
size_t schema_deep_size(const schema_t *schema, const void *value);
void schema_copy(const schema_t *schema, const void *value, void *room);

/* The bytes of the first field marked KEY, borrowed; data NULL: there is none, or it is a list. */
str_t schema_key(const schema_t *schema, const void *value);

bool schema_equal(const schema_t *schema, const void *a, const void *b);
/* For people: secrets are "***", or "" when empty. */
void schema_to_json(const schema_t *schema, const void *value, json_t *json);
/* The same for all fields with one of `marks`. */
void schema_to_json_masked(const schema_t *schema, const void *value, uint32_t marks, json_t *json);
/* Overwrites the bytes of SECRET strings where they lie: for owners of a deep copy that goes. */
void schema_wipe(const schema_t *schema, void *value);

/* ---- what the macros of schema_declare.h and schema_define.h share ---- */

#define FIELD(...) (__VA_ARGS__)

#define SCHEMA_CTYPE__Bool bool /* what stdbool.h turns bool into */
#define SCHEMA_CTYPE_bool bool  /* where it is a word of the language */
#define SCHEMA_CTYPE_u32 uint32_t
#define SCHEMA_CTYPE_u64 uint64_t
#define SCHEMA_CTYPE_i64 int64_t
#define SCHEMA_CTYPE_f64 double
#define SCHEMA_CTYPE_str str_t
#define SCHEMA_CTYPE_list_u64                                                                      \
    struct {                                                                                       \
        const uint64_t *items;                                                                     \
        uint32_t count;                                                                            \
    }
#define SCHEMA_CTYPE_list_str                                                                      \
    struct {                                                                                       \
        const str_t *items;                                                                        \
        uint32_t count;                                                                            \
    }
#define SCHEMA_CTYPE_list(record)                                                                  \
    struct {                                                                                       \
        const struct record *items;                                                                \
        uint32_t count;                                                                            \
    }
#define SCHEMA_TYPE__Bool FIELD_TYPE_BOOL, NULL
#define SCHEMA_TYPE_bool FIELD_TYPE_BOOL, NULL
#define SCHEMA_TYPE_u32 FIELD_TYPE_U32, NULL
#define SCHEMA_TYPE_u64 FIELD_TYPE_U64, NULL
#define SCHEMA_TYPE_i64 FIELD_TYPE_I64, NULL
#define SCHEMA_TYPE_f64 FIELD_TYPE_F64, NULL
#define SCHEMA_TYPE_str FIELD_TYPE_STR, NULL
#define SCHEMA_TYPE_list_u64 FIELD_TYPE_LIST_U64, NULL
#define SCHEMA_TYPE_list_str FIELD_TYPE_LIST_STR, NULL
#define SCHEMA_TYPE_list(record) FIELD_TYPE_LIST, &record##_schema

/* Whether a field of this type points somewhere. */
#define SCHEMA_POINTS__Bool false
#define SCHEMA_POINTS_u32 false
#define SCHEMA_POINTS_u64 false
#define SCHEMA_POINTS_i64 false
#define SCHEMA_POINTS_f64 false
#define SCHEMA_POINTS_str true
#define SCHEMA_POINTS_list_u64 true
#define SCHEMA_POINTS_list_str true
#define SCHEMA_POINTS_list(record) true

/* The mark of a field: SCHEMA_MARKS() is 0, SCHEMA_MARKS(SECRET) its bit; another does not compile.
 */
#define SCHEMA_MARKS(...) 0 __VA_OPT__(| SCHEMA_MARK(__VA_ARGS__))
#define SCHEMA_MARK(mark) SCHEMA_MARK_##mark
#define SCHEMA_MARK_SECRET FIELD_SECRET
#define SCHEMA_MARK_PERSONAL FIELD_PERSONAL
#define SCHEMA_MARK_PERSONAL_WORD (FIELD_PERSONAL | FIELD_WORD)
#define SCHEMA_MARK_KEY FIELD_KEY
#define SCHEMA_MARK_SUBJECT FIELD_SUBJECT
#define SCHEMA_MARK_REF FIELD_REF

/* FOR_EACH(M, context, a, b, ...) is M(context, a) M(context, b) ... for up to 64 items, and
 * nothing for none. */
#define SCHEMA_PARENS ()
#define SCHEMA_EXPAND(...)                                                                         \
    SCHEMA_EXPAND3(SCHEMA_EXPAND3(SCHEMA_EXPAND3(SCHEMA_EXPAND3(__VA_ARGS__))))
#define SCHEMA_EXPAND3(...)                                                                        \
    SCHEMA_EXPAND2(SCHEMA_EXPAND2(SCHEMA_EXPAND2(SCHEMA_EXPAND2(__VA_ARGS__))))
#define SCHEMA_EXPAND2(...)                                                                        \
    SCHEMA_EXPAND1(SCHEMA_EXPAND1(SCHEMA_EXPAND1(SCHEMA_EXPAND1(__VA_ARGS__))))
#define SCHEMA_EXPAND1(...) __VA_ARGS__
#define SCHEMA_FOR_EACH(macro, context, ...)                                                       \
    __VA_OPT__(SCHEMA_EXPAND(SCHEMA_FOR_EACH_NEXT(macro, context, __VA_ARGS__)))
#define SCHEMA_FOR_EACH_NEXT(macro, context, first, ...)                                           \
    macro(context, first)                                                                          \
        __VA_OPT__(SCHEMA_FOR_EACH_AGAIN SCHEMA_PARENS(macro, context, __VA_ARGS__))
#define SCHEMA_FOR_EACH_AGAIN() SCHEMA_FOR_EACH_NEXT

API_END
