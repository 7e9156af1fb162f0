#include "actors/library/library_projection.h"
#include "node/blobs/blobs.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <unistd.h>

/* A journal that can't be read: so nobody knows what is referred to. */
static uint64_t head(journal_t *journal)
{
    (void)journal;
    return 5;
}

static err_t feed(journal_t *journal, uint64_t after, size_t count_max, journal_visit_fn visit,
                  void *context)
{
    (void)journal, (void)after, (void)count_max, (void)visit, (void)context;
    return ERR_UNAVAILABLE;
}

static const journal_table_t table = {.head = head, .feed = feed};

static str_t described(blobs_t *blobs, buf_t *out)
{
    buf_reset(out);
    blobs_describe(blobs, out);
    return buf_str(out);
}

Test(blobs_tend, where_it_cannot_be_swept_it_is_scrubbed_and_was_not_tended)
{
    config_t config CONFIG_SCOPED = {0};
    char *none[] = {"musicstream", NULL};
    int rest;
    const ms_log_t log = {STDERR_FILENO, LOG_ERROR, false};
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t art = temporary_in(&folder, "art"), lyrics = temporary_in(&folder, "lyrics"),
                     cache = temporary_in(&folder, "cache"), keys = temporary_in(&folder, "keys"),
                     sound = temporary_in(&folder, "sound"), path = temporary_in(&folder, "cat");
    buf_t problem BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    catalog_t *catalog CATALOG_SCOPED = NULL;
    segment_cache_t *segments SEGMENT_CACHE_SCOPED = NULL;
    library_projection_t *library = NULL;
    projection_t *projection = NULL;
    blobs_t *blobs = NULL;
    journal_t journal = {&table};
    blob_hash_t hash;
    blobs_options_t options = {.config = &config,
                               .log = &log,
                               .artwork = art.path,
                               .lyrics = lyrics.path,
                               .cache = cache.path,
                               .keys = keys.path};
    check_ok(config_load(&config, none + 1, 1, none, &rest));
    check_ok(catalog_open(path.path, 0, NULL, &catalog));
    check_ok(library_projection_new(catalog, &library));
    projection_options_t follow = library_projection_options(library, &journal);
    check_ok(projection_open(&follow, &projection));
    check_ok(segment_cache_open(sound.path, 1 << 20, &segments));
    check_ok(blobs_open(&options, &problem, &blobs));
    check_ok(blob_put(blobs_artwork(blobs), STR("cover"), &hash));
    blobs_know(blobs, catalog, projection, &journal, segments, NULL);

    check_ok(blobs_run(blobs, BLOBS_TEND));

    wait_until(str_contains(described(blobs, &text), STR("\"is_running\":false")));
    blobs_stop(blobs); /* it has ended: nothing is cut short */
    str_t status = described(blobs, &text);
    cr_expect(str_contains(status, STR("\"tended_at_ms\":0")), "%s", buf_terminated(&text));
    cr_expect(str_contains(status, STR("\"error\":\"UNAVAILABLE\"")), "%s", buf_terminated(&text));
    cr_expect(str_contains(status, STR("\"name\":\"scrub\"")) &&
                  str_contains(status, STR("\"whole\":1")),
              "%s", buf_terminated(&text));
    blobs_close(blobs);
    projection_close(projection);
    library_projection_free(library);
}
