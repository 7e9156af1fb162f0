#include "actors/library/root_reports.h"

#include "actors/library/root_look.h"
#include "runtime/base/memory.h"
#include "runtime/base/mix.h"

static void reporter_deinit(root_reporter_t *self)
{
    memory_free(self->report);
    *self = (root_reporter_t){0};
}

void root_reports_deinit(root_reports_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        reporter_deinit(&self->reporters[i]);
    memory_free(self->reporters);
    *self = (root_reports_t){0};
}

/* ---- taking ---- */

static void forget_lost(root_reports_t *self, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (now_ms - self->reporters[i].at_ms < ROOTS_REPORT_LOST_MS)
            self->reporters[kept++] = self->reporters[i];
        else
            reporter_deinit(&self->reporters[i]);
    }
    self->version += self->count != kept ? 1 : 0;
    self->count = kept;
}

static err_t grow(root_reports_t *self)
{
    if (self->count < self->capacity)
        return ERR_OK;
    if (self->count == ROOTS_REPORTERS_MAX)
        return ERR_LIMIT;
    size_t capacity = MIN(MAX((size_t)4, self->capacity * 2), (size_t)ROOTS_REPORTERS_MAX);
    root_reporter_t *reporters = memory_resize(self->reporters, capacity, sizeof *reporters);
    if (reporters == NULL)
        return ERR_NO_MEMORY;
    self->reporters = reporters;
    self->capacity = capacity;
    return ERR_OK;
}

/* The place of this node, empty if it is new. */
static err_t place_of(root_reports_t *self, uint64_t node, root_reporter_t **out)
{
    size_t at = 0;
    while (at < self->count && self->reporters[at].node < node)
        at++;
    if (at == self->count || self->reporters[at].node != node) {
        TRY(grow(self));
        for (size_t i = self->count++; i > at; i--)
            self->reporters[i] = self->reporters[i - 1];
        self->reporters[at] = (root_reporter_t){.node = node};
    }
    *out = &self->reporters[at];
    return ERR_OK;
}

/* Where it is, and what it reads. */
static bool says_the_same(const roots_report_t *a, const roots_report_t *b)
{
    if (a == NULL || !str_equal(a->address, b->address) || a->roots.count != b->roots.count)
        return false;
    for (uint32_t i = 0; i < a->roots.count; i++)
        if (!str_equal(a->roots.items[i].name, b->roots.items[i].name) ||
            str_is_empty(a->roots.items[i].reason) != str_is_empty(b->roots.items[i].reason))
            return false;
    return true;
}

err_t root_reports_take(root_reports_t *self, const roots_report_t *report, uint64_t now_ms)
{
    root_reporter_t *reporter = NULL;
    roots_report_t *copy = memory_new(schema_deep_size(&roots_report_schema, report));
    if (copy == NULL)
        return ERR_NO_MEMORY;
    err_t err = place_of(self, report->node, &reporter);
    if (err != ERR_OK) {
        memory_free(copy);
        return err;
    }
    schema_copy(&roots_report_schema, report, copy);
    self->version += says_the_same(reporter->report, copy) ? 0 : 1;
    memory_free(reporter->report);
    reporter->report = copy;
    reporter->at_ms = now_ms;
    if (self->began_ms == 0)
        self->began_ms = MAX(now_ms, (uint64_t)1);
    if (!self->is_whole && now_ms - self->began_ms >= ROOTS_REPORT_LOST_MS &&
        now_ms >= self->began_ms) {
        self->is_whole = true;
        self->version++;
    }
    forget_lost(self, now_ms);
    return ERR_OK;
}

/* ---- looking ---- */

static const root_reading_t *reading_of(const root_reporter_t *reporter, str_t root)
{
    for (uint32_t i = 0; i < reporter->report->roots.count; i++)
        if (str_equal(reporter->report->roots.items[i].name, root))
            return &reporter->report->roots.items[i];
    return NULL;
}

bool root_reports_is_readable(const root_reports_t *self, str_t root, str_t *out_reason)
{
    str_t reason = STR("no running node has this folder");
    for (size_t i = 0; i < self->count; i++) {
        const root_reading_t *reading = reading_of(&self->reporters[i], root);
        if (reading != NULL && str_is_empty(reading->reason))
            return true;
        /* Where it need not be, another node says more. */
        bool is_telling = reading != NULL &&
                          !str_equal(reading->reason, STR(ROOT_REASON_NOT_THERE)) &&
                          !str_equal(reading->reason, STR(ROOT_REASON_NO_ROLE));
        if (is_telling || (reading != NULL && self->count == 1))
            reason = reading->reason;
    }
    *out_reason = reason;
    return false;
}

uint64_t root_reports_scanner(const root_reports_t *self, str_t root, uint64_t now, uint64_t now_ms)
{
    uint64_t best = 0, best_cost = UINT64_MAX, claims = 0;
    for (size_t i = 0; i < self->count; i++) {
        const root_reporter_t *reporter = &self->reporters[i];
        const root_reading_t *reading = reading_of(reporter, root);
        if (reading == NULL || !str_is_empty(reading->reason))
            continue;
        if (reporter->node == now)
            return now;
        if (reading->is_scanner)
            claims = reporter->node;
        uint64_t cost = mix64(str_hash(root) ^ mix64(reporter->node));
        if (best == 0 || cost < best_cost) {
            best = reporter->node;
            best_cost = cost;
        }
    }
    if (now == 0 && claims != 0)
        return claims;
    bool is_early = now == 0 && now_ms - self->began_ms < ROOTS_REPORT_LOST_MS;
    return is_early ? 0 : best;
}

static err_t list_reader(const root_reporter_t *reporter, arena_t *arena, root_reader_t *out)
{
    str_t *roots = arena_new_array(arena, reporter->report->roots.count + 1, sizeof *roots);
    uint32_t count = 0;
    if (roots == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < reporter->report->roots.count; i++)
        if (str_is_empty(reporter->report->roots.items[i].reason))
            roots[count++] = reporter->report->roots.items[i].name;
    *out = (root_reader_t){.node = reporter->node, .address = reporter->report->address};
    out->roots.items = roots;
    out->roots.count = count;
    return ERR_OK;
}

err_t root_reports_list(const root_reports_t *self, arena_t *arena, roots_known_t *known)
{
    root_reader_t *readers = arena_new_array(arena, self->count + 1, sizeof *readers);
    if (readers == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->count; i++)
        TRY(list_reader(&self->reporters[i], arena, &readers[i]));
    known->readers.items = readers;
    known->readers.count = (uint32_t)self->count;
    known->is_whole = self->is_whole;
    return ERR_OK;
}
