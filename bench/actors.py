#!/usr/bin/env python3
"""script/bench actors [--peers[=otp,go,caf]] [--pairs N] [--scale F] [--json FILE] [--markdown FILE] [FIGURE...]

The figures of the runtime, each measured in alternation with the peers' programs that do the same work (bench/peers):
every run is a process of its own with its warm-up inside. Prints medians:

    actors.FIGURE value unit              ours
    actors.FIGURE.vs.PEER value x         how many times better we are, for times and bytes too: above 1 is ahead
    actors.FIGURE.ahead.PEER value x      the same of our worst run and the peer's best: ahead by the rule when above 1
    actors.FIGURE.second_thread value x   ours with two schedulers over ours with one
    # ...                                 the load of the machine, what hung, what a peer measures beyond

--pairs     runs of each program a figure, 5 when not given
--scale     of the amounts of work, 1 when not given: less to try something, not for figures
--json      every single run
--markdown  the table of docs/benchmarks.md
"""

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("MS_BUILD", SOURCE.parent / "build/release"))
CORES = os.cpu_count()
TICKS = os.sysconf("SC_CLK_TCK")
RUN_SECONDS_MAX = 60
HANGS_MAX = 2
OTP, GO, CAF, LIMIT = "otp", "go", "caf", "limit"
PEERS = (OTP, GO, CAF)
OURS, ONE_SCHEDULER, TWO_SCHEDULERS = "ours", "ours, 1 scheduler", "ours, 2 schedulers"
TITLES = {OTP: "OTP", GO: "Go", CAF: "CAF", LIMIT: "bare limit"}


@dataclasses.dataclass
class Figure:
    """One figure of the programs; it may print several lines."""
    name: str
    peers: tuple = PEERS
    threads: bool = True          # also with one and with two schedulers
    limit: str = ""               # bench_limit's figure to run beside it
    against: dict = dataclasses.field(default_factory=dict)  # our line -> the limit's line
    also: tuple = ()              # (peer, its figure): shown beside
    reach: dict = dataclasses.field(default_factory=dict)    # our line -> what the issue asks for


FIGURES = [
    Figure("pingpong1", limit="queue", against={"pingpong1": "toy_pingpong"}, reach={"pingpong1": "5 / 2.9"}),
    Figure(f"pingpong{2 * CORES}", reach={f"pingpong{2 * CORES}": "9 / 2.9"}),
    Figure("fanin", limit="queue", against={"fanin": "queue_two_threads_malloc"}, also=((OTP, "fanin_offheap"),),
           reach={"fanin": "4 / 1.3"}),
    Figure("ring", reach={"ring": "4 / 2.8"}),
    Figure("big", reach={"big": "5 / 2"}),
    Figure("scatter"),
    Figure("spawn", reach={"spawn": "6 / 2.5"}),
    Figure("skynet", reach={"skynet": "8 / 2"}),
    Figure("ask", reach={"ask": "5 / -"}),
    Figure("busy_rtt", threads=False, reach={"busy_rtt_p50": "20 / 1", "busy_rtt_p99": "20 / 1"}),
    Figure("idle_wake", peers=(), threads=False, limit="idle_wake",
           against={"idle_wake_p50": "futex_across_cores", "idle_wake_p99": "futex_across_cores"},
           reach={"idle_wake_p50": "≥ 0.71 of the futex", "idle_wake_p99": "≥ 0.25 of the futex"}),
    Figure("timers", threads=False, reach={"timer_arm": "8 / 2", "timer_cancel": "8 / 2", "timer_late_p99": "≤ 1,500 us"}),
    Figure("restart", peers=(OTP,), reach={"restart": "60 / -, ≥ 400 k"}),
    Figure("respawn"),
    Figure("idle_bytes", threads=False, reach={"idle_bytes": "≤ 256 + 16 of state"}),
    Figure("idle_bytes_virtual", peers=(), threads=False),
    Figure("idle_bytes_hibernated", peers=(OTP,), threads=False,
           reach={"idle_bytes_hibernated": "≤ 16", "hibernated_wake_p99": "≤ 1,000 us"}),
]


