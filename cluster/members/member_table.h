#pragma once
/* member_table.h -- the table of members in PostgreSQL (storage/migrations/0011_members.sql), one
 * function a statement.
 *
 * `cluster.version` is compared and set by every change of a status, a vote or details; what a node
 * writes of itself beside it (when it was seen, what it has acknowledged) only ever grows. Times
 * are of the server's clock: nodes' clocks may differ by any amount.
 *
 * Threads  One for a connection. Errors  As pg.h; TIMEOUT: it may have happened. */

#include "cluster/members/roster.h"
#include "cluster/membership.h"
#include "storage/postgres/pg.h"

/* Heard by those who listen, after each change of the version. */
#define MEMBER_TABLE_CHANNEL "ms_members"

/* A number that no start of any node has had. */
err_t member_table_draw(pg_t *pg, uint64_t *out_node);
/* The lease is the same in all of a cluster: the first who says it decides, until all that is left
 * of it is dead. CONFLICT: another one is in use, *out_there_ms. */
err_t member_table_agree(pg_t *pg, uint64_t lease_ms, uint64_t *out_there_ms);

/* The node is there, and has taken `acknowledged`. *out_status 0: it has no row. */
err_t member_table_poll(pg_t *pg, uint64_t node, uint64_t acknowledged, uint64_t *out_version,
                        member_status_t *out_status);
err_t member_table_read(pg_t *pg, roster_t **out_roster);
/* All of it or, where another was quicker (not landed), nothing. details: of the rows that are not
 * there yet. */
err_t member_table_write(pg_t *pg, uint64_t version, const membership_change_t *changes,
                         size_t count, str_t details, bool *out_is_landed);

/* Of a row that is there. NOT_FOUND; LIMIT: MEMBER_DETAILS_SIZE_MAX */
err_t member_table_describe(pg_t *pg, uint64_t node, str_t details);
/* That this node runs no more, for certain: an operator's word, or its own when it ends. What it
 * owned is free at once. BUSY: it was seen less than `unseen_ms` ago; NOT_FOUND. */
err_t member_table_say_gone(pg_t *pg, uint64_t node, uint64_t unseen_ms);
