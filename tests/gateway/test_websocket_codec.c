#include "gateway/websocket.h"
#include "gateway/websocket_codec.h"
#include "runtime/base/random.h"
#include "runtime/base/utf8.h"
#include "tests/support/check.h"

enum { MESSAGE_SIZE_MAX = 1000 };

/* Appends a masked frame; form: 0 the minimal length, else 2 or 8 bytes of it. */
static void put_frame(buf_t *out, int first_byte, const void *payload, size_t size, int form)
{
    static const uint8_t mask[4] = {1, 2, 4, 0xff};
    size_t length_size = form != 0 ? (size_t)form : size < 126 ? 0 : size < 65536 ? 2 : 8;
    buf_append_char(out, (char)first_byte);
    buf_append_char(out, (char)(0x80 | (length_size == 0 ? size : length_size == 2 ? 126 : 127)));
    for (size_t i = 0; i < length_size; i++)
        buf_append_char(out, (char)((uint64_t)size >> (8 * (length_size - 1 - i))));
    buf_append_bytes(out, mask, 4);
    for (size_t i = 0; i < size; i++)
        buf_append_char(out, (char)(((const uint8_t *)payload)[i] ^ mask[i % 4]));
}

static void put(buf_t *out, int first_byte, const char *text)
{
    put_frame(out, first_byte, text, strlen(text), 0);
}

/* Writes what the reader says of the bytes, `step` at a time: "T(abc)P()C1000(x)F1002". */
static void read_all(str_t bytes, size_t step, buf_t *out)
{
    websocket_reader_t reader;
    websocket_reader_init(&reader, MESSAGE_SIZE_MAX);
    for (size_t at = 0; at < bytes.size; at += step) {
        str_t part = str_slice(bytes, at, at + step);
        while (part.size > 0 && !reader.is_ended) {
            size_t used;
            websocket_event_t event = websocket_reader_step(&reader, part.data, part.size, &used);
            cr_assert(used <= part.size);
            part = str_slice(part, used, part.size);
            if (event == WEBSOCKET_MORE)
                break;
            buf_append_char(out, "?TBPQCF"[event]);
            if (event == WEBSOCKET_CLOSE || event == WEBSOCKET_FAILED)
                buf_append_u64(out, reader.code);
            if (event != WEBSOCKET_FAILED)
                buf_printf(out, "(%.*s)", STR_ARG(reader.payload));
        }
    }
    websocket_reader_deinit(&reader);
}

typedef struct piece {
    int first_byte;
    const char *bytes;
    size_t size;
    int form;
} piece_t;

#define P(first_byte, text)                                                                        \
    {                                                                                              \
        first_byte, text, sizeof(text) - 1, 0                                                      \
    }

