/* membership_probe.c -- who is probed, by whom, and what their silence means. */

#include "cluster/membership_parts.h"
#include "runtime/base/mix.h"

static uint64_t place_of(uint64_t node, uint32_t ring)
{
    return mix64(node * MEMBERSHIP_RINGS + ring + 1);
}

/* watch_count: it is not watched. */
static uint32_t watch_index(const membership_t *self, uint64_t node)
{
    uint32_t i = 0;
    while (i < self->watch_count && self->watches[i].node != node)
        i++;
    return i;
}

static watch_t *watch_of(membership_t *self, uint64_t node)
{
    uint32_t i = watch_index(self, node);
    return i == self->watch_count ? NULL : &self->watches[i];
}

bool membership_is_suspect(const membership_t *self, uint64_t node)
{
    uint32_t i = watch_index(self, node);
    return i < self->watch_count && self->watches[i].is_suspect;
}

bool membership_does_answer(const membership_t *self, uint64_t node, uint64_t now_ms)
{
    const note_t *note = membership_note(self, node);
    return note != NULL && note->is_heard &&
           now_ms - note->heard_ms < self->lease_ms * MEMBERSHIP_SILENT_LEASES;
}

bool membership_has_suspects(const membership_t *self)
{
    for (uint32_t i = 0; i < self->watch_count; i++)
        if (self->watches[i].is_suspect)
            return true;
    return false;
}

/* ---- whom to probe ---- */

/* The live member behind `after` on a ring; 0: there is none but oneself. */
static uint64_t successor(const membership_t *self, uint32_t ring, uint64_t after)
{
    uint64_t best = 0, best_distance = UINT64_MAX, from = place_of(after, ring);
    for (uint32_t i = 0; i < self->view.count; i++) {
        const member_t *member = &self->view.members[i];
        if (!member_is_live(member) || member->node == after)
            continue;
        uint64_t distance = place_of(member->node, ring) - from; /* around the ring */
        if (distance < best_distance) {
            best_distance = distance;
            best = member->node;
        }
    }
    return best;
}

typedef struct chosen {
    uint64_t nodes[MEMBERSHIP_WATCHES_MAX];
    uint32_t count;
} chosen_t;

static bool choose(chosen_t *self, uint64_t node)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->nodes[i] == node)
            return true;
    if (self->count == MEMBERSHIP_WATCHES_MAX)
        return false;
    self->nodes[self->count++] = node;
    return true;
}

/* On each ring the next, and past a suspect the next again: so whoever is dead comes to be probed
 * by all rings' next living ones, however many die at once. On the first ring the next two: two
 * must vote, and on different rings the one before may be the same. */
static void choose_on_ring(const membership_t *self, uint32_t ring, chosen_t *out)
{
    uint32_t wanted = ring == 0 ? 2 : 1;
    uint64_t node = successor(self, ring, self->self.node);
    for (uint32_t i = 0; i < self->view.count && node != 0 && node != self->self.node; i++) {
        if (!choose(out, node))
            return;
        wanted -= !membership_is_suspect(self, node);
        if (wanted == 0)
            return;
        node = successor(self, ring, node);
    }
}

void membership_choose_watches(membership_t *self, uint64_t now_ms)
{
    watch_t before[MEMBERSHIP_WATCHES_MAX];
    uint32_t before_count = self->watch_count;
    const member_t *me = view_find(&self->view, self->self.node);
    chosen_t chosen = {0};
    if (me != NULL && member_is_live(me))
        for (uint32_t ring = 0; ring < MEMBERSHIP_RINGS; ring++)
            choose_on_ring(self, ring, &chosen);
    memcpy(before, self->watches, before_count * sizeof before[0]);
    for (uint32_t i = 0; i < chosen.count; i++) {
        watch_t watch = {.node = chosen.nodes[i], .next_ms = now_ms};
        for (uint32_t j = 0; j < before_count; j++)
            if (before[j].node == watch.node)
                watch = before[j];
        self->watches[i] = watch;
    }
    self->watch_count = chosen.count;
}

