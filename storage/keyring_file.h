#pragma once
/* keyring_file.h -- small secret files: written whole or not at all, readable by their owner only.
 *
 * Threads  Any; two writers of one file are the caller's bug.
 * Errors   NOT_FOUND, IO, FULL, FORBIDDEN; LIMIT: over KEYRING_FILE_SIZE_MAX. */

#include "runtime/base/buf.h"

enum { KEYRING_FILE_SIZE_MAX = 16 * 1024 };

err_t keyring_file_make_directory(const char *path);
/* Through a new file beside it and a rename, both synced: after a crash there is the old or the new
 * one. */
err_t keyring_file_write(const char *path, str_t text);
err_t keyring_file_read(const char *path, buf_t *out);
void keyring_file_delete(const char *path);
/* The numbers of the NNNN.key files, newest first, as many as there is room for; the rest of the
 * array is left as it is. */
err_t keyring_file_list(const char *directory, uint32_t *out_numbers, size_t count_max);
