#include "gateway/graphql/errors.h"

#include "gateway/problem.h"
#include "runtime/base/json.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_BYTES_MAX = 2048, PATH_LENGTH_MAX = 256 };

void gql_errors_init(gql_errors_t *self, arena_t *arena, str_t source, uint32_t max)
{
    *self = (gql_errors_t){.arena = arena, .source = source, .max = max};
    self->tail = &self->first;
}

void gql_errors_add(gql_errors_t *self, err_t err, str_t message, const uint32_t *places,
                    size_t place_count, const gql_path_t *path)
{
    if (self->count >= self->max) {
        self->is_full = true;
        return;
    }
    gql_error_t *error = arena_new(self->arena, sizeof *error);
    if (error == NULL) {
        self->is_full = true;
        return;
    }
    error->err = err;
    error->message = arena_str(self->arena, str_slice(message, 0, MESSAGE_BYTES_MAX));
    if (error->message.data == NULL)
        error->message = STR("out of memory");
    error->places = arena_dup(self->arena, places, place_count * sizeof *places);
    error->place_count = error->places == NULL ? 0 : (uint32_t)place_count;
    error->path = path;
    *self->tail = error;
    self->tail = &error->next;
    self->count++;
}

void gql_errors_say(gql_errors_t *self, err_t err, uint32_t place, const char *format, ...)
{
    char text[MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t kept = size < 0 ? 0 : MIN((size_t)size, sizeof text - 1);
    gql_errors_add(self, err, str_of(text, kept), &place, 1, NULL);
}

static void write_path(const gql_path_t *path, json_t *json)
{
    const gql_path_t *steps[PATH_LENGTH_MAX];
    size_t count = 0;
    for (; path->parent != NULL && count < PATH_LENGTH_MAX; path = path->parent)
        steps[count++] = path;
    json_array_begin(json);
    while (count-- > 0) {
        if (steps[count]->key.data != NULL)
            json_str(json, steps[count]->key);
        else
            json_u64(json, steps[count]->index);
    }
    json_array_end(json);
}

static void write_error(const gql_errors_t *self, const gql_error_t *error, json_t *json)
{
    json_object_begin(json);
    json_key_str(json, "message", error->message);
    if (error->place_count > 0) {
        json_key(json, STR("locations"));
        json_array_begin(json);
        for (uint32_t i = 0; i < error->place_count; i++) {
            gql_location_t where = gql_locate(self->source, error->places[i]);
            json_object_begin(json);
            json_key_u64(json, "line", where.line);
            json_key_u64(json, "column", where.column);
            json_object_end(json);
        }
        json_array_end(json);
    }
    if (error->path != NULL) {
        json_key(json, STR("path"));
        write_path(error->path, json);
    }
    json_key(json, STR("extensions"));
    json_object_begin(json);
    json_key_str(json, "code", str_from(err_name(error->err)));
    if (problem_retry_after_s(error->err) > 0)
        json_key_u64(json, "retryAfter", problem_retry_after_s(error->err));
    json_object_end(json);
    json_object_end(json);
}

void gql_errors_write(const gql_errors_t *self, buf_t *out)
{
    json_t json = json_to(out);
    json_array_begin(&json);
    for (const gql_error_t *error = self->first; error != NULL; error = error->next)
        write_error(self, error, &json);
    json_array_end(&json);
}
