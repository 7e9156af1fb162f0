#pragma once
/* subsonic.h -- reads what a listener made of their music on a Subsonic server, with its API: any
 * server (Navidrome, Gonic, Airsonic, Ampache, Supysonic, LMS and others).
 *
 * A server tells each listener only their own. Signing in: with a token (the password's MD5 with a
 * salt, new for each request); where the server knows no tokens, with the password itself, over
 * HTTPS or on this machine only; or with an API key of OpenSubsonic, likewise.
 *
 * Songs are gone through by search3 with an empty query; where a server finds nothing so, ignores
 * the offset or can't do it, album by album. Every song comes once.
 *
 * Strings handed over are good until the function returns.
 *
 * Threads  One at a time; it blocks.
 * Errors   as subsonic_wire.h; FORBIDDEN: it does not let this user in; UNSUPPORTED: no way to sign
 *          in that we know; LIMIT: more than SUBSONIC_PAGES_MAX pages. subsonic_problem says it in
 *          a sentence, without a secret. */

#include "storage/exchange/foreign.h"
#include "storage/exchange/subsonic_wire.h"

enum {
    SUBSONIC_PAGE = 500,        /* the most that servers give */
    SUBSONIC_PAGES_MAX = 20000, /* of songs or albums: 10,000,000 */
    SUBSONIC_SECRET_SIZE_MAX = 1024
};

typedef struct subsonic_options {
    subsonic_wire_options_t wire;
    str_t user, secret;     /* copied */
    bool is_key;            /* the secret is an API key */
    bool may_send_in_clear; /* a password or a key over plain HTTP to another machine */
} subsonic_options_t;

typedef struct subsonic subsonic_t;

/* Signs in. *problem gets the sentence. */
err_t subsonic_open(const subsonic_options_t *options, buf_t *problem, subsonic_t **out_subsonic);
void subsonic_close(subsonic_t *self);
void subsonic_scope_end(subsonic_t **self);
#define SUBSONIC_SCOPED SCOPED(subsonic_scope_end)

/* "navidrome 0.52.5", as the server calls itself; "" if it does not. */
const char *subsonic_server(const subsonic_t *self);
const char *subsonic_problem(subsonic_t *self);

/* Starred, rated or played. */
err_t subsonic_notes(subsonic_t *self, foreign_note_fn fn, void *context);
/* The user's own, not those of others that may be seen. */
err_t subsonic_playlists(subsonic_t *self, foreign_playlist_fn fn, void *context);
err_t subsonic_entries(subsonic_t *self, str_t playlist_id, foreign_track_fn fn, void *context);
/* Starred albums and artists: there is no such thing here. */
err_t subsonic_others(subsonic_t *self, uint64_t *out_albums, uint64_t *out_artists);
