#include "gateway/range.h"

/* A position, where a number too large for 64 bits is as good as the largest. False: no number. */
static bool read_position(str_t digits, uint64_t *out_position)
{
    err_t err = str_to_u64(digits, out_position);
    if (err == ERR_LIMIT)
        *out_position = UINT64_MAX;
    return err == ERR_OK || err == ERR_LIMIT;
}

static range_result_t last_bytes(uint64_t count, uint64_t size, uint64_t *out_offset,
                                 uint64_t *out_length)
{
    if (count == 0 || size == 0)
        return RANGE_UNSATISFIABLE;
    *out_length = MIN(count, size);
    *out_offset = size - *out_length;
    return RANGE_PART;
}

range_result_t range_parse(str_t header, uint64_t size, uint64_t *out_offset, uint64_t *out_length)
{
    size_t equals = str_find(header, '=');
    if (equals == header.size ||
        !str_equal_ignoring_case(str_slice(header, 0, equals), STR("bytes")))
        return RANGE_WHOLE;
    str_t spec = str_trim(str_slice(header, equals + 1, header.size));
    size_t dash = str_find(spec, '-');
    if (dash == spec.size || str_find(spec, ',') != spec.size)
        return RANGE_WHOLE;

    uint64_t first = 0, last = UINT64_MAX;
    str_t left = str_slice(spec, 0, dash), right = str_slice(spec, dash + 1, spec.size);
    if (!str_is_empty(right) && !read_position(right, &last))
        return RANGE_WHOLE;
    if (str_is_empty(left))
        return str_is_empty(right) ? RANGE_WHOLE : last_bytes(last, size, out_offset, out_length);
    if (!read_position(left, &first) || first > last)
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    *out_offset = first;
    *out_length = MIN(last, size - 1) - first + 1;
    return RANGE_PART;
}

bool range_is_current(str_t if_range, str_t etag)
{
    return str_is_empty(if_range) ||
           (str_starts_with(if_range, STR("\"")) && str_equal(if_range, etag));
}

static str_t without_weakness(str_t etag)
{
    return str_starts_with(etag, STR("W/")) ? str_slice(etag, 2, etag.size) : etag;
}

bool etag_is_listed(str_t if_none_match, str_t etag)
{
    str_t rest = str_trim(if_none_match);
    if (str_is_empty(etag) || str_is_empty(rest))
        return false;
    if (str_equal(rest, STR("*")))
        return true;
    etag = without_weakness(etag);
    /* A comma may stand inside the quotes, so tags are taken one by one. */
    while ((rest = without_weakness(rest)).size > 0) {
        size_t end = rest.data[0] == '"' ? str_find(str_slice(rest, 1, rest.size), '"') + 2 : 1;
        if (str_equal(str_slice(rest, 0, end), etag))
            return true;
        rest = str_slice(rest, end, rest.size);
    }
    return false;
}
