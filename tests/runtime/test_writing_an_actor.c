#include "runtime/base/buf.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

static void read_file(const char *path, buf_t *out)
{
    const char *source = getenv("MS_SOURCE");
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", source == NULL ? "." : source, path);
    FILE *file = fopen(full, "r");
    cr_assert(file != NULL, "%s can be read", full);
    char room[4096];
    size_t size;
    while ((size = fread(room, 1, sizeof room, file)) > 0)
        buf_append_bytes(out, room, size);
    fclose(file);
    check_ok(buf_status(out));
}

/* The newcomer copies what is printed: it must be what is compiled. */
static void check_page(const char *page_path, const char *begin_of_listing,
                       const char *const *files, size_t file_count, size_t listings_min)
{
    buf_t sources BUF_SCOPED = BUF_INIT;
    buf_t page BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < file_count; i++)
        read_file(files[i], &sources);
    read_file(page_path, &page);

    str_t rest = buf_str(&page);
    size_t listings = 0;
    const str_t begin = str_from(begin_of_listing);
    while (str_contains(rest, begin)) {
        const char *at = memmem(rest.data, rest.size, begin.data, begin.size);
        rest = str_slice(rest, (size_t)(at - rest.data) + begin.size, rest.size);
        const char *end = memmem(rest.data, rest.size, "```", 3);
        cr_assert(end != NULL);
        str_t listing = str_slice(rest, 0, (size_t)(end - rest.data));
        cr_expect(str_contains(buf_str(&sources), listing), "%s: not in the sample:\n%.*s",
                  page_path, STR_ARG(listing));
        rest = str_slice(rest, listing.size + 3, rest.size);
        listings++;
    }
    cr_assert(ge(sz, listings, listings_min));
}

Test(writing_an_actor, every_listing_is_in_the_sample_word_for_word)
{
    static const char *const files[] = {"docs/samples/counter/counter.def",
                                        "docs/samples/counter/counter.h",
                                        "docs/samples/counter/counter.c",
                                        "docs/samples/counter/counter_actor.c",
                                        "tests/runtime/test_sample_counter.c",
                                        "docs/samples/door/door_actor.c",
                                        "docs/samples/desk/desk.c",
                                        "docs/samples/visitor/visitor_actor.c",
                                        "docs/samples/bakery/baker_actor.c",
                                        "docs/samples/bakery/shop_actor.c",
                                        "docs/samples/gate/gate_actor.c"};
    check_page("docs/writing-an-actor.md", "```c\n", files, COUNT_OF(files), 17);
}

Test(writing_a_plugin, every_listing_is_in_the_sample_word_for_word)
{
    static const char *const files[] = {
        "docs/samples/plugin/greeter.def",      "docs/samples/plugin/greeter_actor.c",
        "docs/samples/plugin/greeter_plugin.c", "docs/samples/plugin/greeter_test.c",
        "docs/samples/plugin/greeter_host.c",   "docs/samples/plugin/CMakeLists.txt"};
    check_page("docs/writing-a-plugin.md", "```c\n", files, COUNT_OF(files), 8);
    check_page("docs/writing-a-plugin.md", "```cmake\n", files, COUNT_OF(files), 1);
}
