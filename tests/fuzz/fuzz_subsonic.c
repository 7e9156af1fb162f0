/* What a Subsonic server may say: an answer that was read is a tree without end in nothing, and
 * whatever is asked of it has its bounds. */

#include "storage/exchange/foreign.h"
#include "storage/exchange/subsonic_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"error", "song", "entry", "playlist",   "playlists", "starred2",
                                    "album", "id",   "title", "userRating", "playCount", "starred"};

static void look(subsonic_answer_t *answer, const subsonic_node_t *node, int depth)
{
    if (depth > SUBSONIC_DEPTH_MAX)
        abort();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        str_t text = subsonic_text(answer, node, names[i]);
        size_t count = subsonic_count(node, names[i]);
        if (text.size > SUBSONIC_TEXT_SIZE_MAX || (text.size > 0 && count > 0))
            abort();
        (void)foreign_time_ms(text);
        (void)subsonic_number(node, names[i]);
        (void)subsonic_is(node, names[i]);
        for (size_t j = 0; j < count; j++)
            if (subsonic_at(node, names[i], j) != NULL)
                look(answer, subsonic_at(node, names[i], j), depth + 1);
        if (subsonic_at(node, names[i], count) != NULL)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    if (subsonic_answer_read(str_of(data, size), &answer) == ERR_OK)
        look(&answer, answer.response, 0);
    return 0;
}
