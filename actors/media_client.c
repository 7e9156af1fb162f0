#include "actors/media_client.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <pthread.h>

/* ---- waiting: an offload thread sleeps until the loop's thread has the answer ---- */

typedef struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t told;
    bool is_done;
    err_t err;
} waiter_t;

#define WAITER_INIT                                                                                \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, ERR_OK                         \
    }

static void waiter_tell(waiter_t *self, err_t err)
{
    pthread_mutex_lock(&self->mutex);
    self->is_done = true;
    self->err = err;
    pthread_cond_signal(&self->told); /* under the lock: the waiter's memory goes right after */
    pthread_mutex_unlock(&self->mutex);
}

static err_t waiter_wait(waiter_t *self)
{
    pthread_mutex_lock(&self->mutex);
    while (!self->is_done)
        pthread_cond_wait(&self->told, &self->mutex);
    pthread_mutex_unlock(&self->mutex);
    return self->err;
}

/* ---- requests and answers ---- */

static err_t submit(const media_client_t *self, worker_job_t *job, const schema_t *schema,
                    const void *request)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    schema_encode(schema, request, &payload);
    TRY(buf_status(&payload));
    job->payload = buf_str(&payload);
    return worker_pool_submit(self->pool, job);
}

/* Reads an answer of this kind into the arena, or what the worker refused with. */
static err_t read_answer(const worker_answer_t *answer, uint16_t kind, const schema_t *schema,
                         arena_t *arena, void *out_message, str_t *out_text)
{
    if (answer->err != ERR_OK) {
        *out_text = arena_str(arena, answer->text);
        return answer->err;
    }
    str_t payload = arena_str(arena, answer->payload);
    if (payload.data == NULL)
        return ERR_NO_MEMORY;
    if (answer->kind == MEDIA_REFUSED) {
        media_refused_t refused = {0};
        TRY(schema_decode(&media_refused_schema, payload, arena, &refused));
        *out_text = refused.reason;
        return refused.err > ERR_OK && refused.err < ERR_COUNT ? (err_t)refused.err : ERR_INTERNAL;
    }
    if (answer->kind != kind) {
        *out_text = STR("the worker answered something else");
        return ERR_INTERNAL;
    }
    return schema_decode(schema, payload, arena, out_message);
}

/* ---- probe ---- */

typedef struct probe_op {
    const media_client_t *client;
    worker_lane_t lane;
    media_probe_fn done;
    void *context;
    arena_t own;
    arena_t *arena; /* own, or the waiting caller's */
    media_file_t *files;
    uint32_t count, next; /* next: the file tried alone, after the batch failed */
    int fds[MEDIA_BATCH_MAX];
    str_t names[MEDIA_BATCH_MAX];
} probe_op_t;

static void probe_finish(probe_op_t *op, err_t err)
{
    media_probed_t probed = {.files = {op->files, op->count}};
    op->done(op->context, err, err == ERR_OK ? &probed : NULL);
    arena_deinit(&op->own);
    memory_free(op);
}

static err_t probe_submit(probe_op_t *op, uint32_t first, uint32_t count, uint32_t timeout_ms,
                          worker_answer_fn done)
{
    media_probe_t request = {.names = {op->names + first, count}};
    worker_job_t job = {.lane = op->lane,
                        .kind = MEDIA_PROBE,
                        .fds = op->fds + first,
                        .fd_count = count,
                        .timeout_ms = timeout_ms,
                        .done = done,
                        .context = op};
    return submit(op->client, &job, &media_probe_schema, &request);
}

/* False: the answer is not what was asked for. */
static err_t probe_read(probe_op_t *op, uint32_t first, uint32_t count,
                        const worker_answer_t *answer, str_t *out_text)
{
    media_probed_t probed = {0};
    TRY(read_answer(answer, MEDIA_PROBED, &media_probed_schema, op->arena, &probed, out_text));
    if (probed.files.count != count)
        return ERR_INTERNAL;
    for (uint32_t i = 0; i < count; i++) {
        op->files[first + i] = probed.files.items[i];
        op->files[first + i].index = first + i;
    }
    return ERR_OK;
}

static bool is_of_the_files(err_t err)
{
    return err == ERR_INTERNAL || err == ERR_TIMEOUT || err == ERR_INVALID;
}

