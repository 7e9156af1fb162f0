#include "storage/backup/backup_blobs.h"

#include "storage/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { LEVELS = 3, GAP = 2, VARIANT_SIZE_MAX = 16, PLACE_SIZE_MAX = 128 };

static const char *const folders[] = {"artwork", "lyrics"};

void backup_blobs_deinit(backup_blobs_t *self)
{
    buf_deinit(&self->list);
}

/* ---- names ---- */

static bool is_hex(str_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
              (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    return true;
}

static size_t digits(str_t text)
{
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

/* ".300.webp"; what is being written just now has another ending. */
static bool is_variant(str_t ending)
{
    size_t count = digits(str_slice(ending, 1, ending.size));
    str_t type = str_slice(ending, count + 2, ending.size);
    bool is_known = str_equal(type, STR("webp")) || str_equal(type, STR("jpg"));
    return ending.size <= VARIANT_SIZE_MAX && count > 0 && is_known && ending.data[0] == '.' &&
           ending.data[count + 1] == '.';
}

static bool is_file_name(str_t name)
{
    str_t ending = str_slice(name, BLOB_HASH_SIZE, name.size);
    return name.size >= BLOB_HASH_SIZE && is_hex(str_slice(name, 0, BLOB_HASH_SIZE)) &&
           (ending.size == 0 || is_variant(ending));
}

/* "ab/cd/HASH" or "ab/cd/HASH.300.webp". */
static bool is_place(str_t place)
{
    str_t name = str_slice(place, 6, place.size);
    return place.size > 6 && is_file_name(name) && place.data[2] == '/' && place.data[5] == '/' &&
           memcmp(place.data, name.data, 2) == 0 && memcmp(place.data + 3, name.data + 2, 2) == 0;
}

bool backup_blobs_parse(str_t line, str_t *out_sha256, str_t *out_name)
{
    str_t hash = str_slice(line, 0, BLOB_HASH_SIZE);
    str_t name = str_slice(line, BLOB_HASH_SIZE + GAP, line.size);
    size_t slash = str_find(name, '/');
    str_t folder = str_slice(name, 0, slash), place = str_slice(name, slash + 1, name.size);
    bool is_ours = str_equal(folder, STR("artwork")) || str_equal(folder, STR("lyrics"));
    if (hash.size != BLOB_HASH_SIZE || !is_hex(hash) || !is_ours || !is_place(place) ||
        !str_equal(str_slice(line, BLOB_HASH_SIZE, BLOB_HASH_SIZE + GAP), STR("  ")))
        return false;
    *out_sha256 = hash;
    *out_name = name;
    return true;
}

/* ---- the list of before, read along: both are in order ---- */

typedef struct before {
    str_t rest, sha256, name; /* the line it stands at; name.size 0: the end */
} before_t;

static void next_line(before_t *self)
{
    str_t line;
    self->name = (str_t){NULL, 0};
    if (self->rest.data != NULL && str_next(&self->rest, '\n', &line) &&
        !backup_blobs_parse(line, &self->sha256, &self->name))
        self->name = (str_t){NULL, 0};
}

static bool find_before(before_t *self, str_t name, str_t *out_sha256)
{
    while (self->name.size > 0 && str_compare(self->name, name) < 0)
        next_line(self);
    *out_sha256 = self->sha256;
    return self->name.size > 0 && str_equal(self->name, name);
}

/* ---- taking ---- */

typedef struct taking {
    const backup_folder_t *folder;
    const char *data;
    backup_blobs_t *blobs;
    before_t before;
} taking_t;

static bool has_size_of(const char *path, const char *other)
{
    struct stat here, there;
    return stat(path, &here) == 0 && stat(other, &there) == 0 && here.st_size == there.st_size;
}

static err_t write_copy(const taking_t *taking, const char *to, str_t content)
{
    char parent[BACKUP_PATH_SIZE];
    str_to_array(str_slice(str_from(to), 0, str_find_last(str_from(to), '/')), parent,
                 sizeof parent);
    err_t err = file_make_folders(parent);
    if (err == ERR_OK)
        err = file_replace(to, content, true);
    taking->blobs->copied++;
    return err == ERR_OK ? err
                         : backup_say(taking->folder->problem, err, "%s can't be written: %s", to,
                                      err_text(err));
}

/* NOT_FOUND: it is gone. CORRUPT: it is not what its name says; counted. */
static err_t copy(const taking_t *taking, const char *from, const char *to, str_t file_name,
                  blob_hash_t *out_hash)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    err_t err = file_read(from, BLOB_SIZE_MAX, &content);
    if (err == ERR_OK)
        err = blob_hash_of(buf_str(&content), out_hash);
    if (err == ERR_NOT_FOUND)
        return err;
    if (err != ERR_OK)
        return backup_say(taking->folder->problem, err, "%s can't be read: %s", from,
                          err_text(err));
    if (file_name.size == BLOB_HASH_SIZE && !str_equal(str_from(out_hash->text), file_name)) {
        taking->blobs->damaged++;
        return ERR_CORRUPT;
    }
    return write_copy(taking, to, buf_str(&content));
}

/* name: "artwork/ab/cd/HASH". */
static err_t take_file(taking_t *taking, const char *name, str_t file_name)
{
    blob_hash_t hash = {0};
    str_t sha256;
    const backup_path_t source = backup_path(taking->data, name);
    const backup_path_t target = backup_path(taking->folder->path, name);
    bool is_known = find_before(&taking->before, str_from(name), &sha256);
    if (!is_known || !has_size_of(source.text, target.text)) {
        err_t err = copy(taking, source.text, target.text, file_name, &hash);
        if (err == ERR_CORRUPT || err == ERR_NOT_FOUND)
            return ERR_OK;
        TRY(err);
        sha256 = str_from(hash.text);
    }
    buf_printf(&taking->blobs->list, "%.*s  %s\n", STR_ARG(sha256), name);
    taking->blobs->count++;
    return buf_status(&taking->blobs->list);
}

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const str_t *)a, *(const str_t *)b);
}

