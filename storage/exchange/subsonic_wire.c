#include "storage/exchange/subsonic_wire.h"

#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "storage/crypt/aead.h"
#include "storage/http_status.h"

#include <curl/curl.h>
#include <poll.h>

struct subsonic_wire {
    CURL *easy;
    char base[SUBSONIC_URL_SIZE_MAX]; /* without a '/' at its end */
    char ca[SUBSONIC_URL_SIZE_MAX];   /* "": the machine's */
    uint32_t attempts_max, wait_min_ms, silence_max_s;
    ms_random_t random;
    buf_t *out; /* of the attempt at hand */
    size_t before;
    bool is_too_large;
};

/* ---- the address ---- */

static err_t wrong(buf_t *problem, const char *sentence)
{
    buf_append(problem, str_from(sentence));
    return ERR_INVALID;
}

static str_t host_of(str_t url)
{
    str_t rest = str_slice(url, str_find(url, '/') + 2, url.size);
    return str_slice(rest, 0, str_find(rest, '/'));
}

static err_t take_url(subsonic_wire_t *self, str_t url, buf_t *problem)
{
    bool is_http = str_starts_with(url, STR("http://")) || str_starts_with(url, STR("https://"));
    if (!is_http || str_is_empty(host_of(url)))
        return wrong(problem, "it is no address like https://music.example.org");
    for (size_t i = 0; i < url.size; i++)
        if ((unsigned char)url.data[i] <= ' ' || url.data[i] == 0x7f)
            return wrong(problem, "an address has no blanks");
    if (str_find(host_of(url), '@') < host_of(url).size)
        return wrong(problem, "no password belongs into an address: it is asked for");
    if (str_find(url, '?') < url.size || str_find(url, '#') < url.size)
        return wrong(problem, "the address ends before '?' and '#'");
    while (str_ends_with(url, STR("/")))
        url.size--;
    if (str_ends_with(url, STR("/rest")))
        url.size -= sizeof "/rest" - 1;
    if (!str_to_array(url, self->base, sizeof self->base))
        return wrong(problem, "the address is too long");
    return ERR_OK;
}

bool subsonic_wire_is_private(const subsonic_wire_t *self)
{
    str_t url = str_from(self->base), host = host_of(url);
    if (str_starts_with(url, STR("https:")))
        return true;
    if (str_starts_with(host, STR("[::1]")))
        return host.size == 5 || host.data[5] == ':';
    host = str_slice(host, 0, str_find(host, ':'));
    return str_equal(host, STR("localhost")) || str_equal(host, STR("127.0.0.1"));
}

err_t subsonic_wire_new(const subsonic_wire_options_t *options, buf_t *problem,
                        subsonic_wire_t **out_wire)
{
    subsonic_wire_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->attempts_max = options->attempts_max == 0 ? SUBSONIC_ATTEMPTS_MAX : options->attempts_max;
    self->wait_min_ms = options->wait_min_ms == 0 ? SUBSONIC_WAIT_MIN_MS : options->wait_min_ms;
    self->silence_max_s =
        options->silence_max_s == 0 ? SUBSONIC_SILENCE_MAX_S : options->silence_max_s;
    self->random = random_system();
    err_t err = take_url(self, str_from(options->url), problem);
    if (err == ERR_OK && options->ca != NULL &&
        !str_to_array(str_from(options->ca), self->ca, sizeof self->ca))
        err = wrong(problem, "the certificate's path is too long");
    if (err == ERR_OK && (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
                          (self->easy = curl_easy_init()) == NULL))
        err = ERR_NO_MEMORY;
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    *out_wire = self;
    return ERR_OK;
}

void subsonic_wire_free(subsonic_wire_t *self)
{
    if (self == NULL)
        return;
    curl_easy_cleanup(self->easy);
    curl_global_cleanup();
    memory_free(self);
}

/* ---- one attempt ---- */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    subsonic_wire_t *self = context;
    size *= count;
    if (self->out->size - self->before + size > SUBSONIC_ANSWER_SIZE_MAX) {
        self->is_too_large = true;
        return 0;
    }
    buf_append_bytes(self->out, data, size);
    return buf_status(self->out) == ERR_OK ? size : 0;
}

