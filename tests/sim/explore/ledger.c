#include "tests/sim/explore/ledger.h"

#include "runtime/base/assert.h"

#include <stdarg.h>
#include <stdlib.h>

static const char *const oracle_names[ORACLE_COUNT] = {
    "none",    "once", "order", "loss", "answer", "down", "timer",   "journal", "end",
    "failure", "leak", "crowd", "job",  "stream", "post", "version", "crash"};

const char *oracle_name(oracle_t oracle)
{
    return oracle_names[oracle];
}

void ledger_deinit(ledger_t *self)
{
    free(self->messages);
    free(self->debts);
    free(self->states);
    free(self->news);
    *self = (ledger_t){0};
}

void ledger_fail(ledger_t *self, oracle_t oracle, const char *format, ...)
{
    char text[sizeof self->failure];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ledger_trace(self, "FAILURE %s: %s", oracle_names[oracle], text);
    if (self->oracle != ORACLE_NONE)
        return;
    self->oracle = oracle;
    snprintf(self->failure, sizeof self->failure, "%s", text);
}

void ledger_trace(ledger_t *self, const char *format, ...)
{
    if (self->trace == NULL)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(self->trace, format, args);
    va_end(args);
    fputc('\n', self->trace);
}

void *ledger_grown(void *items, uint64_t count, uint64_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = MAX(*capacity * 2, UINT64_C(256));
    items = realloc(items, *capacity * size);
    ASSERT(items != NULL);
    return items;
}

uint64_t ledger_send(ledger_t *self, uint32_t from, uint32_t to, bool is_asked)
{
    self->messages = ledger_grown(self->messages, self->message_count, &self->message_capacity,
                                  sizeof *self->messages);
    self->messages[self->message_count++] =
        (ledger_message_t){.from = from, .to = to, .is_asked = is_asked};
    return self->message_count;
}

void ledger_excuse(ledger_t *self, uint64_t id)
{
    self->messages[id - 1].is_excused = true;
}

/* The ids of a pair grow: who sent first is handled first. */
static void check_order(ledger_t *self, const ledger_message_t *message, uint64_t id)
{
    uint64_t pair = (uint64_t)(message->from + 1) << 32 | message->to;
    uint64_t at = pair * UINT64_C(0x9e3779b97f4a7c15) >> 52;
    for (uint32_t i = 0; i < LEDGER_PAIRS; i++, at = (at + 1) % LEDGER_PAIRS) {
        if (self->pairs[at].pair != 0 && self->pairs[at].pair != pair)
            continue;
        if (self->pairs[at].last > id)
            ledger_fail(self, ORACLE_ORDER, "message %llu of %u to %u came after %llu",
                        (unsigned long long)id, message->from, message->to,
                        (unsigned long long)self->pairs[at].last);
        self->pairs[at].pair = pair;
        self->pairs[at].last = id;
        return;
    }
}

void ledger_handle(ledger_t *self, uint64_t id)
{
    ledger_trace(self, "  handled %llu", (unsigned long long)id);
    if (id == 0 || id > self->message_count) {
        ledger_fail(self, ORACLE_ONCE, "message %llu was never sent", (unsigned long long)id);
        return;
    }
    ledger_message_t *message = &self->messages[id - 1];
    if (message->is_handled)
        ledger_fail(self, ORACLE_ONCE, "message %llu was handled twice", (unsigned long long)id);
    message->is_handled = true;
    if (!message->is_stashed && !message->is_unordered)
        check_order(self, message, id);
}

uint64_t ledger_owe(ledger_t *self, debt_kind_t kind, uint64_t serial, uint64_t detail)
{
    self->debts =
        ledger_grown(self->debts, self->debt_count, &self->debt_capacity, sizeof *self->debts);
    self->debts[self->debt_count++] =
        (ledger_debt_t){.kind = kind, .serial = serial, .message = detail, .ref = detail};
    return self->debt_count;
}

void ledger_pay(ledger_t *self, uint64_t debt)
{
    ledger_debt_t *paid = &self->debts[debt - 1];
    if (++paid->paid > 1)
        ledger_fail(self, ORACLE_ANSWER, "%s %llu ended twice",
                    paid->kind == DEBT_JOB ? "a job" : "ask", (unsigned long long)paid->message);
}

/* Of this state; or, where the state was rebuilt from the journal, of one before it in the same
 * activation. monitor 0: any. The newest: who links again after an unlink waits for the new link.
 */
