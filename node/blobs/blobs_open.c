#include "node/blobs/blobs_parts.h"

#include "node/journal_open.h"
#include "runtime/base/memory.h"
#include "storage/blob/blob_sealed.h"
#include "storage/file.h"
#include "storage/s3/s3_store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

enum { KEYS_FILE_MAX = 4096 };

#define KEYS_SUBJECT STR("blobs")
#define KEYS_BEHIND STR("keys/blobs")

static err_t refuse(buf_t *problem, err_t err, const char *what)
{
    if (err != ERR_OK && problem->size == 0)
        buf_printf(problem, "%s: %s", what, err_text(err));
    return err;
}

/* ---- the keys ---- */

static err_t open_keys(const blobs_options_t *options, str_t sealed, blob_keys_t *out_keys)
{
    buf_t plain AEAD_BUF_SCOPED = BUF_INIT;
    TRY(vault_prepare(options->vault, KEYS_SUBJECT));
    TRY(vault_unseal(options->vault, KEYS_SUBJECT, KEYS_SUBJECT, sealed, &plain));
    if (plain.size != sizeof *out_keys)
        return ERR_CORRUPT;
    memcpy(out_keys, plain.data, sizeof *out_keys);
    return ERR_OK;
}

static err_t make_keys(const blobs_options_t *options, blob_store_t *behind, blob_keys_t *out_keys,
                       buf_t *sealed)
{
    const ms_random_t random = random_system();
    random_fill(&random, out_keys, sizeof *out_keys);
    TRY(vault_prepare(options->vault, KEYS_SUBJECT));
    TRY(vault_seal(options->vault, KEYS_SUBJECT, KEYS_SUBJECT, str_of(out_keys, sizeof *out_keys),
                   sealed));
    return blob_store_put(behind, KEYS_BEHIND, buf_str(sealed));
}

/* A copy of them, as sealed, is in the bucket: whoever restores the users' keys has these, too. */
static err_t find_keys(const blobs_options_t *options, blob_store_t *behind, blob_keys_t *out_keys)
{
    buf_t sealed BUF_SCOPED = BUF_INIT;
    err_t err = file_read(options->keys, KEYS_FILE_MAX, &sealed);
    if (err == ERR_OK)
        return open_keys(options, buf_str(&sealed), out_keys);
    if (err != ERR_NOT_FOUND)
        return err;
    err = blob_store_get(behind, KEYS_BEHIND, &sealed);
    if (err == ERR_OK)
        err = open_keys(options, buf_str(&sealed), out_keys);
    else if (err == ERR_NOT_FOUND)
        err = make_keys(options, behind, out_keys, &sealed);
    return err == ERR_OK ? file_replace(options->keys, buf_str(&sealed), true) : err;
}

static err_t seal(blobs_t *self, buf_t *problem)
{
    _Static_assert(sizeof(blob_keys_t) == BLOB_KEYS_SIZE, "written as it is");
    const ms_random_t random = random_system();
    struct stat info;
    blob_keys_t keys;
    bool has_keys = stat(self->options.keys, &info) == 0;
    if (!has_keys && !self->options.config->encrypt_blobs)
        return ERR_OK;
    err_t err = find_keys(&self->options, self->behind, &keys);
    if (err == ERR_OK) {
        blob_store_t *inner = self->behind;
        self->behind = NULL;
        err = blob_sealed_open(inner, &keys, &random, &self->behind);
    }
    OPENSSL_cleanse(&keys, sizeof keys);
    self->is_sealed = err == ERR_OK;
    return refuse(problem, err,
                  "the keys of the blobs (DATA/keys/blobs, and keys/blobs in the bucket) can't "
                  "be used");
}

/* ---- the store behind ---- */

static err_t open_behind(blobs_t *self, buf_t *problem)
{
    const config_t *config = self->options.config;
    s3_address_t address;
    s3_credentials_t credentials S3_CREDENTIALS_SCOPED = {0};
    TRY(s3_address_read(str_from(config->blobs), &address, problem));
    TRY(config->blobs_credentials[0] != '\0'
            ? s3_credentials_from_file(config->blobs_credentials, &credentials, problem)
            : s3_credentials_from_environment(self->options.environment, &credentials, problem));
    s3_store_options_t options = {
        .wire = {.address = &address, .credentials = &credentials, .log = self->options.log}};
    TRY(refuse(problem, s3_store_open(&options, &self->behind), "the store of blobs"));
    TRY(seal(self, problem));
    TRY(refuse(problem,
               segment_cache_open(self->options.cache, config->blobs_cache_mb << 20, &self->cache),
               "the cache of blobs can't be opened"));
    if (config->database[0] != '\0')
        TRY(pg_guard_open(journal_direct_address(config), 0, self->options.log, &self->guard));
    blob_upload_options_t upload = {.log = self->options.log, .fresh_for_ms = BLOB_GRACE_MS / 2};
    return blob_upload_new(&upload, &self->upload);
}

static err_t lock_bucket(void *guard, str_t hash)
{
    return pg_guard_lock(guard, hash);
}

static void unlock_bucket(void *guard, str_t hash)
{
    pg_guard_unlock(guard, hash);
}

static err_t open_folders(blobs_t *self)
{
    const struct {
        const char *path, *area;
        bool is_durable;
    } rows[BLOBS_FOLDERS] = {{self->options.artwork, "artwork", false},
                             {self->options.lyrics, "lyrics", true}};
    for (size_t i = 0; i < BLOBS_FOLDERS; i++) {
        blob_folder_options_t folder = {.path = rows[i].path,
                                        .area = rows[i].area,
                                        .is_durable = rows[i].is_durable,
                                        .behind = self->behind,
                                        .cache = self->cache};
        if (self->upload != NULL) {
            folder.wake = blob_upload_wake;
            folder.wake_context = self->upload;
        }
        if (self->guard != NULL)
            folder.guard = (blob_guard_t){lock_bucket, unlock_bucket, self->guard};
        TRY(blob_folder_open(&folder, &self->folders[i]));
    }
    return self->upload == NULL ? ERR_OK
                                : blob_upload_start(self->upload, self->folders, BLOBS_FOLDERS);
}

err_t blobs_open(const blobs_options_t *options, buf_t *problem, blobs_t **out_blobs)
{
    blobs_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    pthread_mutex_init(&self->lock, NULL);
    err_t err = ERR_OK;
    if (options->config->blobs[0] != '\0')
        err = open_behind(self, problem);
    if (err == ERR_OK)
        err = refuse(problem, open_folders(self), "the folders of artwork and lyrics");
    if (err != ERR_OK) {
        blobs_close(self);
        return err;
    }
    *out_blobs = self;
    return ERR_OK;
}

void blobs_close(blobs_t *self)
{
    if (self == NULL)
        return;
    blobs_stop(self);
    blob_upload_free(self->upload);
    for (size_t i = 0; i < BLOBS_FOLDERS; i++)
        blob_folder_close(self->folders[i]);
    segment_cache_close(self->cache);
    blob_store_close(self->behind);
    pg_guard_close(self->guard);
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

blob_folder_t *blobs_artwork(blobs_t *self)
{
    return self->folders[0];
}

blob_folder_t *blobs_lyrics(blobs_t *self)
{
    return self->folders[1];
}

bool blobs_are_far(const blobs_t *self)
{
    return self->behind != NULL;
}