/* ---- one who is probed ---- */

/* Of one whose process ended the links know at once: what it takes to answer has been learnt from
 * another, or not yet. */
static uint64_t patience_ms(const membership_t *self, const watch_t *watch)
{
    uint64_t least = self->beat_ms / 2, most = watch->is_down ? least : self->beat_ms;
    uint64_t limit = suspicion_limit_ms(&watch->took, least, most);
    return limit * (2 + self->health) / 2;
}

static void feel_worse(membership_t *self, uint32_t by)
{
    self->health = MIN(self->health + by, (uint32_t)MEMBERSHIP_HEALTH_MAX);
}

static void send_probe(membership_t *self, watch_t *watch, uint64_t now_ms)
{
    watch->is_out = true;
    watch->sent_ms = now_ms;
    membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_PROBE,
                                              .node = watch->node,
                                              .sent_ms = now_ms,
                                              .version = self->view.version});
}

/* Two others, others each time. */
static void ask_helpers(membership_t *self, const watch_t *watch)
{
    uint64_t first = mix64(watch->node + watch->sent_ms);
    uint32_t asked = 0;
    for (uint32_t i = 0; i < self->view.count && asked < MEMBERSHIP_HELPERS; i++) {
        const member_t *helper = &self->view.members[(first + i) % self->view.count];
        if (!member_is_live(helper) || helper->node == self->self.node ||
            helper->node == watch->node || membership_is_suspect(self, helper->node))
            continue;
        asked++;
        membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_ASK_FOR,
                                                  .node = helper->node,
                                                  .about = watch->node});
    }
}

/* True: it has become suspect. */
static bool miss(membership_t *self, watch_t *watch, uint64_t now_ms)
{
    watch->is_out = false;
    watch->next_ms = now_ms;
    watch->misses++;
    ask_helpers(self, watch);
    if (watch->misses < MEMBERSHIP_MISSES_MAX || watch->is_suspect)
        return false;
    watch->is_suspect = true;
    return true;
}

/* True: whom to probe has changed. */
static bool probe_one(membership_t *self, watch_t *watch, uint64_t now_ms)
{
    bool is_changed = false;
    if (watch->is_out && now_ms - watch->sent_ms >= patience_ms(self, watch))
        is_changed = miss(self, watch, now_ms);
    if (!watch->is_out && now_ms >= watch->next_ms)
        send_probe(self, watch, now_ms);
    return is_changed;
}

/* Paused, or very slow: what did not come meanwhile means nothing. */
static void forgive(membership_t *self, uint64_t now_ms)
{
    feel_worse(self, 2);
    for (uint32_t i = 0; i < self->watch_count; i++) {
        watch_t *watch = &self->watches[i];
        watch->is_out = false;
        watch->next_ms = now_ms;
        watch->misses = 0;
    }
}

void membership_probe_all(membership_t *self, uint64_t now_ms)
{
    bool is_wanted = self->state == MEMBERSHIP_JOINING || membership_is_table_away(self, now_ms);
    if (!is_wanted || now_ms < self->wide_ms)
        return;
    self->wide_ms = now_ms + self->beat_ms;
    membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_PROBE_ALL,
                                              .sent_ms = now_ms,
                                              .version = self->view.version});
}

void membership_probe(membership_t *self, uint64_t now_ms)
{
    bool is_changed = false;
    if (self->state == MEMBERSHIP_STARTING)
        return;
    if (now_ms - self->ticked_ms > self->beat_ms)
        forgive(self, now_ms);
    for (uint32_t i = 0; i < self->watch_count; i++)
        is_changed = probe_one(self, &self->watches[i], now_ms) || is_changed;
    if (is_changed)
        membership_choose_watches(self, now_ms);
    membership_probe_all(self, now_ms);
}

void membership_link_lost(membership_t *self, uint64_t node, uint64_t now_ms)
{
    watch_t *watch = watch_of(self, node);
    if (watch == NULL)
        return;
    watch->is_down = true;
    if (!watch->is_out)
        watch->next_ms = now_ms;
}

