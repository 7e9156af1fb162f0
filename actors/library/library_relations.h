#pragma once
/* library_relations.h -- tables of the catalog, for SQL: tracks, albums, artists, credits, genres,
 * track_genres, lyrics. What serves listeners is the node's own replica (library_projection.h).
 *
 * What several roots write comes out the same in any order: an artist's or genre's name is the
 * least that was ever read, an album is named by the track with the lowest number that was ever on
 * it. */

#include "storage/relations/relation.h"

extern const relation_t LIBRARY_RELATION;
