#include "runtime/base/str.h"

#include "runtime/base/memory.h"

bool str_equal(str_t a, str_t b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool str_equal_ignoring_case(str_t a, str_t b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower((unsigned char)a.data[i]) != lower((unsigned char)b.data[i]))
            return false;
    return true;
}

int str_compare(str_t a, str_t b)
{
    size_t shared = MIN(a.size, b.size);
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool str_starts_with(str_t s, str_t prefix)
{
    return s.size >= prefix.size && str_equal((str_t){s.data, prefix.size}, prefix);
}

str_t str_without_prefix(str_t s, str_t prefix)
{
    return str_starts_with(s, prefix) ? str_slice(s, prefix.size, s.size) : s;
}

bool str_ends_with(str_t s, str_t suffix)
{
    if (suffix.size == 0 || s.size < suffix.size)
        return suffix.size == 0;
    return str_equal((str_t){s.data + (s.size - suffix.size), suffix.size}, suffix);
}

bool str_contains(str_t s, str_t part)
{
    return part.size == 0 ||
           (s.size >= part.size && memmem(s.data, s.size, part.data, part.size) != NULL);
}

size_t str_find(str_t s, char c)
{
    const char *found = s.size == 0 ? NULL : memchr(s.data, c, s.size);
    return found == NULL ? s.size : (size_t)(found - s.data);
}

size_t str_find_last(str_t s, char c)
{
    const char *found = s.size == 0 ? NULL : memrchr(s.data, c, s.size);
    return found == NULL ? s.size : (size_t)(found - s.data);
}

str_t str_slice(str_t s, size_t begin, size_t end)
{
    end = MIN(end, s.size);
    begin = MIN(begin, end);
    return (str_t){s.data == NULL ? NULL : s.data + begin, end - begin};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str_t str_trim(str_t s)
{
    while (s.size > 0 && is_blank(s.data[0]))
        s = str_slice(s, 1, s.size);
    while (s.size > 0 && is_blank(s.data[s.size - 1]))
        s.size--;
    return s;
}

bool str_next(str_t *rest, char separator, str_t *out_part)
{
    if (rest->data == NULL)
        return false;
    size_t end = str_find(*rest, separator);
    *out_part = str_slice(*rest, 0, end);
    *rest = end == rest->size ? (str_t){NULL, 0} : str_slice(*rest, end + 1, rest->size);
    return true;
}

err_t str_to_u64(str_t s, uint64_t *out_value)
{
    uint64_t value = 0;
    if (s.size == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return ERR_INVALID;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.data[i] - '0'), &value))
            return ERR_LIMIT;
    }
    *out_value = value;
    return ERR_OK;
}

err_t str_to_u32(str_t s, uint32_t *out_value)
{
    uint64_t value;
    TRY(str_to_u64(s, &value));
    if (value > UINT32_MAX)
        return ERR_LIMIT;
    *out_value = (uint32_t)value;
    return ERR_OK;
}

err_t str_to_i64(str_t s, int64_t *out_value)
{
    bool is_negative = s.size > 0 && s.data[0] == '-';
    uint64_t value;
    TRY(str_to_u64(is_negative ? str_slice(s, 1, s.size) : s, &value));
    if (value > (uint64_t)INT64_MAX + (is_negative ? 1u : 0u))
        return ERR_LIMIT;
    *out_value = (int64_t)(is_negative ? 0 - value : value);
    return ERR_OK;
}

uint64_t str_hash_more(uint64_t hash, str_t s)
{
    for (size_t i = 0; i < s.size; i++)
        hash = (hash ^ (unsigned char)s.data[i]) * 0x100000001b3u;
    return hash;
}

uint64_t str_hash(str_t s)
{
    return str_hash_more(0xcbf29ce484222325u, s);
}

char *str_dup_terminated(str_t s)
{
    char *copy = memory_new(s.size + 1);
    if (copy != NULL && s.size > 0)
        memcpy(copy, s.data, s.size);
    return copy;
}

bool str_to_array(str_t s, char *out, size_t size)
{
    size_t copied = MIN(s.size, size - 1);
    if (copied != 0)
        memmove(out, s.data, copied);
    out[copied] = '\0';
    return copied == s.size;
}
