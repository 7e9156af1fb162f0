#include "actors/auth/auth.h"
#include "actors/protocol/accounts.h"
#include "runtime/journal_memory.h"
#include "runtime/outbox.h"
#include "storage/keys/refresh_token.h"
#include "storage/keys/token.h"
#include "tests/support/asking.h"
#include "tests/support/patience.h"

#include <sched.h>
#include <stdatomic.h>

/* Cheap hashes: what they cost is password.h's business. */
#define CHEAP ((password_cost_t){1, 8, 1})

typedef struct world {
    journal_memory_t *journal;
    keyring_t *keyring;
    auth_service_t service;
    _Atomic int64_t skipped_ms; /* how far the clock was put forward */
    ms_clock_t system;
    asking_t asking;
    token_verifier_t *verifier;
} world_t;

static uint64_t mono_ns(void *context)
{
    world_t *world = context;
    return clock_mono_ns(&world->system) + (uint64_t)atomic_load(&world->skipped_ms) * 1000000;
}

static int64_t wall_ms(void *context)
{
    world_t *world = context;
    return clock_wall_ms(&world->system) + atomic_load(&world->skipped_ms);
}

static void world_start(world_t *world)
{
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = {mono_ns, wall_ms, world},
                                 .journal = journal_memory_journal(world->journal)};
    world->service = (auth_service_t){world->keyring, CHEAP, .node_started_at_ms = wall_ms(world)};
    check_ok(runtime_new(&options, &world->asking.runtime));
    check_ok(auth_register(world->asking.runtime, &world->service));
    check_ok(runtime_start(world->asking.runtime));
}

static void world_stop(world_t *world)
{
    check_ok(runtime_drain(world->asking.runtime, PATIENCE_MS));
    runtime_free(world->asking.runtime);
}

static world_t *world_new(void)
{
    world_t *world = memory_new(sizeof *world);
    ms_random_t random = random_system();
    world->system = clock_system();
    check_ok(keyring_open(STR(""), &world->system, &random, &world->keyring));
    check_ok(token_verifier_new(world->keyring, &world->verifier));
    check_ok(journal_memory_new(false, &world->journal));
    world_start(world);
    return world;
}

static void world_free(world_t *world)
{
    world_stop(world);
    asking_deinit(&world->asking);
    journal_memory_free(world->journal);
    token_verifier_free(world->verifier);
    keyring_close(world->keyring);
    memory_free(world);
}

static void world_restart(world_t *world)
{
    world_stop(world);
    world_start(world);
}

static address_t accounts(void)
{
    return address_of(ACCOUNTS_KIND, ACCOUNTS_KEY);
}

static address_t account(str_t user_id)
{
    return address_of(ACCOUNT_KIND, user_id);
}

static asked_t set_up(world_t *world, str_t code)
{
    return ask(&world->asking, accounts(), accounts_set_up, .code = code, .name = STR("Ann"),
               .password = STR("correct horse"), .device_name = STR("Firefox"),
               .client = STR("::1"));
}

static str_t setup_code(world_t *world)
{
    return asked_as(ask(&world->asking, accounts(), accounts_get_setup_code), accounts_setup_code)
        ->code;
}

static bool is_setup_needed(world_t *world)
{
    asked_t asked = ask(&world->asking, accounts(), accounts_get_setup);
    return asked_as(asked, accounts_setup)->is_needed;
}

static const account_signed_in_t *admin(world_t *world)
{
    return asked_as(set_up(world, setup_code(world)), account_signed_in);
}

static asked_t sign_in(world_t *world, const char *name, const char *password)
{
    return ask(&world->asking, accounts(), accounts_sign_in, .name = str_from(name),
               .password = str_from(password), .device_name = STR("Phone"), .client = STR("::1"));
}

static asked_t refresh(world_t *world, const account_signed_in_t *who, str_t token)
{
    return ask(&world->asking, account(who->user_id), account_refresh, .token = token);
}

static bool is_good(world_t *world, str_t access_token)
{
    token_claims_t claims;
    return token_verify(world->verifier, access_token, wall_ms(world), &claims) == ERR_OK;
}

static uint32_t session_count(world_t *world, str_t user_id)
{
    return asked_as(ask(&world->asking, account(user_id), account_get_sessions), account_sessions)
        ->sessions.count;
}

