#pragma once
/* password.h -- passwords as argon2id hashes (RFC 9106), computed on the password lane.
 *
 * A job carries its input into the offload pool and its result back; it is copied on the way, and
 * each copy is wiped where it is no longer needed. password_job_run is what runs there. A stored
 * hash says its own cost, so the cost may change later.
 *
 * Threads  A job belongs to whoever runs it. */

#include "actors/protocol/account.h"
#include "runtime/base/random.h"

enum { PASSWORD_HASH_SIZE_MAX = 128, PASSWORD_SALT_SIZE = 16 };

typedef struct password_cost {
    uint32_t passes, memory_kib, lanes;
} password_cost_t;

#define PASSWORD_COST ((password_cost_t){2, 19 * 1024, 1}) /* OWASP's second choice; 28 ms here */

typedef struct password_text {
    char data[ACCOUNT_PASSWORD_SIZE_MAX];
    uint32_t size;
} password_text_t;

typedef struct password_job {
    password_cost_t cost;
    password_text_t given; /* compared with `stored`, when that is set */
    char stored[PASSWORD_HASH_SIZE_MAX];
    password_text_t chosen; /* hashed, when its size is not 0 and the given one is right */
    uint8_t salt[PASSWORD_SALT_SIZE];
    bool is_right;                     /* out: given is what was stored */
    char hash[PASSWORD_HASH_SIZE_MAX]; /* out: of chosen */
} password_job_t;

/* INVALID: shorter or longer than a password may be. */
err_t password_check(str_t password);
/* Compares. An empty `stored` takes as long, and is never right. */
err_t password_job_verify(password_job_t *self, password_cost_t cost, str_t given, str_t stored);
/* Hashes. INVALID: password_check. */
err_t password_job_hash(password_job_t *self, password_cost_t cost, const ms_random_t *random,
                        str_t chosen);
/* Does it: takes tens of milliseconds. NO_MEMORY, INTERNAL. The passwords are wiped. */
err_t password_job_run(void *job, size_t size);
void password_job_wipe(password_job_t *self);
#define PASSWORD_JOB_SCOPED SCOPED(password_job_wipe)
