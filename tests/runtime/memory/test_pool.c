#include "runtime/base/random.h"
#include "runtime/memory/pool.h"
#include "tests/support/check.h"

#include <string.h>

enum { POOLS = 3, BLOCKS = 4000, STEPS = 100000 };

typedef struct row {
    unsigned char *memory; /* NULL: not out */
    size_t size;
    block_class_t class;
    unsigned char mark;
} row_t;

typedef struct model {
    pool_t pools[POOLS];
    row_t rows[BLOCKS];
    uint64_t out;
} model_t;

static void take(model_t *self, row_t *row, pool_t *here, size_t size, unsigned char mark)
{
    row->memory = pool_new(here, size, &row->class);
    cr_assert(row->memory != NULL);
    bool is_aligned = (uintptr_t)row->memory % 16 == 0;
    cr_assert(is_aligned);
    row->size = size;
    row->mark = mark;
    memset(row->memory, mark, size);
    self->out += row->class == 0 ? 0 : 1;
}

static void give(model_t *self, row_t *row, pool_t *here)
{
    size_t same = 0;
    while (same < row->size && row->memory[same] == row->mark)
        same++;
    cr_assert(eq(sz, same, row->size), "what was written is still there");
    self->out -= row->class == 0 ? 0 : 1;
    pool_free(here, row->memory, row->class);
    row->memory = NULL;
}

static uint64_t used(const model_t *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < POOLS; i++)
        sum += pool_used(&self->pools[i]);
    return sum;
}

/* Against a table of what is out: a random program of three pools and a thread without one. */
static void run(uint64_t seed, pool_backing_t backing)
{
    static model_t model;
    memset(&model, 0, sizeof model);
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    for (uint32_t i = 0; i < POOLS; i++)
        pool_init(&model.pools[i], i, POOLS, backing);

    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t who = random_below(&random, POOLS + 1);
        pool_t *here = who == POOLS ? NULL : &model.pools[who];
        row_t *row = &model.rows[random_below(&random, BLOCKS)];
        if (row->memory != NULL)
            give(&model, row, here);
        else
            take(&model, row, here,
                 random_below(&random, random_below(&random, 8) == 0 ? 6000 : 300),
                 (unsigned char)step);
        if (step % 1000 == 0 && here != NULL)
            pool_idle(here);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (model.rows[i].memory != NULL)
            give(&model, &model.rows[i], &model.pools[i % POOLS]);
    }

    cr_assert(eq(u64, model.out, 0));
    for (uint32_t i = 0; i < 4 * POOLS; i++)
        pool_idle(&model.pools[i % POOLS]);
    cr_assert(eq(u64, used(&model), 0));
    for (uint32_t i = 0; i < POOLS; i++) {
        cr_assert(le(u32, model.pools[i].slab_count, POOL_SLABS_KEPT_IDLE));
        pool_deinit(&model.pools[i]);
    }
}

Test(pool, agrees_with_a_table_of_what_is_out)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(seed, POOL_SLABS);
    run(4, POOL_HEAP);
}

Test(pool, a_class_holds_its_sizes_and_wastes_at_most_a_quarter)
{
    pool_t pool;
    pool_init(&pool, 0, 1, POOL_SLABS);
    for (size_t size = 0; size <= POOL_SIZE_MAX; size++) {
        block_class_t class = pool_class_of(size), other = 0;
        cr_assert(class >= 1 && class <= POOL_CLASSES);
        cr_assert(size == 0 || pool_class_of(size - 1) <= class);
        void *block = pool_new(&pool, size, &other);
        cr_assert(other == class);
        size_t room = pool.current[class]->block_size;
        cr_assert(room >= size && (size < 64 || room <= size + size / 4 + 16), "%zu in %zu", size,
                  room);
        pool_free(&pool, block, class);
    }
    pool_deinit(&pool);
}

