#pragma once
/* user_relations.h -- tables of what listeners made of the music: favourites and ratings
 * (`tastes`), and what they heard (`plays`, a partition a month; imported_plays: what another
 * program counted before); what they chose for their devices
 * (`settings`); and whom they follow (`follows`), and what they did that
 * followers may see (`activities`). */

#include "storage/relations/relation.h"

extern const relation_t TASTES_RELATION, PLAYS_RELATION, SETTINGS_RELATION, FOLLOWS_RELATION,
    ACTIVITIES_RELATION;
