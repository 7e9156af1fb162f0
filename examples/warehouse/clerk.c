#include "warehouse.h"

#include <stdio.h>

/* The clerk does one thing after the other: each answer starts the next step. */
typedef struct clerk {
    uint32_t step;
} clerk_t;

#define ACTOR_DEF "clerk.def"
#define ACTOR_STATE clerk_t
#include <runtime/actor_kind.h>

static void next_step(clerk_t *self, context_t *ctx);

static void say_level(const char *what, const answer_t *answer)
{
    if (answer->err == ERR_OK)
        printf("%s: %lld in stock\n", what,
               (long long)((const stock_level_t *)answer->message)->count);
    else
        printf("%s: %s\n", what, err_text(answer->err));
}

static void say_order(const char *what, const answer_t *answer)
{
    const order_done_t *done = answer->message;
    if (answer->err == ERR_OK)
        printf("%s: fetched at try %u, %lld left\n", what, done->tries, (long long)done->left);
    else
        printf("%s: refused, %s\n", what, err_text(answer->err));
}

static void on_answer(void *state, context_t *ctx, const answer_t *answer, void *data,
                      size_t data_size)
{
    (void)data_size;
    const char *what = *(const char **)data;
    if (answer->schema == &stock_level_schema || answer->err == ERR_INTERNAL)
        say_level(what, answer);
    else
        say_order(what, answer);
    next_step(state, ctx);
}

/* Asks, with what the answer is announced as. */
#define STEP(what, kind, key, ...)                                                                 \
    actor_ask(ctx, address_of(kind, STR(key)), 5000, on_answer, &(const char *){what},             \
              sizeof(const char *), __VA_ARGS__)

static void next_step(clerk_t *self, context_t *ctx)
{
    switch (++self->step) {
    case 1:
        STEP("bolts came", "stock", "bolt", stock_put, .count = 5);
        break;
    case 2:
        STEP("a vase came", "stock", "vase", stock_put, .count = 1);
        break;
    case 3:
        STEP("order 1", "order", "1", order_place, .item = STR("bolt"), .count = 3);
        break;
    case 4:
        STEP("order 2", "order", "2", order_place, .item = STR("bolt"), .count = 4);
        break;
    case 5:
        STEP("order 3", "order", "3", order_place, .item = STR("vase"), .count = 1);
        break;
    case 6:
        STEP("the shelf of bolts falls over", "stock", "bolt", stock_spill);
        break;
    case 7:
        STEP("bolts after that", "stock", "bolt", stock_put, .count = 0);
        break;
    default:
        uv_sem_post(context_service(ctx));
    }
}

ON(clerk_open)
{
    next_step(self, ctx);
    return ERR_OK;
}

ON(clerk_note)
{
    printf("%.*s\n", (int)command->text.size, command->text.data);
    return ERR_OK;
}

ACTOR_KIND(clerk);
