#pragma once
/* crypt_help.h -- diaries (a person's own) and clubs (of several) in a journal that seals. */

#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/vault_files.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/temporary.h"

#define DEF_FILE "tests/storage/crypt/crypt.def"
#include "runtime/base/schema_declare.h"

extern const sealed_kind_t CRYPT_KINDS[];
enum { CRYPT_KIND_COUNT = 3 };

aead_key_t crypt_master(uint8_t byte);
/* A vault in FOLDER/keys. */
vault_t *crypt_vault(const temporary_t *folder, uint8_t master);
err_t crypt_try_vault(const temporary_t *folder, uint8_t master, buf_t *problem, vault_t **out);

/* LMDB in FOLDER/data, a vault, and the sealed journal around them. */
typedef struct crypt_rig {
    journal_lmdb_t *lmdb;
    vault_t *vault;
    journal_sealed_t *sealed;
    journal_t *plain; /* what a runtime would be given */
    journal_t *raw;
} crypt_rig_t;
void crypt_rig_open(crypt_rig_t *self, const temporary_t *folder);
void crypt_rig_close(crypt_rig_t *self);
#define CRYPT_RIG_SCOPED SCOPED(crypt_rig_close)

err_t crypt_append(journal_t *journal, const char *stream, uint64_t expected_version,
                   const schema_t *schema, const void *event, const char *result);
/* The text of every diary_written, of every result and of every nickname of a stream, in one
 * string. */
err_t crypt_read(journal_t *journal, const char *stream, buf_t *out);
/* How often `text` stands in any file below a folder. */
size_t crypt_grep(const char *folder, const char *text);
