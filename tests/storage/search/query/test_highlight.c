#include "storage/search/fold.h"
#include "storage/search/search_request.h"
#include "tests/support/check.h"

/* Words of a request, folded; the last one may go on. */
typedef struct words {
    str_t items[16];
    buf_t folded[16];
    search_names_t names;
} words_t;

static void words_init(words_t *self, const char *text)
{
    str_t rest = str_from(text), word;
    *self = (words_t){.names = {self->items, 0}};
    while (rest.size > 0 && str_next(&rest, '|', &word)) {
        fold_append(&self->folded[self->names.count], word);
        self->items[self->names.count] = buf_str(&self->folded[self->names.count]);
        self->names.count++;
    }
}

static void words_deinit(words_t *self)
{
    for (size_t i = 0; i < COUNT_OF(self->folded); i++)
        buf_deinit(&self->folded[i]);
}

/* The text with its marked parts in brackets. */
static void mark(const char *text, const char *words, bool is_typing, buf_t *out)
{
    words_t matched SCOPED(words_deinit);
    search_span_t spans[SEARCH_SPANS_MAX];
    words_init(&matched, words);
    size_t at = 0, count = search_highlight(str_from(text), &matched.names, is_typing, spans);
    for (size_t i = 0; i < count; i++) {
        cr_assert(spans[i].start >= at && spans[i].start + spans[i].size <= strlen(text));
        buf_append(out, str_slice(str_from(text), at, spans[i].start));
        at = spans[i].start + spans[i].size;
        buf_printf(out, "[%.*s]", (int)spans[i].size, text + spans[i].start);
    }
    buf_append(out, str_slice(str_from(text), at, strlen(text)));
}

Test(highlight, what_was_found_is_marked_as_people_wrote_it)
{
    static const struct {
        const char *text, *words;
        bool is_typing;
        const char *want;
    } cases[] = {
        {"Bohemian Rhapsody", "bohemian|rhapsody", false, "[Bohemian] [Rhapsody]"},
        {"Bohemian Rhapsody", "rhap", true, "Bohemian [Rhap]sody"},
        {"Bohemian Rhapsody", "rhap", false, "Bohemian Rhapsody"},
        {"Rhapsody in Rhap", "rhapsody|rhap", true, "[Rhapsody] in [Rhap]"},
        {"Don't Stop", "dont", false, "[Don't] Stop"},
        {"Don’t Stop", "don", true, "[Don’]t Stop"},
        {"Beyoncé: Déjà Vu", "beyonce|deja", false, "[Beyoncé]: [Déjà] Vu"},
        {"Beyonce\xcc\x81 live", "beyonce", false, "[Beyonce\xcc\x81] live"}, /* decomposed */
        {"Große Straße", "strasse", false, "Große [Straße]"},
        {"Straße", "stras", true, "[Straß]e"}, /* a whole character */
        {"Ænima", "ae", true, "[Æ]nima"},
        {"Señorita Niña", "nina", false, "Señorita [Niña]"},
        {"Coração", "coracao", false, "[Coração]"},
        {"L'été indien", "lete", false, "[L'été] indien"},
        {"Perché no", "perche", false, "[Perché] no"},
        {"Miłość i łzy", "milosc|lzy", false, "[Miłość] i [łzy]"},
        {"Группа крови", "крови", false, "Группа [крови]"},
        {"ёлка", "елка", false, "[ёлка]"},
        {"حَبِيبِي", "حبيبي", false, "[حَبِيبِي]"}, /* vowel signs */
        {"أنت عمري", "انت", false, "[أنت] عمري"},
        {"שָׁלוֹם עולם", "שלום", false, "[שָׁלוֹם] עולם"},
        {"봄날의 사랑", "사랑", false, "봄날의 [사랑]"},
        {"사랑해요", "사랑", true, "[사랑]해요"},
        {"夜の東京タワー", "東京", false, "夜の[東京]タワー"},
        {"ドリーム", "どり", false, "[ドリ]ーム"}, /* katakana, and voiced */
        {"アンダー・ザ・シー", "アンダーザシー", false, "[アンダー・ザ・シー]"},
        {"花花花", "花", false, "[花][花][花]"},
        {"AC/DC Live", "ac|dc", false, "[AC]/[DC] Live"},
        {"", "a", false, ""},
        {"nothing", "", false, "nothing"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t got BUF_SCOPED = BUF_INIT;
        mark(cases[i].text, cases[i].words, cases[i].is_typing, &got);
        cr_expect(str_equal(buf_str(&got), str_from(cases[i].want)), "\"%s\" for \"%s\": %s",
                  cases[i].text, cases[i].words, buf_terminated(&got));
    }
}

Test(highlight, so_many_spans_and_no_more)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    words_t matched SCOPED(words_deinit);
    search_span_t spans[SEARCH_SPANS_MAX];
    for (int i = 0; i < 100; i++)
        buf_append(&text, STR("la di "));
    words_init(&matched, "la");

    cr_assert(search_highlight(buf_str(&text), &matched.names, false, spans) == SEARCH_SPANS_MAX);
}
