#pragma once
/* plugin.h -- actor kinds in a shared object of their own: how one is written, loaded, and replaced
 * while its actors run. docs/writing-a-plugin.md is the walk through it.
 *
 *     PLUGIN_KINDS(&greeter_kind, &room_kind);
 *     PLUGIN("greeter", "1.0");
 *
 * A plugin links against nothing: what it calls of the runtime it finds in the program that loads
 * it (docs/decisions/0008-plugins.md). It keeps no writable global. It has all the rights of the
 * process: load only what you would run.
 *
 * A file is copied to memory and bound completely before anything of it is used; the file may be
 * overwritten or removed afterwards. What was loaded is never unloaded, so that code that is still
 * running, tables and messages of an older version stay good.
 *
 * Errors  Every refusal writes a sentence to `problem` that says what is wrong and what to do. */

#include "runtime/actor.h"
#include "runtime/base/buf.h"
#include "runtime/base/memory.h"
#include "runtime/stream.h"

API_BEGIN

enum {
    PLUGIN_MAGIC = 0x4d53504c, /* "MSPL" */
    PLUGIN_INTERFACE = 10,     /* raised when what both sides are compiled against changes
                                 (tools/check_interface says so), or its meaning */
    PLUGINS_MAX = 32,
    PLUGIN_KINDS_MAX = 32,
    PLUGIN_NAME_SIZE_MAX = 64,
    PLUGIN_REPLACEMENTS_MAX = 32, /* of all plugins of a runtime; then restart the program */
    PLUGIN_FILE_SIZE_MAX = 64 * 1024 * 1024
};

/* Something about the layout of what both sides share. */
typedef struct plugin_fact {
    const char *what;
    uint64_t value;
} plugin_fact_t;

typedef struct plugin {
    uint32_t magic, interface; /* these two stay where they are in every interface */
    const char *name, *version;
    const actor_kind_t *const *kinds;
    size_t kind_count;
    const plugin_fact_t *facts;
    size_t fact_count;
    /* Optional: runs once, on a thread that may block, after the object was loaded and before any
     * actor sees it; an error refuses the plugin. `problem`: why, for people. */
    err_t (*start)(runtime_t *runtime, buf_t *problem);
} plugin_t;

/* The kinds of the plugin; once, before PLUGIN. */
#define PLUGIN_KINDS(...) static const actor_kind_t *const plugin_kinds[] = {__VA_ARGS__}
/* The descriptor, once a plugin: PLUGIN("name", "version"), or with `.start = function` behind. */
#define PLUGIN(plugin_name, plugin_version, ...)                                                   \
    static const plugin_fact_t plugin_facts[] = {PLUGIN_FACTS};                                    \
    __attribute__((visibility("default"))) extern const plugin_t musicstream_plugin;               \
    const plugin_t musicstream_plugin = {.magic = PLUGIN_MAGIC,                                    \
                                         .interface = PLUGIN_INTERFACE,                            \
                                         .name = (plugin_name),                                    \
                                         .version = (plugin_version),                              \
                                         .kinds = plugin_kinds,                                    \
                                         .kind_count = COUNT_OF(plugin_kinds),                     \
                                         .facts = plugin_facts,                                    \
                                         .fact_count = COUNT_OF(plugin_facts),                     \
                                         __VA_ARGS__}

/* ---- for who runs a runtime ---- */

/* Loads the object and registers its kinds; `service` is what their context_service returns. Before
 * runtime_start, or later; on a thread that may block, none of the runtime's schedulers.
 *   NOT_FOUND, FORBIDDEN, IO   the file
 *   INVALID                    not a regular file, not a plugin, or one that says nonsense
 *   UNSUPPORTED                of another interface, or built against other headers
 *   CONFLICT                   the name of the plugin or of a kind is taken
 *   LIMIT                      PLUGINS_MAX, KINDS_MAX
 *   and what its `start` returned */
err_t runtime_load_plugin(runtime_t *self, const char *path, void *service, buf_t *problem);

