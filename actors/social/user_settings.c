#include "actors/social/user_settings.h"

enum { WORDS_MAX = 4 };

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
} rows[USER_SETTING_COUNT] = {
#define USER_SETTING_ROW(name, ...) {#name, {__VA_ARGS__}},
    USER_SETTINGS(USER_SETTING_ROW)
#undef USER_SETTING_ROW
};

/* False: there is no such setting, or word. */
static bool find(str_t name, str_t value, size_t *out_row, uint8_t *out_word)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (uint8_t j = 0; j < WORDS_MAX && rows[i].words[j] != NULL; j++)
            if (str_equal(name, str_from(rows[i].name)) &&
                str_equal(value, str_from(rows[i].words[j]))) {
                *out_row = i;
                *out_word = j;
                return true;
            }
    return false;
}

err_t user_choices_check(const user_choices_t *self, const user_setting_t *setting,
                         bool *out_is_change)
{
    size_t row;
    uint8_t word;
    if (!find(setting->name, setting->value, &row, &word))
        return ERR_INVALID;
    *out_is_change = self->chosen[row] != word + 1;
    return ERR_OK;
}

void user_choices_apply(user_choices_t *self, str_t name, str_t value)
{
    size_t row;
    uint8_t word;
    if (find(name, value, &row, &word))
        self->chosen[row] = (uint8_t)(word + 1);
}

bool user_choices_is(const user_choices_t *self, str_t name, str_t value)
{
    size_t row;
    uint8_t word;
    return find(name, value, &row, &word) &&
           (self->chosen[row] > 0 ? self->chosen[row] - 1 : 0) == word;
}

uint32_t user_choices_list(const user_choices_t *self, bool is_chosen_only,
                           user_setting_t out[static USER_SETTING_COUNT])
{
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t chosen = self->chosen[i];
        if (chosen > 0 || !is_chosen_only)
            out[count++] = (user_setting_t){str_from(rows[i].name),
                                            str_from(rows[i].words[chosen > 0 ? chosen - 1 : 0])};
    }
    return count;
}
