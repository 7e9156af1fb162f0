#include "gateway/hls/far_blob.h"

static blob_folder_t *folder_of(const api_t *api, const char *area)
{
    return strcmp(area, "artwork") == 0 ? api->artwork : api->lyrics;
}

/* What came is what its name says, or nothing; a variant has no name of its own to be checked by.
 */
static err_t keep(blob_folder_t *folder, str_t hash, str_t variant, str_t content)
{
    blob_hash_t real;
    if (variant.size > 0)
        return blob_variant_put(folder, hash, variant, content);
    TRY(blob_hash_of(content, &real));
    return str_equal(str_from(real.text), hash) ? blob_put(folder, content, &real) : ERR_CORRUPT;
}

static err_t bring(const api_t *api, const char *area, str_t hash, str_t variant)
{
    root_node_t nodes[ROOT_NODES_MAX];
    buf_t target BUF_SCOPED = BUF_INIT, content BUF_SCOPED = BUF_INIT;
    if (api->pieces == NULL)
        return ERR_NOT_FOUND;
    size_t count = root_places_keepers(api->places, hash, nodes, COUNT_OF(nodes));
    buf_printf(&target, "/pieces/blob/%s/%.*s/%.*s", area, STR_ARG(hash),
               variant.size > 0 ? (int)variant.size : 1, variant.size > 0 ? variant.data : "-");
    TRY(buf_status(&target));
    TRY(piece_client_read(api->pieces, nodes, count, buf_str(&target), &content));
    return keep(folder_of(api, area), hash, variant, buf_str(&content));
}

err_t far_blob_open(const api_t *api, const char *area, str_t hash, str_t variant, int *out_fd,
                    uint64_t *out_size)
{
    err_t err = blob_open(folder_of(api, area), hash, variant, out_fd, out_size);
    if (err != ERR_NOT_FOUND)
        return err;
    TRY(bring(api, area, hash, variant));
    return blob_open(folder_of(api, area), hash, variant, out_fd, out_size);
}

err_t far_blob_get(const api_t *api, const char *area, str_t hash, buf_t *out)
{
    err_t err = blob_get(folder_of(api, area), hash, out);
    if (err != ERR_NOT_FOUND)
        return err;
    TRY(bring(api, area, hash, (str_t){NULL, 0}));
    return blob_get(folder_of(api, area), hash, out);
}
