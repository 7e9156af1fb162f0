#include "storage/salvage/blob_look.h"

#include "storage/blob/blob_folder.h"
#include "storage/file.h"

#include <dirent.h>
#include <errno.h>

enum { LEVELS = 3 };

typedef struct checking {
    void (*damaged)(void *context, const char *path);
    void *context;
    uint64_t count;
} checking_t;

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static err_t check_file(checking_t *self, const char *path, str_t name)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    blob_hash_t hash;
    err_t err = file_read(path, BLOB_SIZE_MAX, &content);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err == ERR_NO_MEMORY || err == ERR_FORBIDDEN)
        return err;
    self->count++;
    if (err == ERR_OK)
        TRY(blob_hash_of(buf_str(&content), &hash));
    if (err != ERR_OK || !str_equal(str_from(hash.text), name))
        self->damaged(self->context, path);
    return ERR_OK;
}

static err_t check_level(checking_t *self, const char *path, int level)
{
    bool is_last = level + 1 == LEVELS;
    buf_t below BUF_SCOPED = BUF_INIT;
    DIR *dir SCOPED(dir_scope_end) = opendir(path);
    if (dir == NULL)
        return errno == ENOENT ? ERR_OK : err_from_errno(errno);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        str_t name = str_from(entry->d_name);
        if (name.data[0] == '.' || name.size != (is_last ? (size_t)BLOB_HASH_SIZE : 2))
            continue;
        buf_reset(&below);
        buf_printf(&below, "%s/%s", path, entry->d_name);
        TRY(buf_status(&below));
        TRY(is_last ? check_file(self, buf_terminated(&below), name)
                    : check_level(self, buf_terminated(&below), level + 1));
    }
    return ERR_OK;
}

err_t blob_look(const char *path, void (*damaged)(void *context, const char *path), void *context,
                uint64_t *out_count)
{
    checking_t self = {damaged, context, 0};
    TRY(check_level(&self, path, 0));
    *out_count = self.count;
    return ERR_OK;
}
