#include "gateway/gateways.h"

#include "gateway/origin.h"
#include "runtime/base/memory.h"

#include <pthread.h>

struct gateways {
    gateways_source_t source;
    pthread_mutex_t lock; /* of what follows */
    uint64_t version;
    gateway_place_t places[GATEWAYS_MAX];
    size_t count;
};

err_t gateways_new(const gateways_source_t *source, gateways_t **out_gateways)
{
    gateways_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->source = *source;
    pthread_mutex_init(&self->lock, NULL);
    *out_gateways = self;
    return ERR_OK;
}

void gateways_free(gateways_t *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

void gateways_scope_end(gateways_t **self)
{
    gateways_free(*self);
}

/* ---- what is known ---- */

void gateways_clear(gateways_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->places[i].is_here = self->places[i].is_live = false;
}

/* Where it is, or may be put; NULL: all are taken by others that live. */
static gateway_place_t *place_of(gateways_t *self, str_t origin)
{
    for (size_t i = 0; i < self->count; i++)
        if (str_equal_ignoring_case(str_from(self->places[i].origin), origin))
            return &self->places[i];
    if (self->count < GATEWAYS_MAX)
        return &self->places[self->count++];
    for (size_t i = 0; i < self->count; i++)
        if (!self->places[i].is_live)
            return &self->places[i];
    return NULL;
}

void gateways_note(gateways_t *self, str_t origin, bool is_here, bool is_live)
{
    gateway_place_t *place = gateway_origin_is_valid(origin) ? place_of(self, origin) : NULL;
    if (place == NULL)
        return;
    (void)str_to_array(origin, place->origin, sizeof place->origin); /* a valid one fits */
    /* A node that was started again has its address twice: the dead row says nothing then. */
    place->is_here |= is_here;
    place->is_live |= is_live;
}

/* With the lock. */
static void look(gateways_t *self)
{
    self->version = self->source.read(self->source.context, self->version, self);
}

size_t gateways_list(gateways_t *self, gateway_place_t out[GATEWAYS_MAX])
{
    if (self == NULL)
        return 0;
    pthread_mutex_lock(&self->lock);
    look(self);
    size_t count = self->count;
    memcpy(out, self->places, count * sizeof *out);
    pthread_mutex_unlock(&self->lock);
    return count;
}

bool gateways_has(gateways_t *self, str_t origin)
{
    bool is_known = false;
    if (self == NULL || str_is_empty(origin))
        return false;
    pthread_mutex_lock(&self->lock);
    look(self);
    for (size_t i = 0; i < self->count && !is_known; i++)
        is_known = str_equal_ignoring_case(str_from(self->places[i].origin), origin);
    pthread_mutex_unlock(&self->lock);
    return is_known;
}

/* ---- addresses ---- */

bool gateway_origin_is_valid(str_t origin)
{
    static const str_t schemes[] = {STR_INIT("https://"), STR_INIT("http://")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (str_starts_with(origin, schemes[i]))
            return origin.size < GATEWAY_ORIGIN_SIZE &&
                   host_is_valid(str_slice(origin, schemes[i].size, origin.size));
    return false;
}

/* ---- other gateways' pages ---- */

static bool is_for_pages(str_t path)
{
    return str_equal(path, STR("/graphql")) || str_equal(path, STR("/readyz")) ||
           str_starts_with(path, STR("/api/"));
}

void gateways_allow_page(gateways_t *self, http_request_t *request)
{
    str_t origin = http_header(request, "Origin");
    if (!is_for_pages(request->path) || !gateways_has(self, origin))
        return;
    http_reply_header(request, "Access-Control-Allow-Origin", origin);
    http_reply_header(request, "Access-Control-Allow-Credentials", STR("true"));
    http_reply_header(request, "Vary", STR("Origin"));
    if (request->method != METHOD_OPTIONS)
        return;
    http_reply_header(request, "Access-Control-Allow-Methods", STR("GET, POST, DELETE"));
    http_reply_header(request, "Access-Control-Allow-Headers", STR("content-type"));
    http_reply_header(request, "Access-Control-Max-Age", STR("600"));
}
