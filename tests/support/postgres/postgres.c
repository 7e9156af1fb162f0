#include "tests/support/postgres/postgres.h"

#include "runtime/base/assert.h"
#include "storage/postgres/migrate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *run(const postgres_t *self, const char *action, const char *more)
{
    char command[512];
    int size =
        snprintf(command, sizeof command, "%s/tests/support/postgres/postgres_server %s %s %s",
                 getenv("MS_SOURCE"), action, self->folder.path, more);
    ASSERT(size > 0 && (size_t)size < sizeof command);
    return popen(command, "r");
}

void postgres_do(const postgres_t *self, const char *action)
{
    FILE *output = run(self, action, "");
    ASSERT(output != NULL && pclose(output) == 0);
}

/* Its end tells the server, however we end; nobody whom we start later holds it open. */
static void start(postgres_t *self, const char *action, const char *more)
{
    int alive[2];
    char arguments[300];
    ASSERT(getenv("MS_SOURCE") != NULL); /* ctest sets it */
    self->folder = temporary_new();
    ASSERT(chmod(self->folder.path, 0755) == 0);
    ASSERT(pipe(alive) == 0 && fcntl(alive[1], F_SETFD, FD_CLOEXEC) == 0);
    snprintf(arguments, sizeof arguments, "%s %d", more, alive[0]);
    FILE *output = run(self, action, arguments);
    ASSERT(output != NULL && fgets(self->address, sizeof self->address, output) != NULL);
    ASSERT(pclose(output) == 0);
    close(alive[0]);
    self->address[strcspn(self->address, "\n")] = '\0';
}

void postgres_start(postgres_t *self)
{
    start(self, "start", "");
    ASSERT(migrate(self->address, NULL) == ERR_OK);
}

void postgres_start_standby(postgres_t *self, const postgres_t *primary)
{
    start(self, "standby", primary->folder.path);
}

void postgres_both(const postgres_t *a, const postgres_t *b, char *address, size_t size)
{
    int written = snprintf(address, size,
                           "host=%s,%s user=postgres dbname=postgres "
                           "target_session_attrs=read-write",
                           a->folder.path, b->folder.path);
    ASSERT(written > 0 && (size_t)written < size);
}

void postgres_start_bouncer(const postgres_t *self, char *address, size_t size)
{
    FILE *output = run(self, "bouncer", "");
    ASSERT(output != NULL && fgets(address, (int)size, output) != NULL);
    ASSERT(pclose(output) == 0);
    address[strcspn(address, "\n")] = '\0';
}

void postgres_stop(postgres_t *self)
{
    postgres_do(self, "stop");
    temporary_remove(&self->folder);
}
