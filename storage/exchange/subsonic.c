#include "storage/exchange/subsonic_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "storage/crypt/aead.h"

#include <openssl/evp.h>

/* Codes of errors, of OpenSubsonic's list. */
enum {
    CODE_MISSING = 10,
    CODE_SERVER_OLD = 30,
    CODE_WRONG_PASSWORD = 40,
    CODE_NO_TOKENS = 41,
    CODE_NO_SUCH_WAY = 42,
    CODE_WRONG_KEY = 44,
    CODE_NOT_ALLOWED = 50,
    CODE_NOT_FOUND = 70
};

enum { SALT_SIZE = 8, MD5_SIZE = 16 };

void subsonic_close(subsonic_t *self)
{
    if (self == NULL)
        return;
    subsonic_wire_free(self->wire);
    buf_deinit(&self->problem);
    explicit_bzero(self->secret, sizeof self->secret);
    memory_free(self);
}

void subsonic_scope_end(subsonic_t **self)
{
    subsonic_close(*self);
}

const char *subsonic_server(const subsonic_t *self)
{
    return self->server;
}

const char *subsonic_problem(subsonic_t *self)
{
    return buf_terminated(&self->problem);
}

/* ---- signing in ---- */

/* t = md5(password + salt) (Subsonic API 1.13). */
static err_t append_token(const subsonic_t *self, buf_t *out)
{
    unsigned char salt[SALT_SIZE], digest[MD5_SIZE];
    unsigned size = 0;
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    ms_random_t random = random_system();
    random_fill(&random, salt, sizeof salt);
    buf_append(&text, str_from(self->secret));
    hex_append(&text, str_of(salt, sizeof salt));
    TRY(buf_status(&text));
    if (EVP_Digest(text.data, text.size, digest, &size, EVP_md5(), NULL) != 1)
        return ERR_UNSUPPORTED;
    buf_append(out, STR("&t="));
    hex_append(out, str_of(digest, size));
    buf_append(out, STR("&s="));
    hex_append(out, str_of(salt, sizeof salt));
    return ERR_OK;
}

static err_t append_sign_in(const subsonic_t *self, buf_t *out)
{
    buf_printf(out, "v=%s&c=musicstream%s", self->version, self->is_xml ? "" : "&f=json");
    if (self->auth == SUBSONIC_KEY) {
        buf_append(out, STR("&apiKey="));
        percent_append(out, str_from(self->secret), "");
        return ERR_OK;
    }
    buf_append(out, STR("&u="));
    percent_append(out, str_from(self->user), "");
    if (self->auth == SUBSONIC_TOKEN)
        return append_token(self, out);
    buf_append(out, STR("&p=enc:"));
    hex_append(out, str_from(self->secret));
    return ERR_OK;
}

/* ---- asking ---- */

static err_t err_of_code(uint64_t code)
{
    return code == CODE_WRONG_PASSWORD || code == CODE_WRONG_KEY || code == CODE_NOT_ALLOWED
               ? ERR_FORBIDDEN
           : code == CODE_NOT_FOUND ? ERR_NOT_FOUND
                                    : ERR_INVALID;
}

static err_t take_envelope(subsonic_t *self, subsonic_answer_t *answer)
{
    const subsonic_node_t *error = subsonic_child(answer->response, "error");
    if (str_equal(subsonic_text(answer, answer->response, "status"), STR("ok")))
        return ERR_OK;
    self->code = subsonic_number(error, "code");
    buf_reset(&self->problem);
    buf_printf(&self->problem, "the server says (error %llu): ", (unsigned long long)self->code);
    subsonic_append_words(&self->problem, subsonic_text(answer, error, "message"));
    /* Some say so of a version that is newer than theirs, and name theirs. */
    if (self->code == CODE_SERVER_OLD)
        (void)str_to_array(subsonic_text(answer, answer->response, "version"), self->version,
                           sizeof self->version);
    return err_of_code(self->code);
}

