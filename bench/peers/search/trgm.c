/* trgm.c -- PostgreSQL's pg_trgm: a GIN index of trigrams; words by LIKE, most played first, and
 * where that finds nothing by word similarity, as the manual's F.35.4 says. */

#include "bench/bench_server.h"
#include "bench/peers/search/peer.h"
#include "runtime/base/memory.h"
#include "storage/search/fold.h"

#include <libpq-fe.h>

typedef struct trgm {
    server_t server;
    PGconn *connection;
} trgm_t;

static PGresult *checked(trgm_t *self, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
        fprintf(stderr, "pg_trgm: %s\n", PQerrorMessage(self->connection));
        exit(1);
    }
    return result;
}

static void command(trgm_t *self, const char *sql)
{
    PQclear(checked(self, PQexec(self->connection, sql)));
}

static void fill(trgm_t *self, const corpus_t *corpus)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t line BUF_SCOPED = BUF_INIT;
    command(self, "copy peer_tracks from stdin");
    for (uint64_t i = 0; i < corpus_count(corpus, SEARCH_TRACK); i++) {
        search_document_t document = corpus_document(corpus, SEARCH_TRACK, i, &arena);
        buf_reset(&line);
        buf_printf(&line, "%llu\t%llu\t%u\t%.*s\t", (unsigned long long)document.id,
                   (unsigned long long)document.plays, document.year,
                   STR_ARG(document.genres.items[0]));
        peer_text(&document, &line); /* folded: no tab and no backslash */
        buf_append_char(&line, '\n');
        ASSERT(PQputCopyData(self->connection, line.data, (int)line.size) == 1);
        arena_reset(&arena);
    }
    ASSERT(PQputCopyEnd(self->connection, NULL) == 1);
    for (PGresult *result; (result = PQgetResult(self->connection)) != NULL;)
        PQclear(checked(self, result));
}

static void *open_trgm(const char *folder, corpus_t *corpus)
{
    trgm_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL);
    (void)folder;
    server_start(&self->server);
    self->connection = PQconnectdb(self->server.address);
    ASSERT(PQstatus(self->connection) == CONNECTION_OK);
    command(self, "create extension pg_trgm");
    command(self, "create unlogged table peer_tracks(id bigint, plays bigint, year int, genre text,"
                  " text text)");
    fill(self, corpus);
    command(self, "set maintenance_work_mem = '512MB'");
    command(self, "create index on peer_tracks using gin(text gin_trgm_ops)");
    command(self, "analyze peer_tracks");
    return self;
}

static void close_trgm(void *context)
{
    trgm_t *self = context;
    PQfinish(self->connection);
    server_stop(&self->server);
    memory_free(self);
}

/* Folded text has no quote, per cent or backslash. */
static void words_condition(str_t folded, buf_t *out)
{
    str_t word;
    while (fold_next_word(&folded, &word))
        buf_printf(out, "%stext like '%%%.*s%%'", out->size > 0 ? " and " : "", STR_ARG(word));
}

static size_t run(trgm_t *self, buf_t *sql, uint64_t out_ids[JUDGE_RESULTS])
{
    PGresult *result = checked(self, PQexec(self->connection, buf_terminated(sql)));
    size_t count = MIN((size_t)PQntuples(result), (size_t)JUDGE_RESULTS);
    for (size_t i = 0; i < count; i++)
        out_ids[i] = strtoull(PQgetvalue(result, (int)i, 0), NULL, 10);
    PQclear(result);
    return count;
}

static size_t ask(void *context, const search_request_t *request, arena_t *arena,
                  uint64_t out_ids[JUDGE_RESULTS])
{
    trgm_t *self = context;
    const search_filter_t *filter = &request->filter;
    buf_t folded BUF_SCOPED = BUF_INIT, words BUF_SCOPED = BUF_INIT, sql BUF_SCOPED = BUF_INIT;
    (void)arena;
    fold_append(&folded, request->text);
    words_condition(buf_str(&folded), &words);
    if (words.size == 0)
        return 0;
    buf_printf(&sql, "select id from peer_tracks where %.*s", STR_ARG(buf_str(&words)));
    if (filter->genres.count > 0)
        buf_printf(&sql, " and genre = '%.*s' and year between %u and %u",
                   STR_ARG(filter->genres.items[0]), filter->year_from, filter->year_to);
    buf_append(&sql, STR(" order by plays desc limit 10"));
    size_t count = run(self, &sql, out_ids);
    if (count > 0 || filter->genres.count > 0)
        return count;
    buf_reset(&sql);
    buf_printf(&sql,
               "select id from peer_tracks where '%.*s' <%% text"
               " order by word_similarity('%.*s', text) desc, plays desc limit 10",
               STR_ARG(buf_str(&folded)), STR_ARG(buf_str(&folded)));
    return run(self, &sql, out_ids);
}

const peer_t peer_trgm = {"pg_trgm", open_trgm, close_trgm, ask};
