#include "node/cluster/mover.h"

#include "node/cluster/move_wire.h"
#include "runtime/base/memory.h"
#include "runtime/base/thread.h"
#include "runtime/remote/holding.h"
#include "runtime/remote/vacates.h"
#include "storage/postgres/pg.h"

#include <pthread.h>
#include <time.h>

enum { ANSWER_MS = 5000, MOVER_STEP_MS = 3 };

struct mover {
    char *database;
    mesh_t *mesh;
    members_t *members;
    runtime_t *runtime;
    partition_epochs_t *epochs;
    const ms_log_t *log;
    void (*gained)(void *context);
    void *context;
    thread_slot_t asker, vacater;
    pg_t *pg; /* the asker's */
    pg_patience_t patience;
    partition_claim_t *claims; /* the asker's, PARTITION_COUNT */
    handover_item_t *rows;
    holding_t *holding;
    pthread_cond_t asked, vacating;
    pthread_mutex_t lock; /* of what follows; nobody who holds it waits for anything */
    handover_t *handover;
    placement_t *placements[2]; /* the first one is borrowed by the state machine */
    uint64_t view_version;
    handover_item_t heard[HANDOVER_BATCH_MAX];
    handover_effect_t question; /* for the fence; its items are good until it is answered */
    bool is_asked, is_stopping;
    vacates_t vacates;
    uint32_t rested[PARTITION_COUNT];
};

/* ---- what the state machine wants, with the lock held ---- */

static err_t write_message(void *context, buf_t *out)
{
    return move_message_write(context, out);
}

/* What can't be sent is asked for again. */
static void send_one(const mover_t *self, uint64_t node, const handover_message_t *message)
{
    handover_message_t copy = *message;
    IGNORE_ERR(mesh_write(self->mesh, node, (link_way_t){LINK_DATA, LINK_HANDOVER, false},
                          write_message, &copy));
}

static void send_all(const mover_t *self, const handover_message_t *message)
{
    roster_t *roster ROSTER_SCOPED = members_roster(self->members);
    for (uint32_t i = 0; roster != NULL && i < roster->view.count; i++) {
        const member_t *member = &roster->view.members[i];
        if (member->status != MEMBER_DEAD && member->node != members_node(self->members))
            send_one(self, member->node, message);
    }
}

/* A partition that is another's, or nobody's, can't be appended to any more; one that comes here
 * can be before anybody may serve it. */
static void place(const mover_t *self, const handover_item_t *item, bool is_travelling)
{
    bool is_ours = item->node == members_node(self->members);
    if (item->node != HANDOVER_HELD)
        partition_epochs_set(self->epochs, item->partition, is_ours ? item->epoch : 0);
    if (holding_place(self->holding, item->partition, item->node, is_travelling) != ERR_OK)
        log_error(self->log, "cluster", "partition %u can't be placed", item->partition);
}

static void route(const mover_t *self, const handover_effect_t *effect)
{
    bool is_gain = false;
    for (size_t i = 0; i < effect->count; i++) {
        place(self, &effect->items[i], effect->is_travelling);
        is_gain = is_gain || effect->items[i].node == members_node(self->members);
    }
    if (is_gain)
        self->gained(self->context);
}

static void vacate(mover_t *self, const handover_effect_t *effect)
{
    vacate_t *vacate = vacates_begin(&self->vacates);
    for (size_t i = 0; i < effect->count; i++) {
        const handover_item_t item = {effect->items[i].partition, 0, HANDOVER_HELD};
        place(self, &item, false);
        partition_set_add(&vacate->set, item.partition);
    }
    pthread_cond_signal(&self->vacating);
}

static void carry_out(mover_t *self)
{
    handover_effect_t effect;
    while (handover_next(self->handover, &effect)) {
        switch (effect.kind) {
        case HANDOVER_DO_ROUTE:
            route(self, &effect);
            break;
        case HANDOVER_DO_VACATE:
            vacate(self, &effect);
            break;
        case HANDOVER_DO_SEND:
            send_one(self, effect.node, &effect.message);
            break;
        case HANDOVER_DO_SEND_ALL:
            send_all(self, &effect.message);
            break;
        case HANDOVER_DO_READ:
        case HANDOVER_DO_CLAIM:
            self->question = effect;
            self->is_asked = true;
            pthread_cond_signal(&self->asked);
            break;
        }
    }
}

/* ---- the fence, on the thread ---- */

static err_t connected(mover_t *self)
{
    if (self->pg != NULL && pg_is_usable(self->pg))
        return ERR_OK;
    pg_close(STEAL(self->pg));
    return pg_open(&(pg_options_t){.address = self->database,
                                   .application = "musicstream fence",
                                   .timeout_ms = ANSWER_MS,
                                   .log = self->log,
                                   .patience = &self->patience},
                   &self->pg);
}

