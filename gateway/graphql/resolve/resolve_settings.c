/* resolve_settings.c -- what the caller chose for all devices, and what administrators chose for
 * everybody. */

#include "actors/protocol/server.h"
#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/graph.h"

/* ---- Settings: the source is a user_settings_t ---- */

enum { WORD_SIZE = 16 };

static err_t got_settings(graphql_field_t *field, const answer_t *answer)
{
    const void *copy = graph_keep(field, &user_settings_schema, answer->message);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

static address_t user_address(graphql_field_t *field)
{
    return address_of(USER_KIND, graph_user_id(graph_of(field)));
}

static err_t query_settings(graphql_field_t *field)
{
    return graph_ask(field, user_address(field), got_settings, user_get_settings);
}

static str_t value_of(graphql_field_t *field, const char *name)
{
    const user_settings_t *settings = graphql_source(field);
    for (uint32_t i = 0; i < settings->settings.count; i++)
        if (str_equal(settings->settings.items[i].name, str_from(name)))
            return settings->settings.items[i].value;
    return STR("");
}

/* Words in capitals are enum values, and back. */
static char other_case(char c, bool is_upper)
{
    if (is_upper)
        return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static str_t in_case(graphql_field_t *field, str_t word, bool is_upper)
{
    char text[WORD_SIZE];
    size_t size = MIN(word.size, sizeof text);
    for (size_t i = 0; i < size; i++)
        text[i] = other_case(word.data[i], is_upper);
    return graph_keep_str(field, str_of(text, size));
}

static err_t settings_theme(graphql_field_t *field)
{
    return graphql_return_str(field, in_case(field, value_of(field, "theme"), true));
}

static err_t settings_quality(graphql_field_t *field)
{
    return graphql_return_str(field, in_case(field, value_of(field, "quality"), true));
}

static err_t settings_is_gapless(graphql_field_t *field)
{
    return graphql_return_bool(field, str_equal(value_of(field, "gapless"), STR("on")));
}

static err_t settings_is_normalised(graphql_field_t *field)
{
    return graphql_return_bool(field, str_equal(value_of(field, "normalised"), STR("on")));
}

static err_t settings_is_activity_shared(graphql_field_t *field)
{
    return graphql_return_bool(field, str_equal(value_of(field, "activity_shared"), STR("on")));
}

static err_t settings_is_search_history_kept(graphql_field_t *field)
{
    return graphql_return_bool(field, str_equal(value_of(field, "search_history"), STR("on")));
}

/* What is given of it, into the list. */
static void add_word(graphql_field_t *field, const char *name, user_setting_t *settings,
                     uint32_t *count)
{
    str_t word = graphql_arg_str(field, name);
    if (word.data != NULL)
        settings[(*count)++] = (user_setting_t){str_from(name), in_case(field, word, false)};
}

static void add_switch(graphql_field_t *field, const char *argument, const char *name,
                       user_setting_t *settings, uint32_t *count)
{
    bool is_given = graphql_arg_bool(field, argument, true) ==
                    graphql_arg_bool(field, argument, false); /* no default shows through */
    bool is_on = graphql_arg_bool(field, argument, false);
    if (is_given)
        settings[(*count)++] = (user_setting_t){str_from(name), is_on ? STR("on") : STR("off")};
}

static err_t set_settings(graphql_field_t *field)
{
    user_setting_t settings[6];
    uint32_t count = 0;
    add_word(field, "theme", settings, &count);
    add_word(field, "quality", settings, &count);
    add_switch(field, "isGapless", "gapless", settings, &count);
    add_switch(field, "isNormalised", "normalised", settings, &count);
    add_switch(field, "isSearchHistoryKept", "search_history", settings, &count);
    add_switch(field, "isActivityShared", "activity_shared", settings, &count);
    return graph_ask(field, user_address(field), got_settings, user_set_settings,
                     .settings = {settings, count});
}

/* ---- Server: the source is a server_settings_t ---- */

static address_t server_address(void)
{
    return address_of(SERVER_KIND, SERVER_KEY);
}

static err_t got_server(graphql_field_t *field, const answer_t *answer)
{
    const void *copy = graph_keep(field, &server_settings_schema, answer->message);
    return copy == NULL ? ERR_NO_MEMORY : graphql_return_object(field, copy);
}

static err_t query_server(graphql_field_t *field)
{
    return graph_ask(field, server_address(), got_server, server_get);
}

static err_t set_notice(graphql_field_t *field)
{
    if (!graph_is_admin(field))
        return graph_refuse_listener(field);
    return graph_ask(field, server_address(), got_server, server_set_setting,
                     .name = STR(SERVER_NOTICE), .value = graphql_arg_str(field, "text"));
}

static err_t set_feature(graphql_field_t *field)
{
    if (!graph_is_admin(field))
        return graph_refuse_listener(field);
    return graph_ask(field, server_address(), got_server, server_set_feature,
                     .name = graphql_arg_str(field, "name"),
                     .is_on = graphql_arg_bool(field, "isOn", true));
}

static err_t server_notice(graphql_field_t *field)
{
    const server_settings_t *server = graphql_source(field);
    str_t notice = STR(""); /* an empty one has come without data */
    for (uint32_t i = 0; i < server->settings.count; i++)
        if (str_equal(server->settings.items[i].name, STR(SERVER_NOTICE)) &&
            server->settings.items[i].value.size > 0)
            notice = server->settings.items[i].value;
    return graphql_return_str(field, notice);
}

static err_t feature_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const server_feature_t *)items + index);
}

static err_t server_features(graphql_field_t *field)
{
    const server_settings_t *server = graphql_source(field);
    return graphql_return_list(field, server->features.count, feature_item, server->features.items);
}

graph_rows_t resolve_settings(void)
{
    static const graphql_resolver_t rows[] = {
        {"Query.settings", .resolve = query_settings},
        {"Query.server", .resolve = query_server},
        {"Mutation.setSettings", .resolve = set_settings},
        {"Mutation.setNotice", .resolve = set_notice},
        {"Mutation.setFeature", .resolve = set_feature},
        {"Settings.theme", .resolve = settings_theme},
        {"Settings.quality", .resolve = settings_quality},
        {"Settings.isGapless", .resolve = settings_is_gapless},
        {"Settings.isNormalised", .resolve = settings_is_normalised},
        {"Settings.isActivityShared", .resolve = settings_is_activity_shared},
        {"Settings.isSearchHistoryKept", .resolve = settings_is_search_history_kept},
        {"Server.notice", .resolve = server_notice},
        {"Server.features", .resolve = server_features},
        {"Feature.name", GRAPHQL_MEMBER(server_feature_t, name)},
        {"Feature.isOn", GRAPHQL_MEMBER(server_feature_t, is_on)},
    };
    return GRAPH_ROWS(rows);
}
