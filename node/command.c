#include "node/command.h"

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
     command_serve},
    {"scan", "[start [full]|cancel|status]", "look for changes in the music folders",
     "Starts a scan on the running node and follows it; `status` only looks, `cancel` stops it.\n"
     "`full` reads every file again, changed or not.\n",
     command_scan},
    {"search", "WORDS...", "find artists, albums and tracks",
     "Searches the running node's catalog: all words must match, the last one as a beginning.\n",
     command_search},
    {"inspect", "FILE", "show what is read from a file, and what it is grouped by",
     "Reads one file with the media worker; needs no running node.\n", command_inspect},
    {"library", "list | add [NAME=]DIR", "the music folders",
     "Lists the music folders of the running node, or adds one.\n", command_library},
    {"user", "list | add NAME [admin] | passwd NAME", "who may sign in",
     "Manages the users of the running node. Passwords are read from the terminal or standard "
     "input, never from arguments.\n",
     command_user},
    {"token", "NAME", "sign a user in without a password, for scripts",
     "Prints an access token for NAME, good for 15 minutes: Authorization: Bearer TOKEN.\n",
     command_token},
    {"actor", "", "the actors of the running node",
     "Prints the supervision tree and each actor's counters as JSON.\n", command_actor},
    {"plugin", "list | replace NAME FILE.so", "actor kinds from shared objects",
     "Lists the plugins of the running node, or puts a new version in the place of one while its "
     "actors run.\nAll of them change or none does; see docs/operating.md.\n",
     command_plugin},
    {"config", "", "print the configuration in force",
     "Prints every option with its value and where it came from.\n", command_config},
    {"version", "", "print the version", "Prints the version.\n", command_version},
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
        config_t config CONFIG_SCOPED = {0};
        int rest = 0;
        err_t err = config_load(&config, environment, count - 1, arguments + 1, &rest);
        if (err != ERR_OK) {
            command_failed("%s", config.problem[0] != '\0' ? config.problem : err_text(err));
            return EXIT_USAGE;
        }
        return commands[i].run(&config, rest, arguments + 1);
    }
    fprintf(stderr, "musicstream: there is no command '%s'; musicstream --help lists them\n", name);
    return EXIT_USAGE;
}
