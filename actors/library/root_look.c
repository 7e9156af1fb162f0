#include "actors/library/root_look.h"

#include <dirent.h>
#include <errno.h>

static const char *reason_of(int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return ROOT_REASON_NOT_THERE;
    return error == EACCES || error == EPERM ? "the music folder may not be read"
                                             : "the music folder can't be read";
}

static bool is_something(const char *name)
{
    return name[0] != '.' && strcmp(name, "lost+found") != 0;
}

/* The first names are enough. */
static const char *read_names(DIR *folder, bool *out_is_empty)
{
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(folder)) != NULL && !is_something(entry->d_name))
        errno = 0;
    *out_is_empty = entry == NULL;
    return entry == NULL && errno != 0 ? reason_of(errno) : "";
}

/* What can't be found out is no reason to doubt. Among the first tracks: with them gone, the folder
 * was emptied on purpose. */
static bool has_tracks(catalog_t *catalog, str_t root)
{
    arena_t arena ARENA_SCOPED = {0};
    catalog_page_t page;
    catalog_track_t track;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    const catalog_page_options_t options = {.list = CATALOG_TRACKS_BY_PATH, .root = root};
    if (catalog_read_begin(catalog, &arena, &read) != ERR_OK ||
        catalog_page(&read, &options, &page) != ERR_OK)
        return false;
    for (size_t i = 0; i < page.count; i++)
        if (catalog_track(&read, page.items[i].id, &track) == ERR_OK && track.is_available)
            return true;
    return false;
}

const char *root_look(catalog_t *catalog, str_t root, const char *path, bool is_alone)
{
    bool is_empty = false;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return reason_of(errno);
    const char *reason = read_names(folder, &is_empty);
    closedir(folder);
    bool is_missing = reason[0] == '\0' && is_empty && (!is_alone || has_tracks(catalog, root));
    return is_missing ? ROOT_REASON_EMPTY : reason;
}