Test(websocket_codec, frames_mean_what_the_RFC_says_however_they_are_cut)
{
    static const struct {
        const char *what;
        piece_t pieces[6];
        const char *want;
    } cases[] = {
        {"§5.6 a text", {P(0x81, "Hello")}, "T(Hello)"},
        {"an empty text", {P(0x81, "")}, "T()"},
        {"a binary", {P(0x82, "\xff\x00\xfe")}, "B(\xff"},
        {"§5.4 fragments", {P(0x01, "a"), P(0x00, "b"), P(0x80, "c")}, "T(abc)"},
        {"empty fragments", {P(0x01, ""), P(0x00, ""), P(0x80, "")}, "T()"},
        {"a ping between fragments", {P(0x01, "a"), P(0x89, "p"), P(0x80, "b")}, "P(p)T(ab)"},
        {"two messages", {P(0x81, "a"), P(0x81, "b")}, "T(a)T(b)"},
        {"a continuation of nothing", {P(0x80, "a")}, "F1002"},
        {"a text inside a text", {P(0x01, "a"), P(0x81, "b")}, "F1002"},
        {"a continuation after the end", {P(0x81, "a"), P(0x80, "b")}, "T(a)F1002"},
        {"§5.5 a fragmented ping", {P(0x09, "a")}, "F1002"},
        {"a fragmented close", {P(0x08, "\x03\xe8")}, "F1002"},
        {"§5.2 RSV1", {P(0xc1, "a")}, "F1002"},
        {"RSV2", {P(0xa1, "a")}, "F1002"},
        {"RSV3", {P(0x91, "a")}, "F1002"},
        {"opcode 3", {P(0x83, "a")}, "F1002"},
        {"opcode 7", {P(0x87, "a")}, "F1002"},
        {"opcode 11", {P(0x8b, "a")}, "F1002"},
        {"opcode 15", {P(0x8f, "a")}, "F1002"},
        {"a length not minimal, 16 bits", {{0x81, "abc", 3, 2}}, "F1002"},
        {"a length not minimal, 64 bits", {{0x81, "abc", 3, 8}}, "F1002"},
        {"a pong", {P(0x8a, "x"), P(0x81, "a")}, "Q(x)T(a)"},
        {"§5.5.1 close without a code", {P(0x88, "")}, "C1005()"},
        {"close with one byte", {P(0x88, "\x03")}, "F1002"},
        {"close with a code", {P(0x88, "\x03\xe8")}, "C1000()"},
        {"close with a reason", {P(0x88, "\x03\xe8 bye")}, "C1000( bye)"},
        {"nothing after close", {P(0x88, "\x03\xe8"), P(0x81, "a")}, "C1000()"},
        {"§7.4 close 999", {P(0x88, "\x03\xe7")}, "F1002"},
        {"close 1004", {P(0x88, "\x03\xec")}, "F1002"},
        {"close 1005", {P(0x88, "\x03\xed")}, "F1002"},
        {"close 1006", {P(0x88, "\x03\xee")}, "F1002"},
        {"close 1015", {P(0x88, "\x03\xf7")}, "F1002"},
        {"close 2999", {P(0x88, "\x0b\xb7")}, "F1002"},
        {"close 3000", {P(0x88, "\x0b\xb8")}, "C3000()"},
        {"close 4999", {P(0x88, "\x13\x87")}, "C4999()"},
        {"close 5000", {P(0x88, "\x13\x88")}, "F1002"},
        {"close with a broken reason", {P(0x88, "\x03\xe8\xff")}, "F1007"},
        {"close with half a character", {P(0x88, "\x03\xe8\xc3")}, "F1007"},
        {"§8.1 broken text", {P(0x81, "a\xff")}, "F1007"},
        {"a character over two fragments",
         {P(0x01, "\xe2\x82"), P(0x80, "\xac")},
         "T(\xe2\x82\xac)"},
        {"half a character at the end", {P(0x81, "\xe2\x82")}, "F1007"},
        {"half a character, then another fragment", {P(0x01, "\xe2"), P(0x80, "a")}, "F1007"},
        {"fails before the end: the message stays open", {P(0x01, "\xed\xa0")}, "F1007"},
        {"overlong", {P(0x01, "\xc0\xaf")}, "F1007"},
        {"past U+10FFFF", {P(0x01, "\xf4\x90")}, "F1007"},
        {"broken bytes in a binary", {P(0x82, "\xff\xfe")}, "B(\xff\xfe)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 1; step <= 100; step = step == 1 ? 3 : step == 3 ? 100 : 101) {
            buf_t bytes BUF_SCOPED = BUF_INIT, got BUF_SCOPED = BUF_INIT;
            for (const piece_t *piece = cases[i].pieces; piece->bytes != NULL; piece++)
                put_frame(&bytes, piece->first_byte, piece->bytes, piece->size, piece->form);
            read_all(buf_str(&bytes), step, &got);
            str_t want = str_from(cases[i].want);
            bool is_same = str_equal(want, STR("B(\xff")) ? str_starts_with(buf_str(&got), want)
                                                          : str_equal(buf_str(&got), want);
            cr_expect(is_same, "%s, by %zu: got %.*s, not %s", cases[i].what, step,
                      STR_ARG(buf_str(&got)), cases[i].want);
        }
}

Test(websocket_codec, a_header_alone_is_enough_to_refuse)
{
    static const struct {
        const char *what, *bytes;
        size_t size;
        const char *want;
    } cases[] = {
        {"§5.1 no mask", "\x81\x05", 2, "F1002"},
        {"no mask, one byte", "\x81", 1, ""},
        {"a ping of 126", "\x89\xfe", 2, "F1002"},
        {"the top bit of 64", "\x81\xff\x80\0\0\0\0\0\0\0", 10, "F1002"},
        {"2^40", "\x81\xff\0\0\1\0\0\0\0\0", 10, "F1009"},
        {"one more than allowed", "\x81\xfe\x03\xe9", 4, "F1009"},
        {"as many as allowed", "\x81\xfe\x03\xe8", 4, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 1; step <= 100; step += 99) {
            buf_t got BUF_SCOPED = BUF_INIT;
            read_all(str_of(cases[i].bytes, cases[i].size), step, &got);
            cr_expect(str_equal(buf_str(&got), str_from(cases[i].want)), "%s: got %.*s",
                      cases[i].what, STR_ARG(buf_str(&got)));
        }
}

Test(websocket_codec, fragments_together_are_bounded_as_one_message)
{
    char text[600];
    memset(text, 'a', sizeof text);
    buf_t fits BUF_SCOPED = BUF_INIT, not BUF_SCOPED = BUF_INIT, got BUF_SCOPED = BUF_INIT,
               refused BUF_SCOPED = BUF_INIT;
    put_frame(&fits, 0x01, text, 600, 0);
    put_frame(&fits, 0x80, text, 400, 0);
    put_frame(&fits, 0x81, text, 600, 0);
    put_frame(&not, 0x01, text, 600, 0);
    put_frame(&not, 0x80, text, 401, 0);

    read_all(buf_str(&fits), 64, &got);
    read_all(buf_str(&not ), 64, &refused);

    cr_expect(eq(sz, got.size, 2 * 3 + 1000 + 600));
    check_str(buf_str(&refused), STR("F1009"));
}

/* The model: messages chosen at random, cut into fragments at random, with pings between, come out
 * as they went in. */
Test(websocket_codec, random_messages_survive_random_cuts)
{
    random_seed_t seed = {20261122};
    ms_random_t random = random_seeded(&seed);
    for (int round = 0; round < 300; round++) {
        buf_t bytes BUF_SCOPED = BUF_INIT, want BUF_SCOPED = BUF_INIT, got BUF_SCOPED = BUF_INIT;
        for (uint64_t messages = 1 + random_below(&random, 4); messages > 0; messages--) {
            char text[MESSAGE_SIZE_MAX];
            size_t size = (size_t)random_below(&random, sizeof text + 1), at = 0;
            bool is_text = random_below(&random, 2) == 0;
            for (size_t i = 0; i < size; i++)
                text[i] =
                    (char)(is_text ? 'a' + random_below(&random, 26) : random_below(&random, 256));
            for (bool is_first = true; is_first || at < size; is_first = false) {
                size_t step = (size_t)random_below(&random, size - at + 1);
                bool is_final = at + step == size;
                put_frame(&bytes,
                          (is_final ? 0x80 : 0) | (!is_first ? 0
                                                   : is_text ? 1
                                                             : 2),
                          text + at, step, 0);
                at += step;
                if (is_final)
                    break;
                if (random_below(&random, 3) == 0) {
                    put(&bytes, 0x89, "p");
                    buf_append(&want, STR("P(p)"));
                }
            }
            buf_append_char(&want, is_text ? 'T' : 'B');
            buf_printf(&want, "(%.*s)", (int)size, text);
        }
        read_all(buf_str(&bytes), 1 + (size_t)random_below(&random, 50), &got);
        cr_assert(str_equal(buf_str(&got), buf_str(&want)), "round %d", round);
    }
}

Test(websocket_codec, the_incremental_UTF_8_agrees_with_the_whole_one)
{
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    size_t valid = 0;
    for (int round = 0; round < 200000; round++) {
        char text[6];
        size_t size = 1 + (size_t)random_below(&random, sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = (char)edges[random_below(&random, COUNT_OF(edges))];
        utf8_reader_t reader = {0};
        bool is_valid = utf8_reader_take(&reader, str_of(text, size)) && reader.left == 0;
        valid += is_valid;
        cr_assert(is_valid == utf8_is_valid(str_of(text, size)), "round %d", round);
    }
    cr_assert(gt(sz, valid, 1000));
}

Test(websocket_codec, a_header_to_the_client_is_minimal)
{
    static const struct {
        uint64_t size;
        size_t header_size;
        const char *bytes;
    } cases[] = {{0, 2, "\x81\x00"},
                 {125, 2, "\x81\x7d"},
                 {126, 4, "\x81\x7e\x00\x7e"},
                 {65535, 4, "\x81\x7e\xff\xff"},
                 {65536, 10, "\x81\x7f\0\0\0\0\0\x01\0\0"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t header[WEBSOCKET_HEADER_SIZE_MAX];
        size_t size = websocket_header(OPCODE_TEXT, cases[i].size, header);
        check_str(str_of(header, size), str_of(cases[i].bytes, cases[i].header_size));
    }
}
