/* command_catalog.c -- `storage rebuild local-catalog`: by the node that serves, or here where none
 * does. */

#include "actors/personal.h"
#include "node/catalog/catalog_build.h"
#include "node/catalog/rebuild_follow.h"
#include "node/commands/command.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "storage/catalog/catalog_swap.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/data_folder.h"

#include <unistd.h>

static const rebuild_follow_t local_catalog = {REBUILD_LOCAL_CATALOG, "catalog.rebuild",
                                               "catalog.status"};

/* ---- here ---- */

typedef struct local {
    data_folder_t *data;
    journal_beside_t journal;
    vault_t *vault;
    journal_sealed_t *sealed; /* the journal in clear: plays are counted */
    catalog_t *catalog;
    library_projection_t *library;
    projection_t *projection;
    uint64_t from; /* the first position that was reached */
    arena_t arena;
    buf_t problem;
} local_t;

static void local_end(local_t *self)
{
    projection_close(self->projection);
    library_projection_free(self->library);
    catalog_close(self->catalog);
    journal_sealed_close(self->sealed);
    journal_close_beside(&self->journal);
    vault_close(self->vault);
    data_folder_close(self->data);
    arena_deinit(&self->arena);
    buf_deinit(&self->problem);
}

static void stepped(void *context, uint64_t position)
{
    local_t *self = context;
    uint64_t head = self->journal.journal->table->head(self->journal.journal);
    if (self->from == 0)
        self->from = position;
    rebuild_show(&local_catalog,
                 head > self->from ? (position - self->from) * 100 / (head - self->from) : 100);
}

static err_t open_journal(local_t *self, const config_t *config, const ms_log_t *log)
{
    TRY(journal_open_beside(config, log, &self->problem, &self->journal));
    TRY(keys_open(config, log, true, &self->problem, &self->vault));
    journal_sealed_options_t options = {self->journal.journal, self->vault, PERSONAL_KINDS,
                                        PERSONAL_KIND_COUNT};
    return journal_sealed_open(&options, &self->sealed);
}

static err_t build_here(local_t *self, const config_t *config)
{
    const ms_log_t log = {STDERR_FILENO, LOG_WARNING, false};
    const atomic_bool never = false;
    bool has_new;
    size_t map_size = config->map_gb << 30;
    TRY(data_folder_open(config->data, &self->problem, &self->data));
    TRY(open_journal(self, config, &log));
    journal_t *journal = journal_sealed_journal(self->sealed);
    const char *path = data_folder_name(self->data, &self->arena, "catalog");
    if (path == NULL)
        return ERR_NO_MEMORY;
    TRY(catalog_swap_settle(path, &has_new));
    TRY(catalog_open(path, map_size, NULL, &self->catalog));
    TRY(library_projection_new(self->catalog, &self->library));
    projection_options_t options = library_projection_options(self->library, journal);
    TRY(projection_open(&options, &self->projection));
    return catalog_build(&(catalog_build_t){.catalog = self->catalog,
                                            .projection = self->projection,
                                            .journal = journal,
                                            .map_size = map_size,
                                            .is_stopped = &never,
                                            .stepped = stepped,
                                            .context = self});
}

int command_rebuild_local(const config_t *config)
{
    if (rebuild_node_is_there(config, &local_catalog))
        return rebuild_by_node(config, &local_catalog);
    local_t self SCOPED(local_end) = {0};
    err_t err = build_here(&self, config);
    if (err != ERR_OK && self.problem.size > 0)
        return command_failed("%s", buf_terminated(&self.problem));
    return rebuild_done(&local_catalog, str_from(err_name(err)));
}
