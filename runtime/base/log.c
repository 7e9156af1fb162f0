#include "runtime/base/log.h"

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LOG_LINE_SIZE_MAX = 4096 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};

static void append_text(buf_t *line, const char *time, log_level_t level, const char *area,
                        str_t text)
{
    buf_printf(line, "%s %-7s %-10s ", time, level_names[level], area);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f)
            buf_printf(line, "\\x%02x", c);
        else
            buf_append_char(line, (char)c);
    }
}

static void append_json(buf_t *line, const char *time, log_level_t level, const char *area,
                        str_t text)
{
    json_t json = json_to(line);
    json_object_begin(&json);
    json_key_str(&json, "time", str_from(time));
    json_key_str(&json, "level", str_from(level_names[level]));
    json_key_str(&json, "area", str_from(area));
    json_key_str(&json, "message", text);
    json_object_end(&json);
}

void log_write(const ms_log_t *log, log_level_t level, const char *area, const char *format, ...)
{
    if (log == NULL || level < log->level)
        return;
    char text[LOG_LINE_SIZE_MAX], time[ISO_TIME_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    str_t message = str_of(text, size < 0 ? 0 : MIN((size_t)size, sizeof text - 1));
    ms_clock_t clock = clock_system();
    clock_iso(clock_wall_ms(&clock), time);

    buf_t line BUF_SCOPED = BUF_INIT;
    if (log->is_json)
        append_json(&line, time, level, area, message);
    else
        append_text(&line, time, level, area, message);
    buf_append_char(&line, '\n');
    /* Nobody is left to tell that the log can't be written. */
    ssize_t written UNUSED = write(log->fd, line.data, line.size);
}
