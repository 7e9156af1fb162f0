#pragma once
/* status_table.h -- what the control command cluster.status answers, as a table for people.
 *
 * Threads  None: pure. */

#include "gateway/graphql/value.h"
#include "runtime/base/buf.h"

void status_table_append(const graphql_value_t *status, buf_t *out);
