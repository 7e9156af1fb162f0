#pragma once
/* said.h -- a log that a test reads: what was said into it, by any thread, from its beginning on.
 *
 * It is read by position, so that reading moves nothing under who writes. */

#include "runtime/base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SAID_MAX = 1 << 16 };

typedef struct said {
    FILE *file;
    ms_log_t log;
} said_t;

static inline said_t said_new(log_level_t level)
{
    FILE *file = tmpfile();
    return (said_t){file, {.fd = fileno(file), .level = level}};
}

static inline void said_end(said_t *self)
{
    fclose(self->file);
}
#define SAID_SCOPED SCOPED(said_end)

/* How often the text stands in it. */
static inline size_t said_count(const said_t *self, const char *text)
{
    static char bytes[SAID_MAX + 1];
    ssize_t size = pread(fileno(self->file), bytes, SAID_MAX, 0);
    size_t count = 0;
    bytes[size < 0 ? 0 : size] = '\0';
    for (const char *at = bytes; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}
