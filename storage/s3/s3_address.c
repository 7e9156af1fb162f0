#include "storage/s3/s3_address.h"

#include "storage/crypt/aead.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CREDENTIALS_FILE_MAX = 16384 };

/* ---- the address ---- */

static bool is_plain(str_t text, const char *more)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!is_word && (c == '\0' || strchr(more, c) == NULL))
            return false;
    }
    return text.size > 0;
}

static err_t take(str_t value, const char *more, char *room, size_t room_size, buf_t *problem,
                  const char *what)
{
    if (is_plain(value, more) && value.size < room_size && str_to_array(value, room, room_size))
        return ERR_OK;
    buf_printf(problem,
               "%s is not valid in the address of the blobs: it is "
               "s3://BUCKET[/PREFIX]?region=REGION&endpoint=https://HOST[:PORT]",
               what);
    return ERR_INVALID;
}

static err_t take_endpoint(str_t value, s3_address_t *out, buf_t *problem)
{
    static const str_t schemes[] = {STR_INIT("https://"), STR_INIT("http://")};
    str_t host = {NULL, 0};
    if (str_ends_with(value, STR("/")))
        value.size--;
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (host.size == 0 && str_starts_with(value, schemes[i]))
            host = str_slice(value, schemes[i].size, value.size);
    TRY(take(host, ".:[]_", out->endpoint, sizeof out->endpoint, problem, "the endpoint"));
    return str_to_array(value, out->endpoint, sizeof out->endpoint) ? ERR_OK : ERR_INVALID;
}

static err_t take_parameter(str_t part, s3_address_t *out, buf_t *problem)
{
    size_t equals = str_find(part, '=');
    str_t name = str_slice(part, 0, equals), value = str_slice(part, equals + 1, part.size);
    if (str_equal(name, STR("region")))
        return take(value, "_", out->region, sizeof out->region, problem, "the region");
    if (str_equal(name, STR("endpoint")))
        return take_endpoint(value, out, problem);
    if (str_equal(name, STR("ca")))
        return take(value, "/._+ ", out->ca, sizeof out->ca, problem, "the file of ca");
    buf_printf(problem, "the address of the blobs has a parameter other than region, endpoint, ca");
    return ERR_INVALID;
}

static err_t take_prefix(str_t prefix, s3_address_t *out, buf_t *problem)
{
    while (str_ends_with(prefix, STR("/")))
        prefix.size--;
    if (prefix.size == 0)
        return ERR_OK;
    TRY(take(prefix, "/._!*'() =+@,~", out->prefix, sizeof out->prefix - 1, problem, "the prefix"));
    out->prefix[prefix.size] = '/';
    out->prefix[prefix.size + 1] = '\0';
    return ERR_OK;
}

err_t s3_address_read(str_t text, s3_address_t *out_address, buf_t *problem)
{
    static const str_t scheme = STR_INIT("s3://");
    s3_address_t address = {.region = "us-east-1"};
    size_t query = str_find(text, '?');
    str_t place = str_slice(text, scheme.size, query), part;
    str_t parameters = str_slice(text, MIN(query + 1, text.size), text.size);
    if (!str_starts_with(text, scheme)) {
        buf_printf(problem, "blobs can be kept at s3://BUCKET[/PREFIX]?region=REGION&endpoint=URL, "
                            "or in the data folder when that is left empty");
        return ERR_INVALID;
    }
    size_t slash = str_find(place, '/');
    TRY(take(str_slice(place, 0, slash), ".", address.bucket, sizeof address.bucket, problem,
             "the bucket"));
    TRY(take_prefix(str_slice(place, MIN(slash + 1, place.size), place.size), &address, problem));
    while (parameters.size > 0 && str_next(&parameters, '&', &part))
        TRY(take_parameter(part, &address, problem));
    if (address.endpoint[0] == '\0') {
        buf_t endpoint = {.data = address.endpoint,
                          .capacity = sizeof address.endpoint,
                          .size_max = sizeof address.endpoint - 1};
        buf_printf(&endpoint, "https://s3.%s.amazonaws.com", address.region);
    }
    *out_address = address;
    return ERR_OK;
}

