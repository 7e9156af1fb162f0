#include "node/config.h"

#include "actors/library/root_rules.h"
#include "runtime/base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The first two are strings of the configuration's own. */
typedef enum option_type {
    OPTION_STRING,
    OPTION_SECRET,
    OPTION_NUMBER,
    OPTION_SWITCH
} option_type_t;

typedef struct option {
    const char *name, *help, *text; /* text: the default of a string */
    option_type_t type;
    size_t offset;
    uint64_t number, min, max; /* number: the default of the others */
} option_t;

static const option_t options[] = {
#define STRING_ROW(name, fallback, help)                                                           \
    {#name, help, fallback, OPTION_STRING, offsetof(config_t, name), 0, 0, 0},
#define SECRET_ROW(name, fallback, help)                                                           \
    {#name, help, fallback, OPTION_SECRET, offsetof(config_t, name), 0, 0, 0},
#define NUMBER_ROW(name, fallback, min, max, help)                                                 \
    {#name, help, NULL, OPTION_NUMBER, offsetof(config_t, name), fallback, min, max},
#define SWITCH_ROW(name, fallback, help)                                                           \
    {#name, help, NULL, OPTION_SWITCH, offsetof(config_t, name), fallback, 0, 1},
    CONFIG_STRINGS(STRING_ROW) CONFIG_SECRETS(SECRET_ROW) CONFIG_NUMBERS(NUMBER_ROW)
        CONFIG_SWITCHES(SWITCH_ROW)};

_Static_assert(COUNT_OF(options) <= COUNT_OF(((config_t *)0)->sources), "sources is too small");

static const char *const source_names[CONFIG_SOURCES] = {"default", "file", "environment", "flag"};
static const char plugin_help[] = "FILE.so, actor kinds to load at the start; may be repeated";
static const char music_help[] = "[NAME=]DIR, a folder of music; may be repeated";

static void *field(const config_t *self, const option_t *option)
{
    return (char *)(uintptr_t)self + option->offset;
}

static void roots_clear(config_t *self)
{
    for (uint32_t i = 0; i < self->root_count; i++) {
        memory_free(self->roots[i].name);
        memory_free(self->roots[i].path);
    }
    self->root_count = 0;
}

static void plugins_clear(config_t *self)
{
    for (uint32_t i = 0; i < self->plugin_count; i++)
        memory_free(self->plugins[i]);
    self->plugin_count = 0;
}

void config_deinit(config_t *self)
{
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (options[i].type <= OPTION_SECRET)
            memory_free(*(char **)field(self, &options[i]));
    roots_clear(self);
    plugins_clear(self);
    *self = (config_t){0};
}

PRINTF_LIKE(2, 3) static err_t problem(config_t *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(self->problem, sizeof self->problem, format, args);
    va_end(args);
    return ERR_INVALID;
}

static err_t set_string(char **slot, const char *value)
{
    char *copy = str_dup_terminated(str_from(value));
    if (copy == NULL)
        return ERR_NO_MEMORY;
    memory_free(*slot);
    *slot = copy;
    return ERR_OK;
}

static err_t set_switch(config_t *self, const option_t *option, const char *value, bool *slot)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no",
                                                                                "off", "0"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
            *slot = strcasecmp(value, yes[i]) == 0;
            return ERR_OK;
        }
    }
    return problem(self, "%s is '%s': use true or false", option->name, value);
}

static err_t set_option(config_t *self, size_t index, const char *value, config_source_t source)
{
    const option_t *option = &options[index];
    uint64_t number = 0;
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_SECRET:
        TRY(set_string(field(self, option), value));
        break;
    case OPTION_NUMBER:
        if (str_to_u64(str_from(value), &number) != ERR_OK || number < option->min ||
            number > option->max)
            return problem(self, "%s is '%s': use a whole number from %llu to %llu", option->name,
                           value, (unsigned long long)option->min, (unsigned long long)option->max);
        *(uint64_t *)field(self, option) = number;
        break;
    case OPTION_SWITCH:
        TRY(set_switch(self, option, value, field(self, option)));
        break;
    }
    self->sources[index] = source;
    return ERR_OK;
}