def say(text):
    print(f"# {text}", flush=True)


def is_lower_better(unit):
    return not unit.endswith("/s")


# ---- programs ----


def build_peers(wanted):
    """Builds what is wanted into build/; one that does not build is left out, aloud."""
    out = BUILD / "peers"
    out.mkdir(parents=True, exist_ok=True)
    source = SOURCE / "peers"
    commands = {
        OTP: ["erlc", "-o", str(out), str(source / "erlang/bench.erl")],
        GO: ["go", "build", "-o", str(out / "go_bench"), str(source / "go/bench.go")],
        CAF: ["g++", "-O2", "-std=c++17", "-Wno-deprecated", "-o", str(out / "caf_bench"), str(source / "caf/bench.cpp"),
              "-lcaf_core", "-lpthread"],
    }
    environment = dict(os.environ, GO111MODULE="off", GOCACHE=str(out / "go-cache"))
    programs = {}
    for peer in wanted:
        done = subprocess.run(commands[peer], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            say(f"{peer} is left out, it does not build: {done.stderr.strip().splitlines()[-1]}")
            continue
        programs[peer] = {
            OTP: ["erl", "-noshell", "+S", f"{CORES}:{CORES}", "+P", "4000000", "-pa", str(out), "-run", "bench", "main"],
            GO: [str(out / "go_bench")],
            CAF: [str(out / "caf_bench")],
        }[peer]
    return programs


def our_programs():
    program = str(BUILD / "bench/bench_actors")
    return {
        OURS: [program],
        ONE_SCHEDULER: [program, "--schedulers", "1"],
        TWO_SCHEDULERS: [program, "--schedulers", "2"],
        LIMIT: [str(BUILD / "bench/bench_limit")],
    }


# ---- one run ----


def busy_seconds():
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(x) for x in file.readline().split()[1:9]]
    return (sum(fields[:3]) + sum(fields[5:])) / TICKS


def child_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def take_priority():
    """Whoever gave us a priority means it against the whole machine. Where the kernel groups by session (autogroup), it
    counts within one only, so the session gets it as well."""
    nice = os.nice(0)
    if nice < 0:
        os.setsid()
        with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(nice))


def run_once(command):
    """{line: (value, unit)}, and the share of the machine that others used meanwhile; None: it hung."""
    busy, ours, begin = busy_seconds(), child_seconds(), time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False,
                              preexec_fn=take_priority)
    except subprocess.TimeoutExpired:
        return None
    took = max(time.monotonic() - begin, 1e-3)
    foreign = max(0.0, (busy_seconds() - busy) - (child_seconds() - ours)) / (took * CORES)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    lines = {}
    for line in done.stdout.splitlines():
        found = re.fullmatch(r"(\S+) (-?[\d.]+) (\S+)", line)
        if found:
            lines[found[1]] = (float(found[2]), found[3])
    return lines, foreign, took


# ---- one figure ----


class Measured:
    """All runs of a figure: program -> line -> values."""

    def __init__(self, figure):
        self.figure = figure
        self.values = collections.defaultdict(lambda: collections.defaultdict(list))
        self.units, self.foreign, self.hangs, self.seconds = {}, [], collections.Counter(), collections.Counter()
        self.load = 0.0

    def add(self, program, lines, foreign, took):
        self.foreign.append(foreign)
        self.seconds[program] += took
        for line, (value, unit) in lines.items():
            self.values[program][line].append(value)
            self.units[line] = unit

    def lines(self):
        """Ours, and what should be ours and hung."""
        return list(self.values[OURS]) or [line for line in self.figure.reach if line in self.units]

    def median(self, program, line):
        values = self.values[program].get(line)
        return statistics.median(values) if values else None

    def ratio(self, line, program, other_line=None):
        """How many times better ours is, by the medians and by our worst over its best; None: not measured."""
        ours, theirs = self.values[OURS].get(line), self.values[program].get(other_line or line)
        if not ours or not theirs or min(ours) <= 0 or min(theirs) <= 0:
            return None
        if is_lower_better(self.units[line]):
            return statistics.median(theirs) / statistics.median(ours), min(theirs) / max(ours)
        return statistics.median(ours) / statistics.median(theirs), min(ours) / max(theirs)

    def second_thread(self, line):
        one, two = self.median(ONE_SCHEDULER, line), self.median(OURS if CORES == 2 else TWO_SCHEDULERS, line)
        if not one or not two:
            return None
        return one / two if is_lower_better(self.units[line]) else two / one