static err_t ask_once(subsonic_t *self, const char *endpoint, str_t more, buf_t *out)
{
    buf_t parameters AEAD_BUF_SCOPED = BUF_INIT;
    TRY(append_sign_in(self, &parameters));
    buf_append(&parameters, more);
    TRY(buf_status(&parameters));
    /* A password does not go into anybody's log of addresses. */
    return subsonic_wire_ask(self->wire, endpoint, buf_str(&parameters),
                             self->auth == SUBSONIC_PASSWORD, out, &self->problem);
}

err_t subsonic_ask(subsonic_t *self, const char *endpoint, str_t more,
                   subsonic_answer_t *out_answer)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    self->code = 0;
    err_t err = ask_once(self, endpoint, more, &body);
    if (err != ERR_OK && err != ERR_INVALID && err != ERR_FORBIDDEN && err != ERR_NOT_FOUND)
        return err;
    err_t read = subsonic_answer_read(buf_str(&body), &answer);
    if (read == ERR_INVALID && err == ERR_OK && !self->is_xml) {
        self->is_xml = true;
        return subsonic_ask(self, endpoint, more, out_answer);
    }
    if (read != ERR_OK && err == ERR_OK) {
        buf_reset(&self->problem);
        buf_printf(&self->problem, "what it answers to %s is not Subsonic's", endpoint);
    }
    if (read != ERR_OK)
        return err == ERR_OK ? read : err;
    TRY(take_envelope(self, &answer));
    *out_answer = STEAL(answer);
    return ERR_OK;
}

/* ---- opening ---- */

static err_t ping(subsonic_t *self)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    buf_t name BUF_SCOPED = BUF_INIT;
    char before[sizeof self->version];
    memcpy(before, self->version, sizeof before);
    err_t err = subsonic_ask(self, "ping", STR(""), &answer);
    if (err != ERR_OK && self->code == CODE_SERVER_OLD && strcmp(before, self->version) != 0)
        err = subsonic_ask(self, "ping", STR(""), &answer);
    TRY(err);
    subsonic_append_words(&name, subsonic_text(&answer, answer.response, "type"));
    buf_append_char(&name, ' ');
    subsonic_append_words(&name, subsonic_text(&answer, answer.response, "serverVersion"));
    (void)str_to_array(str_trim(buf_str(&name)), self->server, sizeof self->server);
    return buf_status(&name);
}

static bool wants_another_way(uint64_t code)
{
    return code == CODE_MISSING || code == CODE_NO_TOKENS || code == CODE_NO_SUCH_WAY;
}

static err_t say(subsonic_t *self, err_t err, const char *sentence)
{
    buf_reset(&self->problem);
    buf_append(&self->problem, str_from(sentence));
    return err;
}

static err_t sign_in(subsonic_t *self, bool may_send_in_clear)
{
    bool may_send = may_send_in_clear || subsonic_wire_is_private(self->wire);
    if (self->auth == SUBSONIC_KEY && !may_send)
        return say(self, ERR_UNSUPPORTED,
                   "anybody on the way could read the API key: use https://, or "
                   "--allow-plain-http in a network that you trust");
    err_t err = ping(self);
    if (err == ERR_OK || !wants_another_way(self->code))
        return err;
    if (self->auth == SUBSONIC_KEY)
        return say(self, ERR_UNSUPPORTED, "it takes no API keys");
    if (!may_send)
        return say(self, ERR_UNSUPPORTED,
                   "it takes no tokens, only the password itself, which anybody on the way could "
                   "read: use https://, or --allow-plain-http in a network that you trust");
    self->auth = SUBSONIC_PASSWORD;
    err = ping(self);
    if (err != ERR_OK && wants_another_way(self->code))
        return say(self, ERR_UNSUPPORTED,
                   "it takes no passwords: make an API key there, and give that with --api-key");
    return err;
}

