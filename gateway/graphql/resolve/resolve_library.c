/* resolve_library.c -- the music folders and how their scan is doing. */

#include "actors/protocol/roots.h"
#include "gateway/graphql/resolve/graph.h"
#include "gateway/graphql/resolve/views.h"

static const library_status_t *status_of(graphql_field_t *field)
{
    return graphql_source(field);
}

err_t graph_return_library(graphql_field_t *field, const library_status_t *status)
{
    const void *copy = graph_keep(field, &library_status_schema, status);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

static err_t got_status(graphql_field_t *field, const answer_t *answer)
{
    return graph_return_library(field, answer->message);
}

static address_t roots_address(void)
{
    return address_of(ROOTS_KIND, ROOTS_KEY);
}

static err_t query_library(graphql_field_t *field)
{
    return graph_ask(field, roots_address(), got_status, roots_get_status);
}

/* ---- edits: administrators only ---- */

static err_t add_root(graphql_field_t *field)
{
    if (!graph_is_admin(field))
        return graph_refuse_listener(field);
    return graph_ask(field, roots_address(), got_status, roots_add,
                     .name = graphql_arg_str(field, "name"),
                     .path = graphql_arg_str(field, "path"));
}

static err_t start_scan(graphql_field_t *field)
{
    if (!graph_is_admin(field))
        return graph_refuse_listener(field);
    return graph_ask(field, roots_address(), got_status, roots_start_scan);
}

static err_t cancel_scan(graphql_field_t *field)
{
    if (!graph_is_admin(field))
        return graph_refuse_listener(field);
    return graph_ask(field, roots_address(), got_status, roots_cancel_scan);
}

/* ---- Library ---- */

static err_t track_count(graphql_field_t *field)
{
    catalog_counts_t counts;
    TRY(graph_counts(field, &counts));
    return graphql_return_int(field, (int64_t)counts.tracks);
}

static err_t album_count(graphql_field_t *field)
{
    catalog_counts_t counts;
    TRY(graph_counts(field, &counts));
    return graphql_return_int(field, (int64_t)counts.albums);
}

static err_t artist_count(graphql_field_t *field)
{
    catalog_counts_t counts;
    TRY(graph_counts(field, &counts));
    return graphql_return_int(field, (int64_t)counts.artists);
}

static err_t root_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const root_info_t *)items + index);
}

static err_t roots(graphql_field_t *field)
{
    return graphql_return_list(field, status_of(field)->roots.count, root_item,
                               status_of(field)->roots.items);
}

static err_t scan(graphql_field_t *field)
{
    return graphql_return_object(field, status_of(field));
}

/* ---- Scan ---- */

static err_t scan_phase(graphql_field_t *field)
{
    static const char *const names[] = {"IDLE", "LISTING", "READING", "FINISHING"};
    uint32_t phase = status_of(field)->phase;
    return graphql_return_str(field, str_from(names[phase < COUNT_OF(names) ? phase : 0]));
}

static err_t seconds_left(graphql_field_t *field)
{
    const library_status_t *status = status_of(field);
    return status->has_seconds_left
               ? graphql_return_int(field, (int64_t)MIN(status->seconds_left, (uint64_t)INT32_MAX))
               : graphql_return_null(field);
}

static err_t started_at(graphql_field_t *field)
{
    return graph_return_time(field, status_of(field)->started_ms);
}

static err_t finished_at(graphql_field_t *field)
{
    return graph_return_time(field, status_of(field)->finished_ms);
}

static err_t problem_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const scan_problem_t *)items + index);
}

static err_t problems(graphql_field_t *field)
{
    return graphql_return_list(field, status_of(field)->problems.count, problem_item,
                               status_of(field)->problems.items);
}

static err_t unreadable_reason(graphql_field_t *field)
{
    const root_info_t *root = graphql_source(field);
    return graph_return_text_or_null(field, root->reason);
}

graph_rows_t resolve_library(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.library", .resolve = query_library},
        {"Mutation.addLibraryRoot", .resolve = add_root},
        {"Mutation.startScan", .resolve = start_scan},
        {"Mutation.cancelScan", .resolve = cancel_scan},
        {"Library.trackCount", .resolve = track_count},
        {"Library.albumCount", .resolve = album_count},
        {"Library.artistCount", .resolve = artist_count},
        {"Library.roots", .resolve = roots},
        {"Library.scan", .resolve = scan},
        {"LibraryRoot.name", GRAPHQL_MEMBER(root_info_t, name)},
        {"LibraryRoot.path", GRAPHQL_MEMBER(root_info_t, path)},
        {"LibraryRoot.isReadable", GRAPHQL_MEMBER(root_info_t, is_readable)},
        {"LibraryRoot.unreadableReason", .resolve = unreadable_reason},
        {"Scan.phase", .resolve = scan_phase},
        {"Scan.filesDone", GRAPHQL_MEMBER(library_status_t, files_done)},
        {"Scan.filesKnown", GRAPHQL_MEMBER(library_status_t, files_known)},
        {"Scan.filesPerSecond", GRAPHQL_MEMBER(library_status_t, files_per_second)},
        {"Scan.secondsLeft", .resolve = seconds_left},
        {"Scan.startedAt", .resolve = started_at},
        {"Scan.finishedAt", .resolve = finished_at},
        {"Scan.problems", .resolve = problems},
        {"Scan.problemCount", GRAPHQL_MEMBER(library_status_t, problem_count)},
        {"ScanProblem.path", GRAPHQL_MEMBER(scan_problem_t, path)},
        {"ScanProblem.reason", GRAPHQL_MEMBER(scan_problem_t, reason)},
    };
    return GRAPH_ROWS(rows);
}
