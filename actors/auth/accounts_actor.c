/* accounts_actor.c -- the actor around accounts_rules.h: finds whom a name means, slows guessing
 * down, and passes on to `account` what is its business. */

#include "actors/auth/accounts_rules.h"
#include "actors/auth/kinds.h"
#include "actors/auth/throttle.h"
#include "runtime/base/memory.h"
#include "runtime/base/text.h"

typedef struct accounts_self {
    accounts_book_t book;
    bool is_broken;       /* an event could not be applied: there was no memory */
    throttle_t *throttle; /* not durable; made at the start */
} accounts_self_t;

#define ACTOR_DEF "actors/protocol/accounts.def"
#define ACTOR_STATE accounts_self_t
#include "runtime/actor_kind.h"

enum {
    ACCOUNT_TIMEOUT_MS = 20000,
    FREE_FAILURES_PLACE = 5, /* of one name from one place */
    FREE_FAILURES_NAME = 50, /* of one name, from anywhere */
    FREE_FAILURES_CLIENT = 50,
    SETUP_CODE_BYTES = 15
};

static const auth_service_t *service(const context_t *ctx)
{
    return context_service(ctx);
}

/* ---- slowing down ---- */

typedef struct guess {
    uint64_t place, name, client; /* throttle keys */
} guess_t;

static guess_t guess_of(uint64_t name_hash, str_t client)
{
    return (guess_t){.place = str_hash_more(name_hash ^ 1, client),
                     .name = name_hash | 2,
                     .client = str_hash_more(str_hash(STR("client ")), client)};
}

/* BUSY while it must wait; else counts the attempt. */
static err_t try_guess(accounts_self_t *self, context_t *ctx, const guess_t *guess)
{
    uint64_t now_ms = context_mono_ms(ctx);
    uint64_t wait_ms = throttle_wait_ms(self->throttle, guess->place, now_ms);
    wait_ms = MAX(wait_ms, throttle_wait_ms(self->throttle, guess->name, now_ms));
    wait_ms = MAX(wait_ms, throttle_wait_ms(self->throttle, guess->client, now_ms));
    if (wait_ms != 0)
        return actor_refuse(ctx, ERR_BUSY, "too many attempts: wait %llu seconds",
                            (unsigned long long)(wait_ms + 999) / 1000);
    throttle_count(self->throttle, guess->place, FREE_FAILURES_PLACE, now_ms);
    throttle_count(self->throttle, guess->name, FREE_FAILURES_NAME, now_ms);
    throttle_count(self->throttle, guess->client, FREE_FAILURES_CLIENT, now_ms);
    return ERR_OK;
}

static void guess_was_right(accounts_self_t *self, const guess_t *guess)
{
    throttle_clear(self->throttle, guess->place);
    throttle_clear(self->throttle, guess->name);
    throttle_clear(self->throttle, guess->client);
}

/* ---- passing on ---- */

static void relay(context_t *ctx, reply_token_t token, const answer_t *answer)
{
    if (answer->err == ERR_OK)
        actor_reply_to_message(ctx, token, ERR_OK, answer->schema, answer->message);
    else
        actor_refuse_to(ctx, token, answer->err);
}

static void was_answered(UNUSED void *state, context_t *ctx, const answer_t *answer, void *data,
                         UNUSED size_t data_size)
{
    relay(ctx, *(const reply_token_t *)data, answer);
}

/* ---- adding users ---- */

typedef struct adding {
    reply_token_t token;
    char user_id[ACCOUNTS_USER_ID_SIZE + 1];
    char name[ACCOUNTS_NAME_SIZE_MAX + 1];
    uint32_t role;
    bool is_setup;
} adding_t;

/* What may have happened since it was asked: another one took the name, or set up. */
static err_t check_adding(accounts_self_t *self, const adding_t *adding)
{
    if (adding->is_setup && accounts_have_admin(&self->book))
        return ERR_CONFLICT;
    return accounts_decide_add(&self->book, str_from(adding->name), adding->role);
}

static void account_was_created(void *state, context_t *ctx, const answer_t *answer, void *data,
                                UNUSED size_t data_size)
{
    accounts_self_t *self = state;
    const adding_t *adding = data;
    err_t err = answer->err == ERR_OK ? check_adding(self, adding) : answer->err;
    if (err != ERR_OK) {
        actor_refuse_to(ctx, adding->token, err);
        return;
    }
    emit(ctx, accounts_user_added, .user_id = str_from(adding->user_id),
         .name = str_from(adding->name), .role = adding->role);
    if (adding->is_setup) {
        relay(ctx, adding->token, answer);
        return;
    }
    actor_reply_to(ctx, adding->token, accounts_user_info, .user_id = str_from(adding->user_id),
                   .name = str_from(adding->name), .role = adding->role,
                   .created_at = context_wall_ms(ctx));
}

