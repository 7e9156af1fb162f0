#pragma once
/* search_show.h -- what a search found, for people who read a terminal.
 *
 * On a terminal each hit is one line of its width: the artist gives way first, then the title, both
 * with "…". Where the output goes elsewhere nothing is cut. What titles hold is shown as terminal.h
 * says: it sends a terminal no command.
 *
 * Threads  None. */

#include "gateway/graphql/value.h"

/* The answer of the node's `search` (control_search.c), on standard output. */
void search_show(const graphql_value_t *found, bool is_explained);
