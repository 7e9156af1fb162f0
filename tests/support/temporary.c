#include "tests/support/temporary.h"

#include "runtime/base/assert.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

temporary_t temporary_new(void)
{
    temporary_t self;
    const char *base = getenv("TMPDIR");
    int size = snprintf(self.path, sizeof self.path, "%s/musicstream-test-XXXXXX",
                        base == NULL ? "/tmp" : base);
    ASSERT(size > 0 && (size_t)size < sizeof self.path);
    ASSERT(mkdtemp(self.path) != NULL);
    return self;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void temporary_remove(temporary_t *self)
{
    if (self->path[0] != '\0')
        nftw(self->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    self->path[0] = '\0';
}

temporary_name_t temporary_in(const temporary_t *self, const char *name)
{
    temporary_name_t out;
    int size = snprintf(out.path, sizeof out.path, "%s/%s", self->path, name);
    ASSERT(size > 0 && (size_t)size < sizeof out.path);
    return out;
}
