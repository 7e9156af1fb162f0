#include "node/relations.h"

#include "actors/auth/auth_relations.h"
#include "actors/library/library_relations.h"
#include "actors/settings/settings_relations.h"
#include "actors/social/playlist_relations.h"
#include "actors/social/rooms/room_relations.h"
#include "actors/social/user_relations.h"
#include "actors/streaming/streaming_relations.h"

relation_list_t node_relations(void)
{
    static const relation_t *const relations[] = {
        &AUTH_RELATION,     &LIBRARY_RELATION,   &TASTES_RELATION,    &PLAYS_RELATION,
        &PLAYLIST_RELATION, &STREAMING_RELATION, &SETTINGS_RELATION,  &SERVER_RELATION,
        &FOLLOWS_RELATION,  &ROOM_RELATION,      &ACTIVITIES_RELATION};
    return (relation_list_t){relations, COUNT_OF(relations)};
}
