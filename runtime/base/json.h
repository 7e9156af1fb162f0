#pragma once
/* json.h -- writes JSON (RFC 8259) into a buffer, placing the commas itself.
 *
 * Bytes that are not UTF-8 become U+FFFD; control characters, quote and backslash are escaped, also
 * U+2028 and U+2029, and '<' so that the text may stand in a page. Numbers above 2^53 are the
 * caller's to write as strings. Ownership  The writer borrows the buffer. Threads    None. Errors
 * Through the buffer's status. Unbalanced begins and ends are the caller's bug. Reading JSON is
 * jansson's job. */

#include "runtime/base/buf.h"

API_BEGIN

typedef struct json {
    buf_t *out;
    bool needs_comma;
} json_t;

static inline json_t json_to(buf_t *out)
{
    return (json_t){out, false};
}

void json_object_begin(json_t *self);
void json_object_end(json_t *self);
void json_array_begin(json_t *self);
void json_array_end(json_t *self);
void json_key(json_t *self, str_t key);

void json_str(json_t *self, str_t value);
void json_u64(json_t *self, uint64_t value);
void json_i64(json_t *self, int64_t value);
void json_f64(json_t *self,
              double value); /* shortest form that reads back the same; not finite: null */
void json_bool(json_t *self, bool value);
void json_null(json_t *self);
/* Text that is JSON already. */
void json_raw(json_t *self, str_t json);

void json_key_str(json_t *self, const char *key, str_t value);
void json_key_u64(json_t *self, const char *key, uint64_t value);
void json_key_i64(json_t *self, const char *key, int64_t value);
void json_key_f64(json_t *self, const char *key, double value);
void json_key_bool(json_t *self, const char *key, bool value);

API_END
