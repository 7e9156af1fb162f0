#pragma once
/* auth_relations.h -- tables of who there is and where they are signed in: users, sessions. What a
 * session was ends with it. Names are bytes as the events hold them; passwords are in no table. */

#include "storage/relations/relation.h"

extern const relation_t AUTH_RELATION;
