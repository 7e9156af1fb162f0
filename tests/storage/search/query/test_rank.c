#include "storage/search/fold.h"
#include "storage/search/query/rank.h"
#include "tests/support/check.h"

typedef struct text {
    const char *title, *artist, *album, *others;
    uint32_t popularity;
    search_kind_t kind;
} text_t;

static str_t folded(arena_t *arena, const char *text)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    fold_append(&out, str_from(text));
    return arena_str(arena, buf_str(&out));
}

static double score_of(const char *typed, bool is_typing, const text_t *text,
                       rank_detail_t *out_detail)
{
    arena_t arena ARENA_SCOPED = {0};
    question_t question;
    check_ok(question_parse(&arena, str_from(typed), is_typing, &question));
    search_entry_t entry = {
        .kind = text->kind,
        .popularity = text->popularity,
        .title = folded(&arena, text->title),
        .artist = folded(&arena, text->artist),
        .album = folded(&arena, text->album),
        .others = folded(&arena, text->others),
    };
    return rank_entry(&question, &entry, out_detail);
}

Test(rank, what_comes_before_what)
{
    static const struct {
        const char *what, *typed;
        bool is_typing;
        text_t first, second;
    } cases[] = {
        {"the exact title, however unpopular",
         "love",
         false,
         {.title = "Love", .popularity = 0},
         {.title = "Love Me Do", .artist = "The Beatles", .popularity = 100}},
        {"the original before its cover",
         "hallelujah",
         false,
         {.title = "Hallelujah", .artist = "Leonard Cohen", .popularity = 60},
         {.title = "Hallelujah", .artist = "Somebody", .popularity = 30}},
        {"the original before a longer title",
         "bohemian rhapsody queen",
         false,
         {.title = "Bohemian Rhapsody", .artist = "Queen", .popularity = 50},
         {.title = "Bohemian Rhapsody (Tribute to Queen)", .artist = "X", .popularity = 50}},
        {"a word in the title before one in the album",
         "thriller",
         false,
         {.title = "Thriller Night", .popularity = 50},
         {.title = "Beat It", .album = "Thriller", .popularity = 60}},
        {"as typed before misspelt",
         "hallo",
         false,
         {.title = "Hallo Welt", .popularity = 50},
         {.title = "Hello World", .popularity = 60}},
        {"one mistake before two",
         "yesterday",
         false,
         {.title = "Yesterdey", .popularity = 50},
         {.title = "Yestordey", .popularity = 60}},
        {"as much of the title as there is",
         "helo",
         false,
         {.title = "Hello", .popularity = 50},
         {.title = "Hello World", .popularity = 65}},
        {"more of the artist",
         "quen",
         false,
         {.title = "A", .artist = "Queen", .popularity = 50},
         {.title = "A", .artist = "Queen Sometimes", .popularity = 54}},
        {"the order that was typed",
         "me and you",
         false,
         {.title = "Me and You Too", .popularity = 50},
         {.title = "You Too and Me", .popularity = 60}},
        {"all words before all but one",
         "smells like teen",
         false,
         {.title = "Smells Like Teen Spirit", .popularity = 10},
         {.title = "Smells Like Victory", .popularity = 70}},
        {"an artist before a song of the same name",
         "queen",
         false,
         {.title = "Queen", .popularity = 60, .kind = SEARCH_ARTIST},
         {.title = "Queen", .popularity = 60}},
        {"another name of it",
         "sukiyaki",
         false,
         {.title = "上を向いて歩こう", .others = "Sukiyaki", .popularity = 50},
         {.title = "Tokyo", .album = "Sukiyaki Hits", .popularity = 60}},
        {"a beginning of the title while typing",
         "bohemian rha",
         true,
         {.title = "Bohemian Rhapsody", .popularity = 50},
         {.title = "A Rhapsody for a Bohemian", .popularity = 60}},
        {"all of a CJK run before a part",
         "東京タワー",
         false,
         {.title = "東京タワー", .popularity = 10},
         {.title = "東京の夜", .popularity = 90}},
        {"all of a CJK run but a character before a part of a longer title",
         "夜に掛ける",
         false,
         {.title = "夜に駆ける", .popularity = 30},
         {.title = "夜に掛け声の聞こえる", .popularity = 60}},
        {"spelled by ear before nothing alike",
         "hey jood",
         false,
         {.title = "Hey Jude", .popularity = 60},
         {.title = "Wey Good", .popularity = 60}},
        {"as typed before what sounds so",
         "lite fire",
         false,
         {.title = "Lite Fire", .popularity = 50},
         {.title = "Light Fire", .popularity = 80}},
        {"characters in order before the same ones in another",
         "海空風",
         false,
         {.title = "海風", .popularity = 10},
         {.title = "風海", .popularity = 90}},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rank_detail_t of_first, of_second;
        double first = score_of(cases[i].typed, cases[i].is_typing, &cases[i].first, &of_first);
        double second = score_of(cases[i].typed, cases[i].is_typing, &cases[i].second, &of_second);
        cr_expect(first > second, "%s: \"%s\" %.2f, %.2f", cases[i].what, cases[i].typed, first,
                  second);
    }
}

