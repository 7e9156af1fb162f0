#include "storage/relations/relation_build.h"

#include "runtime/base/memory.h"
#include "storage/relations/relation_page.h"

enum { BUILD_TIMEOUT_MS = 10 * 60 * 1000, LAST_PAGES = 2 };

typedef struct build {
    const relation_build_options_t *options;
    pg_t *reader, *writer;
    relation_batch_t *batch;
    pg_array_t names, tables;
    pg_parameter_t names_parameter;
    relation_place_t at;
    uint64_t done, total, parked;
} build_t;

/* ---- beginning ---- */

static err_t collect_names(build_t *self)
{
    const relation_t *relation = self->options->relation;
    self->names = pg_array_of(PG_TEXT);
    self->tables = pg_array_of(PG_TEXT);
    for (size_t i = 0; i < relation->event_count; i++)
        pg_array_add_str(&self->names, str_from(relation->events[i].schema->name));
    for (size_t i = 0; i < RELATION_TABLES_MAX && relation->tables[i] != NULL; i++)
        pg_array_add_str(&self->tables, str_from(relation->tables[i]));
    return pg_array_end(&self->names, &self->names_parameter);
}

static err_t begin(build_t *self)
{
    char format[4];
    pg_statement_t statement = {
        .sql = "SELECT ms_build_begin($1, $2, $3)",
        .parameters = {pg_text(str_from(self->options->relation->name)),
                       pg_i32(format, (int32_t)self->options->relation->format)},
        .parameter_count = 3,
    };
    TRY(pg_array_end(&self->tables, &statement.parameters[2]));
    return pg_run(self->writer, &statement, NULL);
}

static err_t read_state(build_t *self)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT timeline, xid::text::bigint, ordinal, done, parked,"
               " (SELECT count(*) FROM events WHERE name = ANY ($2))"
               " FROM projection_builds WHERE name = $1",
        .parameters = {pg_text(str_from(self->options->relation->name)), self->names_parameter},
        .parameter_count = 2,
    };
    TRY(pg_run(self->reader, &statement, &result));
    if (PQntuples(result) != 1)
        return ERR_CONFLICT; /* somebody else ended it just now */
    self->at = (relation_place_t){pg_get_i32(result, 0, 0), pg_get_i64(result, 0, 1),
                                  pg_get_i32(result, 0, 2)};
    self->done = (uint64_t)pg_get_i64(result, 0, 3);
    self->parked = (uint64_t)pg_get_i64(result, 0, 4);
    self->total = (uint64_t)pg_get_i64(result, 0, 5);
    return ERR_OK;
}

static err_t connect(const build_t *self, pg_t **out_connection)
{
    return pg_open(&(pg_options_t){.address = self->options->address,
                                   .application = "musicstream rebuild",
                                   .timeout_ms = BUILD_TIMEOUT_MS,
                                   .log = self->options->log},
                   out_connection);
}

static err_t open_build(build_t *self, relation_list_t only)
{
    TRY(collect_names(self));
    TRY(relation_batch_new(only, self->options->opener, &self->batch));
    TRY(connect(self, &self->reader));
    TRY(connect(self, &self->writer));
    TRY(begin(self));
    return read_state(self);
}

static void close_build(build_t *self)
{
    pg_close(self->reader);
    pg_close(self->writer);
    relation_batch_free(self->batch);
    pg_array_deinit(&self->names);
    pg_array_deinit(&self->tables);
}

/* ---- a part of a page as one transaction ---- */

/* What comes before the statements: where they write, and from where to where the build moves. */
typedef struct move {
    char from_timeline[4], from_xid[8], from_ordinal[4], to_timeline[4], to_xid[8], to_ordinal[4];
    char count[8], left_out[8];
} move_t;

static pg_statement_t move_statement(const build_t *self, move_t *move, relation_place_t to,
                                     uint64_t count, uint64_t left_out)
{
    return (pg_statement_t){
        .sql = "SELECT set_config('search_path', 'rebuilding, public', true),"
               " set_config('synchronous_commit', 'off', true),"
               " public.ms_build_move($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        .parameters = {pg_text(str_from(self->options->relation->name)),
                       pg_i32(move->from_timeline, self->at.timeline),
                       pg_i64(move->from_xid, self->at.xid),
                       pg_i32(move->from_ordinal, self->at.ordinal),
                       pg_i32(move->to_timeline, to.timeline), pg_i64(move->to_xid, to.xid),
                       pg_i32(move->to_ordinal, to.ordinal), pg_i64(move->count, (int64_t)count),
                       pg_i64(move->left_out, (int64_t)left_out)},
        .parameter_count = 9};
}

