#pragma once
/* route.h -- which handler answers: a table of (method, pattern), built once, then only read.
 *
 * A pattern is "/api/tracks/{id}": literal parts, `{name}` for one part that is not empty, and a
 * last `{name...}` for all that is left (it may be empty). Parts are compared decoded, so "/%61pi"
 * is
 * "/api"; a part that decodes to something with '/' or NUL in it, and "." and "..", fit nothing but
 * a
 * `{name}`. The most specific pattern decides, a literal before `{name}` before `{name...}`, from
 * the left; only then the method: a path that exists without the method asked for is 405.
 *
 * Ownership  The table keeps the pattern strings it is given: string literals.
 * Threads    Reading: any number. */

#include "gateway/http.h"

typedef struct routes routes_t;

typedef struct route {
    http_method_t method;
    const char *pattern;
    http_handler_fn handler;
    void *context;          /* request->route_context */
    uint32_t body_size_max; /* 0: the server's limit */
} route_t;

[[nodiscard]] routes_t *routes_new(void); /* NULL: no memory */
void routes_free(routes_t *self);
#define ROUTES_SCOPED SCOPED(routes_scope_end)
void routes_scope_end(routes_t **self);

/* CONFLICT   the same method and pattern is there (names in braces do not count)
 * INVALID    the pattern does not start with '/', or its braces are wrong
 * LIMIT      more than HTTP_SEGMENTS_MAX parts or HTTP_PARAMS_MAX braces */
err_t routes_add(routes_t *self, const route_t *route);
err_t routes_add_all(routes_t *self, const route_t *rows, size_t count);

typedef struct route_match {
    const route_t *route; /* NULL: NOT_FOUND, or the method is not among `allowed` */
    const char *pattern;  /* of the path, whatever the method: for logs */
    uint32_t allowed;     /* a bit per http_method_t; 0: there is no such path */
    http_field_t params[HTTP_PARAMS_MAX];
    size_t param_count;
} route_match_t;

/* HEAD finds GET. Decoded parts lie in the arena. NO_MEMORY; INVALID: a broken escape. */
err_t routes_match(const routes_t *self, http_method_t method, str_t path, arena_t *arena,
                   route_match_t *out_match);

/* Each route in the order it was added: for checks against documents. NULL past the end. */
const route_t *routes_at(const routes_t *self, size_t index);
