#pragma once
/* error.h -- the one kind of error: a class, with an HTTP status and a sentence for each.
 *
 * Functions return err_t; ERR_OK is 0. An ignored one does not compile. On an error an object is as
 * it was before the call, unless its header says otherwise, and `out_` parameters are untouched.
 *
 * Threads  Everything here is constant data. */

#include "runtime/base/attributes.h"

API_BEGIN

/*  name             HTTP  what it means to the caller */
#define ERR_LIST(X)                                                                                \
    X(OK, 200, "ok")                                                                               \
    X(INVALID, 400, "the input is not valid")                                                      \
    X(UNAUTHENTICATED, 401, "sign-in is needed")                                                   \
    X(FORBIDDEN, 403, "this is not allowed")                                                       \
    X(NOT_FOUND, 404, "there is no such thing")                                                    \
    X(CONFLICT, 409, "it was changed in the meantime")                                             \
    X(STALE, 410, "this is too old to be answered")                                                \
    X(LIMIT, 413, "a limit is reached")                                                            \
    X(UNSUPPORTED, 415, "this form is not supported")                                              \
    X(NEWER, 426, "this was written by a newer version")                                           \
    X(BUSY, 429, "too much at once, try again shortly")                                            \
    X(CANCELLED, 499, "it was cancelled")                                                          \
    X(INTERNAL, 500, "an internal error")                                                          \
    X(IO, 502, "reading or writing failed")                                                        \
    X(UNAVAILABLE, 503, "not available at the moment, try again")                                  \
    X(TIMEOUT, 504, "no answer in time")                                                           \
    X(FULL, 507, "no space is left")                                                               \
    X(NO_MEMORY, 508, "out of memory")                                                             \
    X(CORRUPT, 520, "the stored data is damaged")

typedef enum [[nodiscard]] err{
#define ERR_ENUM(name, status, text) ERR_##name,
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT} err_t;

/* "CONFLICT", for logs, metrics and machine-read answers. Any other value gives "INTERNAL". */
const char *err_name(err_t err);
/* A sentence for people, without a full stop. */
const char *err_text(err_t err);
/* The HTTP status that says the same. */
int err_http_status(err_t err);
/* The class of the errno of a call that failed: ENOENT NOT_FOUND, ENOSPC and EDQUOT FULL, EACCES
 * FORBIDDEN, ...; the rest, and 0, IO: what failed is never OK. */
err_t err_class_of_errno(int error_number);
static inline err_t err_from_errno(int error_number)
{
    err_t err = err_class_of_errno(error_number);
    /* Said here, where every caller's compiler and analyzer sees it. */
    return err == ERR_OK ? ERR_IO : err;
}

/* Returns the error of `expression` from the calling function, if it has one. */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        err_t try_err_ = (expression);                                                             \
        if (UNLIKELY(try_err_ != ERR_OK))                                                          \
            return try_err_;                                                                       \
    } while (0)

/* States that an error is of no consequence here; say why beside it. */
#define IGNORE_ERR(expression)                                                                     \
    do {                                                                                           \
        err_t ignored_err_ UNUSED = (expression);                                                  \
    } while (0)

API_END
