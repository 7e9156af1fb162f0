// The work of bench/actors on CAF (the C++ Actor Framework), 0.17. A process a figure; prints lines
// "name value unit".
// usage: bench FIGURE [SCALE]
#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace caf;
using std::string;
using std::vector;

using ping_atom = atom_constant<atom("ping")>;
using pong_atom = atom_constant<atom("pong")>;
using go_atom = atom_constant<atom("go")>;
using done_atom = atom_constant<atom("done")>;
using add_atom = atom_constant<atom("add")>;
using hello_atom = atom_constant<atom("hello")>;
using took_atom = atom_constant<atom("took")>;
using peers_atom = atom_constant<atom("peers")>;
using due_atom = atom_constant<atom("due")>;
using up_atom = atom_constant<atom("up")>;
using crash_atom = atom_constant<atom("crash")>;
using next_atom = atom_constant<atom("next")>;

static double scale = 1;

// ---- measuring

static int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

static uint64_t amount(double full)
{
    return std::max(uint64_t{1}, uint64_t(full * scale));
}

static void out(const string &name, double value, const char *unit)
{
    printf("%s %.3f %s\n", name.c_str(), value, unit);
}

static double rate(double count, double ns)
{
    return count * 1e9 / ns;
}

static double resident_bytes()
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == nullptr || fscanf(file, "%*d %ld", &pages) != 1)
        abort();
    fclose(file);
    return double(pages) * 4096;
}

static void percentiles(const string &name, vector<int64_t> &times)
{
    std::sort(times.begin(), times.end());
    out(name + "_p50", double(times[times.size() / 2]) / 1000, "us");
    out(name + "_p99", double(times[times.size() * 99 / 100]) / 1000, "us");
}

static void wait_done(scoped_actor &self, size_t count)
{
    size_t i = 0;
    self->receive_while([&] { return i < count; })([&](done_atom) { ++i; });
}

// Sends go to all of them, and waits until `count` have said done.
static double timed(scoped_actor &self, const vector<actor> &all, size_t count)
{
    auto begin = now_ns();
    for (auto &one : all)
        self->send(one, go_atom::value);
    wait_done(self, count);
    return double(now_ns() - begin);
}

// ---- ping-pong

static behavior pong(event_based_actor *)
{
    return {[](ping_atom) { return pong_atom::value; }};
}

static behavior ping(event_based_actor *self, actor main, uint64_t rounds)
{
    auto peer = self->spawn(pong);
    auto left = std::make_shared<uint64_t>(rounds);
    return {[=](go_atom) { self->send(peer, ping_atom::value); },
            [=](pong_atom) {
                if (--*left > 0) {
                    self->send(peer, ping_atom::value);
                    return;
                }
                self->send(main, done_atom::value);
                self->quit();
            }};
}

static double pingpong(actor_system &system, size_t pairs, uint64_t rounds)
{
    scoped_actor self{system};
    vector<actor> pings;
    for (size_t i = 0; i < pairs; ++i)
        pings.push_back(system.spawn(ping, actor(self), rounds));
    return timed(self, pings, pairs);
}

// ---- fan-in

static behavior sink(event_based_actor *self, actor main, uint64_t expected)
{
    auto total = std::make_shared<uint64_t>(0);
    return {[=](add_atom, uint64_t amount) {
        if ((*total += amount) == expected)
            self->send(main, done_atom::value);
    }};
}

static behavior producer(event_based_actor *self, actor sink, uint64_t count)
{
    return {[=](go_atom) {
        for (uint64_t i = 0; i < count; ++i)
            self->send(sink, add_atom::value, uint64_t{1});
        self->quit();
    }};
}

static double fanin(actor_system &system, size_t producers, uint64_t each)
{
    scoped_actor self{system};
    auto to = system.spawn(sink, actor(self), producers * each);
    vector<actor> all;
    for (size_t i = 0; i < producers; ++i)
        all.push_back(system.spawn(producer, to, each));
    return timed(self, all, 1);
}

// ---- ring

static behavior node(event_based_actor *self, actor first_next, actor main)
{
    auto next = std::make_shared<actor>(first_next);
    return {[=](uint64_t left) {
                if (left == 0)
                    self->send(main, done_atom::value);
                else
                    self->send(*next, left - 1);
            },
            [=](next_atom, actor other) { *next = other; }};
}

