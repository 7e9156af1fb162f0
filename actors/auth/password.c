#include "actors/auth/password.h"

#include <argon2.h>
#include <openssl/crypto.h>

enum { HASH_SIZE = 32 };

err_t password_check(str_t password)
{
    return password.size >= ACCOUNT_PASSWORD_SIZE_MIN && password.size <= ACCOUNT_PASSWORD_SIZE_MAX
               ? ERR_OK
               : ERR_INVALID;
}

static void text_set(password_text_t *self, str_t text)
{
    self->size = (uint32_t)MIN(text.size, sizeof self->data);
    if (self->size != 0)
        memcpy(self->data, text.data, self->size);
}

err_t password_job_verify(password_job_t *self, password_cost_t cost, str_t given, str_t stored)
{
    if (given.size > ACCOUNT_PASSWORD_SIZE_MAX || stored.size >= PASSWORD_HASH_SIZE_MAX)
        return ERR_INVALID;
    self->cost = cost;
    text_set(&self->given, given);
    str_to_array(stored, self->stored, sizeof self->stored);
    return ERR_OK;
}

err_t password_job_hash(password_job_t *self, password_cost_t cost, const ms_random_t *random,
                        str_t chosen)
{
    TRY(password_check(chosen));
    self->cost = cost;
    text_set(&self->chosen, chosen);
    random_fill(random, self->salt, sizeof self->salt);
    return ERR_OK;
}

static err_t err_from_argon2(int code)
{
    return code == ARGON2_OK                        ? ERR_OK
           : code == ARGON2_MEMORY_ALLOCATION_ERROR ? ERR_NO_MEMORY
                                                    : ERR_INTERNAL;
}

static err_t hash(const password_job_t *self, const password_text_t *text, char *out_hash)
{
    return err_from_argon2(argon2id_hash_encoded(
        self->cost.passes, self->cost.memory_kib, self->cost.lanes, text->data, text->size,
        self->salt, sizeof self->salt, HASH_SIZE, out_hash, PASSWORD_HASH_SIZE_MAX));
}

/* Compares, or takes as long as comparing. */
static err_t verify(password_job_t *self)
{
    char unused[PASSWORD_HASH_SIZE_MAX];
    if (self->stored[0] == '\0')
        return hash(self, &self->given, unused);
    int code = argon2id_verify(self->stored, self->given.data, self->given.size);
    self->is_right = code == ARGON2_OK;
    return code == ARGON2_VERIFY_MISMATCH ? ERR_OK : err_from_argon2(code);
}

err_t password_job_run(void *job, size_t size)
{
    password_job_t *self = job;
    (void)size;
    bool has_given = self->given.size != 0 || self->stored[0] != '\0';
    err_t err = has_given ? verify(self) : ERR_OK;
    if (err == ERR_OK && self->chosen.size != 0 && (!has_given || self->is_right))
        err = hash(self, &self->chosen, self->hash);
    OPENSSL_cleanse(&self->given, sizeof self->given);
    OPENSSL_cleanse(&self->chosen, sizeof self->chosen);
    return err;
}

void password_job_wipe(password_job_t *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}
