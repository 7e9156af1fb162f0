#pragma once
/* root_look.h -- whether a music folder is there: it can be read, and is not the empty folder that
 * a disk or share should be mounted on. That one would be taken for music that was deleted: nothing
 * in it, where the catalog has tracks that can be played. Of several nodes an empty folder is never
 * there: another one may have the music. Hidden files and lost+found are nothing.
 *
 * Waits for the file system: offload it.
 * Threads  Any. */

#include "storage/catalog/catalog.h"

#define ROOT_REASON_NOT_THERE "the music folder is not there"
#define ROOT_REASON_NO_ROLE "this node reads no music: it has not the role media"
#define ROOT_REASON_EMPTY                                                                          \
    "the music folder is empty: is what belongs there mounted? (any file in it says that it is)"

/* "": it is there. Else why not, for people; constant. */
const char *root_look(catalog_t *catalog, str_t root, const char *path, bool is_alone);
