#include "node/backup/erase_again.h"

#include "actors/protocol/account.h"
#include "actors/protocol/audit.h"
#include "gateway/api.h"
#include "runtime/base/memory.h"
#include "storage/crypt/vault_record.h"
#include "storage/file.h"

#include <stdio.h>
#include <unistd.h>

enum { LIST_SIZE_MAX = VAULT_SUBJECTS_MAX * (VAULT_SUBJECT_SIZE_MAX + 1) };

#define LIST_NAME "erase-again"

/* ---- finding ---- */

typedef struct finding {
    vault_store_t *store;
    journal_t *journal;
    buf_t *list;
    uint64_t count;
} finding_t;

typedef struct account_end {
    bool is_there, is_erased;
} account_end_t;

static err_t look(void *context, const journal_record_t *record)
{
    account_end_t *end = context;
    end->is_there = true;
    end->is_erased = str_equal(record->event.name, STR("account_erased"));
    return ERR_OK;
}

static err_t find_one(void *context, str_t subject)
{
    finding_t *self = context;
    buf_t bytes BUF_SCOPED = BUF_INIT, stream BUF_SCOPED = BUF_INIT;
    vault_record_t record;
    account_end_t end = {0};
    TRY(self->store->table->get(self->store, subject, &bytes));
    TRY(vault_record_read(buf_str(&bytes), &record));
    if (!record.is_erased)
        return ERR_OK;
    buf_printf(&stream, ACCOUNT_KIND "/%.*s", STR_ARG(subject));
    TRY(buf_status(&stream));
    TRY(self->journal->table->read(self->journal, buf_str(&stream), 0, look, &end));
    if (!end.is_there || end.is_erased)
        return ERR_OK;
    buf_append(self->list, subject);
    buf_append_char(self->list, '\n');
    self->count++;
    return buf_status(self->list);
}

err_t erase_again_find(vault_store_t *store, journal_t *journal, buf_t *out_list,
                       uint64_t *out_count)
{
    finding_t self = {store, journal, out_list, 0};
    TRY(store->table->each(store, find_one, &self));
    *out_count = self.count;
    return ERR_OK;
}

err_t erase_again_keep(const char *data, str_t list)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/" LIST_NAME, data);
    return str_is_empty(list) ? ERR_OK : file_replace(buf_terminated(&path), list, true);
}

/* ---- ending them, in the node ---- */

typedef struct again {
    master_rotation_t *node;
    void (*done)(master_rotation_t *self);
    char path[4096];
    buf_t list;
    str_t rest;
    bool is_kept; /* the list stays for the next start */
} again_t;

static void end(again_t *self)
{
    if (!self->is_kept)
        unlink(self->path);
    self->done(self->node);
    buf_deinit(&self->list);
    memory_free(self);
}

static void note_next(again_t *self);

static void noted(void *context, const answer_t *answer)
{
    again_t *self = context;
    if (answer->err == ERR_OK) {
        note_next(self);
        return;
    }
    /* Past its bound the audit log takes more once some have ended. */
    self->is_kept = true;
    log_warning(self->node->log, "privacy", "users that were erased are erased again later: %s",
                err_text(answer->err));
    end(self);
}

static void note_next(again_t *self)
{
    str_t id = {NULL, 0};
    while (self->rest.data != NULL && str_is_empty(id))
        if (!str_next(&self->rest, '\n', &id))
            break;
    if (str_is_empty(id))
        end(self);
    else
        edge_ask(self->node->edge, address_of(AUDIT_KIND, AUDIT_KEY), ASK_TIMEOUT_MS, (str_t){0},
                 noted, self, audit_note, .action = AUDIT_ERASURE_BEGUN, .user_id = id);
}

static err_t read_list(void *data)
{
    again_t *self = data;
    return file_read(self->path, LIST_SIZE_MAX, &self->list);
}

static void was_read(void *data, err_t err)
{
    again_t *self = data;
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        log_error(self->node->log, "privacy", "%s can't be read: %s", self->path, err_text(err));
    self->is_kept = err != ERR_OK;
    self->rest = buf_str(&self->list);
    note_next(self);
}

void erase_again_start(master_rotation_t *self, void (*done)(master_rotation_t *self))
{
    again_t *again = memory_new(sizeof *again);
    if (again == NULL) {
        done(self);
        return;
    }
    again->node = self;
    again->done = done;
    snprintf(again->path, sizeof again->path, "%s/" LIST_NAME, self->config->data);
    edge_offload(self->edge, OFFLOAD_FILE, read_list, was_read, again);
}
