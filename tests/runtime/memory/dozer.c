#include "tests/runtime/memory/dozer.h"

#include "runtime/base/memory.h"
#include "runtime/kernel.h"

#define DEF_FILE "tests/runtime/memory/dozer.def"
#include "runtime/base/schema_define.h"

enum { BLOCKS_MAX = 64 };

typedef struct dozer {
    dozer_state_t kept; /* what is put to sleep */
    bool is_woken;
    void *blocks[BLOCKS_MAX];
    uint32_t block_count;
} dozer_t;

#define ACTOR_DEF "tests/runtime/memory/dozer.def"
#define ACTOR_STATE dozer_t
#include "runtime/actor_kind.h"

static err_t count(dozer_t *self, context_t *ctx)
{
    return actor_reply(ctx, dozer_number, .number = self->kept.count, .is_woken = self->is_woken);
}

ON(dozer_add)
{
    uint64_t *numbers =
        arena_new_array(actor_arena(ctx), self->kept.numbers.count + 1, sizeof *numbers);
    if (numbers == NULL)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < self->kept.numbers.count; i++)
        numbers[i] = self->kept.numbers.items[i];
    numbers[self->kept.numbers.count] = command->number;
    self->kept.numbers.items = numbers;
    self->kept.numbers.count++;
    self->kept.count += command->number;
    return count(self, ctx);
}

ON(dozer_say)
{
    self->kept.text = arena_str(actor_arena(ctx), command->text);
    return ERR_OK;
}

ON(dozer_count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < self->kept.numbers.count; i++)
        sum += self->kept.numbers.items[i];
    return sum == self->kept.count ? count(self, ctx) : ERR_CORRUPT;
}

ON(dozer_text)
{
    return actor_reply(ctx, dozer_words, .text = self->kept.text);
}

ON(dozer_tick)
{
    self->kept.count++;
    return ERR_OK;
}

ON(dozer_timer)
{
    (void)actor_timer_start(ctx, command->delay_ms, 0, dozer_tick);
    return ERR_OK;
}

ON(dozer_watch)
{
    actor_monitor(ctx, (actor_ref_t){command->ref_bits});
    return ERR_OK;
}

ON(dozer_who)
{
    return actor_reply(ctx, dozer_number, .number = context_self(ctx).bits);
}

ON(dozer_break)
{
    actor_fail(ctx, "as asked");
}

ON(dozer_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON(dozer_take)
{
    for (uint32_t i = 0; i < command->blocks && self->block_count < BLOCKS_MAX; i++) {
        unsigned char *block = actor_memory_new(ctx, command->size);
        if (block == NULL)
            break;
        for (size_t j = 0; j < command->size; j++)
            if (block[j] != 0)
                return ERR_CORRUPT;
        memset(block, 0x5a, command->size);
        self->blocks[self->block_count++] = block;
    }
    return actor_reply(ctx, dozer_number, .number = self->block_count);
}

/* Every second one, from the middle of the list too. */
ON(dozer_give_back)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->block_count; i++) {
        if (i % 2 == 0)
            actor_memory_free(ctx, self->blocks[i]);
        else
            self->blocks[kept++] = self->blocks[i];
    }
    self->block_count = kept;
    return ERR_OK;
}

ON(dozer_must_take)
{
    (void)actor_memory_new_or_fail(ctx, command->size);
    return ERR_OK;
}

ON(dozer_grow)
{
    arena_t *arena = actor_arena(ctx);
    uint64_t size = 0;
    while (size < command->size && arena_new(arena, 100) != NULL)
        size += 100;
    return actor_reply(ctx, dozer_number, .number = size);
}

static void on_answer(UNUSED void *self, UNUSED context_t *ctx, UNUSED const answer_t *answer,
                      UNUSED void *data, UNUSED size_t data_size)
{
}

ON(dozer_ask)
{
    actor_ask(ctx, address_of("dozer", command->to), 1000, on_answer, NULL, 0, dozer_count);
    return ERR_OK;
}

static err_t start(void *self, context_t *ctx)
{
    ((dozer_t *)self)->is_woken = context_is_replay(ctx);
    return ERR_OK;
}

static const actor_kind_t *const bed_kinds[] = {&dozer_kind, &napper_kind, &waker_kind};

#define DOZER(name, ...)                                                                           \
    ACTOR_KIND(name, .state_schema = &dozer_state_schema, .start = start,                          \
               .memory_max = DOZER_MEMORY_MAX, __VA_ARGS__)
DOZER(dozer, .hibernates = true, .idle_ms = DOZER_IDLE_MS);
DOZER(napper, .hibernates = true, .idle_ms = 3600000);
DOZER(waker);

void bed_begin(bed_t *self, state_store_t *store, uint64_t memory_max)
{
    self->store = store;
    scene_begin(&self->scene, &(scene_options_t){.kinds = bed_kinds,
                                                 .kind_count = COUNT_OF(bed_kinds),
                                                 .state_store = store,
                                                 .memory_max = memory_max});
}

static void nothing_is_charged(const scene_t *scene)
{
    cr_assert(eq(u64, runtime_charged(scene->runtime), 0));
}

void bed_end(bed_t *self)
{
    self->scene.before_free = nothing_is_charged;
    scene_end(&self->scene);
}

runtime_stats_t bed_stats(const bed_t *self)
{
    runtime_stats_t stats;
    runtime_stats(self->scene.runtime, &stats);
    return stats;
}
