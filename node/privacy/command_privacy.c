/* command_privacy.c -- user erase, user export, audit, keys. */

#include "node/privacy/command_privacy.h"

#include "node/commands/command_ask.h"
#include "node/exchange/exchange.h"
#include "node/journal_open.h"
#include "runtime/base/text.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PLAYLISTS_MAX = 4096, ROOMS_MAX = 4096, POLL_US = 200000 };

static str_t text_in(const graphql_value_t *object, const char *name)
{
    return graphql_value_str(graphql_value_get(object, name));
}

static int ask_with(const config_t *config, const char *command, const char *name, str_t value,
                    arena_t *arena, const graphql_value_t **out_result)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, name, value);
    json_object_end(&json);
    return command_ask(config, command, buf_str(&body), arena, out_result);
}

/* ---- erase ---- */

static bool is_confirmed(const char *name)
{
    char line[512] = "";
    fprintf(stderr,
            "Everything of %s goes for good: account, playlists, favourites, ratings, plays, "
            "follows, what they said in rooms, queue.\nType the name to go on: ",
            name);
    if (fgets(line, sizeof line, stdin) == NULL)
        return false;
    return str_equal(str_trim(str_from(line)), str_from(name));
}

/* What no node reaches, and until when it keeps the key: docs/operating.md, Erasure. */
static void print_elsewhere(bool is_in_database)
{
    puts("The key, wrapped by the master key, is still in what was copied elsewhere before:\n"
         "- backups: in a folder that `musicstream backup` goes on with until its next run, in "
         "copies of one until you remove them (`restore OLDER --erased NEWER` erases again)\n"
         "- old blocks of file systems that keep them (copy on write, snapshots, SSDs) until they "
         "are used again");
    if (is_in_database)
        puts("- PostgreSQL's WAL until its segment is recycled; archived WAL, replicas that lag "
             "and backups of the database for as long as you keep them\n"
             "- free space in the files of the SQL tables, until other rows come there: ids of "
             "the user and of tracks, times; no names");
    puts("`musicstream keys rotate`, and destroying the old master key and its copies, ends it for "
         "every wrapped key at once.");
}

int command_user_erase(const config_t *config, const char *name, bool is_yes)
{
    arena_t arena ARENA_SCOPED = {0};
    char user_id[EXCHANGE_USER_ID_SIZE];
    const graphql_value_t *result;
    int exit_code = exchange_user_id(config, name, user_id);
    if (exit_code != EXIT_OK)
        return exit_code;
    if (!is_yes && !is_confirmed(name))
        return command_failed("nothing was erased");
    exit_code = ask_with(config, "user.erase", "user_id", str_from(user_id), &arena, &result);
    if (exit_code != EXIT_OK)
        return exit_code;
    printf("Erased. Its key is destroyed: what the journal and its snapshots hold of %s can't be "
           "read any more.\n",
           user_id);
    print_elsewhere(journal_is_in_database(config));
    return EXIT_OK;
}

/* ---- export ---- */

typedef struct export
{
    const config_t *config;
    const char *name, *folder;
    char user_id[EXCHANGE_USER_ID_SIZE];
    arena_t arena;
    FILE *events;
    str_t playlists[PLAYLISTS_MAX];
    size_t playlist_count;
    str_t rooms[ROOMS_MAX]; /* that they are in, or have said something in */
    size_t room_count;
}
export_t;

static void export_deinit(export_t *self)
{
    arena_deinit(&self->arena);
    if (self->events != NULL)
        fclose(self->events);
}

static FILE *create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL)
        command_failed("%s can't be made: %s", path, strerror(errno));
    return file;
}

static void note_playlist(export_t *self, const graphql_value_t *event)
{
    str_t name = text_in(event, "event");
    str_t id = text_in(graphql_value_get(event, "data"), "playlist_id");
    if (str_equal(name, STR("user_playlist_added")) && self->playlist_count < PLAYLISTS_MAX)
        self->playlists[self->playlist_count++] = id;
    for (size_t i = 0; i < self->playlist_count; i++)
        if (str_equal(name, STR("user_playlist_removed")) && str_equal(self->playlists[i], id))
            self->playlists[i--] = self->playlists[--self->playlist_count];
}

static void note_room(export_t *self, const graphql_value_t *event)
{
    const graphql_value_t *data = graphql_value_get(event, "data");
    str_t id = text_in(data, "room_id");
    bool is_gone = graphql_value_int(graphql_value_get(data, "standing"), 0) == 0;
    size_t at = 0;
    if (!str_equal(text_in(event, "event"), STR("user_room_set")))
        return;
    while (at < self->room_count && !str_equal(self->rooms[at], id))
        at++;
    if (at == self->room_count && !is_gone && at < ROOMS_MAX)
        self->rooms[self->room_count++] = id;
    else if (at < self->room_count && is_gone)
        self->rooms[at] = self->rooms[--self->room_count];
}

