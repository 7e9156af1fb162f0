/* Four threads, each with a pool of its own, give each other blocks all the time and free what they
 * get: a block is never handed out twice, what is written in it stays until it is freed, and in the
 * end everything is back and the slabs are gone. A fifth thread without a pool frees some of them,
 * too. */
#include "runtime/base/random.h"
#include "runtime/memory/pool.h"
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { POOLS = 4, THREADS = POOLS + 1, ROUNDS = 2600000, MAIL_MAX = 512, SIZE_MAX_HERE = 700 };

/* What a block holds while it is out. */
typedef struct parcel {
    struct parcel *next;
    uint64_t stamp;
    uint32_t size;
    block_class_t class;
    unsigned char rest[];
} parcel_t;

typedef struct world world_t;
typedef struct worker {
    world_t *world;
    pool_t pool;
    uint32_t index;
    uint64_t state, made, freed;
    _Atomic(parcel_t *) mail; /* a stack */
    _Atomic uint32_t mail_count;
    uv_thread_t thread;
} worker_t;

struct world {
    worker_t workers[THREADS];
    _Atomic uint32_t makers;
};

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static uint64_t draw(worker_t *self)
{
    self->state = self->state * 6364136223846793005u + 1442695040888963407u;
    return self->state >> 33;
}

static pool_t *pool_of(worker_t *self)
{
    return self->index < POOLS ? &self->pool : NULL;
}

static unsigned char mark_of(const parcel_t *parcel)
{
    return (unsigned char)(parcel->stamp * 31 + parcel->size);
}

static parcel_t *make(worker_t *self)
{
    uint32_t size = (uint32_t)(sizeof(parcel_t) + draw(self) % SIZE_MAX_HERE);
    block_class_t class = 0;
    parcel_t *parcel = pool_new(&self->pool, size, &class);
    check(parcel != NULL, "memory");
    check((uintptr_t)parcel % 16 == 0, "the alignment");
    parcel->stamp = ++self->made << 8 | self->index;
    parcel->size = size;
    parcel->class = class;
    /* Its ends are enough: a block that is out twice is written over there. */
    if (size > sizeof *parcel)
        parcel->rest[0] = parcel->rest[size - sizeof *parcel - 1] = mark_of(parcel);
    return parcel;
}

static void destroy(worker_t *self, parcel_t *parcel)
{
    if (parcel->size > sizeof *parcel) {
        check(parcel->rest[0] == mark_of(parcel), "the first byte");
        check(parcel->rest[parcel->size - sizeof *parcel - 1] == mark_of(parcel), "the last byte");
    }
    memset(parcel, 0x5a, sizeof *parcel);
    /* The class was read before. */
    self->freed++;
}

static void take_mail(worker_t *self)
{
    parcel_t *parcel = atomic_exchange(&self->mail, NULL);
    uint32_t count = 0;
    while (parcel != NULL) {
        parcel_t *next = parcel->next;
        block_class_t class = parcel->class;
        destroy(self, parcel);
        pool_free(pool_of(self), parcel, class);
        parcel = next;
        count++;
    }
    atomic_fetch_sub(&self->mail_count, count);
}

static void give(worker_t *to, parcel_t *parcel)
{
    atomic_fetch_add(&to->mail_count, 1);
    parcel->next = atomic_load(&to->mail);
    while (!atomic_compare_exchange_weak(&to->mail, &parcel->next, parcel))
        ;
}

static void work(void *context)
{
    worker_t *self = context;
    for (uint32_t i = 0; self->index < POOLS && i < ROUNDS; i++) {
        parcel_t *parcel = make(self);
        worker_t *to = &self->world->workers[draw(self) % THREADS];
        if (to == self || atomic_load_explicit(&to->mail_count, memory_order_relaxed) > MAIL_MAX) {
            block_class_t class = parcel->class;
            destroy(self, parcel);
            pool_free(&self->pool, parcel, class);
        } else {
            give(to, parcel);
        }
        if (i % 64 == 0)
            take_mail(self);
        if (i % 65536 == 0)
            pool_idle(&self->pool);
    }
    if (self->index < POOLS)
        atomic_fetch_sub(&self->world->makers, 1);
    while (atomic_load(&self->world->makers) > 0) {
        take_mail(self);
        sched_yield();
    }
}

int main(void)
{
    world_t *world = aligned_alloc(64, sizeof *world);
    check(world != NULL, "memory");
    memset(world, 0, sizeof *world);
    atomic_store(&world->makers, POOLS);
    for (uint32_t i = 0; i < THREADS; i++) {
        world->workers[i].world = world;
        world->workers[i].index = i;
        world->workers[i].state = i + 1;
        if (i < POOLS)
            pool_init(&world->workers[i].pool, i, POOLS, POOL_SLABS);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        check(uv_thread_create(&world->workers[i].thread, work, &world->workers[i]) == 0, "thread");
    for (uint32_t i = 0; i < THREADS; i++)
        uv_thread_join(&world->workers[i].thread);

    uint64_t made = 0, freed = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        take_mail(&world->workers[i]);
        made += world->workers[i].made;
        freed += world->workers[i].freed;
    }
    check(made == freed && made >= 10000000, "as many freed as made");
    /* Boxes come home, then what they lay in. */
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < POOLS; i++)
            pool_idle(&world->workers[i].pool);
    }
    for (uint32_t i = 0; i < POOLS; i++) {
        pool_t *pool = &world->workers[i].pool;
        check(pool_used(pool) == 0, "all blocks are back");
        check(pool->slab_count <= POOL_SLABS_KEPT_IDLE, "the slabs are back");
        pool_deinit(pool);
    }
    race_report(made, "blocks made here and freed anywhere");
    free(world);
    return 0;
}
