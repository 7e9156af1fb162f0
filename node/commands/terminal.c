#include "node/commands/terminal.h"

#include "runtime/base/memory.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <utf8proc.h>

enum { COLUMNS_DEFAULT = 80, ROWS_DEFAULT = 24, ESCAPE_SIZE = 16 };

/* ---- text in cells ---- */

typedef struct glyph {
    str_t text; /* what is shown: of the text itself, or an escape */
    uint32_t cells;
    char escape[ESCAPE_SIZE];
} glyph_t;

/* Moves text around on its line, or is seen by nobody: marks of direction, tags, joiners. */
static bool is_unsafe(utf8proc_int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
           category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO ||
           category == UTF8PROC_CATEGORY_CS;
}

static void escape(glyph_t *glyph, unsigned value, bool is_byte)
{
    int size = is_byte ? snprintf(glyph->escape, sizeof glyph->escape, "\\x%02x", value)
                       : snprintf(glyph->escape, sizeof glyph->escape, "\\u{%x}", value);
    glyph->text = str_of(glyph->escape, (size_t)size);
    glyph->cells = (uint32_t)size;
}

/* Takes one character off the text. */
static void next_glyph(str_t *text, glyph_t *out)
{
    utf8proc_int32_t point = 0;
    utf8proc_ssize_t size = utf8proc_iterate((const utf8proc_uint8_t *)text->data,
                                             (utf8proc_ssize_t)text->size, &point);
    if (size <= 0) {
        escape(out, (unsigned char)text->data[0], true);
        size = 1;
    } else if (is_unsafe(point)) {
        escape(out, (unsigned)point, point < 128);
    } else {
        int width = utf8proc_charwidth(point);
        out->text = str_slice(*text, 0, (size_t)size);
        out->cells = width < 0 ? 0 : (uint32_t)width;
    }
    *text = str_slice(*text, (size_t)size, text->size);
}

uint32_t terminal_cells(str_t text)
{
    uint32_t cells = 0;
    glyph_t glyph;
    while (text.size > 0) {
        next_glyph(&text, &glyph);
        cells += glyph.cells;
    }
    return cells;
}

void terminal_append(buf_t *out, str_t text, uint32_t cells, bool is_padded)
{
    bool is_cut = terminal_cells(text) > cells;
    uint32_t used = 0, room = is_cut ? cells - MIN(cells, 1U) : cells;
    glyph_t glyph;
    while (text.size > 0) {
        next_glyph(&text, &glyph);
        if (used + glyph.cells > room)
            break;
        buf_append(out, glyph.text);
        used += glyph.cells;
    }
    if (is_cut && cells > 0) {
        buf_append(out, STR("…"));
        used++;
    }
    for (; is_padded && used < cells; used++)
        buf_append_char(out, ' ');
}

/* ---- the screen ---- */

struct terminal {
    struct termios before;
    sigset_t mask_before;
    int signals; /* signalfd: resizes, and what would end the program */
    bool was_resized, is_ending;
};

static void say(str_t text)
{
    while (text.size > 0) {
        ssize_t size = write(STDOUT_FILENO, text.data, text.size);
        if (size <= 0)
            return;
        text = str_slice(text, (size_t)size, text.size);
    }
}

static int watch_signals(sigset_t *out_before)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGWINCH);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, out_before);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

terminal_t *terminal_open(void)
{
    terminal_t *self = memory_new(sizeof *self);
    if (self == NULL || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &self->before) != 0) {
        memory_free(self);
        return NULL;
    }
    struct termios raw = self->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    self->signals = watch_signals(&self->mask_before);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    say(STR("\033[?1049h\033[?25l"));
    return self;
}

void terminal_close(terminal_t *self)
{
    if (self == NULL)
        return;
    say(STR("\033[?25h\033[?1049l"));
    tcsetattr(STDIN_FILENO, TCSANOW, &self->before);
    if (self->signals >= 0)
        close(self->signals);
    sigprocmask(SIG_SETMASK, &self->mask_before, NULL);
    memory_free(self);
}

void terminal_size(uint32_t *out_columns, uint32_t *out_rows)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    *out_columns = is_known ? size.ws_col : COLUMNS_DEFAULT;
    *out_rows = is_known && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
}

static void take_signals(terminal_t *self)
{
    struct signalfd_siginfo info;
    while (read(self->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGWINCH)
            self->was_resized = true;
        else
            self->is_ending = true;
    }
}

char terminal_key(terminal_t *self)
{
    char key = 0;
    struct pollfd waiting = {STDIN_FILENO, POLLIN, 0};
    take_signals(self);
    if (poll(&waiting, 1, 0) != 1)
        return 0;
    if (read(STDIN_FILENO, &key, 1) == 1)
        return key;
    self->is_ending = true; /* the terminal is gone */
    return 0;
}

void terminal_show(terminal_t *self, str_t text)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    uint32_t columns, rows, row = 0;
    str_t line;
    (void)self;
    terminal_size(&columns, &rows);
    buf_append(&out, STR("\033[H"));
    while (row < rows && str_next(&text, '\n', &line)) {
        if (row > 0)
            buf_append(&out, STR("\r\n"));
        buf_append(&out, line);
        buf_append(&out, STR("\033[K"));
        row++;
    }
    buf_append(&out, STR("\033[J"));
    say(buf_str(&out));
}

bool terminal_was_resized(terminal_t *self)
{
    take_signals(self);
    return STEAL(self->was_resized);
}

bool terminal_is_ending(const terminal_t *self)
{
    return self->is_ending;
}