/* ---- what comes in ---- */

void membership_probed(membership_t *self, uint64_t node, uint64_t sent_ms, uint64_t version)
{
    const member_t *member = view_find(&self->view, node);
    bool is_member = member != NULL && member->status != MEMBER_DEAD;
    membership_want_read(self, version);
    if (self->state == MEMBERSHIP_STOPPED || self->is_drained)
        return; /* nobody's lease counts on one that is gone */
    membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_ANSWER,
                                              .node = node,
                                              .sent_ms = sent_ms,
                                              .version = self->view.version,
                                              .is_member = is_member});
}

static void is_there(membership_t *self, watch_t *watch)
{
    bool was_suspect = watch->is_suspect;
    watch->misses = 0;
    watch->is_suspect = watch->is_down = false;
    if (was_suspect)
        membership_choose_watches(self, watch->next_ms);
}

static void watched_answered(membership_t *self, watch_t *watch, uint64_t sent_ms, uint64_t now_ms)
{
    suspicion_add(&watch->took, now_ms - sent_ms);
    if (self->health > 0 && watch->misses == 0)
        self->health--;
    watch->vouches = 0;
    if (watch->is_out && sent_ms >= watch->sent_ms) {
        watch->is_out = false;
        watch->next_ms = sent_ms + self->beat_ms;
    }
    is_there(self, watch);
}

static void answer_relays(membership_t *self, uint64_t about, uint64_t sent_ms)
{
    for (uint32_t i = 0; i < MEMBERSHIP_RELAYS_MAX; i++) {
        relay_t *relay = &self->relays[i];
        if (relay->asker == 0 || relay->about != about || sent_ms < relay->sent_ms)
            continue;
        membership_do(self, (membership_effect_t){
                                .kind = MEMBERSHIP_DO_VOUCH, .node = relay->asker, .about = about});
        *relay = (relay_t){0};
    }
}

void membership_answered(membership_t *self, uint64_t node, uint64_t sent_ms, uint64_t version,
                         bool is_member, uint64_t now_ms)
{
    note_t *note = membership_note(self, node);
    if (sent_ms > now_ms || self->state == MEMBERSHIP_STOPPED)
        return; /* of nobody's clock */
    if (note != NULL && is_member && (!note->is_heard || sent_ms > note->heard_ms)) {
        note->is_heard = true;
        note->heard_ms = sent_ms;
    }
    membership_want_read(self, version);
    answer_relays(self, node, sent_ms);
    watch_t *watch = watch_of(self, node);
    if (watch != NULL)
        watched_answered(self, watch, sent_ms, now_ms);
    if (self->state == MEMBERSHIP_JOINING && membership_has_met_all(self))
        membership_step(self, now_ms);
}

void membership_asked_for(membership_t *self, uint64_t node, uint64_t about, uint64_t now_ms)
{
    for (uint32_t i = 0; i < MEMBERSHIP_RELAYS_MAX; i++) {
        relay_t *relay = &self->relays[i];
        if (relay->asker != 0 && now_ms - relay->sent_ms < self->lease_ms)
            continue;
        *relay = (relay_t){node, about, now_ms};
        membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_PROBE,
                                                  .node = about,
                                                  .sent_ms = now_ms,
                                                  .version = self->view.version});
        return;
    }
}

void membership_vouched(membership_t *self, uint64_t about, uint64_t now_ms)
{
    watch_t *watch = watch_of(self, about);
    if (watch == NULL || watch->misses == 0 || watch->vouches >= MEMBERSHIP_VOUCHES_MAX)
        return;
    watch->vouches++;
    watch->next_ms = now_ms;
    feel_worse(self, 1);
    is_there(self, watch);
}

void membership_told(membership_t *self, uint64_t version, uint64_t now_ms)
{
    membership_want_read(self, version);
    membership_step(self, now_ms);
}
