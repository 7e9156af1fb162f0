/* The node's side with real processes: what a bad file costs, and what the real worker answers. */
#include "media/demo/cover.h"
#include "media/protocol/fmp4.h"
#include "tests/media/media_fixture.h"
#include "tests/media/pool_fixture.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FAULTY "tests/media.faulty_worker"
#define REAL "musicstream-media"

enum { BATCH = 5 };

static void fill_inputs(media_input_t *inputs, const char *bad, uint32_t bad_at)
{
    static const char *const names[BATCH] = {"a.mp3", "b.mp3", "c.mp3", "d.mp3", "e.mp3"};
    for (uint32_t i = 0; i < BATCH; i++)
        inputs[i] = (media_input_t){fixture_file(), str_from(i == bad_at ? bad : names[i])};
}

static void close_inputs(media_input_t *inputs)
{
    for (uint32_t i = 0; i < BATCH; i++)
        close(inputs[i].fd);
}

Test(media_client, a_file_that_kills_its_reader_costs_only_itself)
{
    static const struct {
        const char *name, *reason;
    } cases[] = {
        {"crash.mp3", "signal 11"}, {"leave.mp3", "status 7"}, {"babble.mp3", "broken form"}};
    pool_fixture_t fixture;
    pool_fixture_start(&fixture, FAULTY, &(worker_options_t){.count = 2});
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        arena_t arena ARENA_SCOPED = {0};
        media_input_t inputs[BATCH];
        media_probed_t probed = {0};
        fill_inputs(inputs, cases[c].name, 2);

        check_ok(media_client_probe_wait(&fixture.client, WORKER_BACKGROUND, inputs, BATCH, &arena,
                                         &probed));

        cr_assert(probed.files.count == BATCH);
        for (uint32_t i = 0; i < BATCH; i++) {
            const media_file_t *file = &probed.files.items[i];
            cr_expect(file->index == i);
            if (i != 2)
                cr_expect(file->err == ERR_OK && str_equal(file->title, inputs[i].name),
                          "%s: file %u", cases[c].name, i);
        }
        const media_file_t *bad = &probed.files.items[2];
        cr_expect(bad->err == ERR_INTERNAL && str_contains(bad->reason, str_from(cases[c].reason)),
                  "%s: \"%.*s\"", cases[c].name, STR_ARG(bad->reason));
        close_inputs(inputs);
    }
    worker_stats_t stats;
    worker_pool_stats(fixture.pool, &stats);
    cr_expect(stats.failed >= 6 && stats.answered >= 12);
    pool_fixture_stop(&fixture);
}

static void send_probe(worker_pool_t *pool, const char *name, uint32_t timeout_ms,
                       worker_answer_fn done, void *context)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    str_t names[1] = {str_from(name)};
    int fd = fixture_file();
    schema_encode(&media_probe_schema, &(media_probe_t){.names = {names, 1}}, &payload);
    worker_job_t job = {.lane = WORKER_NORMAL,
                        .kind = MEDIA_PROBE,
                        .payload = buf_str(&payload),
                        .fds = &fd,
                        .fd_count = 1,
                        .timeout_ms = timeout_ms,
                        .done = done,
                        .context = context};
    check_ok(worker_pool_submit(pool, &job)); /* the descriptor is left to the process's end */
}

typedef struct outcome {
    pthread_mutex_t mutex;
    pthread_cond_t told;
    uint32_t count;
    err_t err;
    char text[128];
} outcome_t;

static void on_outcome(void *context, const worker_answer_t *answer)
{
    outcome_t *self = context;
    pthread_mutex_lock(&self->mutex);
    self->count++;
    self->err = answer->err;
    snprintf(self->text, sizeof self->text, "%.*s", STR_ARG(answer->text));
    pthread_cond_signal(&self->told);
    pthread_mutex_unlock(&self->mutex);
}

static void wait_for(outcome_t *self, uint32_t count)
{
    pthread_mutex_lock(&self->mutex);
    while (self->count < count)
        pthread_cond_wait(&self->told, &self->mutex);
    pthread_mutex_unlock(&self->mutex);
}

#define OUTCOME_INIT                                                                               \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER                       \
    }

