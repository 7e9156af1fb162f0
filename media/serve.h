#pragma once
/* serve.h -- answers the requests of one socket, one after the other, until it closes.
 *
 * Threads  One. Errors   What ended it: UNAVAILABLE the node closed the socket; else broken
 * framing. */

#include "runtime/base/error.h"

/* Loads what the first request would wait for: code tables, allocator. */
void serve_warm_up(void);
err_t serve(int socket, bool is_confined);
