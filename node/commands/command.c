#include "node/commands/command.h"
#include "node/blobs/command_blobs.h"
#include "node/privacy/command_privacy.h"

#include "runtime/base/arena.h"

#include "version.h"

#include <stdarg.h>
#include <stdio.h>

static int command_config(const config_t *config, int count, char **arguments)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    (void)count, (void)arguments;
    config_describe(config, &out);
    fputs(buf_terminated(&out), stdout);
    return EXIT_OK;
}

static int command_version(const config_t *config, int count, char **arguments)
{
    (void)config, (void)count, (void)arguments;
    puts("musicstream " MS_VERSION);
    return EXIT_OK;
}

static const command_t commands[] = {
    {"serve", "", "run a node",
     "Runs one node until SIGTERM or SIGINT. The first time, it prints a link that makes the "
     "administrator.\n",
     NULL, command_serve},
    {"scan", "[[start] [full]|cancel|status]", "look for changes in the music folders",
     "Starts a scan on the running node and follows it; `status` only looks, `cancel` stops it.\n"
     "`full` reads every file again, changed or not.\n",
     NULL, command_scan},
    {"search", "WORDS...", "find artists, albums and tracks",
     "Asks the running node as a listener would: misspelt words are corrected, the last one may go "
     "on.\n"
     "  --explain         how it was found, and why each is where it is\n"
     "  --status          no WORDS: how the index is\n"
     "  --lyrics          looks in what is sung, and shows the line\n"
     "  --kind LIST       only these: artist, album, track\n"
     "  --genre LIST, --mood LIST, --language LIST, --format LIST\n"
     "                    only what has one of them, like --genre jazz,blues; a language by its\n"
     "                    code or its name: en, eng, English\n"
     "  --years A-B       only of these years; A- and -B leave it open\n"
     "  --popularity N    only what is played as much, 0 to 100\n"
     "  --added DAYS      only what came in the last so many days\n"
     "  --exact           corrects nothing\n"
     "  --facets          also how many tracks there are of each genre, mood, decade...\n"
     "  --max N           so many of each kind [10]\n"
     "  --json            JSON, on one line\n",
     "status explain lyrics kind= genre= mood= language= format= years= popularity= added= exact "
     "facets max= json",
     command_search},
    {"inspect", "FILE", "show what is read from a file, and what it is grouped by",
     "Reads one file with the media worker; needs no running node.\n", NULL, command_inspect},
    {"library", "list | add [NAME=]DIR", "the music folders",
     "Lists the music folders of the running node, or adds one.\n", NULL, command_library},
    {"user", "list | add NAME [admin] | passwd NAME | export NAME DIR | erase NAME",
     "who may sign in",
     "Manages the users of the running node. Passwords are read from the terminal or standard "
     "input, never from arguments.\n"
     "`export` writes all that is kept of a user to a new folder DIR; `erase` destroys it for "
     "good, "
     "after asking.\n"
     "  --yes           erases without asking\n",
     "yes", command_user},
    {"audit", "", "what was done with people's data",
     "Prints the running node's audit log: exports, erasures, changes of the master key; fails "
     "when it was altered.\n",
     NULL, command_audit},
    {"keys", "rotate | status", "the master key that wraps the users' keys",
     "`rotate` replaces it while the node runs; one that was cut short goes on at the next "
     "start.\n"
     "  --new-master-key-file FILE  the new one, where the node does not keep it itself\n",
     "new-master-key-file=", command_keys},
    {"token", "NAME", "sign a user in without a password, for scripts",
     "Prints an access token for NAME, good for 15 minutes: Authorization: Bearer TOKEN.\n", NULL,
     command_token},
    {"playlist", "export USER PLAYLIST [FILE] | import USER FILE",
     "playlists as files: M3U and XSPF",
     "Writes a playlist, named by its name or id, to FILE or standard output, or makes one of a "
     "file.\n"
     "Entries that are no track here are listed with the reason; with --dry-run that is all.\n"
     "  --format FORMAT  m3u, m3u8 or xspf [by the file's name; m3u8]\n"
     "  --relative       paths below the music folders, not absolute ones\n"
     "  --name NAME      of the new playlist [the one in the file, or the file's]\n"
     "  --dry-run        makes no playlist\n",
     "format= name= relative dry-run", command_playlist},
    {"import", "navidrome FILE --user THEIRS=OURS... | subsonic URL --user THEIRS=OURS...",
     "favourites, ratings, plays, playlists from elsewhere",
     "Takes what listeners made of their music out of a Navidrome database, or from any server "
     "that "
     "speaks\n"
     "Subsonic, for each --user. Doing it again changes nothing. What could not be matched is "
     "listed with\n"
     "the reason. Each user's password there is asked for on the terminal, or is a line of "
     "standard "
     "input.\n"
     "  --user THEIRS=OURS  a user there, and here; may be repeated\n"
     "  --password-file FILE  their passwords there, a line each in the order of --user\n"
     "  --api-key           these are API keys (OpenSubsonic), not passwords\n"
     "  --ca FILE           a certificate to trust instead of the machine's\n"
     "  --dry-run           only says what would be done\n",
     "user= password-file= api-key ca= dry-run", command_import},
    {"cluster",
     "keygen FILE | status | drain NODE | forget NODE | locate KIND KEY | trace [KIND [KEY]]",
     "many nodes as one",
     "keygen: makes the key that the nodes of one cluster share, in a file for each of them.\n"
     "status: who is in the cluster, as the node of the data folder sees it; in a terminal it goes "
     "on.\n"
     "drain: NODE gives its actors to the others; it goes on taking requests until it is stopped.\n"
     "forget: NODE ended and never comes back: the others take over what it had without waiting.\n"
     "locate: which node an actor is on, or would be; trace: its messages, wherever it is and "
     "goes; "
     "without\nKEY those of a kind.\n"
     "  --once          status once, as text\n"
     "  --json          status as JSON\n"
     "KEY of a playlist, room or user is its id, with or without pl_, ro_, us_. See "
     "docs/operating.md, A cluster.\n",
     "once json type= sender= for= max=", command_cluster},
    {"plugin", "list | replace NAME FILE.so", "actor kinds from shared objects",
     "Lists the plugins of the running node, or puts a new version in the place of one while its "
     "actors run.\nAll of them change or none does; see docs/operating.md.\n",
     NULL, command_plugin},
    {"top", "", "who is busy in the running node, or in all of its cluster",
     "Samples every actor each second and shows the first ones; keys: m c p s order by messages, "
     "CPU,\n"
     "memory, queue; k kinds, t message types, a actors; q quits.\n"
     "  --sort ORDER    messages (default), cpu, memory or queue\n"
     "  --kinds         by kind, not by actor\n"
     "  --types         by kind and message type: how long messages wait and take\n"
     "  --every TIME    the interval [1s]\n"
     "  --count N       so many rows [what fits]\n"
     "  --once          one sample of one interval, as text\n"
     "  --here          of a cluster this node alone\n"
     "  --json          samples as JSON, a line each (with --once: one); of a cluster a line for "
     "each\n                  node, and one behind them\n",
     "sort= kinds types every= count= once json here", command_top},
    {"actor", "[KIND KEY | ACTOR]", "what an actor of the running node is",
     "Prints what the actor says of itself as JSON: phase, mailbox, relations, failures, state. "
     "ACTOR\n"
     "is as `top` shows it, like 17.3. It is asked between two messages; one that is not active "
     "is\n"
     "not activated. Without arguments: every actor's counters.\n",
     NULL, command_actor},
    {"tree", "", "the supervision tree of the running node",
     "Prints who was started by whom, with restarts; actors with a name that nobody started are "
     "counted by kind.\n  --json          as JSON\n",
     "json", command_tree},
    {"outbox", "[retry|drop STREAM NUMBER]", "messages that wait for another actor, and dead ones",
     "Prints how many durable messages wait, and those that their receivers refused too often: "
     "STREAM is\n"
     "the sender's, NUMBER the message's. `retry` sends one again, `drop` gives it up.\n"
     "  --json          as JSON\n",
     "json", command_outbox},
    {"letters", "", "messages that nobody handled",
     "Prints dead letters as JSON: counted by kind and reason, and the last ones.\n", NULL,
     command_letters},
    {"crashes", "", "actors that failed, and what was decided",
     "Prints the last 64 failures of the running node, the newest first: who, why, what it "
     "handled,\n"
     "how long it had run, and how it goes on; below, what it had handled before.\n"
     "  --json          as JSON\n",
     "json", command_crashes},
    {"trace", "[KIND [KEY]] | TRACE",
     "messages as they are handled, or all that one request came to",
     "Prints a line for each message that the actors of a kind, or one of them, handle and send on "
     "the\nrunning node (`cluster trace`: on all). "
     "What "
     "is secret or personal is not shown. Who reads too\nslowly is told how many lines are lost.\n"
     "TRACE, the X-Request-Id of an answer or a traceparent: what was recorded of that request, on "
     "all nodes,\neach message under the one that it followed from.\n"
     "  --here          of a cluster only what this node has recorded of TRACE\n"
     "  --type TYPE     only messages of this type\n"
     "  --sender ACTOR  only from this actor, like 17.3\n"
     "  --for TIME      ends after that time, like 10s\n"
     "  --max N         ends after so many lines\n"
     "  --json          as the node sends them: JSON, a line each\n",
     "type= sender= for= max= json here", command_trace},
    {"recorder", "[FILE | FOLDER]", "what the flight recorder has, also after a crash",
     "Prints the last events of the recorder in DATA/recorder, or of a file; needs no running "
     "node.\n"
     "  --last TIME     only of the last so long, like 10s\n"
     "  --kind KIND     only of this kind; with --key KEY: of this actor\n"
     "  --actor ACTOR   only of this one, like 17.3\n"
     "  --type TYPE     only messages of this type\n"
     "  --event EVENT   only these, like failed\n"
     "  --trace TRACE   only what came of one request, or of the message with that number\n"
     "  --cluster       what the recorders of all running nodes of the cluster have\n"
     "  --max N         the newest so many [1000]\n"
     "  --json          JSON, a line each\n"
     "  --chrome FILE   writes a trace for chrome://tracing and Perfetto\n"
     "  --level LEVEL   switches the running node's: off, life, messages\n",
     "last= kind= key= actor= type= event= trace= max= json chrome= level= cluster",
     command_recorder},
    {"storage", "move --to postgres|lmdb | rebuild [NAME] | check [--repair] | salvage",
     "the journal to the other backend; what is damaged",
     "move: copies the journal of a node that does not run between its data folder and --database, "
     "and\n"
     "compares both. A copy that was cut short goes on where it ended.\n"
     "rebuild: makes the tables of --database anew from its journal, all or those of NAME "
     "(accounts,\n"
     "catalog, tastes, plays, playlists, devices, settings, server, follows, rooms, activities), "
     "while nodes "
     "serve; "
     "local-catalog: what the node "
     "of the\n"
     "data folder reads, with either backend. It goes on where it was cut short. search: its "
     "search "
     "index.\n"
     "check: reads all that lies in the data folder of a node that does not run and names what is "
     "damaged;\n"
     "with --repair it removes what the node makes anew.\n"
     "salvage: puts a journal of what can still be read in the place of a damaged one, which is "
     "kept.\n",
     "to= repair", command_storage},
    {"backup", "DIR", "a backup of everything that can't be made anew",
     "Writes what came since the last backup in the folder DIR, while the node serves or not: the "
     "journal,\n"
     "the users' keys as they are now (wrapped), covers and lyrics. Cut short, the backup before "
     "stands,\n"
     "and the next one goes on. The master key is not in it: keep a copy of that elsewhere.\n"
     "  --verify        reads all of it back afterwards and compares\n",
     "verify", command_backup},
    {"restore", "DIR", "a backup into an empty data folder, or database",
     "Restores the backup in DIR into --data, which must be empty but for keys/master, and with\n"
     "--database its journal into that. Checks everything before, and compares afterwards. Cut "
     "short, "
     "the\n"
     "same command goes on.\n"
     "  --erased FILE   users that were erased since: a list, or the folder of a newer backup\n"
     "  --verify        only reads the backup and checks it; needs neither node nor data folder\n",
     "erased= verify", command_restore},
    {"blobs", "status | gc | scrub | cancel", "covers and lyrics as they are stored",
     "status: where they lie, whether that is there, what waits to be sent.\n"
     "gc: removes what nothing in the catalog refers to and was last stored over a day ago.\n"
     "scrub: reads all of them, puts aside what is damaged, and has it made anew from the music.\n"
     "  --dry-run       gc only says what would go\n"
     "  --json          the result as JSON\n",
     "dry-run json", command_blobs},
    {"config", "", "print the configuration in force",
     "Prints every option with its value and where it came from.\n", NULL, command_config},
    {"version", "", "print the version", "Prints the version.\n", NULL, command_version},
};

