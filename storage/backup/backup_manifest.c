#include "storage/backup/backup_manifest.h"

#include "runtime/base/json.h"
#include "runtime/base/memory.h"

#include <stdio.h>

static const struct {
    const char *folder, *suffix;
} kinds[BACKUP_KINDS] = {[BACKUP_JOURNAL] = {"journal", "records"},
                         [BACKUP_KEYS] = {"keys", "keys"},
                         [BACKUP_ERASED] = {"erased", "txt"},
                         [BACKUP_BLOBS] = {"blobs", "sha256"}};

void backup_manifest_deinit(backup_manifest_t *self)
{
    memory_free(self->files);
    *self = (backup_manifest_t){0};
}

/* ---- names ---- */

void backup_file_name(backup_kind_t kind, uint32_t number, char room[BACKUP_NAME_SIZE])
{
    snprintf(room, BACKUP_NAME_SIZE, "%s/%08u.%s", kinds[kind].folder, number, kinds[kind].suffix);
}

bool backup_file_parse(str_t name, backup_kind_t *out_kind, uint32_t *out_number)
{
    uint32_t number;
    str_t digits = str_slice(name, str_find(name, '/') + 1, str_find(name, '.'));
    if (str_to_u32(digits, &number) != ERR_OK || number == 0)
        return false;
    for (size_t kind = 0; kind < BACKUP_KINDS; kind++) {
        char wanted[BACKUP_NAME_SIZE];
        backup_file_name((backup_kind_t)kind, number, wanted);
        if (!str_equal(name, str_from(wanted)))
            continue;
        *out_kind = (backup_kind_t)kind;
        *out_number = number;
        return true;
    }
    return false;
}

/* ---- files ---- */

static bool is_before(const backup_file_t *a, const backup_file_t *b)
{
    return a->kind != b->kind ? a->kind < b->kind : a->number < b->number;
}

err_t backup_manifest_add(backup_manifest_t *self, const backup_file_t *file)
{
    size_t at = self->file_count;
    if (at == BACKUP_FILES_MAX)
        return ERR_LIMIT;
    if (at == self->file_capacity) {
        size_t capacity = at == 0 ? 16 : 2 * at;
        backup_file_t *files = memory_resize(self->files, capacity, sizeof *files);
        if (files == NULL)
            return ERR_NO_MEMORY;
        self->files = files;
        self->file_capacity = capacity;
    }
    while (at > 0 && is_before(file, &self->files[at - 1]))
        at--;
    memmove(self->files + at + 1, self->files + at, (self->file_count - at) * sizeof *file);
    self->files[at] = *file;
    self->file_count++;
    return ERR_OK;
}

const backup_file_t *backup_manifest_newest(const backup_manifest_t *self, backup_kind_t kind)
{
    const backup_file_t *newest = NULL;
    for (size_t i = 0; i < self->file_count; i++)
        if (self->files[i].kind == kind)
            newest = &self->files[i];
    return newest;
}

bool backup_manifest_has(const backup_manifest_t *self, backup_kind_t kind, uint32_t number)
{
    const backup_file_t wanted = {.kind = kind, .number = number};
    size_t begin = 0, end = self->file_count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (is_before(&self->files[middle], &wanted))
            begin = middle + 1;
        else
            end = middle;
    }
    return begin < self->file_count && !is_before(&wanted, &self->files[begin]);
}

void backup_manifest_keep_newest(backup_manifest_t *self, backup_kind_t kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->file_count; i++) {
        bool is_older = self->files[i].kind == kind && i + 1 < self->file_count &&
                        self->files[i + 1].kind == kind;
        if (!is_older)
            self->files[kept++] = self->files[i];
    }
    self->file_count = kept;
}

/* ---- writing ---- */

static void key_hex(json_t *json, const char *key, uint64_t value)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    json_key_str(json, key, str_from(text));
}

/* Positions have more than 53 bits: as text. */
static void key_decimal(json_t *json, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    json_key_str(json, key, str_from(text));
}

static void write_file(const backup_file_t *file, buf_t *out)
{
    char name[BACKUP_NAME_SIZE];
    json_t json = json_to(out);
    backup_file_name(file->kind, file->number, name);
    json_object_begin(&json);
    json_key_str(&json, "name", str_from(name));
    json_key_u64(&json, "size", file->size);
    json_key_str(&json, "sha256", str_from(file->sha256.text));
    json_object_end(&json);
}

static void write_head(const backup_manifest_t *self, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_u64(&json, "format", BACKUP_FORMAT);
    json_key_u64(&json, "number", self->number);
    json_key_i64(&json, "made_at_ms", self->made_at_ms);
    json_key_str(&json, "program", str_from(self->program));
    json_key_str(&json, "backend", str_from(self->backend));
    json_key_str(&json, "instance", str_from(self->instance));
    json_key_str(&json, "master_key", str_from(self->master));
    json_key_str(&json, "previous", str_from(self->previous.text));
    key_decimal(&json, "position", self->position);
    key_hex(&json, "last_record", self->last);
    json_key_u64(&json, "records", self->digest.count);
    key_hex(&json, "sum", self->digest.sum);
    json_key_u64(&json, "users", self->users);
    json_key_u64(&json, "erased", self->erased);
    json_key_u64(&json, "blobs", self->blobs);
}

/* One file a line, and the checksum on a line of its own: `head -n -1 | sha256sum` is that. */
void backup_manifest_write(const backup_manifest_t *self, buf_t *out)
{
    blob_hash_t hash = {0};
    size_t begin = out->size;
    write_head(self, out);
    buf_append(out, STR(",\"files\":["));
    for (size_t i = 0; i < self->file_count; i++) {
        buf_append(out, i == 0 ? STR("\n") : STR(",\n"));
        write_file(&self->files[i], out);
    }
    buf_append(out, STR("],\n"));
    if (buf_status(out) == ERR_OK &&
        blob_hash_of(str_slice(buf_str(out), begin, out->size), &hash) != ERR_OK)
        out->failed = ERR_INTERNAL;
    buf_printf(out, "\"sha256\":\"%s\"}\n", hash.text);
}
