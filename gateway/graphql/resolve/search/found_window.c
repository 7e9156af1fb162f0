/* found_window.c -- how much of each group a search is asked for, read off its selections. */

#include "gateway/graphql/resolve/search/found.h"

static const char *const names[FOUND_GROUP_COUNT] = {
    [FOUND_TRACKS] = "tracks",       [FOUND_ALBUMS] = "albums", [FOUND_ARTISTS] = "artists",
    [FOUND_PLAYLISTS] = "playlists", [FOUND_PEOPLE] = "people", [FOUND_LYRICS] = "lyrics",
};

uint32_t found_window(graphql_field_t *field, found_group_t group)
{
    const graphql_value_t *arguments;
    uint32_t end = 0;
    for (uint32_t i = 0; graphql_selected(field, names[group], i, &arguments); i++) {
        found_page_t page;
        if (found_page_of(arguments, group, &page) == ERR_OK)
            end = MAX(end, page.offset + page.first);
    }
    return MIN(end, found_max(group));
}

uint32_t found_top_window(graphql_field_t *field)
{
    const graphql_value_t *arguments;
    int64_t most = 0;
    for (uint32_t i = 0; graphql_selected(field, "top", i, &arguments); i++)
        most = MAX(most, graphql_value_int(graphql_value_get(arguments, "first"), 0));
    return (uint32_t)MIN(most, FOUND_TOP_MAX);
}

uint32_t found_max(found_group_t group)
{
    bool is_asked = group == FOUND_PLAYLISTS || group == FOUND_PEOPLE;
    return is_asked ? FOUND_ASKED_MAX : FOUND_MAX;
}

err_t found_page_of(const graphql_value_t *arguments, found_group_t group, found_page_t *out_page)
{
    int64_t first = graphql_value_int(graphql_value_get(arguments, "first"), 0);
    str_t after = graphql_value_str(graphql_value_get(arguments, "after"));
    uint64_t offset = 0;
    if (first < 1 || first > found_max(group))
        return ERR_INVALID;
    if (!str_is_empty(after) && str_to_u64(after, &offset) != ERR_OK)
        return ERR_INVALID;
    if (offset > found_max(group))
        return ERR_INVALID;
    *out_page = (found_page_t){(uint32_t)offset, (uint32_t)first};
    return ERR_OK;
}