static ledger_debt_t *find_debt(ledger_t *self, debt_kind_t kind, uint64_t serial, uint64_t ref,
                                uint64_t monitor)
{
    uint64_t watcher = self->states[serial - 1].ref;
    for (uint64_t i = self->debt_count; i > 0; i--) {
        ledger_debt_t *debt = &self->debts[i - 1];
        if (debt->kind == kind && self->states[debt->serial - 1].ref == watcher &&
            debt->ref == ref && debt->monitor == monitor && debt->paid == 0)
            return debt;
    }
    return NULL;
}

void ledger_down(ledger_t *self, uint64_t serial, uint64_t ref, uint64_t monitor)
{
    ledger_debt_t *debt = find_debt(self, DEBT_DOWN, serial, ref, monitor);
    if (debt == NULL)
        ledger_fail(self, ORACLE_DOWN, "a down of %llx that nobody waited for",
                    (unsigned long long)ref);
    else if (debt->is_cancelled)
        ledger_fail(self, ORACLE_DOWN, "a down of %llx after demonitor", (unsigned long long)ref);
    else
        debt->paid = 1;
}

void ledger_link(ledger_t *self, uint64_t serial, uint64_t ref, bool is_trapping)
{
    const ledger_debt_t *known = find_debt(self, DEBT_EXIT, serial, ref, 0);
    if (known != NULL && !known->is_cancelled)
        return; /* a pair is linked once */
    uint64_t debt = ledger_owe(self, DEBT_EXIT, serial, ref);
    self->debts[debt - 1].is_excused = !is_trapping; /* it dies, or not, of the exit */
}

/* Whether `ref` ever linked itself to the activation of this state. */
static bool is_linked_by(const ledger_t *self, uint64_t serial, uint64_t ref)
{
    for (uint64_t i = 0; i < self->debt_count; i++) {
        const ledger_debt_t *debt = &self->debts[i];
        if (debt->kind == DEBT_EXIT && self->states[debt->serial - 1].ref == ref &&
            debt->ref == self->states[serial - 1].ref)
            return true;
    }
    return false;
}

void ledger_exit(ledger_t *self, uint64_t serial, uint64_t ref)
{
    ledger_debt_t *debt = find_debt(self, DEBT_EXIT, serial, ref, 0);
    bool is_by_other = is_linked_by(self, serial, ref);
    if (debt != NULL && debt->is_cancelled && !is_by_other)
        ledger_fail(self, ORACLE_DOWN, "an exit of %llx after unlink", (unsigned long long)ref);
    if (debt != NULL)
        debt->paid = 1;
}

/* A pair has one link: an unlink ends it for the other as well, though its exit may be under way.
 */
static void excuse_other(ledger_t *self, const ledger_debt_t *cancelled)
{
    uint64_t own = self->states[cancelled->serial - 1].ref;
    for (uint64_t i = 0; i < self->debt_count; i++) {
        ledger_debt_t *debt = &self->debts[i];
        if (debt->kind == DEBT_EXIT && debt->ref == own &&
            self->states[debt->serial - 1].ref == cancelled->ref)
            debt->is_excused = true;
    }
}

bool ledger_cancel(ledger_t *self, debt_kind_t kind, uint64_t serial, uint64_t *out_detail)
{
    for (uint64_t i = self->debt_count; i > 0; i--) {
        ledger_debt_t *debt = &self->debts[i - 1];
        if (debt->kind != kind || debt->serial != serial || debt->paid > 0 || debt->is_cancelled)
            continue;
        debt->is_cancelled = true;
        if (kind == DEBT_EXIT)
            excuse_other(self, debt);
        *out_detail = kind == DEBT_DOWN ? debt->monitor : debt->ref;
        return true;
    }
    return false;
}

void ledger_child(ledger_t *self, uint64_t serial, uint64_t ref, bool is_durable)
{
    uint64_t debt = ledger_owe(self, DEBT_CHILD, serial, ref);
    self->debts[debt - 1].is_durable = is_durable;
}

uint64_t ledger_publish(ledger_t *self)
{
    return ++self->published;
}

void ledger_hear(ledger_t *self, uint64_t serial, uint64_t id)
{
    for (uint64_t i = 0; i < self->news_count; i++) {
        if (self->news[i].serial == serial && self->news[i].id == id)
            ledger_fail(self, ORACLE_ONCE, "state %llu heard publish %llu twice",
                        (unsigned long long)serial, (unsigned long long)id);
    }
    self->news =
        ledger_grown(self->news, self->news_count, &self->news_capacity, sizeof *self->news);
    self->news[self->news_count++] = (ledger_news_t){serial, id};
}

