#include "storage/roots/root_places.h"

#include "runtime/base/memory.h"

#include <pthread.h>

typedef struct place {
    char *name; /* and its path behind it */
    str_t path;
    char reason[ROOT_REASON_SIZE];
} place_t;

struct root_places {
    root_nodes_t nodes;
    bool is_many;
    pthread_rwlock_t lock;
    place_t places[ROOT_PLACES_MAX];
    size_t count;
};

err_t root_places_new(const root_nodes_t *nodes, root_places_t **out_places)
{
    root_places_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->is_many = nodes != NULL;
    if (nodes != NULL)
        self->nodes = *nodes;
    pthread_rwlock_init(&self->lock, NULL);
    *out_places = self;
    return ERR_OK;
}

void root_places_free(root_places_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->count; i++)
        memory_free(self->places[i].name);
    pthread_rwlock_destroy(&self->lock);
    memory_free(self);
}

void root_places_scope_end(root_places_t **self)
{
    root_places_free(*self);
}

/* With the lock. */
static place_t *find(root_places_t *self, str_t root)
{
    for (size_t i = 0; i < self->count; i++)
        if (str_equal(str_from(self->places[i].name), root))
            return &self->places[i];
    return NULL;
}

/* One allocation: the name, its end, the path. */
static err_t make_place(str_t root, str_t path, str_t reason, place_t *out)
{
    char *name = memory_new(root.size + 1 + path.size + 1);
    if (name == NULL)
        return ERR_NO_MEMORY;
    if (root.size > 0)
        memcpy(name, root.data, root.size);
    if (path.size > 0)
        memcpy(name + root.size + 1, path.data, path.size);
    *out = (place_t){.name = name, .path = {name + root.size + 1, path.size}};
    (void)str_to_array(str_slice(reason, 0, ROOT_REASON_SIZE - 1), out->reason, ROOT_REASON_SIZE);
    return ERR_OK;
}

err_t root_places_set(root_places_t *self, str_t root, str_t path, str_t reason)
{
    place_t place, old = {0};
    err_t err = ERR_OK;
    TRY(make_place(root, path, reason, &place));
    pthread_rwlock_wrlock(&self->lock);
    place_t *there = find(self, root);
    if (there == NULL && self->count == ROOT_PLACES_MAX) {
        old = place;
        err = ERR_LIMIT;
    } else if (there == NULL) {
        self->places[self->count++] = place;
    } else {
        old = *there;
        *there = place;
    }
    pthread_rwlock_unlock(&self->lock);
    memory_free(old.name);
    return err;
}

/* What is here; strings in the arena. */
static err_t find_here(root_places_t *self, str_t root, arena_t *arena, root_place_t *out)
{
    err_t err = ERR_OK;
    pthread_rwlock_rdlock(&self->lock);
    const place_t *place = find(self, root);
    if (place == NULL) {
        *out = (root_place_t){.where = ROOT_UNKNOWN};
    } else {
        out->where = place->reason[0] == '\0' ? ROOT_HERE : ROOT_NOWHERE;
        out->path = arena_str(arena, place->path);
        out->reason = arena_str(arena, str_from(place->reason));
        err = out->path.data == NULL || out->reason.data == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    pthread_rwlock_unlock(&self->lock);
    return err;
}

static bool is_elsewhere(root_places_t *self, str_t root)
{
    root_node_t node;
    return self->is_many && self->nodes.readers(self->nodes.context, root, root, &node, 1) > 0;
}

err_t root_places_find(root_places_t *self, str_t root, arena_t *arena, root_place_t *out_place)
{
    root_place_t place = {0};
    TRY(find_here(self, root, arena, &place));
    if (place.where != ROOT_HERE && is_elsewhere(self, root))
        place.where = ROOT_ELSEWHERE;
    *out_place = place;
    return ERR_OK;
}

bool root_places_has(root_places_t *self, str_t root)
{
    pthread_rwlock_rdlock(&self->lock);
    const place_t *place = find(self, root);
    bool may_be_here = place == NULL || place->reason[0] == '\0';
    pthread_rwlock_unlock(&self->lock);
    return may_be_here || is_elsewhere(self, root);
}

bool root_places_are_many(const root_places_t *self)
{
    return self->is_many;
}

size_t root_places_readers(root_places_t *self, str_t root, str_t key, root_node_t *out,
                           size_t count_max)
{
    return self->is_many ? self->nodes.readers(self->nodes.context, root, key, out, count_max) : 0;
}

size_t root_places_keepers(root_places_t *self, str_t key, root_node_t *out, size_t count_max)
{
    return self->is_many ? self->nodes.keepers(self->nodes.context, key, out, count_max) : 0;
}
