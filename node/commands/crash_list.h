#pragma once
/* crash_list.h -- what runtime_crashes says, for people. */

#include "gateway/graphql/value.h"

/* A line of how many, then two or three for each, the newest first. Nothing in it can move the
 * terminal's cursor. */
void crash_list_append(buf_t *out, const graphql_value_t *crashes);
