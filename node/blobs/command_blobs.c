#include "node/blobs/command_blobs.h"

#include "node/commands/command_ask.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { POLL_US = 200000 };

static unsigned long long number(const graphql_value_t *object, const char *name)
{
    return (unsigned long long)graphql_value_int(graphql_value_get(object, name), 0);
}

static str_t text(const graphql_value_t *object, const char *name)
{
    return graphql_value_str(graphql_value_get(object, name));
}

static bool is(const graphql_value_t *object, const char *name)
{
    return graphql_value_bool(graphql_value_get(object, name), false);
}

static bool is_scrub(const graphql_value_t *job)
{
    return str_equal(text(job, "name"), STR("scrub"));
}

/* ---- in words ---- */

static void print_store(const graphql_value_t *status)
{
    bool is_far = str_equal(text(status, "store"), STR("s3"));
    if (!is_far) {
        puts("Blobs lie in the data folder.");
        return;
    }
    printf("Blobs lie in a bucket%s, which is %s%s%.*s%s.\n",
           is(status, "is_encrypted") ? ", encrypted" : "",
           is(status, "is_away") ? "away" : "there", is(status, "is_away") ? " (" : "",
           STR_ARG(is(status, "is_away") ? text(status, "problem") : STR("")),
           is(status, "is_away") ? ")" : "");
    printf("%llu sent, %llu wait, %llu can't be sent; %llu read, %llu removed, %llu failed, %llu "
           "tried again; cache %llu of %llu MiB.\n",
           number(status, "sent"), number(status, "waiting"), number(status, "damaged"),
           number(status, "gets"), number(status, "removes"), number(status, "failed"),
           number(status, "retried"), number(status, "cache_bytes") >> 20,
           number(status, "cache_bytes_max") >> 20);
}

static void print_job(const graphql_value_t *job, FILE *out)
{
    if (is_scrub(job))
        fprintf(
            out,
            "scrub: %llu read (%llu MiB), %llu whole, %llu damaged (%llu repaired), %llu without "
            "a checksum, %llu can't be read; %llu files of encoded sound, %llu damaged and dropped",
            number(job, "seen"), number(job, "bytes") >> 20, number(job, "whole"),
            number(job, "damaged"), number(job, "repaired"), number(job, "unchecked"),
            number(job, "unreadable"), number(job, "segments"), number(job, "segments_dropped"));
    else
        fprintf(out, "gc: %llu seen, %llu referred to, %llu too young, %llu %s (%llu MiB)",
                number(job, "seen"), number(job, "referenced"), number(job, "young"),
                number(job, "removed"), is(job, "is_dry") ? "would go" : "removed",
                number(job, "removed_bytes") >> 20);
}

static void print_found(const graphql_value_t *job)
{
    const graphql_value_t *found = graphql_value_get(job, "found");
    for (size_t i = 0; i < graphql_value_count(found); i++) {
        const graphql_value_t *item = graphql_value_at(found, i);
        bool is_rotten = str_equal(text(item, "problem"), STR("CORRUPT"));
        printf("  %.*s%s: %.*s\n", STR_ARG(text(item, "name")),
               is(item, "is_in_bucket") ? " (in the bucket)" : "",
               STR_ARG(is_rotten ? STR("damaged, put aside") : text(item, "problem")));
    }
}

/* ---- following ---- */

static int end(const graphql_value_t *job, bool is_json)
{
    str_t error = text(job, "error");
    if (!is_json) {
        print_job(job, stdout);
        putchar('\n');
        print_found(job);
    }
    if (error.size > 0)
        return command_failed("it ended before it was through: %.*s", STR_ARG(error));
    return is_scrub(job) && number(job, "damaged") + number(job, "unreadable") > 0 ? EXIT_FAILED
                                                                                   : EXIT_OK;
}