/* Makes the account first and lists it second: a crash in between leaves an account that no name
 * leads to. */
static err_t add_user(accounts_self_t *self, context_t *ctx, const account_create_t *account,
                      bool is_setup)
{
    adding_t adding = {.role = account->role, .is_setup = is_setup};
    TRY(accounts_decide_add(&self->book, account->name, account->role));
    TRY(password_check(account->password));
    str_to_array(account->name, adding.name, sizeof adding.name);
    auth_random_hex(ctx, adding.user_id, ACCOUNTS_USER_ID_SIZE / 2);
    adding.token = actor_reply_later(ctx);
    actor_ask_message(ctx, address_of(ACCOUNT_KIND, str_from(adding.user_id)), ACCOUNT_TIMEOUT_MS,
                      account_was_created, &adding, sizeof adding, &account_create_schema, account);
    return ERR_OK;
}

ON(accounts_add_user)
{
    account_create_t account = {
        .name = command->name, .password = command->password, .role = command->role};
    return add_user(self, ctx, &account, false);
}

/* ---- the first administrator ---- */

/* The code follows from the keyring, so it is the same after a restart and nowhere stored. */
static err_t setup_code(context_t *ctx, buf_t *out)
{
    const keyring_t *keyring = service(ctx)->keyring;
    uint8_t mac[KEYRING_MAC_SIZE];
    TRY(keyring_mac(keyring, STR("setup code"), keyring_instance(keyring), mac));
    base64url_append(out, str_of(mac, SETUP_CODE_BYTES));
    return buf_status(out);
}

ON(accounts_get_setup)
{
    return actor_reply(ctx, accounts_setup, .is_needed = !accounts_have_admin(&self->book));
}

ON(accounts_get_setup_code)
{
    buf_t code BUF_SCOPED = BUF_INIT;
    if (accounts_have_admin(&self->book))
        return ERR_CONFLICT;
    TRY(setup_code(ctx, &code));
    return actor_reply(ctx, accounts_setup_code, .code = buf_str(&code));
}

ON(accounts_set_up)
{
    buf_t code BUF_SCOPED = BUF_INIT;
    guess_t guess = guess_of(str_hash(STR("setup code")), command->client);
    if (accounts_have_admin(&self->book))
        return ERR_CONFLICT;
    TRY(setup_code(ctx, &code));
    TRY(try_guess(self, ctx, &guess));
    if (command->code.size != code.size || !keyring_equal(command->code.data, code.data, code.size))
        return ERR_FORBIDDEN;
    guess_was_right(self, &guess);

    account_create_t account = {
        .name = command->name,
        .password = command->password,
        .role = ACCOUNT_ROLE_ADMIN,
        .device_name = str_is_empty(command->device_name) ? STR("?") : command->device_name};
    return add_user(self, ctx, &account, true);
}

/* ---- sign-in ---- */

typedef struct sign_in {
    password_job_t job; /* first: password_job_run gets the whole; for a name that nobody has */
    reply_token_t token;
    guess_t guess;
} sign_in_t;

static void sign_in_was_answered(void *state, context_t *ctx, const answer_t *answer, void *data,
                                 UNUSED size_t data_size)
{
    const sign_in_t *sign_in = data;
    if (answer->err == ERR_OK)
        guess_was_right(state, &sign_in->guess);
    relay(ctx, sign_in->token, answer);
}

static void nobody_was_verified(UNUSED void *state, context_t *ctx, err_t err, void *data,
                                UNUSED size_t data_size)
{
    const sign_in_t *sign_in = data;
    actor_refuse_to(ctx, sign_in->token, err == ERR_OK ? ERR_UNAUTHENTICATED : err);
}

static void sign_in_wipe(sign_in_t *self)
{
    password_job_wipe(&self->job);
}

ON(accounts_sign_in)
{
    sign_in_t sign_in SCOPED(sign_in_wipe) = {
        .guess = guess_of(accounts_name_hash(command->name), command->client)};
    const accounts_entry_t *user = accounts_find_name(&self->book, command->name);
    TRY(try_guess(self, ctx, &sign_in.guess));
    if (str_is_empty(command->password) || command->password.size > ACCOUNT_PASSWORD_SIZE_MAX)
        return ERR_UNAUTHENTICATED;
    sign_in.token = actor_reply_later(ctx);
    if (user == NULL) {
        TRY(password_job_verify(&sign_in.job, service(ctx)->cost, command->password, STR("")));
        actor_offload(ctx, OFFLOAD_PASSWORD, password_job_run, nobody_was_verified, &sign_in,
                      sizeof sign_in);
        return ERR_OK;
    }
    str_t device_name = str_is_empty(command->device_name) ? STR("?") : command->device_name;
    actor_ask(ctx, address_of(ACCOUNT_KIND, str_from(user->user_id)), ACCOUNT_TIMEOUT_MS,
              sign_in_was_answered, &sign_in, sizeof sign_in, account_sign_in,
              .password = command->password, .device_name = device_name);
    return ERR_OK;
}

