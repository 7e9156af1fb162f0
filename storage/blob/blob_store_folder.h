#pragma once
/* blob_store_folder.h -- a blob store in a folder: a file a blob, FOLDER/KEY. Written beside as
 * FOLDER/.writing-*, then renamed; an extended attribute has a
 * checksum of it.
 *
 * Threads, errors  As blob_store.h; several processes may share the folder. */

#include "storage/blob/blob_store.h"

typedef struct blob_store_folder_options {
    const char *path; /* made when missing */
    bool is_durable;  /* a put returns when it is on the disk */
} blob_store_folder_options_t;

err_t blob_store_folder_open(const blob_store_folder_options_t *options, blob_store_t **out_store);
/* Keeps the sum of an open file's content with it, as put does; where the file system keeps no
 * attributes, nothing. */
void blob_store_folder_sum(int fd, str_t content);
