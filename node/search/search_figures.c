/* search_figures.c -- what the keeper says of the index: to the control socket, and as metrics. */

#include "node/search/search_keeper.h"
#include "runtime/base/json.h"

const char *const SEARCH_KIND_NAMES[SEARCH_KIND_COUNT] = {
    [SEARCH_TRACK] = "track", [SEARCH_ALBUM] = "album", [SEARCH_ARTIST] = "artist"};

static const char *const kind_names[SEARCH_KIND_COUNT] = {
    [SEARCH_TRACK] = "tracks", [SEARCH_ALBUM] = "albums", [SEARCH_ARTIST] = "artists"};

static const char *const state_names[] = {
#define STATE_NAME(name) [SEARCH_STATE_##name] = #name,
    SEARCH_STATE_LIST(STATE_NAME)
#undef STATE_NAME
};

static const char *const stage_names[SEARCH_STAGE_COUNT] = {
    [SEARCH_STAGE_EXACT] = "exact",
    [SEARCH_STAGE_FUZZY] = "fuzzy",
    [SEARCH_STAGE_ALL_BUT_ONE] = "all_but_one",
    [SEARCH_STAGE_ALL_BUT_TWO] = "all_but_two",
    [SEARCH_STAGE_LYRICS] = "lyrics",
    [SEARCH_STAGE_BROWSE] = "browse",
};

void search_keeper_describe(search_keeper_t *self, buf_t *out)
{
    search_feed_stats_t stats;
    search_feed_stats(self->feed, &stats);
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "state", str_from(state_names[search_keeper_state(self)]));
    json_key_str(&json, "wants", str_from(search_want_text(search_feed_wants(self->feed))));
    json_key_bool(&json, "is_building", atomic_load(&self->is_building));
    json_key_bool(&json, "is_ready", stats.is_ready);
    json_key_u64(&json, "percent", search_keeper_percent(self));
    json_key_u64(&json, "builds", atomic_load(&self->ended));
    json_key_str(&json, "err", str_from(err_name((err_t)atomic_load(&self->build_err))));
    for (size_t i = 0; i < SEARCH_KIND_COUNT; i++)
        json_key_u64(&json, kind_names[i], stats.index.documents[i]);
    json_key_u64(&json, "words", stats.index.words);
    json_key_u64(&json, "changed", stats.index.delta);
    json_key_u64(&json, "bytes", stats.index.file_size);
    json_key_u64(&json, "built_at_ms", stats.index.built_at_ms);
    json_key_u64(&json, "build_ms", stats.build_ms);
    json_key_u64(&json, "lyrics_missed", stats.lyrics_missed);
    json_key_u64(&json, "catalog_damages", stats.source_damages);
    json_object_end(&json);
}

/* ---- metrics ---- */

static void append(buf_t *out, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP musicstream_search_%s %s\n# TYPE musicstream_search_%s %s\n", name,
               help, name, type);
    buf_printf(out, "musicstream_search_%s %llu\n", name, (unsigned long long)value);
}

typedef struct family {
    const char *name, *type, *help, *label;
    const char *const *values; /* of the label */
    size_t count;
} family_t;

static void append_each(buf_t *out, const family_t *family, const uint64_t *values)
{
    buf_printf(out, "# HELP musicstream_search_%s %s\n# TYPE musicstream_search_%s %s\n",
               family->name, family->help, family->name, family->type);
    for (size_t i = 0; i < family->count; i++)
        buf_printf(out, "musicstream_search_%s{%s=\"%s\"} %llu\n", family->name, family->label,
                   family->values[i], (unsigned long long)values[i]);
}

static void append_figures(const search_feed_stats_t *stats, buf_t *out)
{
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"is_building", "gauge", "1: the search index is built, beside the one that answers.",
         stats->is_building},
        {"is_ready", "gauge", "0: there is no search index yet.", stats->is_ready},
        {"changed", "gauge", "Documents and removals since the index was built.",
         stats->index.delta},
        {"bytes", "gauge", "Of the search index on the disk.", stats->index.file_size},
        {"build_milliseconds", "gauge", "That the last build took.", stats->build_ms},
        {"builds_total", "counter", "Search indexes that were built.", stats->builds},
        {"updated_total", "counter", "Documents that were updated.", stats->updated_documents},
        {"damages_total", "counter", "Search indexes that were found damaged.", stats->damages},
        {"catalog_damages_total", "counter", "Records of the catalog that could not be read.",
         stats->source_damages},
        {"questions_total", "counter", "Questions that were answered.", stats->questions},
        {"cut_total", "counter", "Questions whose budget of work was spent.", stats->cut},
        {"work_total", "counter", "Work that questions took (search_request.h).", stats->work},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        append(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}

static void append_asked(search_asker_t *asker, buf_t *out)
{
    static const char *const places[] = {"here", "offloaded", "refused", "cancelled"};
    static const family_t asked = {
        "asked_total", "counter", "Questions by where they were answered, or why not.",
        "place",       places,    COUNT_OF(places)};
    search_asker_stats_t stats;
    search_asker_stats(asker, &stats);
    append_each(out, &asked,
                (uint64_t[]){stats.here, stats.offloaded, stats.refused, stats.cancelled});
    append(out, "asked_cut_total", "counter", "Questions answered with what was found until then.",
           stats.cut);
    append(out, "waiting", "gauge", "Questions that wait for the offload pool, or run there.",
           stats.waiting);
    append(out, "held_microseconds_max", "gauge",
           "The longest that questions held a thread that serves requests.",
           stats.held_ns_max / 1000);
}

void search_keeper_append_metrics(search_keeper_t *self, buf_t *out)
{
    search_feed_stats_t stats;
    search_feed_stats(self->feed, &stats);
    append_figures(&stats, out);
    append(out, "built_percent", "gauge", "Of the search index that is being built.",
           search_keeper_percent(self));
    static const family_t documents = {"documents", "gauge",    "In the search index.",
                                       "kind",      kind_names, SEARCH_KIND_COUNT};
    static const family_t stages = {
        "stage_total", "counter",   "Questions by the last stage that was run.",
        "stage",       stage_names, SEARCH_STAGE_COUNT};
    append_each(out, &documents, stats.index.documents);
    append_each(out, &stages, stats.by_stage);
    if (self->asker != NULL)
        append_asked(self->asker, out);
}
