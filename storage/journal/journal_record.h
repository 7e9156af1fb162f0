#pragma once
/* journal_record.h -- one record of the LMDB journal, as bytes.
 *
 *     crc u32 · format u8 · stream size u8 · name size u8 · command id size u8
 *     version u64 · previous u64 · wall_ms u64 · epoch u64 · payload size u32 · result size u32
 *     stream, name, command id, result, payload
 *
 * Little endian. crc is CRC-32C over the position (8 bytes, big endian: the key) and everything
 * after crc; so a record that is torn, altered, or under another key does not pass.
 * `previous` is the position of the record before in the same stream; 0: none.
 *
 * Ownership  A read record borrows the bytes.
 * Errors     CORRUPT; NEWER: a later format. */

#include "runtime/journal.h"

enum { JOURNAL_RECORD_FORMAT = 1, JOURNAL_NAME_SIZE_MAX = 255 };

typedef struct stored_record {
    journal_record_t record;
    uint64_t previous, epoch;
} stored_record_t;

size_t journal_record_size(const stored_record_t *stored);
/* Writes journal_record_size bytes. Sizes are within their limits: the caller checked. */
void journal_record_write(const stored_record_t *stored, char *room);
err_t journal_record_read(uint64_t position, str_t bytes, stored_record_t *out_stored);
