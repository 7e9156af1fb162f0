#pragma once
/* memory_faults.h -- makes chosen allocations fail, and counts what is not given back.
 *
 * Linked with --wrap in front of runtime/base/memory.h (CMake: ms_test_faults): the library itself
 * knows nothing of it and a release build pays nothing. Allocations are counted from 1 while armed;
 * those that were asked for fail. What is made and freed is counted always.
 *
 * Threads  The counters any; arming and choosing: while no other thread allocates. */

#include "runtime/base/attributes.h"

/* Forgets counts and choices; disarmed. The live count stays. */
void memory_faults_reset(void);
/* The allocations with these counts fail; ascending, borrowed until the next reset. */
void memory_faults_choose(const uint64_t *counts, size_t count);
/* Returns what it was. */
bool memory_faults_arm(bool is_armed);
/* Allocations asked for while armed; and how many of them failed. */
uint64_t memory_faults_asked(void);
uint64_t memory_faults_failed(void);
/* Blocks that were made and not freed, in all. */
int64_t memory_faults_live(void);

/* From now on every block that is given back, or left for a larger one, is looked through for these
 * bytes, borrowed; NULL: no more. One thread. */
void memory_faults_watch(const void *bytes, size_t size);
/* In how many they stood. */
uint64_t memory_faults_seen(void);
