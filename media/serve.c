#include "media/serve.h"

#include "media/artwork.h"
#include "media/encode.h"
#include "media/loudness.h"
#include "media/sandbox.h"
#include "media/tags/probe.h"
#include "runtime/base/channel.h"
#include "runtime/base/memory.h"

#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <malloc.h>
#include <unistd.h>

enum { KEPT_FREE_SIZE = 8 * 1024 * 1024, WARM_SAMPLES = 3 * 1024 };

typedef struct server {
    int socket;
    bool is_confined;
    channel_reader_t reader;
    arena_t arena;
    buf_t out;
    tag_set_t *tags;
    char *window;
    uint32_t id; /* of the request at hand */
} server_t;

static void server_deinit(server_t *self)
{
    channel_reader_deinit(&self->reader);
    arena_deinit(&self->arena);
    buf_deinit(&self->out);
    memory_free(self->tags);
    memory_free(self->window);
}

static err_t answer(server_t *self, media_kind_t kind, uint8_t flags, const schema_t *schema,
                    const void *value)
{
    buf_reset(&self->out);
    schema_encode(schema, value, &self->out);
    TRY(buf_status(&self->out));
    channel_frame_t frame = {self->id, (uint16_t)kind, flags, 0, buf_str(&self->out)};
    return channel_send(self->socket, &frame, NULL);
}

static err_t refuse(server_t *self, err_t err, str_t reason)
{
    media_refused_t refused = {.err = err,
                               .reason = reason.size == 0 ? str_from(err_text(err)) : reason};
    return answer(self, MEDIA_REFUSED, 0, &media_refused_schema, &refused);
}

static err_t on_ping(server_t *self, const void *message, UNUSED const int *fds,
                     UNUSED uint32_t fd_count)
{
    const media_ping_t *ping = message;
    media_pong_t pong = {.token = ping->token, .is_confined = self->is_confined};
    return answer(self, MEDIA_PONG, 0, &media_pong_schema, &pong);
}

static err_t on_probe(server_t *self, const void *message, const int *fds, uint32_t fd_count)
{
    const media_probe_t *request = message;
    if (request->names.count != fd_count)
        return refuse(self, ERR_INVALID, STR("a name for each descriptor is needed"));
    media_file_t *files = arena_new_array(&self->arena, fd_count, sizeof *files);
    if (files == NULL)
        return refuse(self, ERR_NO_MEMORY, (str_t){0});
    for (uint32_t i = 0; i < fd_count; i++)
        probe_file(fds[i], request->names.items[i], &self->arena, self->tags, self->window, i,
                   &files[i]);
    media_probed_t probed = {.files = {files, fd_count}};
    return answer(self, MEDIA_PROBED, 0, &media_probed_schema, &probed);
}

static err_t segment_done(void *context, uint32_t index, uint64_t size)
{
    media_segment_done_t done = {.index = index, .size = size};
    return answer(context, MEDIA_SEGMENT_DONE, CHANNEL_FLAG_PART, &media_segment_done_schema,
                  &done);
}

static err_t on_encode(server_t *self, const void *message, const int *fds, uint32_t fd_count)
{
    const media_encode_t *request = message;
    if (fd_count < 2 || request->count != fd_count - 1)
        return refuse(self, ERR_INVALID, STR("a source and one output a segment are needed"));
    err_t err = encode_run(request, fds[0], fds + 1, segment_done, self);
    if (err != ERR_OK)
        return refuse(self, err,
                      err == ERR_INVALID ? STR("the audio can't be decoded") : (str_t){0});
    media_encoded_t encoded = {.count = request->count};
    return answer(self, MEDIA_ENCODED, 0, &media_encoded_schema, &encoded);
}

static err_t on_loudness(server_t *self, const void *message, const int *fds, uint32_t fd_count)
{
    media_loudness_measured_t measured = {0};
    err_t err = loudness_measure(message, fds, fd_count, &self->arena, &measured);
    if (err != ERR_OK)
        return refuse(self, err, (str_t){0});
    return answer(self, MEDIA_LOUDNESS_MEASURED, 0, &media_loudness_measured_schema, &measured);
}

static err_t on_artwork(server_t *self, const void *message, const int *fds, uint32_t fd_count)
{
    media_artwork_made_t made = {0};
    str_t reason = STR("one picture is needed");
    err_t err =
        fd_count != 1 ? ERR_INVALID : artwork_make(message, fds[0], &self->arena, &made, &reason);
    if (err != ERR_OK)
        return refuse(self, err, reason);
    return answer(self, MEDIA_ARTWORK_MADE, 0, &media_artwork_made_schema, &made);
}

static const struct {
    media_kind_t kind;
    const schema_t *schema;
    err_t (*handle)(server_t *self, const void *message, const int *fds, uint32_t fd_count);
} handlers[] = {
    {MEDIA_PING, &media_ping_schema, on_ping},
    {MEDIA_PROBE, &media_probe_schema, on_probe},
    {MEDIA_ENCODE, &media_encode_schema, on_encode},
    {MEDIA_LOUDNESS, &media_loudness_schema, on_loudness},
    {MEDIA_ARTWORK, &media_artwork_schema, on_artwork},
};