Test(media_client, a_reader_that_hangs_is_replaced_at_its_deadline)
{
    pool_fixture_t fixture;
    outcome_t hung = OUTCOME_INIT, next = OUTCOME_INIT;
    pool_fixture_start(&fixture, FAULTY, &(worker_options_t){.count = 1});

    send_probe(fixture.pool, "hang.mp3", 100, on_outcome, &hung);
    wait_for(&hung, 1);
    send_probe(fixture.pool, "fine.mp3", PATIENCE_MS, on_outcome, &next);
    wait_for(&next, 1);

    cr_expect(hung.err == ERR_TIMEOUT && strstr(hung.text, "100 ms") != NULL, "%s", hung.text);
    cr_expect(next.err == ERR_OK, "%s", next.text);
    pool_fixture_stop(&fixture);
}

Test(media_client, a_reader_that_grows_is_replaced_after_its_answer)
{
    pool_fixture_t fixture;
    outcome_t outcome = OUTCOME_INIT;
    pool_fixture_start(&fixture, FAULTY, &(worker_options_t){.count = 1, .memory_max = 48 << 20});
    send_probe(fixture.pool, "bloat.mp3", PATIENCE_MS, on_outcome, &outcome);
    wait_for(&outcome, 1);
    send_probe(fixture.pool, "fine.mp3", PATIENCE_MS, on_outcome, &outcome);
    wait_for(&outcome, 2);

    worker_stats_t stats;
    worker_pool_stats(fixture.pool, &stats);
    cr_expect(outcome.err == ERR_OK && stats.outgrown == 1 && stats.answered == 2 &&
              stats.failed == 0);
    pool_fixture_stop(&fixture);
}

Test(media_client, a_program_that_can_not_start_is_said_not_waited_for)
{
    static const char *const programs[] = {"/nonexistent/program", "/bin/false"};
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        pool_fixture_t fixture;
        outcome_t outcome = OUTCOME_INIT;
        pool_fixture_start(&fixture, programs[i], &(worker_options_t){.count = 2});
        for (uint32_t k = 1; k <= 8 && outcome.err != ERR_UNAVAILABLE;
             k++) { /* the first few die with it */
            send_probe(fixture.pool, "a.mp3", PATIENCE_MS, on_outcome, &outcome);
            wait_for(&outcome, k);
        }
        cr_expect(outcome.err == ERR_UNAVAILABLE, "%s: %s", programs[i], outcome.text);
        pool_fixture_stop(&fixture);
    }
}

Test(media_client, stopping_ends_every_job_once)
{
    pool_fixture_t fixture;
    outcome_t outcome = OUTCOME_INIT;
    pool_fixture_start(&fixture, FAULTY, &(worker_options_t){.count = 2});
    for (uint32_t i = 0; i < 20; i++)
        send_probe(fixture.pool, "hang.mp3", 60000, on_outcome, &outcome);
    pool_fixture_stop(&fixture);
    cr_expect(outcome.count == 20 && outcome.err == ERR_CANCELLED);
}

typedef struct long_lane {
    outcome_t begun, ended;
} long_lane_t;

static void on_long_begun(void *context)
{
    on_outcome(&((long_lane_t *)context)->begun, &(worker_answer_t){.err = ERR_OK});
}

static void on_long_ended(void *context, const worker_answer_t *answer)
{
    on_outcome(&((long_lane_t *)context)->ended, answer);
}

/* A job that goes on until it is killed. */
static void send_long(worker_pool_t *pool, worker_lane_t lane, long_lane_t *context)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    str_t names[1] = {STR("hang.mp3")};
    int fd = fixture_file();
    schema_encode(&media_probe_schema, &(media_probe_t){.names = {names, 1}}, &payload);
    worker_job_t job = {.lane = lane,
                        .kind = MEDIA_PROBE,
                        .payload = buf_str(&payload),
                        .fds = &fd,
                        .fd_count = 1,
                        .timeout_ms = 60000,
                        .began = on_long_begun,
                        .done = on_long_ended,
                        .context = context};
    check_ok(worker_pool_submit(pool, &job));
}

Test(media_client, long_jobs_of_each_lane_leave_a_worker_for_who_waits)
{
    pool_fixture_t fixture;
    long_lane_t ahead = {OUTCOME_INIT, OUTCOME_INIT}, background = {OUTCOME_INIT, OUTCOME_INIT};
    outcome_t next = OUTCOME_INIT;
    pool_fixture_start(&fixture, FAULTY, &(worker_options_t){.count = 3});
    for (uint32_t i = 0; i < 3; i++) {
        send_long(fixture.pool, WORKER_BACKGROUND, &background);
        send_long(fixture.pool, WORKER_AHEAD, &ahead);
    }
    wait_for(&background.begun, 1);
    wait_for(&ahead.begun, 1); /* though more of the other lane wait */

    send_probe(fixture.pool, "fine.mp3", PATIENCE_MS, on_outcome, &next);
    wait_for(&next, 1);

    cr_expect(next.err == ERR_OK, "%s", next.text);
    cr_expect(ahead.begun.count == 1 && background.begun.count == 1, "%u and %u run",
              ahead.begun.count, background.begun.count);
    pool_fixture_stop(&fixture);
    cr_expect(ahead.ended.count == 3 && background.ended.count == 3);
}

