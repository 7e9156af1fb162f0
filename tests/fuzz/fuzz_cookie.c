/* The Cookie header, what Set-Cookie is made of, and Origin and Host beside them: a name up to the
 * first line end, then the header. */
#include "gateway/cookies.h"
#include "gateway/origin.h"
#include "runtime/base/assert.h"

static void round_trip(str_t name, str_t value)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    cookie_t cookie = {.name = name, .value = value, .max_age_s = -1, .is_secure = true};
    if (cookie_append(&out, &cookie) != ERR_OK) {
        ASSERT(out.size == 0);
        return;
    }
    str_t line = buf_str(&out), found = cookie_find(line, name);
    ASSERT(str_find(line, '\r') == line.size && str_find(line, '\n') == line.size);
    ASSERT(found.data != NULL && str_equal(found, value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t all = str_of(data, size), name;
    size_t end = str_find(all, '\n');
    name = str_slice(all, 0, end);
    str_t header = str_slice(all, end + 1, all.size), value = cookie_find(header, name);
    if (value.data != NULL)
        ASSERT(value.data >= header.data && value.data + value.size <= header.data + header.size);
    round_trip(name, header);

    str_t names[] = {STR("music.example")};
    bool is_allowed = host_is_allowed(name, names, 1);
    ASSERT(!is_allowed || host_is_valid(name));
    ASSERT(!origin_is_same(header, STR("http"), name, NULL, 0) ||
           str_equal_ignoring_case(str_slice(header, 0, 7), STR("http://")));
    return 0;
}
