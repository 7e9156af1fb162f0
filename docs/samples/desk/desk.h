#pragma once
/* desk.h -- the sample of docs/writing-an-actor.md on supervisors: two counters that are kept
 * alive. */

#include "runtime/supervisor.h"

extern const supervisor_spec_t desk_spec;
