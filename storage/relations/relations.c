#include "storage/relations/relations.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "storage/relations/relation_rows.h"

typedef struct group {
    const relation_event_t *event;
    size_t relation;
    relation_rows_t rows;
} group_t;

/* Event types by the hash of their name, open addressing; one that two relations want stands there
 * twice. */
typedef struct entry {
    const relation_event_t *event; /* NULL: free */
    size_t relation;
} entry_t;

struct relation_batch {
    relation_list_t list;
    relation_opener_t opener;
    entry_t *entries;
    size_t entry_mask;
    arena_t arena; /* of one event */
    group_t *groups;
    size_t group_count, group_capacity;
    size_t next_group[RELATION_MAX]; /* of the current stream: where its next event may go */
    str_t stream, key;
    int64_t place;
    buf_t opened; /* of one event */
    pg_statement_t *statements;
    size_t statement_capacity;
};

const relation_t *relation_find(relation_list_t list, str_t name)
{
    for (size_t i = 0; i < list.count; i++)
        if (str_equal(str_from(list.items[i]->name), name))
            return list.items[i];
    return NULL;
}

/* ---- event types ---- */

static void put_entry(relation_batch_t *self, const relation_event_t *event, size_t relation)
{
    size_t at = str_hash(str_from(event->schema->name)) & self->entry_mask;
    while (self->entries[at].event != NULL)
        at = (at + 1) & self->entry_mask;
    self->entries[at] = (entry_t){event, relation};
}

static err_t index_events(relation_batch_t *self)
{
    size_t count = 0, capacity = 8;
    for (size_t i = 0; i < self->list.count; i++)
        count += self->list.items[i]->event_count;
    while (capacity < 2 * count)
        capacity *= 2;
    self->entries = memory_new_array(capacity, sizeof *self->entries);
    if (self->entries == NULL)
        return ERR_NO_MEMORY;
    self->entry_mask = capacity - 1;
    for (size_t i = 0; i < self->list.count; i++)
        for (size_t k = 0; k < self->list.items[i]->event_count; k++)
            put_entry(self, &self->list.items[i]->events[k], i);
    return ERR_OK;
}

err_t relation_batch_new(relation_list_t list, relation_opener_t opener,
                         relation_batch_t **out_batch)
{
    ASSERT(list.count <= RELATION_MAX);
    relation_batch_t *self RELATION_BATCH_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->list = list;
    self->opener = opener;
    TRY(index_events(self));
    *out_batch = STEAL(self);
    return ERR_OK;
}

void relation_batch_reset(relation_batch_t *self)
{
    for (size_t i = 0; i < self->group_count; i++)
        relation_rows_deinit(&self->groups[i].rows);
    self->group_count = 0;
    arena_reset(&self->arena);
}

void relation_batch_free(relation_batch_t *self)
{
    if (self == NULL)
        return;
    relation_batch_reset(self);
    arena_deinit(&self->arena);
    buf_deinit(&self->opened);
    memory_free(self->entries);
    memory_free(self->groups);
    memory_free(self->statements);
    memory_free(self);
}

void relation_batch_scope_end(relation_batch_t **self)
{
    relation_batch_free(*self);
}

/* ---- adding ---- */

void relation_batch_stream(relation_batch_t *self, str_t stream, int64_t place)
{
    size_t slash = 0;
    while (slash < stream.size && stream.data[slash] != '/')
        slash++;
    self->stream = stream;
    self->key = str_slice(stream, MIN(slash + 1, stream.size), stream.size);
    self->place = place;
    memset(self->next_group, 0, sizeof self->next_group);
}

/* Room for `count` items of some size; false: no memory. */
static bool has_room(void **items, size_t *capacity, size_t count, size_t item_size)
{
    if (count <= *capacity)
        return true;
    size_t wanted = MAX(count, *capacity * 2);
    void *more = memory_resize(*items, wanted, item_size);
    if (more == NULL)
        return false;
    *items = more;
    *capacity = wanted;
    return true;
}

