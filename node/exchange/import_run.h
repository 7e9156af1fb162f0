#pragma once
/* import_run.h -- takes what a listener made of their music elsewhere into the running node.
 *
 * The source is read by this process; the node says which tracks are meant and takes what is known
 * of them (user.def, user_import), a part at a time. Doing it again changes nothing, so one that
 * was cut short is simply done again.
 *
 * Errors  Said on standard error: functions return an exit code. */

#include "node/exchange/exchange.h"
#include "storage/exchange/foreign.h"

typedef struct import_source {
    const char *name; /* begins the ids of commands */
    str_t origin;     /* what tells two of them apart whose ids may be the same */
    void *self;
    err_t (*notes)(void *self, str_t user_id, foreign_note_fn fn, void *context);
    err_t (*playlists)(void *self, str_t user_id, foreign_playlist_fn fn, void *context);
    err_t (*entries)(void *self, str_t playlist_id, foreign_track_fn fn, void *context);
    err_t (*others)(void *self, str_t user_id, uint64_t *out_albums, uint64_t *out_artists);
    const char *(*problem)(void *self); /* of the last error; NULL: the error says enough */
} import_source_t;

typedef struct import_names {
    str_t theirs, their_id;
    const char *ours;
} import_names_t;

/* Of "THEIRS=OURS". INVALID */
err_t import_names_of(const char *pair, import_names_t *out_names);

int import_run(const config_t *config, const import_source_t *source, const import_names_t *names,
               bool is_dry);

/* import_subsonic.c */
int import_subsonic(const config_t *config, int count, char **arguments);
