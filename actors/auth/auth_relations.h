#pragma once
/* auth_relations.h -- tables of who there is and where they are signed in: users, sessions. What a
 * session was ends with it. Names of people and devices, and passwords, are in no table. */

#include "storage/relations/relation.h"

extern const relation_t AUTH_RELATION;