static void write_event(export_t *self, const char *stream, const graphql_value_t *event)
{
    buf_t line BUF_SCOPED = BUF_INIT, data BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&line);
    json_object_begin(&json);
    json_key_str(&json, "stream", str_from(stream));
    json_key_i64(&json, "version", graphql_value_int(graphql_value_get(event, "version"), 0));
    json_key_i64(&json, "at", graphql_value_int(graphql_value_get(event, "at"), 0));
    json_key_str(&json, "event", text_in(event, "event"));
    json_key(&json, STR("data"));
    graphql_value_to_json(graphql_value_get(event, "data"), &data);
    json_raw(&json, buf_str(&data));
    json_object_end(&json);
    fprintf(self->events, "%s\n", buf_terminated(&line));
}

static int ask_events(export_t *self, const char *stream, int64_t after,
                      const graphql_value_t **out_page)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "stream", str_from(stream));
    json_key_i64(&json, "after", after);
    if (str_starts_with(str_from(stream), STR("room/"))) /* what others said is theirs */
        json_key_str(&json, "of", str_from(self->user_id));
    json_object_end(&json);
    return command_ask(self->config, "user.events", buf_str(&body), &self->arena, out_page);
}

static int export_stream(export_t *self, const char *kind, str_t key)
{
    char stream[256];
    int64_t after = 0;
    snprintf(stream, sizeof stream, "%s/%.*s", kind, STR_ARG(key));
    do {
        const graphql_value_t *page, *events;
        int exit_code = ask_events(self, stream, after, &page);
        if (exit_code != EXIT_OK)
            return exit_code;
        events = graphql_value_get(page, "events");
        for (size_t i = 0; i < graphql_value_count(events); i++) {
            write_event(self, stream, graphql_value_at(events, i));
            note_playlist(self, graphql_value_at(events, i));
            note_room(self, graphql_value_at(events, i));
        }
        after = graphql_value_int(graphql_value_get(page, "next"), 0);
    } while (after != 0);
    return EXIT_OK;
}

static int export_account(export_t *self)
{
    char path[PATH_MAX];
    const graphql_value_t *info;
    buf_t body BUF_SCOPED = BUF_INIT;
    int exit_code =
        ask_with(self->config, "user.find", "name", str_from(self->name), &self->arena, &info);
    if (exit_code != EXIT_OK)
        return exit_code;
    graphql_value_to_json(info, &body);
    snprintf(path, sizeof path, "%s/account.json", self->folder);
    FILE *file = create(path);
    if (file == NULL)
        return EXIT_FAILED;
    fprintf(file, "%s\n", buf_terminated(&body));
    return fclose(file) == 0 ? EXIT_OK : command_failed("%s: %s", path, strerror(errno));
}

/* As `playlist export` writes one. */
static int export_playlists(export_t *self)
{
    for (size_t i = 0; i < self->playlist_count; i++) {
        char path[PATH_MAX], id[128];
        snprintf(id, sizeof id, "pl_%.*s", STR_ARG(self->playlists[i]));
        snprintf(path, sizeof path, "%s/playlists/%s.m3u8", self->folder, id);
        char word[] = "export";
        char *words[] = {word, (char *)(uintptr_t)self->name, id, path, NULL};
        int exit_code = command_playlist(self->config, 4, words);
        if (exit_code != EXIT_OK)
            return exit_code;
        exit_code = export_stream(self, "playlist", self->playlists[i]);
        if (exit_code != EXIT_OK)
            return exit_code;
    }
    return EXIT_OK;
}

static int export_rooms(export_t *self)
{
    int exit_code = EXIT_OK;
    for (size_t i = 0; i < self->room_count && exit_code == EXIT_OK; i++)
        exit_code = export_stream(self, "room", self->rooms[i]);
    return exit_code;
}

static int export_all(export_t *self)
{
    static const char *const kinds[] = {"account", "user", "session"};
    char path[PATH_MAX];
    const graphql_value_t *result;
    int exit_code = export_account(self);
    snprintf(path, sizeof path, "%s/events.jsonl", self->folder);
    if (exit_code == EXIT_OK && (self->events = create(path)) == NULL)
        exit_code = EXIT_FAILED;
    for (size_t i = 0; i < COUNT_OF(kinds) && exit_code == EXIT_OK; i++)
        exit_code = export_stream(self, kinds[i], str_from(self->user_id));
    if (exit_code == EXIT_OK)
        exit_code = export_playlists(self);
    if (exit_code == EXIT_OK)
        exit_code = export_rooms(self);
    if (exit_code == EXIT_OK && fflush(self->events) != 0)
        exit_code = command_failed("%s: %s", path, strerror(errno));
    if (exit_code == EXIT_OK)
        exit_code = ask_with(self->config, "user.exported", "user_id", str_from(self->user_id),
                             &self->arena, &result);
    return exit_code;
}