Test(auth, the_first_administrator_needs_the_code_which_works_once)
{
    world_t *world = world_new();
    str_t code = setup_code(world);
    char altered[64];
    str_to_array(code, altered, sizeof altered);
    altered[3] ^= 1;

    check_err(set_up(world, str_from(altered)).err, ERR_FORBIDDEN);
    check_err(set_up(world, STR("")).err, ERR_FORBIDDEN);
    cr_assert(is_setup_needed(world));
    world_restart(world);
    check_str(setup_code(world), code); /* the link that was printed is still good */
    const account_signed_in_t *who = asked_as(set_up(world, code), account_signed_in);

    cr_assert(eq(u32, who->role, ACCOUNT_ROLE_ADMIN));
    cr_assert(is_good(world, who->access_token));
    check_err(set_up(world, code).err, ERR_CONFLICT);
    check_err(ask(&world->asking, accounts(), accounts_get_setup_code).err, ERR_CONFLICT);
    world_restart(world);
    check_err(set_up(world, code).err, ERR_CONFLICT);
    cr_assert_not(is_setup_needed(world));
    world_free(world);
}

Test(auth, signing_in_needs_the_password_and_folds_the_name)
{
    world_t *world = world_new();
    admin(world);

    check_err(sign_in(world, "Ann", "wrong horse").err, ERR_UNAUTHENTICATED);
    check_err(sign_in(world, "Bob", "correct horse").err, ERR_UNAUTHENTICATED);
    check_err(sign_in(world, "", "").err, ERR_UNAUTHENTICATED);
    check_err(sign_in(world, "\xff", "x").err, ERR_UNAUTHENTICATED);
    world_restart(world);
    const account_signed_in_t *who =
        asked_as(sign_in(world, "aNN", "correct horse"), account_signed_in);

    check_str(who->name, STR("Ann"));
    cr_assert(is_good(world, who->access_token));
    token_claims_t claims;
    check_ok(token_verify(world->verifier, who->access_token, wall_ms(world), &claims));
    check_str(str_from(claims.user_id), who->user_id);
    check_str(str_from(claims.sid), who->sid);
    cr_assert(eq(u32, claims.role, ACCOUNT_ROLE_ADMIN));
    world_free(world);
}

Test(auth, guessing_is_slowed_down_for_known_and_unknown_names_alike)
{
    static const char *const names[] = {"Ann", "Nobody"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        world_t *world = world_new();
        admin(world);

        int tries = 0;
        while (sign_in(world, names[i], "wrong horse").err == ERR_UNAUTHENTICATED)
            tries++;
        cr_assert(eq(int, tries, 5), "%s", names[i]);
        check_err(sign_in(world, names[i], "correct horse").err, ERR_BUSY);
        atomic_fetch_add(&world->skipped_ms, 1001);
        check_err(sign_in(world, names[i], "wrong horse").err, ERR_UNAUTHENTICATED);
        atomic_fetch_add(&world->skipped_ms, 1001);
        check_err(sign_in(world, names[i], "correct horse").err, ERR_BUSY); /* two seconds now */
        atomic_fetch_add(&world->skipped_ms, 1001);
        check_err(sign_in(world, names[i], "correct horse").err,
                  i == 0 ? ERR_OK : ERR_UNAUTHENTICATED);
        world_free(world);
    }
}

Test(auth, wrong_setup_codes_are_slowed_down)
{
    world_t *world = world_new();
    int tries = 0;
    while (set_up(world, STR("xxxxxxxxxxxxxxxxxxxx")).err == ERR_FORBIDDEN)
        tries++;
    cr_assert(eq(int, tries, 5));
    check_err(set_up(world, setup_code(world)).err, ERR_BUSY);
    world_free(world);
}

Test(auth, a_refresh_token_gives_the_same_successor_until_that_is_used)
{
    world_t *world = world_new();
    const account_signed_in_t *first = admin(world);

    const account_signed_in_t *second =
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    const account_signed_in_t *again = /* a second tab */
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    world_restart(world); /* killed between the rotation and the answer */
    const account_signed_in_t *later =
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    const account_signed_in_t *third =
        asked_as(refresh(world, first, second->refresh_token), account_signed_in);

    cr_assert_not(str_equal(second->refresh_token, first->refresh_token));
    check_str(again->refresh_token, second->refresh_token);
    check_str(later->refresh_token, second->refresh_token);
    cr_assert_not(str_equal(third->refresh_token, second->refresh_token));
    cr_assert(is_good(world, third->access_token));
    world_free(world);
}

