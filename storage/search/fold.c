#include "storage/search/fold.h"

#include "runtime/base/utf8.h"

#include <utf8proc.h>

/* What one code point becomes. */
typedef enum fold_class { FOLD_KEPT, FOLD_DROPPED, FOLD_BLANK } fold_class_t;

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2018 || c == 0x2019 || c == 0x02bc || c == 0x02b9 || c == 0x0060 ||
           c == 0x00b4 || c == 0x2032 || c == 0x05f3;
}

/* Letters that Unicode does not decompose; after case folding, so lower case only. */
static const char *plain_letters(uint32_t c)
{
    switch (c) {
    case 0x00f8: /* ø */
        return "o";
    case 0x0142: /* ł */
        return "l";
    case 0x0111: /* đ */
    case 0x00f0: /* ð */
        return "d";
    case 0x00df: /* ß */
        return "ss";
    case 0x00e6: /* æ */
        return "ae";
    case 0x0153: /* œ */
        return "oe";
    case 0x00fe: /* þ */
        return "th";
    case 0x0131: /* ı */
        return "i";
    case 0x0127: /* ħ */
        return "h";
    case 0x0167: /* ŧ */
        return "t";
    case 0x0138: /* ĸ */
        return "k";
    default:
        return NULL;
    }
}

/* Katakana to hiragana; Arabic letters to their plain form. */
static uint32_t even_out(uint32_t c)
{
    if (c >= 0x30a1 && c <= 0x30f6)
        return c - 0x60;
    switch (c) {
    case 0x0622:
    case 0x0623:
    case 0x0625:
    case 0x0671:
        return 0x0627; /* alef */
    case 0x0649:
    case 0x06cc:
        return 0x064a; /* yeh */
    case 0x0629:
        return 0x0647; /* teh marbuta to heh */
    case 0x06a9:
        return 0x0643; /* kaf */
    default:
        return c;
    }
}

/* Bits of Unicode's general categories. Symbols are kept: an album may be called "\u00f7". */
static const uint32_t dropped_categories =
    1u << UTF8PROC_CATEGORY_MN | 1u << UTF8PROC_CATEGORY_ME | 1u << UTF8PROC_CATEGORY_CF;
static const uint32_t kept_categories =
    1u << UTF8PROC_CATEGORY_LU | 1u << UTF8PROC_CATEGORY_LL | 1u << UTF8PROC_CATEGORY_LT |
    1u << UTF8PROC_CATEGORY_LM | 1u << UTF8PROC_CATEGORY_LO | 1u << UTF8PROC_CATEGORY_MC |
    1u << UTF8PROC_CATEGORY_ND | 1u << UTF8PROC_CATEGORY_NL | 1u << UTF8PROC_CATEGORY_NO |
    1u << UTF8PROC_CATEGORY_SO | 1u << UTF8PROC_CATEGORY_SC | 1u << UTF8PROC_CATEGORY_SM;

static fold_class_t class_of(uint32_t c)
{
    if (c == 0x3099 || c == 0x309a || c == 0x30fc)
        return FOLD_KEPT; /* kana voicing marks and the long vowel: other sounds, other words */
    if (c == 0x0640 || is_apostrophe(c))
        return FOLD_DROPPED; /* tatweel only stretches */
    uint32_t category = 1u << utf8proc_category((utf8proc_int32_t)c);
    return (category & dropped_categories) != 0 ? FOLD_DROPPED
           : (category & kept_categories) != 0  ? FOLD_KEPT
                                                : FOLD_BLANK;
}

typedef struct folder {
    buf_t *out;
    size_t start;
    bool is_blank_due;
} folder_t;

static void put_blank(folder_t *self)
{
    self->is_blank_due = self->out->size > self->start;
}

static void put_text(folder_t *self, str_t text)
{
    if (self->is_blank_due)
        buf_append_char(self->out, ' ');
    self->is_blank_due = false;
    buf_append(self->out, text);
}

