#include "media/protocol/fmp4.h"

enum {
    TRACK_ID = 1,
    TFHD_DEFAULT_DURATION = 0x08,
    TFHD_DEFAULT_FLAGS = 0x20,
    TFHD_BASE_IS_MOOF = 0x020000,
    TRUN_DATA_OFFSET = 0x01,
    TRUN_DURATION = 0x100,
    TRUN_SIZE = 0x200,
    SAMPLE_IS_SYNC = 0x02000000 /* depends on no other */
};

static void put(buf_t *out, uint64_t value, unsigned bytes)
{
    char raw[8];
    for (unsigned i = 0; i < bytes; i++)
        raw[i] = (char)(value >> (8 * (bytes - 1 - i)));
    buf_append_bytes(out, raw, bytes);
}

static void put_zeros(buf_t *out, size_t size)
{
    char *room = buf_extend(out, size);
    if (room != NULL)
        memset(room, 0, size);
}

static void patch_u32(buf_t *out, size_t at, size_t value)
{
    if (buf_status(out) != ERR_OK)
        return;
    for (unsigned i = 0; i < 4; i++)
        out->data[at + i] = (char)(value >> (8 * (3 - i)));
}

static size_t box_begin(buf_t *out, const char *type)
{
    size_t at = out->size;
    put(out, 0, 4);
    buf_append_bytes(out, type, 4);
    return at;
}

static size_t full_box_begin(buf_t *out, const char *type, unsigned version, uint32_t flags)
{
    size_t at = box_begin(out, type);
    put(out, (uint64_t)version << 24 | flags, 4);
    return at;
}

static void box_end(buf_t *out, size_t at)
{
    patch_u32(out, at, out->size - at);
}

static void put_ftyp(buf_t *out, const char *type, const char *brands)
{
    size_t box = box_begin(out, type);
    buf_append_bytes(out, brands, 4); /* the major brand stands also among the compatible ones */
    put(out, 0, 4);
    buf_append(out, str_from(brands));
    box_end(out, box);
}

