#include "gateway/graphql/language/suggest.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes a run of digits off *s; numbers of names are short, longer ones wrap. */
static uint64_t take_number(str_t *s)
{
    uint64_t value = 0;
    while (s->size > 0 && is_digit(s->data[0])) {
        value = value * 10 + (uint64_t)(s->data[0] - '0');
        *s = str_slice(*s, 1, s->size);
    }
    return value;
}

int gql_natural_compare(str_t a, str_t b)
{
    while (a.size > 0 && b.size > 0) {
        if (is_digit(a.data[0]) && is_digit(b.data[0])) {
            uint64_t left = take_number(&a), right = take_number(&b);
            if (left != right)
                return left < right ? -1 : 1;
            continue;
        }
        if (a.data[0] != b.data[0])
            return (unsigned char)a.data[0] < (unsigned char)b.data[0] ? -1 : 1;
        a = str_slice(a, 1, a.size);
        b = str_slice(b, 1, b.size);
    }
    return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

/* Optimal string alignment distance of the lower-case forms. */
static uint32_t distance_of(str_t a, str_t b)
{
    uint32_t rows[3][SUGGESTION_SIZE_MAX + 1];
    for (uint32_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a.size; i++) {
        uint32_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *above = rows[(i + 1) % 3];
        char c = lower(a.data[i - 1]);
        row[0] = i;
        for (uint32_t j = 1; j <= b.size; j++) {
            char d = lower(b.data[j - 1]);
            row[j] = MIN(MIN(up[j] + 1, row[j - 1] + 1), up[j - 1] + (c != d));
            if (i > 1 && j > 1 && c == lower(b.data[j - 2]) && lower(a.data[i - 2]) == d)
                row[j] = MIN(row[j], above[j - 2] + 1);
        }
    }
    return rows[a.size % 3][b.size];
}

static bool is_before(const gql_suggestions_t *self, size_t index, uint32_t distance, str_t name)
{
    if (distance != self->distances[index])
        return distance < self->distances[index];
    return gql_natural_compare(name, self->names[index]) < 0;
}

void gql_suggest(gql_suggestions_t *self, str_t option)
{
    uint32_t threshold = (uint32_t)(self->input.size * 2 / 5) + 1;
    if (self->input.size > SUGGESTION_SIZE_MAX || option.size > SUGGESTION_SIZE_MAX)
        return;
    uint32_t distance = str_equal_ignoring_case(self->input, option)
                            ? !str_equal(self->input, option)
                            : distance_of(option, self->input);
    if (distance > threshold)
        return;
    size_t at = self->count;
    while (at > 0 && is_before(self, at - 1, distance, option))
        at--;
    if (at == SUGGESTIONS_MAX)
        return;
    self->count = MIN(self->count + 1, (size_t)SUGGESTIONS_MAX);
    for (size_t i = self->count - 1; i > at; i--) {
        self->names[i] = self->names[i - 1];
        self->distances[i] = self->distances[i - 1];
    }
    self->names[at] = option;
    self->distances[at] = distance;
}

void gql_did_you_mean(const str_t *names, size_t count, const char *what, buf_t *out)
{
    count = MIN(count, (size_t)SUGGESTIONS_MAX);
    if (count == 0)
        return;
    buf_printf(out, " Did you mean %s", what);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append(out, count == 2 ? STR(" or ") : i + 1 == count ? STR(", or ") : STR(", "));
        buf_printf(out, "\"%.*s\"", STR_ARG(names[i]));
    }
    buf_append_char(out, '?');
}

void gql_suggestions_append(const gql_suggestions_t *self, const char *what, buf_t *out)
{
    gql_did_you_mean(self->names, self->count, what, out);
}
