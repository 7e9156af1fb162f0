#include "storage/search/index/common_words.h"
#include "storage/search/index/terms.h"
#include "tests/support/check.h"

/* "w:love p:l p:lo ..." of a document, in the order they come; without those of spaces that are not
 * in `spaces`. */
typedef struct written {
    buf_t text;
    const char *spaces;
} written_t;

static err_t write_term(void *context, str_t term, str_t name)
{
    written_t *self = context;
    if (strchr(self->spaces, term.data[0]) == NULL)
        return ERR_OK;
    if (self->text.size > 0)
        buf_append_char(&self->text, '|');
    buf_append_char(&self->text, term.data[0]);
    buf_append_char(&self->text, ':');
    buf_append(&self->text, str_slice(term, 1, term.size));
    if (name.size > 0) {
        buf_append_char(&self->text, '=');
        buf_append(&self->text, name);
    }
    return buf_status(&self->text);
}

static void write_terms(const search_document_t *document, const char *spaces, buf_t *out)
{
    buf_t record BUF_SCOPED = BUF_INIT, scratch BUF_SCOPED = BUF_INIT;
    written_t written = {.spaces = spaces};
    folded_t folded;
    check_ok(folded_append(&record, document));
    check_ok(folded_read(buf_str(&record), &folded));
    check_ok(terms_each(&folded, &scratch, write_term, &written));
    *out = written.text;
}

static void check_terms(const search_document_t *document, const char *spaces, const char *want)
{
    buf_t got BUF_SCOPED = BUF_INIT;
    write_terms(document, spaces, &got);
    check_str(buf_str(&got), str_from(want));
}

Test(terms, a_title_in_each_language)
{
    static const struct {
        const char *what, *title, *want;
    } cases[] = {
        {"English", "Don't Stop", "w:dont|p:d|p:do|p:don|w:stop|p:s|p:st|p:sto|t:dontstop"},
        {"one letter", "I", "w:i|p:i|t:i"},
        {"two", "Go", "w:go|p:g|p:go|t:go"},
        {"German", "Süßer Ärger", "w:susser|p:s|p:su|p:sus|w:arger|p:a|p:ar|p:arg|t:susserarger"},
        {"Spanish", "Señorita", "w:senorita|p:s|p:se|p:sen|t:senorita"},
        {"Polish", "Łódź", "w:lodz|p:l|p:lo|p:lod|t:lodz"},
        {"Russian", "Ночь", "w:ночь|p:н|p:но|p:ноч|t:ночь"},
        {"Arabic", "حَبيبي", "w:حبيبي|p:ح|p:حب|p:حبي|t:حبيبي"},
        {"Hebrew", "שָׁלוֹם", "w:שלום|p:ש|p:של|p:שלו|t:שלום"},
        {"Chinese", "月亮", "w:月|w:亮|w:月亮|t:月亮|w:月^|w:亮$"},
        {"Japanese, its dot left out", "ア・イ", "w:あ|w:い|w:あい|t:あい|w:あ^|w:い$"},
        {"a voicing mark is its kana's", "がき",
         "w:か\u3099|w:き|w:か\u3099き|t:か\u3099き|w:か\u3099^|w:き$"},
        {"both", "abc東", "w:abc|p:a|p:ab|p:abc|w:東|t:abc東|w:東^|w:東$"},
        {"Korean, as letters", "가", "w:\u1100\u1161|p:\u1100|p:\u1100\u1161|t:\u1100\u1161"},
        {"nothing to read", "...", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        search_document_t document = {.title = str_from(cases[i].title)};
        buf_t got BUF_SCOPED = BUF_INIT;
        write_terms(&document, "wpt", &got);
        cr_expect(str_equal(buf_str(&got), str_from(cases[i].want)), "%s: %.*s", cases[i].what,
                  STR_ARG(buf_str(&got)));
    }
}

Test(terms, every_name_of_a_document_finds_it)
{
    const str_t others[] = {STR("Ein"), STR("---"), STR("Zwei")};
    search_document_t document = {.kind = SEARCH_TRACK,
                                  .title = STR("One"),
                                  .artist = STR("Two"),
                                  .album = STR("Three"),
                                  .others = {others, COUNT_OF(others)}};

    check_terms(&document, "w", "w:one|w:two|w:three|w:ein|w:zwei");
    check_terms(&document, "t", "t:one");
}

Test(terms, where_the_cjk_of_a_title_starts_and_ends_is_known_of_titles_alone)
{
    search_document_t document = {.title = STR("紅 蓮華 (Live) 夜"), .artist = STR("東京")};

    check_terms(&document, "w",
                "w:紅|w:蓮|w:紅蓮|w:華|w:蓮華|w:live|w:夜|w:東|w:京|w:東京|"
                "w:紅^|w:華$|w:夜^|w:夜$");
}

Test(terms, facets_are_folded_and_keep_their_names_and_roots_are_as_they_stand)
{
    const str_t genres[] = {STR("Hip-Hop"), STR("!!!"), STR("")};
    const str_t roots[] = {STR("Music"), STR("music")};
    search_document_t document = {.title = STR("x"),
                                  .year = 1987,
                                  .genres = {genres, COUNT_OF(genres)},
                                  .roots = {roots, COUNT_OF(roots)}};

    check_terms(&document, "GMDYLFR",
                "G:hip hop=Hip-Hop|G:!!!=!!!|R:Music=Music|R:music=music|D:1980=1980|Y:1987=1987");
}

Test(terms, what_is_too_long_is_cut_at_a_whole_character)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < 1000; i++)
        buf_append(&text, STR("\u0444")); /* two bytes, and 64 and 200 are even: one in front */
    buf_t title BUF_SCOPED = BUF_INIT;
    buf_append_char(&title, 'a');
    buf_append(&title, buf_str(&text));
    const str_t name = buf_str(&title);
    search_document_t document = {.title = name, .genres = {&name, 1}};
    buf_t record BUF_SCOPED = BUF_INIT, words BUF_SCOPED = BUF_INIT, titles BUF_SCOPED = BUF_INIT,
                 genres BUF_SCOPED = BUF_INIT;
    folded_t folded;

    check_ok(folded_append(&record, &document));
    check_ok(folded_read(buf_str(&record), &folded));
    write_terms(&document, "w", &words);
    write_terms(&document, "t", &titles);
    write_terms(&document, "G", &genres);

    cr_assert(eq(sz, folded.entry.title.size, 1023));
    cr_assert(eq(sz, words.size, 2 + 63));
    cr_assert(eq(sz, titles.size, 2 + 199));
    cr_assert(eq(sz, genres.size, 2 + 199 + 1 + 255));
}

