#pragma once
/* subsonic_parts.h -- what the two files of subsonic.h share: for storage/exchange only. */

#include "storage/exchange/subsonic.h"
#include "storage/exchange/subsonic_answer.h"

typedef enum subsonic_auth { SUBSONIC_TOKEN, SUBSONIC_PASSWORD, SUBSONIC_KEY } subsonic_auth_t;

struct subsonic {
    subsonic_wire_t *wire;
    subsonic_auth_t auth;
    char user[256], secret[SUBSONIC_SECRET_SIZE_MAX + 1];
    char version[16]; /* of the API, as the server takes it */
    char server[128];
    bool is_xml;   /* its JSON can't be read */
    uint64_t code; /* with which the last request failed; 0: none */
    buf_t problem;
};

/* more: "&NAME=VALUE...", encoded. The envelope of what is returned says ok. */
err_t subsonic_ask(subsonic_t *self, const char *endpoint, str_t more,
                   subsonic_answer_t *out_answer);
/* Good for as long as the answer. */
foreign_track_t subsonic_track(subsonic_answer_t *answer, const subsonic_node_t *song);
