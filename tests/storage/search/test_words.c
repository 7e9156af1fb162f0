#include "runtime/base/buf.h"
#include "storage/search/fold.h"
#include "storage/search/words.h"
#include "tests/support/check.h"

Test(words, texts_are_taken_apart_at_blanks_and_where_the_script_changes)
{
    static const struct {
        const char *text, *want; /* CJK runs in brackets */
    } cases[] = {
        {"", ""},
        {"Bohemian  Rhapsody!", "bohemian|rhapsody"},
        {"abc東京 def", "abc|[東京]|def"},
        {"Café del Mar", "cafe|del|mar"},
        {"アンダー・ザ・シー", "[あんた\xe3\x82\x99ー]|[さ\xe3\x82\x99]|[しー]"},
        {"99 Luftballons 月", "99|luftballons|[月]"},
        {"รักเธอ", "[รกเธอ]"},
        {"Кино — Группа крови", "кино|группа|крови"},
        {"שלום עולם", "שלום|עולם"},
        {"feat.椎名林檎", "feat|[椎名林檎]"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t folded BUF_SCOPED = BUF_INIT, got BUF_SCOPED = BUF_INIT;
        fold_append(&folded, str_from(cases[i].text));
        str_t rest = buf_str(&folded);
        words_run_t run;
        while (words_next(&rest, &run))
            buf_printf(&got, run.is_cjk ? "%s[%.*s]" : "%s%.*s", got.size > 0 ? "|" : "",
                       STR_ARG(run.text));
        check_str(buf_str(&got), str_from(cases[i].want));
    }
}

Test(words, korean_is_words)
{
    buf_t folded BUF_SCOPED = BUF_INIT;
    words_run_t run;
    fold_append(&folded, STR("사랑 노래"));
    str_t rest = buf_str(&folded);

    check_true(words_next(&rest, &run) && !run.is_cjk);
    cr_assert(run.text.size == 5 * 3); /* five letters: s-a r-a-ng */
    check_true(words_next(&rest, &run) && !run.is_cjk);
    check_true(!words_next(&rest, &run));
}

Test(words, a_long_word_is_cut_and_the_rest_of_it_is_gone)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    words_run_t run;
    buf_append_char(&text, 'x');
    for (int i = 0; i < 40; i++)
        buf_append(&text, STR("é")); /* two bytes each */
    buf_append(&text, STR("é x"));
    str_t rest = buf_str(&text);

    check_true(words_next(&rest, &run));
    cr_assert(run.text.size == FOLD_WORD_SIZE_MAX);
    check_true(words_next(&rest, &run));
    check_str(run.text, STR("x"));
}

Test(words, a_voicing_mark_belongs_to_its_kana)
{
    cr_assert(words_character(STR("か\xe3\x82\x99く")) == 6);
    cr_assert(words_character(STR("か\xe3\x82\x99\xe3\x82\x99く")) == 6); /* one mark */
    cr_assert(words_character(STR("くか")) == 3);
    cr_assert(words_character(STR("")) == 0);
    cr_assert(words_character(STR("\xff\xff")) == 1);
}

Test(words, a_part_stands_at_whole_characters)
{
    static const struct {
        const char *text, *part;
        bool has;
    } cases[] = {
        {"かき", "か", true},       {"か\u3099き", "か", false},
        {"か\u3099か", "か", true}, {"か\u3099か\u3099", "か\u3099", true},
        {"は\u309a", "は", false},  {"かき", "くけ", false},
        {"か", "かき", false},      {"か", "", true},
        {"", "か", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(words_has(str_from(cases[i].text), str_from(cases[i].part)) == cases[i].has,
                  "%s in %s", cases[i].part, cases[i].text);
}