int command_failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("musicstream: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_FAILED;
}

int command_usage(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            fprintf(stderr, "usage: musicstream %s %s\nmusicstream %s --help says more.\n", name,
                    commands[i].arguments, name);
    return EXIT_USAGE;
}

static void print_help(FILE *out)
{
    fputs("MusicStream: your music, anywhere, beautifully.\n\nusage: musicstream COMMAND "
          "[OPTION...]\n\n",
          out);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nmusicstream COMMAND --help says more about one.\n", out);
}

static void print_command_help(const command_t *command)
{
    buf_t options BUF_SCOPED = BUF_INIT;
    config_help(&options);
    printf("usage: musicstream %s %s\n\n%s\nOptions, also in musicstream.conf and as "
           "MUSICSTREAM_NAME in the environment:\n%s",
           command->name, command->arguments, command->help, buf_terminated(&options));
}

static bool wants_help(int count, char **arguments)
{
    for (int i = 0; i < count; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0)
            return true;
    return false;
}

/* ---- a command's own flags ---- */

/* Of "name= other": is this "--name=value" or "--name"? */
static bool is_own_flag(const char *flags, str_t name, bool *out_has_value)
{
    str_t rest = str_from(flags == NULL ? "" : flags), flag;
    while (str_next(&rest, ' ', &flag)) {
        bool has_value = str_ends_with(flag, STR("="));
        if (has_value)
            flag.size--;
        if (str_equal(flag, name)) {
            *out_has_value = has_value;
            return true;
        }
    }
    return false;
}

