#include "storage/backup/backup_folder.h"

#include "storage/backup/backup_segment.h"
#include "storage/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 1 << 30 }; /* keys of VAULT_SUBJECTS_MAX users, names of as many blobs */

static const char manifest_name[] = "manifest.json";
/* Those of the kinds first, in their order. */
static const char *const folders[] = {"journal", "keys", "erased", "blobs", "artwork", "lyrics"};

err_t backup_say(buf_t *problem, err_t err, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (problem->size > 0)
        return err;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_append(problem, str_from(text));
    return err;
}

backup_path_t backup_path(const char *folder, const char *name)
{
    backup_path_t path = {""};
    snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    return path;
}

err_t backup_check_folder(const char *folder, buf_t *problem)
{
    return strlen(folder) <= BACKUP_FOLDER_SIZE_MAX
               ? ERR_OK
               : backup_say(problem, ERR_LIMIT, "the name of the folder is too long");
}

/* ---- opening ---- */

static err_t load_manifest(backup_folder_t *self)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    TRY(file_read(backup_path(self->path, manifest_name).text, BACKUP_MANIFEST_SIZE_MAX, &text));
    err_t err = backup_manifest_read(buf_str(&text), &self->manifest);
    if (err == ERR_NEWER)
        return backup_say(self->problem, err,
                          "the backup %s was made by a newer version: use that version",
                          self->path);
    if (err != ERR_OK)
        return backup_say(self->problem, err,
                          "%s/%s is damaged (%s): it is not what was written. Use another copy of "
                          "this backup, or begin a new one in another folder",
                          self->path, manifest_name, err_text(err));
    return blob_hash_of(buf_str(&text), &self->manifest_hash);
}

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        if (strcmp(name, folders[i]) == 0)
            return true;
    return strcmp(name, "lock") == 0 || strncmp(name, manifest_name, sizeof manifest_name - 1) == 0;
}

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* A folder without a manifest is empty, but for what a first run left that was cut short. */
static err_t check_empty(const backup_folder_t *self)
{
    DIR *dir SCOPED(dir_scope_end) = opendir(self->path);
    if (dir == NULL)
        return err_from_errno(errno);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && !is_ours(entry->d_name))
            return backup_say(self->problem, ERR_CONFLICT,
                              "the folder %s holds something else (%s): name an empty folder, or "
                              "one that holds a backup",
                              self->path, entry->d_name);
    return ERR_OK;
}

static err_t make_folders(const backup_folder_t *self)
{
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        TRY(file_make_folders(backup_path(self->path, folders[i]).text));
    return ERR_OK;
}

static err_t take_lock(backup_folder_t *self)
{
    self->lock_fd = open(backup_path(self->path, "lock").text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock_fd < 0)
        return err_from_errno(errno);
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno != EWOULDBLOCK)
        return err_from_errno(errno);
    return backup_say(self->problem, ERR_CONFLICT,
                      "another backup into %s is running: wait until it has ended", self->path);
}

static err_t open_for_writing(backup_folder_t *self)
{
    TRY(backup_check_folder(self->path, self->problem));
    TRY(file_make_folders(self->path));
    err_t err = load_manifest(self);
    self->is_new = err == ERR_NOT_FOUND;
    if (self->is_new)
        err = check_empty(self);
    TRY(err);
    TRY(take_lock(self));
    TRY(make_folders(self));
    if (self->is_new)
        return ERR_OK;
    /* Again: who held the lock may have written another one. */
    backup_manifest_deinit(&self->manifest);
    return load_manifest(self);
}

err_t backup_folder_write(const char *path, buf_t *problem, backup_folder_t *out_folder)
{
    backup_folder_t self BACKUP_FOLDER_SCOPED = {.path = path, .problem = problem, .lock_fd = -1};
    err_t err = open_for_writing(&self);
    if (err != ERR_OK)
        return backup_say(problem, err, "the backup %s can't be written: %s", path, err_text(err));
    *out_folder = self;
    self = (backup_folder_t){.lock_fd = -1};
    return ERR_OK;
}

err_t backup_folder_read(const char *path, buf_t *problem, backup_folder_t *out_folder)
{
    backup_folder_t self BACKUP_FOLDER_SCOPED = {.path = path, .problem = problem, .lock_fd = -1};
    TRY(backup_check_folder(path, problem));
    err_t err = load_manifest(&self);
    if (err == ERR_NOT_FOUND)
        return backup_say(problem, err,
                          "%s holds no whole backup (there is no %s): name the folder that "
                          "`musicstream backup` was given",
                          path, manifest_name);
    if (err != ERR_OK)
        return backup_say(problem, err, "the backup %s can't be read: %s", path, err_text(err));
    *out_folder = self;
    self = (backup_folder_t){.lock_fd = -1};
    return ERR_OK;
}

void backup_folder_close(backup_folder_t *self)
{
    backup_manifest_deinit(&self->manifest);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    self->lock_fd = -1;
}

/* ---- files ---- */

