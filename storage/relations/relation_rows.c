#include "storage/relations/relation_rows.h"

#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

static pg_type_t type_of(char letter)
{
    switch (letter) {
    case 'b':
        return PG_BOOL;
    case 'i':
        return PG_INT4;
    case 'l':
        return PG_INT8;
    case 'd':
        return PG_FLOAT8;
    case 'y':
        return PG_BYTEA;
    default:
        ASSERT(letter == 't');
        return PG_TEXT;
    }
}

void relation_rows_init(relation_rows_t *self, const relation_event_t *event)
{
    *self = (relation_rows_t){0};
    for (; event->columns[self->column_count] != '\0'; self->column_count++) {
        ASSERT(self->column_count < RELATION_COLUMNS_MAX);
        self->columns[self->column_count] =
            pg_array_of(type_of(event->columns[self->column_count]));
    }
}

void relation_rows_deinit(relation_rows_t *self)
{
    for (uint32_t i = 0; i < self->column_count; i++)
        pg_array_deinit(&self->columns[i]);
    buf_deinit(&self->scratch);
}

err_t relation_rows_end(relation_rows_t *self, const relation_event_t *event,
                        pg_statement_t *out_statement)
{
    if (self->has_failed)
        return ERR_NO_MEMORY;
    out_statement->sql = event->sql;
    out_statement->parameter_count = self->column_count;
    for (uint32_t i = 0; i < self->column_count; i++)
        TRY(pg_array_end(&self->columns[i], &out_statement->parameters[i]));
    return ERR_OK;
}

/* ---- one column after the other ---- */

static pg_array_t *next(relation_rows_t *self, pg_type_t type)
{
    ASSERT(self->at < self->column_count && self->columns[self->at].element == type);
    return &self->columns[self->at++];
}

void relation_at(relation_rows_t *self, uint32_t column)
{
    self->at = column;
    pg_array_add_i64(next(self, PG_INT8), self->place);
}

void relation_key(relation_rows_t *self)
{
    relation_text(self, self->key);
}

str_t relation_key_of(const relation_rows_t *self)
{
    return self->key;
}

uint32_t relation_count(const relation_rows_t *self, uint32_t column)
{
    return self->columns[column].count;
}

void relation_wall(relation_rows_t *self)
{
    relation_i64(self, self->wall_ms);
}

void relation_bool(relation_rows_t *self, bool value)
{
    pg_array_add_bool(next(self, PG_BOOL), value);
}

void relation_u32(relation_rows_t *self, uint32_t value)
{
    pg_array_add_i32(next(self, PG_INT4), (int32_t)MIN(value, (uint32_t)INT32_MAX));
}

void relation_u64(relation_rows_t *self, uint64_t value)
{
    relation_i64(self, (int64_t)MIN(value, (uint64_t)INT64_MAX));
}

void relation_i64(relation_rows_t *self, int64_t value)
{
    pg_array_add_i64(next(self, PG_INT8), value);
}

void relation_f64(relation_rows_t *self, double value)
{
    pg_array_add_f64(next(self, PG_FLOAT8), value);
}

static str_t repaired(relation_rows_t *self, str_t value)
{
    buf_t *scratch = &self->scratch;
    buf_reset(scratch);
    utf8_append_repaired(scratch, value);
    if (buf_status(scratch) != ERR_OK) {
        self->has_failed = true;
        return (str_t){NULL, 0};
    }
    size_t kept = 0;
    for (size_t i = 0; i < scratch->size; i++)
        if (scratch->data[i] != '\0')
            scratch->data[kept++] = scratch->data[i];
    scratch->size = kept;
    return buf_str(scratch);
}

void relation_text(relation_rows_t *self, str_t value)
{
    bool is_fine =
        value.size == 0 || (memchr(value.data, '\0', value.size) == NULL && utf8_is_valid(value));
    pg_array_add_str(next(self, PG_TEXT), is_fine ? value : repaired(self, value));
}

void relation_bytes(relation_rows_t *self, str_t value)
{
    pg_array_add_str(next(self, PG_BYTEA), value);
}

/* ---- whole rows ---- */

void relation_add_key(relation_rows_t *self, const void *event)
{
    (void)event;
    relation_at(self, 0);
    relation_key(self);
}

void relation_add_key_wall(relation_rows_t *self, const void *event)
{
    relation_add_key(self, event);
    relation_wall(self);
}
