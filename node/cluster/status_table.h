#pragma once
/* status_table.h -- what the control command cluster.status answers, as a table for people.
 *
 * Threads  None: pure. */

#include "gateway/graphql/value.h"
#include "runtime/base/buf.h"

/* No line is wider than `screen`: where there is no room roles become letters, versions short, and
 * addresses are left out, in this order. */
void status_table_append(const graphql_value_t *status, uint32_t screen, buf_t *out);
