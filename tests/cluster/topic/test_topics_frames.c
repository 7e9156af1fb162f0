/* What one node says and hears, frame by frame: what was sent again is marked, who is the home no
 * more can acknowledge nothing, and what is lost or overtaken leaves nobody with a cursor that is
 * none. */
#include "cluster/topic/topics.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

enum { SELF = 1, OTHER = 2, THIRD = 3, SAID_MAX = 32 };

#define TOPIC STR("thing/1/news")

typedef struct said {
    uint64_t to;
    topic_frame_t frame; /* its bytes are gone */
    size_t post_size;
} said_t;

typedef struct bench {
    topics_t *topics;
    uint64_t node;
    placement_t *placements[2];
    uint64_t version, now_ms;
    said_t said[SAID_MAX];
    uint32_t said_count;
    char heard[64]; /* p: a post; s, m, l: a gap of a start, missed, late */
} bench_t;

static void on_send(void *context, uint64_t node, const topic_frame_t *frame)
{
    bench_t *self = context;
    cr_assert(self->said_count < SAID_MAX);
    self->said[self->said_count++] = (said_t){node, *frame, frame->post.size};
}

static void note(bench_t *self, char what)
{
    size_t size = strlen(self->heard);
    cr_assert(size + 1 < sizeof self->heard);
    self->heard[size] = what;
}

static void on_deliver(void *context, str_t topic, str_t post)
{
    (void)topic, (void)post;
    note(context, 'p');
}

static void on_gap(void *context, str_t topic, topic_gap_why_t why)
{
    (void)topic;
    note(context, why == TOPIC_GAP_START ? 's' : why == TOPIC_GAP_MISSED ? 'm' : 'l');
}

static void place(bench_t *self, uint64_t home)
{
    static const uint64_t nodes[] = {SELF, OTHER, THIRD};
    placement_t *placement = self->placements[++self->version % 2];
    placement->version = self->version;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        placement->owners[i] = home;
    check_ok(topics_place(self->topics, placement, nodes, COUNT_OF(nodes), self->now_ms));
}

static void begin_as(bench_t *self, uint64_t node, uint64_t home)
{
    *self = (bench_t){.node = node, .now_ms = 1000};
    const topics_sink_t sink = {self, on_send, on_deliver, on_gap, NULL};
    check_ok(topics_new(node, &sink, &self->topics));
    for (int i = 0; i < 2; i++)
        self->placements[i] = memory_new(sizeof(placement_t));
    place(self, home);
}

static void begin(bench_t *self, uint64_t home)
{
    begin_as(self, SELF, home);
}

static void end(bench_t *self)
{
    topics_free(self->topics);
    for (int i = 0; i < 2; i++)
        memory_free(self->placements[i]);
}

static void pass_ms(bench_t *self, uint64_t ms)
{
    self->now_ms += ms;
    topics_tick(self->topics, self->now_ms);
}

static void hear(bench_t *self, uint64_t from, topic_frame_t frame)
{
    frame.topic = TOPIC;
    topics_receive(self->topics, from, &frame, self->now_ms);
}

/* The newest of that kind, and none of it any more. */
static said_t take(bench_t *self, topic_frame_kind_t kind)
{
    for (uint32_t i = self->said_count; i-- > 0;)
        if (self->said[i].frame.kind == kind) {
            said_t said = self->said[i];
            self->said_count = 0;
            return said;
        }
    self->said_count = 0;
    return (said_t){0};
}

/* A listener whose home is OTHER: its ask. */
static said_t begin_asking(bench_t *self)
{
    begin(self, OTHER);
    check_ok(topics_hear(self->topics, TOPIC, true, self->now_ms));
    return take(self, TOPIC_SUBSCRIBE);
}

/* ... and that is answered: it hears life 9. */
static void begin_live(bench_t *self)
{
    uint64_t ask = begin_asking(self).frame.base;
    hear(self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 9, .base = ask});
}

static uint64_t waiting(const bench_t *self)
{
    topics_stats_t stats;
    topics_stats(self->topics, &stats);
    return stats.waiting;
}

