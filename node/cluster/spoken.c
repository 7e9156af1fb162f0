#include "node/cluster/spoken.h"

#include "actors/protocol/account.h"
#include "actors/protocol/playlist.h"
#include "actors/protocol/room.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/user.h"

#define RECORD(name, ...)
#define STATE(name, ...)
#define COMMAND(name, ...)
#define EVENT(name, ...)
#define REPLY(name, ...)
#define MESSAGE(name, ...) &name##_schema,

static const schema_t *const spoken[] = {
#include "actors/protocol/account.def"
#include "actors/protocol/playlist.def"
#include "actors/protocol/room.def"
#include "actors/protocol/roots.def"
#include "actors/protocol/user.def"
};

err_t spoken_add(runtime_t *runtime)
{
    for (size_t i = 0; i < COUNT_OF(spoken); i++)
        TRY(runtime_add_schema(runtime, spoken[i]));
    return ERR_OK;
}
