#pragma once
/* schema_seal.h -- an event's wire form in two parts: what anybody may read, and the map of its
 * marked fields, which somebody else turns into one opaque value.
 *
 * The sealed form is the map without the marked fields and with that value, as bytes, under
 * SCHEMA_SEALED_TAG, which comes first; no field may have that tag. Without marked fields in it a
 * wire form stays as it is, and is its own sealed form: so what was written before anything was
 * sealed is read in the same way.
 *
 * Ownership  What is found borrows from the wire form. Functions append to their buffers.
 * Threads    Any.
 * Errors     INVALID: not a wire form; NO_MEMORY: the buffer. The buffer is not to be used then. */

#include "runtime/base/schema.h"

enum { SCHEMA_SEALED_TAG = 0 };

/* A wire form, looked through once. Borrows from it. */
typedef struct schema_split {
    const schema_t *schema;
    str_t wire;
    uint32_t marks;
    uint32_t marked_count, other_count; /* fields */
    size_t marked_size; /* bytes of the map of the marked fields; 0: there is none */
} schema_split_t;

err_t schema_split(const schema_t *schema, str_t wire, uint32_t marks, schema_split_t *out_split);
/* Appends the sealed form. Of the `sealed_size` bytes at *out_at of the buffer, the marked_size
 * from `marked_at` on are the map of the marked fields; the caller makes the opaque value of it. */
err_t schema_split_put(const schema_split_t *self, size_t sealed_size, size_t marked_at, buf_t *out,
                       size_t *out_at);
/* The opaque value of a sealed form. NOT_FOUND: there is none. */
err_t schema_find_sealed(str_t wire, str_t *out_sealed);
/* Appends the wire form again; without `marked` (empty) its fields are missing, so they decode
 * empty. Fields of `marked` that `schema` does not mark are refused: INVALID. */
err_t schema_join_marked(const schema_t *schema, str_t wire, uint32_t marks, str_t marked,
                         buf_t *out);
/* The same for who may keep the event, but not what people wrote in it: a marked string becomes
 * `reference` with its tag behind it (4 bytes, little endian), what is SECRET is left out, other
 * marked fields, and those that are a PERSONAL_WORD, are as they were. */
err_t schema_join_referring(const schema_t *schema, str_t wire, uint32_t marks, str_t marked,
                            str_t reference, buf_t *out);
/* The text of the first string field with one of `marks`. NOT_FOUND: no such field, or it is empty.
 */
err_t schema_find_marked_str(const schema_t *schema, str_t wire, uint32_t marks, str_t *out_text);

/* The text of a string field of a marked map. NOT_FOUND: it is not there. */
err_t schema_find_str(str_t wire, uint64_t tag, str_t *out_text);

/* The wire form pair by pair, without the struct: begin, then as many next as it says. A value is
 * the bytes of one wire value, borrowed. INVALID. */
err_t schema_wire_begin(str_t data, str_t *out_rest, uint32_t *out_count);
err_t schema_wire_next(str_t *rest, uint64_t *out_tag, str_t *out_value);
/* The map that `data` begins with, and what stands behind it. INVALID. */
err_t schema_wire_cut(str_t data, str_t *out_map, str_t *out_behind);
/* The bytes of a value that is a string. INVALID. */
err_t schema_wire_str(str_t value, str_t *out_text);