static bool is_ascii_kept(unsigned char lower)
{
    return (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '+' ||
           lower == '=' || lower == '$';
}

static void put_ascii(folder_t *self, char c)
{
    char lower = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    if (is_ascii_kept((unsigned char)lower))
        put_text(self, str_of(&lower, 1));
    else if (!is_apostrophe((unsigned char)c))
        put_blank(self);
}

/* A run of ASCII, most of what is folded, without a look at the buffer for each byte. Returns where
 * it ends. */
static size_t put_ascii_run(folder_t *self, str_t text, size_t at)
{
    size_t end = at;
    while (end < text.size && (unsigned char)text.data[end] < 0x80)
        end++;
    if (self->out->size_max > 0 || buf_reserve(self->out, end - at + 1) != ERR_OK) {
        for (; at < end; at++)
            put_ascii(self, text.data[at]);
        return end;
    }
    char *to = self->out->data + self->out->size;
    const char *start = self->out->data + self->start;
    for (; at < end; at++) {
        unsigned char c = (unsigned char)text.data[at];
        unsigned char lower = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
        if (!is_ascii_kept(lower)) {
            self->is_blank_due |= c != '\'' && c != '`' && to > start;
            continue;
        }
        if (self->is_blank_due)
            *to++ = ' ';
        self->is_blank_due = false;
        *to++ = (char)lower;
    }
    self->out->size = (size_t)(to - self->out->data);
    return end;
}

static void put_decomposed(folder_t *self, uint32_t c)
{
    if (c < 0x80) { /* the same rule as for plain ASCII: folding twice is folding once */
        put_ascii(self, (char)c);
        return;
    }
    switch (class_of(c)) {
    case FOLD_DROPPED:
        return;
    case FOLD_BLANK:
        put_blank(self);
        return;
    case FOLD_KEPT:
        break;
    }
    const char *plain = plain_letters(c);
    if (plain != NULL) {
        put_text(self, str_from(plain));
        return;
    }
    put_text(self, (str_t){NULL, 0});
    utf8_append(self->out, even_out(c));
}

static void put_code_point(folder_t *self, uint32_t c)
{
    /* Twelve at most would do for Unicode 14: U+FDFA gives 18. */
    utf8proc_int32_t parts[32];
    int boundary = 0;
    if (is_apostrophe(c))
        return; /* before NFKD turns U+00B4 into a blank and a mark */
    utf8proc_ssize_t count = utf8proc_decompose_char(
        (utf8proc_int32_t)c, parts, COUNT_OF(parts),
        UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD, &boundary);
    if (count < 0 || count > (utf8proc_ssize_t)COUNT_OF(parts)) {
        put_blank(self);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++)
        put_decomposed(self, (uint32_t)parts[i]);
}

void fold_append(buf_t *out, str_t text)
{
    folder_t folder = {out, out->size, false};
    for (size_t at = 0; at < text.size;) {
        if ((unsigned char)text.data[at] < 0x80) {
            at = put_ascii_run(&folder, text, at);
            continue;
        }
        uint32_t c;
        size_t size = utf8_decode(str_slice(text, at, text.size), &c);
        if (size == 0)
            put_blank(&folder);
        else
            put_code_point(&folder, c);
        at += MAX(size, (size_t)1);
    }
}

/* Cuts at a whole code point. */
static str_t cut(str_t word, size_t size_max)
{
    if (word.size <= size_max)
        return word;
    while (size_max > 0 && ((unsigned char)word.data[size_max] & 0xc0) == 0x80)
        size_max--;
    return str_slice(word, 0, size_max);
}

bool fold_next_word(str_t *rest, str_t *out_word)
{
    str_t word;
    while (str_next(rest, ' ', &word)) {
        if (word.size > 0) {
            *out_word = cut(word, FOLD_WORD_SIZE_MAX);
            return true;
        }
    }
    return false;
}

void fold_sort_append(buf_t *out, str_t text)
{
    static const str_t articles[] = {STR_INIT("the "), STR_INIT("a "), STR_INIT("an ")};
    size_t start = out->size;
    fold_append(out, text);
    str_t folded = str_slice(buf_str(out), start, out->size);
    for (size_t i = 0; i < COUNT_OF(articles) && buf_status(out) == ERR_OK; i++) {
        if (!str_starts_with(folded, articles[i]))
            continue;
        size_t left = folded.size - articles[i].size;
        memmove(out->data + start, out->data + start + articles[i].size, left);
        out->size = start + left;
        return;
    }
}