/* The names of a level, sorted: two digits on the upper ones. */
static err_t list_level(const taking_t *taking, const char *name, bool is_last, arena_t *arena,
                        buf_t *out_names)
{
    DIR *dir SCOPED(dir_scope_end) = opendir(backup_path(taking->data, name).text);
    if (dir == NULL)
        return errno == ENOENT ? ERR_OK : err_from_errno(errno);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        str_t here = str_from(entry->d_name);
        if (is_last ? !is_file_name(here) : here.size != 2 || !is_hex(here))
            continue;
        str_t kept = arena_str(arena, here);
        if (kept.data == NULL)
            return ERR_NO_MEMORY;
        buf_append_bytes(out_names, &kept, sizeof kept);
    }
    if (out_names->size > 0)
        qsort(out_names->data, out_names->size / sizeof(str_t), sizeof(str_t), by_name);
    return buf_status(out_names);
}

static err_t take_level(taking_t *taking, const char *name, int level)
{
    bool is_last = level + 1 == LEVELS;
    arena_t arena ARENA_SCOPED = {0};
    buf_t names BUF_SCOPED = BUF_INIT;
    TRY(list_level(taking, name, is_last, &arena, &names));
    for (size_t at = 0; at < names.size; at += sizeof(str_t)) {
        str_t here;
        char below[PLACE_SIZE_MAX];
        memcpy(&here, names.data + at, sizeof here);
        snprintf(below, sizeof below, "%s/%.*s", name, STR_ARG(here));
        TRY(is_last ? take_file(taking, below, here) : take_level(taking, below, level + 1));
    }
    return ERR_OK;
}

err_t backup_blobs_take(const backup_folder_t *folder, const char *data, str_t before,
                        backup_blobs_t *out_blobs)
{
    taking_t taking = {folder, data, out_blobs, {.rest = before}};
    next_line(&taking.before);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        err_t err = take_level(&taking, folders[i], 0);
        if (err != ERR_OK)
            return backup_say(folder->problem, err, "%s/%s can't be copied: %s", data, folders[i],
                              err_text(err));
    }
    return ERR_OK;
}

/* ---- reading ---- */

static err_t read_file(const backup_folder_t *folder, str_t sha256, str_t name, buf_t *content,
                       buf_t *why)
{
    blob_hash_t real;
    char relative[PLACE_SIZE_MAX];
    str_to_array(name, relative, sizeof relative);
    const backup_path_t file = backup_path(folder->path, relative);
    buf_reset(content);
    err_t err = file_read(file.text, BLOB_SIZE_MAX, content);
    if (err == ERR_OK)
        err = blob_hash_of(buf_str(content), &real);
    if (err == ERR_OK && !str_equal(str_from(real.text), sha256))
        err = ERR_CORRUPT;
    if (err == ERR_CORRUPT)
        buf_printf(why,
                   "%s is damaged: its SHA-256 is not the one of the list. Remove it: the "
                   "next backup copies it again",
                   file.text);
    else if (err != ERR_OK)
        buf_printf(why, "%s can't be read: %s", file.text, err_text(err));
    return err;
}

err_t backup_blobs_each(const backup_folder_t *folder, str_t list, backup_blob_fn visit,
                        void (*damaged)(void *context, const char *sentence), void *context)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    str_t rest = list, line;
    while (rest.data != NULL && str_next(&rest, '\n', &line)) {
        buf_t why BUF_SCOPED = BUF_INIT;
        str_t sha256, name;
        if (line.size == 0 && rest.data == NULL)
            break;
        if (!backup_blobs_parse(line, &sha256, &name))
            return backup_say(folder->problem, ERR_CORRUPT,
                              "the list of blobs in %s is damaged: %.*s", folder->path,
                              STR_ARG(line));
        err_t err = read_file(folder, sha256, name, &content, &why);
        if (err == ERR_NO_MEMORY)
            return err;
        if (err != ERR_OK)
            damaged(context, buf_terminated(&why));
        else
            TRY(visit(context, name, buf_str(&content)));
    }
    return ERR_OK;
}
