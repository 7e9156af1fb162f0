#include "runtime/code/plugins.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/kernel.h"

plugins_t *plugins_new(void)
{
    plugins_t *self = memory_new(sizeof *self);
    if (self != NULL)
        ASSERT(uv_mutex_init(&self->lock) == 0);
    return self;
}

void plugins_free(plugins_t *self)
{
    if (self == NULL)
        return;
    while (self->versions != NULL) {
        kind_version_t *version = self->versions;
        self->versions = version->next;
        memory_free(version);
    }
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

loaded_plugin_t *plugins_find(plugins_t *self, const char *name)
{
    for (uint32_t i = 0; i < self->count; i++) {
        if (strcmp(self->loaded[i].plugin->name, name) == 0)
            return &self->loaded[i];
    }
    return NULL;
}

void plugins_keep(plugins_t *self, kind_version_t *version)
{
    uv_mutex_lock(&self->lock);
    version->next = self->versions;
    self->versions = version;
    uv_mutex_unlock(&self->lock);
}

/* ---- loading ---- */

static err_t check_free(runtime_t *runtime, const plugin_t *plugin, const char *path,
                        buf_t *problem)
{
    if (plugins_find(runtime->plugins, plugin->name) != NULL) {
        buf_printf(problem, "%s is the plugin '%s', and one of that name is loaded: name each once",
                   path, plugin->name);
        return ERR_CONFLICT;
    }
    if (runtime->plugins->count == PLUGINS_MAX ||
        runtime_kind_count(runtime) + plugin->kind_count > KINDS_MAX) {
        buf_printf(problem, "the plugin %s is one too many: at most %d plugins and %d actor kinds",
                   path, PLUGINS_MAX, KINDS_MAX);
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < plugin->kind_count; i++) {
        const actor_kind_t *kind = plugin->kinds[i];
        if (runtime_kind(runtime, kind->name) != NULL) {
            buf_printf(problem, "the plugin %s has an actor kind '%s', and there is one: rename it",
                       path, kind->name);
            return ERR_CONFLICT;
        }
        const char *why = runtime_kind_problem(runtime, kind);
        if (why != NULL) {
            buf_printf(problem, "the plugin %s has an actor kind '%s' that %s", path, kind->name,
                       why);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* Under the lock: nobody else registers, so what was checked stays true: its kinds have different
 * names (object_plugin), which are free, and runtime_kind_problem has none with them. */
static err_t enter(runtime_t *runtime, const plugin_t *plugin, void *service, const char *path,
                   buf_t *problem)
{
    TRY(check_free(runtime, plugin, path, problem));
    for (size_t i = 0; i < plugin->kind_count; i++) {
        err_t err = runtime_add_kind(runtime, plugin->kinds[i], service);
        ASSERT(err == ERR_OK);
    }
    plugins_t *plugins = runtime->plugins;
    plugins->loaded[plugins->count++] = (loaded_plugin_t){plugin, service, 0};
    return ERR_OK;
}

err_t plugin_open(const char *path, buf_t *problem, object_t *out_object,
                  const plugin_t **out_plugin)
{
    TRY(object_open(path, problem, out_object));
    err_t err = object_plugin(out_object, path, problem, out_plugin);
    if (err != ERR_OK)
        object_discard(out_object);
    return err;
}

err_t plugin_start(runtime_t *runtime, const plugin_t *plugin, const char *path, buf_t *problem)
{
    if (plugin->start == NULL)
        return ERR_OK;
    buf_t why BUF_SCOPED = BUF_INIT;
    err_t err = plugin->start(runtime, &why);
    if (err != ERR_OK)
        buf_printf(problem, "the plugin %s does not start: %.*s", path,
                   STR_ARG(why.size > 0 ? buf_str(&why) : str_from(err_text(err))));
    return err;
}

err_t runtime_load_plugin(runtime_t *self, const char *path, void *service, buf_t *problem)
{
    ASSERT(scheduler_current() == NULL);
    const plugin_t *plugin = NULL;
    object_t object;
    TRY(plugin_open(path, problem, &object, &plugin));
    uv_mutex_lock(&self->plugins->lock);
    err_t err = check_free(self, plugin, path, problem);
    uv_mutex_unlock(&self->plugins->lock);
    if (err != ERR_OK) {
        object_discard(&object);
        return err;
    }
    TRY(plugin_start(self, plugin, path, problem));
    uv_mutex_lock(&self->plugins->lock);
    err = enter(self, plugin, service, path, problem);
    uv_mutex_unlock(&self->plugins->lock);
    if (err == ERR_OK && self->log != NULL)
        log_info(self->log, "runtime", "plugin %s %s is loaded", plugin->name, plugin->version);
    return err;
}

/* ---- looking ---- */

static void describe(const loaded_plugin_t *loaded, json_t *json)
{
    json_object_begin(json);
    json_key_str(json, "name", str_from(loaded->plugin->name));
    json_key_str(json, "version", str_from(loaded->plugin->version));
    json_key_u64(json, "replacements", loaded->replacement_count);
    json_key(json, STR("kinds"));
    json_array_begin(json);
    for (size_t i = 0; i < loaded->plugin->kind_count; i++)
        json_str(json, str_from(loaded->plugin->kinds[i]->name));
    json_array_end(json);
    json_object_end(json);
}

void runtime_describe_plugins(runtime_t *self, json_t *json)
{
    json_array_begin(json);
    uv_mutex_lock(&self->plugins->lock);
    for (uint32_t i = 0; i < self->plugins->count; i++)
        describe(&self->plugins->loaded[i], json);
    uv_mutex_unlock(&self->plugins->lock);
    json_array_end(json);
}
