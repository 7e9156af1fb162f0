/* bench_actors [--schedulers N] [--scale F] FIGURE: measures one figure of the runtime, and prints
 * lines `name value unit`. A process a figure: bench/actors.py alternates them with the peers'
 * programs, which do the same work. pingpongN has N pairs. Without a figure: their names. */

#include "bench/actors/actors.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(void);
} figures[] = {
    {"fanin", bench_fanin},
    {"ring", bench_ring},
    {"big", bench_big},
    {"scatter", bench_scatter},
    {"spawn", bench_spawns},
    {"skynet", bench_skynet},
    {"ask", bench_ask},
    {"busy_rtt", bench_busy_rtt},
    {"idle_wake", bench_idle_wake},
    {"timers", bench_timers},
    {"restart", bench_restart},
    {"respawn", bench_respawn},
    {"idle_bytes", bench_idle_bytes},
    {"idle_bytes_virtual", bench_idle_bytes_virtual},
    {"idle_bytes_hibernated", bench_idle_bytes_hibernated},
};

static int list_figures(void)
{
    puts("pingpong1");
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        puts(figures[i].name);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--schedulers") == 0 && i + 1 < argc)
            bench_options.schedulers = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--scale") == 0 && i + 1 < argc)
            bench_options.scale = strtod(argv[++i], NULL);
        else
            name = argv[i];
    }
    if (name == NULL)
        return list_figures();
    if (strncmp(name, "pingpong", 8) == 0 && strtoul(name + 8, NULL, 10) > 0) {
        bench_pingpong(strtoul(name + 8, NULL, 10));
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        if (strcmp(figures[i].name, name) == 0) {
            figures[i].run();
            return 0;
        }
    }
    fprintf(stderr, "bench_actors: there is no figure %s\n", name);
    return 2;
}