static double ring(actor_system &system, size_t count, uint64_t hops)
{
    scoped_actor self{system};
    auto first = system.spawn(node, actor{}, actor(self));
    auto last = first;
    for (size_t i = 1; i < count; ++i)
        last = system.spawn(node, last, actor(self));
    self->send(first, next_atom::value, last);
    auto begin = now_ns();
    self->send(first, hops);
    wait_done(self, 1);
    return double(now_ns() - begin);
}

// ---- big

struct talker_state {
    vector<actor> peers;
    uint32_t chance = 0;
    uint64_t left = 0;
};

static behavior talker(stateful_actor<talker_state> *self, uint32_t seed, uint64_t rounds,
                       actor main)
{
    self->state.chance = seed;
    self->state.left = rounds;
    auto next = [=] {
        auto &state = self->state;
        state.chance = state.chance * 1664525U + 1013904223U;
        --state.left;
        self->send(state.peers[(state.chance >> 16) % 1024], ping_atom::value);
    };
    return {[=](ping_atom) { return pong_atom::value; },
            [=](pong_atom) {
                if (self->state.left == 0)
                    self->send(main, done_atom::value);
                else
                    next();
            },
            [=](peers_atom, const vector<actor> &peers) {
                self->state.peers = peers;
                self->send(main, done_atom::value);
            },
            [=](go_atom) { next(); }};
}

static double big(actor_system &system, size_t count, uint64_t rounds)
{
    scoped_actor self{system};
    vector<actor> all;
    for (size_t i = 0; i < count; ++i)
        all.push_back(system.spawn(talker, uint32_t((i + 1) * 7919), rounds, actor(self)));
    for (auto &one : all)
        self->send(one, peers_atom::value, all);
    wait_done(self, count);
    return timed(self, all, count);
}

// ---- scatter

static behavior gatherer(event_based_actor *self, actor main, size_t workers, uint64_t rounds)
{
    auto all = std::make_shared<vector<actor>>();
    for (size_t i = 0; i < workers; ++i)
        all->push_back(self->spawn(pong));
    auto left = std::make_shared<uint64_t>(rounds);
    auto missing = std::make_shared<size_t>(0);
    auto scatter = [=] {
        *missing = all->size();
        for (auto &worker : *all)
            self->send(worker, ping_atom::value);
    };
    return {[=](go_atom) { scatter(); },
            [=](pong_atom) {
                if (--*missing > 0)
                    return;
                if (--*left > 0)
                    scatter();
                else
                    self->send(main, done_atom::value);
            }};
}

static double scatter(actor_system &system, size_t workers, uint64_t rounds)
{
    scoped_actor self{system};
    return timed(self, {system.spawn(gatherer, actor(self), workers, rounds)}, 1);
}

// ---- spawn: the main thread spawns, which is much faster here than an actor that does

static behavior collector(event_based_actor *self, actor main, uint64_t expected)
{
    auto taken = std::make_shared<uint64_t>(0);
    return {[=](took_atom) {
        if (++*taken == expected)
            self->send(main, done_atom::value);
    }};
}

static behavior once(event_based_actor *self)
{
    return {[=](hello_atom, const actor &to) {
        self->send(to, took_atom::value);
        self->quit();
    }};
}

static double spawns(actor_system &system, uint64_t count)
{
    scoped_actor self{system};
    auto to = system.spawn(collector, actor(self), count);
    auto begin = now_ns();
    for (uint64_t i = 0; i < count; ++i)
        anon_send(system.spawn(once), hello_atom::value, to);
    wait_done(self, 1);
    return double(now_ns() - begin);
}

// ---- idle_bytes

struct sleeper_state {
    uint64_t number = 0, hits = 0;
};

static behavior sleeper(stateful_actor<sleeper_state> *self, uint64_t number)
{
    self->state.number = number;
    return {[=](hello_atom, const actor &to) {
        ++self->state.hits;
        self->send(to, took_atom::value);
    }};
}

static void idle_bytes(actor_system &system)
{
    const uint64_t count = amount(1000000);
    scoped_actor self{system};
    auto before = resident_bytes();
    auto to = system.spawn(collector, actor(self), count);
    vector<actor> all;
    all.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
        all.push_back(system.spawn(sleeper, i));
        anon_send(all.back(), hello_atom::value, to);
    }
    wait_done(self, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    out("idle_bytes", (resident_bytes() - before) / double(count), "bytes");
    fflush(stdout);
    _exit(0);
}

// ---- skynet

struct branch_state {
    uint64_t sum = 0;
    int answers = 0;
};

