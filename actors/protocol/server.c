#include "actors/protocol/server.h"

#define DEF_FILE "actors/protocol/server.def"
#include "runtime/base/schema_define.h"

bool server_has(const server_settings_t *settings, const char *feature)
{
    for (uint32_t i = 0; i < settings->features.count; i++)
        if (str_equal(settings->features.items[i].name, str_from(feature)))
            return settings->features.items[i].is_on;
    return true;
}
