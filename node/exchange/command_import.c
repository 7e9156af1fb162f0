/* command_import.c -- `import`: out of a Navidrome database, or from a Subsonic server
 * (import_subsonic.c). */

#include "node/exchange/import_run.h"
#include "storage/exchange/navidrome.h"

#include <stdio.h>

enum { IMPORT_USERS_MAX = 64 };

static err_t notes(void *self, str_t user_id, foreign_note_fn fn, void *context)
{
    return navidrome_notes(self, user_id, fn, context);
}

static err_t playlists(void *self, str_t user_id, foreign_playlist_fn fn, void *context)
{
    return navidrome_playlists(self, user_id, fn, context);
}

static err_t entries(void *self, str_t playlist_id, foreign_track_fn fn, void *context)
{
    return navidrome_entries(self, playlist_id, fn, context);
}

static err_t others(void *self, str_t user_id, uint64_t *out_albums, uint64_t *out_artists)
{
    return navidrome_others(self, user_id, out_albums, out_artists);
}

typedef struct find_user {
    str_t name;
    char id[EXCHANGE_USER_ID_SIZE * 2];
    buf_t all;
} find_user_t;

static void find_user_deinit(find_user_t *self)
{
    buf_deinit(&self->all);
}

static err_t on_user(void *context, const navidrome_user_t *user)
{
    find_user_t *self = context;
    if (str_equal(user->name, self->name) && !str_to_array(user->id, self->id, sizeof self->id))
        return ERR_INVALID;
    buf_printf(&self->all, " %.*s", STR_ARG(user->name));
    return ERR_OK;
}

static int import_user(const config_t *config, navidrome_t *navidrome, const char *pair,
                       bool is_dry)
{
    find_user_t find SCOPED(find_user_deinit) = {.id = ""};
    const import_source_t source = {"navidrome", STR(""), navidrome, notes,
                                    playlists,   entries, others,    NULL};
    import_names_t names = {0};
    if (import_names_of(pair, &names) != ERR_OK)
        return command_usage("import");
    find.name = names.theirs;
    if (navidrome_users(navidrome, on_user, &find) != ERR_OK)
        return command_failed("the users in the database can't be read");
    if (find.id[0] == '\0')
        return command_failed("the database has no user '%.*s', only:%s", STR_ARG(find.name),
                              buf_terminated(&find.all));
    names.their_id = str_from(find.id);
    return import_run(config, &source, &names, is_dry);
}

static int import_navidrome(const config_t *config, int count, char **arguments)
{
    static const char flag[] = "--user=";
    buf_t problem BUF_SCOPED = BUF_INIT;
    navidrome_t *navidrome NAVIDROME_SCOPED = NULL;
    int exit_code = EXIT_OK;
    bool is_dry = command_flag(count, arguments, "dry-run") != NULL;
    err_t err = navidrome_open(arguments[1], &problem, &navidrome);
    if (err != ERR_OK)
        return command_failed("%s: %s", arguments[1],
                              problem.size > 0 ? buf_terminated(&problem) : err_text(err));
    for (int i = 0; i < count && exit_code == EXIT_OK; i++)
        if (strncmp(arguments[i], flag, sizeof flag - 1) == 0)
            exit_code = import_user(config, navidrome, arguments[i] + sizeof flag - 1, is_dry);
    return exit_code;
}

int command_import(const config_t *config, int count, char **arguments)
{
    int users = 0, exit_code;
    for (int i = 0; i < count; i++)
        users += strncmp(arguments[i], "--user=", sizeof "--user=" - 1) == 0;
    if (command_plain_count(count, arguments) != 2 || users == 0 || users > IMPORT_USERS_MAX)
        return command_usage("import");
    if (strcmp(arguments[0], "navidrome") == 0)
        exit_code = import_navidrome(config, count, arguments);
    else if (strcmp(arguments[0], "subsonic") == 0)
        exit_code = import_subsonic(config, count, arguments);
    else
        return command_usage("import");
    if (exit_code == EXIT_OK && command_flag(count, arguments, "dry-run") != NULL)
        printf("nothing was changed: --dry-run\n");
    return exit_code;
}
