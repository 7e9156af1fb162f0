#pragma once
/* cookies.h -- the Cookie and Set-Cookie headers (RFC 6265).
 *
 * Threads  None: pure functions. */

#include "runtime/base/buf.h"

typedef enum cookie_same_site { COOKIE_STRICT, COOKIE_LAX, COOKIE_NONE } cookie_same_site_t;

typedef struct cookie {
    str_t name, value;
    str_t path;              /* empty: "/" */
    str_t domain;            /* empty: of the host that sets it alone */
    int64_t max_age_s;       /* below 0: until the browser ends; 0: removes it */
    bool is_secure;          /* needed by names that start with __Host- and __Secure- */
    bool is_script_readable; /* leaves HttpOnly out */
    cookie_same_site_t same_site;
} cookie_t;

/* The value of the first cookie of that name in a Cookie header, without quotes; data is NULL when
 * there is none. Malformed neighbours are skipped. */
str_t cookie_find(str_t header, str_t name);

/* Appends the value of a Set-Cookie header. INVALID: a name that is no token, or a value or path
 * with a character that cookies cannot carry; nothing was appended. */
err_t cookie_append(buf_t *out, const cookie_t *cookie);