/* ISO/IEC 14496-12, 8.2.2 and 8.3.2: the identity matrix. */
static void put_matrix(buf_t *out)
{
    static const uint32_t matrix[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (size_t i = 0; i < COUNT_OF(matrix); i++)
        put(out, matrix[i], 4);
}

static void put_mvhd(const segment_plan_t *plan, buf_t *out)
{
    size_t box = full_box_begin(out, "mvhd", 0, 0);
    put_zeros(out, 8); /* creation, modification: the same bytes whenever they are made */
    put(out, plan->sample_rate, 4);
    put(out, 0, 4);
    put(out, 0x10000, 4); /* rate */
    put(out, 0x100, 2);   /* volume */
    put_zeros(out, 10);
    put_matrix(out);
    put_zeros(out, 24);
    put(out, TRACK_ID + 1, 4);
    box_end(out, box);
}

static void put_tkhd(buf_t *out)
{
    size_t box = full_box_begin(out, "tkhd", 0, 3); /* enabled, in the movie */
    put_zeros(out, 8);
    put(out, TRACK_ID, 4);
    put_zeros(out, 4 + 4 + 8 + 2 + 2);
    put(out, 0x100, 2);
    put(out, 0, 2);
    put_matrix(out);
    put_zeros(out, 8);
    box_end(out, box);
}

/* What is heard starts after the priming and lasts the whole track. */
static void put_edts(const segment_plan_t *plan, buf_t *out)
{
    size_t edts = box_begin(out, "edts");
    size_t elst = full_box_begin(out, "elst", 1, 0);
    put(out, 1, 4);
    put(out, plan->total_samples, 8);
    put(out, plan->priming_samples, 8);
    put(out, 0x10000, 4);
    box_end(out, elst);
    box_end(out, edts);
}

static unsigned aac_rate_index(uint32_t sample_rate)
{
    return sample_rate == 48000 ? 3 : 4; /* 4: 44.1 kHz; plans hold no other */
}

void fmp4_aac_config(const segment_plan_t *plan, buf_t *out)
{
    /* AAC-LC, rate, channels; then a sync extension that says: no SBR. */
    unsigned config = 2U << 11 | aac_rate_index(plan->sample_rate) << 7 | plan->channels << 3;
    put(out, config, 2);
    put(out, 0x56e500, 3);
}

void fmp4_flac_streaminfo(const segment_plan_t *plan, buf_t *out)
{
    put(out, plan->frame_samples, 2);
    put(out, plan->frame_samples, 2);
    put_zeros(out, 6); /* frame sizes: not known */
    uint64_t packed = (uint64_t)plan->sample_rate << 44 | (uint64_t)(plan->channels - 1) << 41 |
                      (uint64_t)(plan->bits - 1) << 36;
    put(out, packed | (plan->total_samples < 1ULL << 36 ? plan->total_samples : 0), 8);
    put_zeros(out, 16); /* MD5: not computed */
}

static void put_esds(const segment_plan_t *plan, buf_t *out)
{
    enum { ASC_SIZE = 5, CONFIG_SIZE = 13 + 2 + ASC_SIZE, ES_SIZE = 3 + 2 + CONFIG_SIZE + 3 };
    size_t box = full_box_begin(out, "esds", 0, 0);
    put(out, 0x03, 1); /* ES_Descriptor */
    put(out, ES_SIZE, 1);
    put(out, TRACK_ID, 2);
    put(out, 0, 1);
    put(out, 0x04, 1); /* DecoderConfigDescriptor: MPEG-4 audio, an audio stream */
    put(out, CONFIG_SIZE, 1);
    put(out, 0x40, 1);
    put(out, 0x15, 1);
    put(out, 0, 3);
    put(out, plan->bit_rate, 4);
    put(out, plan->bit_rate, 4);
    put(out, 0x05, 1); /* DecoderSpecificInfo */
    put(out, ASC_SIZE, 1);
    fmp4_aac_config(plan, out);
    put(out, 0x06, 1); /* SLConfigDescriptor: as MP4 wants it */
    put(out, 1, 1);
    put(out, 2, 1);
    box_end(out, box);
}

static void put_dfla(const segment_plan_t *plan, buf_t *out)
{
    size_t box = full_box_begin(out, "dfLa", 0, 0);
    put(out, 0x80, 1); /* the last metadata block, STREAMINFO */
    put(out, 34, 3);
    fmp4_flac_streaminfo(plan, out);
    box_end(out, box);
}

static void put_stsd(const segment_plan_t *plan, buf_t *out)
{
    bool is_flac = plan->rendition == RENDITION_FLAC;
    size_t stsd = full_box_begin(out, "stsd", 0, 0);
    put(out, 1, 4);
    size_t entry = box_begin(out, is_flac ? "fLaC" : "mp4a");
    put_zeros(out, 6);
    put(out, 1, 2); /* data reference */
    put_zeros(out, 8);
    put(out, plan->channels, 2);
    put(out, is_flac ? plan->bits : 16, 2);
    put_zeros(out, 4);
    /* 16.16; a rate that does not fit is 0 and stands in dfLa. */
    put(out, plan->sample_rate < 65536 ? (uint64_t)plan->sample_rate << 16 : 0, 4);
    if (is_flac)
        put_dfla(plan, out);
    else
        put_esds(plan, out);
    box_end(out, entry);
    box_end(out, stsd);
}

static void put_empty_table(buf_t *out, const char *type, size_t zeros)
{
    size_t box = full_box_begin(out, type, 0, 0);
    put_zeros(out, zeros);
    box_end(out, box);
}

static void put_minf(const segment_plan_t *plan, buf_t *out)
{
    size_t minf = box_begin(out, "minf");
    put_empty_table(out, "smhd", 4);
    size_t dinf = box_begin(out, "dinf");
    size_t dref = full_box_begin(out, "dref", 0, 0);
    put(out, 1, 4);
    box_end(out, full_box_begin(out, "url ", 0, 1)); /* in this file */
    box_end(out, dref);
    box_end(out, dinf);
    size_t stbl = box_begin(out, "stbl");
    put_stsd(plan, out);
    put_empty_table(out, "stts", 4);
    put_empty_table(out, "stsc", 4);
    put_empty_table(out, "stsz", 8);
    put_empty_table(out, "stco", 4);
    box_end(out, stbl);
    box_end(out, minf);
}

static void put_mdia(const segment_plan_t *plan, buf_t *out)
{
    size_t mdia = box_begin(out, "mdia");
    size_t mdhd = full_box_begin(out, "mdhd", 0, 0);
    put_zeros(out, 8);
    put(out, plan->sample_rate, 4);
    put(out, 0, 4);
    put(out, 0x55c4, 2); /* language: und */
    put(out, 0, 2);
    box_end(out, mdhd);
    size_t hdlr = full_box_begin(out, "hdlr", 0, 0);
    put(out, 0, 4);
    buf_append_bytes(out, "soun", 4);
    put_zeros(out, 12);
    buf_append_bytes(out, "sound", 6);
    box_end(out, hdlr);
    put_minf(plan, out);
    box_end(out, mdia);
}

static void put_mvex(const segment_plan_t *plan, buf_t *out)
{
    size_t mvex = box_begin(out, "mvex");
    size_t mehd = full_box_begin(out, "mehd", 1, 0);
    put(out, plan->total_samples, 8);
    box_end(out, mehd);
    size_t trex = full_box_begin(out, "trex", 0, 0);
    put(out, TRACK_ID, 4);
    put(out, 1, 4); /* the sample description */
    put(out, plan->frame_samples, 4);
    put(out, 0, 4);
    put(out, SAMPLE_IS_SYNC, 4);
    box_end(out, trex);
    box_end(out, mvex);
}

void fmp4_init(const segment_plan_t *plan, buf_t *out)
{
    put_ftyp(out, "ftyp", "iso6cmfcmp41");
    size_t moov = box_begin(out, "moov");
    put_mvhd(plan, out);
    size_t trak = box_begin(out, "trak");
    put_tkhd(out);
    put_edts(plan, out);
    put_mdia(plan, out);
    box_end(out, trak);
    put_mvex(plan, out);
    box_end(out, moov);
}

/* Returns where the offset of the data is to be patched in. */
static size_t put_trun(const segment_plan_t *plan, const segment_t *segment, const uint32_t *sizes,
                       buf_t *out)
{
    uint32_t count = (uint32_t)(segment->frame_end - segment->frame_begin);
    uint64_t last = segment->duration_samples - (uint64_t)(count - 1) * plan->frame_samples;
    bool has_durations = last != plan->frame_samples;
    uint32_t flags = TRUN_DATA_OFFSET | TRUN_SIZE | (has_durations ? TRUN_DURATION : 0);
    size_t trun = full_box_begin(out, "trun", 0, flags);
    put(out, count, 4);
    size_t offset_at = out->size;
    put(out, 0, 4);
    for (uint32_t i = 0; i < count; i++) {
        if (has_durations)
            put(out, i + 1 == count ? last : plan->frame_samples, 4);
        put(out, sizes[i], 4);
    }
    box_end(out, trun);
    return offset_at;
}

void fmp4_segment(const segment_plan_t *plan, uint32_t index, const uint32_t *frame_sizes,
                  str_t data, buf_t *out)
{
    segment_t segment = segment_at(plan, index);
    put_ftyp(out, "styp", "msdhmsixcmfs");
    size_t moof = box_begin(out, "moof");
    size_t mfhd = full_box_begin(out, "mfhd", 0, 0);
    put(out, (uint64_t)index + 1, 4);
    box_end(out, mfhd);
    size_t traf = box_begin(out, "traf");
    size_t tfhd = full_box_begin(out, "tfhd", 0,
                                 TFHD_BASE_IS_MOOF | TFHD_DEFAULT_DURATION | TFHD_DEFAULT_FLAGS);
    put(out, TRACK_ID, 4);
    put(out, plan->frame_samples, 4);
    put(out, SAMPLE_IS_SYNC, 4);
    box_end(out, tfhd);
    size_t tfdt = full_box_begin(out, "tfdt", 1, 0);
    put(out, segment.start_samples, 8);
    box_end(out, tfdt);
    size_t offset_at = put_trun(plan, &segment, frame_sizes, out);
    box_end(out, traf);
    box_end(out, moof);
    patch_u32(out, offset_at, out->size - moof + 8);
    put(out, data.size + 8, 4);
    buf_append_bytes(out, "mdat", 4);
    buf_append(out, data);
}
