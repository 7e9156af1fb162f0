#include "gateway/http1.h"

#include "gateway/origin.h"

enum {
    METHOD_AND_VERSION_SIZE_MAX = 32, /* what a request line holds besides its target */
    BLANK_LINE_SIZE_MAX = 8,          /* line ends before a request, RFC 9112 §2.2 */
    CHUNK_FRAMING_SIZE = 8            /* what one byte of body may cost in a chunk of its own */
};

/* The first reason stands. Always false, for a check to return. */
static bool refuse(http1_t *self, int status, const char *detail)
{
    if (self->state == HTTP1_REFUSED)
        return false;
    self->state = HTTP1_REFUSED;
    self->status = status;
    self->detail = detail;
    return false;
}

/* ---- what llhttp calls; each span comes in one piece, because the header is given whole ---- */

static http1_t *of_parser(llhttp_t *parser)
{
    return CONTAINER_OF(parser, http1_t, parser);
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    of_parser(parser)->exchange->request.path = str_of(at, size);
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t size)
{
    http1_t *self = of_parser(parser);
    if (self->state == HTTP1_BODY) /* a trailer: counted as framing, not kept */
        return 0;
    http_request_t *request = &self->exchange->request;
    if (request->header_count == HTTP_HEADERS_MAX) {
        refuse(self, 431, "too many header fields");
        return -1;
    }
    self->exchange->headers[request->header_count++] = (http_field_t){str_of(at, size), STR("")};
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t size)
{
    http1_t *self = of_parser(parser);
    http_request_t *request = &self->exchange->request;
    if (self->state != HTTP1_BODY && request->header_count > 0)
        self->exchange->headers[request->header_count - 1].value = str_trim(str_of(at, size));
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    http1_t *self = of_parser(parser);
    self->exchange->is_keep_alive = llhttp_should_keep_alive(parser) != 0;
    self->content_length = parser->flags & F_CONTENT_LENGTH ? parser->content_length : 0;
    /* Whether to change protocols is decided by a handler, after the request; a request that says
     * Upgrade is framed like any other (RFC 9110 §7.8). CONNECT is refused by its method. */
    parser->upgrade = 0;
    return 0;
}

/* Looked at before each run of body bytes and at the end of a feed: there the framing is largest
 * for the body so far, so it makes no difference how the bytes were cut. */
static bool check_overhead(http1_t *self, const char *at)
{
    uint64_t body_size = self->exchange->body.size;
    uint64_t framing = self->framed_size + (uint64_t)(at - self->feed) - body_size;
    return framing <= self->limits->chunk_overhead_size_max + CHUNK_FRAMING_SIZE * body_size ||
           refuse(self, 400, "too much between the chunks of the body");
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    http1_t *self = of_parser(parser);
    buf_t *body = &self->exchange->body;
    if (!check_overhead(self, at))
        return -1;
    if (size > self->body_size_max - MIN(body->size, self->body_size_max)) {
        refuse(self, 413, "the body is too large");
        return -1;
    }
    buf_append_bytes(body, at, size);
    if (buf_status(body) == ERR_OK)
        return 0;
    refuse(self, 503, "out of memory");
    return -1;
}

