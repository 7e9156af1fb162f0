#pragma once
/* vault.h -- one data key a subject (a user), wrapped by a master key: seals and opens bytes, and
 * destroys keys.
 *
 * A subject gets its key when something is first sealed for it. Erasing puts a tombstone in the
 * key's place, for good: nothing of the subject can be opened or sealed any more. The master key
 * can be replaced while the vault is used: every record is wrapped anew, one at a time; until the
 * last one is, both masters are known, and either opens the vault again after a kill.
 *
 * Nonces are unique by construction: their first half is drawn at random when the vault is opened,
 * the second counts what this vault has sealed (aead.h says why that needs no bound).
 *
 * Several processes may use one store (a table of a database): each says vault_follow every now and
 * then, which takes over what the others erased, and their new master key. A key that one of them
 * has in memory is erased there, too, when vault_settle returns.
 *
 * Bounds     KEY_CACHE_MAX keys in memory, VAULT_SUBJECTS_MAX in the store.
 * Threads    Any. seal and unseal touch the store only when the key is not in memory
 *            (vault_is_ready); everything else does.
 * Errors     INVALID: a subject that has other than letters, digits, '-' and '_', or is too long;
 *            those of the store, of OpenSSL, NO_MEMORY; and per function. */

#include "runtime/base/random.h"
#include "storage/crypt/vault_record.h"

enum { VAULT_FOLLOW_MS = 2000 /* between two vault_follow */, VAULT_SETTLE_MS = 30000 };

typedef struct vault vault_t;

typedef struct vault_options {
    vault_store_t *store; /* the vault's from here on, whatever comes of it */
    const aead_key_t *master;
    ms_random_t random; /* all zero: the kernel's */
    uint32_t keys_max;  /* in memory; 0: KEY_CACHE_MAX */
} vault_options_t;

/* FORBIDDEN: the store was made with another master key; *problem names both, nothing was changed.
 */
err_t vault_open(const vault_options_t *options, buf_t *problem, vault_t **out_vault);
void vault_close(vault_t *self); /* NULL is fine; wipes what it held */
void vault_scope_end(vault_t **self);
#define VAULT_SCOPED SCOPED(vault_scope_end)
/* Whether a store has been used by a vault: then its master key must not be made anew. */
err_t vault_store_is_used(vault_store_t *store, bool *out_is_used);

/* The key is in memory. */
bool vault_is_ready(vault_t *self, str_t subject);
/* It is now: it was, or was brought there from a store that is near, waiting for nobody. */
bool vault_is_at_hand(vault_t *self, str_t subject);
/* Brings it there; makes one for a new subject. FORBIDDEN: it is erased. */
err_t vault_prepare(vault_t *self, str_t subject);

/* Appends the sealed form: VAULT_SEALED_MORE bytes longer. `context` must be the same when it is
 * opened. FORBIDDEN: the subject is erased. */
err_t vault_seal(vault_t *self, str_t subject, str_t context, str_t plain, buf_t *out);
/* The same in place: of the VAULT_SEALED_MORE + `size` bytes of room, those from VAULT_SEALED_HEAD
 * on are the plain text. Unless it may fetch the key it looks in memory only: NOT_FOUND: it is not
 * there. After an error the plain text stands there still. */
err_t vault_seal_here(vault_t *self, str_t subject, str_t context, char *room, size_t size,
                      bool may_fetch);
/* Appends the plain text. STALE: the subject is erased; CONFLICT: sealed with a key that was
 * replaced; CORRUPT: altered, moved, or there never was such a key; NEWER. */
err_t vault_unseal(vault_t *self, str_t subject, str_t context, str_t sealed, buf_t *out);
/* NOT_FOUND: nothing was ever sealed for it. */
err_t vault_is_erased(vault_t *self, str_t subject, bool *out_is_erased);

/* Destroys the key. Doing it again, or of a subject without one, is fine. */
err_t vault_erase(vault_t *self, str_t subject);
/* Destroys the key and makes another. */
err_t vault_renew(vault_t *self, str_t subject);
/* After erasing: nothing of the keys that were destroyed is left in the store nor in the memory of
 * another process. TIMEOUT: one of these does not follow; BUSY: the store's medium keeps it still,
 * it says so in the log. */
err_t vault_settle(vault_t *self);
/* The node stops: a store that is silent keeps nobody longer than this. */
void vault_hurry(vault_t *self, uint64_t within_ms);
/* Every erased subject: for a move to another store. */
err_t vault_each_erased(vault_t *self, vault_visit_fn visit, void *context);

/* ---- values of our own ---- */

enum { VAULT_VALUE_SIZE = AEAD_KEY_SIZE /* bytes */ };
/* What there is (NULL: nothing) -> what shall be; false: as it is. May be called again, after
 * another node was quicker. */
typedef bool (*vault_decide_fn)(void *context, const uint8_t *now, uint8_t *next);
/* A small value beside the keys, wrapped as they are; a name begins with "_". UNAVAILABLE: it is
 * wrapped by a master key that is not known; BUSY: others are quicker all the time. */
err_t vault_value_change(vault_t *self, str_t name, vault_decide_fn decide, void *context);

/* ---- the master key ---- */

typedef struct vault_rotation {
    /* Called when no record needs the old key any more: to keep the new one where it is found at
     * the next start. An error leaves the rotation under way. May be NULL. */
    err_t (*keep)(void *context, const aead_key_t *master);
    void (*progress)(void *context, uint64_t wrapped); /* may be NULL */
    void *context;
} vault_rotation_t;

/* A rotation was begun and not ended. */
bool vault_is_rotating(const vault_t *self);
/* Makes `master` the master key; NULL: goes on with the one that was begun (nothing where none
 * was). CONFLICT: another one is under way. */
err_t vault_rotate(vault_t *self, const aead_key_t *master, const vault_rotation_t *rotation);
/* Others may write its store. */
bool vault_is_shared(const vault_t *self);
/* Every VAULT_FOLLOW_MS, of a vault whose store others write, too; nothing for another one. Learns
 * of a new master key, and keeps it. FORBIDDEN: there is one that this vault can't learn of, since
 * it was cut off all along: keys that are not in memory are UNAVAILABLE until it is opened with
 * that one. Another error (the database is away) changes nothing. */
err_t vault_follow(vault_t *self, const vault_rotation_t *rotation);
/* Another server took over the store, perhaps without its newest changes. Keys in use here that are
 * in the store no more are put there again: what they have sealed may be there, or be on its way.
 * Where the store has another one, that is the key. An error: to be called again. */
err_t vault_went_back(vault_t *self);
/* 16 hexadecimal digits that tell master keys apart. */
void vault_master_name(vault_t *self, buf_t *out);
