#pragma once
/* exchange.h -- what the commands `playlist` and `import` share: asking the running node which
 * tracks are meant, and making a playlist of them.
 *
 * Errors  Said on standard error, as command_ask: functions return an exit code. */

#include "node/commands/command_ask.h"
#include "storage/exchange/track_match.h"

enum { EXCHANGE_USER_ID_SIZE = 64 };

typedef struct exchange_found {
    uint64_t track_id; /* 0: none */
    str_t reason;      /* then */
} exchange_found_t;

int exchange_user_id(const config_t *config, const char *name, char out_id[EXCHANGE_USER_ID_SIZE]);
/* In requests of a bounded size. Reasons lie in the arena. */
int exchange_match(const config_t *config, const track_wanted_t *wanted, size_t count,
                   arena_t *arena, exchange_found_t *out_found);

typedef struct exchange_playlist {
    const char *user_id;
    str_t command_id, name;
    const uint64_t *track_ids;
    size_t count;
} exchange_playlist_t;
/* The view as the node gives it. CONFLICT and INVALID are not said, but given in *out_err. */
int exchange_create(const config_t *config, const exchange_playlist_t *playlist, arena_t *arena,
                    const graphql_value_t **out_view, err_t *out_err);

/* Of somebody else's file or server, for a terminal (terminal.h): at most EXCHANGE_WORDS_MAX cells.
 */
enum { EXCHANGE_WORDS_MAX = 1000 };
void exchange_append_words(buf_t *out, str_t words);
/* "artist - title (path)", as much of it as there is, likewise. */
void exchange_append_entry(buf_t *out, const track_wanted_t *wanted);
