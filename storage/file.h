#pragma once
/* file.h -- small files, whole: read, and replaced so that a reader sees the old or the new one.
 *
 * Threads  Any; two writers of one path need a lock of their own.
 * Errors   As err_from_errno says; LIMIT: larger than size_max. */

#include "runtime/base/buf.h"

/* Appends the content. NOT_FOUND, LIMIT. */
err_t file_read(const char *path, size_t size_max, buf_t *out);
/* The same, from where an open file is. */
err_t file_read_rest(int fd, size_t size_max, buf_t *out);
/* Appends `size` bytes from `offset` on. IO: there are fewer. */
err_t file_read_at(int fd, uint64_t offset, size_t size, buf_t *out);
/* Writes `path.new`, renames it over `path`. is_durable: file and folder are synced. */
err_t file_replace(const char *path, str_t content, bool is_durable);
/* Writes all of it, however often write(2) stops short. */
err_t file_write_all(int fd, str_t content);
/* Syncs the folder that holds `path`, so that a rename in it lasts. */
err_t file_sync_folder_of(const char *path);
/* Makes `path` and every missing folder above it. INVALID: it is empty. */
err_t file_make_folders(const char *path);