static void moved(build_t *self, relation_place_t to, uint64_t count, uint64_t left_out)
{
    self->at = to;
    self->done += count;
    self->parked += left_out;
    if (self->options->progress != NULL)
        self->options->progress(self->options->context, self->done, MAX(self->total, self->done));
}

/* Hands the rows from `begin` to `end` of the page to the server. */
static err_t send_rows(build_t *self, relation_page_t *page, uint32_t begin, uint32_t end,
                       size_t *out_count)
{
    move_t move;
    pg_statement_t *statements;
    TRY(relation_page_add(page, begin, end, self->batch));
    TRY(relation_batch_statements(self->batch, 1, &statements, out_count));
    statements[0] = move_statement(self, &move, relation_page_place(page, end - 1), end - begin, 0);
    return pg_transaction_send(self->writer, statements, *out_count);
}

static err_t park(build_t *self, const relation_page_t *page, uint32_t row, err_t err)
{
    move_t move;
    relation_place_t to = relation_page_place(page, row);
    if (self->parked >= RELATION_PARKED_MAX)
        return err;
    str_t name = relation_page_name(page, row);
    log_warning(
        self->options->log, "rebuild", "%s: a %.*s is left out (%s), at transaction %lld, event %d",
        self->options->relation->name, STR_ARG(name), err_text(err), (long long)to.xid, to.ordinal);
    pg_statement_t statement = move_statement(self, &move, to, 1, 1);
    TRY(pg_transaction(self->writer, &statement, 1, NULL));
    moved(self, to, 1, 1);
    return ERR_OK;
}

static bool is_about_content(err_t err)
{
    return err == ERR_INVALID || err == ERR_CONFLICT || err == ERR_INTERNAL || err == ERR_LIMIT ||
           err == ERR_CORRUPT;
}

/* By halves, until the event that it fails on is alone. */
static err_t apply_rows(build_t *self, relation_page_t *page, uint32_t begin, uint32_t end)
{
    size_t count;
    err_t err = send_rows(self, page, begin, end, &count);
    if (err == ERR_OK)
        err = pg_transaction_take(self->writer, count, NULL);
    if (err == ERR_OK) {
        moved(self, relation_page_place(page, end - 1), end - begin, 0);
        return ERR_OK;
    }
    if (!is_about_content(err))
        return err;
    if (end - begin == 1)
        return park(self, page, begin, err);
    uint32_t middle = begin + (end - begin) / 2;
    TRY(apply_rows(self, page, begin, middle));
    return apply_rows(self, page, middle, end);
}

/* ---- all pages ---- */

static err_t fetch(build_t *self, pg_t *connection, relation_place_t after, bool is_last,
                   relation_page_t *out_page)
{
    uint32_t limit = self->options->page == 0 ? (uint32_t)RELATION_PAGE : self->options->page;
    relation_page_query_t query = {after, self->names_parameter, limit, is_last};
    return relation_page_fetch(connection, &query, out_page);
}

/* The page is written by the server while the next one is read. */
static err_t overlap(build_t *self, relation_page_t *page, relation_page_t *next)
{
    size_t count;
    relation_place_t to = relation_page_place(page, page->count - 1);
    err_t err = send_rows(self, page, 0, page->count, &count);
    if (err == ERR_OK) {
        err_t fetched = fetch(self, self->reader, to, false, next);
        err = pg_transaction_take(self->writer, count, NULL);
        if (err == ERR_OK) {
            moved(self, to, page->count, 0);
            return fetched;
        }
    }
    if (!is_about_content(err))
        return err;
    TRY(apply_rows(self, page, 0, page->count));
    relation_page_end(next);
    return fetch(self, self->reader, to, false, next);
}

static err_t catch_up(build_t *self)
{
    relation_page_t page RELATION_PAGE_SCOPED = {0}, next RELATION_PAGE_SCOPED = {0};
    TRY(fetch(self, self->reader, self->at, false, &page));
    while (page.count > 0) {
        TRY(overlap(self, &page, &next));
        relation_page_end(&page);
        page = STEAL(next);
    }
    return ERR_OK;
}

/* ---- the end ---- */

static err_t run_page(build_t *self, relation_page_t *page)
{
    move_t move;
    size_t count;
    pg_statement_t *statements;
    relation_place_t to = relation_page_place(page, page->count - 1);
    TRY(relation_page_add(page, 0, page->count, self->batch));
    TRY(relation_batch_statements(self->batch, 1, &statements, &count));
    statements[0] = move_statement(self, &move, to, page->count, 0);
    for (size_t i = 0; i < count; i++)
        TRY(pg_run(self->writer, &statements[i], NULL));
    moved(self, to, page->count, 0);
    return ERR_OK;
}

