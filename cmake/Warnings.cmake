# The flags of every file of ours; third-party sources (llhttp) get none of the warnings.
add_library(ms_flags INTERFACE)
target_compile_definitions(ms_flags INTERFACE _GNU_SOURCE)
target_compile_options(ms_flags INTERFACE
    -fexceptions -fno-common -fno-omit-frame-pointer -ffile-prefix-map=${MS_ROOT}/=
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wcast-align -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference
    -Wdouble-promotion)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(ms_flags INTERFACE -ftrack-macro-expansion=0
        -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wrestrict)
    # gcc 12 reports NULL dereferences on paths that its own inlining made up, under sanitizers and at -O2.
    target_compile_options(ms_flags INTERFACE -Wno-null-dereference)
else()
    # Variadic macros with nothing after the comma are C23, which clang 14 still calls an extension.
    target_compile_options(ms_flags INTERFACE -Wno-gnu-zero-variadic-macro-arguments -Wno-c2x-extensions
        -Wno-gnu-statement-expression -Wno-gnu-empty-initializer)
endif()
if(MS_ANALYZE)
    # gcc 12's analyzer does not follow the edges of exceptions, and calls what a cleanup attribute ends on one a leak.
    target_compile_options(ms_flags INTERFACE -fanalyzer -fno-exceptions)
endif()
if(MS_WERROR)
    target_compile_options(ms_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_options(ms_flags INTERFACE -fstack-protector-strong -fstack-clash-protection
        -fcf-protection -ftrivial-auto-var-init=zero)
    if(NOT MS_SANITIZE)
        target_compile_definitions(ms_flags INTERFACE _FORTIFY_SOURCE=3)
    endif()
    target_link_options(ms_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
