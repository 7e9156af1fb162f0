#include "actors/social/social.h"

#include "actors/social/kinds.h"

err_t social_register(runtime_t *runtime)
{
    TRY(runtime_register(runtime, &playlist_kind, NULL));
    TRY(runtime_register(runtime, &user_kind, NULL));
    TRY(runtime_register(runtime, &room_kind, NULL));
    return runtime_register(runtime, &presence_kind, NULL);
}
