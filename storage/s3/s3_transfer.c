#include "storage/s3/s3_wire_parts.h"

#include "runtime/base/text.h"
#include "storage/crypt/aead.h"
#include "storage/http_status.h"
#include "storage/s3/s3_answer.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { FAILURE_SIZE_MAX = 16384, SHA256_SIZE = 32, EXPECT_WAIT_MS = 100 };

/* ---- libcurl's calls ---- */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    s3_transfer_t *self = context;
    s3_request_t *request = self->job->request;
    long status = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    size *= count;
    if (status / 100 != 2) { /* what does not fit is not needed */
        buf_append_bytes(&self->failure, data,
                         MIN(size, FAILURE_SIZE_MAX - MIN(self->failure.size, FAILURE_SIZE_MAX)));
        return size;
    }
    if (request->out == NULL)
        return size;
    if (request->out->size - self->before + size > request->size_max) {
        self->is_too_large = true;
        return 0;
    }
    buf_append_bytes(request->out, data, size);
    return buf_status(request->out) == ERR_OK ? size : 0;
}

static size_t give_body(char *room, size_t size, size_t count, void *context)
{
    s3_transfer_t *self = context;
    str_t body = self->job->request->body;
    size_t part = MIN(size * count, body.size - self->sent);
    if (part > 0)
        memcpy(room, body.data + self->sent, part);
    self->sent += part;
    return part;
}

/* A kept connection was closed under us: the body is sent once more. */
static int rewind_body(void *context, curl_off_t offset, int origin)
{
    s3_transfer_t *self = context;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > self->job->request->body.size)
        return CURL_SEEKFUNC_FAIL;
    self->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    s3_transfer_t *self = context;
    str_t line = str_of(data, size * count), name = STR("etag:");
    if (line.size > name.size && str_equal_ignoring_case(str_slice(line, 0, name.size), name) &&
        !str_to_array(str_trim(str_slice(line, name.size, line.size)), self->job->request->etag,
                      S3_ETAG_SIZE))
        self->job->request->etag[0] = '\0';
    return line.size;
}

/* Gives it up when nothing has moved for an attempt's time. */
static int look(void *context, curl_off_t to_come, curl_off_t came, curl_off_t to_go,
                curl_off_t went)
{
    s3_transfer_t *self = context;
    uint64_t now_ms = clock_mono_ms(&self->wire->clock), moved = (uint64_t)(came + went);
    (void)to_come, (void)to_go;
    if (moved != self->moved) {
        self->moved = moved;
        self->moved_ms = now_ms;
    }
    return now_ms - self->moved_ms >= self->wire->attempt_timeout_ms ? 1 : 0;
}

/* ---- beginning ---- */

static err_t add_header(s3_transfer_t *self, const char *line)
{
    struct curl_slist *more = curl_slist_append(self->headers, line);
    if (more == NULL)
        return ERR_NO_MEMORY;
    self->headers = more;
    return ERR_OK;
}

static err_t add_digest(s3_transfer_t *self, str_t body)
{
    unsigned char digest[SHA256_SIZE];
    unsigned size = 0;
    buf_t line BUF_SCOPED = BUF_INIT;
    if (EVP_Digest(body.size == 0 ? "" : body.data, body.size, digest, &size, EVP_sha256(), NULL) !=
        1)
        return ERR_INTERNAL;
    buf_append(&line, STR("x-amz-content-sha256: "));
    hex_append(&line, str_of(digest, size));
    (void)buf_terminated(&line);
    TRY(buf_status(&line));
    return add_header(self, line.data);
}

/* libcurl signs each of these lines, also one like "Expect:" that only takes a line of its own
 * away: so there must be none such. */
