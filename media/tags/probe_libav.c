/* All formats that are not read here, and what those readers did not settle: libavformat. */
#include "media/av_input.h"
#include "media/tags/probe.h"

#include <libavutil/opt.h>

enum { HASH_PACKETS_MAX = 4096 };

/* libavformat's names that are not the taggers'. */
static str_t key_of(const char *key)
{
    static const char *const names[][2] = {{"album_artist", "albumartist"},
                                           {"sort_name", "titlesort"},
                                           {"sort_artist", "artistsort"},
                                           {"sort_album", "albumsort"},
                                           {"sort_album_artist", "albumartistsort"},
                                           {"iTunes_CDDB_TrackNumber", ""},
                                           {"encoded_by", ""}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(key, names[i][0]) == 0)
            return str_from(names[i][1]);
    return str_from(key);
}

static void read_dictionary(probe_t *self, const AVDictionary *dictionary)
{
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)) != NULL) {
        str_t key = key_of(entry->key);
        if (str_starts_with(key, STR("lyrics-"))) /* with a language */
            key = STR("lyrics");
        tag_add(self->tags, key, str_from(entry->value), CHARSET_UTF8);
    }
}

static str_t codec_name(const AVCodecParameters *p)
{
    const char *name = avcodec_get_name(p->codec_id);
    if (strncmp(name, "pcm_", 4) == 0)
        return STR("pcm");
    return str_from(name);
}

static str_t container_name(const AVFormatContext *format)
{
    str_t name = str_from(format->iformat->name);
    if (str_starts_with(name, STR("mov")))
        return STR("mp4");
    return str_slice(name, 0, str_find(name, ','));
}

static uint32_t lossless_bits(const AVCodecParameters *p)
{
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get(p->codec_id);
    if (descriptor == NULL || (descriptor->props & AV_CODEC_PROP_LOSSLESS) == 0 ||
        (descriptor->props & AV_CODEC_PROP_LOSSY) != 0)
        return 0;
    int bits = p->bits_per_raw_sample > 0 ? p->bits_per_raw_sample : p->bits_per_coded_sample;
    if (bits <= 0)
        bits = av_get_bits_per_sample(p->codec_id);
    return bits <= 0 ? 16 : (uint32_t)MIN(bits, 32);
}

static void read_cover(probe_t *self, const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        if ((stream->disposition & AV_DISPOSITION_ATTACHED_PIC) == 0 ||
            stream->attached_pic.size <= 0)
            continue;
        str_t bytes = str_of(stream->attached_pic.data, (size_t)stream->attached_pic.size);
        bool is_png = stream->codecpar->codec_id == AV_CODEC_ID_PNG;
        tag_set_cover(self->tags, is_png ? STR("image/png") : STR("image/jpeg"), bytes.size, bytes,
                      bytes);
    }
}

/* The same bytes of the stream whatever stands around it. */
static void hash_packets(probe_t *self, av_input_t *input, const AVStream *stream)
{
    buf_t bytes BUF_SCOPED = {.size_max = (size_t)16 * PROBE_HASH_SIZE};
    AVPacket *packet = av_packet_alloc();
    for (uint32_t i = 0; packet != NULL && i < HASH_PACKETS_MAX && bytes.size < PROBE_HASH_SIZE;
         i++) {
        if (av_read_frame(input->format, packet) < 0)
            break;
        if (packet->stream_index == stream->index && packet->size > 0)
            buf_append_bytes(&bytes, packet->data, (size_t)packet->size);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (bytes.size > 0)
        probe_hash(self, str_slice(buf_str(&bytes), 0, PROBE_HASH_SIZE));
}

static err_t read_stream(probe_t *self, av_input_t *input, const AVStream *stream)
{
    const AVCodecParameters *p = stream->codecpar;
    int64_t duration = stream->duration > 0 ? av_rescale_q(stream->duration, stream->time_base,
                                                           (AVRational){1, MAX(p->sample_rate, 1)})
                       : input->format->duration > 0
                           ? av_rescale_q(input->format->duration, AV_TIME_BASE_Q,
                                          (AVRational){1, MAX(p->sample_rate, 1)})
                           : 0;
    if (p->sample_rate <= 0 || duration <= 0)
        return ERR_INVALID;
    uint32_t bits = lossless_bits(p);
    int64_t bit_rate = p->bit_rate > 0 ? p->bit_rate : input->format->bit_rate;
    if (bit_rate <= 0)
        bit_rate = (int64_t)((double)input->size * 8 * p->sample_rate / (double)duration);
    *self->audio = (media_audio_t){
        .codec = codec_name(p),
        .container = container_name(input->format),
        .bit_rate = (uint32_t)MIN(bit_rate, (int64_t)UINT32_MAX),
        .sample_rate = (uint32_t)p->sample_rate,
        .channels = (uint32_t)MAX(p->ch_layout.nb_channels, 0),
        .bits = bits,
        .is_lossless = bits > 0,
        .total_samples = (uint64_t)duration,
        .encoder_delay = (uint32_t)MAX(p->initial_padding, 0),
        .is_estimated = stream->duration <= 0,
    };
    hash_packets(self, input, stream);
    return ERR_OK;
}

err_t probe_libav(probe_t *self)
{
    av_input_t input AV_INPUT_SCOPED = {0};
    /* Without the name: its ending alone is no reason to believe that text is music. */
    err_t err = av_input_open(&input, self->source.fd, "");
    if (err != ERR_OK)
        return err == ERR_INVALID ? ERR_UNSUPPORTED : err;
    AVStream *stream = av_input_audio(&input, true);
    if (stream == NULL) {
        self->file->reason = STR("there is no audio in the file");
        return ERR_UNSUPPORTED;
    }
    read_dictionary(self, input.format->metadata);
    read_dictionary(self, stream->metadata);
    read_cover(self, input.format);
    return read_stream(self, &input, stream);
}

err_t probe_cover(int fd, str_t name, arena_t *arena, str_t *out_bytes)
{
    av_input_t input AV_INPUT_SCOPED = {0};
    char terminated[256] = {0};
    memcpy(terminated, name.data, MIN(name.size, sizeof terminated - 1));
    TRY(av_input_open(&input, fd, terminated));
    const AVPacket *best = NULL;
    for (unsigned i = 0; i < input.format->nb_streams; i++) {
        const AVStream *stream = input.format->streams[i];
        if ((stream->disposition & AV_DISPOSITION_ATTACHED_PIC) == 0 ||
            stream->attached_pic.size <= 0)
            continue;
        const AVDictionaryEntry *kind = av_dict_get(stream->metadata, "comment", NULL, 0);
        bool is_front = kind != NULL && strcmp(kind->value, "Cover (front)") == 0;
        if (best == NULL || is_front)
            best = &stream->attached_pic;
        if (is_front)
            break;
    }
    if (best == NULL)
        return ERR_NOT_FOUND;
    if (best->size > MEDIA_COVER_MAX)
        return ERR_LIMIT;
    *out_bytes = arena_str(arena, str_of(best->data, (size_t)best->size));
    return out_bytes->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}
