#include "gateway/http.h"

#include "gateway/cookies.h"
#include "gateway/exchange.h"
#include "runtime/base/text.h"

const char *http_method_name(http_method_t method)
{
    static const char *const names[METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                    "PATCH", "DELETE", "OPTIONS"};
    return (size_t)method < METHOD_COUNT ? names[method] : "";
}

str_t http_header(const http_request_t *request, const char *name)
{
    str_t wanted = str_from(name);
    for (size_t i = 0; i < request->header_count; i++)
        if (str_equal_ignoring_case(request->headers[i].name, wanted))
            return request->headers[i].value;
    return (str_t){NULL, 0};
}

str_t http_param(const http_request_t *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (str_equal(request->params[i].name, str_from(name)))
            return request->params[i].value;
    return (str_t){NULL, 0};
}

err_t http_param_u64(const http_request_t *request, const char *name, uint64_t *out_value)
{
    str_t value = http_param(request, name);
    return value.data == NULL ? ERR_NOT_FOUND : str_to_u64(value, out_value);
}

/* ---- forms: a query, or a body of that type ---- */

static err_t decode_field(http_request_t *request, str_t text, str_t *out_text)
{
    *out_text = text;
    if (str_find(text, '%') == text.size && str_find(text, '+') == text.size)
        return ERR_OK;
    buf_t decoded BUF_SCOPED = BUF_INIT;
    TRY(percent_decode(&decoded, text, true));
    *out_text = arena_str(request->arena, buf_str(&decoded));
    return out_text->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static bool next_raw(str_t *rest, str_t *out_name, str_t *out_value)
{
    str_t part = {NULL, 0};
    do {
        if (!str_next(rest, '&', &part))
            return false;
    } while (str_is_empty(part));
    size_t equals = str_find(part, '=');
    *out_name = str_slice(part, 0, equals);
    *out_value = str_slice(part, equals + 1, part.size);
    return true;
}

bool http_form_next(http_request_t *request, str_t *rest, http_field_t *out_field)
{
    str_t name, value;
    if (!next_raw(rest, &name, &value))
        return false;
    if (decode_field(request, name, &out_field->name) != ERR_OK)
        out_field->name = name;
    if (decode_field(request, value, &out_field->value) != ERR_OK)
        out_field->value = value;
    return true;
}

static err_t find_field(http_request_t *request, str_t form, str_t wanted, str_t *out_value)
{
    str_t raw_name, raw_value, name;
    while (next_raw(&form, &raw_name, &raw_value))
        if (decode_field(request, raw_name, &name) == ERR_OK && str_equal(name, wanted))
            return decode_field(request, raw_value, out_value);
    return ERR_NOT_FOUND;
}

err_t http_query(http_request_t *request, const char *name, str_t *out_value)
{
    str_t value;
    err_t err = find_field(request, request->query, str_from(name), &value);
    if (err == ERR_NOT_FOUND && request->is_form)
        err = find_field(request, request->body, str_from(name), &value);
    TRY(err);
    *out_value = value;
    return ERR_OK;
}

err_t http_query_u64(http_request_t *request, const char *name, uint64_t fallback,
                     uint64_t *out_value)
{
    str_t value;
    err_t err = http_query(request, name, &value);
    if (err == ERR_OK)
        return str_to_u64(value, out_value);
    if (err == ERR_NOT_FOUND)
        *out_value = fallback;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- headers with a meaning ---- */

str_t http_cookie(const http_request_t *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_equal_ignoring_case(request->headers[i].name, STR("cookie")))
            continue;
        str_t value = cookie_find(request->headers[i].value, str_from(name));
        if (value.data != NULL)
            return value;
    }
    return (str_t){NULL, 0};
}

/* Whether the parameters of a coding give it a weight of zero: "q=0", "q=0.000". */
static bool is_weightless(str_t parameters)
{
    str_t part;
    while (str_next(&parameters, ';', &part)) {
        part = str_trim(part);
        if (!str_equal_ignoring_case(str_slice(part, 0, 2), STR("q=")))
            continue;
        for (size_t i = 2; i < part.size; i++)
            if (part.data[i] >= '1' && part.data[i] <= '9')
                return false;
        return true;
    }
    return false;
}

bool http_accepts_encoding(const http_request_t *request, const char *coding)
{
    str_t rest = http_header(request, "accept-encoding"), part;
    while (str_next(&rest, ',', &part)) {
        size_t end = str_find(part, ';');
        if (str_equal_ignoring_case(str_trim(str_slice(part, 0, end)), str_from(coding)))
            return !is_weightless(str_slice(part, end, part.size));
    }
    return false;
}

/* ---- the memory of an exchange ---- */

enum { KEPT_SIZE_MAX = 16384 }; /* a buffer larger than this is given back after its request */

void exchange_init(exchange_t *self, size_t memory_size_max)
{
    *self = (exchange_t){.arena = {.size_max = memory_size_max}};
    exchange_reset(self);
}

void exchange_deinit(exchange_t *self)
{
    buf_deinit(&self->head);
    buf_deinit(&self->body);
    buf_deinit(&self->reply_headers);
    arena_deinit(&self->arena);
}

static void reset_buffer(buf_t *buffer)
{
    if (buffer->capacity > KEPT_SIZE_MAX)
        buf_deinit(buffer);
    buf_reset(buffer);
}

void exchange_reset(exchange_t *self)
{
    reset_buffer(&self->head);
    reset_buffer(&self->body);
    reset_buffer(&self->reply_headers);
    self->reply_headers.size_max = HTTP_REPLY_HEADER_SIZE_MAX;
    arena_reset(&self->arena);
    self->request =
        (http_request_t){.scheme = STR("http"), .headers = self->headers, .arena = &self->arena};
    self->match = (route_match_t){0};
    self->is_http10 = self->is_keep_alive = self->expects_continue = false;
    self->is_chunked = self->is_sized = self->wants_room = false;
    self->on_cancel = NULL;
    self->stream_events = NULL;
}

void exchange_detach(exchange_t *self)
{
    self->connection = NULL;
    if (self->stream_events != NULL) {
        self->stream_events->on_close((http_stream_t *)self, self->stream_context);
        http_abandon(&self->request);
    } else if (self->on_cancel != NULL) {
        void (*hook)(http_request_t *, void *) = self->on_cancel;
        self->on_cancel = NULL;
        hook(&self->request, self->cancel_context);
    }
}
