#include "runtime/schedule/governor.h"

#include "runtime/base/attributes.h"

enum { TRIAL_WINDOWS = 4 };

/* Which windows of a trial are of what is tried. */
static const bool is_of_tried[TRIAL_WINDOWS] = {false, true, true, false};

void governor_init(governor_t *self, uint32_t scheduler_count, uint64_t now_ns)
{
    *self = (governor_t){.scheduler_count = scheduler_count,
                         .limit = scheduler_count,
                         .chosen = scheduler_count,
                         .goes_down = true,
                         .before.now_ns = now_ns,
                         .hold_ns = GOVERNOR_HOLD_NS,
                         .due_ns = now_ns};
}

/* ---- what a window says ---- */

static governor_sample_t passed(const governor_sample_t *before, const governor_sample_t *now)
{
    return (governor_sample_t){.now_ns = now->now_ns - before->now_ns,
                               .messages = now->messages - before->messages,
                               .moved = now->moved - before->moved,
                               .slept_ns = now->slept_ns - before->slept_ns};
}

/* Summed over the schedulers. Who counts sleep looks at each at another moment: within bounds. */
static uint64_t busy_ns(const governor_t *self, const governor_sample_t *window)
{
    uint64_t all_ns = window->now_ns * self->scheduler_count;
    return all_ns - MIN(window->slept_ns, all_ns);
}

/* Rule 1; and there is nothing to try before more than one core is busy with what they take from
 * each other. */
static bool is_talkative(const governor_t *self, const governor_sample_t *window)
{
    bool is_shared = self->limit == self->scheduler_count && self->phase != GOVERNOR_TRIAL;
    uint64_t parts = is_shared ? GOVERNOR_BUSY + 1 : GOVERNOR_BUSY - 1;
    uint64_t busy = busy_ns(self, window);
    if (is_shared && window->moved * GOVERNOR_MOVED < window->messages)
        return false;
    return window->messages > 0 && busy / parts >= window->now_ns / GOVERNOR_BUSY &&
           busy <= window->messages * GOVERNOR_SHORT_NS;
}

/* Fewer did better by the margin. */
static bool is_limit_better(const governor_sample_t *fewer, const governor_sample_t *more)
{
    return (double)fewer->messages * (double)more->now_ns * GOVERNOR_MARGIN >
           (double)more->messages * (double)fewer->now_ns * (GOVERNOR_MARGIN + 1);
}

/* In a trial. */
static bool is_of_more(const governor_t *self)
{
    return self->limit == MAX(self->tried, self->chosen);
}

/* Who is beyond has handed its work over; or help has come. */
static bool has_settled(const governor_t *self, const governor_sample_t *window)
{
    uint64_t busy = busy_ns(self, window);
    if (is_of_more(self))
        return busy / (GOVERNOR_BUSY + 1) >= window->now_ns / GOVERNOR_BUSY;
    return busy <= window->now_ns * self->limit + window->now_ns / 4;
}

/* ---- what follows from it ---- */

static void rest(governor_t *self, uint64_t now_ns, uint64_t for_ns)
{
    self->limit = self->chosen = self->scheduler_count;
    self->goes_down = true;
    self->hold_ns = GOVERNOR_HOLD_NS;
    self->phase = GOVERNOR_REST;
    self->due_ns = now_ns + for_ns;
}

static void look_again(governor_t *self, uint64_t now_ns)
{
    bool is_over = self->phase == GOVERNOR_HOLD && now_ns >= self->hold_until_ns;
    if (is_over)
        self->phase = GOVERNOR_REST;
    self->due_ns = now_ns + GOVERNOR_LOOK_NS;
    if (self->phase != GOVERNOR_HOLD)
        return;
    bool is_free = self->limit == self->scheduler_count; /* then nothing depends on a look */
    self->due_ns = is_free ? self->hold_until_ns : MIN(self->due_ns, self->hold_until_ns);
}