Test(topics_frames, a_post_that_is_sent_again_is_marked_late_and_one_that_goes_first_is_not)
{
    bench_t self;
    begin(&self, SELF);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 1});
    said_t live = take(&self, TOPIC_LIVE);
    cr_assert(live.to == OTHER);

    topics_publish(self.topics, TOPIC, STR("one"), self.now_ms);
    said_t first = take(&self, TOPIC_POST);
    cr_assert(first.frame.number == live.frame.number + 1 && first.frame.flags == 0);
    pass_ms(&self, TOPIC_RETRY_MS - 1);
    cr_assert(take(&self, TOPIC_POST).to == 0, "it has its time");
    pass_ms(&self, 1);
    said_t again = take(&self, TOPIC_POST);
    cr_assert(again.frame.number == first.frame.number && again.post_size == 3);
    cr_assert(again.frame.flags == TOPIC_FLAG_LATE);
    topics_publish(self.topics, TOPIC, STR("two"), self.now_ms);
    said_t second = take(&self, TOPIC_POST);
    cr_assert(second.frame.number == first.frame.number + 1 && second.frame.flags == 0);
    hear(
        &self, OTHER,
        (topic_frame_t){.kind = TOPIC_ACK, .life = live.frame.life, .number = second.frame.number});
    pass_ms(&self, 2 * TOPIC_RETRY_MS);
    cr_assert(take(&self, TOPIC_POST).to == 0, "it was acknowledged");
    end(&self);
}

