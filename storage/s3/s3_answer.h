#pragma once
/* s3_answer.h -- what an S3 server says in XML: errors, lists of objects and of unfinished uploads,
 * the id of an upload. Read with expat; elements that are not known are passed over.
 *
 * Limits   S3_ITEMS_MAX items, nesting of 16 (LIMIT).
 * Ownership  Strings and items are in the arena.
 * Threads  None.
 * Errors   INVALID: not XML, with a document type, or a field that is no number or date; LIMIT;
 *          NO_MEMORY. */

#include "runtime/base/arena.h"

enum { S3_ITEMS_MAX = 2000 };

/* An object, or an upload that was begun. */
typedef struct s3_item {
    str_t key, upload_id;
    uint64_t size;
    int64_t time_ms; /* modified, or begun */
} s3_item_t;

typedef struct s3_answer {
    str_t root;          /* the outermost element's name: Error, ListBucketResult, ... */
    str_t code, message; /* of an Error */
    str_t upload_id, etag;
    str_t next_token, next_key, next_upload_id; /* where a list goes on */
    bool is_truncated;
    const s3_item_t *items;
    size_t item_count;
} s3_answer_t;

err_t s3_answer_read(str_t xml, arena_t *arena, s3_answer_t *out_answer);
