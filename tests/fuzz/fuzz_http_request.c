/* The reader of HTTP/1.1 requests: the first byte says how the rest is cut; the cut must not
 * matter, and what is let through keeps the rules that the rest of the gateway relies on. */
#include "gateway/http1.h"
#include "gateway/origin.h"
#include "runtime/base/assert.h"

static const gateway_limits_t limits = {.target_size_max = 200,
                                        .header_size_max = 800,
                                        .body_size_max = 300,
                                        .chunk_overhead_size_max = 100,
                                        .request_memory_size_max = 65536};

static void check_request(const exchange_t *exchange)
{
    const http_request_t *request = &exchange->request;
    ASSERT(request->method < METHOD_COUNT && request->header_count <= HTTP_HEADERS_MAX);
    ASSERT(request->path.size > 0 && request->path.size <= limits.target_size_max);
    ASSERT(request->path.data[0] == '/' || str_equal(request->path, STR("*")));
    ASSERT(request->body.size <= limits.body_size_max);
    ASSERT(str_is_empty(request->host) ? exchange->is_http10 : host_is_valid(request->host));
    for (size_t i = 0; i < request->header_count; i++) {
        ASSERT(request->headers[i].name.size > 0);
        for (size_t j = 0; j < request->headers[i].value.size; j++) {
            char c = request->headers[i].value.data[j];
            ASSERT(c != '\r' && c != '\n' && c != '\0');
        }
    }
}

static void write_request(const exchange_t *exchange, buf_t *out)
{
    const http_request_t *request = &exchange->request;
    buf_printf(out, "%s|%.*s|%.*s|%.*s|%d%d%d|", http_method_name(request->method),
               STR_ARG(request->path), STR_ARG(request->query), STR_ARG(request->host),
               exchange->is_http10, exchange->is_keep_alive, exchange->expects_continue);
    for (size_t i = 0; i < request->header_count; i++)
        buf_printf(out, "%.*s:%.*s|", STR_ARG(request->headers[i].name),
                   STR_ARG(request->headers[i].value));
    buf_append(out, request->body);
}

/* Feeds one request; false when there is no further one. */
static bool transcribe_one(exchange_t *exchange, str_t *bytes, size_t step, buf_t *out)
{
    http1_t http1;
    exchange_reset(exchange);
    http1_begin(&http1, &limits, exchange);
    while (http1.state != HTTP1_DONE && http1.state != HTTP1_REFUSED) {
        bool goes_on = http1.state == HTTP1_HEADER_DONE;
        if (bytes->size == 0 && !goes_on)
            break;
        str_t part = str_slice(*bytes, 0, step);
        size_t used = http1_feed(&http1, part.data, part.size);
        ASSERT(used <= part.size);
        ASSERT(used == part.size || http1.state != HTTP1_HEADER);
        *bytes = str_slice(*bytes, used, bytes->size);
    }
    ASSERT(exchange->head.size <= limits.header_size_max + 1);
    if (http1.state == HTTP1_DONE) {
        check_request(exchange);
        write_request(exchange, out);
    } else {
        buf_printf(out, "state %d status %d", (int)http1.state, http1.status);
    }
    return http1.state == HTTP1_DONE && exchange->is_keep_alive && bytes->size > 0;
}

static void transcribe(str_t bytes, size_t step, buf_t *out)
{
    exchange_t exchange;
    exchange_init(&exchange, limits.request_memory_size_max);
    while (transcribe_one(&exchange, &bytes, step, out))
        buf_append(out, STR("\n"));
    exchange_deinit(&exchange);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    buf_t whole BUF_SCOPED = BUF_INIT, cut BUF_SCOPED = BUF_INIT;
    transcribe(str_of(data + 1, size - 1), SIZE_MAX, &whole);
    transcribe(str_of(data + 1, size - 1), (size_t)1 + data[0] % 16, &cut);
    ASSERT(str_equal(buf_str(&whole), buf_str(&cut)));
    return 0;
}
