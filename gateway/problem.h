#pragma once
/* problem.h -- an error as application/problem+json (RFC 9457).
 *
 *     {"type":"about:blank","title":"there is no such thing","status":404,"code":"NOT_FOUND",
 *      "detail":"...","request_id":"..."}
 *
 * Threads  None: pure functions. */

#include "runtime/base/buf.h"

/* detail and request_id may be empty: left out. */
void problem_append(buf_t *out, err_t err, str_t detail, str_t request_id);
/* For a status that no err_t has (405, 414, 431, ...). */
void problem_append_status(buf_t *out, int status, str_t detail, str_t request_id);

/* Seconds after which the same request may go well: Retry-After, and extensions.retryAfter of
 * GraphQL. 0: nothing is known. */
uint32_t problem_retry_after_s(err_t err);
/* "Not Found"; "Status" for one that is not known. */
const char *http_status_text(int status);
