#include "actors/streaming/listen.h"

void listen_start(listen_t *self, int64_t now_ms)
{
    *self = (listen_t){.started_at = now_ms};
}

static int64_t heard(int64_t elapsed_ms, int64_t from_ms, int64_t to_ms)
{
    int64_t time_ms = MIN(MAX(elapsed_ms, 0), LISTEN_GAP_MAX_MS);
    if (to_ms < 0)
        return time_ms;
    int64_t advance_ms = to_ms - from_ms;
    bool is_jump = advance_ms < 0 || advance_ms > MAX(elapsed_ms, 0) + LISTEN_JUMP_MS;
    return is_jump ? 0 : MIN(advance_ms, time_ms);
}

bool listen_credit(listen_t *self, uint32_t duration_ms, int64_t elapsed_ms, int64_t from_ms,
                   int64_t to_ms)
{
    int64_t enough_ms = LISTEN_PLAY_MS;
    if (duration_ms != 0)
        enough_ms = MIN(enough_ms, MAX((int64_t)duration_ms / 2, 1));
    self->listened_ms += heard(elapsed_ms, from_ms, to_ms);
    if (self->is_counted || self->listened_ms < enough_ms)
        return false;
    self->is_counted = true;
    return true;
}

bool listen_is_again(const listen_t *self, uint32_t duration_ms, int64_t from_ms, int64_t to_ms)
{
    if (to_ms >= from_ms)
        return false;
    bool had_ended = duration_ms != 0 && from_ms + LISTEN_JUMP_MS >= duration_ms;
    return had_ended || (self->is_counted && to_ms < LISTEN_RESTART_MS);
}
