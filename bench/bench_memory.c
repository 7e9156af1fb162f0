/* memory.*: what a message's memory costs: our pool, malloc, and mimalloc where it is installed
 * (libmimalloc-dev; looked up at run time). One thread: a block after the other, and thousands at
 * once. Two threads: one takes, the other gives back, through a ring of addresses. */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "runtime/memory/pool.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum {
    PAIRS_COUNT = 10000000,
    BULK = 10000,
    BULKS = 500,
    CROSS = 10000000,
    RING = 4096,
    SIZE = 80
};

typedef struct allocator {
    const char *name;
    void *(*take)(pool_t *here, block_class_t *class);
    void (*give)(pool_t *here, void *block, block_class_t class);
} allocator_t;

static struct {
    void *(*mi_malloc)(size_t size);
    void (*mi_free)(void *block);
} mimalloc;

static void *pool_take(pool_t *here, block_class_t *class)
{
    return pool_new(here, SIZE, class);
}

static void pool_give(pool_t *here, void *block, block_class_t class)
{
    pool_free(here, block, class);
}

static void *heap_take(pool_t *here, block_class_t *class)
{
    (void)here;
    *class = 0;
    return malloc(SIZE);
}

static void heap_give(pool_t *here, void *block, block_class_t class)
{
    (void)here;
    (void)class;
    free(block);
}

static void *mi_take(pool_t *here, block_class_t *class)
{
    (void)here;
    *class = 0;
    return mimalloc.mi_malloc(SIZE);
}

static void mi_give(pool_t *here, void *block, block_class_t class)
{
    (void)here;
    (void)class;
    mimalloc.mi_free(block);
}

static double pair_ns(const allocator_t *allocator, pool_t *pool)
{
    block_class_t class = 0;
    double begin = bench_seconds();
    for (uint32_t i = 0; i < PAIRS_COUNT; i++) {
        void *block = allocator->take(pool, &class);
        *(volatile char *)block = 1;
        allocator->give(pool, block, class);
    }
    return (bench_seconds() - begin) * 1e9 / PAIRS_COUNT;
}

static double bulk_ns(const allocator_t *allocator, pool_t *pool)
{
    static void *blocks[BULK];
    block_class_t class = 0;
    double begin = bench_seconds();
    for (uint32_t round = 0; round < BULKS; round++) {
        for (uint32_t i = 0; i < BULK; i++) {
            blocks[i] = allocator->take(pool, &class);
            *(volatile char *)blocks[i] = 1;
        }
        for (uint32_t i = 0; i < BULK; i++)
            allocator->give(pool, blocks[i], class);
    }
    return (bench_seconds() - begin) * 1e9 / ((double)BULK * BULKS);
}

typedef struct crossing {
    const allocator_t *allocator;
    pool_t *pools;
    _Alignas(64) _Atomic uint32_t head;
    _Alignas(64) _Atomic uint32_t tail;
    void *ring[RING];
} crossing_t;

static void *give_all(void *context)
{
    crossing_t *self = context;
    block_class_t class = self->allocator->take == pool_take ? pool_class_of(SIZE) : 0;
    for (uint32_t i = 0; i < CROSS;) {
        uint32_t head = atomic_load_explicit(&self->head, memory_order_acquire);
        if (head == i)
            sched_yield();
        for (; i != head; i++)
            self->allocator->give(&self->pools[1], self->ring[i % RING], class);
        atomic_store_explicit(&self->tail, i, memory_order_release);
    }
    pool_flush(&self->pools[1]);
    return NULL;
}

static double crossings_per_second(const allocator_t *allocator, pool_t *pools)
{
    static crossing_t crossing;
    crossing.allocator = allocator;
    crossing.pools = pools;
    atomic_store(&crossing.head, 0);
    atomic_store(&crossing.tail, 0);
    pthread_t thread;
    ASSERT(pthread_create(&thread, NULL, give_all, &crossing) == 0);
    double begin = bench_seconds();
    block_class_t class = 0;
    for (uint32_t i = 0; i < CROSS; i++) {
        while (i - atomic_load_explicit(&crossing.tail, memory_order_acquire) == RING)
            sched_yield();
        void *block = allocator->take(&pools[0], &class);
        *(volatile char *)block = 1;
        crossing.ring[i % RING] = block;
        if (i % 64 == 63 || i == CROSS - 1)
            atomic_store_explicit(&crossing.head, i + 1, memory_order_release);
    }
    pthread_join(thread, NULL);
    return CROSS / (bench_seconds() - begin);
}

static bool find_mimalloc(void)
{
    void *library = dlopen("libmimalloc.so.2.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return false;
    /* POSIX: dlsym's result holds a function where it names one. */
    *(void **)(void *)&mimalloc.mi_malloc = dlsym(library, "mi_malloc");
    *(void **)(void *)&mimalloc.mi_free = dlsym(library, "mi_free");
    return mimalloc.mi_malloc != NULL && mimalloc.mi_free != NULL;
}

int main(void)
{
    static const allocator_t allocators[] = {{"pool", pool_take, pool_give},
                                             {"malloc", heap_take, heap_give},
                                             {"mimalloc", mi_take, mi_give}};
    static pool_t pools[2];
    double pairs[3][BENCH_PAIRS], bulks[3][BENCH_PAIRS], crossings[3][BENCH_PAIRS];
    size_t count = find_mimalloc() ? 3 : 2;
    for (uint32_t i = 0; i < 2; i++)
        pool_init(&pools[i], i, 2, POOL_SLABS);
    for (size_t run = 0; run < BENCH_PAIRS; run++) {
        for (size_t i = 0; i < count; i++) {
            pairs[i][run] = pair_ns(&allocators[i], &pools[0]);
            bulks[i][run] = bulk_ns(&allocators[i], &pools[0]);
            crossings[i][run] = crossings_per_second(&allocators[i], pools);
            pool_idle(&pools[0]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "memory.%s_pair", allocators[i].name);
        bench_print(name, bench_median(pairs[i], BENCH_PAIRS), "ns");
        snprintf(name, sizeof name, "memory.%s_bulk", allocators[i].name);
        bench_print(name, bench_median(bulks[i], BENCH_PAIRS), "ns");
        snprintf(name, sizeof name, "memory.%s_across", allocators[i].name);
        bench_print(name, bench_median(crossings[i], BENCH_PAIRS) / 1e6, "M/s");
    }
    return 0;
}