/* "NAME=DIR", or "DIR", whose name is its last part. */
static err_t add_root(config_t *self, str_t value, config_source_t source)
{
    if (self->roots_source != source)
        roots_clear(self);
    self->roots_source = source;
    if (self->root_count == CONFIG_ROOTS_MAX)
        return problem(self, "music: at most %d folders", CONFIG_ROOTS_MAX);
    size_t equals = str_find(value, '=');
    bool is_named = equals < value.size && str_find(value, '/') > equals;
    str_t path = is_named ? str_slice(value, equals + 1, value.size) : value;
    while (path.size > 1 && path.data[path.size - 1] == '/')
        path.size--;
    if (str_is_empty(path))
        return problem(self, "music is '%.*s': give a folder, or NAME=FOLDER", STR_ARG(value));
    char *terminated MEMORY_SCOPED = str_dup_terminated(path);
    if (terminated == NULL)
        return ERR_NO_MEMORY;
    char absolute[PATH_MAX];
    bool is_there = realpath(terminated, absolute) != NULL;
    char *real = is_there ? str_dup_terminated(str_from(absolute)) : STEAL(terminated);
    if (real == NULL)
        return ERR_NO_MEMORY;
    arena_t arena ARENA_SCOPED = {0};
    str_t name = is_named ? str_slice(value, 0, equals) : root_name_of(str_from(real), &arena);
    if (str_is_empty(name))
        name = STR("music");
    for (uint32_t i = 0; i < self->root_count; i++) {
        if (str_equal(str_from(self->roots[i].name), name)) {
            memory_free(real);
            return problem(self,
                           "music: two folders are called '%.*s'; name one: --music OTHER=FOLDER",
                           STR_ARG(name));
        }
    }
    self->roots[self->root_count++] = (config_root_t){str_dup_terminated(name), real};
    return self->roots[self->root_count - 1].name == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static err_t set_roots(config_t *self, const char *value, config_source_t source)
{
    str_t rest = str_from(value), part;
    roots_clear(self);
    while (str_next(&rest, ':', &part))
        if (!str_is_empty(part))
            TRY(add_root(self, part, source));
    return ERR_OK;
}

static err_t add_plugin(config_t *self, str_t path, config_source_t source)
{
    if (self->plugins_source != source)
        plugins_clear(self);
    self->plugins_source = source;
    if (self->plugin_count == CONFIG_PLUGINS_MAX)
        return problem(self, "plugin: at most %d files", CONFIG_PLUGINS_MAX);
    if (str_is_empty(path))
        return problem(self, "plugin is empty: give the .so file of a plugin");
    char *copy = str_dup_terminated(path);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    self->plugins[self->plugin_count++] = copy;
    return ERR_OK;
}

static err_t set_plugins(config_t *self, const char *value, config_source_t source)
{
    str_t rest = str_from(value), part;
    plugins_clear(self);
    while (str_next(&rest, ':', &part))
        if (!str_is_empty(part))
            TRY(add_plugin(self, part, source));
    return ERR_OK;
}

static bool find_option(const char *name, size_t *out_index)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const char *a = options[i].name, *b = name;
        while (*a != '\0' && (*a == *b || (*a == '_' && *b == '-')))
            a++, b++;
        if (*a == '\0' && *b == '\0') {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static err_t set_defaults(config_t *self)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const option_t *option = &options[i];
        if (option->type <= OPTION_SECRET)
            TRY(set_string(field(self, option), option->text));
        else if (option->type == OPTION_NUMBER)
            *(uint64_t *)field(self, option) = option->number;
        else
            *(bool *)field(self, option) = option->number != 0;
    }
    return ERR_OK;
}

