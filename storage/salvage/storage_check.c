#include "storage/salvage/storage_check.h"

#include "storage/crypt/vault_files.h"
#include "storage/crypt/vault_record.h"
#include "storage/kv_boot.h"
#include "storage/kv_walk.h"
#include "storage/salvage/blob_look.h"
#include "storage/salvage/journal_check.h"
#include "storage/salvage/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

typedef struct checking {
    const storage_check_options_t *options;
    bool is_damaged;
    bool is_walk; /* of pages only */
} checking_t;

PRINTF_LIKE(2, 3) static void say(const checking_t *self, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->options->say(self->options->context, text);
}

/* ---- environments ---- */

typedef struct environment {
    const char *name;  /* below the data folder */
    const char *built; /* what brings it back; NULL: nothing does */
    worker_fn check;
} environment_t;

static err_t walk(void *context, void *room)
{
    const journal_check_t *check = context;
    kv_walk_t walk;
    (void)room;
    return kv_walk(check->path, check->map_size, &walk);
}

enum { JOURNAL_LOG, JOURNAL_INDEX, FIRST_BESIDE = 3 };
static const environment_t environments[] = {
    {"journal/journal", NULL, journal_check_log},
    {"journal/streams", "the next start reads it again from the journal", journal_check_index},
    {"journal/state", "actors replay their events", journal_check_snapshots},
    {"catalog", "the next start builds it from the journal", walk},
    {"catalog.new", "it is begun again", walk},
    {"search", "the next start builds it from the catalog", walk},
    {"search.new", "it is begun again", walk},
    {"names", "the next start builds it from the journal", walk},
    {"states", "the next start empties it anyway", walk},
};

static void say_damage(const checking_t *self, const environment_t *environment, const char *path,
                       const journal_found_t *found, const char *death)
{
    char where[48] = "";
    if (found->position > 0)
        snprintf(where, sizeof where, ", after position %llu", (unsigned long long)found->position);
    if (death != NULL)
        say(self, "%s/data.mdb is damaged: reading it ended with %s%s", path, death, where);
    else
        say(self, "%s/data.mdb is damaged: %s%s", path,
            found->what != NULL ? found->what : "it can't be read", where);
    if (environment->built == NULL)
        say(self, "  nothing else holds this: restore a backup, or `musicstream storage salvage` "
                  "takes out what can be read");
    else if (!self->options->is_repair)
        say(self, "  it is derived: `musicstream storage check --repair` removes it, and %s",
            environment->built);
}

static err_t repair(const checking_t *self, const environment_t *environment, const char *path)
{
    if (!self->options->is_repair || environment->built == NULL)
        return ERR_OK;
    TRY(kv_boot_remove(path));
    say(self, "  removed; %s", environment->built);
    return ERR_OK;
}

/* It says nothing of the pages. */
static bool is_no_damage(err_t err)
{
    return err == ERR_NO_MEMORY || err == ERR_FORBIDDEN || err == ERR_NEWER || err == ERR_FULL ||
           err == ERR_BUSY || err == ERR_CANCELLED;
}

static err_t check_environment(checking_t *self, const environment_t *environment)
{
    const char *death = NULL;
    buf_t path BUF_SCOPED = BUF_INIT;
    journal_found_t found = {0};
    buf_printf(&path, "%s/%s", self->options->data, environment->name);
    buf_t file BUF_SCOPED = BUF_INIT;
    buf_printf(&file, "%s/data.mdb", buf_terminated(&path));
    TRY(buf_status(&path));
    TRY(buf_status(&file));
    if (access(buf_terminated(&file), F_OK) != 0 && (environment->built != NULL || self->is_walk))
        return ERR_OK; /* not made yet */
    journal_check_t check = {.path = buf_terminated(&path), .map_size = self->options->map_size};
    worker_fn fn = self->is_walk ? walk : environment->check;
    err_t err = worker_run(fn, &check, &found, sizeof found, &death);
    if (err == ERR_OK) {
        if (found.count > 0)
            say(self, "%s: %llu %s, all whole", environment->name, (unsigned long long)found.count,
                found.noun);
        return ERR_OK;
    }
    if (is_no_damage(err))
        return err;
    self->is_damaged = true;
    say_damage(self, environment, check.path, &found, death);
    return repair(self, environment, check.path);
}

/* ---- keys ---- */

typedef struct key_check {
    checking_t *self;
    vault_store_t *store;
    uint64_t count;
} key_check_t;

