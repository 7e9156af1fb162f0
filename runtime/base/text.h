#pragma once
/* text.h -- bytes as text: hexadecimal, base64url (RFC 4648 §5, without padding), percent-encoding
 * (RFC 3986); how deep JSON nests.
 *
 * Threads  None: pure functions.
 * Errors   INVALID for any character outside the alphabet, an impossible length, or bits left over.
 */

#include "runtime/base/buf.h"

void hex_append(buf_t *out, str_t bytes); /* lower case */
err_t hex_decode(buf_t *out, str_t text);
void base64url_append(buf_t *out, str_t bytes);
err_t base64url_decode(buf_t *out, str_t text);
/* Standard base64 with padding (RFC 4648 §4), for Sec-WebSocket-Accept and the like. */
void base64_append(buf_t *out, str_t bytes);
/* Decodes %XX; '+' becomes a blank where `is_form`. INVALID: a bad escape or an encoded NUL. */
err_t percent_decode(buf_t *out, str_t text, bool is_form);
/* Encodes all but unreserved characters and those in `keep`. */
void percent_append(buf_t *out, str_t text, const char *keep);
/* Whether JSON nests no deeper, for who reads it with a parser that recurses (jansson: 2048 levels
 * before it refuses), so that neither reading nor freeing can run off a small stack. Of what is no
 * JSON it says something. */
bool text_json_nests_within(str_t json, size_t depth_max);
