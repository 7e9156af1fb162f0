#pragma once
/* relation_page.h -- some events of the feed, as a builder of tables reads them.
 *
 * Ownership  A page owns its rows. Threads  None. Errors  As pg.h. */

#include "storage/relations/relations.h"

/* A position of the feed in its parts (storage/postgres/journal_postgres.h). */
typedef struct relation_place {
    int32_t timeline;
    int64_t xid;
    int32_t ordinal;
} relation_place_t;

typedef struct relation_page {
    PGresult *rows; /* in the order of the feed */
    uint32_t count; /* 0: there are no more */
} relation_page_t;

void relation_page_end(relation_page_t *self);
#define RELATION_PAGE_SCOPED SCOPED(relation_page_end)

typedef struct relation_page_query {
    relation_place_t after;
    pg_parameter_t names; /* of the events that are wanted */
    uint32_t limit;
    bool has_gate; /* nobody appends: also what the feed would still hold back */
} relation_page_query_t;

err_t relation_page_fetch(pg_t *connection, const relation_page_query_t *query,
                          relation_page_t *out_page);

relation_place_t relation_page_place(const relation_page_t *self, uint32_t row);
str_t relation_page_name(const relation_page_t *self, uint32_t row);

/* Empties the batch and adds the rows from `begin` to `end`, stream by stream. */
err_t relation_page_add(const relation_page_t *self, uint32_t begin, uint32_t end,
                        relation_batch_t *batch);
