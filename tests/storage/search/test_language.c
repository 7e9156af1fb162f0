#include "storage/search/fold.h"
#include "storage/search/language.h"
#include "tests/support/check.h"

Test(language, what_files_say_is_one_tag)
{
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"en", "en"},
        {"eng", "en"},
        {"ENG", "en"},
        {" English ", "en"},
        {"en-US", "en"},
        {"en_gb", "en"},
        {"English (UK)", "en"},
        {"ger", "de"},
        {"deu", "de"},
        {"Deutsch", "de"},
        {"fre", "fr"},
        {"français", "fr"},
        {"jpn", "ja"},
        {"日本語", "ja"},
        {"chi", "zh"},
        {"zh-Hant-TW", "zh"},
        {"cmn", "zh"},
        {"Cantonese", "yue"},
        {"gre", "el"},
        {"Greek, Modern (1453-)", "el"},
        {"iw", "he"},
        {"kor", "ko"},
        {"한국어", "ko"},
        {"العربية", "ar"},
        {"zxx", "zxx"},
        {"und", ""},
        {"xxx", ""},
        {"Unknown", ""},
        {"", ""},
        {" ; / ,", ""},
        {"eng/fra", "en fr"},
        {"eng; English, spa", "en es"},
        {"Sindarin", "Sindarin"},
        {"Sindarin/en", "Sindarin en"},
        {"qq-XX", "qq-XX"},
        {"\xff\xfe", "\xff\xfe"},
        {"aa,ab,ace,ach,ada,ae,af,ak,am", "aa ab ace ach ada ae af ak"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t got BUF_SCOPED = BUF_INIT;
        str_t tags[LANGUAGES_MAX];
        size_t count;
        check_ok(language_tags(str_from(cases[i].value), tags, &count));
        for (size_t k = 0; k < count; k++)
            buf_printf(&got, "%s%.*s", k > 0 ? " " : "", STR_ARG(tags[k]));
        check_str(buf_str(&got), str_from(cases[i].want));
    }
}

Test(language, a_tag_has_a_name_and_what_is_none_is_its_own)
{
    check_str(language_name(STR("de")), STR("German"));
    check_str(language_name(STR("yue")), STR("Cantonese"));
    check_str(language_name(STR("Sindarin")), STR("Sindarin"));
    check_str(language_name(STR("")), STR(""));
}

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

/* Both are searched by halving, and a name is compared with a folded text. */
Test(language, the_lists_are_sorted_and_folded_and_every_row_is_found)
{
    for (size_t i = 1; i < COUNT_OF(names); i++)
        cr_assert(str_compare(names[i - 1].key, names[i].key) < 0, "%s", names[i].key.data);
    for (size_t i = 0; i < COUNT_OF(called); i++) {
        buf_t folded BUF_SCOPED = BUF_INIT;
        str_t tags[LANGUAGES_MAX];
        size_t count;
        fold_append(&folded, called[i].key);
        check_str(buf_str(&folded), called[i].key);
        cr_assert(i == 0 || str_compare(called[i - 1].key, called[i].key) < 0, "%s",
                  called[i].key.data);
        check_ok(language_tags(called[i].key, tags, &count));
        cr_assert(count == 1 && str_equal(tags[0], called[i].value), "%s", called[i].key.data);
        bool has_name = !str_equal(language_name(tags[0]), tags[0]);
        cr_assert(has_name, "%s", called[i].key.data);
    }
}
