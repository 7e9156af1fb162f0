/* account_actor.c -- the actor around account_rules.h: hashes on the password lane, tokens from the
 * keyring, and the word about ended sessions. */

#include "actors/auth/account_rules.h"
#include "actors/auth/kinds.h"
#include "actors/auth/throttle.h"
#include "actors/protocol/accounts.h"
#include "runtime/base/utf8.h"
#include "storage/keys/refresh_token.h"
#include "storage/keys/token.h"

typedef struct account_self {
    account_t account;
    bool is_broken;              /* an event could not be applied: there was no memory */
    throttle_slot_t wrong_words; /* old passwords that were not right; not durable */
} account_self_t;

#define ACTOR_DEF "actors/protocol/account.def"
#define ACTOR_STATE account_self_t
#include "runtime/actor_kind.h"

enum { NOTE_TIMEOUT_MS = 5000, FREE_WRONG_PASSWORDS = 5 };

static const auth_service_t *service(const context_t *ctx)
{
    return context_service(ctx);
}

/* ---- answering with tokens ---- */

typedef struct signed_in {
    buf_t access, refresh;
    account_signed_in_t reply; /* borrows from the account and the two above */
} signed_in_t;

static void signed_in_deinit(signed_in_t *self)
{
    buf_deinit(&self->access);
    buf_deinit(&self->refresh);
}

/* `login` with the refresh token that its counter says, and a new access token. */
static err_t make_signed_in(const account_self_t *self, context_t *ctx,
                            const account_login_t *login, signed_in_t *out)
{
    keyring_t *keyring = service(ctx)->keyring;
    str_t user_id = context_key(ctx), sid = str_from(login->sid);
    token_claims_t claims;
    refresh_token_t refresh = {user_id, sid, login->counter};
    TRY(token_claims_init(&claims, user_id, sid, self->account.role, context_wall_ms(ctx)));
    TRY(token_issue(keyring, &claims, &out->access));
    TRY(refresh_token_write(keyring, &refresh, &out->refresh));
    out->reply = (account_signed_in_t){
        .user_id = user_id,
        .name = str_from(self->account.name),
        .role = self->account.role,
        .sid = sid,
        .access_token = buf_str(&out->access),
        .access_expires_at = claims.expires_at_ms,
        .refresh_token = buf_str(&out->refresh),
        .refresh_expires_at = login->used_at + ACCOUNT_REFRESH_MS,
    };
    return ERR_OK;
}

static void answer_signed_in(account_self_t *self, context_t *ctx, reply_token_t token, str_t sid)
{
    signed_in_t signed_in SCOPED(signed_in_deinit) = {0};
    const account_login_t *login = account_login(&self->account, sid);
    err_t err = login == NULL ? ERR_UNAUTHENTICATED : make_signed_in(self, ctx, login, &signed_in);
    if (err == ERR_OK)
        actor_reply_to_message(ctx, token, ERR_OK, &account_signed_in_schema, &signed_in.reply);
    else
        actor_refuse_to(ctx, token, err);
}

/* ---- sessions that end ---- */

/* Ends it and tells the gateways; whether `accounts` was told before, or is now, is the caller's.
 */
static void end_session(account_self_t *self, context_t *ctx, str_t sid, session_end_t reason)
{
    if (account_login(&self->account, sid) == NULL)
        return;
    sid = arena_str(context_arena(ctx), sid); /* it may lie in the account */
    emit(ctx, account_session_ended, .sid = sid, .reason = reason);
    actor_publish(ctx, TOPIC_SESSIONS_ENDED, session_ended, .user_id = context_key(ctx), .sid = sid,
                  .reason = reason);
}

/* For endings that nobody waits for: `accounts` hears of it whatever crashes, so that no restart
 * makes a stolen token good again. */
static void end_session_and_note(account_self_t *self, context_t *ctx, str_t sid,
                                 session_end_t reason)
{
    sid = arena_str(context_arena(ctx), sid);
    end_session(self, ctx, sid, reason);
    err_t err = actor_send_durably(ctx, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY),
                                   accounts_note_ended, .sids = {&sid, 1});
    /* A full outbox keeps no session alive: then a restart within 15 minutes may forget it. */
    if (err != ERR_OK)
        IGNORE_ERR(actor_send(ctx, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), accounts_note_ended,
                              .sids = {&sid, 1}));
}