static err_t open_all(const subsonic_options_t *options, subsonic_t *self)
{
    self->auth = options->is_key ? SUBSONIC_KEY : SUBSONIC_TOKEN;
    memcpy(self->version, "1.16.1", sizeof "1.16.1");
    if (!str_to_array(options->user, self->user, sizeof self->user))
        return say(self, ERR_INVALID, "the name is too long");
    if (!str_to_array(options->secret, self->secret, sizeof self->secret))
        return say(self, ERR_INVALID, "the password is too long");
    TRY(subsonic_wire_new(&options->wire, &self->problem, &self->wire));
    return sign_in(self, options->may_send_in_clear);
}

err_t subsonic_open(const subsonic_options_t *options, buf_t *problem, subsonic_t **out_subsonic)
{
    subsonic_t *self SUBSONIC_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    err_t err = open_all(options, self);
    if (err != ERR_OK) {
        buf_append(problem, buf_str(&self->problem));
        return err;
    }
    *out_subsonic = STEAL(self);
    return ERR_OK;
}

/* ---- playlists ---- */

foreign_track_t subsonic_track(subsonic_answer_t *answer, const subsonic_node_t *song)
{
    enum { DURATION_MAX_S = 1 << 24 };
    str_t artist = subsonic_text(answer, song, "artist");
    if (str_is_empty(artist))
        artist = subsonic_text(answer, song, "displayArtist");
    uint64_t duration_s = subsonic_number(song, "duration");
    return (foreign_track_t){.id = subsonic_text(answer, song, "id"),
                             .is_known = true,
                             .path = subsonic_text(answer, song, "path"),
                             .library_path = STR(""),
                             .artist = artist,
                             .title = subsonic_text(answer, song, "title"),
                             .album = subsonic_text(answer, song, "album"),
                             .duration_ms = MIN(duration_s, (uint64_t)DURATION_MAX_S) * 1000};
}

static bool is_own(const subsonic_t *self, str_t owner)
{
    return str_is_empty(owner) || self->user[0] == '\0' ||
           str_equal_ignoring_case(owner, str_from(self->user));
}

err_t subsonic_playlists(subsonic_t *self, foreign_playlist_fn fn, void *context)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    TRY(subsonic_ask(self, "getPlaylists", STR(""), &answer));
    const subsonic_node_t *all = subsonic_child(answer.response, "playlists");
    for (size_t i = 0; i < subsonic_count(all, "playlist"); i++) {
        const subsonic_node_t *one = subsonic_at(all, "playlist", i);
        foreign_playlist_t playlist = {.id = subsonic_text(&answer, one, "id"),
                                       .name = subsonic_text(&answer, one, "name"),
                                       .is_smart = subsonic_is(one, "readonly"),
                                       .count = subsonic_number(one, "songCount")};
        if (!str_is_empty(playlist.id) && is_own(self, subsonic_text(&answer, one, "owner")))
            TRY(fn(context, &playlist));
    }
    return ERR_OK;
}

err_t subsonic_entries(subsonic_t *self, str_t playlist_id, foreign_track_fn fn, void *context)
{
    subsonic_answer_t answer SUBSONIC_ANSWER_SCOPED = {0};
    buf_t more BUF_SCOPED = BUF_INIT;
    buf_append(&more, STR("&id="));
    percent_append(&more, playlist_id, "");
    TRY(buf_status(&more));
    TRY(subsonic_ask(self, "getPlaylist", buf_str(&more), &answer));
    const subsonic_node_t *playlist = subsonic_child(answer.response, "playlist");
    for (size_t i = 0; i < subsonic_count(playlist, "entry"); i++) {
        const subsonic_node_t *entry = subsonic_at(playlist, "entry", i);
        foreign_track_t track = subsonic_track(&answer, entry);
        if (!subsonic_is(entry, "isDir") && !subsonic_is(entry, "isVideo"))
            TRY(fn(context, &track));
    }
    return ERR_OK;
}