static void probe_next_alone(probe_op_t *op);

static void on_probed_alone(void *context, const worker_answer_t *answer)
{
    probe_op_t *op = context;
    uint32_t index = op->next++;
    str_t text = STR("the reader failed");
    err_t err = probe_read(op, index, 1, answer, &text);
    if (err != ERR_OK && !is_of_the_files(err)) {
        probe_finish(op, err);
        return;
    }
    if (err != ERR_OK)
        op->files[index] = (media_file_t){.index = index, .err = err, .reason = text};
    probe_next_alone(op);
}

static void probe_next_alone(probe_op_t *op)
{
    err_t err = op->next == op->count
                    ? ERR_OK
                    : probe_submit(op, op->next, 1, MEDIA_PROBE_ONE_TIMEOUT_MS, on_probed_alone);
    if (op->next == op->count || err != ERR_OK)
        probe_finish(op, err);
}

static void on_probed(void *context, const worker_answer_t *answer)
{
    probe_op_t *op = context;
    str_t text = {0};
    err_t err = probe_read(op, 0, op->count, answer, &text);
    if (err == ERR_OK || !is_of_the_files(err))
        probe_finish(op, err);
    else
        probe_next_alone(op);
}

static err_t probe_start(const media_client_t *self, worker_lane_t lane,
                         const media_input_t *inputs, size_t count, arena_t *arena,
                         media_probe_fn done, void *context)
{
    if (count == 0 || count > MEDIA_BATCH_MAX)
        return ERR_INVALID;
    probe_op_t *op = memory_new(sizeof *op);
    if (op == NULL)
        return ERR_NO_MEMORY;
    op->client = self;
    op->lane = lane;
    op->done = done;
    op->context = context;
    op->arena = arena == NULL ? &op->own : arena;
    op->count = (uint32_t)count;
    op->files = arena_new_array(op->arena, count, sizeof *op->files);
    err_t err = op->files == NULL ? ERR_NO_MEMORY : ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        op->fds[i] = inputs[i].fd;
        op->names[i] = arena_str(op->arena, inputs[i].name);
        err = op->names[i].data == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    if (err == ERR_OK)
        err = probe_submit(op, 0, op->count, MEDIA_PROBE_TIMEOUT_MS, on_probed);
    if (err != ERR_OK) {
        arena_deinit(&op->own);
        memory_free(op);
    }
    return err;
}

err_t media_client_probe(const media_client_t *self, worker_lane_t lane,
                         const media_input_t *inputs, size_t count, media_probe_fn done,
                         void *context)
{
    return probe_start(self, lane, inputs, count, NULL, done, context);
}

typedef struct probe_wait {
    waiter_t waiter;
    media_probed_t *out;
} probe_wait_t;

static void on_probe_waited(void *context, err_t err, const media_probed_t *probed)
{
    probe_wait_t *wait = context;
    if (err == ERR_OK)
        *wait->out = *probed;
    waiter_tell(&wait->waiter, err);
}

err_t media_client_probe_wait(const media_client_t *self, worker_lane_t lane,
                              const media_input_t *inputs, size_t count, arena_t *arena,
                              media_probed_t *out_probed)
{
    probe_wait_t wait = {WAITER_INIT, out_probed};
    TRY(probe_start(self, lane, inputs, count, arena, on_probe_waited, &wait));
    return waiter_wait(&wait.waiter);
}

/* ---- encode ---- */

typedef struct encode_op {
    void (*began)(void *context);
    media_segment_fn segment;
    media_done_fn done;
    void *context;
} encode_op_t;

static void on_segment(void *context, const worker_answer_t *answer)
{
    encode_op_t *op = context;
    arena_t arena ARENA_SCOPED = {0};
    media_segment_done_t done = {0};
    str_t text;
    err_t err =
        read_answer(answer, MEDIA_SEGMENT_DONE, &media_segment_done_schema, &arena, &done, &text);
    if (err == ERR_OK && op->segment != NULL) /* a broken part: the end will tell */
        op->segment(op->context, done.index, done.size);
}

static void on_encoded(void *context, const worker_answer_t *answer)
{
    encode_op_t *op = context;
    arena_t arena ARENA_SCOPED = {0};
    media_encoded_t encoded = {0};
    str_t text = {0};
    err_t err = read_answer(answer, MEDIA_ENCODED, &media_encoded_schema, &arena, &encoded, &text);
    op->done(op->context, err, text);
    memory_free(op);
}

