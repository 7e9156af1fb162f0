#include "bench/search/evil.h"

#include "runtime/base/assert.h"
#include "runtime/base/buf.h"

typedef struct evil {
    const char *piece, *gap;
    uint32_t times;
    uint32_t flags;
} evil_t;

enum { TYPING = 1, FACETS = 2, LYRICS = 4, DEEP = 8, EXPLAIN = 16 };

static const evil_t evils[] = {
    /* Common words: long lists, few of which meet. */
    {"the you love me my of in to a i it your on for is and", "", 1, FACETS},
    {"the ", "", 16, TYPING},
    {"a ", "", 200, FACETS},
    {"love night heart time world", "", 1, DEEP | EXPLAIN},
    {"", "", 1, FACETS | DEEP},
    /* One letter, being typed. */
    {"t", "", 1, TYPING | FACETS},
    {"e e e e e e e e e e e e e e e e", "", 1, TYPING},
    /* Words that nothing is like, and words that much is like: two edits each. */
    {"qxzvkj wqxzjv zzxqjw vxzqwk jqxzvw kqzxvj xqzwvj zxqvwk", " ", 2, TYPING},
    {"talara ramala marara lamara saramo nelara rateni ranela", " ", 2, 0},
    {"merala terano senala melora", " ", 4, TYPING},
    {"stanra", " ", 16, TYPING},
    {"tenteteten", " ", 16, 0},
    /* Long ones. */
    {"a", "", 512, 0},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl ", "", 8, 0},
    {"x1 ", "", 170, TYPING},
    {"ab", " ", 170, 0},
    /* Every word in two, every two in one. */
    {"loveheart", "nightday", 10, 0},
    {"th un de rs tr uc kb oh em ia nr ha ps od yl ov", "", 1, TYPING},
    /* No blanks. */
    {"の", "", 170, 0},
    {"愛夜風月海夢花雪星光山河春秋雨心影城天地歌紅青龍鳥雲路", "", 6, 0},
    {"ー", "", 170, TYPING},
    {"ひ", " ", 100, 0},
    {"사랑", " ", 60, TYPING},
    {"ال", " ", 100, TYPING},
    /* What is no text. */
    {"\xff\xfe\xc0\x80", "", 128, 0},
    {"\xcc\x81", "", 256, 0},
    {"\xef\xb7\xba", "", 170, 0}, /* U+FDFA: 18 characters each */
    {"....----", "''''", 40, 0},
    /* Lyrics of words that all have. */
    {"the you love me my of in to", "", 1, LYRICS},
    {"the ", "", 16, LYRICS},
    {"you love me you love me you love me you love me you", "", 1, LYRICS | DEEP},
};

size_t evil_count(void)
{
    return COUNT_OF(evils);
}

search_request_t evil_request(size_t number, arena_t *arena)
{
    const evil_t *evil = &evils[number];
    buf_t text BUF_SCOPED = BUF_INIT;
    search_request_t request = {.is_typing = (evil->flags & TYPING) != 0,
                                .wants_facets = (evil->flags & FACETS) != 0,
                                .in_lyrics = (evil->flags & LYRICS) != 0,
                                .wants_explanation = (evil->flags & EXPLAIN) != 0};
    for (uint32_t i = 0; i < evil->times; i++)
        buf_printf(&text, "%s%s", i > 0 ? evil->gap : "", evil->piece);
    request.text = arena_str(arena, buf_str(&text));
    for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        request.first[kind] = 100;
        request.offset[kind] = (evil->flags & DEEP) != 0 ? SEARCH_RANKED_MAX - 100 : 0;
    }
    ASSERT(buf_status(&text) == ERR_OK && request.text.data != NULL);
    return request;
}
