#include "relations_rig.h"

#include "actors/protocol/user.h"
#include "actors/social/user_relations.h"
#include "storage/relations/relation_build.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <stdio.h>

enum { LISTENERS = 10, PLAYS = 3000, PAGE = 50 };

/* By all connections that are closed, and this one. */
static int64_t events_read(relations_rig_t *rig)
{
    wait_until(rig_number(rig, "SELECT count(*) FROM pg_stat_activity"
                               " WHERE application_name = 'musicstream rebuild'") == 0);
    return rig_number(rig, "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables"
                           " WHERE relname = 'events'");
}

/* Also where the server knows nothing about the table yet: it would sort all that follows a
 * position, for each page again. */
Test(relation_pages, a_rebuild_reads_no_event_again_for_each_page)
{
    relations_rig_t rig RIG_SCOPED;
    uint64_t versions[LISTENERS] = {0};
    rig_start(&rig);
    check_ok(pg_run_script(rig.pg, "ALTER TABLE events SET (autovacuum_enabled = off)"));
    for (uint64_t i = 0; i < PLAYS; i++) {
        char stream[32];
        int size = snprintf(stream, sizeof stream, "user/%d", (int)(i % LISTENERS));
        user_played_t event = {i / LISTENERS + 1, 7, 1700000000000 + (int64_t)i};
        rig_append(&rig, str_of(stream, (size_t)size), &versions[i % LISTENERS],
                   &user_played_schema, &event);
    }
    rig_wait(&rig);
    check_ok(rig.err);
    int64_t before = events_read(&rig);

    relation_build_report_t report;
    check_ok(relation_build(&(relation_build_options_t){.address = rig.server.address,
                                                        .relation = &PLAYS_RELATION,
                                                        .page = PAGE},
                            &report));

    cr_expect_eq(report.events, PLAYS);
    int64_t read = events_read(&rig) - before; /* once to count them, once to write them */
    cr_expect(read < INT64_C(4) * PLAYS, "%lld rows were read of %d", (long long)read, PLAYS);
}
