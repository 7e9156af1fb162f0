#include "storage/keys/keyring_file.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

err_t keyring_file_make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return ERR_OK;
    if (errno != EEXIST)
        return err_from_errno(errno);
    return chmod(path, 0700) == 0 ? ERR_OK : err_from_errno(errno);
}

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* Inserts into an array that is kept largest first. */
static void keep_largest(uint32_t *numbers, size_t *count, size_t count_max, uint32_t number)
{
    size_t at = 0;
    while (at < *count && numbers[at] > number)
        at++;
    if (at == count_max)
        return;
    size_t moved = MIN(*count, count_max - 1) - at;
    memmove(numbers + at + 1, numbers + at, moved * sizeof *numbers);
    numbers[at] = number;
    *count = MIN(*count + 1, count_max);
}

err_t keyring_file_list(const char *directory, uint32_t *out_numbers, size_t count_max)
{
    DIR *dir SCOPED(dir_scope_end) = opendir(directory);
    if (dir == NULL)
        return err_from_errno(errno);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        str_t name = str_from(entry->d_name);
        uint32_t number = 0;
        if (str_ends_with(name, STR(".key")) &&
            str_to_u32(str_slice(name, 0, name.size - 4), &number) == ERR_OK && number != 0)
            keep_largest(out_numbers, &count, count_max, number);
    }
    return ERR_OK;
}
