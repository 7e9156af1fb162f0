#include "runtime/durable/outbox.h"

#include "runtime/base/memory.h"

#include <string.h>

void outbox_free(outbox_t *self)
{
    if (self == NULL)
        return;
    while (self->lanes != NULL) {
        letter_lane_t *lane = self->lanes;
        self->lanes = lane->next;
        while (lane->first != NULL) {
            letter_t *letter = lane->first;
            lane->first = letter->next;
            memory_free(letter);
        }
        memory_free(lane);
    }
    while (self->dead != NULL) {
        letter_t *letter = self->dead;
        self->dead = letter->next;
        memory_free(letter);
    }
    for (uint32_t i = 0; i < self->sender_count; i++)
        memory_free(self->senders[i].stream);
    memory_free(self->senders);
    memory_free(self);
}

/* ---- letters ---- */

static str_t body_of(const outbox_sent_t *sent)
{
    return str_is_empty(sent->personal) ? sent->body : sent->personal;
}

static size_t size_of(const outbox_sent_t *sent)
{
    return sent->kind.size + sent->key.size + sent->name.size + body_of(sent).size;
}

err_t outbox_room(const outbox_t *self, const outbox_sent_t *sent)
{
    size_t size = self == NULL ? 0 : self->size;
    bool is_full =
        outbox_count(self) >= OUTBOX_LETTERS_MAX || size + size_of(sent) > OUTBOX_SIZE_MAX;
    return is_full ? ERR_LIMIT : ERR_OK;
}

static str_t keep(char **at, str_t s)
{
    char *copy = *at;
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    *at += s.size;
    return str_of(copy, s.size);
}

static letter_t *letter_new(uint64_t number, const outbox_sent_t *sent)
{
    letter_t *self = memory_new(sizeof *self + size_of(sent));
    if (self == NULL)
        return NULL;
    char *at = (char *)(self + 1);
    self->number = number;
    self->size = size_of(sent);
    self->kind = keep(&at, sent->kind);
    self->key = keep(&at, sent->key);
    self->name = keep(&at, sent->name);
    self->body = keep(&at, body_of(sent));
    self->is_personal = !str_is_empty(sent->personal);
    self->trace = sent->trace;
    self->is_elsewhere = self->is_personal && !str_is_empty(sent->subject);
    return self;
}

