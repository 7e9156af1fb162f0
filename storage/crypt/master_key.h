#pragma once
/* master_key.h -- where the master key comes from: a file, a command's output, or words given; 64
 * hexadecimal digits, with blanks and line ends around them.
 *
 * A file must be its owner's alone (no right for group or others) and belong to this user or root.
 *
 * Threads  One; a command is waited for.
 * Errors   Each comes with a sentence in *problem: NOT_FOUND: no such file; FORBIDDEN: others may
 *          read it; INVALID: not such digits; UNAVAILABLE: the command failed; IO, NO_MEMORY. */

#include "storage/crypt/aead.h"

enum { MASTER_KEY_TEXT_MAX = 4096 };

err_t master_key_from_text(str_t text, const char *where, buf_t *problem, aead_key_t *out_key);
err_t master_key_from_file(const char *path, buf_t *problem, aead_key_t *out_key);
/* /bin/sh -c COMMAND; its first line. */
err_t master_key_from_command(const char *command, buf_t *problem, aead_key_t *out_key);
/* Whole, synced, 0600; the bytes of the file before are overwritten. */
err_t master_key_to_file(const char *path, const aead_key_t *key);