static behavior branch(stateful_actor<branch_state> *self, actor parent, uint64_t number,
                       uint64_t size)
{
    if (size == 1) {
        self->send(parent, number);
        return {};
    }
    for (uint64_t i = 0; i < 10; ++i)
        self->spawn(branch, actor(self), number + i * (size / 10), size / 10);
    return {[=](uint64_t value) {
        self->state.sum += value;
        if (++self->state.answers < 10)
            return;
        self->send(parent, self->state.sum);
        self->quit();
    }};
}

static double skynet(actor_system &system, uint64_t leaves)
{
    scoped_actor self{system};
    auto begin = now_ns();
    system.spawn(branch, actor(self), uint64_t{0}, leaves);
    self->receive([&](uint64_t sum) {
        if (sum != leaves * (leaves - 1) / 2)
            abort();
    });
    return double(now_ns() - begin) / 1e6;
}

// ---- ask

static behavior echo(event_based_actor *)
{
    return {[](add_atom, uint64_t value) { return value; }};
}

static behavior asker(event_based_actor *self, actor main, uint64_t count)
{
    auto to = self->spawn(echo);
    auto left = std::make_shared<uint64_t>(count);
    return {[=](go_atom) {
        self->request(to, std::chrono::seconds(5), add_atom::value, *left).then([=](uint64_t) {
            if (--*left > 0)
                self->send(self, go_atom::value);
            else
                self->send(main, done_atom::value);
        });
    }};
}

static double ask(actor_system &system, uint64_t count)
{
    scoped_actor self{system};
    return timed(self, {system.spawn(asker, actor(self), count)}, 1);
}

// ---- busy_rtt: a ping each ms while 8 actors have 20 us messages without pause

static void work(uint64_t rounds)
{
    uint32_t x = 1;
    for (uint64_t i = 0; i < rounds; ++i) {
        x = x * 1664525U + 1013904223U;
        asm volatile("" : "+r"(x));
    }
}

static uint64_t calibrate(double ns)
{
    work(10000000);
    auto begin = now_ns();
    work(50000000);
    return uint64_t(ns * 50000000 / double(now_ns() - begin));
}

static behavior busy(event_based_actor *self, uint64_t rounds)
{
    return {[=](go_atom) {
        work(rounds);
        self->send(self, go_atom::value);
    }};
}

static behavior stamper(event_based_actor *)
{
    return {[](ping_atom, int64_t sent_ns) { return make_message(pong_atom::value, sent_ns); }};
}

struct pinger_state {
    int64_t first_ns, sent = 0;
    vector<int64_t> times;
};

static behavior pinger(stateful_actor<pinger_state> *self, actor to, int64_t ticks, actor main,
                       vector<int64_t> *out_times)
{
    self->state.first_ns = now_ns() + 5000000;
    self->delayed_send(self, std::chrono::milliseconds(5), due_atom::value);
    return {[=](due_atom) {
                auto &state = self->state;
                self->send(to, ping_atom::value, now_ns());
                if (++state.sent == ticks)
                    return;
                auto delay = state.first_ns + state.sent * 1000000 - now_ns();
                self->delayed_send(self, std::chrono::nanoseconds(delay), due_atom::value);
            },
            [=](pong_atom, int64_t sent_ns) {
                auto &times = self->state.times;
                times.push_back(now_ns() - sent_ns);
                if (int64_t(times.size()) < ticks)
                    return;
                *out_times = times;
                self->send(main, done_atom::value);
            }};
}

static void busy_rtt(actor_system &system)
{
    scoped_actor self{system};
    auto rounds = calibrate(20000);
    for (int i = 0; i < 8; ++i)
        anon_send(system.spawn(busy, rounds), go_atom::value);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    vector<int64_t> times;
    system.spawn(pinger, system.spawn(stamper), int64_t{2000}, actor(self), &times);
    wait_done(self, 1);
    percentiles("busy_rtt", times);
}

// ---- respawn: a monitor that spawns the next

static behavior mayfly(event_based_actor *self, actor driver)
{
    self->send(driver, up_atom::value, actor(self));
    return {[=](crash_atom) { self->quit(sec::runtime_error); }};
}

static behavior keeper(event_based_actor *self, actor driver)
{
    self->set_down_handler([=](down_msg &) { self->spawn<monitored>(mayfly, driver); });
    self->spawn<monitored>(mayfly, driver);
    return {[](go_atom) {}};
}

static behavior driver(event_based_actor *self, actor main, uint64_t count)
{
    auto left = std::make_shared<uint64_t>(count);
    return {[=](up_atom, const actor &child) {
        if ((*left)-- == 0)
            self->send(main, done_atom::value);
        else
            self->send(child, crash_atom::value);
    }};
}

