/* audit_actor.c -- the actor around audit_log.h, and the steps of an erasure, each safe to do
 * again.
 *
 * What goes first is what leads to the user: once the name is gone nobody signs in any more, so
 * nothing new comes after the steps that delete. The key goes last; from then on the rest can't be
 * read whatever was left of it. */

#include "actors/privacy/audit_anchor.h"
#include "actors/privacy/privacy.h"
#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "actors/protocol/session.h"
#include "actors/protocol/user.h"
#include "runtime/actor.h"
#include "storage/crypt/sealed_form.h"

typedef enum erase_step {
    ERASE_NAME,
    ERASE_ACCOUNT,
    ERASE_SESSION,
    ERASE_PLAYLISTS,
    ERASE_FOLLOWS,
    ERASE_USER,
    ERASE_KEY
} erase_step_t;

typedef struct audit_self {
    audit_log_t log;
    /* not durable: the erasure under way */
    bool is_erasing, has_asker;
    erase_step_t step;
    audit_user_t user;
    reply_token_t asker;
    /* and the anchor: one job at a time, so that it never goes back */
    bool is_anchoring, is_anchor_behind;
    bool is_anchor_lost; /* and said: another one may be made */
} audit_self_t;

#define ACTOR_DEF "actors/protocol/audit.def"
#define ACTOR_STATE audit_self_t
#include "runtime/actor_kind.h"

enum { STEP_TIMEOUT_MS = 10000, PART_AGAIN_MS = 20 };

static const privacy_service_t *service(const context_t *ctx)
{
    return context_service(ctx);
}

/* ---- the anchor ---- */

typedef struct anchor_job {
    vault_t *vault;
    audit_log_t log;
    audit_anchor_how_t how;
    audit_anchor_t before;
} anchor_job_t;

static void anchor(audit_self_t *self, context_t *ctx, bool is_start);
static err_t note(audit_self_t *self, context_t *ctx, audit_action_t action, str_t user_id);

static err_t write_anchor(void *data, UNUSED size_t data_size)
{
    anchor_job_t *job = data;
    return audit_anchor_advance(job->vault, &job->log, job->how, &job->before);
}

/* An entry that does not come about is made up for by the next start. */
static void say_lost(audit_self_t *self, context_t *ctx)
{
    log_error(runtime_log(context_runtime(ctx)), "privacy",
              "the audit log's anchor (`_audit` among the users' keys) is gone: whether newest "
              "entries were taken out is not known; a new one is made");
    self->is_anchor_lost = true;
    IGNORE_ERR(note(self, ctx, AUDIT_ANCHOR_LOST, STR("")));
}

/* One that failed is made up for by the next entry, or the next start. */
static void anchored(void *state, context_t *ctx, err_t err, void *data, UNUSED size_t data_size)
{
    audit_self_t *self = state;
    const anchor_job_t *job = data;
    self->is_anchoring = false;
    if (err == ERR_OK && !job->before.is_there && !job->how.may_make)
        say_lost(self, ctx);
    else if (err == ERR_OK)
        self->is_anchor_lost = false;
    if (err == ERR_OK && job->how.is_start && !self->log.is_anchored)
        IGNORE_ERR(note(self, ctx, AUDIT_ANCHORED, STR("")));
    if (self->is_anchor_behind)
        anchor(self, ctx, false);
}

/* The job waits until the entry is durable. */
static void anchor(audit_self_t *self, context_t *ctx, bool is_start)
{
    anchor_job_t job = {.vault = service(ctx)->vault,
                        .log = self->log,
                        .how = {is_start, self->is_anchor_lost || !self->log.is_anchored}};
    self->is_anchor_behind = self->is_anchoring;
    if (self->is_anchoring)
        return;
    self->is_anchoring = true;
    actor_offload(ctx, OFFLOAD_FILE, write_anchor, anchored, &job, sizeof job);
}

static err_t note(audit_self_t *self, context_t *ctx, audit_action_t action, str_t user_id)
{
    char chain[AUDIT_CHAIN_SIZE + 1];
    audit_noted_t event;
    TRY(audit_log_next(&self->log, service(ctx)->keyring, action, user_id, context_wall_ms(ctx),
                       chain, &event));
    actor_emit(ctx, &audit_noted_schema, &event);
    anchor(self, ctx, false);
    return ERR_OK;
}

ON(audit_note)
{
    TRY(note(self, ctx, command->action, command->user_id));
    return actor_reply(ctx, audit_done);
}

