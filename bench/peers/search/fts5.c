/* fts5.c -- SQLite's FTS5: a table of words with prefixes of 1 to 3 characters, another of trigrams
 * for what has no word. Rows are numbered by plays, most first, so that the first rows of a match
 * are the most popular ones: faster than by bm25, which reads every match. */

#include "bench/peers/search/peer.h"
#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIGRAM = 3 };

typedef struct fts5 {
    sqlite3 *db;
    sqlite3_stmt *words, *trigrams, *facets;
    uint64_t *tracks;
} fts5_t;

static void must(sqlite3 *db, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return;
    fprintf(stderr, "fts5: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    must(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    return statement;
}

static void bind_text(sqlite3_stmt *statement, int place, str_t text)
{
    must(sqlite3_db_handle(statement),
         sqlite3_bind_text(statement, place, text.data, (int)text.size, SQLITE_TRANSIENT));
}

static void put(fts5_t *self, sqlite3_stmt *insert, sqlite3_stmt *facets, uint64_t rank,
                const search_document_t *document)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    peer_text(document, &text);
    must(self->db, sqlite3_bind_int64(insert, 1, (sqlite3_int64)rank + 1));
    bind_text(insert, 2, buf_str(&text));
    must(self->db, sqlite3_step(insert));
    must(self->db, sqlite3_reset(insert));
    if (facets == NULL)
        return;
    must(self->db, sqlite3_bind_int64(facets, 1, (sqlite3_int64)rank + 1));
    bind_text(facets, 2, document->genres.items[0]);
    must(self->db, sqlite3_bind_int64(facets, 3, (sqlite3_int64)document->year));
    must(self->db, sqlite3_step(facets));
    must(self->db, sqlite3_reset(facets));
}

static void fill(fts5_t *self, const corpus_t *corpus, const char *table, bool is_first)
{
    char sql[128];
    arena_t arena ARENA_SCOPED = {0};
    snprintf(sql, sizeof sql, "insert into %s(rowid, text) values(?, ?)", table);
    sqlite3_stmt *insert = prepared(self->db, sql);
    sqlite3_stmt *facets =
        is_first ? prepared(self->db, "insert into facets values(?, ?, ?)") : NULL;
    must(self->db, sqlite3_exec(self->db, "begin", NULL, NULL, NULL));
    for (uint64_t i = 0; i < corpus_count(corpus, SEARCH_TRACK); i++) {
        search_document_t document = corpus_document(corpus, SEARCH_TRACK, self->tracks[i], &arena);
        put(self, insert, facets, i, &document);
        arena_reset(&arena);
    }
    must(self->db, sqlite3_exec(self->db, "commit", NULL, NULL, NULL));
    sqlite3_finalize(insert);
    sqlite3_finalize(facets);
}

static void *open_fts5(const char *folder, corpus_t *corpus)
{
    static const char schema[] =
        "pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-262144;"
        "create table facets(id integer primary key, genre text, year integer);"
        "create virtual table words using fts5(text, content='', prefix='1 2 3',"
        " tokenize='unicode61 remove_diacritics 0');"
        "create virtual table trigrams using fts5(text, content='', tokenize='trigram');";
    fts5_t *self = memory_new(sizeof *self);
    char path[512];
    ASSERT(self != NULL);
    snprintf(path, sizeof path, "%s/fts5.db", folder);
    must(NULL, sqlite3_open(path, &self->db));
    must(self->db, sqlite3_exec(self->db, schema, NULL, NULL, NULL));
    self->tracks = peer_tracks(corpus);
    fill(self, corpus, "words", true);
    fill(self, corpus, "trigrams", false);
    self->words =
        prepared(self->db, "select rowid from words where words match ? order by rowid limit 10");
    self->trigrams = prepared(
        self->db, "select rowid from trigrams where trigrams match ? order by rank limit 10");
    self->facets =
        prepared(self->db, "select words.rowid from words join facets on facets.id = words.rowid"
                           " where words match ? and genre = ? and year between ? and ?"
                           " order by words.rowid limit 10");
    return self;
}

static void close_fts5(void *context)
{
    fts5_t *self = context;
    sqlite3_finalize(self->words);
    sqlite3_finalize(self->trigrams);
    sqlite3_finalize(self->facets);
    must(self->db, sqlite3_close(self->db));
    memory_free(self->tracks);
    memory_free(self);
}

static size_t run(fts5_t *self, sqlite3_stmt *statement, uint64_t out_ids[JUDGE_RESULTS])
{
    size_t count = 0;
    while (count < JUDGE_RESULTS && sqlite3_step(statement) == SQLITE_ROW)
        out_ids[count++] = self->tracks[sqlite3_column_int64(statement, 0) - 1] + 1;
    sqlite3_reset(statement);
    return count;
}

/* "a" "b"*: all of the words. */
static void words_query(str_t folded, bool is_typing, buf_t *out)
{
    str_t word;
    while (fold_next_word(&folded, &word))
        buf_printf(out, "\"%.*s\" ", STR_ARG(word));
    if (is_typing && out->size > 0)
        out->data[out->size - 1] = '*';
}

/* Any three neighbours. */
static void trigrams_query(str_t folded, buf_t *out)
{
    while (folded.size > 0) {
        size_t size = 0;
        uint32_t c, count = 0;
        while (count < TRIGRAM && size < folded.size) {
            size += MAX(utf8_decode(str_slice(folded, size, folded.size), &c), (size_t)1);
            count++;
        }
        if (count < TRIGRAM)
            break;
        buf_printf(out, "%s\"%.*s\"", out->size > 0 ? " OR " : "", (int)size, folded.data);
        folded = str_slice(folded, MAX(utf8_decode(folded, &c), (size_t)1), folded.size);
    }
}

static size_t ask_facets(fts5_t *self, const search_request_t *request, str_t words,
                         uint64_t out_ids[JUDGE_RESULTS])
{
    bind_text(self->facets, 1, words);
    bind_text(self->facets, 2, request->filter.genres.items[0]);
    must(self->db, sqlite3_bind_int64(self->facets, 3, request->filter.year_from));
    must(self->db, sqlite3_bind_int64(self->facets, 4, request->filter.year_to));
    return run(self, self->facets, out_ids);
}

static size_t ask(void *context, const search_request_t *request, arena_t *arena,
                  uint64_t out_ids[JUDGE_RESULTS])
{
    fts5_t *self = context;
    buf_t folded BUF_SCOPED = BUF_INIT, words BUF_SCOPED = BUF_INIT, trigrams BUF_SCOPED = BUF_INIT;
    (void)arena;
    fold_append(&folded, request->text);
    words_query(buf_str(&folded), request->is_typing, &words);
    if (words.size == 0)
        return 0;
    if (request->filter.genres.count > 0)
        return ask_facets(self, request, buf_str(&words), out_ids);
    bind_text(self->words, 1, buf_str(&words));
    size_t count = run(self, self->words, out_ids);
    trigrams_query(buf_str(&folded), &trigrams);
    if (count > 0 || trigrams.size == 0)
        return count;
    bind_text(self->trigrams, 1, buf_str(&trigrams));
    return run(self, self->trigrams, out_ids);
}

const peer_t peer_fts5 = {"fts5", open_fts5, close_fts5, ask};
