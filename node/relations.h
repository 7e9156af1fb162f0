#pragma once
/* relations.h -- the SQL tables of a node whose journal lies in PostgreSQL: those of all services.
 */

#include "storage/relations/relations.h"

relation_list_t node_relations(void);
