#pragma once
/* room_relations.h -- tables of rooms, of who is in them, and of what is kept of what was said
 * there: when, by whom and how long; the words and the names are in no table. Members read them,
 * and anybody the row of a public room. */

#include "storage/relations/relation.h"

extern const relation_t ROOM_RELATION;