static err_t check_key(void *context, str_t subject)
{
    key_check_t *check = context;
    const aead_key_t *master = check->self->options->master;
    buf_t bytes AEAD_BUF_SCOPED = BUF_INIT;
    aead_t *aead AEAD_SCOPED = NULL;
    aead_key_t key AEAD_KEY_SCOPED = {0};
    vault_master_t named;
    vault_record_t record = {0};
    if (str_equal(subject, VAULT_MOVED)) /* another one's bytes, under a name that says so */
        return ERR_OK;
    err_t err = check->store->table->get(check->store, subject, &bytes);
    if (err == ERR_UNAVAILABLE)
        return err;
    if (err == ERR_OK)
        err = vault_record_read(buf_str(&bytes), &record);
    if (err == ERR_OK && !record.is_erased && master != NULL) {
        TRY(aead_new(&aead));
        TRY(vault_master_init(&named, master));
        err = vault_record_unwrap(aead, &named, subject, buf_str(&bytes), &key);
        aead_key_wipe(&named.key);
        if (err == ERR_FORBIDDEN) /* the other one, of a rotation: `serve` tells them apart */
            err = ERR_OK;
    }
    check->count++;
    if (err == ERR_OK)
        return ERR_OK;
    check->self->is_damaged = true;
    say(check->self,
        "%s%s%.*s is damaged (%s): put it back from a restored backup, nothing "
        "else opens what it sealed",
        check->store == check->self->options->keys ? "subject_keys" : check->self->options->data,
        check->store == check->self->options->keys ? ", subject " : "/keys/subjects/",
        STR_ARG(subject), err_text(err));
    return ERR_OK;
}

static err_t check_store(checking_t *self, vault_store_t *store)
{
    key_check_t check = {.self = self, .store = store};
    bool was_damaged = self->is_damaged;
    TRY(store->table->each(store, check_key, &check));
    if (self->is_damaged == was_damaged && check.count > 0)
        say(self, "keys: %llu, all whole", (unsigned long long)check.count);
    return ERR_OK;
}

static err_t check_keys(checking_t *self)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    vault_store_t *files = NULL;
    if (self->options->keys != NULL)
        return check_store(self, self->options->keys);
    buf_printf(&path, "%s/keys/subjects", self->options->data);
    TRY(buf_status(&path));
    if (access(buf_terminated(&path), F_OK) != 0)
        return ERR_OK;
    TRY(vault_files_open(buf_str(&path), &files));
    err_t err = check_store(self, files);
    files->table->close(files);
    return err;
}

/* ---- covers and lyrics ---- */

static void blob_is_damaged(void *context, const char *path)
{
    checking_t *self = context;
    self->is_damaged = true;
    say(self, "%s is damaged: its content is not its name's", path);
    say(self,
        "  start the node, and `musicstream blobs scrub`, which puts it aside and makes it anew");
}

static err_t check_blobs(checking_t *self)
{
    static const char *const folders[] = {"artwork", "lyrics"};
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        uint64_t count = 0;
        buf_t path BUF_SCOPED = BUF_INIT;
        bool was_damaged = self->is_damaged;
        buf_printf(&path, "%s/%s", self->options->data, folders[i]);
        TRY(buf_status(&path));
        TRY(blob_look(buf_terminated(&path), blob_is_damaged, self, &count));
        if (count > 0 && self->is_damaged == was_damaged)
            say(self, "%s: %llu, all whole", folders[i], (unsigned long long)count);
    }
    return ERR_OK;
}

err_t storage_check(const storage_check_options_t *options)
{
    checking_t self = {.options = options};
    for (size_t i = options->has_journal ? JOURNAL_LOG : FIRST_BESIDE; i < COUNT_OF(environments);
         i++)
        if (i != JOURNAL_INDEX || !self.is_damaged) /* it is compared with a whole log */
            TRY(check_environment(&self, &environments[i]));
    TRY(check_blobs(&self));
    TRY(check_keys(&self));
    return self.is_damaged ? ERR_CORRUPT : ERR_OK;
}

err_t storage_check_left(const storage_check_options_t *options)
{
    storage_check_options_t repairing = *options;
    repairing.is_repair = true;
    checking_t self = {.options = &repairing, .is_walk = true};
    for (size_t i = options->has_journal ? JOURNAL_LOG : FIRST_BESIDE; i < COUNT_OF(environments);
         i++) {
        self.is_damaged = false;
        TRY(check_environment(&self, &environments[i]));
        if (self.is_damaged && environments[i].built == NULL)
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

err_t storage_check_derived(const storage_check_options_t *options, const char *name)
{
    storage_check_options_t repairing = *options;
    repairing.is_repair = true;
    checking_t self = {.options = &repairing, .is_walk = true};
    for (size_t i = FIRST_BESIDE; i < COUNT_OF(environments); i++)
        if (strcmp(environments[i].name, name) == 0)
            TRY(check_environment(&self, &environments[i]));
    return ERR_OK;
}

uint64_t storage_check_head(const char *path, size_t map_size)
{
    const char *death = NULL;
    journal_found_t found = {0};
    buf_t below BUF_SCOPED = BUF_INIT;
    buf_printf(&below, "%s/journal", path);
    journal_check_t check = {.path = buf_terminated(&below), .map_size = map_size};
    err_t err = worker_run(journal_check_head, &check, &found, sizeof found, &death);
    return err == ERR_OK ? found.position : 0;
}