Test(pool, a_flood_goes_back_to_the_system)
{
    enum { FLOOD = 200000 };
    static void *blocks[FLOOD];
    pool_t pool;
    block_class_t class = 0;
    pool_init(&pool, 0, 1, POOL_SLABS);
    for (size_t i = 0; i < FLOOD; i++) {
        blocks[i] = pool_new(&pool, 1000, &class);
        cr_assert(blocks[i] != NULL);
    }
    cr_assert(gt(u32, pool.slab_count, POOL_SLABS_KEPT));

    for (size_t i = 0; i < FLOOD; i++)
        pool_free(&pool, blocks[i], class);
    cr_assert(le(u32, pool.slab_count, POOL_SLABS_KEPT + 1), "at once, but for some");
    pool_idle(&pool);

    cr_assert(le(u32, pool.slab_count, POOL_SLABS_KEPT_IDLE));
    pool_deinit(&pool);
}

static void count_wake(void *context)
{
    (*(uint32_t *)context)++;
}

Test(pool, a_sleeping_owner_is_woken_when_much_came_back)
{
    enum { BLOCKS_HERE = 4 * POOL_RETURNED_MAX / 1024 };
    static void *blocks[BLOCKS_HERE];
    uint32_t wakes = 0;
    pool_t pools[2];
    block_class_t class = 0;
    for (uint32_t i = 0; i < 2; i++)
        pool_init(&pools[i], i, 2, POOL_SLABS);
    pools[0].wake = count_wake;
    pools[0].context = &wakes;
    for (size_t i = 0; i < BLOCKS_HERE; i++) {
        blocks[i] = pool_new(&pools[0], 1024, &class);
        cr_assert(blocks[i] != NULL);
    }

    for (size_t i = 0; i < BLOCKS_HERE / 8; i++)
        pool_free(&pools[1], blocks[i], class);
    cr_assert(eq(u32, wakes, 0));
    for (size_t i = BLOCKS_HERE / 8; i < BLOCKS_HERE; i++)
        pool_free(&pools[1], blocks[i], class);

    cr_assert(eq(u32, wakes, 1));
    pool_flush(&pools[1]);
    pool_idle(&pools[0]);
    cr_assert(le(u64, pool_used(&pools[0]), 1));
    pool_deinit(&pools[0]);
    pool_deinit(&pools[1]);
}

static bool every_third(void *context)
{
    return ++*(uint32_t *)context % 3 == 0;
}

Test(pool, without_memory_it_says_so_and_what_is_out_can_still_be_given_back)
{
    uint32_t asked = 0, got = 0;
    pool_t pools[2];
    for (uint32_t i = 0; i < 2; i++) {
        pool_init(&pools[i], i, 2, POOL_SLABS);
    }
    pools[1].fails = every_third;
    pools[1].fails_context = &asked;
    for (uint32_t i = 0; i < 300; i++) {
        block_class_t class = 0, other = 0;
        void *theirs = pool_new(&pools[0], 100, &other);
        void *mine = pool_new(&pools[1], 100, &class);
        got += mine != NULL;
        if (mine != NULL)
            pool_free(&pools[1], mine, class);
        pool_free(&pools[1], theirs, other); /* no memory for a box is no reason to lose it */
    }

    cr_assert(eq(u32, got, 200));
    pool_flush(&pools[1]);
    pool_idle(&pools[0]);
    cr_assert(eq(u64, pool_used(&pools[0]), 0));
    pool_deinit(&pools[0]);
    pool_deinit(&pools[1]);
}

/* Small blocks are actors' states, which others may run on another core. */
Test(pool, blocks_that_are_taken_one_after_the_other_lie_apart_and_each_once)
{
    enum { LINES_APART = 2 * 64 };
    for (size_t size = 16; size <= 512; size += 16) {
        static pool_t pool;
        pool_init(&pool, 0, 1, POOL_SLABS);
        unsigned char *blocks[256], *before = NULL;
        block_class_t class = 0;
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            unsigned char *block = blocks[i] = pool_new(&pool, size, &class);
            cr_assert(block != NULL);
            memset(block, 0, size);
            size_t apart = (size_t)(block > before ? block - before : before - block);
            cr_assert(apart >= LINES_APART, "%zu bytes: %zu", size, apart);
            before = block;
        }
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            cr_assert(eq(sz, blocks[i][0], 0), "nobody else has it");
            blocks[i][0] = 1;
            pool_free(&pool, blocks[i], class);
        }
        cr_assert(eq(u64, pool_used(&pool), 0));
        pool_deinit(&pool);
    }
}