/* Starts a session and answers with its tokens. */
static void start_session(account_self_t *self, context_t *ctx, str_t device_name,
                          reply_token_t token)
{
    char sid[ACCOUNT_SID_SIZE + 1];
    const account_login_t *crowded = account_login_to_end(&self->account);
    err_t err = account_reserve_login(&self->account);
    if (err != ERR_OK) {
        actor_refuse_to(ctx, token, err);
        return;
    }
    if (crowded != NULL)
        end_session_and_note(self, ctx, str_from(crowded->sid), SESSION_END_CROWDED);
    auth_random_hex(ctx, sid, ACCOUNT_SID_SIZE / 2);
    emit(ctx, account_session_started, .sid = str_from(sid), .device_name = device_name);
    answer_signed_in(self, ctx, token, str_from(sid));
}

/* ---- work on the password lane ---- */

typedef enum password_purpose {
    PURPOSE_CREATE,
    PURPOSE_SIGN_IN,
    PURPOSE_CHANGE,
    PURPOSE_SET
} password_purpose_t;

typedef struct password_work {
    password_job_t job; /* first: password_job_run gets the whole */
    password_purpose_t purpose;
    reply_token_t token;
    uint32_t role;
    char name[ACCOUNT_NAME_SIZE_MAX + 1];
    char device_name[ACCOUNT_DEVICE_NAME_SIZE_MAX + 1];
    char sid[ACCOUNT_SID_SIZE + 1]; /* the session that stays */
} password_work_t;

static void password_work_wipe(password_work_t *self)
{
    password_job_wipe(&self->job);
}
#define PASSWORD_WORK_SCOPED SCOPED(password_work_wipe)

static void password_done(void *state, context_t *ctx, err_t err, void *data, size_t data_size);

static err_t do_work(context_t *ctx, password_work_t *work)
{
    work->token = actor_reply_later(ctx);
    actor_offload(ctx, OFFLOAD_PASSWORD, password_job_run, password_done, work, sizeof *work);
    return ERR_OK;
}

/* A device's name comes from people: what is not text is left out rather than refused. */
static void take_device_name(password_work_t *work, str_t name)
{
    if (utf8_is_valid(name) && name.size <= ACCOUNT_DEVICE_NAME_SIZE_MAX)
        str_to_array(name, work->device_name, sizeof work->device_name);
    if (work->device_name[0] == '\0' && !str_is_empty(name))
        str_to_array(STR("?"), work->device_name, sizeof work->device_name);
}

static void was_hashed_for_create(account_self_t *self, context_t *ctx, const password_work_t *work)
{
    if (account_exists(&self->account)) {
        actor_refuse_to(ctx, work->token, ERR_CONFLICT);
        return;
    }
    emit(ctx, account_created, .name = str_from(work->name),
         .password_hash = str_from(work->job.hash), .role = work->role);
    if (work->device_name[0] == '\0')
        actor_reply_to(ctx, work->token, account_done);
    else
        start_session(self, ctx, str_from(work->device_name), work->token);
}

/* Every session but the one that stays, in the arena. */
static uint32_t other_sids(account_self_t *self, context_t *ctx, str_t staying, str_t *out_sids)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->account.login_count; i++) {
        str_t sid = str_from(self->account.logins[i].sid);
        if (!str_equal(sid, staying))
            out_sids[count++] = arena_str(context_arena(ctx), sid);
    }
    return count;
}

static void others_were_noted(void *state, context_t *ctx, const answer_t *answer, void *data,
                              UNUSED size_t data_size)
{
    account_self_t *self = state;
    password_work_t *work = data;
    str_t sids[ACCOUNT_SESSIONS_MAX];
    if (answer->err != ERR_OK) {
        actor_refuse_to(ctx, work->token, answer->err);
        return;
    }
    emit(ctx, account_password_changed, .password_hash = str_from(work->job.hash));
    uint32_t count = other_sids(self, ctx, str_from(work->sid), sids);
    for (uint32_t i = 0; i < count; i++)
        end_session(self, ctx, sids[i], SESSION_END_PASSWORD);
    actor_reply_to(ctx, work->token, account_done);
    password_work_wipe(work);
}

/* First `accounts` remembers that the other sessions end, then they do: so whoever is told that
 * they ended can rely on it, whatever crashes. */
static void was_hashed_for_change(account_self_t *self, context_t *ctx, password_work_t *work)
{
    str_t sids[ACCOUNT_SESSIONS_MAX];
    uint32_t count = other_sids(self, ctx, str_from(work->sid), sids);
    actor_ask(ctx, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), NOTE_TIMEOUT_MS, others_were_noted,
              work, sizeof *work, accounts_note_ended, .sids = {sids, count});
}