static void on_encode_began(void *context)
{
    encode_op_t *op = context;
    op->began(op->context);
}

err_t media_client_encode(const media_client_t *self, worker_lane_t lane,
                          const media_encode_job_t *encode, media_segment_fn segment,
                          media_done_fn done, void *context)
{
    if (encode->count == 0 || encode->count > MEDIA_RUN_MAX)
        return ERR_INVALID;
    encode_op_t *op = memory_new(sizeof *op);
    if (op == NULL)
        return ERR_NO_MEMORY;
    *op = (encode_op_t){encode->began, segment, done, context};
    int fds[1 + MEDIA_RUN_MAX] = {encode->source.fd};
    memcpy(fds + 1, encode->outputs, encode->count * sizeof *fds);
    media_encode_t request = {.name = encode->source.name,
                              .rendition = (uint32_t)encode->rendition,
                              .sample_rate = encode->format.sample_rate,
                              .channels = encode->format.channels,
                              .bits = encode->format.bits,
                              .total_samples = encode->format.total_samples,
                              .first = encode->first,
                              .count = encode->count};
    worker_job_t job = {.lane = lane,
                        .kind = MEDIA_ENCODE,
                        .fds = fds,
                        .fd_count = encode->count + 1,
                        .timeout_ms = MEDIA_ENCODE_TIMEOUT_MS,
                        .began = encode->began == NULL ? NULL : on_encode_began,
                        .part = on_segment,
                        .done = on_encoded,
                        .context = op};
    err_t err = submit(self, &job, &media_encode_schema, &request);
    if (err != ERR_OK)
        memory_free(op);
    return err;
}

typedef struct encode_wait {
    waiter_t waiter;
    media_segment_fn segment;
    void *context;
} encode_wait_t;

static void on_segment_waited(void *context, uint32_t index, uint64_t size)
{
    encode_wait_t *wait = context;
    if (wait->segment != NULL)
        wait->segment(wait->context, index, size);
}

static void on_encode_waited(void *context, err_t err, UNUSED str_t text)
{
    encode_wait_t *wait = context;
    waiter_tell(&wait->waiter, err);
}

err_t media_client_encode_wait(const media_client_t *self, worker_lane_t lane,
                               const media_encode_job_t *encode, media_segment_fn segment,
                               void *context)
{
    encode_wait_t wait = {WAITER_INIT, segment, context};
    ASSERT(encode->began == NULL); /* there is nobody to tell */
    TRY(media_client_encode(self, lane, encode, on_segment_waited, on_encode_waited, &wait));
    return waiter_wait(&wait.waiter);
}

/* ---- loudness ---- */

typedef struct loudness_op {
    media_loudness_fn done;
    void *context;
    arena_t own;
    arena_t *arena;
} loudness_op_t;

static void on_loudness(void *context, const worker_answer_t *answer)
{
    loudness_op_t *op = context;
    media_loudness_measured_t measured = {0};
    str_t text = {0};
    err_t err = read_answer(answer, MEDIA_LOUDNESS_MEASURED, &media_loudness_measured_schema,
                            op->arena, &measured, &text);
    op->done(op->context, err, err == ERR_OK ? &measured : NULL, text);
    arena_deinit(&op->own);
    memory_free(op);
}

static err_t loudness_start(const media_client_t *self, const media_input_t *inputs, size_t count,
                            arena_t *arena, media_loudness_fn done, void *context)
{
    if (count == 0 || count > MEDIA_BATCH_MAX)
        return ERR_INVALID;
    loudness_op_t *op = memory_new(sizeof *op);
    if (op == NULL)
        return ERR_NO_MEMORY;
    op->done = done;
    op->context = context;
    op->arena = arena == NULL ? &op->own : arena;
    int fds[MEDIA_BATCH_MAX];
    str_t names[MEDIA_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        fds[i] = inputs[i].fd;
        names[i] = inputs[i].name;
    }
    media_loudness_t request = {.names = {names, (uint32_t)count}};
    worker_job_t job = {.lane = WORKER_BACKGROUND,
                        .kind = MEDIA_LOUDNESS,
                        .fds = fds,
                        .fd_count = (uint32_t)count,
                        .timeout_ms = MEDIA_LOUDNESS_TIMEOUT_MS,
                        .done = on_loudness,
                        .context = op};
    err_t err = submit(self, &job, &media_loudness_schema, &request);
    if (err != ERR_OK)
        memory_free(op);
    return err;
}

