#include "gateway/hls/playlist.h"

bool hls_has_rendition(const hls_track_t *track, rendition_t rendition)
{
    segment_plan_t plan;
    return (rendition != RENDITION_FLAC || track->is_lossless) &&
           segment_plan(rendition, &track->source, &plan) == ERR_OK;
}

err_t hls_multivariant(const hls_track_t *track, hls_address_fn address, void *context, buf_t *out)
{
    /* The first one is where a player starts that knows nothing of the line. */
    static const rendition_t order[] = {RENDITION_AAC_128, RENDITION_AAC_64, RENDITION_AAC_256,
                                        RENDITION_FLAC};
    buf_append(out, STR("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
    size_t named = 0;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        const segment_source_t *source = &track->source;
        if (!hls_has_rendition(track, order[i]))
            continue;
        named++;
        buf_printf(
            out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"%s\"\n",
            rendition_bandwidth(order[i], source->sample_rate, source->channels, source->bits),
            rendition_codecs(order[i]));
        TRY(address(context, order[i], out));
        buf_append_char(out, '\n');
    }
    return named == 0 ? ERR_UNSUPPORTED : buf_status(out);
}

err_t hls_media(const hls_track_t *track, rendition_t rendition, buf_t *out)
{
    segment_plan_t plan;
    if (!hls_has_rendition(track, rendition))
        return ERR_NOT_FOUND;
    TRY(segment_plan(rendition, &track->source, &plan));
    buf_printf(
        out,
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%u\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI=\"init.mp4\"\n",
        segment_target_seconds(&plan));
    for (uint32_t i = 0; i < plan.segment_count; i++)
        buf_printf(out, "#EXTINF:%.6f,\n%u.m4s\n", segment_seconds(&plan, i), i);
    buf_append(out, STR("#EXT-X-ENDLIST\n"));
    return buf_status(out);
}

err_t hls_file_index(str_t file, uint32_t *out_index)
{
    uint32_t index;
    if (str_equal(file, STR("init.mp4"))) {
        *out_index = HLS_INIT;
        return ERR_OK;
    }
    if (!str_ends_with(file, STR(".m4s")) ||
        str_to_u32(str_slice(file, 0, file.size - 4), &index) != ERR_OK || index >= SEGMENTS_MAX)
        return ERR_NOT_FOUND;
    *out_index = index;
    return ERR_OK;
}
