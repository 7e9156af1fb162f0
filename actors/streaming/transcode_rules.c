#include "actors/streaming/transcode_rules.h"

bool transcode_is_in(const transcode_range_t *range, uint32_t index)
{
    return index >= range->first && index - range->first < range->count;
}

static bool is_in_any(const transcode_range_t *runs, size_t run_count, uint32_t index)
{
    for (size_t i = 0; i < run_count; i++)
        if (transcode_is_in(&runs[i], index))
            return true;
    return false;
}

transcode_range_t transcode_next_run(uint32_t index, uint32_t ahead, uint32_t segment_count,
                                     const transcode_range_t *runs, size_t run_count,
                                     transcode_has_fn has, const void *context)
{
    transcode_range_t next = {0};
    uint64_t end = MIN((uint64_t)index + ahead + 1, (uint64_t)segment_count);
    if (run_count >= TRANSCODE_RUNS_MAX)
        return next;
    for (uint32_t i = index; i < end; i++) {
        bool is_missing = !is_in_any(runs, run_count, i) && !has(context, i);
        if (is_missing && next.count == 0)
            next.first = i;
        if (is_missing)
            next.count++;
        else if (next.count > 0)
            break;
    }
    return next;
}

uint64_t transcode_retry_ms(err_t err, bool is_fetch, uint32_t failed)
{
    bool may_pass = err == ERR_UNAVAILABLE || err == ERR_TIMEOUT || err == ERR_NO_MEMORY ||
                    err == ERR_CORRUPT; /* on its way */
    if (failed >= TRANSCODE_FAILED_MAX || (err != ERR_BUSY && !(is_fetch && may_pass)))
        return 0;
    return MIN((uint64_t)TRANSCODE_RETRY_MS << (MAX(failed, 1u) - 1),
               (uint64_t)TRANSCODE_RETRY_MS_MAX);
}

err_t transcode_parse_key(str_t key, uint64_t *out_track_id, rendition_t *out_rendition)
{
    uint64_t track_id = 0;
    size_t slash = str_find(key, '/');
    if (slash == key.size)
        return ERR_INVALID;
    TRY(str_to_u64(str_slice(key, 0, slash), &track_id));
    TRY(rendition_from_name(str_slice(key, slash + 1, key.size), out_rendition));
    *out_track_id = track_id;
    return ERR_OK;
}
