#pragma once
/* server_rules.h -- the settings and features of a server: pure. What a newer version says is
 * passed over.
 *
 * Ownership  A value without pointers. Threads None. */

#include "actors/protocol/server.h"

enum { SERVER_SETTING_COUNT = 1, SERVER_FEATURE_COUNT = 2 };

typedef struct server_book {
    char notice[SERVER_NOTICE_SIZE_MAX + 1];
    bool is_off[SERVER_FEATURE_COUNT];
} server_book_t;

/* NOT_FOUND: no such setting; INVALID: too long, not UTF-8, or with control characters. */
err_t server_decide_setting(const server_book_t *self, const server_set_setting_t *command,
                            bool *out_is_change);
/* NOT_FOUND */
err_t server_decide_feature(const server_book_t *self, const server_set_feature_t *command,
                            bool *out_is_change);
void server_apply_setting(server_book_t *self, str_t name, str_t value);
void server_apply_feature(server_book_t *self, str_t name, bool is_on);
/* Borrowed from the book. */
void server_list(const server_book_t *self, server_setting_t settings[static SERVER_SETTING_COUNT],
                 server_feature_t features[static SERVER_FEATURE_COUNT]);