static void take_rows(mover_t *self, const partition_claim_t *claims, size_t count)
{
    for (size_t i = 0; i < count; i++)
        self->rows[i] = (handover_item_t){claims[i].partition, claims[i].epoch, claims[i].owner};
}

/* All of them are read: which were asked for is looked up in them. */
static err_t read_rows(mover_t *self, const handover_effect_t *question, uint64_t *out_version)
{
    TRY(partitions_read(self->pg, self->claims, out_version));
    for (size_t i = 0; i < question->count; i++) {
        const partition_claim_t *row = &self->claims[question->items[i].partition];
        self->rows[i] = (handover_item_t){row->partition, row->epoch, row->owner};
    }
    return ERR_OK;
}

static err_t claim_rows(mover_t *self, const handover_effect_t *question, uint64_t version)
{
    const partitions_taker_t taker = {members_node(self->members), version, self->log};
    for (size_t i = 0; i < question->count; i++)
        self->claims[i] = (partition_claim_t){.partition = question->items[i].partition,
                                              .owner = question->node,
                                              .epoch = question->items[i].epoch};
    TRY(partitions_take(self->pg, &taker, self->claims, question->count, self->epochs));
    take_rows(self, self->claims, question->count);
    return ERR_OK;
}

static err_t ask_fence(mover_t *self, const handover_effect_t *question, uint64_t *version)
{
    TRY(connected(self));
    if (question->kind == HANDOVER_DO_CLAIM)
        return claim_rows(self, question, *version);
    return read_rows(self, question, version);
}

static void answer(mover_t *self, err_t err, uint64_t version, size_t count)
{
    uint64_t now_ms = members_now_ms(self->members);
    if (err == ERR_OK)
        handover_rows(self->handover, version, self->rows, count, now_ms);
    else
        handover_away(self->handover, now_ms);
    carry_out(self);
}

/* With the lock held, which is let go while the fence is asked. */
static void ask(mover_t *self)
{
    handover_effect_t question = self->question;
    uint64_t version = self->view_version;
    self->is_asked = false;
    pthread_mutex_unlock(&self->lock);
    err_t err = ask_fence(self, &question, &version);
    if (err != ERR_OK && err != ERR_CONFLICT && err != ERR_UNAVAILABLE)
        log_warning(self->log, "cluster", "who owns what can't be asked of the database: %s",
                    err_text(err));
    pthread_mutex_lock(&self->lock);
    answer(self, err, version, question.count);
}