static void password_done(void *state, context_t *ctx, err_t err, void *data,
                          UNUSED size_t data_size)
{
    account_self_t *self = state;
    password_work_t *work = data;
    bool must_match = work->purpose == PURPOSE_SIGN_IN || work->purpose == PURPOSE_CHANGE;
    if (err == ERR_OK && must_match && !work->job.is_right) {
        if (work->purpose == PURPOSE_CHANGE)
            throttle_slot_count(&self->wrong_words, FREE_WRONG_PASSWORDS, context_mono_ms(ctx));
        err = ERR_UNAUTHENTICATED;
    }
    if (err != ERR_OK) {
        actor_refuse_to(ctx, work->token, err);
        return;
    }
    switch (work->purpose) {
    case PURPOSE_CREATE:
        was_hashed_for_create(self, ctx, work);
        break;
    case PURPOSE_SIGN_IN:
        start_session(self, ctx, str_from(work->device_name), work->token);
        break;
    case PURPOSE_CHANGE:
    case PURPOSE_SET:
        was_hashed_for_change(self, ctx, work);
        break;
    }
}

/* ---- commands ---- */

ON(account_create)
{
    password_work_t work PASSWORD_WORK_SCOPED = {.purpose = PURPOSE_CREATE, .role = command->role};
    if (account_exists(&self->account))
        return ERR_CONFLICT;
    if (str_is_empty(command->name) || !str_to_array(command->name, work.name, sizeof work.name))
        return ERR_INVALID;
    TRY(password_job_hash(&work.job, service(ctx)->cost, runtime_random(context_runtime(ctx)),
                          command->password));
    take_device_name(&work, command->device_name);
    return do_work(ctx, &work);
}

ON(account_sign_in)
{
    password_work_t work PASSWORD_WORK_SCOPED = {.purpose = PURPOSE_SIGN_IN};
    TRY(password_job_verify(&work.job, service(ctx)->cost, command->password,
                            str_from(self->account.password_hash)));
    take_device_name(&work, command->device_name);
    return do_work(ctx, &work);
}

ON(account_change_password)
{
    password_work_t work PASSWORD_WORK_SCOPED = {.purpose = PURPOSE_CHANGE};
    if (!account_exists(&self->account))
        return ERR_NOT_FOUND;
    uint64_t wait_ms = throttle_slot_wait_ms(&self->wrong_words, context_mono_ms(ctx));
    if (wait_ms != 0)
        return actor_refuse(ctx, ERR_BUSY, "wait %llu seconds",
                            (unsigned long long)(wait_ms + 999) / 1000);
    TRY(password_job_hash(&work.job, service(ctx)->cost, runtime_random(context_runtime(ctx)),
                          command->new_password));
    if (password_job_verify(&work.job, service(ctx)->cost, command->old_password,
                            str_from(self->account.password_hash)) != ERR_OK)
        return ERR_UNAUTHENTICATED;
    str_to_array(command->sid, work.sid, sizeof work.sid);
    return do_work(ctx, &work);
}

ON(account_set_password)
{
    password_work_t work PASSWORD_WORK_SCOPED = {.purpose = PURPOSE_SET};
    if (!account_exists(&self->account))
        return ERR_NOT_FOUND;
    TRY(password_job_hash(&work.job, service(ctx)->cost, runtime_random(context_runtime(ctx)),
                          command->password));
    return do_work(ctx, &work);
}

ON(account_start_session)
{
    if (!account_exists(&self->account))
        return ERR_NOT_FOUND;
    if (command->device_name.size > ACCOUNT_DEVICE_NAME_SIZE_MAX)
        return ERR_INVALID;
    start_session(self, ctx, command->device_name, actor_reply_later(ctx));
    return ERR_OK;
}

ON(account_get)
{
    if (!account_exists(&self->account))
        return ERR_NOT_FOUND;
    return actor_reply(ctx, account_info, .user_id = context_key(ctx),
                       .name = str_from(self->account.name), .role = self->account.role,
                       .created_at = self->account.created_at);
}

ON(account_get_sessions)
{
    account_session_t sessions[ACCOUNT_SESSIONS_MAX];
    account_sessions_copy(&self->account, sessions);
    return actor_reply(ctx, account_sessions, .sessions = {sessions, self->account.login_count});
}

