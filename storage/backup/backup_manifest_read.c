/* Alone in its file because jansson's json_t is not the writer's of runtime/base. */
#include "runtime/base/text.h"
#include "storage/backup/backup_manifest.h"

#include <jansson.h>

enum { NESTING_MAX = 3 };

#define LAST_LINE STR("\"sha256\":\"")

static void release(json_t **json)
{
    json_decref(*json);
}

/* The last line is the checksum of those before it. */
static err_t check_sum(str_t text)
{
    blob_hash_t hash;
    str_t lines = str_slice(text, 0, text.size == 0 ? 0 : text.size - 1);
    size_t at = str_find_last(lines, '\n') + 1;
    str_t last = str_slice(lines, at, lines.size);
    if (at > lines.size || !str_starts_with(last, LAST_LINE))
        return ERR_CORRUPT;
    TRY(blob_hash_of(str_slice(text, 0, at), &hash));
    str_t told = str_slice(last, LAST_LINE.size, LAST_LINE.size + BLOB_HASH_SIZE);
    return str_equal(told, str_from(hash.text)) ? ERR_OK : ERR_CORRUPT;
}

/* ---- members ---- */

static str_t text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? str_of(json_string_value(value), json_string_length(value))
                                 : (str_t){NULL, 0};
}

static bool take_u64(const json_t *object, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_decimal(const json_t *object, const char *name, uint64_t *out)
{
    return str_to_u64(text_of(object, name), out) == ERR_OK;
}

static bool take_hex(const json_t *object, const char *name, uint64_t *out)
{
    char bytes[8];
    uint64_t value;
    str_t text = text_of(object, name);
    buf_t room = {.data = bytes, .capacity = sizeof bytes, .size_max = sizeof bytes};
    if (text.size != 2 * sizeof bytes || hex_decode(&room, text) != ERR_OK)
        return false;
    memcpy(&value, bytes, sizeof value);
    *out = __builtin_bswap64(value);
    return true;
}

static bool take_word(const json_t *object, const char *name, char room[BACKUP_WORD_SIZE])
{
    str_t text = text_of(object, name);
    return text.data != NULL && memchr(text.data, '\0', text.size) == NULL &&
           str_to_array(text, room, BACKUP_WORD_SIZE);
}

static bool take_hash(const json_t *object, const char *name, blob_hash_t *out)
{
    char bytes[BLOB_HASH_SIZE / 2];
    buf_t room = {.data = bytes, .capacity = sizeof bytes, .size_max = sizeof bytes};
    str_t text = text_of(object, name);
    return text.size == BLOB_HASH_SIZE && hex_decode(&room, text) == ERR_OK &&
           str_to_array(text, out->text, sizeof out->text);
}

static err_t take_file(const json_t *object, backup_manifest_t *manifest)
{
    backup_file_t file = {0};
    if (!backup_file_parse(text_of(object, "name"), &file.kind, &file.number) ||
        !take_u64(object, "size", &file.size) || !take_hash(object, "sha256", &file.sha256))
        return ERR_CORRUPT;
    for (size_t i = manifest->file_count; i > 0; i--) {
        const backup_file_t *other = &manifest->files[i - 1];
        if (other->kind == file.kind && other->number >= file.number)
            return ERR_CORRUPT; /* they are in order, each once */
        if (other->kind == file.kind)
            break;
    }
    return backup_manifest_add(manifest, &file);
}

static err_t take_head(const json_t *root, backup_manifest_t *manifest)
{
    uint64_t made_at = 0;
    bool is_first = str_equal(text_of(root, "previous"), STR(""));
    bool is_whole =
        take_u64(root, "number", &manifest->number) && take_u64(root, "made_at_ms", &made_at) &&
        take_word(root, "program", manifest->program) &&
        take_word(root, "backend", manifest->backend) &&
        take_word(root, "instance", manifest->instance) &&
        take_word(root, "master_key", manifest->master) &&
        (is_first || take_hash(root, "previous", &manifest->previous)) &&
        take_decimal(root, "position", &manifest->position) &&
        take_hex(root, "last_record", &manifest->last) &&
        take_u64(root, "records", &manifest->digest.count) &&
        take_hex(root, "sum", &manifest->digest.sum) && take_u64(root, "users", &manifest->users) &&
        take_u64(root, "erased", &manifest->erased) && take_u64(root, "blobs", &manifest->blobs);
    manifest->made_at_ms = (int64_t)made_at;
    return is_whole ? ERR_OK : ERR_CORRUPT;
}

static err_t take_all(const json_t *root, backup_manifest_t *manifest)
{
    uint64_t format;
    const json_t *files = json_object_get(root, "files");
    if (!take_u64(root, "format", &format))
        return ERR_CORRUPT;
    if (format > BACKUP_FORMAT)
        return ERR_NEWER;
    TRY(take_head(root, manifest));
    if (!json_is_array(files))
        return ERR_CORRUPT;
    for (size_t i = 0; i < json_array_size(files); i++)
        TRY(take_file(json_array_get(files, i), manifest));
    return ERR_OK;
}

err_t backup_manifest_read(str_t text, backup_manifest_t *out_manifest)
{
    if (text.size > BACKUP_MANIFEST_SIZE_MAX)
        return ERR_LIMIT;
    TRY(check_sum(text));
    if (!text_json_nests_within(text, NESTING_MAX))
        return ERR_CORRUPT;
    json_t *root SCOPED(release) = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    backup_manifest_t manifest BACKUP_MANIFEST_SCOPED = {0};
    if (root == NULL)
        return ERR_CORRUPT;
    TRY(take_all(root, &manifest));
    *out_manifest = STEAL(manifest);
    return ERR_OK;
}
