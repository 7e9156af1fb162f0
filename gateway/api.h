#pragma once
/* api.h -- what the handlers above the protocol layer share, and who is asking.
 *
 * api_t is one node's and constant while it serves; home_t is one scheduler's (request->user). A
 * caller is who a request's access token names: from the Authorization header, or from our cookie,
 * which counts for changes only when the Origin is our own (ARCHITECTURE §7).
 *
 * Ownership  node/main.c owns both. A caller is a value.
 * Threads    home_t belongs to its scheduler. */

#include "gateway/gateways.h"
#include "gateway/graphql/engine.h"
#include "gateway/http.h"
#include "gateway/static_files.h"
#include "storage/blob/blob_folder.h"
#include "storage/blob/segment_cache.h"
#include "storage/catalog/catalog.h"
#include "storage/keys/keyring.h"
#include "storage/keys/token.h"
#include "storage/projection.h"
#include "storage/roots/piece_client.h"
#include "storage/search/asking/search_asker.h"
#include "storage/search/feed/search_feed.h"
#include "storage/search/names/name_index.h"

#include <uv.h>

enum { ASK_TIMEOUT_MS = 10000, COOKIE_NAME_SIZE = 64 };

typedef struct api {
    const graphql_engine_t *graphql;
    catalog_t *catalog;
    projection_t *projection;       /* of the catalog */
    search_feed_t *search;          /* UNAVAILABLE while a first one is built */
    search_asker_t *asker;          /* by which it is asked */
    name_index_t *names;            /* people and playlists */
    projection_t *names_projection; /* of them: own_writes.h */
    keyring_t *keyring;
    blob_folder_t *artwork;
    blob_folder_t *lyrics;
    segment_cache_t *segments;
    /* Of a cluster, else NULL: where folders can be read, and how other nodes are asked, and ask.
     */
    root_places_t *places; /* also of a node that is alone */
    piece_client_t *pieces;
    const piece_keys_t *piece_keys;
    static_files_t *player; /* NULL: it was not built */
    runtime_t *runtime;
    ms_clock_t clock;
    const char *version;
    bool allow_plain_http;
    const str_t *public_origins; /* "https://music.example": a proxy with TLS stands before us */
    size_t public_origin_count;
    gateways_t *gateways;      /* of a cluster, else NULL */
    const char *cookie_domain; /* "music.example": all hosts under it share our cookies; NULL or
                                  empty: none does */
    const bool *is_ready; /* false: /readyz fails; written by the thread that starts and stops */
    /* Can the node do all that it should? False: *out_why gets a few words. NULL: yes. Called on
     * any scheduler, with metrics_context. */
    bool (*is_able)(void *context, buf_t *out_why);
    /* Appends the node's own figures for /metrics. */
    void (*append_metrics)(void *context, buf_t *out);
    void *metrics_context;
} api_t;

enum { HOME_ASK_AGAIN_FIRST_MS = 100, HOME_ASK_AGAIN_MAX_MS = 5000 };

typedef struct home {
    const api_t *api;
    edge_t *edge;
    token_verifier_t *verifier;
    edge_subscription_t *ended; /* sessions that end anywhere */
    uint64_t ended_ticket;      /* asks which ones ended lately; 0: it is not asked now */
    uint64_t ended_until_ms;    /* monotonic: no token from before lives longer than this */
    uint32_t ended_tries;       /* of asking, without an answer */
    bool is_ended_missed;       /* some were missed: those that ended lately are told again */
    uv_timer_t ended_timer;     /* until it is asked again */
    void (*closed)(void *context);
    void *closed_context;
} home_t;

/* Told on this node of each session that has ended, also of those whose end was missed before: for
 * sockets. */
#define TOPIC_SESSIONS_ENDED_HERE STR("sessions.ended")

/* Subscribes to ended sessions, and asks which ones ended lately until that is answered: at most
 * for as long as a token lives. On the edge's scheduler. An error leaves nothing to be closed.
 * NO_MEMORY, INTERNAL. */
err_t home_init(home_t *self, const api_t *api, edge_t *edge);
/* The same scheduler; nobody asks it anything any more. closed(context) is called there when its
 * memory is not used any more: at once for one that was never open. */
void home_close(home_t *self, void (*closed)(void *context), void *context);

static inline home_t *home_of(const http_request_t *request)
{
    return request->user;
}

typedef struct caller {
    token_claims_t claims;
    bool is_cookie;
} caller_t;

/* UNAUTHENTICATED: no token, or not a good one. FORBIDDEN: a cookie, a changing method, and an
 * Origin that is not ours. */
err_t caller_of(http_request_t *request, caller_t *out_caller);
str_t caller_user_id(const caller_t *self);

/* May this request sign in and carry our cookies? On TLS (a public origin's included) and loopback,
 * or where the operator allowed plain HTTP. */
bool sign_in_is_safe(const http_request_t *request);
typedef enum session_cookie { COOKIE_ACCESS, COOKIE_REFRESH } session_cookie_t;
/* "__Host-ms-access-INSTANCE"; "__Secure-" where hosts share it; without a prefix where plain HTTP
 * was allowed. */
const char *session_cookie_name(const http_request_t *request, session_cookie_t which,
                                char room[COOKIE_NAME_SIZE]);
/* Empty: the cookie is the host's alone. */
str_t session_cookie_domain(const http_request_t *request);
bool session_cookie_is_secure(const http_request_t *request);
