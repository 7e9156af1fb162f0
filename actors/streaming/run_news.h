#pragma once
/* run_news.h -- what a run (encode_run.h, fetch_run.h) tells its actor, from any thread. What does
 * not reach it, its askers' time-outs and its next look at the cache make good. */

#include "actors/protocol/transcode.h"
#include "runtime/runtime.h"

typedef struct run_news {
    runtime_t *runtime;
    str_t key;       /* of the actor */
    uint64_t serial; /* what it calls this run */
} run_news_t;

void run_news_begun(const run_news_t *self);
void run_news_made(const run_news_t *self, uint32_t index, uint64_t size_bytes);
void run_news_ended(const run_news_t *self, err_t err);
