#pragma once
/* user_settings.h -- what a listener chose for all devices: pure.
 *
 * Each setting is a word out of a few; one that was not chosen is the first of them. What a newer
 * version, or an erased event, says is passed over.
 *
 * Ownership  A value without pointers. Threads None. */

#include "actors/protocol/user.h"

/* The name, and its words. */
#define USER_SETTINGS(X)                                                                           \
    X(theme, "system", "light", "dark")                                                            \
    X(quality, "auto", "lossless", "saver")                                                        \
    X(gapless, "on", "off")                                                                        \
    X(normalised, "on", "off")                                                                     \
    X(search_history, "on", "off")                                                                 \
    X(activity_shared, "off", "on")

enum {
#define USER_SETTING_ENUM(name, ...) USER_SETTING_##name,
    USER_SETTINGS(USER_SETTING_ENUM)
#undef USER_SETTING_ENUM
        USER_SETTING_COUNT
};

typedef struct user_choices {
    uint8_t chosen[USER_SETTING_COUNT]; /* 0: not; else which word, from 1 */
} user_choices_t;

/* INVALID: no such name or value. *out_is_change: it says something else now. */
err_t user_choices_check(const user_choices_t *self, const user_setting_t *setting,
                         bool *out_is_change);
void user_choices_apply(user_choices_t *self, str_t name, str_t value);
bool user_choices_is(const user_choices_t *self, str_t name, str_t value);
/* All, or those that were chosen; returns how many. */
uint32_t user_choices_list(const user_choices_t *self, bool is_chosen_only,
                           user_setting_t out[static USER_SETTING_COUNT]);
