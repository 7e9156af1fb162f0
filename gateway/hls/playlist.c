#include "gateway/hls/playlist.h"

err_t hls_plan(rendition_t rendition, const segment_source_t *source, segment_plan_t *out_plan)
{
    if (rendition == RENDITION_FLAC && source->bits == 0)
        return ERR_NOT_FOUND;
    return segment_plan(rendition, source, out_plan);
}

err_t hls_multivariant(const segment_source_t *source, str_t track,
                       const str_t tokens[RENDITION_COUNT], buf_t *out)
{
    /* A player without an estimate begins with the first one. */
    static const rendition_t order[] = {RENDITION_AAC_128, RENDITION_AAC_256, RENDITION_AAC_64,
                                        RENDITION_FLAC};
    size_t before = out->size, count = 0;
    buf_append(out, STR("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        segment_plan_t plan;
        if (hls_plan(order[i], source, &plan) != ERR_OK)
            continue;
        count++;
        buf_printf(out,
                   "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"%s\",NAME=\"%s\"\n"
                   "../../../%.*s/%.*s/%s/index.m3u8\n",
                   rendition_bandwidth(order[i], plan.sample_rate, plan.channels, plan.bits),
                   rendition_codecs(order[i]), rendition_name(order[i]), STR_ARG(tokens[order[i]]),
                   STR_ARG(track), rendition_name(order[i]));
    }
    if (count == 0) {
        out->size = before;
        return ERR_UNSUPPORTED;
    }
    return buf_status(out);
}

err_t hls_media(rendition_t rendition, const segment_source_t *source, buf_t *out)
{
    segment_plan_t plan;
    TRY(hls_plan(rendition, source, &plan));
    buf_printf(out,
               "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%u\n"
               "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n"
               "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n",
               segment_target_seconds(&plan));
    for (uint32_t i = 0; i < plan.segment_count; i++)
        buf_printf(out, "#EXTINF:%.6f,\n%u.m4s\n", segment_seconds(&plan, i), i);
    buf_append(out, STR("#EXT-X-ENDLIST\n"));
    return buf_status(out);
}

err_t hls_parse_file(str_t name, hls_file_kind_t *out_kind, uint32_t *out_index)
{
    uint32_t index = 0;
    if (str_equal(name, STR("index.m3u8"))) {
        *out_kind = HLS_INDEX;
        return ERR_OK;
    }
    if (str_equal(name, STR("init.mp4"))) {
        *out_kind = HLS_INIT;
        return ERR_OK;
    }
    if (!str_ends_with(name, STR(".m4s")))
        return ERR_NOT_FOUND;
    str_t digits = str_slice(name, 0, name.size - 4);
    if (str_to_u32(digits, &index) != ERR_OK || index >= SEGMENTS_MAX ||
        (digits.size > 1 && digits.data[0] == '0'))
        return ERR_NOT_FOUND;
    *out_kind = HLS_SEGMENT;
    *out_index = index;
    return ERR_OK;
}
