#include "node/backup/backup_show.h"

#include <stdio.h>
#include <unistd.h>

void backup_show(UNUSED void *context, const char *what, uint64_t done, uint64_t total)
{
    if (isatty(STDERR_FILENO) == 0)
        return;
    if (total > 0)
        fprintf(stderr, "\r%llu of %llu %s (%llu %%)\033[K", (unsigned long long)done,
                (unsigned long long)total, what, (unsigned long long)(100 * done / total));
    else
        fprintf(stderr, "\r%llu %s\033[K", (unsigned long long)done, what);
}

void backup_show_end(void)
{
    if (isatty(STDERR_FILENO) != 0)
        fputs("\r\033[K", stderr);
}

static void found(UNUSED void *context, const char *sentence)
{
    backup_show_end();
    fprintf(stderr, "%s\n", sentence);
}

err_t backup_show_check(const backup_folder_t *folder, const aead_key_t *master)
{
    err_t err = backup_check(
        folder,
        &(backup_check_options_t){.master = master, .found = found, .progress = backup_show});
    backup_show_end();
    return err;
}