err_t media_client_loudness(const media_client_t *self, const media_input_t *inputs, size_t count,
                            media_loudness_fn done, void *context)
{
    return loudness_start(self, inputs, count, NULL, done, context);
}

typedef struct loudness_wait {
    waiter_t waiter;
    media_loudness_measured_t *out;
} loudness_wait_t;

static void on_loudness_waited(void *context, err_t err, const media_loudness_measured_t *measured,
                               UNUSED str_t text)
{
    loudness_wait_t *wait = context;
    if (err == ERR_OK)
        *wait->out = *measured;
    waiter_tell(&wait->waiter, err);
}

err_t media_client_loudness_wait(const media_client_t *self, const media_input_t *inputs,
                                 size_t count, arena_t *arena,
                                 media_loudness_measured_t *out_measured)
{
    loudness_wait_t wait = {WAITER_INIT, out_measured};
    TRY(loudness_start(self, inputs, count, arena, on_loudness_waited, &wait));
    return waiter_wait(&wait.waiter);
}

/* ---- artwork ---- */

typedef struct artwork_op {
    media_artwork_fn done;
    void *context;
    arena_t own;
    arena_t *arena;
} artwork_op_t;

static void on_artwork(void *context, const worker_answer_t *answer)
{
    artwork_op_t *op = context;
    media_artwork_made_t made = {0};
    str_t text = {0};
    err_t err = read_answer(answer, MEDIA_ARTWORK_MADE, &media_artwork_made_schema, op->arena,
                            &made, &text);
    op->done(op->context, err, err == ERR_OK ? &made : NULL, text);
    arena_deinit(&op->own);
    memory_free(op);
}

static err_t artwork_start(const media_client_t *self, worker_lane_t lane,
                           const media_artwork_job_t *artwork, arena_t *arena,
                           media_artwork_fn done, void *context)
{
    artwork_op_t *op = memory_new(sizeof *op);
    if (op == NULL)
        return ERR_NO_MEMORY;
    op->done = done;
    op->context = context;
    op->arena = arena == NULL ? &op->own : arena;
    media_artwork_t request = {.name = artwork->source.name,
                               .is_embedded = artwork->is_embedded,
                               .sizes = {artwork->sizes, artwork->size_count}};
    worker_job_t job = {.lane = lane,
                        .kind = MEDIA_ARTWORK,
                        .fds = &artwork->source.fd,
                        .fd_count = 1,
                        .timeout_ms = MEDIA_ARTWORK_TIMEOUT_MS,
                        .done = on_artwork,
                        .context = op};
    err_t err = submit(self, &job, &media_artwork_schema, &request);
    if (err != ERR_OK)
        memory_free(op);
    return err;
}

err_t media_client_artwork(const media_client_t *self, worker_lane_t lane,
                           const media_artwork_job_t *job, media_artwork_fn done, void *context)
{
    return artwork_start(self, lane, job, NULL, done, context);
}

typedef struct artwork_wait {
    waiter_t waiter;
    media_artwork_made_t *out;
    str_t *out_reason;
} artwork_wait_t;

static void on_artwork_waited(void *context, err_t err, const media_artwork_made_t *made,
                              str_t text)
{
    artwork_wait_t *wait = context;
    if (err == ERR_OK)
        *wait->out = *made;
    else if (wait->out_reason != NULL)
        *wait->out_reason = text; /* lies in the waiting caller's arena */
    waiter_tell(&wait->waiter, err);
}

err_t media_client_artwork_wait(const media_client_t *self, worker_lane_t lane,
                                const media_artwork_job_t *job, arena_t *arena,
                                media_artwork_made_t *out_made, str_t *out_reason)
{
    artwork_wait_t wait = {WAITER_INIT, out_made, out_reason};
    TRY(artwork_start(self, lane, job, arena, on_artwork_waited, &wait));
    return waiter_wait(&wait.waiter);
}
