#pragma once
/* keyring_file.h -- the keyring's folder: the owner's alone, with numbered files in it. The files
 * themselves are read and replaced with file.h, which makes them 0600.
 *
 * Threads  Any.
 * Errors   NOT_FOUND, IO, FULL, FORBIDDEN. */

#include "runtime/base/str.h"

err_t keyring_file_make_directory(const char *path);
/* The numbers of the NNNN.key files, newest first, as many as there is room for; the rest of the
 * array is left as it is. */
err_t keyring_file_list(const char *directory, uint32_t *out_numbers, size_t count_max);