static void set_options(subsonic_wire_t *self, const char *url, str_t body)
{
    CURL *easy = self->easy;
    curl_easy_reset(easy); /* the connection is kept */
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); /* whatever libcurl can unpack */
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "MusicStream");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)SUBSONIC_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)self->silence_max_s);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)SUBSONIC_ATTEMPT_MAX_S);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    if (self->ca[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, self->ca);
    if (body.data != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data);
    }
}

static err_t err_of_status(long status)
{
    return status / 100 == 2                ? ERR_OK
           : http_status_may_pass(status)   ? ERR_UNAVAILABLE
           : status == 401 || status == 403 ? ERR_FORBIDDEN
           : status == 404                  ? ERR_NOT_FOUND
                                            : ERR_INVALID;
}

static err_t err_of_failure(const subsonic_wire_t *self, CURLcode code)
{
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY:
        return ERR_NO_MEMORY;
    case CURLE_WRITE_ERROR:
        return self->is_too_large ? ERR_LIMIT : ERR_NO_MEMORY;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return ERR_FORBIDDEN;
    case CURLE_URL_MALFORMAT:
        return ERR_INVALID;
    default:
        return ERR_UNAVAILABLE;
    }
}

void subsonic_append_words(buf_t *out, str_t words)
{
    for (size_t i = 0; i < MIN(words.size, (size_t)SUBSONIC_WORDS_MAX); i++)
        buf_append_char(out, words.data[i] >= ' ' && words.data[i] <= '~' ? words.data[i] : '?');
}

static void say_status(subsonic_wire_t *self, long status, buf_t *problem)
{
    char *there = NULL;
    curl_easy_getinfo(self->easy, CURLINFO_REDIRECT_URL, &there);
    if (there == NULL) {
        buf_printf(problem, "it answered HTTP %ld", status);
        return;
    }
    buf_printf(problem, "it lies elsewhere (HTTP %ld): ", status);
    subsonic_append_words(problem, str_slice(str_from(there), 0, str_find(str_from(there), '?')));
}

static err_t attempt(subsonic_wire_t *self, const char *url, str_t body, buf_t *problem)
{
    long status = 0;
    buf_reset(problem);
    self->out->size = self->before;
    self->is_too_large = false;
    set_options(self, url, body);
    CURLcode code = curl_easy_perform(self->easy);
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        err_t err = err_of_failure(self, code);
        buf_append(problem, err == ERR_LIMIT ? STR("its answer is too large")
                                             : str_from(curl_easy_strerror(code)));
        return err;
    }
    err_t err = err_of_status(status);
    if (err != ERR_OK)
        say_status(self, status, problem);
    return err;
}

/* ---- until it is answered ---- */

static void wait_before(subsonic_wire_t *self, uint32_t attempt_number)
{
    curl_off_t told_s = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RETRY_AFTER, &told_s);
    uint64_t most = MIN((uint64_t)self->wait_min_ms << MIN(attempt_number, 16U),
                        (uint64_t)SUBSONIC_WAIT_MAX_MS);
    uint64_t wait_ms = random_below(&self->random, most + 1);
    if (told_s > 0)
        wait_ms = (uint64_t)MIN(told_s, (curl_off_t)SUBSONIC_RETRY_AFTER_MAX_S) * 1000;
    (void)poll(NULL, 0, (int)wait_ms);
}

err_t subsonic_wire_ask(subsonic_wire_t *self, const char *endpoint, str_t parameters, bool is_post,
                        buf_t *out, buf_t *problem)
{
    buf_t url AEAD_BUF_SCOPED = BUF_INIT; /* has what signs in */
    buf_printf(&url, "%s/rest/%s.view", self->base, endpoint);
    if (!is_post)
        buf_printf(&url, "?%.*s", STR_ARG(parameters));
    (void)buf_terminated(&url);
    TRY(buf_status(&url));
    self->out = out;
    self->before = out->size;
    err_t err = ERR_UNAVAILABLE;
    for (uint32_t i = 0; i < self->attempts_max && err == ERR_UNAVAILABLE; i++) {
        if (i > 0)
            wait_before(self, i - 1);
        err = attempt(self, url.data, is_post ? parameters : (str_t){NULL, 0}, problem);
    }
    if (err == ERR_UNAVAILABLE || err == ERR_LIMIT)
        out->size = self->before;
    return err;
}
