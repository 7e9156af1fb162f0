#include "node/blobs/segments_open.h"

#include "storage/file.h"

#include <unistd.h>

enum { KEY_FILE_MAX = 4096 };

#define KEY_SUBJECT STR("segments")

static err_t read_key(const segments_options_t *options, aead_key_t *out_key)
{
    buf_t sealed BUF_SCOPED = BUF_INIT, plain AEAD_BUF_SCOPED = BUF_INIT;
    TRY(file_read(options->key, KEY_FILE_MAX, &sealed));
    TRY(vault_unseal(options->vault, KEY_SUBJECT, KEY_SUBJECT, buf_str(&sealed), &plain));
    if (plain.size != sizeof *out_key)
        return ERR_CORRUPT;
    memcpy(out_key, plain.data, sizeof *out_key);
    return ERR_OK;
}

static err_t make_key(const segments_options_t *options, aead_key_t *out_key)
{
    const ms_random_t random = random_system();
    buf_t sealed BUF_SCOPED = BUF_INIT;
    random_fill(&random, out_key, sizeof *out_key);
    TRY(vault_seal(options->vault, KEY_SUBJECT, KEY_SUBJECT, str_of(out_key, sizeof *out_key),
                   &sealed));
    return file_replace(options->key, buf_str(&sealed), true);
}

/* What was kept the other way is of no use now, and may be what should not lie there in clear. */
static err_t empty(const char *path)
{
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = NULL;
    return access(path, F_OK) == 0 ? segment_cache_open(path, 0, &cache) : ERR_OK;
}

static err_t open_sealed(const segments_options_t *options, segment_cache_t **out_cache)
{
    const ms_random_t random = random_system();
    segment_cache_t *cache SEGMENT_CACHE_SCOPED = NULL;
    blob_seal_t *seal = NULL;
    aead_key_t key AEAD_KEY_SCOPED;
    TRY(vault_prepare(options->vault, KEY_SUBJECT));
    if (read_key(options, &key) != ERR_OK)
        TRY(make_key(options, &key));
    TRY(segment_cache_open(options->sealed, options->config->cache_mb << 20, &cache));
    TRY(blob_seal_new(&key, &random, &seal));
    segment_cache_seal(cache, seal);
    *out_cache = STEAL(cache);
    return empty(options->plain);
}

err_t segments_open(const segments_options_t *options, segment_cache_t **out_cache)
{
    if (options->config->encrypt_segments)
        return open_sealed(options, out_cache);
    TRY(segment_cache_open(options->plain, options->config->cache_mb << 20, out_cache));
    return empty(options->sealed);
}
