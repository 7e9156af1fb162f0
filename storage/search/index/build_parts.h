#pragma once
/* build_parts.h -- what the files of a build share; nobody else includes it.
 *
 * build.c         the order, the folder, the end
 * build_spool.c   each document folded once to a file; ranks; the file cut into blocks by rank
 * build_blocks.c  each block in memory: entries, lyrics, columns, sorted runs of terms
 * build_columns.c ids and titles to numbers; build_added.c since when they are there
 * build_merge.c   the runs merged to postings, the dictionary
 *
 * A block is what fits a quarter of the memory, BLOCK_DOCUMENTS_MAX documents at most; another
 * half is for the terms of a run, the rest for pages that LMDB has not written. */

#include "storage/search/index/folded.h"
#include "storage/search/index/index_build.h"
#include "storage/search/index/index_parts.h"
#include "storage/search/index/ranks.h"
#include "storage/search/index/term_table.h"

enum { BLOCK_DOCUMENTS_MAX = 65536 };
enum { BUILD_MEMORY_DEFAULT = 64 << 20, BUILD_MEMORY_MIN = 256 << 10 };

/* Documents [first, first + count) by number, each as number, size and record. */
typedef struct build_block {
    uint32_t first, count;
    uint64_t start, end; /* on the tape */
} build_block_t;

typedef struct build {
    const char *path;
    const search_build_options_t *options;
    size_t memory_max;
    kv_t *kv;
    kv_tx_t tx;
    size_t dirty; /* bytes put since the last commit */
    tape_t spool, blocks;
    tape_t titles, added; /* rank_t each, of a hash or a moment, and a number */
    buf_t ranks;          /* rank_t each: by index, then ids by number, then columns */
    buf_t block_list;     /* build_block_t each */
    runs_t runs;
    index_base_t base;
} build_t;

err_t build_spool(build_t *self);      /* spool, ranks, base.counts, base.plays_max */
err_t build_cut_blocks(build_t *self); /* from the spool, which is gone then */
err_t build_write_blocks(build_t *self);
err_t build_write_ids(build_t *self);
err_t build_write_titles(build_t *self);
err_t build_write_added(build_t *self); /* the ranks are gone then */
err_t build_merge(build_t *self);

uint32_t build_count(const build_t *self); /* documents */
rank_t *build_ranks(const build_t *self);
/* CANCELLED */
err_t build_check_stopped(const build_t *self);
void build_step(const build_t *self, uint64_t steps);
/* kv_append, with a commit before it when enough has gathered. */
err_t build_append(build_t *self, kv_table_t table, str_t key, size_t size, char **out_room);
/* With room for its checksum (checked.h), which the caller puts there. */
err_t build_append_checked(build_t *self, kv_table_t table, str_t key, size_t size,
                           char **out_room);
err_t build_put_checked(build_t *self, kv_table_t table, str_t key, str_t value);
/* A tape of rank_t, which is gone then, by key and index in the memory of the ranks: there are no
 * more of them than documents. */
err_t build_read_column(build_t *self, tape_t *tape);
