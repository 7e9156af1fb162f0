#pragma once
/* relation_build.h -- the tables of a relation made anew from the journal, while nodes serve.
 *
 * They are built in another schema by the statements that nodes use, page by page of the feed, each
 * page in one transaction with the position it ends at. At the end the builder takes RELATION_GATE,
 * so that no append is under way, reads what came since, and puts its tables in the others' place.
 * Appends wait for that moment only: one that can't be had within RELATION_GATE_WAIT_MS, because
 * somebody reads an old table, is given up and tried again.
 *
 * One that is cut short goes on where it ended when it is called again. An event that a statement
 * fails on is left out, and counted; after RELATION_PARKED_MAX of them the relation itself is
 * wrong.
 *
 * The address must be of a login that is a member of ms_write; it may lead through pgbouncer.
 * Threads  Any; it waits on the database all the time. */

#include "runtime/base/log.h"
#include "storage/relations/relation_page.h"

enum {
    RELATION_PAGE = 8192, /* events of a page; fewer when they are large: */
    RELATION_PAGE_SIZE = 16 * 1024 * 1024,
    RELATION_PARKED_MAX = 1000,
    RELATION_SWAP_TRIES = 60,
    RELATION_GATE_WAIT_MS = 1000
};

typedef struct relation_build_options {
    const char *address;
    const relation_t *relation;
    relation_opener_t opener;
    const ms_log_t *log;
    uint32_t page; /* 0: RELATION_PAGE */
    /* Called after each page. May be NULL. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
} relation_build_options_t;

typedef struct relation_build_report {
    uint64_t events, parked; /* of the whole build */
    uint64_t begun_at;       /* events that an earlier call had done */
} relation_build_report_t;

/* CONFLICT: somebody else builds it; BUSY: somebody reads its tables without end; the rest as
 * pg.h. */
err_t relation_build(const relation_build_options_t *options, relation_build_report_t *out_report);

/* Builds those of the list that the database does not have in their format: what a node does before
 * it serves. `relation` of the options is not looked at. */
err_t relation_build_missing(const relation_build_options_t *options, relation_list_t list);
/* From now on it has none of them: for who appends without them. */
err_t relation_build_forget(const char *address, const ms_log_t *log);