/* Puts a new version in the place of the plugin `name`, while its actors run. All of them come to
 * rest (what is handled is finished, appends are settled), their states go through their
 * description into the new version, and then, only if every one did, all go on with the new code:
 * mailbox, timers, monitors, children, and asks whose continuation has a name, are kept. Else all
 * go on with the old code, and `problem` says which one did not and why. Same threads as above.
 *
 * Other asks, those of many, and jobs are waited for. Who awaits an answer (.awaits) awaits it in
 * the new version, and hears nothing else until then. A supervisor's child keeps its place; one
 * that is down is started again in the new version.
 *   NOT_FOUND     no such plugin, or no such file
 *   BUSY          a replacement is under way
 *   LIMIT         PLUGIN_REPLACEMENTS_MAX were made: restart the program
 *   TIMEOUT       an actor did not come to rest in time
 *   CONFLICT      it lacks a kind that the running version has, or a kind changed its nature
 *   and what loading, or restoring a state, may return */
err_t runtime_replace_plugin(runtime_t *self, const char *name, const char *path,
                             uint64_t timeout_ms, buf_t *problem);

/* A JSON array: name, version, kinds, replacements of every plugin. Any thread that may block. */
void runtime_describe_plugins(runtime_t *self, json_t *json);

/* ---- what both sides must agree on ---- */

#define PLUGIN_SIZE(type)                                                                          \
    {                                                                                              \
        "the size of " #type, sizeof(type)                                                         \
    }
#define PLUGIN_PLACE(type, member)                                                                 \
    {                                                                                              \
        "the place of " #member " in " #type, offsetof(type, member)                               \
    }
#define PLUGIN_VALUE(value)                                                                        \
    {                                                                                              \
        "the value of " #value, (uint64_t)(value)                                                  \
    }
#define PLUGIN_FACTS                                                                               \
    PLUGIN_SIZE(void *), PLUGIN_SIZE(plugin_t), PLUGIN_SIZE(actor_kind_t),                         \
        PLUGIN_PLACE(actor_kind_t, state_size), PLUGIN_PLACE(actor_kind_t, handlers),              \
        PLUGIN_PLACE(actor_kind_t, appliers), PLUGIN_PLACE(actor_kind_t, replies),                 \
        PLUGIN_PLACE(actor_kind_t, continuations), PLUGIN_PLACE(actor_kind_t, state_schema),       \
        PLUGIN_PLACE(actor_kind_t, start), PLUGIN_PLACE(actor_kind_t, stop),                       \
        PLUGIN_PLACE(actor_kind_t, deinit), PLUGIN_PLACE(actor_kind_t, snapshot),                  \
        PLUGIN_PLACE(actor_kind_t, restore), PLUGIN_PLACE(actor_kind_t, upgrade),                  \
        PLUGIN_PLACE(actor_kind_t, mailbox_max), PLUGIN_PLACE(actor_kind_t, overflow),             \
        PLUGIN_PLACE(actor_kind_t, idle_ms), PLUGIN_PLACE(actor_kind_t, service),                  \
        PLUGIN_SIZE(actor_handler_t), PLUGIN_SIZE(actor_applier_t),                                \
        PLUGIN_SIZE(actor_continuation_t), PLUGIN_SIZE(address_t), PLUGIN_SIZE(answer_t),          \
        PLUGIN_PLACE(answer_t, text), PLUGIN_SIZE(reply_token_t), PLUGIN_SIZE(actor_down_t),       \
        PLUGIN_SIZE(schema_t), PLUGIN_PLACE(schema_t, fields), PLUGIN_SIZE(schema_field_t),        \
        PLUGIN_PLACE(schema_field_t, offset), PLUGIN_SIZE(str_t), PLUGIN_SIZE(buf_t),              \
        PLUGIN_SIZE(arena_t), PLUGIN_SIZE(json_t), PLUGIN_SIZE(actor_exit_t),                      \
        PLUGIN_SIZE(group_changed_t), PLUGIN_SIZE(ask_many_t), PLUGIN_SIZE(offload_options_t),     \
        PLUGIN_SIZE(actor_behaviour_t), PLUGIN_SIZE(stream_begin_t), PLUGIN_SIZE(stream_credit_t), \
        PLUGIN_SIZE(stream_end_t), PLUGIN_SIZE(stream_out_t), PLUGIN_SIZE(stream_in_t),            \
        PLUGIN_VALUE(SCHEMA_MESSAGE), PLUGIN_VALUE(FIELD_TYPE_LIST), PLUGIN_VALUE(OFFLOAD_LANES),  \
        PLUGIN_VALUE(ERR_COUNT), PLUGIN_VALUE(ERR_CORRUPT)

API_END