Test(media_client, the_queue_is_bounded)
{
    pool_fixture_t fixture;
    outcome_t outcome = OUTCOME_INIT;
    uint32_t accepted = 0;
    pool_fixture_start(&fixture, FAULTY, &(worker_options_t){.count = 1, .queue_max = 4});
    worker_job_t job = {
        .lane = WORKER_BACKGROUND, .kind = MEDIA_PING, .done = on_outcome, .context = &outcome};
    send_probe(fixture.pool, "hang.mp3", 60000, on_outcome, &outcome);
    while (worker_pool_submit(fixture.pool, &job) == ERR_OK && accepted < 100)
        accepted++;
    cr_expect(accepted >= 4 && accepted <= 5, "%u accepted", accepted); /* one may run already */
    pool_fixture_stop(&fixture);
    cr_expect(outcome.count == accepted + 1);
}

/* ---- the real worker, behind its filter ---- */

Test(media_client, the_real_worker_does_all_of_its_work_confined)
{
    pool_fixture_t fixture;
    arena_t arena ARENA_SCOPED = {0};
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    buf_t cover BUF_SCOPED = BUF_INIT;
    check_ok(demo_wave_init(&wave, 44100, 2, 6 * 44100));
    demo_sine(&wave, 1000, 0.5, 0);
    check_ok(demo_cover(9, 700, PICTURE_PNG, &cover));
    int fd = fixture_audio(&wave, DEMO_FLAC, &(demo_tag_t){"title", "A sine"}, 1, buf_str(&cover));
    pool_fixture_start(&fixture, REAL, &(worker_options_t){.count = 2});

    media_input_t input = {fd, STR("a.flac")};
    media_probed_t probed = {0};
    check_ok(
        media_client_probe_wait(&fixture.client, WORKER_BACKGROUND, &input, 1, &arena, &probed));
    check_str(probed.files.items[0].title, STR("A sine"));

    int outputs[2] = {fixture_file(), fixture_file()};
    media_encode_job_t encode = {
        input, RENDITION_AAC_128, fixture_source(&probed.files.items[0]), 0, 2, outputs, NULL};
    check_ok(media_client_encode_wait(&fixture.client, WORKER_URGENT, &encode, NULL, NULL));
    cr_expect(lseek(outputs[0], 0, SEEK_END) > 1000 && lseek(outputs[1], 0, SEEK_END) > 1000);

    media_loudness_measured_t loudness = {0};
    check_ok(media_client_loudness_wait(&fixture.client, &input, 1, &arena, &loudness));
    /* A sine of 1 kHz at half scale in both channels: -6.02 dBFS peak, -9.03 RMS a channel, +3.01
     * for two, -0.691 + 0.7. */
    cr_expect(fabs(loudness.album_lufs + 6.0) < 0.2, "%f LUFS", loudness.album_lufs);
    cr_expect(fabs(loudness.tracks.items[0].sample_peak - 0.5) < 0.01);

    uint64_t sizes[] = {96, 300, 1200};
    media_artwork_made_t made = {0};
    str_t reason = {0};
    media_artwork_job_t artwork = {input, true, sizes, COUNT_OF(sizes)};
    check_ok(media_client_artwork_wait(&fixture.client, WORKER_NORMAL, &artwork, &arena, &made,
                                       &reason));
    cr_assert(made.pictures.count == 6 && made.width == 700);
    cr_expect(made.pictures.items[0].width == 96 && made.pictures.items[4].width == 700);
    cr_expect(memcmp(made.pictures.items[0].bytes.data, "RIFF", 4) == 0);
    cr_expect(memcmp(made.pictures.items[1].bytes.data, "\xff\xd8\xff", 3) == 0);

    artwork.source.fd = outputs[0];
    artwork.is_embedded = false;
    check_err(
        media_client_artwork_wait(&fixture.client, WORKER_NORMAL, &artwork, &arena, &made, &reason),
        ERR_UNSUPPORTED);
    cr_expect(reason.size > 10);
    pool_fixture_stop(&fixture);
    close(fd);
}
