#pragma once
/* streaming_relations.h -- the table of devices that play: one a listener and device, until it is
 * forgotten (without its name). Queues and positions are in no table: they change with every song
 * and nobody asks SQL for them. */

#include "storage/relations/relation.h"

extern const relation_t STREAMING_RELATION;
