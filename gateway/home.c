/* What one scheduler's handlers share: above all, which sessions have ended. An end that is not
 * known here leaves its tokens good until they expire, so what was missed is asked for until
 * somebody answers. */
#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "gateway/api.h"
#include "runtime/topic_router.h"

/* By one of the node's homes. */
static void tell_sockets(const home_t *self, const session_ended_t *ended)
{
    if (edge_scheduler(self->edge) == 0)
        runtime_publish_message(self->api->runtime, TOPIC_SESSIONS_ENDED_HERE,
                                &session_ended_schema, ended);
}

/* ---- what ended before, or was missed ---- */

static void ask_ended(home_t *self);

static void on_ask_again(uv_timer_t *timer)
{
    ask_ended(CONTAINER_OF(timer, home_t, ended_timer));
}

/* The owner is away, or this node is cut off. Once the tokens of that time have expired nothing is
 * left to be known. */
static void ask_again_later(home_t *self)
{
    if (clock_mono_ms(&self->api->clock) >= self->ended_until_ms) {
        self->is_ended_missed = false;
        return;
    }
    uint64_t wait_ms = MIN((uint64_t)HOME_ASK_AGAIN_FIRST_MS << MIN(self->ended_tries, 16U),
                           (uint64_t)HOME_ASK_AGAIN_MAX_MS);
    self->ended_tries++;
    uv_timer_start(&self->ended_timer, on_ask_again, wait_ms, 0);
}

static void ended_known(void *context, const answer_t *answer)
{
    home_t *self = context;
    self->ended_ticket = 0;
    if (answer->err != ERR_OK || answer->schema != &accounts_ended_schema) {
        ask_again_later(self);
        return;
    }
    const accounts_ended_t *ended = answer->message;
    bool is_missed = STEAL(self->is_ended_missed);
    for (uint32_t i = 0; i < ended->sessions.count; i++) {
        str_t sid = ended->sessions.items[i].sid;
        token_verifier_end_session(self->verifier, sid, ended->sessions.items[i].ended_at);
        if (is_missed)
            tell_sockets(self, &(session_ended_t){.sid = sid});
    }
}

static void ask_ended(home_t *self)
{
    self->ended_ticket =
        edge_ask(self->edge, address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
                 ended_known, self, accounts_get_ended);
}

static void stop_asking(home_t *self)
{
    if (self->ended_ticket != 0)
        edge_cancel(self->edge, self->ended_ticket);
    self->ended_ticket = 0;
    uv_timer_stop(&self->ended_timer);
}

/* What an ask that is under way brings may be older. */
static void find_ended(home_t *self)
{
    stop_asking(self);
    self->ended_tries = 0;
    self->ended_until_ms = clock_mono_ms(&self->api->clock) + TOKEN_ENDED_MS;
    ask_ended(self);
}

static void session_has_ended(void *context, str_t topic, const schema_t *schema,
                              const void *message)
{
    home_t *self = context;
    (void)topic;
    if (schema == &topic_gap_schema) {
        self->is_ended_missed = true;
        find_ended(self);
    } else if (schema == &session_ended_schema) {
        const session_ended_t *ended = message;
        token_verifier_end_session(self->verifier, ended->sid, clock_wall_ms(&self->api->clock));
        tell_sockets(self, ended);
    }
}

/* ---- the home ---- */

err_t home_init(home_t *self, const api_t *api, edge_t *edge)
{
    *self = (home_t){.api = api, .edge = edge};
    TRY(token_verifier_new(api->keyring, &self->verifier));
    self->ended = edge_subscribe(edge, TOPIC_SESSIONS_ENDED, session_has_ended, self);
    if (self->ended == NULL) {
        token_verifier_free(STEAL(self->verifier));
        return ERR_NO_MEMORY;
    }
    /* Never fails. */
    uv_timer_init(runtime_loop(api->runtime, edge_scheduler(edge)), &self->ended_timer);
    find_ended(self);
    return ERR_OK;
}

static void on_closed(uv_handle_t *handle)
{
    const home_t *self = CONTAINER_OF(handle, home_t, ended_timer);
    self->closed(self->closed_context);
}

void home_close(home_t *self, void (*closed)(void *context), void *context)
{
    if (self->ended == NULL) {
        closed(context);
        return;
    }
    stop_asking(self);
    edge_unsubscribe(&self->ended);
    token_verifier_free(STEAL(self->verifier));
    self->closed = closed;
    self->closed_context = context;
    uv_close((uv_handle_t *)&self->ended_timer, on_closed);
}
