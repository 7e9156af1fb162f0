#include "storage/search/asking/search_asker.h"
#include "tests/support/catalog/catalog_rig.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/patience.h"

enum { ASKS_MAX = 8, HOUR_MS = 3600000 };

static const atomic_bool never;

static const name_index_entry_t person = {
    .kind = NAME_INDEX_PERSON, .key = STR_INIT("ana"), .name = STR_INIT("Ana Title")};

typedef struct scene scene_t;

/* A question and how it was answered. */
typedef struct one {
    scene_t *scene;
    arena_t arena;
    search_ask_t ask;
    uint32_t thens;
    bool is_answered, is_other_thread;
} one_t;

struct scene {
    catalog_rig_t catalog;
    search_feed_t *feed;
    name_index_t *names;
    runtime_t *runtime;
    search_asker_t *asker;
    one_t ones[ASKS_MAX];
    uint32_t first, count; /* that one round asks */
    bool asks_names;
    uv_async_t async; /* a callback of the loop begins a round */
    void (*fn)(void *context);
    uv_thread_t thread;
    uv_sem_t done, may_work; /* may_work: what keeps the lane busy */
    atomic_uint blocking, thens;
};

static void on_async(uv_async_t *async)
{
    scene_t *self = async->data;
    self->fn(self);
}

static void scene_init(scene_t *self, const search_asker_options_t *options, uint32_t queue_max)
{
    *self = (scene_t){0};
    catalog_rig_init(&self->catalog, 7);
    for (int i = 0; i < 20; i++)
        catalog_rig_change(&self->catalog);
    temporary_name_t path = temporary_in(&self->catalog.folder, "search");
    const search_feed_options_t feed = {.path = path.path,
                                        .catalog = self->catalog.catalog,
                                        .lyrics = self->catalog.blobs,
                                        .clock = clock_system()};
    check_ok(search_feed_open(&feed, &self->feed));
    check_ok(search_feed_build(self->feed, &never));
    check_ok(name_index_new(0, &self->names));
    check_ok(name_index_put(self->names, &person));
    runtime_options_t runtime = {.scheduler_count = 1};
    runtime.offload_queue_max[OFFLOAD_COMPUTE] = queue_max;
    check_ok(runtime_new(&runtime, &self->runtime));
    search_asker_options_t asker = *options;
    asker.feed = self->feed;
    asker.runtime = self->runtime;
    asker.names = self->names;
    asker.inline_ms = HOUR_MS; /* a busy machine answers as any other */
    check_ok(search_asker_new(&asker, &self->asker));
    self->async.data = self;
    uv_async_init(runtime_loop(self->runtime, 0), &self->async, on_async);
    check_ok(runtime_start(self->runtime));
    uv_sem_init(&self->done, 0);
    uv_sem_init(&self->may_work, 0);
}

static void scene_deinit(scene_t *self)
{
    if (self->runtime != NULL)
        check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(self->runtime);
    search_asker_free(self->asker);
    search_feed_close(self->feed);
    name_index_free(self->names);
    for (uint32_t i = 0; i < ASKS_MAX; i++)
        arena_deinit(&self->ones[i].arena);
    catalog_rig_deinit(&self->catalog);
    uv_sem_destroy(&self->done);
    uv_sem_destroy(&self->may_work);
}
#define SCENE_SCOPED SCOPED(scene_deinit)

/* ---- on the scheduler ---- */

/* In a round of its own. */
static void on_scheduler(scene_t *self, void (*fn)(void *context))
{
    self->fn = fn;
    uv_async_send(&self->async);
    uv_sem_wait(&self->done);
}

static void came(void *context)
{
    one_t *one = context;
    uv_thread_t here = uv_thread_self();
    one->is_other_thread = !uv_thread_equal(&here, &one->scene->thread);
    one->thens++;
    atomic_fetch_add(&one->scene->thens, 1);
}