/* With the gate nobody appends: all that is committed is there to be seen, and nothing below it can
 * come any more. */
static err_t read_last(build_t *self)
{
    for (uint32_t i = 0; i < LAST_PAGES; i++) {
        relation_page_t page RELATION_PAGE_SCOPED = {0};
        TRY(fetch(self, self->writer, self->at, true, &page));
        if (page.count == 0)
            return ERR_OK;
        TRY(run_page(self, &page));
    }
    return ERR_BUSY; /* so much came meanwhile: with the gate open again */
}

static err_t swap(build_t *self)
{
    char gate[8];
    pg_statement_t lock = {.sql = "SELECT pg_advisory_xact_lock($1)",
                           .parameters = {pg_i64(gate, RELATION_GATE)},
                           .parameter_count = 1};
    pg_statement_t end = {.sql = "SELECT public.ms_build_end($1)",
                          .parameters = {pg_text(str_from(self->options->relation->name))},
                          .parameter_count = 1};
    TRY(pg_run(self->writer, &lock, NULL));
    TRY(read_last(self));
    return pg_run(self->writer, &end, NULL);
}

static err_t try_swap(build_t *self)
{
    build_t before = *self;
    char begin_sql[100];
    snprintf(begin_sql, sizeof begin_sql, "BEGIN; SET LOCAL lock_timeout = %d",
             RELATION_GATE_WAIT_MS);
    TRY(pg_run_script(self->writer, begin_sql));
    err_t err = swap(self);
    if (err == ERR_OK)
        return pg_run_script(self->writer, "COMMIT");
    if (pg_is_usable(self->writer))
        TRY(pg_run_script(self->writer, "ROLLBACK"));
    self->at = before.at;
    self->done = before.done;
    return err;
}

/* BUSY and what is about content: what came since is written page by page first. */
static err_t finish(build_t *self)
{
    err_t err = ERR_BUSY;
    for (uint32_t i = 0; i < RELATION_SWAP_TRIES; i++) {
        TRY(catch_up(self));
        err = try_swap(self);
        if (err != ERR_BUSY && !is_about_content(err))
            return err;
    }
    return err;
}

err_t relation_build(const relation_build_options_t *options, relation_build_report_t *out_report)
{
    build_t build = {.options = options};
    relation_list_t only = {&options->relation, 1};
    err_t err = open_build(&build, only);
    uint64_t begun_at = build.done;
    if (err == ERR_OK)
        err = finish(&build);
    if (err == ERR_OK)
        *out_report = (relation_build_report_t){build.done, build.parked, begun_at};
    close_build(&build);
    return err;
}

/* ---- what a node does ---- */

static err_t is_current(pg_t *pg, const relation_t *relation, bool *out_is_current)
{
    char format[4];
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT FROM projections WHERE name = $1 AND format = $2",
        .parameters = {pg_text(str_from(relation->name)),
                       pg_i32(format, (int32_t)relation->format)},
        .parameter_count = 2,
    };
    TRY(pg_run(pg, &statement, &result));
    *out_is_current = PQntuples(result) == 1;
    return ERR_OK;
}

static err_t build_one(const relation_build_options_t *options)
{
    relation_build_report_t report;
    log_info(options->log, "rebuild", "building the tables of %s", options->relation->name);
    err_t err = relation_build(options, &report);
    if (err == ERR_OK)
        log_info(options->log, "rebuild", "%s: %llu events, %llu left out", options->relation->name,
                 (unsigned long long)report.events, (unsigned long long)report.parked);
    return err;
}

err_t relation_build_missing(const relation_build_options_t *options_, relation_list_t list)
{
    relation_build_options_t options = *options_;
    pg_t *pg PG_SCOPED = NULL;
    TRY(pg_open(&(pg_options_t){.address = options.address,
                                .application = "musicstream",
                                .log = options.log},
                &pg));
    for (size_t i = 0; i < list.count; i++) {
        bool is_built;
        options.relation = list.items[i];
        TRY(is_current(pg, options.relation, &is_built));
        if (!is_built)
            TRY(build_one(&options));
    }
    return ERR_OK;
}

err_t relation_build_forget(const char *address, const ms_log_t *log)
{
    pg_t *pg PG_SCOPED = NULL;
    TRY(pg_open(&(pg_options_t){.address = address, .application = "musicstream", .log = log},
                &pg));
    return pg_run(pg, &(pg_statement_t){.sql = "DELETE FROM projections"}, NULL);
}
