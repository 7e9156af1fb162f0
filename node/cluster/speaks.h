#pragma once
/* speaks.h -- which versions of the words between nodes a program speaks, and whether two of them
 * understand each other.
 *
 * Fields that only one side knows need no version: they are skipped. One is given up, or a new one
 * begun, where that does not do: words of membership, of links, of moves. A program that is to
 * follow another one in a running cluster speaks a version of that one, too.
 *
 * Each node tells the others in its row of the membership table ("speaks": [1, 2]); who comes looks
 * whether it has one in common with everybody that is there, and does not join otherwise.
 *
 * Threads  Any. */

#include "cluster/members/roster.h"
#include "gateway/graphql/value.h"
#include "runtime/base/json.h"

typedef struct speaks {
    uint32_t oldest, newest; /* both included */
} speaks_t;

/* Of this program (speaks_here.c, which says when it changes). */
speaks_t speaks_here(void);

void speaks_append(speaks_t speaks, json_t *json); /* the member "speaks" of an object */
/* As a node told in its details; who tells nothing is of before that, and speaks the first one. */
speaks_t speaks_of(str_t details);
speaks_t speaks_read(const graphql_value_t *details); /* NULL: nothing */
/* "1", or "1 to 2". */
void speaks_print(speaks_t speaks, buf_t *out);
bool speaks_agree(speaks_t one, speaks_t other);
/* Somebody whom `node` has to understand, and does not; NULL: there is nobody. Of two that come at
 * once the later one gives way. Borrowed. */
const member_t *speaks_stranger(const roster_t *roster, uint64_t node, speaks_t own);