int command_plain_count(int count, char **arguments)
{
    int plain = 0;
    while (plain < count && strncmp(arguments[plain], "--", 2) != 0)
        plain++;
    return plain;
}

const char *command_flag(int count, char **arguments, const char *name)
{
    size_t size = strlen(name);
    for (int i = 0; i < count; i++) {
        const char *flag = arguments[i];
        if (strncmp(flag, "--", 2) == 0 && strncmp(flag + 2, name, size) == 0 &&
            (flag[size + 2] == '=' || flag[size + 2] == '\0'))
            return flag[size + 2] == '=' ? flag + size + 3 : "";
    }
    return NULL;
}

err_t command_duration_ms(const char *text, uint64_t *out_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"", 1000}};
    uint64_t number;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        str_t value = str_from(text), unit = str_from(units[i].unit);
        if (!str_ends_with(value, unit))
            continue;
        value.size -= unit.size;
        TRY(str_to_u64(value, &number));
        if (number > 1000000)
            return ERR_INVALID;
        *out_ms = number * units[i].ms;
        return ERR_OK;
    }
    return ERR_INVALID;
}

/* The command's own flags, each as one word; what is left is for the configuration. */
typedef struct split {
    arena_t arena;
    char **own, **rest;
    int own_count, rest_count;
} split_t;