static double respawn(actor_system &system, uint64_t count)
{
    scoped_actor self{system};
    auto to = system.spawn(driver, actor(self), count);
    auto begin = now_ns();
    auto alive = system.spawn(keeper, to);
    wait_done(self, 1);
    return double(now_ns() - begin);
}

// ---- timers: this version has no way to cancel one, so all of them fire

static behavior clockwork(event_based_actor *self, actor main, int64_t count,
                          vector<int64_t> *late_ns)
{
    return {[=](go_atom) {
                auto begin = now_ns();
                for (int64_t i = 0; i < count; ++i) {
                    int64_t delay_ns = (2000 + i * 7919 % count * 3000 / count) * 1000000;
                    self->delayed_send(self, std::chrono::nanoseconds(delay_ns), due_atom::value,
                                       now_ns() + delay_ns);
                }
                out("timer_arm", double(now_ns() - begin) / double(count), "ns");
            },
            [=](due_atom, int64_t due_ns) {
                late_ns->push_back(now_ns() - due_ns);
                if (int64_t(late_ns->size()) == count)
                    self->send(main, done_atom::value);
            }};
}

static void timers(actor_system &system)
{
    scoped_actor self{system};
    const auto count = int64_t(amount(1000000));
    vector<int64_t> late_ns;
    late_ns.reserve(size_t(count));
    timed(self, {system.spawn(clockwork, actor(self), count, &late_ns)}, 1);
    percentiles("timer_late", late_ns);
}

// ---- figures

template <class Run>
static void warmed(const string &name, uint64_t count, double per_round, const char *unit, Run run)
{
    run(count / 10 + 1);
    out(name, rate(double(count) * per_round, run(count)), unit);
}

static bool rates(actor_system &system, const string &name)
{
    if (name.compare(0, 8, "pingpong") == 0) {
        size_t pairs = std::stoul(name.substr(8));
        warmed(name, amount(600000.0 / double(pairs)), double(pairs), "trips/s",
               [&](uint64_t n) { return pingpong(system, pairs, n); });
    } else if (name == "fanin") {
        warmed(name, amount(25000), 100, "messages/s",
               [&](uint64_t n) { return fanin(system, 100, n); });
    } else if (name == "ring") {
        warmed(name, amount(1200000), 1, "hops/s",
               [&](uint64_t n) { return ring(system, 503, n); });
    } else if (name == "big") {
        warmed(name, amount(800), 2 * 1024, "messages/s",
               [&](uint64_t n) { return big(system, 1024, n); });
    } else if (name == "scatter") {
        warmed(name, amount(8000), 2 * 64, "messages/s",
               [&](uint64_t n) { return scatter(system, 64, n); });
    } else if (name == "spawn") {
        warmed(name, amount(100000), 1, "spawns/s", [&](uint64_t n) { return spawns(system, n); });
    } else if (name == "respawn") {
        warmed(name, amount(50000), 1, "restarts/s",
               [&](uint64_t n) { return respawn(system, n); });
    } else {
        return false;
    }
    return true;
}

static bool figure(actor_system &system, const string &name)
{
    if (rates(system, name))
        return true;
    if (name == "ask") {
        auto count = amount(300000);
        ask(system, count / 10 + 1);
        out(name, ask(system, count) / double(count), "ns");
    } else if (name == "skynet") {
        uint64_t leaves = 1000000;
        while (leaves > amount(1000000) && leaves > 10)
            leaves /= 10;
        skynet(system, 10000);
        out(name, skynet(system, leaves), "ms");
    } else if (name == "busy_rtt") {
        busy_rtt(system);
    } else if (name == "timers") {
        timers(system);
    } else if (name == "idle_bytes") {
        idle_bytes(system);
    } else if (name == "version") {
        printf("CAF %d.%d.%d\n", CAF_VERSION / 10000, CAF_VERSION / 100 % 100, CAF_VERSION % 100);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    string name = argc > 1 ? argv[1] : "";
    if (argc > 2)
        scale = atof(argv[2]);
    actor_system_config config;
    // Its own default is four threads at least; and an actor that has messages is never put aside,
    // with which busy_rtt does not end.
    config.set("scheduler.max-threads", size_t{std::thread::hardware_concurrency()});
    if (name == "busy_rtt")
        config.set("scheduler.max-throughput", size_t{1});
    actor_system system{config};
    if (!figure(system, name)) {
        fprintf(stderr, "bench: there is no figure %s\n", name.c_str());
        fflush(stderr);
        _exit(2);
    }
    fflush(stdout);
    _exit(0);
}
