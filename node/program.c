#include "node/program.h"

#include <unistd.h>

str_t program_beside(arena_t *arena, const char *configured, const char *name)
{
    char path[4096];
    if (configured[0] != '\0')
        return arena_str(arena, str_from(configured));
    ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    str_t whole = str_of(path, size < 0 ? 0 : (size_t)size);
    size_t slash = str_find_last(whole, '/');
    return arena_printf(arena, "%.*s/%s", STR_ARG(str_slice(whole, 0, slash)), name);
}