static int on_message_complete(llhttp_t *parser)
{
    of_parser(parser)->is_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http1_begin(http1_t *self, const gateway_limits_t *limits, exchange_t *exchange)
{
    *self = (http1_t){.limits = limits,
                      .exchange = exchange,
                      .body_size_max = limits->body_size_max,
                      .is_first_line = true};
    llhttp_init(&self->parser, HTTP_REQUEST, &settings);
}

/* ---- the scanner ---- */

/* Bytes that stand in a header's line: all but controls, a tab excepted. */
static bool is_text(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

/* Takes one byte of the header; true when it was the last. */
static bool scan_byte(http1_t *self, unsigned char c)
{
    if (self->is_after_cr) {
        self->is_after_cr = false;
        bool is_end = self->line_size == 0;
        self->line_size = 0;
        self->is_first_line = false;
        if (c != '\n')
            refuse(self, 400, "a carriage return without a line feed");
        return is_end;
    }
    if (c == '\r') {
        self->is_after_cr = true;
        return false;
    }
    if (!is_text(c))
        refuse(self, 400, "a control character in the header");
    else if (self->line_size == 0 && !self->is_first_line && (c == ' ' || c == '\t'))
        refuse(self, 400, "a folded header line");
    else if (self->line_size == 0 && c == ':')
        refuse(self, 400, "a header without a name");
    self->line_size++;
    if (self->is_first_line &&
        self->line_size > self->limits->target_size_max + METHOD_AND_VERSION_SIZE_MAX)
        refuse(self, 414, "the request's target is too long");
    return false;
}

static size_t skip_blank_lines(http1_t *self, const char *data, size_t size)
{
    size_t used = 0;
    while (used < size && (data[used] == '\r' || data[used] == '\n')) {
        used++;
        if (++self->blank_size > BLANK_LINE_SIZE_MAX) {
            refuse(self, 400, "nothing but line ends");
            break;
        }
    }
    return used;
}

/* Collects the header; returns the bytes used. *out_is_end: its last byte was among them. */
static size_t scan(http1_t *self, const char *data, size_t size, bool *out_is_end)
{
    buf_t *head = &self->exchange->head;
    size_t begin = head->size == 0 ? skip_blank_lines(self, data, size) : 0, used = begin;
    *out_is_end = false;
    while (used < size && !*out_is_end && self->state != HTTP1_REFUSED) {
        *out_is_end = scan_byte(self, (unsigned char)data[used++]);
        if (head->size + (used - begin) > self->limits->header_size_max)
            refuse(self, 431, "the header is too large");
    }
    buf_append_bytes(head, data + begin, used - begin);
    if (buf_status(head) != ERR_OK)
        refuse(self, 503, "out of memory");
    return used;
}

/* ---- the checks of a whole header ---- */

static bool read_method(uint8_t parsed, http_method_t *out_method)
{
    static const struct {
        uint8_t parsed;
        http_method_t method;
    } rows[] = {
        {HTTP_GET, METHOD_GET},         {HTTP_POST, METHOD_POST},   {HTTP_HEAD, METHOD_HEAD},
        {HTTP_PUT, METHOD_PUT},         {HTTP_PATCH, METHOD_PATCH}, {HTTP_DELETE, METHOD_DELETE},
        {HTTP_OPTIONS, METHOD_OPTIONS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].parsed == parsed) {
            *out_method = rows[i].method;
            return true;
        }
    return false;
}

static bool is_target_text(str_t target)
{
    for (size_t i = 0; i < target.size; i++)
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#')
            return false;
    return target.size > 0;
}

/* The forms of RFC 9112 §3.2: origin, absolute (its authority replaces Host), and asterisk. */
static bool read_target(http_request_t *request)
{
    str_t target = request->path;
    size_t colon = str_find(target, ':');
    str_t scheme = str_slice(target, 0, colon), rest = str_slice(target, colon, target.size);
    if (str_starts_with(rest, STR("://")) && (str_equal_ignoring_case(scheme, STR("http")) ||
                                              str_equal_ignoring_case(scheme, STR("https")))) {
        rest = str_slice(rest, 3, rest.size);
        size_t end = MIN(str_find(rest, '/'), str_find(rest, '?'));
        request->host = str_slice(rest, 0, end);
        target = str_slice(rest, end, rest.size);
    }
    size_t mark = str_find(target, '?');
    request->path = mark == 0 ? STR("/") : str_slice(target, 0, mark);
    request->query = str_slice(target, mark + 1, target.size);
    if (request->method == METHOD_OPTIONS && str_equal(request->path, STR("*")))
        return true;
    return request->path.size > 0 && request->path.data[0] == '/';
}

typedef struct header_counts {
    size_t host, length, encoding;
} header_counts_t;

static header_counts_t read_headers(exchange_t *exchange)
{
    http_request_t *request = &exchange->request;
    header_counts_t counts = {0};
    for (size_t i = 0; i < request->header_count; i++) {
        const http_field_t *field = &exchange->headers[i];
        if (str_equal_ignoring_case(field->name, STR("host"))) {
            counts.host++;
            request->host = field->value;
        } else if (str_equal_ignoring_case(field->name, STR("content-length"))) {
            counts.length++;
        } else if (str_equal_ignoring_case(field->name, STR("transfer-encoding"))) {
            counts.encoding += str_equal_ignoring_case(field->value, STR("chunked")) ? 1 : 2;
        } else if (str_equal_ignoring_case(field->name, STR("content-type"))) {
            str_t type = str_trim(str_slice(field->value, 0, str_find(field->value, ';')));
            request->is_form =
                str_equal_ignoring_case(type, STR("application/x-www-form-urlencoded"));
        }
    }
    return counts;
}

static void check_framing(http1_t *self, header_counts_t counts)
{
    /* Two ways to say where a body ends are how requests are smuggled (RFC 9112 §6.3). */
    if (counts.encoding > 0 && (counts.length > 0 || self->exchange->is_http10))
        refuse(self, 400, "Transfer-Encoding beside Content-Length, or in HTTP/1.0");
    else if (counts.encoding > 1)
        refuse(self, 501, "a transfer coding other than chunked");
    else if (counts.length > 1)
        refuse(self, 400, "more than one Content-Length");
}

static void check_expect(http1_t *self)
{
    str_t expect = http_header(&self->exchange->request, "expect");
    if (expect.data == NULL || self->exchange->is_http10)
        return;
    if (!str_equal_ignoring_case(expect, STR("100-continue")))
        refuse(self, 417, "an expectation other than 100-continue");
    self->exchange->expects_continue = true;
}

static bool check_header(http1_t *self)
{
    exchange_t *exchange = self->exchange;
    http_request_t *request = &exchange->request;
    if (self->parser.http_major != 1 || self->parser.http_minor > 1)
        return refuse(self, 505, "an HTTP version other than 1.0 and 1.1");
    exchange->is_http10 = self->parser.http_minor == 0;
    if (!read_method(self->parser.method, &request->method))
        return refuse(self, 501, "this method is not spoken here");
    if (request->path.size > self->limits->target_size_max)
        return refuse(self, 414, "the request's target is too long");
    request->headers = exchange->headers;
    header_counts_t counts = read_headers(exchange);
    if (counts.host > 1 || (counts.host == 0 && !exchange->is_http10))
        return refuse(self, 400, "exactly one Host is needed");
    if (!is_target_text(request->path) || !read_target(request))
        return refuse(self, 400, "the request's target is not valid");
    if (!str_is_empty(request->host) ? !host_is_valid(request->host) : !exchange->is_http10)
        return refuse(self, 400, "Host is not valid");
    check_framing(self, counts);
    check_expect(self);
    return self->state == HTTP1_HEADER;
}

static int status_of(llhttp_errno_t error)
{
    return error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE ? 505 : 400;
}

static bool parse_header(http1_t *self)
{
    str_t head = buf_str(&self->exchange->head);
    llhttp_errno_t error = llhttp_execute(&self->parser, head.data, head.size);
    if (error != HPE_OK && error != HPE_PAUSED)
        return refuse(self, status_of(error), "the header is not valid");
    if (self->is_complete != (error == HPE_PAUSED))
        return refuse(self, 400, "the header is not valid");
    if (!check_header(self))
        return false;
    self->state = HTTP1_HEADER_DONE;
    return true;
}

/* ---- the body ---- */

static size_t parse_body(http1_t *self, const char *data, size_t size)
{
    self->feed = data;
    llhttp_errno_t error = llhttp_execute(&self->parser, data, size);
    size_t used = error == HPE_OK ? size : (size_t)(llhttp_get_error_pos(&self->parser) - data);
    bool is_bounded = check_overhead(self, data + used);
    self->framed_size += used;
    if (error != HPE_OK && !self->is_complete)
        refuse(self, 400, "the body's chunks are not valid");
    else if (is_bounded && self->is_complete)
        self->state = HTTP1_DONE;
    return used;
}

static void end_header(http1_t *self)
{
    self->state = self->is_complete ? HTTP1_DONE : HTTP1_BODY;
    if (self->content_length > self->body_size_max)
        refuse(self, 413, "the body is too large");
}

size_t http1_feed(http1_t *self, const char *data, size_t size)
{
    size_t used = 0;
    if (self->state == HTTP1_HEADER) {
        bool is_end = false;
        used = scan(self, data, size, &is_end);
        if (is_end && self->state == HTTP1_HEADER)
            parse_header(self);
        return used;
    }
    if (self->state == HTTP1_HEADER_DONE)
        end_header(self);
    if (self->state == HTTP1_BODY && size > 0)
        used = parse_body(self, data, size);
    if (self->state == HTTP1_DONE)
        self->exchange->request.body = buf_str(&self->exchange->body);
    return used;
}
