#pragma once
/* bench_server.h -- a PostgreSQL of the benchmark's own, with fsync, on the disk that data lies on.
 *
 * Threads  One. */

#include "runtime/base/assert.h"
#include "storage/postgres/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct server {
    char folder[256], address[256];
} server_t;

static inline void server_control(const server_t *self, const char *action, char *line, size_t size)
{
    char command[700];
    snprintf(command, sizeof command,
             "MS_PG_OPTIONS='%s' %s/tests/support/postgres/postgres_server %s %s",
             "-c fsync=on -c max_wal_size=8GB -c shared_buffers=512MB", getenv("MS_SOURCE"), action,
             self->folder);
    FILE *output = popen(command, "r");
    ASSERT(output != NULL);
    if (line != NULL) {
        ASSERT(fgets(line, (int)size, output) != NULL);
        line[strcspn(line, "\n")] = '\0';
    }
    ASSERT(pclose(output) == 0);
}

static inline void server_start(server_t *self)
{
    const char *base = getenv("MS_BENCH_DIR");
    ASSERT(getenv("MS_SOURCE") != NULL);
    snprintf(self->folder, sizeof self->folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(self->folder) != NULL && chmod(self->folder, 0755) == 0);
    server_control(self, "start", self->address, sizeof self->address);
    ASSERT(migrate(self->address, NULL) == ERR_OK);
}

static inline void server_stop(const server_t *self)
{
    char command[400];
    server_control(self, "stop", NULL, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", self->folder);
    ASSERT(system(command) == 0);
}
