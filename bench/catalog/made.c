#include "bench/catalog/made.h"

#include "runtime/base/assert.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

made_t made_new(uint64_t tracks, bool has_files)
{
    made_t self;
    char program[512], count[32];
    const char *base = getenv("MS_BENCH_DIR");
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 32);
    ASSERT(size > 0);
    program[size] = '\0';
    snprintf(strrchr(program, '/') + 1, sizeof "make_catalog", "make_catalog");
    snprintf(self.folder, sizeof self.folder, "%s/musicstream-bench-XXXXXX",
             base == NULL ? "/var/tmp" : base);
    ASSERT(mkdtemp(self.folder) != NULL);
    snprintf(self.data, sizeof self.data, "%s/data", self.folder);
    snprintf(self.music, sizeof self.music, "%s/music", self.folder);
    snprintf(count, sizeof count, "%llu", (unsigned long long)tracks);
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, self.data, has_files ? self.music : "-", count, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    return self;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void made_remove(const made_t *self)
{
    nftw(self->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint64_t made_tracks(uint64_t otherwise)
{
    const char *text = getenv("MS_TRACKS");
    uint64_t tracks = 0;
    if (text == NULL)
        return otherwise;
    ASSERT(str_to_u64(str_from(text), &tracks) == ERR_OK && tracks > 0);
    return tracks;
}