uint64_t ledger_begin(ledger_t *self, uint64_t ref)
{
    self->states =
        ledger_grown(self->states, self->state_count, &self->state_capacity, sizeof *self->states);
    self->states[self->state_count++] = (ledger_state_t){ref, false};
    return self->state_count;
}

void ledger_end(ledger_t *self, uint64_t serial)
{
    if (self->states[serial - 1].is_over)
        ledger_fail(self, ORACLE_LEAK, "state %llu ended twice", (unsigned long long)serial);
    self->states[serial - 1].is_over = true;
}

void ledger_resume(ledger_t *self, uint64_t serial)
{
    if (!self->states[serial - 1].is_over)
        ledger_fail(self, ORACLE_LEAK, "state %llu goes on twice", (unsigned long long)serial);
    self->states[serial - 1].is_over = false;
}

bool ledger_is_over(const ledger_t *self, uint64_t serial)
{
    return self->states[serial - 1].is_over;
}

uint64_t ledger_ref(const ledger_t *self, uint64_t number)
{
    if (self->state_count == 0)
        return 0;
    uint64_t back = number % MIN(self->state_count, UINT64_C(8));
    return self->states[self->state_count - 1 - back].ref;
}

void ledger_forgive(ledger_t *self)
{
    self->has_forgiven = true;
    for (uint64_t i = 0; i < self->message_count; i++)
        self->messages[i].is_excused = true;
    for (uint64_t i = 0; i < self->debt_count; i++)
        self->debts[i].is_excused = true;
}

/* Whether a state of this reference still runs. */
static bool is_alive(const ledger_t *self, uint64_t ref)
{
    for (uint64_t i = self->state_count; i > 0; i--) {
        if (self->states[i - 1].ref == ref)
            return !self->states[i - 1].is_over;
    }
    return false;
}

/* A child goes with the state that spawned it; of a durable parent, with the activation. */
static void settle_child(ledger_t *self, const ledger_debt_t *debt)
{
    const ledger_state_t *parent = &self->states[debt->serial - 1];
    bool is_over = debt->is_durable ? !is_alive(self, parent->ref) : parent->is_over;
    if (is_over && !debt->is_excused && is_alive(self, debt->ref))
        ledger_fail(self, ORACLE_END, "child %llx outlives its parent %llx",
                    (unsigned long long)debt->ref, (unsigned long long)parent->ref);
}

static void settle_debt(ledger_t *self, const ledger_debt_t *debt)
{
    if (debt->kind == DEBT_CHILD) {
        settle_child(self, debt);
        return;
    }
    bool is_settled = debt->paid > 0 || debt->is_excused || debt->is_cancelled ||
                      self->states[debt->serial - 1].is_over;
    if (is_settled)
        return;
    if (debt->kind == DEBT_ASK || debt->kind == DEBT_JOB)
        ledger_fail(self, ORACLE_ANSWER, "%s %llu never ended",
                    debt->kind == DEBT_JOB ? "a job" : "ask", (unsigned long long)debt->message);
    else if (!is_alive(self, debt->ref))
        ledger_fail(self, ORACLE_DOWN, "no %s of %llx", debt->kind == DEBT_DOWN ? "down" : "exit",
                    (unsigned long long)debt->ref);
}

void ledger_settle(ledger_t *self, uint64_t lost, uint64_t missing, bool has_memory)
{
    for (uint64_t i = 0; i < self->debt_count; i++) {
        bool is_bond = self->debts[i].kind == DEBT_DOWN || self->debts[i].kind == DEBT_EXIT;
        if (has_memory || !is_bond)
            settle_debt(self, &self->debts[i]);
    }
    uint64_t last = 0;
    for (uint64_t i = 0; i < self->message_count; i++) {
        const ledger_message_t *message = &self->messages[i];
        if (!message->is_asked && !message->is_handled && !message->is_excused) {
            missing++;
            last = i + 1;
        }
    }
    if (missing > lost)
        ledger_fail(
            self, ORACLE_LOSS, "%llu messages are gone, %llu were counted; the last is %llu",
            (unsigned long long)missing, (unsigned long long)lost, (unsigned long long)last);
}