/* ---- credentials ---- */

void s3_credentials_wipe(s3_credentials_t *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

/* Names in either case. */
static err_t take_credential(str_t name, str_t value, s3_credentials_t *out)
{
    const struct {
        str_t name;
        char *room;
        size_t size;
    } rows[] = {
        {STR("AWS_ACCESS_KEY_ID"), out->access_key, sizeof out->access_key},
        {STR("AWS_SECRET_ACCESS_KEY"), out->secret_key, sizeof out->secret_key},
        {STR("AWS_SESSION_TOKEN"), out->session_token, sizeof out->session_token},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_equal_ignoring_case(name, rows[i].name))
            return str_to_array(value, rows[i].room, rows[i].size) ? ERR_OK : ERR_INVALID;
    return ERR_OK;
}

/* They become lines of a request. */
static bool is_visible(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static err_t check(const s3_credentials_t *self, const char *where, buf_t *problem)
{
    if (self->access_key[0] != '\0' && self->secret_key[0] != '\0' &&
        is_visible(self->access_key) && is_visible(self->secret_key) &&
        is_visible(self->session_token))
        return ERR_OK;
    buf_printf(problem,
               "the blobs' credentials are missing or not valid in %s: it needs "
               "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
               where);
    return ERR_INVALID;
}

err_t s3_credentials_from_environment(char **environment, s3_credentials_t *out_credentials,
                                      buf_t *problem)
{
    s3_credentials_t credentials S3_CREDENTIALS_SCOPED = {0};
    err_t err = ERR_OK;
    for (char **entry = environment; err == ERR_OK && entry != NULL && *entry != NULL; entry++) {
        str_t line = str_from(*entry);
        size_t equals = str_find(line, '=');
        if (str_starts_with(line, STR("AWS_")) && equals < line.size)
            err = take_credential(str_slice(line, 0, equals),
                                  str_slice(line, equals + 1, line.size), &credentials);
    }
    if (err != ERR_OK)
        credentials.access_key[0] = '\0';
    TRY(check(&credentials, "the environment", problem));
    *out_credentials = credentials;
    return ERR_OK;
}

static err_t refuse_file(err_t err, const char *path, const char *why, buf_t *problem)
{
    buf_printf(problem, "the file of the blobs' credentials %s %s", path, why);
    return err;
}

static err_t read_private(const char *path, buf_t *out, buf_t *problem)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return refuse_file(err_from_errno(errno), path, "can't be read", problem);
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 || (info.st_uid != geteuid() && info.st_uid != 0))
        return refuse_file(ERR_FORBIDDEN, path,
                           "can be read by others: it must be yours alone (chmod 600)", problem);
    err_t err = file_read(path, CREDENTIALS_FILE_MAX, out);
    return err == ERR_OK ? ERR_OK : refuse_file(err, path, "can't be read", problem);
}

err_t s3_credentials_from_file(const char *path, s3_credentials_t *out_credentials, buf_t *problem)
{
    s3_credentials_t credentials S3_CREDENTIALS_SCOPED = {0};
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    TRY(read_private(path, &text, problem));
    str_t rest = text.size == 0 ? STR("") : buf_str(&text), line;
    while (str_next(&rest, '\n', &line)) {
        size_t equals = str_find(line, '=');
        if (equals < line.size && take_credential(str_trim(str_slice(line, 0, equals)),
                                                  str_trim(str_slice(line, equals + 1, line.size)),
                                                  &credentials) != ERR_OK)
            return refuse_file(ERR_INVALID, path, "has a value that is too long", problem);
    }
    TRY(check(&credentials, path, problem));
    *out_credentials = credentials;
    return ERR_OK;
}