static void print_json(const graphql_value_t *job)
{
    printf("{\"name\":\"%.*s\",\"is_dry\":%s,\"error\":\"%.*s\",\"seen\":%llu,",
           STR_ARG(text(job, "name")), is(job, "is_dry") ? "true" : "false",
           STR_ARG(text(job, "error")), number(job, "seen"));
    if (is_scrub(job))
        printf(
            "\"bytes\":%llu,\"whole\":%llu,\"damaged\":%llu,\"repaired\":%llu,\"unchecked\":%llu,"
            "\"unreadable\":%llu}\n",
            number(job, "bytes"), number(job, "whole"), number(job, "damaged"),
            number(job, "repaired"), number(job, "unchecked"), number(job, "unreadable"));
    else
        printf("\"referenced\":%llu,\"young\":%llu,\"removed\":%llu,\"removed_bytes\":%llu}\n",
               number(job, "referenced"), number(job, "young"), number(job, "removed"),
               number(job, "removed_bytes"));
}

static int follow(const config_t *config, bool is_json)
{
    bool is_terminal = isatty(STDERR_FILENO) != 0;
    for (;;) {
        arena_t arena ARENA_SCOPED = {0};
        const graphql_value_t *status;
        int exit_code = command_ask(config, "blobs.status", (str_t){0}, &arena, &status);
        if (exit_code != EXIT_OK)
            return exit_code;
        const graphql_value_t *job = graphql_value_get(status, "job");
        bool is_running = is(job, "is_running");
        if (is_json && !is_running)
            print_json(job);
        if (is_terminal && !is_json) {
            fputs("\r\033[K", stderr);
            if (is_running)
                print_job(job, stderr);
        }
        if (!is_running)
            return end(job, is_json);
        usleep(POLL_US); /* the node works; this only looks */
    }
}

/* ---- the command ---- */

static void print_tending(const graphql_value_t *status)
{
    char day[32] = "not yet";
    time_t at = (time_t)(graphql_value_int(graphql_value_get(status, "tended_at_ms"), 0) / 1000);
    struct tm utc;
    if (at > 0 && gmtime_r(&at, &utc) != NULL)
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (is(status, "tends"))
        printf("Swept and scrubbed by the node itself: %s.\n", day);
    else
        puts("The node does not sweep and scrub by itself: give `blobs gc` and `blobs scrub`.");
}

static int show_status(const config_t *config)
{
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    int exit_code = command_ask(config, "blobs.status", (str_t){0}, &arena, &status);
    if (exit_code != EXIT_OK)
        return exit_code;
    const graphql_value_t *job = graphql_value_get(status, "job");
    print_store(status);
    print_tending(status);
    if (text(job, "name").size == 0)
        return EXIT_OK;
    fputs(is(job, "is_running") ? "Runs: " : "Ran last: ", stdout);
    print_job(job, stdout);
    printf("%s%.*s\n", text(job, "error").size > 0 ? ", ended by " : "",
           STR_ARG(text(job, "error")));
    print_found(job);
    return EXIT_OK;
}

int command_blobs(const config_t *config, int count, char **arguments)
{
    bool is_json = command_flag(count, arguments, "json") != NULL;
    bool is_dry = command_flag(count, arguments, "dry-run") != NULL;
    const char *verb = count > 0 ? arguments[0] : "status";
    arena_t arena ARENA_SCOPED = {0};
    const graphql_value_t *status;
    char command[32];
    bool is_job = strcmp(verb, "gc") == 0 || strcmp(verb, "scrub") == 0;
    if (command_plain_count(count, arguments) > 1 ||
        (!is_job && strcmp(verb, "cancel") != 0 && strcmp(verb, "status") != 0))
        return command_usage("blobs");
    if (strcmp(verb, "status") == 0)
        return show_status(config);
    snprintf(command, sizeof command, "blobs.%s", verb);
    int exit_code = command_ask(config, command, is_dry ? STR("{\"is_dry\":true}") : (str_t){0},
                                &arena, &status);
    if (exit_code != EXIT_OK || !is_job)
        return exit_code;
    return follow(config, is_json);
}
