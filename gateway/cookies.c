#include "gateway/cookies.h"

static str_t unquoted(str_t value)
{
    bool is_quoted = value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
    return is_quoted ? str_slice(value, 1, value.size - 1) : value;
}

str_t cookie_find(str_t header, str_t name)
{
    str_t part;
    while (header.data != NULL && str_next(&header, ';', &part)) {
        part = str_trim(part);
        size_t equals = str_find(part, '=');
        if (equals < part.size && str_equal(str_slice(part, 0, equals), name))
            return unquoted(str_slice(part, equals + 1, part.size));
    }
    return (str_t){NULL, 0};
}

/* token, RFC 9110 §5.6.2. */
static bool is_token(str_t s)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alphanumeric && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return s.size > 0;
}

/* cookie-octet, RFC 6265 §4.1.1. */
static bool is_value(str_t s)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\')
            return false;
    }
    return true;
}

err_t cookie_append(buf_t *out, const cookie_t *cookie)
{
    static const char *const same_site[] = {
        [COOKIE_STRICT] = "Strict", [COOKIE_LAX] = "Lax", [COOKIE_NONE] = "None"};
    if (!is_token(cookie->name) || !is_value(cookie->value) || !is_value(cookie->path) ||
        !is_value(cookie->domain))
        return ERR_INVALID;
    str_t path = str_is_empty(cookie->path) ? STR("/") : cookie->path;
    buf_printf(out, "%.*s=%.*s; Path=%.*s", STR_ARG(cookie->name), STR_ARG(cookie->value),
               STR_ARG(path));
    if (!str_is_empty(cookie->domain))
        buf_printf(out, "; Domain=%.*s", STR_ARG(cookie->domain));
    if (cookie->max_age_s >= 0)
        buf_printf(out, "; Max-Age=%lld", (long long)cookie->max_age_s);
    buf_printf(out, "; SameSite=%s%s%s", same_site[cookie->same_site],
               cookie->is_secure ? "; Secure" : "", cookie->is_script_readable ? "" : "; HttpOnly");
    return ERR_OK;
}