static void ask_one(scene_t *self, uint32_t index, const search_request_t *request)
{
    one_t *one = &self->ones[index];
    arena_deinit(&one->arena);
    *one = (one_t){.scene = self};
    one->ask.edge = runtime_edge(self->runtime, 0);
    one->ask.arena = &one->arena;
    one->ask.then = came;
    one->ask.context = one;
    one->ask.count = 2;
    one->ask.parts[0].request = one->ask.parts[1].request = *request;
    one->ask.parts[1].request.in_lyrics = true;
    one->ask.names.is_wanted = self->asks_names;
    one->ask.names.query =
        (name_index_query_t){.text = request->text, .asker = STR("ana"), .first = {5, 5}};
    one->is_answered = search_asker_ask(self->asker, &one->ask);
}

static const search_request_t titles = {.text = STR_INIT("title"),
                                        .first = {[SEARCH_TRACK] = 20, [SEARCH_ALBUM] = 20}};

static void ask_round(void *context)
{
    scene_t *self = context;
    self->thread = uv_thread_self();
    for (uint32_t i = 0; i < self->count; i++)
        ask_one(self, self->first + i, &titles);
    uv_sem_post(&self->done);
}

/* So many in one round of the loop. */
static void ask(scene_t *self, uint32_t first, uint32_t count)
{
    self->first = first;
    self->count = count;
    on_scheduler(self, ask_round);
}

static err_t err_of(const scene_t *self, uint32_t index)
{
    return self->ones[index].ask.parts[0].err;
}

static void cancel_first(void *context)
{
    scene_t *self = context;
    search_asker_cancel(&self->ones[0].ask);
    uv_sem_post(&self->done);
}

/* ---- the lane ---- */

static err_t block(void *data)
{
    scene_t *self = data;
    atomic_fetch_add(&self->blocking, 1);
    uv_sem_wait(&self->may_work);
    return ERR_OK;
}

static void unblocked(void *data, err_t err)
{
    (void)data;
    check_ok(err);
}

static void block_lane(void *context)
{
    scene_t *self = context;
    edge_offload(runtime_edge(self->runtime, 0), OFFLOAD_COMPUTE, block, unblocked, self);
    uv_sem_post(&self->done);
}

/* Its one thread is busy until may_work. */
static void keep_busy(scene_t *self)
{
    on_scheduler(self, block_lane);
    wait_until(atomic_load(&self->blocking) == 1);
}

/* ---- what it cost ---- */

static search_found_t directly(scene_t *self)
{
    search_found_t found;
    check_ok(search_feed_ask(self->feed, &self->catalog.arena, &titles, &found));
    cr_assert(found.counts[SEARCH_TRACK] > 2 && !found.is_cut);
    return found;
}

static void check_same(const search_found_t *got, const search_found_t *want)
{
    cr_assert(got->counts[SEARCH_TRACK] == want->counts[SEARCH_TRACK]);
    for (size_t i = 0; i < want->counts[SEARCH_TRACK]; i++)
        cr_assert(got->results[SEARCH_TRACK][i].id == want->results[SEARCH_TRACK][i].id);
}

static search_asker_stats_t stats_of(scene_t *self)
{
    search_asker_stats_t stats;
    search_asker_stats(self->asker, &stats);
    return stats;
}

Test(search_asker, a_short_question_is_answered_where_it_is_asked)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = SEARCH_WORK_MAX}, 0);
    search_found_t want = directly(&self);

    ask(&self, 0, 1);

    search_asker_stats_t stats = stats_of(&self);
    cr_assert(self.ones[0].is_answered);
    check_ok(err_of(&self, 0));
    check_same(&self.ones[0].ask.parts[0].found, &want);
    cr_assert(stats.here == 2 && stats.offloaded == 0 && stats.cut == 0 && stats.held_ns_max > 0);
}

Test(search_asker, a_long_one_is_answered_by_the_pool_whole_and_given_back_where_it_was_asked)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 10}, 0);
    search_found_t want = directly(&self);

    ask(&self, 0, 1);
    wait_until(atomic_load(&self.thens) == 1);

    one_t *one = &self.ones[0];
    search_asker_stats_t stats = stats_of(&self);
    check_true(!one->is_answered && one->thens == 1 && !one->is_other_thread);
    check_ok(one->ask.parts[0].err);
    check_ok(one->ask.parts[1].err);
    check_same(&one->ask.parts[0].found, &want);
    cr_assert(stats.here == 0 && stats.offloaded == 2 && stats.waiting == 0);
}

