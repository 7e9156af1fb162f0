#pragma once
/* gateways.h -- the nodes of a cluster that clients may use, by their public addresses: what a page
 * is told, so that it can go on at another one; and that a page which came from one of them is our
 * own page at each.
 *
 * An origin that was known once is remembered as long as this node runs, for the page of a node
 * that ended is still there and speaks to us: GATEWAYS_MAX of them, those that don't live give way
 * first.
 *
 * Ownership  Copies what it is given.
 * Threads    Any.
 * Errors     NO_MEMORY. */

#include "gateway/http.h"

enum { GATEWAYS_MAX = 64, GATEWAY_ORIGIN_SIZE = 280 };

typedef struct gateway_place {
    char origin[GATEWAY_ORIGIN_SIZE]; /* "https://a.music.example", terminated */
    bool is_here, is_live;
} gateway_place_t;

typedef struct gateways gateways_t;
/* Where they are known from. Called with a lock held, before each answer: it returns at once where
 * nothing changed since the version that it returned last (0 at first); else it calls
 * gateways_clear, then gateways_note for each. */
typedef struct gateways_source {
    void *context;
    uint64_t (*read)(void *context, uint64_t known, gateways_t *into);
} gateways_source_t;

err_t gateways_new(const gateways_source_t *source, gateways_t **out_gateways);
void gateways_free(gateways_t *self); /* NULL is fine */
void gateways_scope_end(gateways_t **self);
#define GATEWAYS_SCOPED SCOPED(gateways_scope_end)

/* For a source's read only. */
void gateways_clear(gateways_t *self); /* nobody lives any more */
void gateways_note(gateways_t *self, str_t origin, bool is_here, bool is_live);

/* All that are known, at most GATEWAYS_MAX. NULL: there are none. */
size_t gateways_list(gateways_t *self, gateway_place_t out[GATEWAYS_MAX]);
bool gateways_has(gateways_t *self, str_t origin); /* NULL: false */

/* "http://HOST[:PORT]" or with https, and nothing behind it. */
bool gateway_origin_is_valid(str_t origin);

/* To a page of another gateway: it may read what is answered to /graphql, /api/ and /readyz, and
 * send its cookies (Fetch, "CORS protocol and credentials"). Nothing for anybody else. */
void gateways_allow_page(gateways_t *self, http_request_t *request);
