#include "node/upkeep.h"

#include "runtime/outbox.h"

static err_t rotate(void *data)
{
    upkeep_t *self = data;
    return keyring_rotate_if_due(self->keyring);
}

static void rotated(void *data, err_t err)
{
    upkeep_t *self = data;
    self->is_running = false;
    if (err != ERR_OK)
        log_error(self->log, "keys", "no new keys could be made, the old ones stay: %s",
                  err_text(err));
}

static void run(uv_timer_t *timer)
{
    upkeep_t *self = timer->data;
    if (self->is_running)
        return;
    self->is_running = true;
    edge_offload(self->edge, OFFLOAD_FILE, rotate, rotated, self);
}

/* ---- who has messages that wait ---- */

typedef struct count {
    uint64_t waiting, dead;
} count_t;

static err_t count_letter(void *context, const outbox_letter_t *letter)
{
    count_t *count = context;
    if (count->waiting + count->dead == UPKEEP_COUNT_MAX)
        return ERR_LIMIT;
    *(letter->dead == ERR_OK ? &count->waiting : &count->dead) += 1;
    return ERR_OK;
}

static err_t count_letters(upkeep_t *self)
{
    count_t count = {0};
    err_t err = outbox_list(self->journal, count_letter, &count);
    if (err != ERR_OK && err != ERR_LIMIT)
        return err;
    atomic_store_explicit(&self->waiting, count.waiting, memory_order_relaxed);
    atomic_store_explicit(&self->dead, count.dead, memory_order_relaxed);
    return ERR_OK;
}

static err_t wake(void *data)
{
    upkeep_t *self = data;
    TRY(runtime_wake_senders(edge_runtime(self->edge), &self->wake_after, UPKEEP_WAKE_PAGE));
    return str_is_empty(buf_str(&self->wake_after)) ? count_letters(self) : ERR_OK;
}

static void run_waking(uv_timer_t *timer);

static void woke(void *data, err_t err)
{
    upkeep_t *self = data;
    if (err != ERR_OK && err != ERR_UNAVAILABLE)
        log_warning(self->log, "outbox", "who has messages that wait is not known: %s",
                    err_text(err));
    self->is_waking = false;
    if (uv_is_closing((uv_handle_t *)&self->waking))
        return;
    bool is_round_over = str_is_empty(buf_str(&self->wake_after)) || err != ERR_OK;
    bool is_rest = is_round_over && !self->is_wake_wanted;
    if (is_round_over)
        self->is_wake_wanted = false;
    uv_timer_start(&self->waking, run_waking, is_rest ? UPKEEP_WAKE_EVERY_MS : UPKEEP_WAKE_PAUSE_MS,
                   0);
}

static void run_waking(uv_timer_t *timer)
{
    upkeep_t *self = timer->data;
    self->is_waking = true;
    edge_offload(self->edge, OFFLOAD_FILE, wake, woke, self);
}

/* A round that is under way has passed some of them: another one follows. */
static void wake_soon(void *context)
{
    upkeep_t *self = context;
    atomic_store(&self->is_called, false);
    if (uv_is_closing((uv_handle_t *)&self->waking))
        return;
    self->is_wake_wanted = self->is_waking;
    if (!self->is_waking)
        uv_timer_start(&self->waking, run_waking, UPKEEP_WAKE_PAUSE_MS, 0);
}

void upkeep_wake(upkeep_t *self)
{
    if (!atomic_exchange(&self->is_called, true) &&
        edge_post(self->edge, wake_soon, self) != ERR_OK)
        atomic_store(&self->is_called, false);
}

/* ---- other nodes' use of the keys ---- */

static err_t follow(void *data)
{
    upkeep_t *self = data;
    privacy_follow(self->rotation);
    if (++self->followed_count % (KEYRING_FOLLOW_MS / VAULT_FOLLOW_MS) == 0)
        IGNORE_ERR(keyring_follow(self->keyring)); /* it goes on with what it has */
    return ERR_OK;
}

static void run_following(uv_timer_t *timer);

static void followed(void *data, UNUSED err_t err)
{
    upkeep_t *self = data;
    if (!uv_is_closing((uv_handle_t *)&self->following))
        uv_timer_start(&self->following, run_following, VAULT_FOLLOW_MS, 0);
}

static void run_following(uv_timer_t *timer)
{
    upkeep_t *self = timer->data;
    edge_offload(self->edge, OFFLOAD_FILE, follow, followed, self);
}

/* ---- blobs ---- */

static void run_tending(uv_timer_t *timer)
{
    const upkeep_t *self = timer->data;
    bool is_chosen =
        self->cluster != NULL && cluster_node_for(self->cluster, MEMBER_BATCH, STR(BLOBS_WORK)) ==
                                     cluster_node_number(self->cluster);
    blobs_tend_if_due(self->blobs, is_chosen); /* a thread of its own does it */
}

/* ---- life ---- */

void upkeep_start(upkeep_t *self)
{
    uv_loop_t *loop = runtime_loop(edge_runtime(self->edge), edge_scheduler(self->edge));
    uv_timer_init(loop, &self->timer);
    uv_timer_init(loop, &self->waking);
    uv_timer_init(loop, &self->following);
    uv_timer_init(loop, &self->tending);
    self->timer.data = self->waking.data = self->following.data = self->tending.data = self;
    self->open_timers = 4;
    self->wake_after = BUF_INIT;
    uv_timer_start(&self->timer, run, 0, UPKEEP_EVERY_MS);
    uv_timer_start(&self->waking, run_waking, 0, 0);
    uv_timer_start(&self->tending, run_tending, UPKEEP_TEND_LOOK_MS, UPKEEP_TEND_LOOK_MS);
    if (vault_is_shared(self->rotation->vault))
        uv_timer_start(&self->following, run_following, VAULT_FOLLOW_MS, 0);
}

static void timer_closed(uv_handle_t *handle)
{
    upkeep_t *self = handle->data;
    if (--self->open_timers == 0)
        self->stopped(self->stopped_context);
}

void upkeep_stop(upkeep_t *self, void (*stopped)(void *context), void *context)
{
    self->stopped = stopped;
    self->stopped_context = context;
    uv_close((uv_handle_t *)&self->timer, timer_closed);
    uv_close((uv_handle_t *)&self->waking, timer_closed);
    uv_close((uv_handle_t *)&self->following, timer_closed);
    uv_close((uv_handle_t *)&self->tending, timer_closed);
}

void upkeep_deinit(upkeep_t *self)
{
    buf_deinit(&self->wake_after);
}