/* ---- erasing ---- */

static void next_step(audit_self_t *self, context_t *ctx);

static void resume(audit_self_t *self, context_t *ctx)
{
    if (self->is_erasing || self->log.pending_count == 0)
        return;
    self->is_erasing = true;
    self->has_asker = false;
    self->user = self->log.pending[0];
    self->step = ERASE_NAME;
    next_step(self, ctx);
}

/* It stays pending when a step failed: the same command or the next start goes on. */
static void stop_erasing(audit_self_t *self, context_t *ctx, err_t err)
{
    self->is_erasing = false;
    if (self->has_asker && err == ERR_OK)
        actor_reply_to(ctx, self->asker, audit_done);
    else if (self->has_asker)
        actor_refuse_to(ctx, self->asker, err);
    if (err == ERR_OK || err == ERR_CONFLICT)
        resume(self, ctx);
}

static void end_erasing(audit_self_t *self, context_t *ctx, audit_action_t action, err_t err)
{
    err_t noted = note(self, ctx, action, str_from(self->user.id));
    stop_erasing(self, ctx, noted == ERR_OK ? err : noted);
}

static void stepped(void *state, context_t *ctx, const answer_t *answer, UNUSED void *data,
                    UNUSED size_t data_size)
{
    audit_self_t *self = state;
    if (answer->err == ERR_CONFLICT && self->step == ERASE_NAME) {
        end_erasing(self, ctx, AUDIT_ERASURE_REFUSED, ERR_CONFLICT);
        return;
    }
    if (answer->err != ERR_OK) {
        stop_erasing(self, ctx, answer->err);
        return;
    }
    self->step++;
    next_step(self, ctx);
}

/* One at a time; the list is asked for again until it is empty. */
static void playlist_deleted(void *state, context_t *ctx, const answer_t *answer, UNUSED void *data,
                             UNUSED size_t data_size)
{
    if (answer->err != ERR_OK && answer->err != ERR_NOT_FOUND)
        stop_erasing(state, ctx, answer->err);
    else
        next_step(state, ctx);
}

static void playlists_known(void *state, context_t *ctx, const answer_t *answer, void *data,
                            size_t data_size)
{
    audit_self_t *self = state;
    const user_playlists_t *playlists = answer->message;
    if (answer->err != ERR_OK || playlists->playlist_ids.count == 0) {
        stepped(state, ctx, answer, data, data_size);
        return;
    }
    actor_ask(ctx, address_of(USER_KIND, str_from(self->user.id)), STEP_TIMEOUT_MS,
              playlist_deleted, NULL, 0, user_delete_playlist,
              .playlist_id = playlists->playlist_ids.items[0]);
}

/* Page by page; between two the outbox of who is erased gets rid of some. */
static void parted(void *state, context_t *ctx, const answer_t *answer, void *data,
                   size_t data_size)
{
    const user_parted_t *parted = answer->message;
    if (answer->err == ERR_OK && parted->left > 0)
        actor_timer_start(ctx, PART_AGAIN_MS, 0, audit_part);
    else
        stepped(state, ctx, answer, data, data_size);
}

ON(audit_part)
{
    if (self->is_erasing && self->step == ERASE_FOLLOWS)
        next_step(self, ctx);
    return ERR_OK;
}

/* BUSY: what was under way to who is erased came between; no more can, since the account is gone.
 */
static void user_was_erased(void *state, context_t *ctx, const answer_t *answer, void *data,
                            size_t data_size)
{
    audit_self_t *self = state;
    if (answer->err != ERR_BUSY) {
        stepped(state, ctx, answer, data, data_size);
        return;
    }
    self->step = ERASE_FOLLOWS;
    actor_timer_start(ctx, PART_AGAIN_MS, 0, audit_part);
}

typedef struct key_job {
    const privacy_service_t *service;
    audit_user_t user;
} key_job_t;

/* Snapshots that several people share are made again: what they held of this one goes with the key
 * they were sealed with. */
static err_t destroy_key(void *data, UNUSED size_t data_size)
{
    const key_job_t *job = data;
    vault_t *vault = job->service->vault;
    TRY(vault_erase(vault, str_from(job->user.id)));
    TRY(vault_renew(vault, SEALED_SHARED));
    TRY(vault_settle(vault));
    return job->service->clear_rows == NULL ? ERR_OK
                                            : job->service->clear_rows(job->service->context);
}

