#pragma once
/* rebuild_follow.h -- what `storage rebuild local-catalog` and `storage rebuild search` share: the
 * node is asked, and looked at until it is done; how far it is stands on a terminal's last line. */

#include "node/config.h"
#include "runtime/base/str.h"

typedef struct rebuild_follow {
    const char *name;             /* as the user calls it */
    const char *rebuild, *status; /* of the control socket */
} rebuild_follow_t;

bool rebuild_node_is_there(const config_t *config, const rebuild_follow_t *what);
/* An exit code. */
int rebuild_by_node(const config_t *config, const rebuild_follow_t *what);

void rebuild_show(const rebuild_follow_t *what, uint64_t percent);
/* Says how it ended; an exit code. */
int rebuild_done(const rebuild_follow_t *what, str_t err_name_);
