#include "storage/search/search_text.h"

#include "storage/search/fold.h"
#include "storage/search/search.h"

static void append_cut(buf_t *out, str_t text)
{
    size_t start = out->size;
    fold_append(out, text);
    if (buf_status(out) != ERR_OK || out->size - start <= SEARCH_TEXT_SIZE_MAX)
        return;
    str_t kept = str_of(out->data + start, SEARCH_TEXT_SIZE_MAX);
    size_t blank = str_find_last(kept, ' ');
    if (blank == kept.size) { /* one endless word: at a whole code point */
        while (blank > 0 && ((unsigned char)kept.data[blank - 1] & 0xc0) == 0x80)
            blank--;
        blank -= blank > 0 ? 1 : 0;
    }
    out->size = start + blank;
}

void search_text_append(buf_t *out, str_t title, str_t more)
{
    append_cut(out, title);
    buf_append_char(out, '\0');
    append_cut(out, more);
}

search_text_t search_text_of(str_t stored)
{
    size_t end = str_find(stored, '\0');
    return (search_text_t){str_slice(stored, 0, end), str_slice(stored, end + 1, stored.size)};
}

bool search_text_next(search_text_t *rest, str_t *out_word, bool *out_is_title)
{
    *out_is_title = true;
    if (fold_next_word(&rest->title, out_word))
        return true;
    *out_is_title = false;
    return fold_next_word(&rest->more, out_word);
}

bool search_has_word(str_t text, str_t word, bool is_prefix)
{
    /* A word that long may have been cut. */
    is_prefix |= word.size + 4 > FOLD_WORD_SIZE_MAX;
    for (size_t at = 0; at + word.size <= text.size; at++) {
        const char *found = memmem(text.data + at, text.size - at, word.data, word.size);
        if (found == NULL)
            return false;
        at = (size_t)(found - text.data);
        bool starts = at == 0 || text.data[at - 1] == ' ';
        bool ends = at + word.size == text.size || text.data[at + word.size] == ' ';
        if (starts && (ends || is_prefix))
            return true;
    }
    return false;
}
