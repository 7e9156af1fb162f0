#include "media/av_input.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const char formats[] =
    "flac,mp3,ogg,mov,wav,w64,aiff,aac,ape,wv,tta,asf,dsf,iff,mpc,mpc8,matroska,au,caf,tak,"
    "ac3,eac3,oma,shorten,voc,amr,loas";

err_t err_from_av(int code)
{
    if (code == AVERROR(ENOMEM))
        return ERR_NO_MEMORY;
    return code == AVERROR_INVALIDDATA || code == AVERROR_EOF ? ERR_INVALID : ERR_UNSUPPORTED;
}

static int read_packet(void *opaque, uint8_t *out, int size)
{
    av_input_t *self = opaque;
    ssize_t got;
    if (self->budget < size)
        return AVERROR_EOF;
    do {
        got = pread(self->fd, out, (size_t)size, self->at);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return AVERROR(EIO);
    if (got == 0)
        return AVERROR_EOF;
    self->at += got;
    self->budget -= got;
    return (int)got;
}

static int64_t seek(void *opaque, int64_t offset, int whence)
{
    av_input_t *self = opaque;
    if ((whence & AVSEEK_SIZE) != 0)
        return self->size;
    whence &= ~AVSEEK_FORCE;
    int64_t base = whence == SEEK_CUR ? self->at : whence == SEEK_END ? self->size : 0;
    if (__builtin_add_overflow(base, offset, &base) || base < 0)
        return AVERROR(EINVAL);
    return self->at = base;
}

static int refuse_open(UNUSED AVFormatContext *format, UNUSED AVIOContext **io,
                       UNUSED const char *url, UNUSED int flags, UNUSED AVDictionary **options)
{
    return AVERROR(EPERM);
}

static err_t open_format(av_input_t *self, const char *name)
{
    unsigned char *buffer = av_malloc(AV_INPUT_IO_SIZE);
    self->io = buffer == NULL
                   ? NULL
                   : avio_alloc_context(buffer, AV_INPUT_IO_SIZE, 0, self, read_packet, NULL, seek);
    if (self->io == NULL) {
        av_free(buffer);
        return ERR_NO_MEMORY;
    }
    self->format = avformat_alloc_context();
    if (self->format == NULL)
        return ERR_NO_MEMORY;
    self->format->pb = self->io;
    self->format->io_open = refuse_open;
    self->format->format_whitelist = av_strdup(formats);
    self->format->probesize = AV_INPUT_PROBE_SIZE;
    self->format->format_probesize = AV_INPUT_PROBE_SIZE / 4;
    self->format->max_streams = AV_INPUT_STREAMS_MAX;
    self->format->flags |= AVFMT_FLAG_BITEXACT;
    if (self->format->format_whitelist == NULL)
        return ERR_NO_MEMORY;
    int code =
        avformat_open_input(&self->format, name, NULL, NULL); /* frees the format when it fails */
    return code < 0 ? err_from_av(code) : ERR_OK;
}

err_t av_input_open(av_input_t *self, int fd, const char *name)
{
    struct stat status;
    *self = (av_input_t){.fd = fd, .budget = AV_INPUT_OPEN_SIZE_MAX};
    if (fstat(fd, &status) != 0)
        return ERR_IO;
    self->size = status.st_size;
    err_t err = open_format(self, name);
    if (err != ERR_OK)
        av_input_close(self);
    return err;
}

void av_input_unbind(av_input_t *self)
{
    self->budget = INT64_MAX;
}

void av_input_close(av_input_t *self)
{
    avformat_close_input(&self->format);
    if (self->io != NULL)
        av_freep(&self->io->buffer);
    avio_context_free(&self->io);
}

static AVStream *first_audio(const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            return format->streams[i];
    return NULL;
}

static bool is_described(const AVStream *stream)
{
    const AVCodecParameters *p = stream->codecpar;
    return p->sample_rate > 0 && p->ch_layout.nb_channels > 0 && stream->duration > 0 &&
           p->codec_id != AV_CODEC_ID_NONE;
}

AVStream *av_input_audio(av_input_t *self, bool needs_all)
{
    AVStream *stream = first_audio(self->format);
    if (stream == NULL || (needs_all && !is_described(stream))) {
        if (avformat_find_stream_info(self->format, NULL) < 0)
            return NULL;
        stream = first_audio(self->format);
    }
    for (unsigned i = 0; stream != NULL && i < self->format->nb_streams; i++)
        if (self->format->streams[i] != stream)
            self->format->streams[i]->discard = AVDISCARD_ALL;
    return stream;
}
