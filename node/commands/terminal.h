#pragma once
/* terminal.h -- text in columns, and a terminal that shows one full screen.
 *
 * A text from elsewhere (a key, a name) may hold anything: terminal_append shows what can be shown
 * in cells of a terminal, and escapes the rest: control characters, those that turn the direction
 * of text around, and bytes that are not UTF-8 (as \xNN, \u{N}). So it moves no column and sends
 * the terminal no command.
 *
 * Threads  None. */

#include "runtime/base/buf.h"

/* At most `cells`, with "…" where it was cut; filled up with blanks to `cells` where is_padded. */
void terminal_append(buf_t *out, str_t text, uint32_t cells, bool is_padded);
/* How many cells terminal_append would take. */
uint32_t terminal_cells(str_t text);

typedef struct terminal terminal_t;
/* The alternate screen, without a cursor; keys come at once. NULL: standard output or input is no
 * terminal. Put back by terminal_close, also at a signal that ends the program. */
terminal_t *terminal_open(void);
void terminal_close(terminal_t *self);
void terminal_size(uint32_t *out_columns, uint32_t *out_rows);
/* A key that was pressed; 0: none. */
char terminal_key(terminal_t *self);
/* Lines in place of what was shown; more than there are rows are cut off. */
void terminal_show(terminal_t *self, str_t text);
/* Since the last call: it has another size, or the program shall end. */
bool terminal_was_resized(terminal_t *self);
bool terminal_is_ending(const terminal_t *self);
