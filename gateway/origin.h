#pragma once
/* origin.h -- who may speak to us from a browser: the checks of Origin and Host.
 *
 * An upgrade, and anything that a cookie authorises to change state, needs an Origin that is ours
 * (ARCHITECTURE §7). Host is checked against names we answer to, or a page of another site could
 * reach us through a DNS name of its own that points here (DNS rebinding).
 *
 * Threads  None: pure functions. */

#include "runtime/base/str.h"

/* `origin` is what the browser sent; true when it is SCHEME://HOST of the request (default ports
 * may be left out on either side), or one of `others`. "null" and an empty one are not. */
bool origin_is_same(str_t origin, str_t scheme, str_t host, const str_t *others,
                    size_t other_count);

/* The text of a Host header or of an authority: a name, an IPv4 or a bracketed IPv6 address, with
 * an optional port. */
bool host_is_valid(str_t host);
/* A valid host that is an address, localhost, or (without its port, any case) in the list; every
 * valid host if the list is empty. */
bool host_is_allowed(str_t host, const str_t *names, size_t count);