/* Of its receiver; a new one has to be filled at once. NULL: no memory. */
static letter_lane_t *lane_to(outbox_t *self, const letter_t *letter)
{
    letter_lane_t **at = &self->lanes;
    for (; *at != NULL; at = &(*at)->next) {
        const letter_t *first = (*at)->first;
        if (str_equal(first->kind, letter->kind) && str_equal(first->key, letter->key))
            return *at;
    }
    letter_lane_t *lane = memory_new(sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->end = &lane->first;
    *at = lane;
    return lane;
}

static void enqueue(outbox_t *self, letter_lane_t *lane, letter_t *letter)
{
    letter->next = NULL;
    letter->dead = ERR_OK;
    *lane->end = letter;
    lane->end = &letter->next;
    self->waiting_count++;
}

err_t outbox_add(outbox_t *self, uint64_t number, uint64_t written, const outbox_sent_t *sent)
{
    letter_t *letter = letter_new(number, sent);
    letter_lane_t *lane = letter == NULL ? NULL : lane_to(self, letter);
    if (lane == NULL) {
        memory_free(letter);
        return ERR_NO_MEMORY;
    }
    enqueue(self, lane, letter);
    letter->written = written;
    self->size += letter->size;
    return ERR_OK;
}

letter_lane_t *outbox_lane_of(const outbox_t *self, uint64_t number)
{
    letter_lane_t *lane = self->lanes;
    while (lane != NULL && lane->first->number != number)
        lane = lane->next;
    return lane;
}

void outbox_inherit(const outbox_t *self, const outbox_t *before, bool has_asks)
{
    if (self == NULL || before == NULL)
        return;
    for (const letter_lane_t *old = before->lanes; old != NULL; old = old->next) {
        letter_lane_t *lane = outbox_lane_of(self, old->first->number);
        if (lane == NULL)
            continue;
        lane->refusals = old->refusals;
        lane->tries = old->tries;
        lane->due_ms = old->due_ms;
        lane->attempt = has_asks ? old->attempt : 0;
        lane->is_lost = !has_asks && old->attempt != 0;
        lane->is_rebuilt = has_asks;
    }
}

static void lane_is_done(outbox_t *self, letter_lane_t *lane)
{
    letter_lane_t **at = &self->lanes;
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    memory_free(lane);
}

/* Out of whichever lane it is in. NULL: none. */
static letter_t *take_waiting(outbox_t *self, uint64_t number)
{
    for (letter_lane_t *lane = self->lanes; lane != NULL; lane = lane->next) {
        for (letter_t **at = &lane->first; *at != NULL; at = &(*at)->next) {
            letter_t *letter = *at;
            if (letter->number != number)
                continue;
            if (at == &lane->first) { /* what was known of it is not of the next one */
                lane->refusals = lane->tries = 0;
                lane->attempt = lane->due_ms = 0;
            }
            *at = letter->next;
            if (lane->end == &letter->next)
                lane->end = at;
            self->waiting_count--;
            if (lane->first == NULL)
                lane_is_done(self, lane);
            return letter;
        }
    }
    return NULL;
}

letter_t *outbox_dead_letter(const outbox_t *self, uint64_t number)
{
    letter_t *letter = self->dead;
    while (letter != NULL && letter->number != number)
        letter = letter->next;
    return letter;
}

static letter_t *take_dead(outbox_t *self, uint64_t number)
{
    letter_t **at = &self->dead;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    letter_t *letter = *at;
    if (letter == NULL)
        return NULL;
    *at = letter->next;
    self->dead_count--;
    return letter;
}

bool outbox_remove(outbox_t *self, uint64_t number)
{
    letter_t *letter = take_waiting(self, number);
    if (letter == NULL)
        letter = take_dead(self, number);
    if (letter == NULL)
        return false;
    self->size -= letter->size;
    memory_free(letter);
    return true;
}

void outbox_die(outbox_t *self, uint64_t number, err_t err)
{
    letter_t *letter = take_waiting(self, number);
    if (letter == NULL)
        return;
    letter->dead = err == ERR_OK ? ERR_INTERNAL : err;
    letter_t **at = &self->dead;
    while (*at != NULL)
        at = &(*at)->next;
    letter->next = NULL;
    *at = letter;
    self->dead_count++;
}

err_t outbox_revive(outbox_t *self, uint64_t number, uint64_t as)
{
    letter_t *letter = outbox_dead_letter(self, number);
    if (letter == NULL)
        return ERR_NOT_FOUND;
    letter_lane_t *lane = lane_to(self, letter); /* made while it is still where it is */
    if (lane == NULL)
        return ERR_NO_MEMORY;
    (void)take_dead(self, number);
    letter->number = as;
    enqueue(self, lane, letter);
    return ERR_OK;
}

/* ---- senders ---- */

/* The place of it, or where it would be. */
static uint32_t place_of(const outbox_t *self, str_t sender, bool *out_is_there)
{
    uint32_t low = 0, high = self->sender_count;
    *out_is_there = false;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const known_sender_t *known = &self->senders[middle];
        int order = str_compare(str_of(known->stream, known->stream_size), sender);
        if (order == 0) {
            *out_is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t outbox_taken_of(const outbox_t *self, str_t sender)
{
    bool is_there;
    uint32_t place = self == NULL ? 0 : place_of(self, sender, &is_there);
    return self == NULL || !is_there ? 0 : self->senders[place].number;
}

/* Of those there are. */
static uint32_t oldest_sender(const outbox_t *self)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < self->sender_count; i++)
        if (self->senders[i].wall_ms < self->senders[oldest].wall_ms)
            oldest = i;
    return oldest;
}

bool outbox_has_place(const outbox_t *self, str_t sender, int64_t wall_ms)
{
    if (self == NULL || self->sender_count < OUTBOX_SENDERS_MAX ||
        outbox_taken_of(self, sender) != 0)
        return true;
    return self->senders[oldest_sender(self)].wall_ms < wall_ms - OUTBOX_SENDER_KEPT_MS;
}

static void forget_one(outbox_t *self)
{
    uint32_t oldest = oldest_sender(self);
    memory_free(self->senders[oldest].stream);
    memmove(&self->senders[oldest], &self->senders[oldest + 1],
            (--self->sender_count - oldest) * sizeof *self->senders);
}

static err_t make_room(outbox_t *self)
{
    if (self->sender_count < self->sender_capacity)
        return ERR_OK;
    uint32_t capacity = MAX(8U, self->sender_capacity * 2);
    known_sender_t *senders = memory_resize(self->senders, capacity, sizeof *senders);
    if (senders == NULL)
        return ERR_NO_MEMORY;
    self->senders = senders;
    self->sender_capacity = capacity;
    return ERR_OK;
}

err_t outbox_take_of(outbox_t *self, str_t sender, uint64_t number, int64_t wall_ms)
{
    bool is_there;
    uint32_t place = place_of(self, sender, &is_there);
    if (is_there) {
        known_sender_t *known = &self->senders[place];
        known->number = MAX(known->number, number);
        known->wall_ms = MAX(known->wall_ms, wall_ms);
        return ERR_OK;
    }
    TRY(make_room(self));
    char *stream = memory_new(MAX(sender.size, (size_t)1));
    if (stream == NULL)
        return ERR_NO_MEMORY;
    if (self->sender_count == OUTBOX_SENDERS_MAX)
        forget_one(self);
    memcpy(stream, sender.data, sender.size);
    place = place_of(self, sender, &is_there);
    memmove(&self->senders[place + 1], &self->senders[place],
            (self->sender_count - place) * sizeof *self->senders);
    self->senders[place] = (known_sender_t){stream, (uint32_t)sender.size, number, wall_ms};
    self->sender_count++;
    return ERR_OK;
}
