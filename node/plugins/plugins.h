#pragma once
/* plugins.h -- the node's plugins (runtime/plugin.h): loaded when it starts, replaced by the
 * command line. */

#include "node/control/control.h"
#include "node/node.h"

enum { PLUGIN_REPLACE_MS = 10000 /* for its actors to come to rest */ };

/* Every --plugin, in the order given. An error says in `problem` which one and why. */
err_t plugins_load(node_t *node, buf_t *problem);

/* Of control.h: `plugin.list`, and `plugin.replace` with `name` and `path`. */
void plugin_list_command(control_request_t *request);
void plugin_replace_command(control_request_t *request);
