#include "node/names_follow.h"

err_t names_follow_open(names_follow_t *self, const char *path, vault_t *vault, journal_t *journal)
{
    err_t err = name_index_new(0, &self->names);
    if (err == ERR_OK)
        err = names_projection_new(path, NULL, vault, self->names, &self->sealed);
    if (err == ERR_OK) {
        projection_options_t options = names_projection_options(self->sealed, journal);
        err = projection_open(&options, &self->projection);
    }
    if (err != ERR_OK)
        names_follow_close(self);
    return err;
}

void names_follow_close(names_follow_t *self)
{
    projection_close(STEAL(self->projection));
    names_projection_free(STEAL(self->sealed));
    name_index_free(STEAL(self->names));
}

static err_t load(names_follow_t *self)
{
    err_t err = names_projection_load(self->sealed, &self->is_stopped);
    if (err == ERR_CORRUPT)
        log_error(self->log, "names",
                  "some names of people and playlists can't be read: search does not find them; "
                  "the next start builds them again from the journal");
    else if (err != ERR_OK)
        return err;
    self->is_loaded = true;
    return ERR_OK;
}

static void tell_left_out(names_follow_t *self)
{
    uint64_t left_out = names_projection_left_out(self->sealed);
    if (left_out > self->left_told)
        log_warning(self->log, "names",
                    "%llu names of people and playlists are not found by search: there are more "
                    "than %d",
                    (unsigned long long)left_out, NAME_INDEX_MAX);
    self->left_told = left_out;
}

/* CANCELLED: the node stops. */
static err_t catch_up(names_follow_t *self)
{
    if (!self->is_loaded)
        TRY(load(self));
    tell_left_out(self);
    if (name_index_is_unsettled(self->names))
        TRY(name_index_settle(self->names));
    name_index_set_whole(self->names, true);
    return ERR_OK;
}

static err_t followed(void *context)
{
    err_t err = catch_up(context);
    return err == ERR_CANCELLED ? ERR_OK : err;
}

err_t names_follow_start(names_follow_t *self, journal_hooks_t *hooks, edge_t *edge,
                         const ms_log_t *log)
{
    self->log = log;
    self->follow = (follow_t){.projection = self->projection,
                              .hooks = hooks,
                              .edge = edge,
                              .log = log,
                              .is_stopped = &self->is_stopped,
                              .name = "names",
                              .followed = followed,
                              .context = self};
    return follow_start(&self->follow);
}

void names_follow_stop(names_follow_t *self)
{
    atomic_store(&self->is_stopped, true);
    follow_stop(&self->follow);
}

static void append_gauge(buf_t *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out,
               "# HELP musicstream_names_%s %s\n# TYPE musicstream_names_%s gauge\n"
               "musicstream_names_%s %llu\n",
               name, help, name, name, (unsigned long long)value);
}

void names_follow_append_metrics(const names_follow_t *self, buf_t *out)
{
    name_index_stats_t stats = name_index_stats(self->names);
    append_gauge(out, "people", "People whom search finds.", stats.people);
    append_gauge(out, "playlists", "Playlists that search finds, for who may see them.",
                 stats.playlists);
    append_gauge(out, "recent", "Changes of names since they were last settled.", stats.recent);
    append_gauge(out, "left_out", "Names that search does not find, since there are too many.",
                 names_projection_left_out(self->sealed));
    append_gauge(out, "is_whole", "0: names are still read from the disk.", stats.is_whole ? 1 : 0);
}