typedef struct file_reader {
    config_t *config;
    err_t err;
} file_reader_t;

static int read_pair(void *user, const char *section, const char *name, const char *value)
{
    file_reader_t *reader = user;
    size_t index;
    (void)section; /* sections are for the reader's eye */
    if (strcmp(name, "music") == 0)
        reader->err = set_roots(reader->config, value, CONFIG_FILE);
    else if (strcmp(name, "plugin") == 0)
        reader->err = set_plugins(reader->config, value, CONFIG_FILE);
    else if (find_option(name, &index))
        reader->err = set_option(reader->config, index, value, CONFIG_FILE);
    else
        reader->err = problem(reader->config, "there is no option '%s'", name);
    return reader->err == ERR_OK;
}

static err_t read_file(config_t *self, const char *path, bool is_required)
{
    if (access(path, F_OK) != 0 && !is_required)
        return ERR_OK;
    file_reader_t reader = {self, ERR_OK};
    int line = ini_parse(path, read_pair, &reader);
    if (line == -1)
        return problem(self, "the configuration file %s can't be read: %s", path, strerror(errno));
    if (line != 0) {
        char what[CONFIG_PROBLEM_SIZE / 2];
        snprintf(what, sizeof what, "%.250s",
                 reader.err == ERR_OK ? "this is not NAME = VALUE" : self->problem);
        return problem(self, "%s, line %d: %s", path, line, what);
    }
    return ERR_OK;
}

static err_t read_environment(config_t *self, char **environment)
{
    static const char prefix[] = "MUSICSTREAM_";
    for (char **entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, prefix, sizeof prefix - 1) != 0)
            continue;
        char name[64] = "";
        const char *rest = *entry + sizeof prefix - 1, *value = strchr(rest, '=');
        size_t index;
        for (size_t i = 0; value != NULL && rest + i < value && i < sizeof name - 1; i++)
            name[i] = (char)tolower((unsigned char)rest[i]);
        if (value != NULL && strcmp(name, "music") == 0)
            TRY(set_roots(self, value + 1, CONFIG_ENVIRONMENT));
        else if (value != NULL && strcmp(name, "plugin") == 0)
            TRY(set_plugins(self, value + 1, CONFIG_ENVIRONMENT));
        else if (value != NULL && find_option(name, &index))
            TRY(set_option(self, index, value + 1, CONFIG_ENVIRONMENT));
    }
    return ERR_OK;
}

/* One flag; *at moves past its value. */
static err_t read_flag(config_t *self, int count, char **arguments, int *at)
{
    char name[64];
    const char *flag = arguments[*at] + 2, *equals = strchr(flag, '=');
    snprintf(name, sizeof name, "%.*s",
             (int)(equals == NULL ? strlen(flag) : (size_t)(equals - flag)), flag);
    const char *value = equals == NULL ? NULL : equals + 1;
    size_t index = 0;
    bool is_music = strcmp(name, "music") == 0, is_config = strcmp(name, "config") == 0;
    bool is_plugin = strcmp(name, "plugin") == 0, is_listed = !is_music && !is_config && !is_plugin;
    if (is_listed && !find_option(name, &index))
        return problem(self, "there is no option --%s; see --help", name);
    bool is_switch = is_listed && options[index].type == OPTION_SWITCH;
    if (value == NULL && !is_switch) {
        if (*at + 1 >= count)
            return problem(self, "--%s needs a value", name);
        value = arguments[++*at];
    }
    if (is_config)
        return ERR_OK;
    if (is_listed && strcmp(options[index].name, "master_key") == 0)
        return problem(self, "--master-key would show the key to everybody on this machine: use "
                             "MUSICSTREAM_MASTER_KEY, --master-key-file or --master-key-command");
    if (is_music)
        return add_root(self, str_from(value), CONFIG_FLAG);
    if (is_plugin)
        return add_plugin(self, str_from(value), CONFIG_FLAG);
    return set_option(self, index, value == NULL ? "true" : value, CONFIG_FLAG);
}

