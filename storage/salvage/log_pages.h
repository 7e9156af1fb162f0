#pragma once
/* log_pages.h -- the records of an LMDB journal, found in its file without LMDB: whatever of its
 * tree is damaged, a record that lies whole on a page is found.
 *
 * A leaf of LMDB 0.9 (lmdb.h's library, struct MDB_page, MDB_node): 16 bytes of header, then the
 * offsets of its nodes, 16 bits each; a node is size u16 u16, flags u16, key size u16, the key (a
 * position, big endian) and the value, or with flag 1 the number of the page it begins on. The
 * header is not looked at, so it may be what is damaged. What says that something is a record is
 * its own CRC-32C over position and content.
 *
 * Pages that were given back are looked at, too: a record may be found several times, and one that
 * was never committed may be among them.
 *
 * Errors  IO, NOT_FOUND, NO_MEMORY, and what `visit` returns. */

#include "storage/journal/journal_record.h"

typedef struct log_place {
    uint64_t offset; /* of the record's bytes in the file */
    uint32_t size;
} log_place_t;

typedef err_t (*log_page_fn)(void *context, const log_place_t *place,
                             const stored_record_t *stored);

/* The file "data.mdb". Up to as many bytes as the file has are read for one record. */
err_t log_pages_walk(const char *path, log_page_fn visit, void *context);
/* The record at a place, read again into `room`. CORRUPT: it is not there. */
err_t log_pages_read(int fd, const log_place_t *place, uint64_t position, buf_t *room,
                     stored_record_t *out_stored);

/* One page: what of it could be a record. For tests and fuzzing; `read_more` gives bytes of the
 * file. */
typedef bool (*log_bytes_fn)(void *context, uint64_t offset, size_t size, buf_t *out);
err_t log_page_scan(str_t page, uint64_t page_offset, log_bytes_fn read_more, void *more_context,
                    log_page_fn visit, void *context);
