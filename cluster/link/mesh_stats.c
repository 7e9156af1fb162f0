#include "cluster/link/mesh_parts.h"

static uint64_t get(const atomic_uint_least64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t quiet_ms(const lane_t *lane, uint64_t now_ns)
{
    uint64_t since_ns = get(&lane->quiet_ns);
    return since_ns == 0 || since_ns > now_ns ? 0 : (now_ns - since_ns) / 1000000;
}

static void lane_stats(lane_t *lane, uint64_t now_ns, link_lane_stats_t *out)
{
    outbound_t *sending = &lane->out;
    const inbound_t *receiving = &lane->in;
    *out = (link_lane_stats_t){
        .sent_frames = get(&sending->frames),
        .resent_frames = get(&sending->resent),
        .unacknowledged = get(&sending->unacknowledged),
        .quiet_ms = quiet_ms(lane, now_ns),
        .received_messages = get(&receiving->messages),
        .received_bytes = get(&receiving->bytes),
        .received_frames = get(&receiving->frames),
        .gaps = get(&receiving->gaps),
        .repeats = get(&receiving->repeats),
        .refused = get(&receiving->refused),
    };
    pthread_mutex_lock(&sending->lock);
    out->sent_messages = sending->written_messages;
    out->sent_bytes = sending->written_bytes;
    out->waiting_bytes = sending->waiting_bytes;
    out->busy = sending->busy;
    pthread_mutex_unlock(&sending->lock);
}

size_t mesh_peer_stats(mesh_t *self, link_stats_t *out, size_t count)
{
    uint64_t now_ns = clock_mono_ns(&self->options.clock);
    pthread_mutex_lock(&self->lock);
    size_t all = self->link_count;
    for (size_t i = 0; i < MIN(all, count); i++) {
        mesh_link_t *link = self->links[i];
        out[i] = (link_stats_t){
            .node = link->node,
            .is_up = mesh_link_is_up(link),
            .breaks = get(&link->breaks),
            .round_us = get(&link->round_us),
        };
        for (int lane = 0; lane < LINK_LANES; lane++)
            lane_stats(&link->lanes[lane], now_ns, &out[i].lanes[lane]);
    }
    pthread_mutex_unlock(&self->lock);
    return all;
}

void mesh_stats(const mesh_t *self, mesh_stats_t *out)
{
    *out = (mesh_stats_t){
        .strangers = get(&self->strangers),
        .unproved = get(&self->unproved),
        .garbage = get(&self->garbage),
        .lost = get(&self->lost),
        .wakes = get(&self->wakes),
        .spins = get(&self->spins),
        .spun_us = get(&self->spun_ns) / 1000,
    };
}