static const char *file_named_by_flags(int count, char **arguments)
{
    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "--config=", 9) == 0)
            return arguments[i] + 9;
        if (strcmp(arguments[i], "--config") == 0 && i + 1 < count)
            return arguments[i + 1];
    }
    return NULL;
}

err_t config_load(config_t *self, char **environment, int count, char **arguments, int *out_rest)
{
    *self = (config_t){0};
    TRY(set_defaults(self));
    const char *file = file_named_by_flags(count, arguments);
    TRY(read_file(self, file == NULL ? "musicstream.conf" : file, file != NULL));
    TRY(read_environment(self, environment));
    int rest = 0;
    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "--", 2) == 0)
            TRY(read_flag(self, count, arguments, &i));
        else
            arguments[rest++] = arguments[i];
    }
    *out_rest = rest;
    return ERR_OK;
}

static void append_value(buf_t *out, const config_t *self, const option_t *option)
{
    if (option->type == OPTION_STRING)
        buf_printf(out, "%s", *(char **)field(self, option));
    else if (option->type == OPTION_SECRET)
        buf_append(out, **(char **)field(self, option) == '\0' ? STR("") : STR("(set)"));
    else if (option->type == OPTION_NUMBER)
        buf_append_u64(out, *(uint64_t *)field(self, option));
    else
        buf_printf(out, "%s", *(bool *)field(self, option) ? "true" : "false");
}

void config_describe(const config_t *self, buf_t *out)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        size_t begin = out->size;
        buf_printf(out, "%s = ", options[i].name);
        append_value(out, self, &options[i]);
        buf_printf(out, "%*s; %s\n", (int)(48 - MIN(out->size - begin, (size_t)47)), "",
                   source_names[self->sources[i]]);
    }
    for (uint32_t i = 0; i < self->root_count; i++)
        buf_printf(out, "music = %s=%s ; %s\n", self->roots[i].name, self->roots[i].path,
                   source_names[self->roots_source]);
    for (uint32_t i = 0; i < self->plugin_count; i++)
        buf_printf(out, "plugin = %s ; %s\n", self->plugins[i], source_names[self->plugins_source]);
}

void config_help(buf_t *out)
{
    buf_printf(out, "  --%-18s %s\n", "music DIR", music_help);
    buf_printf(out, "  --%-18s %s\n", "plugin FILE", plugin_help);
    buf_printf(out, "  --%-18s %s\n", "config FILE",
               "read options from this file instead of ./musicstream.conf");
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", options[i].name);
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '_' ? '-' : *c;
        buf_printf(out, "  --%-18s %s", name, options[i].help);
        if (options[i].type == OPTION_STRING && options[i].text[0] != '\0')
            buf_printf(out, " [%s]", options[i].text);
        else if (options[i].type == OPTION_NUMBER)
            buf_printf(out, " [%llu]", (unsigned long long)options[i].number);
        else if (options[i].type == OPTION_SWITCH)
            buf_printf(out, " [%s]", options[i].number != 0 ? "true" : "false");
        buf_append_char(out, '\n');
    }
}

err_t config_split_address(const char *address, buf_t *out_host, uint16_t *out_port)
{
    str_t whole = str_from(address);
    size_t colon = str_find_last(whole, ':');
    uint32_t port;
    if (colon == whole.size ||
        str_to_u32(str_slice(whole, colon + 1, whole.size), &port) != ERR_OK || port > 65535)
        return ERR_INVALID;
    str_t host = str_slice(whole, 0, colon);
    if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = str_slice(host, 1, host.size - 1);
    else if (str_find(host, ':') < host.size)
        return ERR_INVALID;
    if (str_is_empty(host))
        return ERR_INVALID;
    buf_append(out_host, host);
    *out_port = (uint16_t)port;
    return buf_status(out_host);
}