static void hold(governor_t *self, uint64_t now_ns)
{
    self->limit = self->chosen;
    self->phase = GOVERNOR_HOLD;
    self->hold_until_ns = now_ns + self->hold_ns;
    self->hold_ns = MIN(2 * self->hold_ns, (uint64_t)GOVERNOR_HOLD_MAX_NS);
    look_again(self, now_ns);
}

static uint64_t window_ns(const governor_t *self)
{
    return is_of_more(self) ? GOVERNOR_WINDOW_OF_MORE_NS : GOVERNOR_WINDOW_NS;
}

static void begin_window(governor_t *self, uint64_t now_ns)
{
    uint32_t limit = is_of_tried[self->window] ? self->tried : self->chosen;
    self->settling = limit == self->limit ? 0 : GOVERNOR_SETTLES;
    self->limit = limit;
    self->due_ns = now_ns + (self->settling > 0 ? GOVERNOR_SETTLE_NS : window_ns(self));
}

static uint32_t next_limit(const governor_t *self)
{
    return self->goes_down ? self->chosen / 2 : MIN(2 * self->chosen, self->scheduler_count);
}

static void begin_trial(governor_t *self, uint64_t now_ns)
{
    if (self->chosen == self->scheduler_count || self->chosen == 1)
        self->goes_down = self->chosen != 1;
    self->phase = GOVERNOR_TRIAL;
    self->tried = next_limit(self);
    self->window = 0;
    begin_window(self, now_ns);
}

static void end_trial(governor_t *self, bool has_won, uint64_t now_ns)
{
    if (has_won) {
        self->chosen = self->tried;
        self->hold_ns = GOVERNOR_HOLD_NS;
    } else {
        self->goes_down = !self->goes_down;
    }
    hold(self, now_ns);
}

/* Whether what is tried won the pair that ends with this window. */
static bool has_won(const governor_t *self, const governor_sample_t *window)
{
    bool is_fewer_tried = self->tried < self->chosen;
    bool is_fewer = is_of_tried[self->window] == is_fewer_tried;
    const governor_sample_t *fewer = is_fewer ? window : &self->first;
    const governor_sample_t *more = is_fewer ? &self->first : window;
    return is_limit_better(fewer, more) == is_fewer_tried;
}

static void end_window(governor_t *self, const governor_sample_t *window, uint64_t now_ns)
{
    bool is_pair = self->window % 2 == 1;
    if (is_pair && (!has_won(self, window) || self->window + 1 == TRIAL_WINDOWS)) {
        end_trial(self, has_won(self, window), now_ns);
        return;
    }
    if (!is_pair)
        self->first = *window;
    self->window++;
    begin_window(self, now_ns);
}

static void step_trial(governor_t *self, const governor_sample_t *window, uint64_t now_ns)
{
    if (self->settling == 0) {
        end_window(self, window, now_ns);
        return;
    }
    self->settling = has_settled(self, window) ? 0 : self->settling - 1;
    self->due_ns = now_ns + (self->settling > 0 ? GOVERNOR_SETTLE_NS : window_ns(self));
}

void governor_step(governor_t *self, const governor_sample_t *sample)
{
    governor_sample_t window = passed(&self->before, sample);
    uint64_t now_ns = sample->now_ns;
    self->before = *sample;
    bool is_held = self->phase == GOVERNOR_HOLD && now_ns < self->hold_until_ns;
    if (!is_talkative(self, &window)) {
        if (self->chosen < self->scheduler_count)
            rest(self, now_ns, GOVERNOR_LOOK_NS);
        else if (self->phase == GOVERNOR_TRIAL)
            hold(self, now_ns);
        else
            look_again(self, now_ns);
    } else if (self->phase == GOVERNOR_TRIAL) {
        step_trial(self, &window, now_ns);
    } else if (is_held) {
        look_again(self, now_ns);
    } else {
        begin_trial(self, now_ns);
    }
}

void governor_lift(governor_t *self, uint64_t now_ns)
{
    rest(self, now_ns, GOVERNOR_HOLD_NS);
}