static err_t add_group(relation_batch_t *self, const entry_t *entry)
{
    void *groups = self->groups;
    if (self->group_count == RELATION_GROUPS_MAX)
        return ERR_LIMIT;
    if (!has_room(&groups, &self->group_capacity, self->group_count + 1, sizeof *self->groups))
        return ERR_NO_MEMORY;
    self->groups = groups;
    group_t *group = &self->groups[self->group_count++];
    group->event = entry->event;
    group->relation = entry->relation;
    relation_rows_init(&group->rows, entry->event);
    return ERR_OK;
}

static err_t group_for(relation_batch_t *self, const entry_t *entry, group_t **out_group)
{
    size_t *next = &self->next_group[entry->relation];
    size_t at = *next;
    while (at < self->group_count && self->groups[at].event != entry->event)
        at++;
    if (at == self->group_count)
        TRY(add_group(self, entry));
    *next = at + (entry->event->is_alone ? 1 : 0);
    *out_group = &self->groups[at];
    return ERR_OK;
}

static err_t add_to(relation_batch_t *self, const entry_t *entry, str_t payload, int64_t wall_ms)
{
    group_t *group;
    arena_reset(&self->arena);
    void *value = arena_new(&self->arena, entry->event->schema->size);
    if (value == NULL)
        return ERR_NO_MEMORY;
    TRY(schema_decode(entry->event->schema, payload, &self->arena, value));
    TRY(group_for(self, entry, &group));
    group->rows.place = self->place;
    group->rows.wall_ms = wall_ms;
    group->rows.key = self->key;
    entry->event->add(&group->rows, value);
    return ERR_OK;
}

static bool is_of(const entry_t *entry, str_t name)
{
    return str_equal(str_from(entry->event->schema->name), name);
}

static err_t open_event(relation_batch_t *self, uint64_t version, const journal_event_t *event,
                        str_t *out_payload)
{
    *out_payload = event->payload;
    if (self->opener.open == NULL)
        return ERR_OK;
    buf_reset(&self->opened);
    TRY(self->opener.open(self->opener.context, self->stream, version, event, &self->opened));
    TRY(buf_status(&self->opened));
    if (self->opened.size > 0)
        *out_payload = buf_str(&self->opened);
    return ERR_OK;
}

err_t relation_batch_add(relation_batch_t *self, uint64_t version, const journal_event_t *event,
                         int64_t wall_ms)
{
    str_t payload = {NULL, 0};
    bool is_open = false;
    size_t at = str_hash(event->name) & self->entry_mask;
    for (; self->entries[at].event != NULL; at = (at + 1) & self->entry_mask) {
        if (!is_of(&self->entries[at], event->name))
            continue;
        if (!is_open)
            TRY(open_event(self, version, event, &payload));
        is_open = true;
        TRY(add_to(self, &self->entries[at], payload, wall_ms));
    }
    return ERR_OK;
}

/* ---- statements ---- */

static err_t end_group(group_t *group, pg_statement_t *statements, size_t *count)
{
    const relation_event_t *event = group->event;
    pg_statement_t *statement = &statements[*count + (event->prepare == NULL ? 0 : 1)];
    TRY(relation_rows_end(&group->rows, event, statement));
    if (event->prepare != NULL)
        statements[(*count)++] =
            (pg_statement_t){.sql = event->prepare,
                             .parameters = {statement->parameters[event->prepare_column]},
                             .parameter_count = 1};
    ++*count;
    return ERR_OK;
}

err_t relation_batch_statements(relation_batch_t *self, size_t before,
                                pg_statement_t **out_statements, size_t *out_count)
{
    void *statements = self->statements;
    size_t count = before;
    if (!has_room(&statements, &self->statement_capacity, before + 2 * self->group_count,
                  sizeof *self->statements))
        return ERR_NO_MEMORY;
    self->statements = statements;
    for (size_t i = 0; i < self->group_count; i++)
        TRY(end_group(&self->groups[i], self->statements, &count));
    *out_statements = self->statements;
    *out_count = count;
    return ERR_OK;
}
