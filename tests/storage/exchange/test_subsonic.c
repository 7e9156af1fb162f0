/* Signing in at addresses where nothing answers. The rest is tests/e2e/subsonic. */

#include "storage/exchange/subsonic.h"
#include "tests/support/check.h"

Test(subsonic, an_api_key_is_not_sent_in_clear_to_another_machine)
{
    static const struct {
        const char *url;
        bool may_send_in_clear;
        err_t want;
    } cases[] = {{"http://0.0.0.0:2", false, ERR_UNSUPPORTED},
                 {"http://0.0.0.0:1", false, ERR_UNSUPPORTED},
                 {"http://0.0.0.0:1", true, ERR_UNAVAILABLE},
                 {"http://127.0.0.1:1", false, ERR_UNAVAILABLE},
                 {"https://127.0.0.1:1", false, ERR_UNAVAILABLE}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problem BUF_SCOPED = BUF_INIT;
        subsonic_t *server SUBSONIC_SCOPED = NULL;
        subsonic_options_t options = {.wire = {.url = cases[i].url, .attempts_max = 1},
                                      .user = STR("anna"),
                                      .secret = STR("TheKey"),
                                      .is_key = true,
                                      .may_send_in_clear = cases[i].may_send_in_clear};

        err_t err = subsonic_open(&options, &problem, &server);

        cr_expect(err == cases[i].want, "%s: %s, %s", cases[i].url, err_name(err),
                  buf_terminated(&problem));
        cr_expect(str_contains(buf_str(&problem), options.secret) == false);
    }
}
