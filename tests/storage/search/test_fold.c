#include "runtime/base/random.h"
#include "runtime/base/utf8.h"
#include "storage/file.h"
#include "storage/search/fold.h"
#include "tests/support/check.h"

#include <stdlib.h>

Test(fold, every_line_of_the_golden_file_folds_as_it_says)
{
    const char *source = getenv("MS_SOURCE");
    buf_t path BUF_SCOPED = BUF_INIT, file BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/tests/storage/search/fold.golden", source == NULL ? "." : source);
    check_ok(file_read(buf_terminated(&path), 100000, &file));
    str_t rest = buf_str(&file), line;
    size_t lines = 0;

    while (str_next(&rest, '\n', &line)) {
        if (line.size == 0 || line.data[0] == '#')
            continue;
        buf_t folded BUF_SCOPED = BUF_INIT;
        size_t tab = str_find(line, '\t');
        str_t want = str_slice(line, tab + 1, line.size);
        fold_append(&folded, str_slice(line, 0, tab));
        cr_expect(str_equal(buf_str(&folded), want), "\"%.*s\" folds to \"%.*s\"", (int)tab,
                  line.data, STR_ARG(buf_str(&folded)));
        lines++;
    }

    cr_assert(lines > 50);
}

Test(fold, any_bytes_fold_to_valid_text_that_folds_to_itself)
{
    random_seed_t seed = {3};
    ms_random_t random = random_seeded(&seed);

    for (int round = 0; round < 5000; round++) {
        buf_t text BUF_SCOPED = BUF_INIT, once BUF_SCOPED = BUF_INIT, twice BUF_SCOPED = BUF_INIT;
        for (uint64_t i = random_below(&random, 12); i > 0; i--) {
            if (random_below(&random, 4) == 0)
                buf_append_char(&text, (char)random_u64(&random)); /* often not UTF-8 */
            else
                utf8_append(&text, (uint32_t)random_below(&random, 0x30000));
        }

        fold_append(&once, buf_str(&text));
        fold_append(&twice, buf_str(&once));

        cr_assert(utf8_is_valid(buf_str(&once)), "round %d", round);
        cr_assert(str_equal(buf_str(&once), buf_str(&twice)), "round %d: \"%.*s\" then \"%.*s\"",
                  round, STR_ARG(buf_str(&once)), STR_ARG(buf_str(&twice)));
        cr_assert(str_equal(str_trim(buf_str(&once)), buf_str(&once)));
    }
}

Test(fold, sorting_leaves_articles_out)
{
    static const struct {
        const char *text, *want;
    } cases[] = {{"The Beatles", "beatles"}, {"A Perfect Circle", "perfect circle"},
                 {"An Horse", "horse"},      {"The", "the"},
                 {"Theatre", "theatre"},     {"", ""}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t folded BUF_SCOPED = BUF_INIT;
        fold_sort_append(&folded, str_from(cases[i].text));
        check_str(buf_str(&folded), str_from(cases[i].want));
    }
}

Test(fold, a_long_word_is_cut_at_a_whole_code_point)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    str_t rest, word;
    for (int i = 0; i < 40; i++)
        buf_append(&text, STR("\xe6\x9d\xb1"));
    buf_append(&text, STR("  short"));
    rest = buf_str(&text);

    cr_assert(fold_next_word(&rest, &word));
    cr_assert(word.size == FOLD_WORD_SIZE_MAX && utf8_is_valid(word));
    cr_assert(fold_next_word(&rest, &word));
    check_str(word, STR("short"));
    cr_assert(fold_next_word(&rest, &word) == false);
}