Test(terms, of_many_names_the_first_are_taken)
{
    str_t names[SEARCH_NAMES_MAX + 1];
    char text[SEARCH_NAMES_MAX + 1][3];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        text[i][0] = 'n';
        text[i][1] = (char)('A' + i / 26);
        text[i][2] = (char)('a' + i % 26);
        names[i] = str_of(text[i], 3);
    }
    search_document_t document = {.others = {names, COUNT_OF(names)}};
    buf_t got BUF_SCOPED = BUF_INIT;

    write_terms(&document, "w", &got);

    cr_assert(str_contains(buf_str(&got), STR("nbf"))); /* the 32nd */
    cr_assert_not(str_contains(buf_str(&got), STR("nbg")));
}

Test(terms, lyrics_give_words_and_the_pairs_of_common_ones_but_no_times)
{
    search_document_t document = {
        .title = STR("x"),
        .lyrics = STR("[ar:Somebody]\r\n[00:12.34]Love <00:12.90>the silver\n[01:02]moonlight "
                      "waltz\n\n[12:00.00][13:00.00]東京\n\xff[Chorus]")};

    check_terms(&document, "lm",
                "l:ar|l:somebody|l:love|m:somebody love|l:the|m:love the|l:silver|m:the silver|"
                "l:moonlight|l:waltz|l:東|l:京|l:東京|l:chorus");
    check_terms(&document, "w", "w:x");
}

Test(terms, common_words_are_folded)
{
    static const char *const words[] = {"the", "que", "und", "на", "من", "על"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        cr_assert(common_words_has(str_from(words[i])), "%s", words[i]);
    }
    cr_assert_not(common_words_has(STR("silver")));
    cr_assert_not(common_words_has(STR("")));
}
