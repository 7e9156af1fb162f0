#include "storage/search/language.h"

#include "storage/search/fold.h"

/* Longer than any name in the list; what is longer is none, and is not folded for nothing. */
enum { NAME_SIZE_MAX = 80, CODE_SIZE_MIN = 2, CODE_SIZE_MAX = 3 };

typedef struct row {
    str_t key, value;
} row_t;

static const row_t names[] = {
#define LANGUAGE(tag, name) {STR_INIT(tag), STR_INIT(name)},
#define LANGUAGE_CALLED(folded, tag)
#include "storage/search/languages.def"
#undef LANGUAGE
#undef LANGUAGE_CALLED
};

static const row_t called[] = {
#define LANGUAGE(tag, name)
#define LANGUAGE_CALLED(folded, tag) {STR_INIT(folded), STR_INIT(tag)},
#include "storage/search/languages.def"
#undef LANGUAGE
#undef LANGUAGE_CALLED
};

static const row_t *find(const row_t *rows, size_t count, str_t key)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(key, rows[middle].key);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

str_t language_name(str_t tag)
{
    const row_t *row = find(names, COUNT_OF(names), tag);
    return row == NULL ? tag : row->value;
}

/* ---- one name ---- */

/* A tag or something else that a language is called. */
static const str_t *known(str_t folded)
{
    const row_t *tag = find(names, COUNT_OF(names), folded);
    const row_t *other = tag == NULL ? find(called, COUNT_OF(called), folded) : NULL;
    return tag != NULL ? &tag->key : other != NULL ? &other->value : NULL;
}

static bool is_subtag(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
           c == '_';
}

/* "en-US", "zh_Hant", "English (UK)": the part that says the language. */
static str_t without_region(str_t name)
{
    size_t code = 0, end = 0;
    while (end < name.size && is_subtag(name.data[end]))
        end++;
    while (code < end && name.data[code] != '-' && name.data[code] != '_')
        code++;
    bool is_tag = end == name.size && code >= CODE_SIZE_MIN && code <= CODE_SIZE_MAX;
    return str_trim(str_slice(name, 0, is_tag ? code : str_find(name, '(')));
}

/* NULL: it is not known. */
static err_t look_up(str_t name, const str_t **out_tag)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    *out_tag = NULL;
    if (name.size > NAME_SIZE_MAX)
        return ERR_OK;
    fold_append(&folded, name);
    TRY(buf_status(&folded));
    *out_tag = known(buf_str(&folded));
    return ERR_OK;
}

static err_t tag_of(str_t name, const str_t **out_tag)
{
    TRY(look_up(name, out_tag));
    str_t shorter = without_region(name);
    return *out_tag != NULL || shorter.size == name.size ? ERR_OK : look_up(shorter, out_tag);
}

static bool is_none(str_t name)
{
    static const char *const nones[] = {"und", "mis", "xxx", "unknown", "undefined", "none"};
    for (size_t i = 0; i < COUNT_OF(nones); i++)
        if (str_equal_ignoring_case(name, str_from(nones[i])))
            return true;
    return name.size == 0;
}

/* ---- a value ---- */

static void add(str_t tag, str_t tags[LANGUAGES_MAX], size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (str_equal(tags[i], tag))
            return;
    if (*count < LANGUAGES_MAX)
        tags[(*count)++] = tag;
}

static err_t add_one(str_t name, str_t tags[LANGUAGES_MAX], size_t *count)
{
    const str_t *tag;
    if (is_none(name))
        return ERR_OK;
    TRY(tag_of(name, &tag));
    add(tag == NULL ? name : *tag, tags, count);
    return ERR_OK;
}

static size_t end_of_part(str_t text)
{
    size_t end = 0;
    while (end < text.size && text.data[end] != ',' && text.data[end] != ';' &&
           text.data[end] != '/')
        end++;
    return end;
}

err_t language_tags(str_t value, str_t out_tags[LANGUAGES_MAX], size_t *out_count)
{
    size_t count = 0;
    const str_t *tag;
    str_t rest = str_trim(value);
    /* "Greek, Modern (1453-)" is one. */
    TRY(tag_of(rest, &tag));
    if (tag != NULL)
        add(*tag, out_tags, &count);
    while (tag == NULL && rest.size > 0) {
        size_t end = end_of_part(rest);
        TRY(add_one(str_trim(str_slice(rest, 0, end)), out_tags, &count));
        rest = str_slice(rest, MIN(end + 1, rest.size), rest.size);
    }
    *out_count = count;
    return ERR_OK;
}
