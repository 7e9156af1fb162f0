/* Who can read a folder, and who scans it, from what the nodes report. */

#include "actors/library/root_reports.h"
#include "tests/support/check.h"

static const str_t MUSIC = STR_INIT("music");

static void reports_end(root_reports_t *self)
{
    root_reports_deinit(self);
}
#define REPORTS_SCOPED SCOPED(reports_end)

/* reason NULL: it does not name the folder. */
static void take(root_reports_t *self, uint64_t node, const char *reason, bool is_scanner,
                 uint64_t now_ms)
{
    root_reading_t reading = {MUSIC, str_from(reason == NULL ? "" : reason), is_scanner};
    roots_report_t report = {.node = node, .address = STR("192.0.2.1:9")};
    report.roots.items = &reading;
    report.roots.count = reason == NULL ? 0 : 1;
    check_ok(root_reports_take(self, &report, now_ms));
}

static bool is_readable(const root_reports_t *self, str_t *out_reason)
{
    return root_reports_is_readable(self, MUSIC, out_reason);
}

Test(root_reports, one_node_that_reads_it_is_enough)
{
    root_reports_t reports REPORTS_SCOPED = {0};
    str_t reason = STR("");

    cr_assert_not(is_readable(&reports, &reason));
    take(&reports, 1, "the music folder is not there", false, 1);
    cr_assert_not(is_readable(&reports, &reason));
    check_str(reason, STR("the music folder is not there"));
    take(&reports, 2, NULL, false, 1);
    cr_assert_not(is_readable(&reports, &reason));
    check_str(reason, STR("no running node has this folder"));
    take(&reports, 3, "", false, 1);
    cr_assert(is_readable(&reports, &reason));
}

Test(root_reports, who_scans_goes_on_while_it_reads)
{
    enum { LATER = ROOTS_REPORT_LOST_MS };
    root_reports_t reports REPORTS_SCOPED = {0};
    for (uint64_t node = 1; node <= 4; node++)
        take(&reports, node, "", false, 1);

    cr_assert(eq(u64, root_reports_scanner(&reports, MUSIC, 0, LATER), 0), "too early");
    uint64_t chosen = root_reports_scanner(&reports, MUSIC, 0, LATER + 1);
    cr_assert(chosen >= 1 && chosen <= 4);
    uint64_t other = chosen % 4 + 1;
    cr_assert(eq(u64, root_reports_scanner(&reports, MUSIC, other, LATER + 1), other));
    take(&reports, other, "the music folder can't be read", true, 2);
    cr_assert(eq(u64, root_reports_scanner(&reports, MUSIC, other, 3), chosen));
    cr_assert(eq(u64, root_reports_scanner(&reports, STR("else"), 0, LATER + 1), 0));
}

/* roots/all has moved: it has forgotten who scans, but the node has not. */
Test(root_reports, who_scanned_before_says_so)
{
    root_reports_t reports REPORTS_SCOPED = {0};

    take(&reports, 1, "", false, 1);
    take(&reports, 2, "", true, 2);

    cr_assert(eq(u64, root_reports_scanner(&reports, MUSIC, 0, 2), 2));
}

Test(root_reports, a_node_that_is_silent_is_forgotten)
{
    root_reports_t reports REPORTS_SCOPED = {0};
    str_t reason;
    take(&reports, 1, "", true, 1);
    take(&reports, 2, NULL, false, 1);
    uint64_t version = reports.version;

    take(&reports, 2, NULL, false, ROOTS_REPORT_LOST_MS);
    cr_assert(is_readable(&reports, &reason));
    cr_assert(eq(u64, reports.version, version));
    take(&reports, 2, NULL, false, ROOTS_REPORT_LOST_MS + 1);
    cr_assert_not(is_readable(&reports, &reason));
    cr_assert(ne(u64, reports.version, version));
    cr_assert(eq(u64, root_reports_scanner(&reports, MUSIC, 1, ROOTS_REPORT_LOST_MS + 1), 0));
}

Test(root_reports, the_list_is_whole_when_every_node_has_had_time_to_report)
{
    root_reports_t reports REPORTS_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    roots_known_t known = {0};

    take(&reports, 1, "", true, 1);
    take(&reports, 1, "", true, ROOTS_REPORT_LOST_MS);
    uint64_t version = reports.version;
    check_ok(root_reports_list(&reports, &arena, &known));
    cr_assert_not(known.is_whole);
    take(&reports, 1, "", true, ROOTS_REPORT_LOST_MS + 1);
    check_ok(root_reports_list(&reports, &arena, &known));
    cr_assert(known.is_whole);
    cr_assert(ne(u64, reports.version, version), "or nobody would be told");
}

Test(root_reports, the_version_is_of_who_reads_what)
{
    root_reports_t reports REPORTS_SCOPED = {0};
    take(&reports, 1, "", false, 1);
    uint64_t version = reports.version;

    take(&reports, 1, "", true, 2);
    cr_assert(eq(u64, reports.version, version), "who scans is not of it");
    take(&reports, 1, "it can't be read", true, 3);
    cr_assert(ne(u64, reports.version, version));

    arena_t arena ARENA_SCOPED = {0};
    roots_known_t known = {0};
    take(&reports, 2, "", false, 3);
    check_ok(root_reports_list(&reports, &arena, &known));
    cr_assert(eq(u32, known.readers.count, 2));
    cr_assert(eq(u32, known.readers.items[0].roots.count, 0));
    cr_assert(eq(u64, known.readers.items[1].node, 2));
    check_str(known.readers.items[1].roots.items[0], MUSIC);
}

Test(root_reports, there_is_room_for_so_many)
{
    root_reports_t reports REPORTS_SCOPED = {0};
    for (uint64_t node = ROOTS_REPORTERS_MAX; node >= 1; node--)
        take(&reports, node, NULL, false, 1);

    roots_report_t more = {.node = ROOTS_REPORTERS_MAX + 1};
    check_err(root_reports_take(&reports, &more, 1), ERR_LIMIT);
    take(&reports, 5, NULL, false, 1);
    for (size_t i = 1; i < reports.count; i++)
        cr_assert(reports.reporters[i - 1].node < reports.reporters[i].node);
}
