#include "storage/exchange/subsonic_answer.h"

#include "runtime/base/buf.h"
#include "tests/support/check.h"

#define JSON(members) "{\"subsonic-response\":{\"status\":\"ok\"," members "}}"
#define XML(children)                                                                              \
    "<?xml version=\"1.0\"?>\n<subsonic-response xmlns=\"http://subsonic.org/restapi\" "           \
    "status=\"ok\">" children "</subsonic-response>"

Test(subsonic_answer, both_forms_and_every_habit_say_the_same)
{
    static const struct {
        const char *what, *text;
    } cases[] = {
        {"JSON", JSON("\"list\":{\"song\":[{\"id\":\"7\",\"title\":\"A & B\",\"playCount\":3,"
                      "\"isDir\":true}]}")},
        {"a list of one that is none, numbers as text",
         JSON("\"list\":{\"song\":{\"id\":7,\"title\":\"A & B\",\"playCount\":\"3\",\"isDir\":"
              "\"true\"}}")},
        {"parts of numbers, a byte order mark",
         "\xef\xbb\xbf " JSON("\"list\":[{\"song\":[{\"id\":7,\"title\":\"A \\u0026 B\","
                              "\"playCount\":3.9,\"isDir\":true}]}]")},
        {"XML", XML("<list><song id=\"7\" title=\"A &amp; B\" playCount=\"3\" isDir=\"true\"/>"
                    "</list>")},
        {"XML with a prefix and parts of numbers",
         "<s:subsonic-response xmlns:s=\"http://subsonic.org/restapi\" status=\"ok\"><s:list>"
         "<s:song id=\"7\" title=\"A &#38; B\" playCount=\"3.5\" isDir=\"true\">text</s:song>"
         "</s:list></s:subsonic-response>"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
        check_ok(subsonic_answer_read(str_from(cases[i].text), &answer));

        const subsonic_node_t *list = subsonic_child(answer.response, "list");
        const subsonic_node_t *song = subsonic_at(list, "song", 0);
        bool is_right = str_equal(subsonic_text(&answer, answer.response, "status"), STR("ok")) &&
                        subsonic_count(list, "song") == 1 && subsonic_at(list, "song", 1) == NULL &&
                        str_equal(subsonic_text(&answer, song, "id"), STR("7")) &&
                        str_equal(subsonic_text(&answer, song, "title"), STR("A & B")) &&
                        subsonic_number(song, "playCount") == 3 && subsonic_is(song, "isDir") &&
                        subsonic_number(song, "title") == 0 && !subsonic_is(song, "id") &&
                        subsonic_text(&answer, song, "nothing").size == 0 &&
                        subsonic_count(song, "id") == 0 && subsonic_child(song, "id") == NULL;
        cr_expect(is_right, "%s", cases[i].what);
    }
}

Test(subsonic_answer, what_is_no_answer_is_refused)
{
    static const struct {
        const char *what, *text;
        err_t want;
    } cases[] = {
        {"nothing", "", ERR_INVALID},
        {"blanks", " \n", ERR_INVALID},
        {"a page", "<!DOCTYPE html><html><body>Hi</body></html>", ERR_INVALID},
        {"a page without a type", "<html><body>Hi</body></html>", ERR_INVALID},
        {"an entity of its own",
         "<!DOCTYPE x [<!ENTITY a \"b\">]><subsonic-response status=\"&a;\"/>", ERR_INVALID},
        {"other JSON", "{\"error\":\"no\"}", ERR_INVALID},
        {"no object", "[1,2]", ERR_INVALID},
        {"an envelope that is text", "{\"subsonic-response\":\"ok\"}", ERR_INVALID},
        {"half of it", "{\"subsonic-response\":{\"status\"", ERR_INVALID},
        {"not UTF-8", "{\"subsonic-response\":{\"status\":\"\xff\"}}", ERR_INVALID},
        {"an element called as an attribute", "<subsonic-response a=\"1\"><a/></subsonic-response>",
         ERR_INVALID},
        {"too deep", "{\"subsonic-response\":{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}",
         ERR_LIMIT},
        {"too deep in XML",
         "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a>"
         "</a></a></a></a></a></a></a></a></a></a>",
         ERR_LIMIT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
        err_t got = subsonic_answer_read(str_from(cases[i].text), &answer);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_text(got));
        cr_expect(answer.tree == NULL, "%s", cases[i].what);
    }
}

Test(subsonic_answer, a_text_that_is_too_long_is_none)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    for (size_t more = 0; more < 2; more++) {
        subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
        buf_reset(&text);
        buf_append(&text, STR("{\"subsonic-response\":{\"name\":\""));
        for (size_t i = 0; i < SUBSONIC_TEXT_SIZE_MAX + more; i++)
            buf_append_char(&text, 'x');
        buf_append(&text, STR("\"}}"));
        check_ok(subsonic_answer_read(buf_str(&text), &answer));

        str_t name = subsonic_text(&answer, answer.response, "name");

        cr_assert(eq(sz, name.size, more == 0 ? SUBSONIC_TEXT_SIZE_MAX : 0));
    }
}
