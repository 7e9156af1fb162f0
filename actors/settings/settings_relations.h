#pragma once
/* settings_relations.h -- what administrators chose for everybody, as tables: server_settings,
 * feature_flags. Only what was chosen has a row. */

#include "storage/relations/relation.h"

extern const relation_t SERVER_RELATION;