err_t backup_folder_get(const backup_folder_t *self, const backup_file_t *file, buf_t *out)
{
    char name[BACKUP_NAME_SIZE];
    blob_hash_t hash;
    size_t before = out->size;
    size_t size_max = file->kind == BACKUP_JOURNAL ? BACKUP_SEGMENT_SIZE_MAX : FILE_SIZE_MAX;
    backup_file_name(file->kind, file->number, name);
    err_t err = file_read(backup_path(self->path, name).text, size_max, out);
    if (err != ERR_OK)
        return backup_say(self->problem, err == ERR_LIMIT ? ERR_CORRUPT : err,
                          "%s/%s can't be read: %s", self->path, name, err_text(err));
    TRY(blob_hash_of(str_slice(buf_str(out), before, out->size), &hash));
    if (out->size - before == file->size && memcmp(&hash, &file->sha256, sizeof hash) == 0)
        return ERR_OK;
    out->size = before;
    return backup_say(self->problem, ERR_CORRUPT,
                      "%s/%s is damaged: its SHA-256 is not the manifest's", self->path, name);
}

err_t backup_folder_put(backup_folder_t *self, backup_kind_t kind, str_t content)
{
    char name[BACKUP_NAME_SIZE];
    const backup_file_t *newest = backup_manifest_newest(&self->manifest, kind);
    backup_file_t file = {
        .kind = kind, .number = newest == NULL ? 1 : newest->number + 1, .size = content.size};
    backup_file_name(kind, file.number, name);
    err_t err = blob_hash_of(content, &file.sha256);
    if (err == ERR_OK)
        err = file_replace(backup_path(self->path, name).text, content, true);
    if (err == ERR_OK)
        err = backup_manifest_add(&self->manifest, &file);
    if (err == ERR_LIMIT)
        return backup_say(self->problem, err,
                          "the backup %s has %d files, and no room for more: begin a new one in "
                          "another folder",
                          self->path, BACKUP_FILES_MAX);
    return err == ERR_OK ? err
                         : backup_say(self->problem, err, "%s/%s can't be written: %s", self->path,
                                      name, err_text(err));
}

err_t backup_folder_is_whole(const backup_folder_t *self)
{
    for (size_t i = 0; i < self->manifest.file_count; i++) {
        const backup_file_t *file = &self->manifest.files[i];
        char name[BACKUP_NAME_SIZE];
        struct stat info;
        backup_file_name(file->kind, file->number, name);
        if (stat(backup_path(self->path, name).text, &info) != 0)
            return backup_say(self->problem, ERR_CORRUPT,
                              "%s/%s is missing: this backup can't be restored. Put the file back, "
                              "or begin a new backup in another folder",
                              self->path, name);
        if ((uint64_t)info.st_size != file->size)
            return backup_say(self->problem, ERR_CORRUPT,
                              "%s/%s has %llu bytes, not %llu: this backup can't be restored. "
                              "Begin a new one in another folder",
                              self->path, name, (unsigned long long)info.st_size,
                              (unsigned long long)file->size);
    }
    return ERR_OK;
}

/* ---- publishing ---- */

static bool is_named(const backup_manifest_t *manifest, str_t name)
{
    backup_kind_t kind;
    uint32_t number;
    return backup_file_parse(name, &kind, &number) && backup_manifest_has(manifest, kind, number);
}

/* Its bytes first: it may hold keys of users who were erased since. */
static void remove_file(const char *path)
{
    static const char zeros[4096];
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0) {
        off_t size = info.st_size;
        for (off_t at = 0; at < size; at += (off_t)sizeof zeros)
            if (pwrite(fd, zeros, (size_t)MIN(size - at, (off_t)sizeof zeros), at) < 0)
                break;
        fsync(fd);
    }
    if (fd >= 0)
        close(fd);
    unlink(path);
}

/* What stays when this fails, the next run removes. */
void backup_folder_tidy(const backup_folder_t *self, backup_kind_t kind)
{
    const char *folder = folders[kind];
    DIR *dir SCOPED(dir_scope_end) = opendir(backup_path(self->path, folder).text);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        backup_path_t name = backup_path(folder, entry->d_name);
        if (!is_named(&self->manifest, str_from(name.text)))
            remove_file(backup_path(self->path, name.text).text);
    }
}

err_t backup_folder_publish(backup_folder_t *self)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    self->manifest.previous = self->manifest_hash;
    self->manifest.number++;
    backup_manifest_write(&self->manifest, &text);
    err_t err = buf_status(&text);
    if (err == ERR_OK)
        err = file_replace(backup_path(self->path, manifest_name).text, buf_str(&text), true);
    if (err != ERR_OK)
        return backup_say(self->problem, err, "%s/%s can't be written: %s", self->path,
                          manifest_name, err_text(err));
    for (size_t kind = 0; kind < BACKUP_KINDS; kind++)
        backup_folder_tidy(self, (backup_kind_t)kind);
    return blob_hash_of(buf_str(&text), &self->manifest_hash);
}