Test(rank, how_a_word_is_matched)
{
    static const struct {
        const char *typed;
        bool is_typing;
        const char *title;
        rank_how_t how; /* of the first word */
    } cases[] = {
        {"rhapsody", false, "Bohemian Rhapsody", RANK_EXACT},
        {"rhap", true, "Bohemian Rhapsody", RANK_BEGINNING},
        {"rhap", false, "Bohemian Rhapsody", RANK_NOT},
        {"rapsody", false, "Bohemian Rhapsody", RANK_NEAR},
        {"teenspirit", false, "Smells Like Teen Spirit", RANK_JOINED},
        {"smellsliketeenspirit", false, "Smells Like Teen Spirit", RANK_JOINED},
        {"thunder struck", false, "Thunderstruck", RANK_JOINED},
        {"lite", false, "Light My Fire", RANK_SOUND},
        {"lit", true, "Light My Fire", RANK_NOT}, /* it may go on */
        {"東京タ", false, "夜の東京タワー", RANK_EXACT},
        {"東京湾", false, "東京の夜", RANK_PART},
        {"東京夕ワー", false, "東京タワー", RANK_NEAR},
        {"とうぎょう", false, "とうきょう", RANK_NEAR}, /* a voicing mark */
        {"東京夕ワー", false, "夜の東京タワー", RANK_PART},
        {"東", false, "京", RANK_NOT},
        {"テーセ", false, "テーゼ", RANK_NEAR}, /* not as a part of it */
        {"xylophone", false, "Bohemian Rhapsody", RANK_NOT},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rank_detail_t detail;
        text_t text = {.title = cases[i].title};
        score_of(cases[i].typed, cases[i].is_typing, &text, &detail);
        cr_expect(detail.matches[0].how == cases[i].how, "\"%s\" in \"%s\": %s", cases[i].typed,
                  cases[i].title, rank_how_text(detail.matches[0].how));
    }
}

Test(rank, a_word_that_is_found_covers_itself_and_no_other)
{
    rank_detail_t detail;
    text_t text = {.title = "Abcxyz Love"};

    score_of("abcdef", false, &text, &detail); /* farther than it is looked up */

    cr_assert(detail.matches[0].how == RANK_NEAR && detail.matches[0].place == 0);
    cr_assert(detail.coverage > 0.99 && detail.coverage < 1.01);
    text.title = "Viva la Vida";
    score_of("viva la vita", false, &text, &detail); /* as near to both */
    cr_assert(detail.matches[2].place == 2);
    cr_assert(detail.coverage > 1.99);
}

Test(rank, the_parts_sum_up_to_the_score)
{
    rank_detail_t detail;
    text_t text = {.title = "Bohemian Rhapsody", .artist = "Queen", .popularity = 80};

    double score = score_of("queen bohemain rhapsody", false, &text, &detail);

    double sum = detail.words + detail.coverage + detail.order + detail.whole + detail.artist +
                 detail.popularity + detail.kind;
    cr_assert(score > sum - 1e-9 && score < sum + 1e-9);
    check_true(detail.is_answer && !detail.is_exact && !detail.is_whole);
}

Test(rank, more_words_than_a_field_is_looked_at_for_are_left_out)
{
    buf_t title BUF_SCOPED = BUF_INIT;
    rank_detail_t detail;
    for (int i = 0; i < 40; i++)
        buf_printf(&title, "word%c%c ", 'a' + i / 26, 'a' + i % 26);
    text_t text = {.title = buf_terminated(&title)};

    score_of("wordaa", false, &text, &detail);
    cr_assert(detail.matches[0].how == RANK_EXACT);
    score_of("wordbn", false, &text, &detail);
    cr_assert(detail.matches[0].how != RANK_EXACT);
}
