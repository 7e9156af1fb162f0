#pragma once
/* outbox_list.h -- what outbox_describe says, for people. */

#include "gateway/graphql/value.h"

/* A line of how many, then a table of the dead ones. Nothing in it can move the terminal's cursor.
 */
void outbox_list_append(buf_t *out, const graphql_value_t *outbox);
