#include "storage/postgres/pg_hosts.h"

#include <libpq-fe.h>
#include <string.h>

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    return NULL;
}

static size_t count_parts(const char *list)
{
    size_t count = list == NULL ? 0 : 1;
    for (; list != NULL && *list != '\0'; list++)
        count += *list == ',';
    return count;
}

/* The index-th part, or the only one. NULL: there is none. */
static err_t part_at(pg_hosts_t *self, const char *list, size_t index, const char **out_part)
{
    size_t count = count_parts(list);
    if (count == 0 || (count > 1 && index >= count))
        return ERR_OK;
    const char *part = list;
    for (size_t i = count == 1 ? index : 0; i < index; i++)
        part += strcspn(part, ",") + 1;
    str_t copy = arena_str(&self->arena, str_of(part, strcspn(part, ",")));
    if (copy.data == NULL)
        return ERR_NO_MEMORY;
    *out_part = copy.data;
    return ERR_OK;
}

static err_t split(pg_hosts_t *self, const PQconninfoOption *options)
{
    const char *host = value_of(options, "host"), *hostaddr = value_of(options, "hostaddr"),
               *port = value_of(options, "port");
    self->count = MAX(MAX(count_parts(host), count_parts(hostaddr)), (size_t)1);
    if (self->count > PG_HOSTS_MAX)
        return ERR_LIMIT;
    if (self->count == 1)
        return ERR_OK; /* as it is */
    for (size_t i = 0; i < self->count; i++) {
        TRY(part_at(self, host, i, &self->items[i].host));
        TRY(part_at(self, hostaddr, i, &self->items[i].hostaddr));
        TRY(part_at(self, port, i, &self->items[i].port));
    }
    return ERR_OK;
}

err_t pg_hosts_read(pg_hosts_t *self, const char *address)
{
    PQconninfoOption *options = PQconninfoParse(address, NULL);
    *self = (pg_hosts_t){0};
    if (options == NULL)
        return ERR_INVALID;
    err_t err = split(self, options);
    PQconninfoFree(options);
    return err;
}

void pg_hosts_deinit(pg_hosts_t *self)
{
    arena_deinit(&self->arena);
}
