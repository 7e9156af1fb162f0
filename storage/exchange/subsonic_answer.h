#pragma once
/* subsonic_answer.h -- what a Subsonic server answered, JSON or XML, read alike.
 *
 * Both forms say the same: an attribute of XML is a scalar member of JSON, child elements of one
 * name are a list. What servers do differently is made one here: an id that is a number, a number
 * or a truth that is text, a list of one that is no list, a list that is left out.
 *
 * Ownership  An answer owns its tree; nodes and texts are good for as long.
 * Threads    None.
 * Errors     INVALID: neither JSON nor XML, or without the envelope of Subsonic; LIMIT: it nests
 *            too deep; NO_MEMORY. */

#include "runtime/base/arena.h"

enum { SUBSONIC_DEPTH_MAX = 16, SUBSONIC_TEXT_SIZE_MAX = 4096 };

typedef struct subsonic_node subsonic_node_t;

typedef struct subsonic_answer {
    void *tree;
    arena_t arena;
    const subsonic_node_t *response; /* the envelope */
} subsonic_answer_t;

err_t subsonic_answer_read(str_t bytes, subsonic_answer_t *out_answer);
void subsonic_answer_deinit(subsonic_answer_t *self);
#define SUBSONIC_ANSWER_SCOPED SCOPED(subsonic_answer_deinit)

/* Of NULL, and of members that are not there or of another form: NULL, "", 0, false. */
const subsonic_node_t *subsonic_child(const subsonic_node_t *node, const char *name);
size_t subsonic_count(const subsonic_node_t *node, const char *name);
const subsonic_node_t *subsonic_at(const subsonic_node_t *node, const char *name, size_t index);
/* Empty, too, where it is longer than SUBSONIC_TEXT_SIZE_MAX, or there is no memory for it. */
str_t subsonic_text(subsonic_answer_t *self, const subsonic_node_t *node, const char *name);
uint64_t subsonic_number(const subsonic_node_t *node, const char *name);
bool subsonic_is(const subsonic_node_t *node, const char *name);
