#include "tests/media/media_fixture.h"

#include "media/encode.h"
#include "media/pcm.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int fixture_file(void)
{
    int fd = memfd_create("fixture", MFD_CLOEXEC);
    cr_assert(fd >= 0);
    return fd;
}

int fixture_bytes(str_t bytes)
{
    int fd = fixture_file();
    cr_assert(pwrite(fd, bytes.data, bytes.size, 0) == (ssize_t)bytes.size);
    return fd;
}

int fixture_audio(const demo_wave_t *wave, demo_format_t format, const demo_tag_t *tags,
                  size_t tag_count, str_t cover)
{
    av_log_set_level(AV_LOG_QUIET);
    demo_sound_t sound DEMO_SOUND_SCOPED = {0};
    char path[64];
    int fd = fixture_file();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    demo_file_t file = {.path = path, .tags = tags, .tag_count = tag_count, .cover = cover};
    check_ok(demo_encode(wave, format, &sound));
    check_ok(demo_write(&sound, &file));
    return fd;
}

media_file_t fixture_probe(int fd, const char *name, arena_t *arena)
{
    av_log_set_level(AV_LOG_QUIET);
    media_file_t file;
    tag_set_t *tags = memory_new(sizeof *tags);
    char *window = memory_new(SOURCE_WINDOW_SIZE);
    probe_file(fd, str_from(name), arena, tags, window, 0, &file);
    memory_free(tags);
    memory_free(window);
    return file;
}

segment_source_t fixture_source(const media_file_t *file)
{
    cr_assert(file->err == ERR_OK, "%.*s", STR_ARG(file->reason));
    const media_audio_t *audio = file->audio.items;
    return (segment_source_t){audio->sample_rate, audio->channels, audio->bits,
                              audio->total_samples};
}

static err_t keep_going(UNUSED void *context, UNUSED uint32_t index, UNUSED uint64_t size)
{
    return ERR_OK;
}

void fixture_encode(int source, const char *name, const segment_source_t *format,
                    rendition_t rendition, uint32_t first, uint32_t count, int *out_fds)
{
    media_encode_t request = {.name = str_from(name),
                              .rendition = (uint32_t)rendition,
                              .sample_rate = format->sample_rate,
                              .channels = format->channels,
                              .bits = format->bits,
                              .total_samples = format->total_samples,
                              .first = first,
                              .count = count};
    for (uint32_t i = 0; i < count; i++)
        out_fds[i] = fixture_file();
    check_ok(encode_run(&request, source, out_fds, keep_going, NULL));
}

void fixture_read(int fd, buf_t *out)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *room = buf_extend(out, (size_t)size);
    cr_assert(pread(fd, room, (size_t)size, 0) == size);
}

void fixture_decode(str_t mp4, demo_wave_t *out_wave)
{
    char path[64];
    int fd = fixture_bytes(mp4);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    AVFormatContext *format = NULL;
    AVDictionary *options = NULL;
    av_dict_set(&options, "ignore_editlist", "1", 0);
    cr_assert(avformat_open_input(&format, path, NULL, &options) >= 0,
              "the segments can't be read");
    av_dict_free(&options);
    AVCodecParameters *parameters = format->streams[0]->codecpar;
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
    avcodec_parameters_to_context(decoder, parameters);
    decoder->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
    cr_assert(avcodec_open2(decoder, NULL, NULL) >= 0);
    buf_t samples BUF_SCOPED = BUF_INIT;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    bool is_ended = false;
    while (!is_ended) {
        is_ended = av_read_frame(format, packet) < 0;
        cr_assert(avcodec_send_packet(decoder, is_ended ? NULL : packet) >= 0,
                  "a frame can't be decoded");
        av_packet_unref(packet);
        while (avcodec_receive_frame(decoder, frame) >= 0) {
            for (int i = 0; i < frame->nb_samples; i++) {
                float value = frame->format == AV_SAMPLE_FMT_FLTP
                                  ? ((const float *)(const void *)frame->data[0])[i]
                              : frame->format == AV_SAMPLE_FMT_S16
                                  ? (float)((const int16_t *)(const void *)
                                                frame->data[0])[i * frame->ch_layout.nb_channels] /
                                        32768
                                  : (float)((const int32_t *)(const void *)
                                                frame->data[0])[i * frame->ch_layout.nb_channels] /
                                        2147483648.0F;
                buf_append_bytes(&samples, &value, sizeof value);
            }
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    uint32_t sample_rate = (uint32_t)parameters->sample_rate;
    avcodec_free_context(&decoder);
    avformat_close_input(&format);
    close(fd);
    check_ok(demo_wave_init(out_wave, sample_rate, 1, samples.size / sizeof(float)));
    memcpy(out_wave->samples, samples.data, samples.size);
}