static err_t make_headers(const s3_wire_t *wire, s3_transfer_t *self, const s3_request_t *request)
{
    buf_t line AEAD_BUF_SCOPED = BUF_INIT;
    TRY(add_digest(self, request->body));
    if (request->method == S3_PUT || request->method == S3_POST)
        TRY(add_header(self, "Content-Type: application/octet-stream"));
    if (wire->credentials.session_token[0] == '\0')
        return ERR_OK;
    buf_printf(&line, "x-amz-security-token: %s", wire->credentials.session_token);
    (void)buf_terminated(&line);
    TRY(buf_status(&line));
    return add_header(self, line.data);
}

static err_t make_url(const s3_wire_t *wire, s3_transfer_t *self, const s3_request_t *request)
{
    buf_t *url = &self->url;
    buf_reset(url);
    buf_printf(url, "%s/%s", wire->address.endpoint, wire->address.bucket);
    if (request->key.size > 0) {
        buf_append_char(url, '/');
        percent_append(url, str_from(wire->address.prefix), "/");
        percent_append(url, request->key, "/");
    }
    if (request->query.size > 0)
        buf_printf(url, "?%.*s", STR_ARG(request->query));
    (void)buf_terminated(url);
    return buf_status(url);
}

static void set_method(s3_transfer_t *self, const s3_request_t *request)
{
    CURL *easy = self->easy;
    switch (request->method) {
    case S3_GET:
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        break;
    case S3_HEAD:
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        break;
    case S3_PUT:
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, self);
        curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
        curl_easy_setopt(easy, CURLOPT_SEEKDATA, self);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body.size);
        break;
    case S3_POST:
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         request->body.size == 0 ? "" : request->body.data);
        break;
    case S3_DELETE:
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }
}

/* However it trickles. */
static long timeout_of(const s3_wire_t *wire, const s3_request_t *request)
{
    uint64_t size = MAX((uint64_t)request->body.size, request->is_range ? request->size : 0);
    size = MAX(size, request->out == NULL ? 0 : (uint64_t)request->size_max);
    return (long)(wire->attempt_timeout_ms + MIN(size, (uint64_t)BLOB_SIZE_MAX) / 1048);
}

static void set_options(const s3_wire_t *wire, s3_transfer_t *self, const s3_request_t *request)
{
    CURL *easy = self->easy;
    char signing[96];
    snprintf(signing, sizeof signing, "aws:amz:%s:s3", wire->address.region);
    curl_easy_setopt(easy, CURLOPT_URL, self->url.data);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, signing);
    curl_easy_setopt(easy, CURLOPT_USERNAME, wire->credentials.access_key);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, wire->credentials.secret_key);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
    /* Servers that do not know "Expect: 100-continue" are not waited for long. */
    curl_easy_setopt(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)EXPECT_WAIT_MS);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)wire->attempt_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_of(wire, request));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, self);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, self);
    if (wire->address.ca[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, wire->address.ca);
    set_method(self, request);
}

static void clear(s3_transfer_t *self)
{
    curl_slist_free_all(self->headers);
    self->headers = NULL;
    self->job = NULL;
}

err_t s3_transfer_begin(s3_wire_t *wire, s3_transfer_t *self, s3_job_t *job)
{
    s3_request_t *request = job->request;
    char range[64];
    if (self->easy == NULL && (self->easy = curl_easy_init()) == NULL)
        return ERR_NO_MEMORY;
    curl_easy_reset(self->easy);
    buf_reset(&self->failure);
    self->job = job;
    self->wire = wire;
    self->sent = 0;
    self->moved = 0;
    self->moved_ms = clock_mono_ms(&wire->clock);
    self->before = request->out == NULL ? 0 : request->out->size;
    self->is_too_large = false;
    request->etag[0] = '\0';
    err_t err = make_headers(wire, self, request);
    if (err == ERR_OK)
        err = make_url(wire, self, request);
    if (err != ERR_OK) {
        clear(self);
        return err;
    }
    set_options(wire, self, request);
    if (request->is_range) {
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)request->offset,
                 (unsigned long long)(request->offset + request->size - 1));
        curl_easy_setopt(self->easy, CURLOPT_RANGE, range);
    }
    return ERR_OK;
}

