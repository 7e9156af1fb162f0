#include "gateway/problem.h"

#include "runtime/base/json.h"

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "Status";
}

static void append(buf_t *out, int status, const char *title, const char *code, str_t detail,
                   str_t request_id)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "type", STR("about:blank"));
    json_key_str(&json, "title", str_from(title));
    json_key_u64(&json, "status", (uint64_t)status);
    if (code != NULL)
        json_key_str(&json, "code", str_from(code));
    if (!str_is_empty(detail))
        json_key_str(&json, "detail", detail);
    if (!str_is_empty(request_id))
        json_key_str(&json, "request_id", request_id);
    json_object_end(&json);
}

uint32_t problem_retry_after_s(err_t err)
{
    enum { BUSY_S = 5, UNAVAILABLE_S = 2 };
    return err == ERR_BUSY ? BUSY_S : err == ERR_UNAVAILABLE ? UNAVAILABLE_S : 0;
}

void problem_append(buf_t *out, err_t err, str_t detail, str_t request_id)
{
    append(out, err_http_status(err), err_text(err), err_name(err), detail, request_id);
}

void problem_append_status(buf_t *out, int status, str_t detail, str_t request_id)
{
    append(out, status, http_status_text(status), NULL, detail, request_id);
}
