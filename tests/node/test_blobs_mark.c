#include "node/blobs/blobs.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include "actors/library/library_projection.h"

/* A journal whose head its feed does not show: a database behind a long transaction, say. */
static uint64_t head(journal_t *journal)
{
    (void)journal;
    return 5;
}

static err_t feed(journal_t *journal, uint64_t after, size_t count_max, journal_visit_fn visit,
                  void *context)
{
    (void)journal, (void)after, (void)count_max, (void)visit, (void)context;
    return ERR_OK;
}

static const journal_table_t table = {.head = head, .feed = feed};

Test(blobs_mark, a_node_that_stops_does_not_wait_for_a_catalog_that_is_behind)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "catalog");
    catalog_t *catalog CATALOG_SCOPED = NULL;
    library_projection_t *library = NULL;
    projection_t *projection = NULL;
    journal_t journal = {&table};
    blob_marks_t marks BLOB_MARKS_SCOPED = {0};
    const _Atomic bool is_cancelled = true;
    check_ok(catalog_open(path.path, 0, NULL, &catalog));
    check_ok(library_projection_new(catalog, &library));
    projection_options_t options = library_projection_options(library, &journal);
    check_ok(projection_open(&options, &projection));

    check_err(blobs_mark(catalog, projection, &journal, &is_cancelled, &marks), ERR_CANCELLED);

    projection_close(projection);
    library_projection_free(library);
}
