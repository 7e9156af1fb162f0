#pragma once
/* toy.h -- an engine over toy.graphql whose resolvers answer by name and type, as oracle.mjs tells
 * them. */

#include "gateway/graphql/engine.h"

/* A file below the source tree, e.g. "tests/gateway/graphql/toy.graphql". Aborts the test without
 * it. */
void toy_read(const char *path, buf_t *out);
graphql_engine_t *toy_engine(const graphql_limits_t *limits);

/* Runs a request that answers at once, into out. */
err_t toy_run(const graphql_engine_t *engine, const graphql_request_t *request, buf_t *out);
/* The same for a query alone. */
err_t toy_query(const graphql_engine_t *engine, const char *query, buf_t *out);
