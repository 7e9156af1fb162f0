/* control_search.c -- what the command line may ask of the node's search index. */

#include "node/parts.h"
#include "node/search/search_wait.h"
#include "runtime/base/json.h"
#include "runtime/base/memory.h"

enum { LIMIT_MAX = 100, LIMIT = 10 };

static const char *const stages[SEARCH_STAGE_COUNT] = {
    [SEARCH_STAGE_EXACT] = "every word as it stands",
    [SEARCH_STAGE_FUZZY] = "words that are near",
    [SEARCH_STAGE_ALL_BUT_ONE] = "all words but one",
    [SEARCH_STAGE_ALL_BUT_TWO] = "all words but two",
    [SEARCH_STAGE_LYRICS] = "lyrics",
    [SEARCH_STAGE_BROWSE] = "no words: the most popular",
};

/* ---- the question ---- */

static err_t names_of(control_request_t *request, const char *name, search_names_t *out)
{
    const graphql_value_t *list = control_argument_value(request, name);
    size_t count = graphql_value_count(list);
    if (count > SEARCH_NAMES_MAX)
        return ERR_LIMIT;
    str_t *items = arena_new_array(control_arena(request), count + 1, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        items[i] = graphql_value_str(graphql_value_at(list, i));
    *out = (search_names_t){items, count};
    return ERR_OK;
}

static err_t number_of(control_request_t *request, const char *name, uint32_t most, uint32_t *out)
{
    int64_t value = control_argument_int(request, name, *out);
    if (value < 0 || value > most)
        return ERR_INVALID;
    *out = (uint32_t)value;
    return ERR_OK;
}

static err_t filter_of(control_request_t *request, search_filter_t *filter)
{
    TRY(names_of(request, "genres", &filter->genres));
    TRY(names_of(request, "moods", &filter->moods));
    TRY(names_of(request, "languages", &filter->languages));
    TRY(names_of(request, "formats", &filter->formats));
    TRY(number_of(request, "year_from", 9999, &filter->year_from));
    TRY(number_of(request, "year_to", 9999, &filter->year_to));
    filter->added_since_ms = control_argument_int(request, "added_since_ms", 0);
    return number_of(request, "popularity_min", 100, &filter->popularity_min);
}

/* How many of each kind; no kind is named: of all. */
static err_t limits_of(control_request_t *request, search_request_t *out)
{
    search_names_t wanted;
    uint32_t limit = LIMIT;
    TRY(names_of(request, "kinds", &wanted));
    TRY(number_of(request, "limit", LIMIT_MAX, &limit));
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        bool is_wanted = wanted.count == 0;
        for (size_t i = 0; i < wanted.count; i++)
            is_wanted |= str_equal(wanted.items[i], str_from(SEARCH_KIND_NAMES[kind]));
        out->first[kind] = is_wanted ? limit : 0;
    }
    return ERR_OK;
}

static err_t request_of(control_request_t *request, search_request_t *out)
{
    *out = (search_request_t){.text = control_argument(request, "query"),
                              .is_typing = !control_argument_bool(request, "is_whole"),
                              .wants_explanation = control_argument_bool(request, "explain"),
                              .wants_facets = control_argument_bool(request, "facets"),
                              .is_exact = control_argument_bool(request, "is_exact"),
                              .in_lyrics = control_argument_bool(request, "in_lyrics")};
    TRY(limits_of(request, out));
    return filter_of(request, &out->filter);
}

/* ---- the answer ---- */

static void append_credits(json_t *json, const catalog_credit_t *credits, uint32_t count)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    catalog_artist_line(credits, count, &line);
    json_key_str(json, "more", buf_str(&line));
}

/* NOT_FOUND: it has gone since it was put in. */
static err_t append_names(catalog_read_t *read, const search_result_t *result, json_t *json)
{
    catalog_track_t track;
    catalog_album_t album;
    catalog_artist_t artist;
    switch (result->kind) {
    case SEARCH_TRACK:
        TRY(catalog_track(read, result->id, &track));
        json_object_begin(json);
        json_key_str(json, "title", track.title);
        append_credits(json, track.credits.items, track.credits.count);
        return ERR_OK;
    case SEARCH_ALBUM:
        TRY(catalog_album(read, result->id, &album));
        json_object_begin(json);
        json_key_str(json, "title", album.title);
        append_credits(json, album.credits.items, album.credits.count);
        return ERR_OK;
    case SEARCH_ARTIST:
        TRY(catalog_artist(read, result->id, &artist));
        json_object_begin(json);
        json_key_str(json, "title", artist.name);
        return ERR_OK;
    case SEARCH_KIND_COUNT:
        break;
    }
    return ERR_NOT_FOUND;
}

static err_t append_result(catalog_read_t *read, const search_result_t *result, json_t *json)
{
    err_t err = append_names(read, result, json);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    json_key_str(json, "kind", str_from(SEARCH_KIND_NAMES[result->kind]));
    json_key_u64(json, "id", result->id);
    json_key_u64(json, "popularity", result->popularity);
    if (result->line.size > 0) {
        json_key_str(json, "line", result->line);
        json_key_i64(json, "line_at_ms", result->line_at_ms);
    }
    if (result->explanation.size > 0)
        json_key_str(json, "explanation", result->explanation);
    json_object_end(json);
    return ERR_OK;
}