def commands_of(figure, programs, scale):
    """[(program, command)] of one round."""
    ours = programs[OURS] if scale == "1" else programs[OURS] + ["--scale", scale]
    commands = [(OURS, ours + [figure.name])]
    if figure.threads:
        for program in (ONE_SCHEDULER, TWO_SCHEDULERS):
            if program == TWO_SCHEDULERS and CORES == 2:
                continue  # that is what ours has without being told
            commands.append((program, programs[program] + ["--scale", scale, figure.name]))
    commands += [(peer, programs[peer] + [figure.name, scale]) for peer in figure.peers if peer in programs]
    commands += [(peer, programs[peer] + [name, scale]) for peer, name in figure.also if peer in programs]
    if figure.limit:
        commands.append((LIMIT, programs[LIMIT] + [figure.limit, str(0.3 * float(scale))]))
    return commands


def measure(figure, programs, pairs, scale):
    measured = Measured(figure)
    loads = [os.getloadavg()[0]]
    for turn in range(pairs):
        commands = commands_of(figure, programs, scale)
        # Nobody is always the one who comes after whom.
        start = turn % len(commands)
        for program, command in commands[start:] + commands[:start]:
            if measured.hangs[program] >= HANGS_MAX:
                continue
            result = run_once(command)
            if result is None:
                measured.hangs[program] += 1
                say(f"{figure.name}: a run of {program} did not end within {RUN_SECONDS_MAX} s")
                continue
            measured.add(program, *result)
        loads.append(os.getloadavg()[0])
    measured.load = max(loads)
    return measured


