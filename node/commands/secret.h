#pragma once
/* secret.h -- passwords for commands: from the terminal, standard input or a file, never from
 * arguments, which others on the machine can see. */

#include "runtime/base/attributes.h"

#include <stdio.h>

enum { SECRET_SIZE_MAX = 1024, SECRET_ROOM = SECRET_SIZE_MAX + 2 };

/* The next line of `in`, without its end; where that is a terminal, asked for without an echo.
 * False: there is none. The caller wipes the room. */
bool secret_read(const char *prompt, FILE *in, char room[SECRET_ROOM]);