static void key_was_destroyed(void *state, context_t *ctx, err_t err, UNUSED void *data,
                              UNUSED size_t data_size)
{
    if (err == ERR_OK)
        end_erasing(state, ctx, AUDIT_ERASURE_ENDED, ERR_OK);
    else
        stop_erasing(state, ctx, err);
}

static void next_step(audit_self_t *self, context_t *ctx)
{
    str_t id = str_from(self->user.id);
    key_job_t job = {service(ctx), self->user};
    switch (self->step) {
    case ERASE_NAME:
        actor_ask(ctx, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), STEP_TIMEOUT_MS, stepped, NULL, 0,
                  accounts_remove_user, .user_id = id);
        break;
    case ERASE_ACCOUNT:
        actor_ask(ctx, address_of(ACCOUNT_KIND, id), STEP_TIMEOUT_MS, stepped, NULL, 0,
                  account_erase);
        break;
    case ERASE_SESSION:
        actor_ask(ctx, address_of(SESSION_KIND, id), STEP_TIMEOUT_MS, stepped, NULL, 0,
                  session_erase);
        break;
    case ERASE_PLAYLISTS:
        actor_ask(ctx, address_of(USER_KIND, id), STEP_TIMEOUT_MS, playlists_known, NULL, 0,
                  user_get_playlists);
        break;
    case ERASE_FOLLOWS:
        actor_ask(ctx, address_of(USER_KIND, id), STEP_TIMEOUT_MS, parted, NULL, 0, user_part);
        break;
    case ERASE_USER:
        actor_ask(ctx, address_of(USER_KIND, id), STEP_TIMEOUT_MS, user_was_erased, NULL, 0,
                  user_erase);
        break;
    case ERASE_KEY:
        actor_offload(ctx, OFFLOAD_FILE, destroy_key, key_was_destroyed, &job, sizeof job);
        break;
    }
}

ON(audit_erase)
{
    audit_user_t user;
    if (str_is_empty(command->user_id) || !str_to_array(command->user_id, user.id, sizeof user.id))
        return ERR_INVALID;
    if (self->is_erasing)
        return ERR_BUSY;
    if (!audit_log_is_pending(&self->log, command->user_id))
        TRY(note(self, ctx, AUDIT_ERASURE_BEGUN, command->user_id));
    self->is_erasing = self->has_asker = true;
    self->asker = actor_reply_later(ctx);
    self->user = user;
    self->step = ERASE_NAME;
    next_step(self, ctx);
    return ERR_OK;
}

ON(audit_resume)
{
    anchor(self, ctx, true);
    resume(self, ctx);
    return actor_reply(ctx, audit_done);
}

/* ---- events ---- */

APPLY(audit_noted)
{
    audit_log_apply(&self->log, event);
}

/* ---- life ---- */

static void snapshot(const void *state, buf_t *out)
{
    const audit_log_t *log = &((const audit_self_t *)state)->log;
    str_t pending[AUDIT_PENDING_MAX];
    for (uint32_t i = 0; i < log->pending_count; i++)
        pending[i] = str_from(log->pending[i].id);
    audit_state_t record = {.number = log->number,
                            .chain = str_from(log->chain),
                            .pending = {pending, log->pending_count},
                            .is_anchored = log->is_anchored};
    schema_encode(&audit_state_schema, &record, out);
}

static err_t restore(void *state, str_t text)
{
    audit_log_t *log = &((audit_self_t *)state)->log;
    arena_t arena ARENA_SCOPED = {0};
    audit_state_t record;
    TRY(schema_decode(&audit_state_schema, text, &arena, &record));
    if (record.pending.count > AUDIT_PENDING_MAX)
        return ERR_CORRUPT;
    log->number = record.number;
    str_to_array(record.chain, log->chain, sizeof log->chain);
    log->pending_count = record.pending.count;
    log->is_anchored = record.is_anchored;
    for (uint32_t i = 0; i < record.pending.count; i++)
        str_to_array(record.pending.items[i], log->pending[i].id, sizeof log->pending[i].id);
    return ERR_OK;
}

ACTOR_KIND(audit, .snapshot = snapshot, .restore = restore, .snapshot_every = 200);

err_t privacy_register(runtime_t *runtime, const privacy_service_t *service)
{
    /* context_service hands out a plain pointer; the actor only reads it. */
    union {
        const privacy_service_t *given;
        void *plain;
    } shared = {.given = service};
    return runtime_register(runtime, &audit_kind, shared.plain);
}
