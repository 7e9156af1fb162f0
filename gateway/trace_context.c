#include "gateway/trace_context.h"

enum {
    AT_VERSION = 0,
    AT_ID = 3,
    AT_SPAN = 36,
    AT_FLAGS = 53,
    TRACEPARENT_SIZE = 55,
    VERSION_NEVER = 0xff,
    FLAG_SAMPLED = 1
};

/* Lower case only, as the standard has it. */
static bool read_hex(str_t text, size_t at, size_t digits, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = at; i < at + digits; i++) {
        char c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f'))
            return false;
        value = value << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return true;
}

static bool is_dashed(str_t text)
{
    return text.data[AT_ID - 1] == '-' && text.data[AT_SPAN - 1] == '-' &&
           text.data[AT_FLAGS - 1] == '-';
}

err_t trace_context_parse(str_t header, trace_context_t *out)
{
    uint64_t version, span, flags;
    trace_id_t id;
    if (header.size < TRACEPARENT_SIZE || !is_dashed(header) ||
        !read_hex(header, AT_VERSION, 2, &version) || !read_hex(header, AT_ID, 16, &id.high) ||
        !read_hex(header, AT_ID + 16, 16, &id.low) || !read_hex(header, AT_SPAN, 16, &span) ||
        !read_hex(header, AT_FLAGS, 2, &flags))
        return ERR_INVALID;
    bool is_longer = header.size > TRACEPARENT_SIZE;
    bool may_be_longer = version != 0 && is_longer && header.data[TRACEPARENT_SIZE] == '-';
    if (version == VERSION_NEVER || (is_longer && !may_be_longer) || (id.high | id.low) == 0 ||
        span == 0)
        return ERR_INVALID;
    *out = (trace_context_t){id, (flags & FLAG_SAMPLED) != 0};
    return ERR_OK;
}

static void write_hex(uint64_t value, char *out)
{
    for (int i = 0; i < 16; i++)
        out[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

void trace_id_write(trace_id_t id, char out[TRACE_ID_TEXT_SIZE])
{
    write_hex(id.high, out);
    write_hex(id.low, out + 16);
}

void trace_context_append(const trace_context_t *self, uint64_t span, buf_t *out)
{
    char id[TRACE_ID_TEXT_SIZE], of_span[16];
    trace_id_write(self->id, id);
    write_hex(span, of_span);
    buf_printf(out, "00-%.*s-%.*s-%02x", (int)sizeof id, id, (int)sizeof of_span, of_span,
               self->is_sampled ? FLAG_SAMPLED : 0U);
}
