#pragma once
/* relation.h -- projections into SQL tables, declared: which events, and for each one SQL statement
 * over arrays.
 *
 * A relation is a set of tables that is built, dropped and built again together. For each event
 * type it names there is one statement; a batch's events of that type become arrays ($1, $2, ...)
 * in the order of their streams, and it writes them all ("insert ... select from
 * unnest($1::bigint[],
 * ...)"). $1 is always `place`, which ms_refused() may name: such a row must not be written.
 *
 * What a statement has to keep, so that tables equal those of a fresh rebuild whatever batches the
 * events came in, and whatever order streams had among each other:
 *   1. The rows of one stream apply in their order (ordinality), or the type is `is_alone`: then a
 *      statement has at most one event of each stream.
 *   2. Rows that several streams write (an artist's name) come out the same in any order: the least
 *      of all, the greatest of all, the one of the lowest number.
 *   3. It raises for nothing that an event may hold: ON CONFLICT everywhere, no cast that can fail.
 *      One that raises all the same has its append refused.
 * Personal fields go into bytea columns as the event has them (sealed or not); secret ones nowhere.
 *
 * Ownership  Everything declared is constant. Rows borrow nothing after `add` returned.
 * Threads    None. Errors  Of rows: through relation_rows_status. */

#include "runtime/base/schema.h"
#include "runtime/journal.h"
#include "storage/postgres/pg_array.h"

enum {
    RELATION_COLUMNS_MAX = PG_PARAMETERS_MAX,
    RELATION_TABLES_MAX = 8,
    RELATION_MAX = 16 /* relations of a node */
};

/* The advisory lock that every append shares, and that whoever swaps tables holds alone: "relation"
 * as a number. */
#define RELATION_GATE INT64_C(8243118316933118318)

/* For statements: that the compare-and-set let the row's stream through. */
#define RELATION_PASSED "place <> ALL ((SELECT ms_refused())::bigint[])"

typedef struct relation_rows relation_rows_t;

typedef struct relation_event {
    const schema_t *schema;
    const char
        *columns; /* a letter each, with $1: b bool, i int4, l int8, d float8, t text, y bytea */
    const char *sql;
    /* Adds the event's rows, decoded as `schema` says. */
    void (*add)(relation_rows_t *rows, const void *event);
    bool is_alone;
    /* Run before, with one column of the arrays; NULL: nothing. */
    const char *prepare;
    uint32_t prepare_column;
} relation_event_t;

typedef struct relation {
    const char *name;
    uint32_t format;                         /* raise it to have everything built again */
    const char *tables[RELATION_TABLES_MAX]; /* ends with NULL when there are fewer */
    const relation_event_t *events;
    size_t event_count;
} relation_t;

/* ---- for `add`: rows, column by column ----
 * relation_at(rows, 0) begins a row at the first column and writes `place`; the lists of an event
 * lie in later columns, each with a place of its own: relation_at(rows, n). Then one call a column,
 * in their order. */
void relation_at(relation_rows_t *self, uint32_t column);
void relation_key(relation_rows_t *self); /* the stream's, after its kind; a text column */
str_t relation_key_of(const relation_rows_t *self);
/* The rows that a column has: what numbers the next one, from 0. */
uint32_t relation_count(const relation_rows_t *self, uint32_t column);
void relation_wall(relation_rows_t *self); /* when it was decided, in ms; int8 */
void relation_bool(relation_rows_t *self, bool value);
void relation_u32(relation_rows_t *self, uint32_t value); /* past what int4 holds: the most */
void relation_u64(relation_rows_t *self, uint64_t value); /* past what int8 holds: the most */
void relation_i64(relation_rows_t *self, int64_t value);
void relation_f64(relation_rows_t *self, double value);
/* What PostgreSQL would refuse becomes U+FFFD (no UTF-8) or goes (NUL). */
void relation_text(relation_rows_t *self, str_t value);
void relation_bytes(relation_rows_t *self, str_t value);

/* ---- `add` for statements that want no more of an event than whose it is, and when it was ---- */
void relation_add_key(relation_rows_t *self, const void *event);      /* place, key */
void relation_add_key_wall(relation_rows_t *self, const void *event); /* place, key, wall */
