#pragma once
/* subsonic_wire.h -- requests to one Subsonic server, over HTTP or HTTPS by libcurl.
 *
 * One at a time over a kept connection. A request that failed for a reason that may pass (no
 * connection, time-out, cut short, 408, 429, 500, 502, 503, 504) is tried again up to attempts_max
 * times, after a wait drawn from 0 to wait_min_ms * 2^attempt, SUBSONIC_WAIT_MAX_MS at most, or as
 * long as the server says (Retry-After, within SUBSONIC_RETRY_AFTER_MAX_S). Certificates are
 * verified. Redirects are not followed: what is sent is for one host.
 *
 * Threads  One at a time; it blocks.
 * Errors   INVALID: the address, or the server answered another status; UNAVAILABLE: it could not
 *          be reached, or did not answer; FORBIDDEN: its certificate, 401, 403; NOT_FOUND: 404;
 *          LIMIT: the answer is larger than SUBSONIC_ANSWER_SIZE_MAX; NO_MEMORY. A sentence is in
 *          *problem, without anything of what was sent. */

#include "runtime/base/buf.h"

enum {
    SUBSONIC_ANSWER_SIZE_MAX = 64 * 1024 * 1024,
    SUBSONIC_ATTEMPTS_MAX = 6,
    SUBSONIC_WAIT_MIN_MS = 250,
    SUBSONIC_WAIT_MAX_MS = 10000,
    SUBSONIC_RETRY_AFTER_MAX_S = 60,
    SUBSONIC_CONNECT_TIMEOUT_MS = 15000,
    SUBSONIC_SILENCE_MAX_S = 60,  /* without a byte: large libraries take some servers long */
    SUBSONIC_ATTEMPT_MAX_S = 600, /* however it trickles */
    SUBSONIC_URL_SIZE_MAX = 1024,
    SUBSONIC_WORDS_MAX = 200
};

typedef struct subsonic_wire_options {
    const char *url; /* http[s]://HOST[:PORT][/PATH], also with the /rest behind it */
    const char *ca;  /* a certificate of one's own; NULL: the machine's */
    /* 0: as above. */
    uint32_t attempts_max, wait_min_ms, silence_max_s;
} subsonic_wire_options_t;

typedef struct subsonic_wire subsonic_wire_t;

err_t subsonic_wire_new(const subsonic_wire_options_t *options, buf_t *problem,
                        subsonic_wire_t **out_wire);
void subsonic_wire_free(subsonic_wire_t *self);

/* The words are a stranger's: SUBSONIC_WORDS_MAX at most, on one line, and without what could move
 * a cursor. */
void subsonic_append_words(buf_t *out, str_t words);

/* What is sent may be read on its way by nobody: HTTPS, or this machine itself. */
bool subsonic_wire_is_private(const subsonic_wire_t *self);

/* parameters: NAME=VALUE&..., encoded; as the body of a POST where is_post. Appends the answer;
 * also that of a refusal (INVALID, FORBIDDEN, NOT_FOUND), where some servers say more. */
err_t subsonic_wire_ask(subsonic_wire_t *self, const char *endpoint, str_t parameters, bool is_post,
                        buf_t *out, buf_t *problem);
