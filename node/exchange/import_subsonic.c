/* import_subsonic.c -- `import subsonic`: each user signs in there, because a server tells nobody,
 * not even its administrator, what another made of their music. */

#include "node/commands/secret.h"
#include "node/exchange/import_run.h"
#include "storage/exchange/subsonic.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static err_t notes(void *self, str_t user_id, foreign_note_fn fn, void *context)
{
    (void)user_id;
    return subsonic_notes(self, fn, context);
}

static err_t playlists(void *self, str_t user_id, foreign_playlist_fn fn, void *context)
{
    (void)user_id;
    return subsonic_playlists(self, fn, context);
}

static err_t entries(void *self, str_t playlist_id, foreign_track_fn fn, void *context)
{
    return subsonic_entries(self, playlist_id, fn, context);
}

static err_t others(void *self, str_t user_id, uint64_t *out_albums, uint64_t *out_artists)
{
    (void)user_id;
    return subsonic_others(self, out_albums, out_artists);
}

static const char *problem_of(void *self)
{
    return subsonic_problem(self);
}

/* Without the scheme: the same server, whether over HTTP or HTTPS. */
static str_t origin_of(const char *url)
{
    str_t text = str_from(url);
    text = str_slice(text, MIN(str_find(text, '/') + 2, text.size), text.size);
    while (str_ends_with(text, STR("/")))
        text.size--;
    if (str_ends_with(text, STR("/rest")))
        text.size -= sizeof "/rest" - 1;
    return text;
}

static void close_file(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

/* The file that passwords come from, NULL for standard input. One that others may read is none. */
static int open_secrets(const char *path, FILE **out_file)
{
    struct stat info;
    if (path == NULL)
        return EXIT_OK;
    *out_file = fopen(path, "re");
    if (*out_file == NULL)
        return command_failed("%s: %s", path, strerror(errno));
    if (fstat(fileno(*out_file), &info) != 0 || (info.st_mode & 077) != 0)
        return command_failed("%s may be read by others than its owner: chmod 600", path);
    return EXIT_OK;
}

static int import_user(const config_t *config, const subsonic_options_t *options, const char *pair,
                       bool is_dry)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    subsonic_t *server SUBSONIC_SCOPED = NULL;
    import_names_t names = {0};
    err_t err = import_names_of(pair, &names);
    if (err == ERR_OK)
        err = subsonic_open(options, &problem, &server);
    if (err != ERR_OK)
        return command_failed("%s, user '%.*s': %s", options->wire.url, STR_ARG(options->user),
                              problem.size > 0 ? buf_terminated(&problem) : err_text(err));
    const import_source_t source = {
        .name = "subsonic",
        .origin = origin_of(options->wire.url),
        .self = server,
        .notes = notes,
        .playlists = playlists,
        .entries = entries,
        .others = others,
        .problem = problem_of,
    };
    printf("%.*s: signed in at %s\n", STR_ARG(names.theirs),
           subsonic_server(server)[0] == '\0' ? options->wire.url : subsonic_server(server));
    return import_run(config, &source, &names, is_dry);
}

/* Asks for the secret of one pair, and goes on with it. */
static int with_secret(const config_t *config, const subsonic_options_t *all, FILE *secrets,
                       const char *pair, bool is_dry)
{
    char secret[SECRET_ROOM];
    subsonic_options_t options = *all;
    buf_t prompt BUF_SCOPED = BUF_INIT;
    import_names_t names = {0};
    if (import_names_of(pair, &names) != ERR_OK)
        return command_usage("import");
    buf_printf(&prompt, "%s of '%.*s' there: ", options.is_key ? "API key" : "Password",
               STR_ARG(names.theirs));
    if (!secret_read(buf_terminated(&prompt), secrets, secret))
        return command_failed("a line with the %s of '%.*s' is missing: one for each --user",
                              options.is_key ? "API key" : "password", STR_ARG(names.theirs));
    options.user = names.theirs;
    options.secret = str_from(secret);
    int exit_code = import_user(config, &options, pair, is_dry);
    explicit_bzero(secret, sizeof secret);
    return exit_code;
}

int import_subsonic(const config_t *config, int count, char **arguments)
{
    static const char flag[] = "--user=";
    FILE *file SCOPED(close_file) = NULL;
    bool is_dry = command_flag(count, arguments, "dry-run") != NULL;
    subsonic_options_t options = {.is_key = command_flag(count, arguments, "api-key") != NULL,
                                  .may_send_in_clear = config->allow_plain_http};
    options.wire.url = arguments[1];
    options.wire.ca = command_flag(count, arguments, "ca");
    int exit_code = open_secrets(command_flag(count, arguments, "password-file"), &file);
    for (int i = 0; i < count && exit_code == EXIT_OK; i++)
        if (strncmp(arguments[i], flag, sizeof flag - 1) == 0)
            exit_code = with_secret(config, &options, file == NULL ? stdin : file,
                                    arguments[i] + sizeof flag - 1, is_dry);
    return exit_code;
}