int command_user_export(const config_t *config, const char *name, const char *folder)
{
    char path[PATH_MAX];
    export_t self SCOPED(export_deinit) = {.config = config, .name = name, .folder = folder};
    int exit_code = exchange_user_id(config, name, self.user_id);
    if (exit_code != EXIT_OK)
        return exit_code;
    snprintf(path, sizeof path, "%s/playlists", folder);
    if (mkdir(folder, 0700) != 0)
        return command_failed("%s can't be made: %s", folder, strerror(errno));
    if (mkdir(path, 0700) != 0)
        return command_failed("%s can't be made: %s", path, strerror(errno));
    exit_code = export_all(&self);
    if (exit_code == EXIT_OK)
        printf("%s: account.json, events.jsonl, %zu playlists\n", folder, self.playlist_count);
    return exit_code;
}

/* ---- audit ---- */

static void print_entry(const graphql_value_t *entry)
{
    time_t seconds = (time_t)(graphql_value_int(graphql_value_get(entry, "at"), 0) / 1000);
    char when[32] = "";
    struct tm parts;
    if (gmtime_r(&seconds, &parts) != NULL)
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf("%6lld  %s  %-18.*s %.*s%s\n",
           (long long)graphql_value_int(graphql_value_get(entry, "number"), 0), when,
           STR_ARG(text_in(entry, "action")), STR_ARG(text_in(entry, "user_id")),
           graphql_value_bool(graphql_value_get(entry, "follows"), false) ? ""
                                                                          : "  DOES NOT FOLLOW");
}

int command_audit(const config_t *config, int count, char **arguments)
{
    int64_t after = 0;
    bool is_whole = true, has_anchor = true, was_cut = false;
    int64_t had = 0, lost_at = 0;
    (void)arguments;
    if (count != 0)
        return command_usage("audit");
    do {
        arena_t arena ARENA_SCOPED = {0};
        buf_t body BUF_SCOPED = BUF_INIT;
        const graphql_value_t *page, *entries;
        buf_printf(&body, "{\"after\":%lld}", (long long)after);
        int exit_code = command_ask(config, "audit", buf_str(&body), &arena, &page);
        if (exit_code != EXIT_OK)
            return exit_code;
        entries = graphql_value_get(page, "entries");
        for (size_t i = 0; i < graphql_value_count(entries); i++)
            print_entry(graphql_value_at(entries, i));
        is_whole = graphql_value_bool(graphql_value_get(page, "is_whole"), false);
        has_anchor = graphql_value_bool(graphql_value_get(page, "has_anchor"), false);
        was_cut = graphql_value_bool(graphql_value_get(page, "was_cut"), false);
        had = graphql_value_int(graphql_value_get(page, "had"), 0);
        lost_at = graphql_value_int(graphql_value_get(page, "lost_at"), 0);
        after = graphql_value_int(graphql_value_get(page, "next"), 0);
    } while (after != 0);
    if (was_cut)
        return command_failed("the log was cut off: it had %lld entries once, and newest ones were "
                              "taken out",
                              (long long)had);
    if (!is_whole)
        return command_failed("the log was altered: an entry does not follow, or is another one");
    if (lost_at != 0)
        return command_failed("whether newest entries were taken out before entry %lld is not "
                              "known: what tells it was gone then",
                              (long long)lost_at);
    return has_anchor ? EXIT_OK
                      : command_failed("whether newest entries were taken out is not known: what "
                                       "tells it (`_audit` among the users' keys) is missing");
}

/* ---- keys ---- */

static int keys_status(const config_t *config, bool is_waiting)
{
    for (;;) {
        arena_t arena ARENA_SCOPED = {0};
        const graphql_value_t *status;
        int exit_code = command_ask(config, "keys.status", (str_t){0}, &arena, &status);
        if (exit_code != EXIT_OK)
            return exit_code;
        if (is_waiting && graphql_value_bool(graphql_value_get(status, "is_running"), false)) {
            usleep(POLL_US);
            continue;
        }
        bool is_rotating = graphql_value_bool(graphql_value_get(status, "is_rotating"), false);
        str_t problem = text_in(status, "problem");
        if (is_waiting && is_rotating)
            return command_failed("not every key could be wrapped anew (%.*s): both master keys "
                                  "stay good, try again",
                                  STR_ARG(problem));
        printf("master key %.*s%s\n", STR_ARG(text_in(status, "master")),
               is_rotating ? ", and the one before it" : "");
        return EXIT_OK;
    }
}

int command_keys(const config_t *config, int count, char **arguments)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *result;
    const char *file = command_flag(count, arguments, "new-master-key-file");
    char absolute[PATH_MAX] = "";
    int words = command_plain_count(count, arguments);
    if (words == 1 && strcmp(arguments[0], "status") == 0)
        return keys_status(config, false);
    if (words != 1 || strcmp(arguments[0], "rotate") != 0)
        return command_usage("keys");
    if (file != NULL && realpath(file, absolute) == NULL)
        return command_failed("%s can't be read: %s", file, strerror(errno));
    int exit_code = ask_with(config, "keys.rotate", "file", str_from(absolute), &arena, &result);
    return exit_code == EXIT_OK ? keys_status(config, true) : exit_code;
}
