#pragma once
/* crossings.h -- what waits for another node, by a number of its own: asks, monitors, links. When
 * that node is lost all of it is found by its seat.
 *
 * Ownership  The table owns what was put into it until it is taken out. Threads  Any; striped. */

#include "runtime/life/id_map.h"

#include <stdatomic.h>
#include <uv.h>

typedef enum crossing_kind {
    CROSSING_ASK,
    CROSSING_WATCHING, /* an actor of ours watches: `prepared` is its down */
    CROSSING_WATCHED,  /* one of theirs watches `local` */
    CROSSING_LINK,     /* `local` is linked: `prepared` is its exit */
    CROSSING_STREAM    /* `local` has opened it, and nobody has taken it yet: its end */
} crossing_kind_t;

typedef struct crossing crossing_t;
struct crossing {
    crossing_t *next; /* of a list that was taken out */
    uint64_t id;
    crossing_kind_t kind;
    uint32_t seat;
    uint32_t trace;           /* of an ask */
    struct message *prepared; /* owned; so nobody is forgotten for want of memory */
    uint64_t local;           /* the actor, or who asks (with its EDGE_TAG) */
    uint64_t correlation;     /* of an ask */
    uint64_t deadline_ns;     /* of an ask; 0: none */
};

enum { CROSSINGS_STRIPES = 16 };

typedef struct crossings {
    struct crossing_stripe {
        uv_mutex_t lock;
        id_map_t map;
        uint32_t sweep_at; /* as many: those whose time is over are looked for */
        uint64_t swept_ns; /* when that was done last */
    } stripes[CROSSINGS_STRIPES];
    _Atomic uint32_t count;
    uint32_t max;
} crossings_t;

void crossings_init(crossings_t *self, uint32_t max);
void crossings_deinit(crossings_t *self);
/* Takes a copy. now_ns: what is past its deadline is dropped now and then. LIMIT; NO_MEMORY;
 * CONFLICT: the id is there. */
err_t crossings_put(crossings_t *self, const crossing_t *crossing, uint64_t now_ns);
/* False: it is not there, or of another seat (where seat is not 0) or kind. */
bool crossings_take(crossings_t *self, uint64_t id, uint32_t seat, crossing_kind_t kind,
                    crossing_t *out);
/* A list of all of this seat; the caller frees each with memory_free. */
crossing_t *crossings_take_of(crossings_t *self, uint32_t seat);
