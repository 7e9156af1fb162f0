#pragma once
/* kinds.h -- the kinds of this service, for social.c. */

#include "runtime/actor.h"

extern const actor_kind_t playlist_kind, user_kind, presence_kind, room_kind;
