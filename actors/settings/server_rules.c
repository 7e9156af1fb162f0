#include "actors/settings/server_rules.h"

#include "runtime/base/utf8.h"

static const char *const features_known[SERVER_FEATURE_COUNT] = {SERVER_FEATURE_LISTENING_NOW,
                                                                 SERVER_FEATURE_PLAYLIST_FILES};

static size_t feature_index(str_t name)
{
    size_t i = 0;
    while (i < COUNT_OF(features_known) && !str_equal(name, str_from(features_known[i])))
        i++;
    return i;
}

static bool is_plain(str_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return utf8_is_valid(text);
}

err_t server_decide_setting(const server_book_t *self, const server_set_setting_t *command,
                            bool *out_is_change)
{
    if (!str_equal(command->name, STR(SERVER_NOTICE)))
        return ERR_NOT_FOUND;
    if (command->value.size > SERVER_NOTICE_SIZE_MAX || !is_plain(command->value))
        return ERR_INVALID;
    *out_is_change = !str_equal(str_from(self->notice), command->value);
    return ERR_OK;
}

err_t server_decide_feature(const server_book_t *self, const server_set_feature_t *command,
                            bool *out_is_change)
{
    size_t index = feature_index(command->name);
    if (index == COUNT_OF(features_known))
        return ERR_NOT_FOUND;
    *out_is_change = self->is_off[index] == command->is_on;
    return ERR_OK;
}

void server_apply_setting(server_book_t *self, str_t name, str_t value)
{
    if (str_equal(name, STR(SERVER_NOTICE)) && value.size <= SERVER_NOTICE_SIZE_MAX)
        (void)str_to_array(value, self->notice, sizeof self->notice);
}

void server_apply_feature(server_book_t *self, str_t name, bool is_on)
{
    size_t index = feature_index(name);
    if (index < COUNT_OF(features_known))
        self->is_off[index] = !is_on;
}

void server_list(const server_book_t *self, server_setting_t settings[static SERVER_SETTING_COUNT],
                 server_feature_t features[static SERVER_FEATURE_COUNT])
{
    settings[0] = (server_setting_t){STR(SERVER_NOTICE), str_from(self->notice)};
    for (size_t i = 0; i < COUNT_OF(features_known); i++)
        features[i] = (server_feature_t){str_from(features_known[i]), !self->is_off[i]};
}