static void split_deinit(split_t *self)
{
    arena_deinit(&self->arena);
}

static err_t split_flags(split_t *self, const command_t *command, int count, char **arguments)
{
    self->own = arena_new(&self->arena, ((size_t)count + 1) * sizeof(char *));
    /* Behind what is left of the rest come the command's own. */
    self->rest = arena_new(&self->arena, ((size_t)count + 1) * 2 * sizeof(char *));
    if (self->own == NULL || self->rest == NULL)
        return ERR_NO_MEMORY;
    for (int i = 0; i < count; i++) {
        str_t word = str_from(arguments[i]);
        str_t name = str_slice(word, 2, str_find(word, '='));
        bool has_value = false, is_whole = str_find(word, '=') < word.size;
        if (!str_starts_with(word, STR("--")) || !is_own_flag(command->flags, name, &has_value)) {
            self->rest[self->rest_count++] = arguments[i];
            continue;
        }
        if (has_value && !is_whole && i + 1 == count)
            return command_failed("--%.*s needs a value", STR_ARG(name)), ERR_INVALID;
        str_t whole = has_value && !is_whole
                          ? arena_printf(&self->arena, "--%.*s=%s", STR_ARG(name), arguments[++i])
                          : word;
        if (whole.data == NULL)
            return ERR_NO_MEMORY;
        self->own[self->own_count++] = (char *)(uintptr_t)whole.data;
    }
    return ERR_OK;
}

static int run_command(const command_t *command, int count, char **arguments, char **environment)
{
    config_t config CONFIG_SCOPED = {0};
    split_t split SCOPED(split_deinit) = {0};
    int rest = 0;
    if (split_flags(&split, command, count, arguments) != ERR_OK)
        return EXIT_USAGE;
    err_t err = config_load(&config, environment, split.rest_count, split.rest, &rest);
    if (err != ERR_OK) {
        command_failed("%s", config.problem[0] != '\0' ? config.problem : err_text(err));
        return EXIT_USAGE;
    }
    for (int i = 0; i < split.own_count; i++)
        split.rest[rest + i] = split.own[i];
    return command->run(&config, rest + split.own_count, split.rest);
}

int command_main(int count, char **arguments, char **environment)
{
    if (count == 0) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0 ||
        strcmp(arguments[0], "help") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    const char *name = strcmp(arguments[0], "--version") == 0 ? "version" : arguments[0];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (wants_help(count - 1, arguments + 1)) {
            print_command_help(&commands[i]);
            return EXIT_OK;
        }
        return run_command(&commands[i], count - 1, arguments + 1, environment);
    }
    fprintf(stderr, "musicstream: there is no command '%s'; musicstream --help lists them\n", name);
    return EXIT_USAGE;
}
