/* command_rebuild_search.c -- `storage rebuild search`: by the node that serves; where none does,
 * the index goes, and the next start builds it while it serves. */

#include "node/catalog/rebuild_follow.h"
#include "node/commands/command.h"
#include "runtime/base/arena.h"
#include "storage/data_folder.h"
#include "storage/search/search_index.h"

#include <stdio.h>

static err_t remove_here(const config_t *config, buf_t *problem)
{
    arena_t arena ARENA_SCOPED = {0};
    data_folder_t *data = NULL;
    TRY(data_folder_open(config->data, problem, &data));
    const char *path = data_folder_name(data, &arena, "search");
    err_t err = path == NULL ? ERR_NO_MEMORY : search_swap_settle(path);
    if (err == ERR_OK)
        err = search_index_remove(path);
    data_folder_close(data);
    return err;
}

int command_rebuild_search(const config_t *config)
{
    static const rebuild_follow_t search = {REBUILD_SEARCH, "search.rebuild", "search.status"};
    buf_t problem BUF_SCOPED = BUF_INIT;
    if (rebuild_node_is_there(config, &search))
        return rebuild_by_node(config, &search);
    err_t err = remove_here(config, &problem);
    if (err != ERR_OK)
        return command_failed("%s", problem.size > 0 ? buf_terminated(&problem) : err_text(err));
    puts(REBUILD_SEARCH ": removed; the next start builds it, while it serves");
    return EXIT_OK;
}
