#include "node/plugins/plugins.h"

#include "node/parts.h"
#include "runtime/base/memory.h"
#include "runtime/plugin.h"

err_t plugins_load(node_t *node, buf_t *problem)
{
    for (uint32_t i = 0; i < node->config->plugin_count; i++)
        TRY(runtime_load_plugin(node->runtime, node->config->plugins[i], NULL, problem));
    return ERR_OK;
}

static runtime_t *runtime_of(control_request_t *request)
{
    return edge_runtime(control_edge(request));
}

void plugin_list_command(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    runtime_describe_plugins(runtime_of(request), &json);
    if (buf_status(&body) != ERR_OK)
        control_refuse(request, buf_status(&body), (str_t){0});
    else
        control_reply(request, buf_str(&body));
}

/* It waits for actors, so it runs on the pool. */
typedef struct replacing {
    control_request_t *request;
    runtime_t *runtime;
    str_t name, path; /* terminated, in the request's arena */
    buf_t problem;
} replacing_t;

static err_t replace(void *context)
{
    replacing_t *self = context;
    return runtime_replace_plugin(self->runtime, self->name.data, self->path.data,
                                  PLUGIN_REPLACE_MS, &self->problem);
}

static void replaced(void *context, err_t err)
{
    replacing_t *self = context;
    if (err != ERR_OK)
        control_refuse(self->request, err, buf_str(&self->problem));
    else
        plugin_list_command(self->request);
    buf_deinit(&self->problem);
    memory_free(self);
}

void plugin_replace_command(control_request_t *request)
{
    replacing_t *self = memory_new(sizeof *self);
    arena_t *arena = control_arena(request);
    str_t name = arena_str(arena, control_argument(request, "name"));
    str_t path = arena_str(arena, control_argument(request, "path"));
    if (self == NULL || name.data == NULL || path.data == NULL) {
        memory_free(self);
        control_refuse(request, ERR_NO_MEMORY, (str_t){0});
        return;
    }
    *self = (replacing_t){request, runtime_of(request), name, path, BUF_INIT};
    edge_offload(control_edge(request), OFFLOAD_FILE, replace, replaced, self);
}