/* ---- for administrators ---- */

ON(accounts_list)
{
    accounts_user_t *users =
        arena_new_array(context_arena(ctx), self->book.user_count + 1, sizeof *users);
    if (users == NULL)
        return ERR_NO_MEMORY;
    accounts_users_copy(&self->book, users);
    return actor_reply(ctx, accounts_users, .users = {users, self->book.user_count});
}

ON(accounts_find)
{
    const accounts_entry_t *user = accounts_find_name(&self->book, command->name);
    if (user == NULL)
        return ERR_NOT_FOUND;
    return actor_reply(ctx, accounts_user_info, .user_id = str_from(user->user_id),
                       .name = str_from(user->name), .role = user->role,
                       .created_at = user->created_at);
}

ON(accounts_remove_user)
{
    bool is_change = false;
    TRY(accounts_decide_remove(&self->book, command->user_id, &is_change));
    if (is_change)
        emit(ctx, accounts_user_removed, .user_id = command->user_id);
    return actor_reply(ctx, account_done);
}

ON(accounts_set_password)
{
    const accounts_entry_t *user = accounts_find_name(&self->book, command->name);
    if (user == NULL)
        return ERR_NOT_FOUND;
    TRY(password_check(command->password));
    reply_token_t token = actor_reply_later(ctx);
    actor_ask(ctx, address_of(ACCOUNT_KIND, str_from(user->user_id)), ACCOUNT_TIMEOUT_MS,
              was_answered, &token, sizeof token, account_set_password,
              .password = command->password);
    return ERR_OK;
}

ON(accounts_issue)
{
    const accounts_entry_t *user = accounts_find_name(&self->book, command->name);
    if (user == NULL)
        return ERR_NOT_FOUND;
    reply_token_t token = actor_reply_later(ctx);
    actor_ask(ctx, address_of(ACCOUNT_KIND, str_from(user->user_id)), ACCOUNT_TIMEOUT_MS,
              was_answered, &token, sizeof token, account_start_session,
              .device_name = command->device_name);
    return ERR_OK;
}

/* ---- ended sessions ---- */

ON(accounts_get_ended)
{
    accounts_ended_session_t *ended =
        arena_new_array(context_arena(ctx), self->book.ended_count + 1, sizeof *ended);
    if (ended == NULL)
        return ERR_NO_MEMORY;
    accounts_ended_copy(&self->book, ended);
    return actor_reply(ctx, accounts_ended, .sessions = {ended, self->book.ended_count});
}

ON(accounts_note_ended)
{
    if (command->sids.count != 0)
        emit(ctx, accounts_sessions_ended, .sids = {command->sids.items, command->sids.count});
    return actor_reply(ctx, account_done);
}

/* ---- events ---- */

APPLY(accounts_user_added)
{
    self->is_broken |= accounts_apply_added(&self->book, event, wall_ms) != ERR_OK;
}

APPLY(accounts_user_removed)
{
    accounts_apply_removed(&self->book, event);
}

APPLY(accounts_sessions_ended)
{
    self->is_broken |= accounts_apply_ended(&self->book, event, wall_ms) != ERR_OK;
}

/* ---- life ---- */

static err_t start(void *state, UNUSED context_t *ctx)
{
    accounts_self_t *self = state;
    if (self->is_broken)
        return ERR_NO_MEMORY;
    if (self->throttle == NULL)
        self->throttle = memory_new(sizeof *self->throttle);
    return self->throttle == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void deinit(void *state)
{
    accounts_self_t *self = state;
    accounts_book_deinit(&self->book);
    memory_free(self->throttle);
}

static void snapshot(const void *state, buf_t *out)
{
    const accounts_book_t *book = &((const accounts_self_t *)state)->book;
    arena_t arena ARENA_SCOPED = {0};
    accounts_user_t *users = arena_new_array(&arena, book->user_count + 1, sizeof *users);
    accounts_ended_session_t *ended = arena_new_array(&arena, book->ended_count + 1, sizeof *ended);
    if (users == NULL || ended == NULL) {
        out->failed = ERR_NO_MEMORY;
        return;
    }
    accounts_users_copy(book, users);
    accounts_ended_copy(book, ended);
    accounts_state_t record = {.users = {users, book->user_count},
                               .ended = {ended, book->ended_count}};
    schema_encode(&accounts_state_schema, &record, out);
}

static err_t restore(void *state, str_t text)
{
    arena_t arena ARENA_SCOPED = {0};
    accounts_state_t record;
    TRY(schema_decode(&accounts_state_schema, text, &arena, &record));
    return accounts_from_state(&((accounts_self_t *)state)->book, &record);
}

/* Never idle: it is asked all the time, and the throttle must not be forgotten. */
ACTOR_KIND(accounts, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .snapshot_every = 200);
