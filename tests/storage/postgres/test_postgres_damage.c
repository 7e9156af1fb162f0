/* A page of the database's own files rots, as a disk lets it: the server finds it by its checksum
 * (docs/operating.md asks for them), and what can go on goes on. */

#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/migrate.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/said.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- streams ---- */

enum { STREAMS = 24, SIZE = 1500 }; /* a page holds five */

static journal_postgres_t *opened(const postgres_t *server, const ms_log_t *log)
{
    journal_postgres_t *journal = NULL;
    check_ok(journal_postgres_open(&(journal_postgres_options_t){.address = server->address,
                                                                 .timeout_ms = POSTGRES_PATIENCE_MS,
                                                                 .log = log},
                                   &journal));
    return journal;
}

/* Bytes that the server does not make shorter, found again by their number. */
static str_t payload_of(uint32_t number, char room[SIZE])
{
    uint32_t x = number * 2654435761U + 1;
    snprintf(room, SIZE, "payload %04u ", number);
    for (size_t i = 13; i < SIZE; i++) {
        x = x * 1664525U + 1013904223U;
        room[i] = (char)(x >> 24);
    }
    return str_of(room, SIZE);
}

static str_t stream_of(uint32_t number, char room[16])
{
    return str_of(room, (size_t)snprintf(room, 16, "s/%u", number));
}

static void write_streams(journal_postgres_t *journal)
{
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    journal_t *j = subject.journal;
    char room[SIZE], name[16];
    for (uint32_t i = 0; i < STREAMS; i++) {
        str_t stream = stream_of(i, name);
        check_ok(journal_append_wait(&subject, stream, 0, payload_of(i, room)).err);
        j->table->snapshot_put(j, stream, 1, payload_of(1000 + i, room));
    }
    check_ok(journal_append_wait(&subject, STR("last"), 0, STR("x")).err); /* and the snapshots */
}

static err_t read_one(journal_postgres_t *journal, uint32_t number, journal_visit_fn visit,
                      void *context)
{
    char name[16];
    journal_t *j = journal_postgres_journal(journal);
    return j->table->read(j, stream_of(number, name), 0, visit, context);
}

static err_t count_record(void *context, const journal_record_t *record)
{
    (void)record;
    ++*(size_t *)context;
    return ERR_OK;
}

static err_t snapshot_of(journal_postgres_t *journal, uint32_t number)
{
    char name[16];
    uint64_t version = 0;
    buf_t state BUF_SCOPED = BUF_INIT;
    journal_t *j = journal_postgres_journal(journal);
    return j->table->snapshot_get(j, stream_of(number, name), &version, &state);
}

/* ---- damage ---- */

typedef struct heap {
    char path[512];
} heap_t;

static heap_t heap_of(const postgres_t *server, const char *table)
{
    heap_t heap;
    pg_t *pg PG_SCOPED = NULL;
    PGresult *result PG_RESULT_SCOPED = NULL;
    char sql[128];
    check_ok(pg_open(&(pg_options_t){.address = server->address}, &pg));
    snprintf(sql, sizeof sql, "SELECT pg_relation_filepath('%s')", table);
    check_ok(pg_run(pg, &(pg_statement_t){.sql = sql}, &result));
    str_t path = pg_get_str(result, 0, 0);
    snprintf(heap.path, sizeof heap.path, "%s/pg/%.*s", server->folder.path, STR_ARG(path));
    return heap;
}

/* A bit in the middle of what was stored under this number. */
static void rot(const heap_t *heap, uint32_t number)
{
    char mark[32], room[SIZE];
    static char bytes[1 << 20];
    int fd = open(heap->path, O_RDWR | O_CLOEXEC);
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    cr_assert(size > 0 && (size_t)size < sizeof bytes, "%s", heap->path);
    str_t text = str_slice(payload_of(number, room), 0, 13);
    memcpy(mark, text.data, text.size);
    char *at = memmem(bytes, (size_t)size, mark, text.size);
    cr_assert(at != NULL);
    at[SIZE / 2] ^= 1;
    cr_assert(pwrite(fd, at + SIZE / 2, 1, at + SIZE / 2 - bytes) == 1);
    close(fd);
}

Test(postgres_damage, a_page_that_rotted_is_found_and_nothing_else_suffers)
{
    postgres_t server POSTGRES_SCOPED = {0};
    size_t count = 0, damaged = 0;
    postgres_start(&server);
    journal_postgres_t *before = opened(&server, NULL);
    write_streams(before);
    heap_t events = heap_of(&server, "events"), snapshots = heap_of(&server, "snapshots");
    journal_postgres_close(before);
    postgres_do(&server, "stop");
    rot(&events, 3);
    rot(&snapshots, 1000 + 20);
    postgres_do(&server, "restart");

    said_t said SAID_SCOPED = said_new(LOG_WARNING);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(&server, &said.log);
    check_err(read_one(journal, 3, count_record, &count), ERR_CORRUPT);
    cr_assert(eq(sz, count, 0), "nothing of it is passed on");
    for (uint32_t i = 0; i < STREAMS; i++) {
        count = 0;
        err_t err = read_one(journal, i, count_record, &count);
        cr_assert(err == ERR_CORRUPT || (err == ERR_OK && count == 1));
        damaged += err == ERR_CORRUPT;
    }
    cr_assert(damaged >= 1 && damaged <= 5, "%zu: a page's", damaged);

    /* A snapshot that can't be read is as none: the events tell. */
    check_err(snapshot_of(journal, 20), ERR_NOT_FOUND);
    check_ok(snapshot_of(journal, 1));
    cr_assert(said_count(&said, "the server says: page verification failed") > 0);
    cr_assert(said_count(&said, "SQLSTATE XX001") > 0);
    cr_assert(said_count(&said, "a snapshot (s) is damaged") > 0);
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    check_ok(journal_append_wait(&subject, STR("new"), 0, STR("x")).err);
}

Test(postgres_damage, a_server_that_checks_no_pages_is_named)
{
    for (int checks = 0; checks < 2; checks++) {
        postgres_t server POSTGRES_SCOPED = {0};
        said_t said SAID_SCOPED = said_new(LOG_WARNING);
        if (checks == 0)
            setenv("MS_PG_INITDB", "", 1);
        postgres_start(&server);
        unsetenv("MS_PG_INITDB");

        check_ok(migrate(server.address, &said.log));
        cr_assert_eq(said_count(&said, "pg_checksums --enable") > 0, checks == 0);
    }
}
