#pragma once
/* temporary.h -- a folder for a test, gone with its scope. */

#include "runtime/base/str.h"

typedef struct temporary {
    char path[128];
} temporary_t;

/* In $TMPDIR or /tmp. Ends the program when it can't. */
temporary_t temporary_new(void);
void temporary_remove(temporary_t *self);
#define TEMPORARY_SCOPED SCOPED(temporary_remove)

typedef struct temporary_name {
    char path[256];
} temporary_name_t;
/* "PATH/NAME" */
temporary_name_t temporary_in(const temporary_t *self, const char *name);