ON(account_refresh)
{
    refresh_token_t token;
    TRY(refresh_token_read(service(ctx)->keyring, command->token, &token));
    if (!str_equal(token.user_id, context_key(ctx)))
        return ERR_UNAUTHENTICATED;
    reply_token_t later = actor_reply_later(ctx);

    switch (account_decide_refresh(&self->account, token.sid, token.counter, context_wall_ms(ctx),
                                   service(ctx)->node_started_at_ms)) {
    case ACCOUNT_REFRESH_ROTATE:
        emit(ctx, account_session_rotated, .sid = token.sid, .counter = token.counter + 1);
        answer_signed_in(self, ctx, later, token.sid);
        return ERR_OK;
    case ACCOUNT_REFRESH_REPEAT:
        answer_signed_in(self, ctx, later, token.sid);
        return ERR_OK;
    case ACCOUNT_REFRESH_REUSE:
        end_session_and_note(self, ctx, token.sid, SESSION_END_REUSE);
        break;
    case ACCOUNT_REFRESH_EXPIRED:
        end_session_and_note(self, ctx, token.sid, SESSION_END_EXPIRED);
        break;
    case ACCOUNT_REFRESH_UNKNOWN:
        break;
    }
    /* Not by the return value: a refused command would undo what was emitted. */
    actor_refuse_to(ctx, later, ERR_UNAUTHENTICATED);
    return ERR_OK;
}

typedef struct ending {
    reply_token_t token;
    char sid[ACCOUNT_SID_SIZE + 1];
} ending_t;

static void ending_was_noted(void *state, context_t *ctx, const answer_t *answer, void *data,
                             UNUSED size_t data_size)
{
    const ending_t *ending = data;
    if (answer->err != ERR_OK) {
        actor_refuse_to(ctx, ending->token, answer->err);
        return;
    }
    end_session(state, ctx, str_from(ending->sid), SESSION_END_SIGNED_OUT);
    actor_reply_to(ctx, ending->token, account_done);
}

ON(account_end_session)
{
    ending_t ending = {.token = {0}};
    if (account_login(&self->account, command->sid) == NULL)
        return actor_reply(ctx, account_done);
    str_to_array(command->sid, ending.sid, sizeof ending.sid);
    ending.token = actor_reply_later(ctx);
    actor_ask(ctx, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), NOTE_TIMEOUT_MS, ending_was_noted,
              &ending, sizeof ending, accounts_note_ended, .sids = {&command->sid, 1});
    return ERR_OK;
}

/* ---- erasing ---- */

ON(account_erase)
{
    while (self->account.login_count > 0)
        end_session_and_note(self, ctx, str_from(self->account.logins[0].sid), SESSION_END_ERASED);
    if (account_exists(&self->account))
        emit(ctx, account_erased);
    return actor_reply(ctx, account_done);
}

/* ---- events ---- */

APPLY(account_created)
{
    account_apply_created(&self->account, event, wall_ms);
}

APPLY(account_password_changed)
{
    account_apply_password(&self->account, event);
}

APPLY(account_session_started)
{
    self->is_broken |= account_apply_started(&self->account, event, wall_ms) != ERR_OK;
}

APPLY(account_session_rotated)
{
    account_apply_rotated(&self->account, event, wall_ms);
}

APPLY(account_session_ended)
{
    account_apply_ended(&self->account, event);
}

APPLY(account_erased)
{
    account_deinit(&self->account);
}

/* ---- life ---- */

static err_t start(void *state, UNUSED context_t *ctx)
{
    return ((account_self_t *)state)->is_broken ? ERR_NO_MEMORY : ERR_OK;
}

static void deinit(void *state)
{
    account_deinit(&((account_self_t *)state)->account);
}

static void snapshot(const void *state, buf_t *out)
{
    const account_t *account = &((const account_self_t *)state)->account;
    account_session_t sessions[ACCOUNT_SESSIONS_MAX];
    account_sessions_copy(account, sessions);
    account_state_t record = {
        .name = str_from(account->name),
        .password_hash = str_from(account->password_hash),
        .role = account->role,
        .created_at = account->created_at,
        .sessions = {sessions, account->login_count},
    };
    schema_encode(&account_state_schema, &record, out);
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    account_state_t record;
    TRY(schema_decode(&account_state_schema, text, &arena, &record));
    return account_from_state(&((account_self_t *)state)->account, &record);
}

ACTOR_KIND(account, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .idle_ms = 120000, .snapshot_every = 200);
