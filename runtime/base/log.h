#pragma once
/* log.h -- structured lines: time, level, area, message, then key=value fields chosen by the
 * caller.
 *
 * A line is written with one write(2), so lines of several threads and processes do not mix.
 * Control characters in the text are escaped. Never log a secret, a token, a password or what a
 * person wrote (ARCHITECTURE §9, 7). Ownership  A log does not own its descriptor. Threads    Any.
 * A NULL log swallows everything, for tests. */

#include "runtime/base/str.h"

API_BEGIN

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR } log_level_t;

typedef struct ms_log {
    int fd;
    log_level_t level; /* the least that is written */
    bool is_json;      /* one JSON object a line instead of text */
} ms_log_t;

void log_write(const ms_log_t *log, log_level_t level, const char *area, const char *format, ...)
    PRINTF_LIKE(4, 5);

#define log_debug(log, area, ...) log_write((log), LOG_DEBUG, (area), __VA_ARGS__)
#define log_info(log, area, ...) log_write((log), LOG_INFO, (area), __VA_ARGS__)
#define log_warning(log, area, ...) log_write((log), LOG_WARNING, (area), __VA_ARGS__)
#define log_error(log, area, ...) log_write((log), LOG_ERROR, (area), __VA_ARGS__)

API_END