def show(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def report(measured):
    figure = measured.figure
    for line in measured.lines():
        if not measured.values[OURS]:
            say(f"actors.{line} is not measured")
            continue
        print(f"actors.{line} {show(measured.median(OURS, line))} {measured.units[line]}")
        for program in (*PEERS, LIMIT):
            other = figure.against.get(line) if program == LIMIT else line
            ratio = measured.ratio(line, program, other) if other else None
            if ratio:
                print(f"actors.{line}.vs.{program} {show(ratio[0])} x")
                print(f"actors.{line}.ahead.{program} {show(ratio[1])} x")
        threads = measured.second_thread(line)
        if threads:
            print(f"actors.{line}.second_thread {show(threads)} x")
    for program, lines in sorted(measured.values.items()):
        for line in lines:
            if line not in measured.lines():
                say(f"{program} {line} {show(measured.median(program, line))} {measured.units[line]}")
    foreign = statistics.median(measured.foreign) * 100 if measured.foreign else 0
    say(f"{figure.name}: load average {measured.load:.1f}, others used {foreign:.0f} % of the machine")
    sys.stdout.flush()


def summary(all_measured):
    """Where we are behind, and what a second thread did at worst."""
    threads = {line: measured.second_thread(line) for measured in all_measured for line in measured.lines()}
    threads = {line: ratio for line, ratio in threads.items() if ratio}
    if threads:
        worst = min(threads, key=threads.get)
        print(f"actors.second_thread.worst {show(threads[worst])} x")
        say(f"the second thread helps least with {worst}")
    for peer in (OTP, GO):
        ratios = {line: measured.ratio(line, peer) for measured in all_measured for line in measured.lines()}
        behind = [line for line, ratio in ratios.items() if ratio and ratio[1] <= 1]
        if any(ratios.values()):
            say(f"not ahead of {peer} by the rule: {', '.join(behind) or 'nowhere'}")


# ---- the table ----


def people(value):
    for limit, divisor, unit in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if value >= limit:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cell(measured, program, line):
    median = measured.median(program, line) if line else None
    if median is None:
        return "hung" if measured.hangs[program] else ""
    values = measured.values[program][line]
    return f"{people(median)} ({people(min(values))}–{people(max(values))})"


def ratio_cell(measured, program, line):
    ratio = measured.ratio(line, program)
    if not ratio:
        return ""
    return f"{ratio[0]:.2g} (runs overlap)" if ratio[0] > 1 >= ratio[1] else f"{ratio[0]:.2g}"


def table_row(measured, line):
    figure = measured.figure
    limit_line = figure.against.get(line)
    limit = measured.ratio(line, LIMIT, limit_line) if limit_line else None
    threads = measured.second_thread(line)
    cells = [
        f"`{line}` {measured.units[line]}", cell(measured, OURS, line), *(cell(measured, peer, line) for peer in PEERS),
        f"{limit_line} {people(measured.median(LIMIT, limit_line))}: {limit[0]:.2g}" if limit else "",
        ratio_cell(measured, OTP, line), ratio_cell(measured, GO, line), figure.reach.get(line, ""),
        f"{threads:.2f}" if threads else "", f"{measured.load:.1f}, {statistics.median(measured.foreign) * 100:.0f} %",
    ]
    return "| " + " | ".join(cells) + " |"


def markdown(all_measured, versions):
    lines = [
        f"{CORES} cores. {'; '.join(versions)}." if versions else f"{CORES} cores.",
        "",
        "| figure | ours | OTP | Go | CAF | bare limit: × | × OTP | × Go | reach, × OTP / × Go | second thread | load, others |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for measured in all_measured:
        lines += [table_row(measured, line) for line in measured.lines()]
    extra = {}
    for measured in all_measured:
        for program, by_line in measured.values.items():
            for line in by_line:
                if line not in measured.lines():
                    extra[line] = f"- {TITLES.get(program, program)}: `{line}` {cell(measured, program, line)} " \
                                  f"{measured.units[line]}"
    return "\n".join(lines + [""] + list(extra.values())) + "\n"


def write_json(path, all_measured):
    runs = {measured.figure.name: {"load": measured.load, "foreign": measured.foreign, "hangs": measured.hangs,
                                   "seconds": measured.seconds,
                                   "units": measured.units, "runs": measured.values} for measured in all_measured}
    pathlib.Path(path).write_text(json.dumps(runs, indent=1), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="?", const=",".join(PEERS), default=os.environ.get("MS_PEERS") and ",".join(PEERS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--scale", default="1")
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    parser.add_argument("figures", nargs="*")
    options = parser.parse_args()
    names = [figure.name for figure in FIGURES]
    for name in options.figures:
        if name not in names:
            parser.error(f"there is no figure {name}; there are {' '.join(names)}")

    wanted = [peer for peer in PEERS if peer in (options.peers or "").split(",")]
    programs = our_programs() | build_peers(wanted)
    versions = []
    for peer in wanted:
        if peer in programs:
            done = subprocess.run(programs[peer] + ["version"], capture_output=True, text=True, check=False)
            versions.append(done.stdout.strip())
            say(versions[-1])
    all_measured, begin = [], time.monotonic()
    for figure in FIGURES:
        if not options.figures or figure.name in options.figures:
            all_measured.append(measure(figure, programs, options.pairs, options.scale))
            report(all_measured[-1])
            if options.json:
                write_json(options.json, all_measured)
            if options.markdown:
                pathlib.Path(options.markdown).write_text(markdown(all_measured, versions), encoding="utf-8")
    summary(all_measured)
    say(f"all of it took {time.monotonic() - begin:.0f} s")


main()
