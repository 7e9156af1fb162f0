#pragma once
/* blob_sealed.h -- a blob store around another, which sees neither what blobs hold nor what they
 * are called.
 *
 * Content is sealed as blob_seal.h says, under the content key and with the blob's key as its name.
 *
 * A key "AREA/NAME" becomes "AREA/" and base64url of AES-256-SIV (RFC 5297) of NAME under the name
 * key, with AREA authenticated: the same name gives the same key, which a store needs, and says
 * nothing of it but its length. So nobody who does not have the key can tell by a name, which is
 * the hash of a content, whether that content is here.
 *
 * Threads  As the store inside.
 * Errors   Its own; CORRUPT: altered, moved, cut, or sealed with other keys; INVALID: a key without
 *          an area; LIMIT: a name of more than BLOB_SEALED_NAME_MAX bytes. */

#include "storage/blob/blob_seal.h"
#include "storage/blob/blob_store.h"

enum {
    BLOB_NAME_KEY_SIZE = 64,
    BLOB_KEYS_SIZE = AEAD_KEY_SIZE + BLOB_NAME_KEY_SIZE,
    BLOB_SEALED_NAME_MAX = 140
};

typedef struct blob_keys {
    aead_key_t content;
    uint8_t name[BLOB_NAME_KEY_SIZE];
} blob_keys_t;

/* The store inside is the outer one's from here on, whatever comes of it. keys are copied. */
err_t blob_sealed_open(blob_store_t *inner, const blob_keys_t *keys, const ms_random_t *random,
                       blob_store_t **out_store);
