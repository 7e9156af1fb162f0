/* Segments from real media workers: made once, the same whoever asks, and kept. */

#include "actors/protocol/transcode.h"
#include "storage/blob/segment_cache.h"
#include "tests/integration/library_rig.h"

#include <unistd.h>

typedef struct streaming_rig {
    library_rig_t library;
    char key[64];
} streaming_rig_t;

static void rig_end(streaming_rig_t *self)
{
    library_rig_deinit(&self->library);
}

static void begin(streaming_rig_t *self, const char *rendition)
{
    library_rig_init(&self->library);
    music_file_write_wav(self->library.music, "sine.wav", 44100, 14, 440);
    library_rig_start(&self->library);
    library_rig_add_root(&self->library);
    snprintf(self->key, sizeof self->key, "%llu/%s",
             (unsigned long long)library_rig_id(&self->library, "sine.wav"), rendition);
}

static asked_t ask_segment(streaming_rig_t *self, uint32_t index)
{
    return ask(&self->library.asking, address_of(TRANSCODE_KIND, str_from(self->key)),
               transcode_segment, .index = index);
}

static str_t read_segment(streaming_rig_t *self, const transcode_file_t *file)
{
    int fd = -1;
    uint64_t size = 0;
    check_ok(segment_cache_read(self->library.segments, file->name, &fd, &size));
    char *data = arena_new(&self->library.arena, size);
    cr_assert(read(fd, data, size) == (ssize_t)size);
    close(fd);
    return str_of(data, size);
}

static uint64_t files(streaming_rig_t *self)
{
    segment_cache_stats_t stats;
    segment_cache_stats(self->library.segments, &stats);
    return stats.files;
}

Test(streaming, a_segment_is_made_and_kept)
{
    streaming_rig_t rig SCOPED(rig_end);
    begin(&rig, "aac128");

    const transcode_file_t *cold = asked_as(ask_segment(&rig, 0), transcode_file);
    const transcode_file_t *warm = asked_as(ask_segment(&rig, 0), transcode_file);

    cr_assert_not(cold->was_cached);
    cr_assert(warm->was_cached);
    str_t data = read_segment(&rig, warm);
    cr_assert(str_contains(str_slice(data, 0, 200), STR("moof")));
    cr_assert(eq(u64, data.size, warm->size_bytes));
}

Test(streaming, those_ahead_are_made_unasked)
{
    streaming_rig_t rig SCOPED(rig_end);
    begin(&rig, "flac");

    asked_as(ask_segment(&rig, 0), transcode_file);
    while (files(&rig) < 4) /* one and three ahead */
        asked_as(ask_segment(&rig, 0), transcode_file);

    const transcode_file_t *last = asked_as(ask_segment(&rig, 3), transcode_file);
    cr_assert(last->was_cached);
}

typedef struct asker {
    streaming_rig_t *rig;
    uv_sem_t done;
    uint32_t index;
    err_t err;
} asker_t;

static void asker_answered(void *context, const answer_t *answer)
{
    asker_t *self = context;
    self->err = answer->err;
    uv_sem_post(&self->done);
}

static void asker_ask(void *context)
{
    asker_t *self = context;
    edge_ask(runtime_edge(self->rig->library.runtime, 0),
             address_of(TRANSCODE_KIND, str_from(self->rig->key)), 20000, (str_t){0},
             asker_answered, self, transcode_segment, .index = self->index);
}

Test(streaming, two_at_once_cause_one_encode)
{
    streaming_rig_t rig SCOPED(rig_end);
    asker_t askers[8];
    worker_stats_t before, after;
    begin(&rig, "aac256");
    worker_pool_stats(rig.library.workers, &before);

    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        askers[i] = (asker_t){.rig = &rig};
        uv_sem_init(&askers[i].done, 0);
        check_ok(edge_post(runtime_edge(rig.library.runtime, 0), asker_ask, &askers[i]));
    }
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        uv_sem_wait(&askers[i].done);
        uv_sem_destroy(&askers[i].done);
        check_ok(askers[i].err);
    }
    do {
        worker_pool_stats(rig.library.workers, &after);
    } while (after.running > 0 || after.waiting > 0 || after.answered == before.answered);

    /* One for the segment that all of them wait for, and one for those ahead of it, which may not
     * have begun yet. */
    uint64_t encodes = after.answered - before.answered;
    cr_assert(encodes == 1 || encodes == 2, "%llu encodes for %zu askers",
              (unsigned long long)encodes, COUNT_OF(askers));
}

Test(streaming, a_segment_is_the_same_however_it_was_reached)
{
    streaming_rig_t rig SCOPED(rig_end);
    begin(&rig, "aac128");

    const transcode_file_t *alone = asked_as(ask_segment(&rig, 2), transcode_file);
    str_t first = read_segment(&rig, alone);
    segment_cache_remove(rig.library.segments, alone->name);
    asked_as(ask_segment(&rig, 0), transcode_file);
    asked_as(ask_segment(&rig, 1), transcode_file);
    str_t second = read_segment(&rig, asked_as(ask_segment(&rig, 2), transcode_file));

    cr_assert(str_equal(first, second));
}

Test(streaming, what_is_not_there_is_refused)
{
    streaming_rig_t rig SCOPED(rig_end);
    begin(&rig, "aac128");

    cr_assert(ask_segment(&rig, 5).err == ERR_NOT_FOUND);
    snprintf(rig.key, sizeof rig.key, "4294967999/aac128");
    cr_assert(ask_segment(&rig, 0).err == ERR_NOT_FOUND);
    snprintf(rig.key, sizeof rig.key, "4294967297/mp3");
    cr_assert(ask_segment(&rig, 0).err == ERR_NOT_FOUND);
    snprintf(rig.key, sizeof rig.key, "nonsense");
    cr_assert(ask_segment(&rig, 0).err == ERR_INVALID);

    snprintf(rig.key, sizeof rig.key, "4294967297/aac128");
    library_rig_remove(&rig.library, "sine.wav");
    cr_assert(ask_segment(&rig, 0).err == ERR_UNAVAILABLE);
    library_rig_scan(&rig.library, false);
    cr_assert(ask_segment(&rig, 0).err == ERR_UNAVAILABLE);
}