Test(auth, an_older_refresh_token_ends_the_session_and_says_so)
{
    world_t *world = world_new();
    listening_t ended;
    const account_signed_in_t *first = admin(world);
    const account_signed_in_t *second =
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    const account_signed_in_t *third =
        asked_as(refresh(world, first, second->refresh_token), account_signed_in);
    listening_start(&ended, world->asking.runtime, TOPIC_SESSIONS_ENDED);

    check_err(refresh(world, first, first->refresh_token).err, ERR_UNAUTHENTICATED);

    const session_ended_t *end = listening_at(&ended, 0, &session_ended_schema);
    check_str(end->sid, first->sid);
    cr_assert(eq(u32, end->reason, SESSION_END_REUSE));
    check_err(refresh(world, first, third->refresh_token).err, ERR_UNAUTHENTICATED);
    token_verifier_end_session(world->verifier, end->sid, wall_ms(world));
    cr_assert_not(is_good(world, third->access_token));
    listening_stop(&ended);
    world_free(world);
}

Test(auth, the_grace_of_a_refresh_token_is_a_minute_of_a_running_node)
{
    static const struct {
        const char *what;
        int64_t before_ms, away_ms, after_ms;
        err_t want;
    } cases[] = {
        {"within the minute", 59000, 0, 0, ERR_OK},
        {"after it", 61000, 0, 0, ERR_UNAUTHENTICATED},
        {"the node was down for longer", 1000, 600000, 30000, ERR_OK},
        {"down, and then too late", 1000, 600000, 61000, ERR_UNAUTHENTICATED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        world_t *world = world_new();
        const account_signed_in_t *first = admin(world);
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
        atomic_fetch_add(&world->skipped_ms, cases[i].before_ms);
        if (cases[i].away_ms != 0) {
            world_stop(world);
            atomic_fetch_add(&world->skipped_ms, cases[i].away_ms);
            world_start(world);
        }
        atomic_fetch_add(&world->skipped_ms, cases[i].after_ms);

        err_t got = refresh(world, first, first->refresh_token).err;

        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
        world_free(world);
    }
}

Test(auth, altered_and_foreign_refresh_tokens_are_refused_and_end_nothing)
{
    world_t *world = world_new();
    const account_signed_in_t *who = admin(world);
    char altered[REFRESH_TOKEN_SIZE_MAX + 1];

    for (size_t i = 0; i < who->refresh_token.size; i++) {
        str_to_array(who->refresh_token, altered, sizeof altered);
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        if (i + 1 == who->refresh_token.size)
            continue; /* the last character of base64url carries spare bits */
        check_err(refresh(world, who, str_from(altered)).err, ERR_UNAUTHENTICATED);
    }
    asked_t other = ask(&world->asking, accounts(), accounts_add_user, .name = STR("Bob"),
                        .password = STR("battery staple"), .role = ACCOUNT_ROLE_LISTENER);
    const accounts_user_info_t *bob = asked_as(other, accounts_user_info);
    check_err(
        ask(&world->asking, account(bob->user_id), account_refresh, .token = who->refresh_token)
            .err,
        ERR_UNAUTHENTICATED);

    asked_as(refresh(world, who, who->refresh_token), account_signed_in);
    world_free(world);
}

Test(auth, a_session_unused_for_ninety_days_has_ended)
{
    world_t *world = world_new();
    const account_signed_in_t *who = admin(world);

    atomic_fetch_add(&world->skipped_ms, ACCOUNT_REFRESH_MS + 1000);

    check_err(refresh(world, who, who->refresh_token).err, ERR_UNAUTHENTICATED);
    cr_assert(eq(u32, session_count(world, who->user_id), 0));
    world_free(world);
}

Test(auth, signing_out_ends_one_session_and_is_remembered_over_a_restart)
{
    world_t *world = world_new();
    listening_t ended;
    const account_signed_in_t *first = admin(world);
    const account_signed_in_t *second =
        asked_as(sign_in(world, "Ann", "correct horse"), account_signed_in);
    listening_start(&ended, world->asking.runtime, TOPIC_SESSIONS_ENDED);

    for (int i = 0; i < 2; i++)
        asked_as(
            ask(&world->asking, account(first->user_id), account_end_session, .sid = second->sid),
            account_done);

    const session_ended_t *end = listening_at(&ended, 0, &session_ended_schema);
    check_str(end->sid, second->sid);
    cr_assert(eq(u32, end->reason, SESSION_END_SIGNED_OUT));
    listening_stop(&ended);
    world_restart(world);
    const accounts_ended_t *lately =
        asked_as(ask(&world->asking, accounts(), accounts_get_ended), accounts_ended);
    cr_assert(eq(u32, lately->sessions.count, 1));
    check_str(lately->sessions.items[0].sid, second->sid);
    check_err(refresh(world, first, second->refresh_token).err, ERR_UNAUTHENTICATED);
    asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    world_free(world);
}

/* The disk is full when `accounts` would write it down. */
static journal_fault_t accounts_are_full(void *context, const journal_append_t *append)
{
    const atomic_bool *is_full = context;
    bool is_accounts = str_starts_with(append->stream, STR(ACCOUNTS_KIND));
    return (journal_fault_t){is_accounts && atomic_load(is_full) ? ERR_FULL : ERR_OK, true};
}

static uint32_t ended_count(world_t *world)
{
    return asked_as(ask(&world->asking, accounts(), accounts_get_ended), accounts_ended)
        ->sessions.count;
}

Test(auth, a_session_ended_by_theft_is_remembered_though_a_crash_came_between)
{
    world_t *world = world_new();
    atomic_bool is_full = false;
    buf_t after BUF_SCOPED = BUF_INIT;
    const account_signed_in_t *first = admin(world);
    const account_signed_in_t *second =
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    asked_as(refresh(world, first, second->refresh_token), account_signed_in);
    journal_memory_set_faults(world->journal, accounts_are_full, &is_full);

    atomic_store(&is_full, true);
    check_err(refresh(world, first, first->refresh_token).err, ERR_UNAUTHENTICATED);
    cr_assert(eq(u32, ended_count(world), 0));
    world_restart(world);
    atomic_store(&is_full, false);
    check_ok(runtime_wake_senders(world->asking.runtime, &after, 100));

    while (ended_count(world) == 0) /* it is on its way */
        sched_yield();
    cr_assert(eq(u32, ended_count(world), 1));
    world_free(world);
}

Test(auth, changing_the_password_ends_the_other_sessions)
{
    world_t *world = world_new();
    const account_signed_in_t *first = admin(world);
    const account_signed_in_t *second =
        asked_as(sign_in(world, "Ann", "correct horse"), account_signed_in);
    address_t to = account(first->user_id);

    check_err(ask(&world->asking, to, account_change_password, .old_password = STR("wrong"),
                  .new_password = STR("battery staple"), .sid = second->sid)
                  .err,
              ERR_UNAUTHENTICATED);
    check_err(ask(&world->asking, to, account_change_password, .old_password = STR("correct horse"),
                  .new_password = STR("short"), .sid = second->sid)
                  .err,
              ERR_INVALID);
    asked_as(ask(&world->asking, to, account_change_password, .old_password = STR("correct horse"),
                 .new_password = STR("battery staple"), .sid = second->sid),
             account_done);

    cr_assert(eq(u32, session_count(world, first->user_id), 1));
    asked_as(refresh(world, second, second->refresh_token), account_signed_in);
    check_err(sign_in(world, "Ann", "correct horse").err, ERR_UNAUTHENTICATED);
    world_restart(world);
    asked_as(sign_in(world, "Ann", "battery staple"), account_signed_in);
    asked_as(ask(&world->asking, accounts(), accounts_set_password, .name = STR("ann"),
                 .password = STR("a third one")),
             account_done);
    cr_assert(eq(u32, session_count(world, first->user_id), 0));
    asked_as(sign_in(world, "Ann", "a third one"), account_signed_in);
    world_free(world);
}

Test(auth, users_are_added_listed_and_found)
{
    world_t *world = world_new();
    admin(world);
    static const struct {
        const char *what, *name, *password;
        uint32_t role;
        err_t want;
    } cases[] = {
        {"a new one", "Bob", "battery staple", ACCOUNT_ROLE_LISTENER, ERR_OK},
        {"the same name", "BOB", "battery staple", ACCOUNT_ROLE_LISTENER, ERR_CONFLICT},
        {"the same name, wide", "\xef\xbc\xa2ob", "battery staple", 2, ERR_CONFLICT},
        {"no name", "", "battery staple", ACCOUNT_ROLE_LISTENER, ERR_INVALID},
        {"blanks", " Eve", "battery staple", ACCOUNT_ROLE_LISTENER, ERR_INVALID},
        {"not UTF-8", "\xff", "battery staple", ACCOUNT_ROLE_LISTENER, ERR_INVALID},
        {"a short password", "Eve", "1234567", ACCOUNT_ROLE_LISTENER, ERR_INVALID},
        {"the shortest password", "Eve", "12345678", ACCOUNT_ROLE_ADMIN, ERR_OK},
        {"no role", "Dan", "battery staple", 0, ERR_INVALID},
        {"no such role", "Dan", "battery staple", 3, ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_t got =
            ask(&world->asking, accounts(), accounts_add_user, .name = str_from(cases[i].name),
                .password = str_from(cases[i].password), .role = cases[i].role)
                .err;
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
    world_restart(world);

    const accounts_users_t *users =
        asked_as(ask(&world->asking, accounts(), accounts_list), accounts_users);
    cr_assert(eq(u32, users->users.count, 3));
    const accounts_user_info_t *bob = asked_as(
        ask(&world->asking, accounts(), accounts_find, .name = STR("bob")), accounts_user_info);
    const account_info_t *info =
        asked_as(ask(&world->asking, account(bob->user_id), account_get), account_info);
    check_str(info->name, STR("Bob"));
    cr_assert(eq(u32, info->role, ACCOUNT_ROLE_LISTENER));
    check_err(ask(&world->asking, accounts(), accounts_find, .name = STR("Dan")).err,
              ERR_NOT_FOUND);
    check_err(ask(&world->asking, account(STR("none")), account_get).err, ERR_NOT_FOUND);
    const account_signed_in_t *issued =
        asked_as(ask(&world->asking, accounts(), accounts_issue, .name = STR("bob"),
                     .device_name = STR("script")),
                 account_signed_in);
    cr_assert(is_good(world, issued->access_token));
    world_free(world);
}

Test(auth, the_session_unused_longest_gives_way_to_the_hundred_and_first)
{
    world_t *world = world_new();
    const account_signed_in_t *first = admin(world);

    for (int i = 1; i < ACCOUNT_SESSIONS_MAX; i++)
        check_ok(ask(&world->asking, accounts(), accounts_issue, .name = STR("Ann"),
                     .device_name = STR("x"))
                     .err);
    cr_assert(eq(u32, session_count(world, first->user_id), ACCOUNT_SESSIONS_MAX));
    atomic_fetch_add(&world->skipped_ms, 1000);
    check_ok(
        ask(&world->asking, accounts(), accounts_issue, .name = STR("Ann"), .device_name = STR("x"))
            .err);

    cr_assert(eq(u32, session_count(world, first->user_id), ACCOUNT_SESSIONS_MAX));
    check_err(refresh(world, first, first->refresh_token).err, ERR_UNAUTHENTICATED);
    world_free(world);
}

/* ---- nothing secret is written down ---- */

typedef struct search {
    str_t words[6];
    size_t count, found;
} search_t;

static err_t look(void *context, const journal_record_t *record)
{
    search_t *search = context;
    for (size_t i = 0; i < search->count; i++)
        search->found += str_contains(record->event.payload, search->words[i]) ||
                         str_contains(record->result, search->words[i]);
    return ERR_OK;
}

Test(auth, the_journal_holds_nothing_to_sign_in_with)
{
    world_t *world = world_new();
    str_t code = setup_code(world);
    const account_signed_in_t *first = asked_as(set_up(world, code), account_signed_in);
    const account_signed_in_t *second =
        asked_as(refresh(world, first, first->refresh_token), account_signed_in);
    search_t search = {{STR("correct horse"), code, first->access_token, first->refresh_token,
                        second->access_token, second->refresh_token},
                       6,
                       0};

    journal_t *journal = journal_memory_journal(world->journal);
    check_ok(journal->table->feed(journal, 0, 1000, look, &search));

    cr_assert(eq(sz, search.found, 0));
    cr_assert(gt(sz, journal_memory_count(world->journal), 2));
    world_free(world);
}