static err_t dispatch(server_t *self, const channel_frame_t *frame, const int *fds)
{
    self->id = frame->id;
    for (size_t i = 0; i < COUNT_OF(handlers); i++) {
        if (handlers[i].kind != (media_kind_t)frame->kind)
            continue;
        void *message = arena_new(&self->arena, handlers[i].schema->size);
        err_t err = message == NULL
                        ? ERR_NO_MEMORY
                        : schema_decode(handlers[i].schema, frame->payload, &self->arena, message);
        if (err != ERR_OK)
            return refuse(self, err, STR("the request can't be read"));
        return handlers[i].handle(self, message, fds, frame->fd_count);
    }
    return refuse(self, ERR_UNSUPPORTED, STR("there is no such request"));
}

/* What a large request took goes back, so that an idle worker is small. */
static void tidy(server_t *self)
{
    bool was_large = self->arena.size > KEPT_FREE_SIZE || self->out.capacity > KEPT_FREE_SIZE;
    arena_reset(&self->arena);
    if (self->out.capacity > KEPT_FREE_SIZE)
        buf_deinit(&self->out);
    if (was_large)
        malloc_trim(KEPT_FREE_SIZE);
}

static err_t serve_frames(server_t *self)
{
    channel_frame_t frame;
    err_t err;
    while (channel_reader_next(&self->reader, &frame, &err)) {
        int fds[CHANNEL_FDS_MAX];
        channel_take_fds(&self->reader, &frame, fds);
        sandbox_allow_cpu(SANDBOX_JOB_CPU_S);
        err = dispatch(self, &frame, fds);
        for (uint32_t i = 0; i < frame.fd_count; i++)
            close(fds[i]);
        tidy(self);
        if (err != ERR_OK)
            return err;
    }
    return err;
}

err_t serve(int socket, bool is_confined)
{
    server_t server SCOPED(server_deinit) = {.socket = socket, .is_confined = is_confined};
    server.tags = memory_new(sizeof *server.tags);
    server.window = memory_new(SOURCE_WINDOW_SIZE);
    if (server.tags == NULL || server.window == NULL)
        return ERR_NO_MEMORY;
    for (;;) {
        TRY(channel_receive(&server.reader, socket));
        TRY(serve_frames(&server));
    }
}

/* One encoder run over silence fills the tables that libavcodec makes at first use. */
static void warm_encoder(enum AVCodecID id, enum AVSampleFormat format)
{
    const AVCodec *codec = avcodec_find_encoder(id);
    AVCodecContext *encoder = codec == NULL ? NULL : avcodec_alloc_context3(codec);
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    if (encoder != NULL && frame != NULL && packet != NULL) {
        encoder->sample_fmt = format;
        encoder->sample_rate = 44100;
        encoder->bit_rate = 128000;
        encoder->time_base = (AVRational){1, 44100};
        av_channel_layout_default(&encoder->ch_layout, 2);
        if (avcodec_open2(encoder, codec, NULL) >= 0) {
            frame->format = format;
            frame->nb_samples = encoder->frame_size;
            frame->sample_rate = 44100;
            av_channel_layout_default(&frame->ch_layout, 2);
            if (av_frame_get_buffer(frame, 0) >= 0 && avcodec_send_frame(encoder, frame) >= 0 &&
                avcodec_send_frame(encoder, NULL) >= 0)
                while (avcodec_receive_packet(encoder, packet) >= 0)
                    av_packet_unref(packet);
        }
    }
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

void serve_warm_up(void)
{
    static const enum AVCodecID decoders[] = {
        AV_CODEC_ID_MP3,  AV_CODEC_ID_AAC,  AV_CODEC_ID_VORBIS, AV_CODEC_ID_OPUS,
        AV_CODEC_ID_FLAC, AV_CODEC_ID_ALAC, AV_CODEC_ID_PNG,    AV_CODEC_ID_MJPEG};
    av_log_set_level(AV_LOG_QUIET);
    warm_encoder(AV_CODEC_ID_AAC, AV_SAMPLE_FMT_FLTP);
    warm_encoder(AV_CODEC_ID_FLAC, AV_SAMPLE_FMT_S16);
    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        const AVCodec *codec = avcodec_find_decoder(decoders[i]);
        AVCodecContext *decoder = codec == NULL ? NULL : avcodec_alloc_context3(codec);
        if (decoder != NULL) {
            decoder->sample_rate = 44100;
            av_channel_layout_default(&decoder->ch_layout, 2);
            IGNORE_ERR((err_t)avcodec_open2(decoder, codec, NULL)); /* some want a header first */
        }
        avcodec_free_context(&decoder);
    }
}