/* ---- ending ---- */

static err_t err_of(long status)
{
    static const struct {
        long status;
        err_t err;
    } rows[] = {{401, ERR_FORBIDDEN}, {403, ERR_FORBIDDEN}, {404, ERR_NOT_FOUND},
                {409, ERR_CONFLICT},  {412, ERR_CONFLICT},  {413, ERR_LIMIT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].status == status)
            return rows[i].err;
    return status / 100 == 2              ? ERR_OK
           : http_status_may_pass(status) ? ERR_UNAVAILABLE
                                          : ERR_INVALID;
}

/* "503 SlowDown", if it said so. */
static void say_failure(s3_transfer_t *self, long status, char problem[BLOB_PROBLEM_SIZE])
{
    arena_t arena ARENA_SCOPED = {0};
    s3_answer_t answer = {0};
    if (s3_answer_read(buf_str(&self->failure), &arena, &answer) != ERR_OK)
        answer.code = (str_t){NULL, 0};
    snprintf(problem, BLOB_PROBLEM_SIZE, "the server answered %ld %.*s", status,
             (int)MIN(answer.code.size, (size_t)64),
             answer.code.data == NULL ? "" : answer.code.data);
}

static bool end_without_answer(s3_transfer_t *self, CURLcode code, char problem[BLOB_PROBLEM_SIZE])
{
    s3_request_t *request = self->job->request;
    bool has_no_memory =
        code == CURLE_OUT_OF_MEMORY || (request->out != NULL && buf_status(request->out) != ERR_OK);
    snprintf(problem, BLOB_PROBLEM_SIZE, "%s",
             code == CURLE_ABORTED_BY_CALLBACK ? "it does not answer" : curl_easy_strerror(code));
    request->err = self->is_too_large                       ? ERR_LIMIT
                   : has_no_memory                          ? ERR_NO_MEMORY
                   : code == CURLE_BAD_FUNCTION_ARGUMENT    ? ERR_INTERNAL
                   : code == CURLE_URL_MALFORMAT            ? ERR_INTERNAL
                   : code == CURLE_PEER_FAILED_VERIFICATION ? ERR_FORBIDDEN
                                                            : ERR_UNAVAILABLE;
    return request->err == ERR_UNAVAILABLE;
}

static bool end_with_answer(s3_transfer_t *self, char problem[BLOB_PROBLEM_SIZE])
{
    s3_request_t *request = self->job->request;
    curl_off_t size = -1, modified_s = -1;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &request->status);
    curl_easy_getinfo(self->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    curl_easy_getinfo(self->easy, CURLINFO_FILETIME_T, &modified_s);
    request->content_size = size < 0 ? 0 : (uint64_t)size;
    request->modified_ms = modified_s < 0 ? 0 : (int64_t)modified_s * 1000;
    request->err = err_of(request->status);
    if (request->err != ERR_OK)
        say_failure(self, request->status, problem);
    if (request->is_range && request->status == 416) /* behind the end there is nothing */
        request->err = ERR_OK;
    /* A server that does not know ranges answers with all of it. */
    if (request->is_range && request->status == 200 && request->offset > 0)
        request->err = ERR_UNSUPPORTED;
    return request->err == ERR_UNAVAILABLE;
}

bool s3_transfer_end(s3_transfer_t *self, CURLcode code, char problem[BLOB_PROBLEM_SIZE])
{
    s3_request_t *request = self->job->request;
    request->status = 0;
    bool may_be_repeated =
        code == CURLE_OK ? end_with_answer(self, problem) : end_without_answer(self, code, problem);
    if (request->err != ERR_OK && request->out != NULL)
        request->out->size = self->before;
    clear(self);
    return may_be_repeated;
}

void s3_transfer_deinit(s3_transfer_t *self)
{
    clear(self);
    if (self->easy != NULL)
        curl_easy_cleanup(self->easy);
    buf_deinit(&self->url);
    buf_deinit(&self->failure);
}
