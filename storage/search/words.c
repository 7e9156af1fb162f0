#include "storage/search/words.h"

#include "runtime/base/utf8.h"
#include "storage/search/fold.h"

typedef struct range {
    uint32_t first, last;
} range_t;

/* Unicode's blocks, as fold.h leaves them: katakana is hiragana, half and full width are plain. */
static const range_t cjk_ranges[] = {
    {0x0e00, 0x0eff},   /* Thai, Lao */
    {0x1000, 0x109f},   /* Burmese */
    {0x1780, 0x17ff},   /* Khmer */
    {0x2e80, 0x2fdf},   /* radicals */
    {0x3005, 0x3007},   /* iteration mark, closing mark, zero */
    {0x3021, 0x3029},   /* numerals */
    {0x3031, 0x303c},   /* repeat marks */
    {0x3040, 0x312f},   /* kana with their marks, bopomofo */
    {0x31a0, 0x31bf},   /* bopomofo */
    {0x31f0, 0x31ff},   /* small katakana */
    {0x3400, 0x4dbf},   /* Han, extension A */
    {0x4e00, 0x9fff},   /* Han */
    {0xa9e0, 0xa9ff},   /* Burmese */
    {0xaa60, 0xaa7f},   /* Burmese */
    {0xf900, 0xfaff},   /* Han, compatible forms */
    {0x1b000, 0x1b16f}, /* kana of old */
    {0x20000, 0x3ffff}, /* Han, further extensions */
};

bool words_is_cjk(uint32_t code_point)
{
    if (code_point < cjk_ranges[0].first)
        return false;
    for (size_t i = 0; i < COUNT_OF(cjk_ranges); i++)
        if (code_point <= cjk_ranges[i].last)
            return code_point >= cjk_ranges[i].first;
    return false;
}

/* A byte that is no code point counts as one that is not CJK. */
bool words_next(str_t *rest, words_run_t *out_run)
{
    const char *text = rest->data;
    size_t start = 0, end, kept, size = rest->size;
    uint32_t c = 0;
    while (start < size && text[start] == ' ')
        start++;
    if (start == size)
        return false;
    end = start + utf8_next(*rest, start, &c);
    bool is_cjk = words_is_cjk(c);
    kept = end;
    while (end < size && text[end] != ' ') {
        size_t more = utf8_next(*rest, end, &c);
        if (words_is_cjk(c) != is_cjk)
            break;
        end += more;
        if (is_cjk || end - start <= FOLD_WORD_SIZE_MAX)
            kept = end;
    }
    *out_run = (words_run_t){str_slice(*rest, start, kept), is_cjk};
    *rest = str_slice(*rest, end, size);
    return true;
}

size_t words_character(str_t run)
{
    uint32_t c;
    if (run.size == 0)
        return 0;
    size_t size = utf8_next(run, 0, &c);
    if (size == run.size)
        return size;
    size_t more = utf8_next(run, size, &c);
    return c == 0x3099 || c == 0x309a ? size + more : size;
}

uint32_t words_characters(str_t run)
{
    uint32_t count = 0;
    for (size_t size; (size = words_character(run)) > 0; run = str_slice(run, size, run.size))
        count++;
    return count;
}

bool words_goes_on(str_t text)
{
    return str_starts_with(text, STR("\u3099")) || str_starts_with(text, STR("\u309a"));
}

bool words_has(str_t text, str_t part)
{
    while (part.size > 0 && part.size <= text.size) {
        const char *found = memmem(text.data, text.size, part.data, part.size);
        if (found == NULL)
            return false;
        size_t end = (size_t)(found - text.data) + part.size;
        if (!words_goes_on(str_slice(text, end, text.size)))
            return true;
        text = str_slice(text, end, text.size);
    }
    return part.size == 0;
}
