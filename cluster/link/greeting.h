#pragma once
/* greeting.h -- the first frames of a connection: who is there, and the proof that it knows the
 * cluster's key.
 *
 * The proof is HMAC-SHA-256 with the cluster's key over the frame before it, the sender's CURVE key
 * and the receiver's, both as CURVE has proved them: so it is worth nothing on another connection.
 *
 * Threads  None. */

#include "cluster/link/frame.h"

typedef struct greeting_keys {
    const cluster_keys_t *cluster;
    const uint8_t *sender, *receiver; /* LINK_KEY_SIZE each: CURVE, public */
} greeting_keys_t;

typedef struct hello {
    link_lane_t lane;
    uint64_t from, to, session, oldest;
    uint64_t number; /* of this greeting, for the answer */
} hello_t;

/* INTERNAL: no HMAC (of the crypto library). */
err_t hello_write(const hello_t *hello, const greeting_keys_t *keys, char out[FRAME_HELLO_SIZE]);
/* What it says, not proved yet. INVALID */
err_t hello_read(const frame_t *frame, hello_t *out);

typedef struct welcome {
    uint64_t number, seq;
} welcome_t;

err_t welcome_write(const welcome_t *welcome, const greeting_keys_t *keys,
                    char out[FRAME_WELCOME_SIZE]);
void welcome_read(const frame_t *frame, welcome_t *out);

/* Of a whole HELLO or WELCOME: one of the cluster's keys made it. */
bool greeting_is_proved(str_t bytes, const greeting_keys_t *keys);