static err_t append_results(node_t *node, arena_t *arena, const search_found_t *found, json_t *json)
{
    static const search_kind_t order[] = {SEARCH_ARTIST, SEARCH_ALBUM, SEARCH_TRACK};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(catalog_read_begin(node->catalog, arena, &read));
    json_key(json, STR("hits"));
    json_array_begin(json);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        for (size_t k = 0; k < found->counts[order[i]]; k++)
            TRY(append_result(&read, &found->results[order[i]][k], json));
    json_array_end(json);
    return ERR_OK;
}

static void append_totals(const search_found_t *found, json_t *json)
{
    json_key(json, STR("totals"));
    json_object_begin(json);
    for (size_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        json_key_u64(json, SEARCH_KIND_NAMES[kind], found->totals[kind]);
    json_object_end(json);
}

static void append_facets(const search_found_t *found, json_t *json)
{
    static const char *const names[SEARCH_FACET_COUNT] = {"genre", "mood", "decade", "language",
                                                          "format"};
    json_key(json, STR("facets"));
    json_object_begin(json);
    for (size_t facet = 0; facet < SEARCH_FACET_COUNT; facet++) {
        const search_facet_list_t *list = &found->facets[facet];
        if (list->count == 0)
            continue;
        json_key(json, str_from(names[facet]));
        json_object_begin(json);
        for (size_t i = 0; i < list->count; i++) {
            json_key(json, list->items[i].value);
            json_u64(json, list->items[i].count);
        }
        json_object_end(json);
    }
    json_object_end(json);
}

/* What it lacks of the catalog, if anything: it is full, damaged or just behind. */
static void append_behind(search_feed_t *feed, json_t *json)
{
    uint64_t changes = 0;
    err_t err = search_feed_behind(feed, &changes);
    if (err == ERR_STALE)
        json_key_bool(json, "is_of_another_catalog", true);
    else if (err == ERR_OK && changes > 0)
        json_key_u64(json, "behind", changes);
}

/* One question, from the command to its answer. */
typedef struct asked {
    control_request_t *request;
    arena_t arena;
    search_ask_t ask;
} asked_t;

static err_t answer_into(node_t *node, asked_t *asked, buf_t *out)
{
    const search_part_t *part = &asked->ask.parts[0];
    const search_found_t *found = &part->found;
    TRY(part->err);
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "corrected", found->corrected);
    json_key_str(&json, "stage", str_from(stages[found->stage]));
    json_key_bool(&json, "is_cut", found->is_cut);
    append_behind(node->search, &json);
    json_key_u64(&json, "work", found->work);
    if (part->request.wants_explanation)
        json_key_str(&json, "explanation", found->explanation);
    if (part->request.wants_facets)
        append_facets(found, &json);
    append_totals(found, &json);
    TRY(append_results(node, &asked->arena, found, &json));
    json_object_end(&json);
    return buf_status(out);
}

static void refuse(node_t *node, control_request_t *request, err_t err)
{
    buf_t why BUF_SCOPED = BUF_INIT;
    if (err == ERR_UNAVAILABLE)
        buf_printf(&why, "the search index is built, %u %%",
                   search_keeper_percent(&node->search_keeper));
    control_refuse(request, err, buf_str(&why));
}

static void answered(void *context)
{
    asked_t *asked = context;
    node_t *node = control_user(asked->request);
    buf_t body BUF_SCOPED = BUF_INIT;
    err_t err = answer_into(node, asked, &body);
    if (err != ERR_OK)
        refuse(node, asked->request, err);
    else
        control_reply(asked->request, buf_str(&body));
    arena_deinit(&asked->arena);
    memory_free(asked);
}

static void answer(void *context)
{
    control_request_t *request = context;
    node_t *node = control_user(request);
    asked_t *asked = memory_new(sizeof *asked);
    err_t err = asked == NULL ? ERR_NO_MEMORY : request_of(request, &asked->ask.parts[0].request);
    if (err != ERR_OK) {
        memory_free(asked);
        refuse(node, request, err);
        return;
    }
    asked->request = request;
    asked->ask.edge = control_edge(request);
    asked->ask.arena = &asked->arena;
    asked->ask.count = 1;
    asked->ask.then = answered;
    asked->ask.context = asked;
    if (search_asker_ask(node->asker, &asked->ask))
        answered(asked);
}

/* Who looks for what a scan has just found should find it. */
void control_search(control_request_t *request)
{
    node_t *node = control_user(request);
    err_t err = search_wait(&(search_wait_options_t){
        .feed = node->search, .edge = control_edge(request), .then = answer, .context = request});
    if (err == ERR_UNAVAILABLE)
        refuse(node, request, err);
    else if (err != ERR_OK)
        answer(request);
}

/* ---- the index ---- */

void control_search_status(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    node_t *node = control_user(request);
    search_keeper_describe(&node->search_keeper, &body);
    if (buf_status(&body) != ERR_OK)
        control_refuse(request, buf_status(&body), (str_t){0});
    else
        control_reply(request, buf_str(&body));
}

void control_search_rebuild(control_request_t *request)
{
    node_t *node = control_user(request);
    err_t err = search_keeper_rebuild(&node->search_keeper, SEARCH_WANT_ASKED);
    if (err != ERR_OK && err != ERR_BUSY) /* one that runs is followed */
        control_refuse(request, err, (str_t){0});
    else
        control_search_status(request);
}
