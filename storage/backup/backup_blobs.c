#include "storage/backup/backup_blobs.h"

#include "storage/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { LEVELS = 3, LIST_LINE_MIN = BLOB_HASH_SIZE + 2 };

static const char *const folders[] = {"artwork", "lyrics"};

void backup_blobs_deinit(backup_blobs_t *self)
{
    buf_deinit(&self->list);
}

static bool is_hex(str_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
              (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    return true;
}

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* ---- taking ---- */

typedef struct taking {
    const backup_folder_t *folder;
    const char *data;
    backup_blobs_t *blobs;
} taking_t;

static bool has_size_of(const char *path, const char *other)
{
    struct stat here, there;
    return stat(path, &here) == 0 && stat(other, &there) == 0 && here.st_size == there.st_size;
}

static err_t copy(const taking_t *taking, const char *from, const char *to, str_t hash)
{
    buf_t content BUF_SCOPED = BUF_INIT, parent BUF_SCOPED = BUF_INIT;
    blob_hash_t real;
    err_t err = file_read(from, BLOB_SIZE_MAX, &content);
    if (err == ERR_OK)
        err = blob_hash_of(buf_str(&content), &real);
    if (err != ERR_OK)
        return backup_say(taking->folder->problem, err, "%s can't be read: %s", from,
                          err_text(err));
    if (!str_equal(str_from(real.text), hash)) {
        taking->blobs->damaged++;
        return ERR_CORRUPT;
    }
    buf_append(&parent, str_slice(str_from(to), 0, str_find_last(str_from(to), '/')));
    err = file_make_folders(buf_terminated(&parent));
    if (err == ERR_OK)
        err = file_replace(to, buf_str(&content), true);
    if (err != ERR_OK)
        return backup_say(taking->folder->problem, err, "%s can't be written: %s", to,
                          err_text(err));
    taking->blobs->copied++;
    return ERR_OK;
}

/* name: "artwork/ab/cd/HASH". */
static err_t take_blob(const taking_t *taking, const char *name, str_t hash)
{
    buf_t from BUF_SCOPED = BUF_INIT, to BUF_SCOPED = BUF_INIT;
    buf_printf(&from, "%s/%s", taking->data, name);
    const char *source = buf_terminated(&from);
    const char *target = backup_folder_name(taking->folder, name, &to);
    if (!has_size_of(source, target)) {
        err_t err = copy(taking, source, target, hash);
        if (err == ERR_CORRUPT)
            return ERR_OK; /* counted */
        TRY(err);
    }
    buf_printf(&taking->blobs->list, "%.*s  %s\n", STR_ARG(hash), name);
    taking->blobs->count++;
    return buf_status(&taking->blobs->list);
}

/* A name of two digits on the upper levels, a whole hash on the last. */
static err_t take_level(const taking_t *taking, const char *name, int level)
{
    buf_t path BUF_SCOPED = BUF_INIT, below BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/%s", taking->data, name);
    DIR *dir SCOPED(dir_scope_end) = opendir(buf_terminated(&path));
    if (dir == NULL)
        return errno == ENOENT ? ERR_OK : err_from_errno(errno);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        str_t here = str_from(entry->d_name);
        bool is_last = level + 1 == LEVELS;
        if (!is_hex(here) || here.size != (is_last ? (size_t)BLOB_HASH_SIZE : 2))
            continue;
        buf_reset(&below);
        buf_printf(&below, "%s/%s", name, entry->d_name);
        TRY(is_last ? take_blob(taking, buf_terminated(&below), here)
                    : take_level(taking, buf_terminated(&below), level + 1));
    }
    return ERR_OK;
}

err_t backup_blobs_take(const backup_folder_t *folder, const char *data, backup_blobs_t *out_blobs)
{
    taking_t taking = {folder, data, out_blobs};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        err_t err = take_level(&taking, folders[i], 0);
        if (err != ERR_OK)
            return backup_say(folder->problem, err, "%s/%s can't be copied: %s", data, folders[i],
                              err_text(err));
    }
    return ERR_OK;
}

/* ---- reading ---- */

/* "HASH  artwork/ab/cd/HASH", and nothing else. */
static bool parse_line(str_t line, str_t *out_hash, str_t *out_name)
{
    str_t hash = str_slice(line, 0, BLOB_HASH_SIZE);
    str_t name = str_slice(line, LIST_LINE_MIN, line.size);
    char wanted[128];
    if (line.size <= LIST_LINE_MIN || !is_hex(hash) ||
        !str_equal(str_slice(line, BLOB_HASH_SIZE, LIST_LINE_MIN), STR("  ")))
        return false;
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        snprintf(wanted, sizeof wanted, "%s/%.2s/%.2s/%.*s", folders[i], hash.data, hash.data + 2,
                 STR_ARG(hash));
        if (!str_equal(name, str_from(wanted)))
            continue;
        *out_hash = hash;
        *out_name = name;
        return true;
    }
    return false;
}

static err_t read_blob(const backup_folder_t *folder, str_t hash, str_t name, buf_t *content,
                       buf_t *why)
{
    buf_t relative BUF_SCOPED = BUF_INIT, path BUF_SCOPED = BUF_INIT;
    blob_hash_t real;
    buf_append(&relative, name);
    const char *file = backup_folder_name(folder, buf_terminated(&relative), &path);
    buf_reset(content);
    err_t err = file_read(file, BLOB_SIZE_MAX, content);
    if (err == ERR_OK)
        err = blob_hash_of(buf_str(content), &real);
    if (err == ERR_OK && !str_equal(str_from(real.text), hash))
        err = ERR_CORRUPT;
    if (err == ERR_CORRUPT)
        buf_printf(why, "%s is damaged: its SHA-256 is not its name", file);
    else if (err != ERR_OK)
        buf_printf(why, "%s can't be read: %s", file, err_text(err));
    return err;
}

err_t backup_blobs_each(const backup_folder_t *folder, str_t list, backup_blob_fn visit,
                        void (*damaged)(void *context, const char *sentence), void *context)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    str_t rest = list, line;
    while (rest.data != NULL && str_next(&rest, '\n', &line)) {
        buf_t why BUF_SCOPED = BUF_INIT;
        str_t hash, name;
        if (line.size == 0 && rest.data == NULL)
            break;
        if (!parse_line(line, &hash, &name))
            return backup_say(folder->problem, ERR_CORRUPT,
                              "the list of blobs in %s is damaged: %.*s", folder->path,
                              STR_ARG(line));
        err_t err = read_blob(folder, hash, name, &content, &why);
        if (err == ERR_OK)
            err = visit(context, name, buf_str(&content));
        else if (damaged != NULL) {
            damaged(context, buf_terminated(&why));
            err = ERR_OK;
        } else
            return backup_say(folder->problem, err, "%s", buf_terminated(&why));
        TRY(err);
    }
    return ERR_OK;
}
