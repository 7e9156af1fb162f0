#include "actors/auth/auth.h"

#include "actors/auth/kinds.h"

err_t auth_register(runtime_t *runtime, const auth_service_t *service)
{
    /* context_service hands out a plain pointer; both actors only read it. */
    union {
        const auth_service_t *given;
        void *plain;
    } shared = {.given = service};
    TRY(runtime_register(runtime, &accounts_kind, shared.plain));
    return runtime_register(runtime, &account_kind, shared.plain);
}

void auth_random_hex(context_t *ctx, char *out, size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t bits = context_random_u64(ctx);
        for (size_t j = 0; j < MIN(size - i, sizeof bits); j++, bits >>= 8) {
            *out++ = "0123456789abcdef"[bits >> 4 & 15];
            *out++ = "0123456789abcdef"[bits & 15];
        }
    }
    *out = '\0';
}