Test(topics_frames, who_hears_a_late_post_is_told_so_behind_it)
{
    static const struct {
        const char *what;
        uint32_t flags;
        const char *post, *want;
    } cases[] = {
        {"in time", 0, "x", "p"},
        {"late", TOPIC_FLAG_LATE, "x", "pl"},
        {"some before it are missing", TOPIC_FLAG_MISSED, "x", "mp"},
        {"both", TOPIC_FLAG_MISSED | TOPIC_FLAG_LATE, "x", "mpl"},
        {"only that some are missing", TOPIC_FLAG_MISSED | TOPIC_FLAG_LATE, "", "m"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t self;
        begin_live(&self);
        cr_assert_str_eq(self.heard, "s");
        hear(&self, OTHER,
             (topic_frame_t){.kind = TOPIC_POST,
                             .flags = cases[i].flags,
                             .life = 9,
                             .number = 1,
                             .post = str_from(cases[i].post)});
        cr_expect_str_eq(self.heard + 1, cases[i].want, "%s: %s", cases[i].what, self.heard + 1);
        end(&self);
    }
}

Test(topics_frames, what_was_forwarded_is_late_where_it_goes_again)
{
    bench_t self;
    begin(&self, OTHER);
    topics_publish(self.topics, TOPIC, STR("one"), self.now_ms);
    said_t first = take(&self, TOPIC_FORWARD);
    cr_assert(first.to == OTHER && first.frame.flags == 0);
    pass_ms(&self, TOPIC_RETRY_MS);
    said_t again = take(&self, TOPIC_FORWARD);
    cr_assert(again.frame.number == first.frame.number);
    cr_assert(again.frame.flags == TOPIC_FLAG_LATE);
    end(&self);
}

Test(topics_frames, a_home_of_before_acknowledges_nothing)
{
    bench_t self;
    begin(&self, OTHER);
    topics_publish(self.topics, TOPIC, STR("one"), self.now_ms);
    said_t to_first = take(&self, TOPIC_FORWARD);
    place(&self, THIRD);
    said_t to_second = take(&self, TOPIC_FORWARD);
    cr_assert(to_second.to == THIRD && to_second.frame.number == to_first.frame.number);
    cr_assert(to_second.frame.life != to_first.frame.life);
    place(&self, OTHER);
    said_t to_third = take(&self, TOPIC_FORWARD);
    cr_assert(to_third.to == OTHER && waiting(&self) == 1);
    const struct {
        const char *what;
        uint64_t from, life, number, left;
    } acks[] = {
        {"of its first time as the home", OTHER, to_first.frame.life, to_third.frame.number, 1},
        {"of a home in between", THIRD, to_second.frame.life, to_third.frame.number, 1},
        {"of who is none, by its number", THIRD, to_third.frame.life, to_third.frame.number, 1},
        {"of more than there was", OTHER, to_third.frame.life, to_third.frame.number + 1, 1},
        {"of the home", OTHER, to_third.frame.life, to_third.frame.number, 0},
    };
    for (size_t i = 0; i < COUNT_OF(acks); i++) {
        hear(&self, acks[i].from,
             (topic_frame_t){
                 .kind = TOPIC_FORWARDED, .life = acks[i].life, .number = acks[i].number});
        cr_expect(waiting(&self) == acks[i].left, "%s", acks[i].what);
    }
    end(&self);
}

/* Its author has moved while it was under way (found by seeds 1107 of the worlds that lose and
 * reorder and 44711 of those in order: there the word of its own node came in between). */
Test(topics_frames, behind_what_was_published_in_a_newer_view_a_forwarded_post_is_late)
{
    static const struct {
        const char *what;
        uint64_t by_self, by_third; /* the views in which they published */
        bool is_word;               /* its node said before that some are missing */
        const char *want;
    } cases[] = {
        {"alone", 0, 0, false, "p"},
        {"behind one of here", 3, 0, false, "pl"},
        {"behind one of another node", 0, 3, false, "ppl"},
        {"the same view", 0, 2, false, "pp"},
        {"an older view", 0, 1, false, "pp"},
        {"behind one of here and a word of its own node", 3, 0, true, "mpl"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t self;
        begin(&self, SELF);
        self.version = 2;
        place(&self, SELF);
        check_ok(topics_hear(self.topics, TOPIC, true, self.now_ms));
        topic_frame_t frame = {.kind = TOPIC_FORWARD, .life = 5, .post = STR("x")};
        if (cases[i].by_self != 0)
            topics_publish(self.topics, TOPIC, STR("new"), self.now_ms);
        if (cases[i].by_third != 0) {
            frame.number = frame.base = 1;
            frame.view = cases[i].by_third;
            hear(&self, THIRD, frame);
        }
        if (cases[i].is_word)
            hear(&self, OTHER,
                 (topic_frame_t){.kind = TOPIC_FORWARD,
                                 .flags = TOPIC_FLAG_MISSED,
                                 .life = 5,
                                 .number = 1,
                                 .base = 1,
                                 .view = 2});
        frame.number = frame.base = 2;
        frame.view = 2;
        hear(&self, OTHER, frame);
        cr_expect_str_eq(self.heard, cases[i].want, "%s: %s", cases[i].what, self.heard);
        end(&self);
    }
}

Test(topics_frames, what_waits_to_be_forwarded_keeps_the_view_in_which_it_was_published)
{
    bench_t self;
    begin(&self, OTHER);
    topics_publish(self.topics, TOPIC, STR("one"), self.now_ms);
    cr_assert(take(&self, TOPIC_FORWARD).frame.view == 1);
    place(&self, THIRD);
    cr_assert(take(&self, TOPIC_FORWARD).frame.view == 1);
    end(&self);
}

/* ---- a listener's cursor ---- */

/* All that the two have said comes, but posts without their bytes. */
static void carry(bench_t *from, bench_t *to)
{
    for (uint32_t i = 0; i < from->said_count; i++) {
        said_t said = from->said[i];
        said.frame.post = said.post_size == 0 ? (str_t){NULL, 0} : STR("x");
        if (said.to == to->node)
            hear(to, from->node, said.frame);
    }
    from->said_count = 0;
}

/* A home that is none for a view forgets who listens, and its END is lost. The listener is ahead:
 * it asked before that (found by seed 2091 of the worlds that lose and reorder). */
Test(topics_frames, who_asks_a_home_that_is_behind_is_heard_once_that_is_not)
{
    bench_t home, listener;
    begin_as(&home, OTHER, OTHER);
    begin_as(&listener, SELF, OTHER);
    check_ok(topics_hear(listener.topics, TOPIC, true, listener.now_ms));
    carry(&listener, &home);
    carry(&home, &listener);
    place(&listener, THIRD);
    place(&listener, OTHER);
    carry(&listener, &home);
    carry(&home, &listener);

    place(&home, THIRD);
    home.said_count = 0; /* END */
    place(&home, OTHER);
    pass_ms(&listener, TOPIC_RETRY_MS);
    carry(&listener, &home);
    carry(&home, &listener);
    topics_publish(home.topics, TOPIC, STR("x"), home.now_ms);
    carry(&home, &listener);

    cr_expect_str_eq(listener.heard, "smp", "%s", listener.heard);
    end(&home);
    end(&listener);
}

Test(topics_frames, an_ask_waits_for_a_home_that_does_not_know_its_view)
{
    static const struct {
        const char *what;
        uint64_t view;
        bool is_answered;
    } cases[] = {
        {"a view before", 1, true},
        {"its own", 2, true},
        {"one to come", 3, false},
        {"of a node of before", 0, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t self;
        begin(&self, SELF);
        place(&self, SELF);
        const topic_frame_t ask = {.kind = TOPIC_SUBSCRIBE, .base = 1, .view = cases[i].view};
        hear(&self, OTHER, ask);
        bool is_answered = take(&self, TOPIC_LIVE).to == OTHER;
        cr_expect(is_answered == cases[i].is_answered, "%s", cases[i].what);
        place(&self, SELF);
        hear(&self, OTHER, ask);
        cr_expect(take(&self, TOPIC_LIVE).to == OTHER, "%s, once it does", cases[i].what);
        end(&self);
    }
}

/* Whether OTHER has a cursor of this node. */
static bool is_posted(bench_t *self)
{
    topics_publish(self->topics, TOPIC, STR("x"), self->now_ms);
    return take(self, TOPIC_POST).to == OTHER;
}

Test(topics_frames, who_leaves_takes_back_what_it_asked_until_then)
{
    static const struct {
        const char *what;
        uint64_t base;
        bool is_left;
    } cases[] = {
        {"overtaken by an ask", 6, false},
        {"the newest ask", 7, true},
        {"behind it", 8, true},
        {"of a node of before", 0, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t self;
        begin(&self, SELF);
        hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 5});
        hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 7});
        hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_UNSUBSCRIBE, .base = cases[i].base});
        cr_expect(is_posted(&self) != cases[i].is_left, "%s", cases[i].what);
        end(&self);
    }
}

