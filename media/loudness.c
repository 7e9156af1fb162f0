#include "media/loudness.h"

#include "media/pcm.h"
#include "runtime/base/memory.h"

#include <ebur128.h>
#include <math.h>

enum { CHUNK_SAMPLES = 4096, GATE_LUFS = -70 };

static err_t feed(ebur128_state *state, pcm_t *pcm)
{
    float *chunk MEMORY_SCOPED =
        memory_new_array((size_t)CHUNK_SAMPLES * pcm->form.channels, sizeof *chunk);
    if (chunk == NULL)
        return ERR_NO_MEMORY;
    uint32_t got;
    do {
        TRY(pcm_read_some(pcm, (void *const[]){chunk}, CHUNK_SAMPLES, &got));
        if (got > 0 && ebur128_add_frames_float(state, chunk, got) != EBUR128_SUCCESS)
            return ERR_NO_MEMORY;
    } while (got > 0);
    return ERR_OK;
}

static err_t measure(int fd, const char *name, ebur128_state **out_state,
                     media_loudness_track_t *out)
{
    pcm_t pcm PCM_SCOPED = {0};
    TRY(pcm_open(&pcm, fd, name, &(pcm_form_t){.format = AV_SAMPLE_FMT_FLT}, 0));
    if (pcm.form.channels > MEDIA_CHANNELS_MAX)
        return ERR_UNSUPPORTED;
    int mode =
        EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_TRUE_PEAK | EBUR128_MODE_SAMPLE_PEAK;
    ebur128_state *state = ebur128_init(pcm.form.channels, pcm.form.sample_rate, mode);
    if (state == NULL)
        return ERR_NO_MEMORY;
    *out_state = state; /* the caller's from here on */
    TRY(feed(state, &pcm));
    double loudness = -HUGE_VAL;
    if (ebur128_loudness_global(state, &loudness) != EBUR128_SUCCESS ||
        ebur128_loudness_range(state, &out->range_lu) != EBUR128_SUCCESS)
        return ERR_NO_MEMORY;
    out->is_silent = !(loudness > GATE_LUFS);
    out->integrated_lufs = out->is_silent ? GATE_LUFS : loudness;
    for (unsigned i = 0; i < pcm.form.channels; i++) {
        double peak = 0, sample_peak = 0;
        if (ebur128_true_peak(state, i, &peak) == EBUR128_SUCCESS)
            out->true_peak = fmax(out->true_peak, peak);
        if (ebur128_sample_peak(state, i, &sample_peak) == EBUR128_SUCCESS)
            out->sample_peak = fmax(out->sample_peak, sample_peak);
    }
    return ERR_OK;
}

err_t loudness_measure(const media_loudness_t *request, const int *fds, uint32_t count,
                       arena_t *arena, media_loudness_measured_t *out_measured)
{
    ebur128_state *states[MEDIA_BATCH_MAX] = {0};
    ebur128_state *good[MEDIA_BATCH_MAX];
    size_t good_count = 0;
    if (count > MEDIA_BATCH_MAX || count != request->names.count)
        return ERR_INVALID;
    media_loudness_track_t *tracks = arena_new_array(arena, count, sizeof *tracks);
    if (tracks == NULL)
        return ERR_NO_MEMORY;
    media_loudness_measured_t measured = {.tracks = {tracks, count}, .album_lufs = GATE_LUFS};
    for (uint32_t i = 0; i < count; i++) {
        str_t name = arena_str(arena, str_slice(request->names.items[i], 0, 255));
        err_t err = measure(fds[i], name.data, &states[i], &tracks[i]);
        if (err != ERR_OK) {
            tracks[i] =
                (media_loudness_track_t){.err = err, .reason = STR("the audio can't be decoded")};
            continue;
        }
        good[good_count++] = states[i];
        measured.album_peak = fmax(measured.album_peak, tracks[i].true_peak);
    }
    double album = -HUGE_VAL;
    if (good_count > 0 &&
        ebur128_loudness_global_multiple(good, good_count, &album) == EBUR128_SUCCESS &&
        album > GATE_LUFS)
        measured.album_lufs = album;
    measured.is_silent = !(album > GATE_LUFS);
    for (uint32_t i = 0; i < count; i++)
        if (states[i] != NULL)
            ebur128_destroy(&states[i]);
    *out_measured = measured;
    return ERR_OK;
}