Test(search_asker, names_are_asked_with_it_here_or_in_the_pool)
{
    static const struct {
        const char *what;
        uint64_t work_inline;
        bool is_here;
    } cases[] = {{"here", SEARCH_WORK_MAX, true}, {"in the pool", 10, false}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scene_t self SCENE_SCOPED;
        scene_init(&self, &(search_asker_options_t){.work_inline = cases[i].work_inline}, 0);
        self.asks_names = true;
        ask(&self, 0, 1);
        wait_until(cases[i].is_here || atomic_load(&self.thens) == 1);

        const search_names_part_t *names = &self.ones[0].ask.names;
        cr_assert(self.ones[0].is_answered == cases[i].is_here, "%s", cases[i].what);
        check_ok(names->err);
        cr_assert(names->found.counts[NAME_INDEX_PERSON] == 1, "%s", cases[i].what);
        check_str(names->found.hits[NAME_INDEX_PERSON][0].key, STR("ana"));
        search_asker_stats_t stats = stats_of(&self);
        cr_assert(stats.here == (cases[i].is_here ? 3 : 0) && stats.here + stats.offloaded == 3);
    }
}

Test(search_asker, all_questions_of_a_round_share_its_budget)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 8000}, 0);
    uint64_t whole = 8000 / directly(&self).work; /* so many would have all of it */
    cr_assert(whole >= 1 && whole < ASKS_MAX - 1, "%lu", (unsigned long)whole);

    ask(&self, 0, ASKS_MAX);

    uint64_t here = 0, away = 0;
    for (uint32_t i = 0; i < ASKS_MAX; i++) {
        here += self.ones[i].is_answered ? 1 : 0;
        away += self.ones[i].is_answered ? 0 : 1;
        cr_assert(self.ones[i].is_answered == (away == 0)); /* the first of them */
    }
    wait_until(atomic_load(&self.thens) == away);
    for (uint32_t i = 0; i < ASKS_MAX; i++)
        check_ok(err_of(&self, i));
    cr_assert(here >= 1 && here <= whole, "%lu", (unsigned long)here);
    ask(&self, 0, 1); /* in another round */
    cr_assert(self.ones[0].is_answered);
}

Test(search_asker, past_those_that_may_wait_one_is_busy_or_answered_in_part)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 60, .waiting_max = 2}, 0);
    keep_busy(&self);

    ask(&self, 0, 3);
    check_true(!self.ones[0].is_answered && !self.ones[1].is_answered);
    cr_assert(self.ones[2].is_answered); /* and nothing is left of the round */
    check_err(err_of(&self, 2), ERR_BUSY);
    cr_assert(stats_of(&self).waiting == 2 && stats_of(&self).refused == 2);
    ask(&self, 3, 1);
    cr_assert(self.ones[3].is_answered && self.ones[3].ask.parts[0].found.is_cut);
    check_ok(err_of(&self, 3));
    uv_sem_post(&self.may_work);
    wait_until(atomic_load(&self.thens) == 2);

    check_ok(err_of(&self, 0));
    check_ok(err_of(&self, 1));
    cr_assert(stats_of(&self).waiting == 0 && stats_of(&self).offloaded == 4);
    ask(&self, 4, 1); /* there is room again */
    check_true(!self.ones[4].is_answered);
    wait_until(atomic_load(&self.thens) == 3);
    check_ok(err_of(&self, 4));
}

Test(search_asker, a_lane_that_is_full_is_busy)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 10}, 1);
    keep_busy(&self);

    ask(&self, 0, 2);
    wait_until(atomic_load(&self.thens) == 1);
    check_err(err_of(&self, 1), ERR_BUSY);
    uv_sem_post(&self.may_work);
    wait_until(atomic_load(&self.thens) == 2);

    check_ok(err_of(&self, 0));
    cr_assert(stats_of(&self).waiting == 0 && stats_of(&self).refused == 2);
}