Test(topics_frames, who_leaves_or_asks_says_how_far_it_has_asked)
{
    bench_t self;
    said_t ask = begin_asking(&self);
    cr_assert(ask.frame.view == 1 && ask.frame.base > 0);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 9, .base = ask.frame.base});
    pass_ms(&self, TOPIC_NACK_MS);
    hear(&self, OTHER,
         (topic_frame_t){.kind = TOPIC_POST, .life = 9, .number = 2, .post = STR("x")});
    said_t again = take(&self, TOPIC_SUBSCRIBE);
    cr_assert(again.frame.view == 1 && again.frame.base > ask.frame.base, "one is missing");
    check_ok(topics_hear(self.topics, TOPIC, false, self.now_ms));
    pass_ms(&self, TOPIC_LINGER_MS);
    cr_assert(take(&self, TOPIC_UNSUBSCRIBE).frame.base == again.frame.base);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 9, .base = ask.frame.base});
    cr_assert(take(&self, TOPIC_UNSUBSCRIBE).frame.base == again.frame.base, "nothing is left");
    end(&self);
}

/* The answer to the first ask may be what it goes by. */
Test(topics_frames, an_ask_that_is_repeated_or_overtaken_moves_no_cursor)
{
    bench_t self;
    begin(&self, SELF);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 1});
    said_t first = take(&self, TOPIC_LIVE);
    topics_publish(self.topics, TOPIC, STR("one"), self.now_ms);
    cr_assert(take(&self, TOPIC_POST).to == OTHER);

    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 3});
    cr_assert(self.said_count == 2 && self.said[0].frame.kind == TOPIC_LIVE);
    cr_assert(self.said[0].frame.number == first.frame.number);
    said_t post = take(&self, TOPIC_POST);
    cr_assert(post.frame.number == first.frame.number + 1 && post.post_size == 3);
    cr_assert(post.frame.flags == TOPIC_FLAG_LATE);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 2});
    cr_assert(self.said_count == 0, "it was overtaken");
    hear(&self, OTHER,
         (topic_frame_t){.kind = TOPIC_SUBSCRIBE,
                         .life = first.frame.life,
                         .number = post.frame.number,
                         .base = 4});
    cr_assert(take(&self, TOPIC_LIVE).frame.number == post.frame.number);
    pass_ms(&self, 2 * TOPIC_RETRY_MS);
    cr_assert(self.said_count == 0, "what it has seen counts as acknowledged");
    end(&self);
}

