/* found_question.c -- the arguments of Query.search, checked. */

#include "gateway/graphql/resolve/search/found.h"
#include "storage/exchange/foreign.h"

enum { YEAR_MAX = 9999, POPULARITY_MAX = 100 };

/* As many as are wanted of a group: those that are asked for, and enough to rank the best of all,
 * or at least to count them. */
static uint32_t wanted(graphql_field_t *field, found_group_t group)
{
    uint32_t window = found_window(field, group);
    if (group == FOUND_LYRICS)
        return window;
    window = MAX(window, found_top_window(field));
    bool is_counted = graphql_selects(field, "totalCount") ||
                      graphql_selects(field, "didYouMean") || graphql_selects(field, "explanation");
    return window == 0 && is_counted ? 1 : window;
}

static err_t read_names(graphql_field_t *field, const graphql_value_t *filter, const char *name,
                        search_names_t *out)
{
    const graphql_value_t *list = graphql_value_get(filter, name);
    size_t count = graphql_value_count(list);
    if (count > SEARCH_NAMES_MAX)
        return ERR_LIMIT;
    str_t *items = arena_new_array(graphql_arena(field), count, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        items[i] = graphql_value_str(graphql_value_at(list, i));
    *out = (search_names_t){items, count};
    return ERR_OK;
}

static err_t read_number(const graphql_value_t *filter, const char *name, int64_t max,
                         uint32_t *out)
{
    int64_t value = graphql_value_int(graphql_value_get(filter, name), 0);
    if (value < 0 || value > max)
        return ERR_INVALID;
    *out = (uint32_t)value;
    return ERR_OK;
}

static err_t read_time(const graphql_value_t *filter, int64_t *out_ms)
{
    const graphql_value_t *value = graphql_value_get(filter, "addedSince");
    if (graphql_value_is_null(value))
        return ERR_OK;
    *out_ms = foreign_time_ms(graphql_value_str(value));
    return *out_ms > 0 ? ERR_OK : ERR_INVALID;
}

static err_t read_filter(graphql_field_t *field, const graphql_value_t *value, search_filter_t *out)
{
    TRY(read_names(field, value, "genres", &out->genres));
    TRY(read_names(field, value, "moods", &out->moods));
    TRY(read_names(field, value, "languages", &out->languages));
    TRY(read_names(field, value, "formats", &out->formats));
    TRY(read_number(value, "yearFrom", YEAR_MAX, &out->year_from));
    TRY(read_number(value, "yearTo", YEAR_MAX, &out->year_to));
    TRY(read_number(value, "popularityMin", POPULARITY_MAX, &out->popularity_min));
    TRY(read_time(value, &out->added_since_ms));
    if (out->year_to > 0 && out->year_from > out->year_to)
        return ERR_INVALID;
    out->is_only_tracks = graphql_value_bool(graphql_value_get(value, "favouritesOnly"), false);
    return ERR_OK;
}

err_t found_question_new(graphql_field_t *field, found_question_t **out_question)
{
    const graphql_value_t *filter = graphql_arg(field, "filter");
    found_question_t *self = arena_new(graphql_arena(field), sizeof *self);
    found_t *found = arena_new(graphql_arena(field), sizeof *found);
    if (self == NULL || found == NULL)
        return ERR_NO_MEMORY;
    *found = (found_t){.is_typing = graphql_arg_bool(field, "typing", false)};
    *self = (found_question_t){.found = found,
                               .has_filter = !graphql_value_is_null(filter),
                               .is_exact = graphql_arg_bool(field, "exact", false),
                               .wants_facets = graphql_selects(field, "facets"),
                               .wants_explanation = graphql_arg_bool(field, "explain", false)};
    for (int group = 0; group < FOUND_GROUP_COUNT; group++)
        self->windows[group] = wanted(field, (found_group_t)group);
    if (self->has_filter)
        TRY(read_filter(field, filter, &self->filter));
    *out_question = self;
    return ERR_OK;
}
