#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/sealed_wait.h"
#include "tests/support/check.h"

enum { MEGABYTE = 1 << 20, FIT = JOURNAL_SEALED_WAITING_MAX / MEGABYTE - 1 };

/* Serves when it is told to, and notes what. */
typedef struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open, is_holding;
    uint64_t served;
    bool is_in_order;
} counter_t;

static void serve(void *context, const sealed_waiting_t *waiting)
{
    counter_t *self = context;
    pthread_mutex_lock(&self->lock);
    self->is_holding = true;
    pthread_cond_broadcast(&self->changed);
    while (!self->is_open)
        pthread_cond_wait(&self->changed, &self->lock);
    self->served++;
    self->is_in_order = self->is_in_order && waiting->version == self->served;
    pthread_mutex_unlock(&self->lock);
}

static void until_holding(counter_t *self)
{
    pthread_mutex_lock(&self->lock);
    while (!self->is_holding)
        pthread_cond_wait(&self->changed, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void open_gate(counter_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_open = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

Test(sealed_wait, holds_what_its_bound_says_and_no_more)
{
    static char bytes[MEGABYTE];
    counter_t counter = {.lock = PTHREAD_MUTEX_INITIALIZER,
                         .changed = PTHREAD_COND_INITIALIZER,
                         .is_in_order = true};
    sealed_wait_t wait = {0};
    sealed_waiting_t snapshot = {.stream = STR("diary/ann"), .version = 1};
    check_ok(sealed_wait_start(&wait, JOURNAL_SEALED_WAITING_MAX, serve, &counter));
    check_true(sealed_wait_is_empty(&wait));
    check_ok(sealed_wait_put(&wait, &snapshot));
    until_holding(&counter); /* it waits no more: nothing of the bound is taken */

    snapshot.snapshot = str_of(bytes, sizeof bytes);
    for (int i = 0; i < FIT; i++) {
        snapshot.version++;
        cr_expect(sealed_wait_put(&wait, &snapshot) == ERR_OK, "%d", i);
    }
    check_err(sealed_wait_put(&wait, &snapshot), ERR_BUSY);
    snapshot.snapshot = str_of(bytes, 16); /* there is a little left */
    snapshot.version++;
    check_ok(sealed_wait_put(&wait, &snapshot));
    check_true(!sealed_wait_is_empty(&wait));

    open_gate(&counter);
    sealed_wait_stop(&wait);
    check_true(counter.served == FIT + 2 && counter.is_in_order);
    check_true(sealed_wait_is_empty(&wait));
}

Test(sealed_wait, what_is_larger_than_the_bound_is_refused_while_nothing_waits)
{
    static char bytes[64];
    counter_t counter = {.lock = PTHREAD_MUTEX_INITIALIZER,
                         .changed = PTHREAD_COND_INITIALIZER,
                         .is_open = true,
                         .is_in_order = true};
    sealed_wait_t wait = {0};
    check_ok(sealed_wait_start(&wait, sizeof bytes, serve, &counter));

    check_err(sealed_wait_put(&wait, &(sealed_waiting_t){.stream = STR("diary/ann"),
                                                         .snapshot = str_of(bytes, sizeof bytes),
                                                         .version = 1}),
              ERR_BUSY);

    check_true(sealed_wait_is_empty(&wait));
    sealed_wait_stop(&wait);
    check_true(counter.served == 0);
}