Test(topics_frames, a_home_that_skipped_a_view_keeps_who_listens_and_says_that_some_are_missing)
{
    bench_t self;
    begin(&self, SELF);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_SUBSCRIBE, .base = 1, .view = 1});
    uint64_t life = take(&self, TOPIC_LIVE).frame.life;
    place(&self, SELF);
    cr_assert(self.said_count == 0, "the next view changes nothing");

    self.version++;
    place(&self, SELF);

    cr_assert(self.said_count == 1);
    said_t word = take(&self, TOPIC_POST);
    cr_assert(word.to == OTHER && word.frame.life == life && word.post_size == 0);
    cr_assert(word.frame.flags == TOPIC_FLAG_MISSED);
    end(&self);
}

Test(topics_frames, who_begins_to_listen_again_asks_whether_what_lingers_is_still_there)
{
    static const struct {
        const char *what;
        uint64_t homes[2];
        bool is_asked;
    } cases[] = {
        {"the home stayed", {OTHER, OTHER}, false},
        {"it was another in between", {THIRD, OTHER}, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t self;
        begin_live(&self);
        check_ok(topics_hear(self.topics, TOPIC, false, self.now_ms));
        place(&self, cases[i].homes[0]);
        place(&self, cases[i].homes[1]);
        cr_expect(self.said_count == 0, "%s: nobody listens", cases[i].what);

        check_ok(topics_hear(self.topics, TOPIC, true, self.now_ms));
        pass_ms(&self, TOPIC_RETRY_MS);

        bool is_asked = take(&self, TOPIC_SUBSCRIBE).to == OTHER;
        cr_expect(is_asked == cases[i].is_asked, "%s", cases[i].what);
        end(&self);
    }
}

Test(topics_frames, an_answer_that_was_overtaken_does_not_count)
{
    bench_t self;
    uint64_t first = begin_asking(&self).frame.base;
    pass_ms(&self, TOPIC_RETRY_MS);
    uint64_t second = take(&self, TOPIC_SUBSCRIBE).frame.base;
    cr_assert(second > first);

    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 9, .base = second});
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 8, .base = first});
    hear(&self, OTHER,
         (topic_frame_t){.kind = TOPIC_POST, .life = 9, .number = 1, .post = STR("x")});

    cr_expect_str_eq(self.heard, "sp", "%s", self.heard);
    end(&self);
}

/* What was taken back counts no more, though its answer is under way (found by seed 9367 of the
 * worlds that lose and reorder). */
Test(topics_frames, what_was_asked_before_one_left_is_not_answered)
{
    bench_t self;
    uint64_t first = begin_asking(&self).frame.base;
    check_ok(topics_hear(self.topics, TOPIC, false, self.now_ms));
    hear(&self, OTHER,
         (topic_frame_t){.kind = TOPIC_POST, .life = 9, .number = 1, .post = STR("x")});
    cr_assert(take(&self, TOPIC_UNSUBSCRIBE).frame.base == first);
    check_ok(topics_hear(self.topics, TOPIC, true, self.now_ms));
    said_t second = take(&self, TOPIC_SUBSCRIBE);

    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 9, .base = first});
    cr_expect_str_eq(self.heard, "", "%s", self.heard);
    hear(&self, OTHER, (topic_frame_t){.kind = TOPIC_LIVE, .life = 9, .base = second.frame.base});
    cr_expect_str_eq(self.heard, "s", "%s", self.heard);
    end(&self);
}

/* It may be of a life before; the one that is listened to goes on. */
Test(topics_frames, an_old_post_of_the_source_takes_nothing_back)
{
    bench_t self;
    begin_live(&self);
    check_ok(topics_hear(self.topics, TOPIC, false, self.now_ms));
    hear(&self, OTHER,
         (topic_frame_t){.kind = TOPIC_POST, .life = 8, .number = 1, .post = STR("x")});
    cr_assert(self.said_count == 0);
    hear(&self, THIRD,
         (topic_frame_t){.kind = TOPIC_POST, .life = 8, .number = 1, .post = STR("x")});
    cr_assert(take(&self, TOPIC_UNSUBSCRIBE).to == THIRD);
    end(&self);
}
