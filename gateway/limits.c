#include "gateway/limits.h"

void gateway_limits_complete(gateway_limits_t *limits)
{
#define GATEWAY_LIMIT_COMPLETE(name, value)                                                        \
    if (limits->name == 0)                                                                         \
        limits->name = value;
    GATEWAY_LIMIT_LIST(GATEWAY_LIMIT_COMPLETE)
#undef GATEWAY_LIMIT_COMPLETE
}