Test(search_asker, one_that_waits_is_cancelled_at_once_and_gives_its_place)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 10, .waiting_max = 1}, 0);
    self.asks_names = true;
    keep_busy(&self);
    ask(&self, 0, 1);

    on_scheduler(&self, cancel_first);
    wait_until(atomic_load(&self.thens) == 1);

    check_err(err_of(&self, 0), ERR_CANCELLED);
    check_err(self.ones[0].ask.names.err, ERR_CANCELLED);
    cr_assert(stats_of(&self).waiting == 0 && stats_of(&self).cancelled == 3);
    on_scheduler(&self, cancel_first); /* one that is answered: nothing */
    ask(&self, 1, 1);
    check_true(!self.ones[1].is_answered);
    uv_sem_post(&self.may_work);
    wait_until(atomic_load(&self.thens) == 2);
    check_ok(err_of(&self, 1));
}

Test(search_asker, what_is_asked_when_the_runtime_ends_is_answered_first)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 10}, 0);
    keep_busy(&self);
    ask(&self, 0, 2);

    uv_sem_post(&self.may_work);
    check_ok(runtime_drain(self.runtime, PATIENCE_MS));

    cr_assert(atomic_load(&self.thens) == 2);
    check_ok(err_of(&self, 0));
    runtime_free(STEAL(self.runtime));
}

Test(search_asker, what_waits_when_the_runtime_is_given_up_is_freed_unasked)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 10}, 0);
    keep_busy(&self);
    ask(&self, 0, 2);

    check_err(runtime_drain(self.runtime, 1), ERR_TIMEOUT);
    uv_sem_post(&self.may_work);
    runtime_free(STEAL(self.runtime));

    cr_assert(atomic_load(&self.thens) == 0);
}

Test(search_asker, without_an_index_it_says_so)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){0}, 0);
    temporary_name_t path = temporary_in(&self.catalog.folder, "another");
    const search_feed_options_t feed = {
        .path = path.path, .catalog = self.catalog.catalog, .clock = clock_system()};
    search_feed_close(STEAL(self.feed));
    search_asker_free(STEAL(self.asker));
    check_ok(search_feed_open(&feed, &self.feed));
    check_ok(search_asker_new(&(search_asker_options_t){.feed = self.feed, .runtime = self.runtime},
                              &self.asker));

    ask(&self, 0, 1);

    cr_assert(self.ones[0].is_answered);
    check_err(err_of(&self, 0), ERR_UNAVAILABLE);
}

static void ask_failing(void *context)
{
    scene_t *self = context;
    memory_faults_arm(true);
    ask_one(self, 0, &titles);
    memory_faults_arm(false);
    search_asker_cancel(&self->ones[0].ask);
    uv_sem_post(&self->done);
}

/* Nobody else allocates meanwhile: the lane is busy, and the test waits. */
Test(search_asker, without_memory_it_is_answered_all_the_same_and_once)
{
    scene_t self SCENE_SCOPED;
    scene_init(&self, &(search_asker_options_t){.work_inline = 10}, 0);
    keep_busy(&self);
    int64_t live = memory_faults_live();
    uint64_t nth = 0, refused = 0;
    bool has_failed = true;

    for (; has_failed; nth++) {
        uint32_t thens = atomic_load(&self.thens);
        memory_faults_reset();
        memory_faults_choose(&(uint64_t){nth + 1}, 1);
        on_scheduler(&self, ask_failing);
        has_failed = memory_faults_failed() > 0;
        if (!self.ones[0].is_answered)
            wait_until(atomic_load(&self.thens) == thens + 1);
        cr_assert(atomic_load(&self.thens) - thens == (self.ones[0].is_answered ? 0 : 1));
        for (int part = 0; part < 2; part++) {
            err_t err = self.ones[0].ask.parts[part].err;
            bool is_right = (has_failed && err == ERR_NO_MEMORY) ||
                            (!self.ones[0].is_answered && err == ERR_CANCELLED);
            cr_assert(is_right, "%lu: %s", (unsigned long)nth, err_name(err));
        }
        refused = stats_of(&self).refused;
        arena_deinit(&self.ones[0].arena);
        wait_until(memory_faults_live() == live);
    }

    cr_assert(nth > 2 && refused > 0 && stats_of(&self).waiting == 0);
    uv_sem_post(&self.may_work);
}
