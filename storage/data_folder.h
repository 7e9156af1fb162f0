#pragma once
/* data_folder.h -- the one folder that holds everything of a node (`--data DIR`), owned by one
 * process at a time.
 *
 * `lock` is held with flock for as long as the folder is open: the kernel lets go of it when the
 * process dies, however it dies. `format` holds the number of the layout. Both are there before
 * anything else. `lock` says "clean" after a close; what it says otherwise at an open tells that
 * whoever used the folder before did not come to its end.
 * Threads  Open and close from one thread; the path from any.
 * Errors   Each comes with a sentence for people in *problem:
 *   CONFLICT     another process uses it
 *   NEWER        its format is newer than this program
 *   UNAVAILABLE  a restore into it was cut short
 *   CORRUPT      its format file is not a number
 *   NOT_FOUND, FORBIDDEN, FULL, IO   it can't be made or written */

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"

enum { DATA_FOLDER_FORMAT = 1 };
/* There while a backup is restored into it: nobody may use what is there. */
#define DATA_FOLDER_RESTORING "restoring"

typedef struct data_folder data_folder_t;

/* Makes the folder when it is missing. On an error *problem gets a sentence. */
err_t data_folder_open(const char *path, buf_t *problem, data_folder_t **out_folder);
/* The same for who restores: DATA_FOLDER_RESTORING does not matter. */
err_t data_folder_open_to_restore(const char *path, buf_t *problem, data_folder_t **out_folder);
void data_folder_close(data_folder_t *self);
/* It was not closed the last time: a kill, a crash, a power cut. It stays so, over closes too,
 * until somebody has looked whether what is there can be trusted. */
bool data_folder_was_left(const data_folder_t *self);
void data_folder_trust(data_folder_t *self);
void data_folder_scope_end(data_folder_t **self);
#define DATA_FOLDER_SCOPED SCOPED(data_folder_scope_end)

const char *data_folder_path(const data_folder_t *self);
/* "PATH/NAME" into the arena; NULL: no memory. */
const char *data_folder_name(const data_folder_t *self, arena_t *arena, const char *name);
