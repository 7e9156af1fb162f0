#pragma once
/* playlist_relations.h -- tables of playlists: one row a playlist, with the ids of its entries in
 * their order, and one row an entry; its name is in no table. Rows of a public one are everybody's
 * to read. An edit in the middle of a list so moves no row. The view playlist_entries puts both
 * together. */

#include "storage/relations/relation.h"

extern const relation_t PLAYLIST_RELATION;