static void *asker_main(void *context)
{
    thread_name("mover-ask");
    mover_t *self = context;
    pthread_mutex_lock(&self->lock);
    while (!self->is_stopping) {
        if (self->is_asked)
            ask(self);
        else
            pthread_cond_wait(&self->asked, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* ---- coming to rest, on a thread of its own ---- */

/* What was emitted there is durable, or never will be. */
static void vacated(mover_t *self, const partition_set_t *set)
{
    size_t count = 0;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++) {
        if (!partition_set_has(set, i))
            continue;
        partition_epochs_set(self->epochs, i, 0);
        self->rested[count++] = i;
    }
    handover_vacated(self->handover, self->rested, count, members_now_ms(self->members));
    carry_out(self);
}

/* With the lock held, which is let go for the walk. More may be added to the set meanwhile. */
static bool step(mover_t *self, size_t index)
{
    vacate_t vacate = self->vacates.items[index];
    pthread_mutex_unlock(&self->lock);
    uint64_t left = vacate_step(self->runtime, &vacate, members_now_ms(self->members));
    pthread_mutex_lock(&self->lock);
    return vacates_walked(&self->vacates, index, &vacate, left);
}

static void step_all(mover_t *self)
{
    for (size_t i = 0; i < self->vacates.count;) {
        if (!step(self, i)) {
            i++;
            continue;
        }
        partition_set_t set = vacates_take(&self->vacates, i);
        vacated(self, &set);
    }
}

static void *vacater_main(void *context)
{
    thread_name("mover-vacate");
    mover_t *self = context;
    pthread_mutex_lock(&self->lock);
    while (!self->is_stopping) {
        const struct timespec pause = {.tv_nsec = MOVER_STEP_MS * 1000000L};
        if (self->vacates.count == 0) {
            pthread_cond_wait(&self->vacating, &self->lock);
            continue;
        }
        step_all(self);
        pthread_mutex_unlock(&self->lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* ---- life ---- */

/* Who sent a request knows a newer view: it is in the table. */
static void view_differs(void *context, UNUSED uint64_t from, uint64_t version)
{
    const mover_t *self = context;
    if (version > runtime_view(self->runtime))
        members_told(self->members, version);
}

static bool is_free(void *context, uint64_t node, UNUSED uint64_t now_ms)
{
    const mover_t *self = context;
    return members_is_free(self->members, node);
}

static err_t set_up(mover_t *self, const mover_options_t *options)
{
    const handover_options_t own = {members_node(self->members), is_free, self};
    self->database = str_dup_terminated(str_from(options->database));
    self->claims = memory_new_array(PARTITION_COUNT, sizeof *self->claims);
    self->rows = memory_new_array(PARTITION_COUNT, sizeof *self->rows);
    for (size_t i = 0; i < COUNT_OF(self->placements); i++) {
        self->placements[i] = memory_new(sizeof *self->placements[i]);
        if (self->placements[i] == NULL)
            return ERR_NO_MEMORY;
    }
    if (self->database == NULL || self->claims == NULL || self->rows == NULL)
        return ERR_NO_MEMORY;
    TRY(holding_new(self->runtime, view_differs, self, &self->holding));
    return handover_new(&own, &self->handover);
}

err_t mover_open(const mover_options_t *options, mover_t **out_mover)
{
    mover_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->mesh = options->mesh;
    self->members = options->members;
    self->runtime = options->runtime;
    self->epochs = options->epochs;
    self->log = options->log;
    self->gained = options->gained;
    self->context = options->context;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->asked, NULL);
    pthread_cond_init(&self->vacating, NULL);
    err_t err = set_up(self, options);
    if (err != ERR_OK) {
        mover_release(self);
        mover_close(self);
        return err;
    }
    *out_mover = self;
    return ERR_OK;
}

err_t mover_start(mover_t *self)
{
    TRY(thread_slot_start(&self->asker, asker_main, self));
    return thread_slot_start(&self->vacater, vacater_main, self);
}

void mover_stop(mover_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    pthread_cond_signal(&self->asked);
    pthread_cond_signal(&self->vacating);
    pthread_mutex_unlock(&self->lock);
    pg_patience_end(&self->patience, 0);
    thread_slot_join(&self->asker);
    thread_slot_join(&self->vacater);
}

void mover_abandon(mover_t *self)
{
    for (uint32_t partition = 0; partition < PARTITION_COUNT; partition++)
        IGNORE_ERR(holding_place(self->holding, partition, ROUTER_NOBODY, false));
}

void mover_release(mover_t *self)
{
    holding_free(STEAL(self->holding));
}

void mover_close(mover_t *self)
{
    if (self == NULL)
        return;
    mover_stop(self);
    pg_close(self->pg);
    handover_free(self->handover);
    for (size_t i = 0; i < COUNT_OF(self->placements); i++)
        memory_free(self->placements[i]);
    memory_free(self->claims);
    memory_free(self->rows);
    memory_free(self->database);
    pthread_cond_destroy(&self->asked);
    pthread_cond_destroy(&self->vacating);
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

/* ---- what happens ---- */

/* The state machine borrows one placement while the next is filled in. */
err_t mover_take(mover_t *self, const view_t *view)
{
    placement_t *next = self->placements[1];
    placement_build(next, view, MEMBER_ACTORS);
    pthread_mutex_lock(&self->lock);
    err_t err = handover_take(self->handover, view, next, members_now_ms(self->members));
    if (err == ERR_OK) {
        self->placements[1] = self->placements[0];
        self->placements[0] = next;
        self->view_version = view->version;
        carry_out(self);
    }
    pthread_mutex_unlock(&self->lock);
    return err;
}

void mover_heard(void *context, const link_message_t *bytes)
{
    mover_t *self = context;
    handover_message_t message = {0};
    pthread_mutex_lock(&self->lock);
    if (move_message_read(bytes->payload, self->heard, &message) == ERR_OK) {
        handover_heard(self->handover, bytes->from, &message, members_now_ms(self->members));
        carry_out(self);
    }
    pthread_mutex_unlock(&self->lock);
    if (message.version > 0)
        members_told(self->members, message.version);
}

/* The journal was told by the fence that a partition is not this node's (any more). */
static void doubt_refused(mover_t *self)
{
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        if (handover_route(self->handover, i) == members_node(self->members) &&
            partition_epochs_at(self->epochs, i) != handover_epoch(self->handover, i))
            handover_doubt(self->handover, i);
}

void mover_tick(mover_t *self)
{
    pthread_mutex_lock(&self->lock);
    doubt_refused(self);
    handover_tick(self->handover, members_now_ms(self->members));
    carry_out(self);
    pthread_mutex_unlock(&self->lock);
    holding_expire(self->holding);
}

handover_counts_t mover_counts(mover_t *self)
{
    pthread_mutex_lock(&self->lock);
    handover_counts_t counts = handover_counts(self->handover);
    pthread_mutex_unlock(&self->lock);
    return counts;
}

bool mover_is_settled(mover_t *self, uint64_t version)
{
    pthread_mutex_lock(&self->lock);
    bool is_settled = self->view_version >= version && handover_counts(self->handover).coming == 0;
    pthread_mutex_unlock(&self->lock);
    return is_settled;
}

bool mover_is_empty(mover_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool is_empty = handover_is_empty(self->handover);
    pthread_mutex_unlock(&self->lock);
    return is_empty;
}
