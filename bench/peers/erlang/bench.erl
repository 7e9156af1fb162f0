%% The work of bench/actors on Erlang/OTP. A process of the system a figure; prints lines
%% "name value unit".
%% usage: erl -noshell -run bench main FIGURE [SCALE]
-module(bench).
-behaviour(supervisor).
-export([main/1, start_child/1, init/1, asleep/1, handle_cast/2, handle_call/3]).

main([Name]) ->
    main([Name, "1"]);
main([Name, Scale]) ->
    put(scale, to_number(Scale)),
    try
        figure(Name)
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "~p:~p ~p~n", [Class, Reason, Stack]),
            halt(1)
    end,
    halt(0).

to_number(Text) ->
    case string:to_float(Text) of
        {error, no_float} -> list_to_integer(Text);
        {Float, _} -> Float
    end.

%% ---- figures ----

figure("pingpong" ++ Count) ->
    Pairs = list_to_integer(Count),
    Rounds = amount(2000000 div Pairs),
    pingpong(Pairs, Rounds div 10),
    out("pingpong" ++ Count, rate(Pairs * Rounds, pingpong(Pairs, Rounds)), "trips/s");
figure("fanin") ->
    fanin_figure("fanin", []);
figure("fanin_offheap") ->
    fanin_figure("fanin_offheap", [{message_queue_data, off_heap}]);
figure("ring") ->
    Hops = amount(5000000),
    ring(503, Hops div 10),
    out("ring", rate(Hops, ring(503, Hops)), "hops/s");
figure("big") ->
    Rounds = amount(2000),
    big(1024, Rounds div 10),
    out("big", rate(2 * 1024 * Rounds, big(1024, Rounds)), "messages/s");
figure("scatter") ->
    Rounds = amount(30000),
    scatter(64, Rounds div 10),
    out("scatter", rate(2 * 64 * Rounds, scatter(64, Rounds)), "messages/s");
figure("spawn") ->
    Count = amount(1000000),
    spawns(Count div 10),
    out("spawn", rate(Count, spawns(Count)), "spawns/s");
figure("skynet") ->
    Leaves = skynet_leaves(1000000, amount(1000000)),
    skynet(10000),
    erlang:garbage_collect(),
    Begin = now_ns(),
    Sum = Leaves * (Leaves - 1) div 2,
    Sum = skynet(Leaves),
    out("skynet", (now_ns() - Begin) / 1.0e6, "ms");
figure("ask") ->
    Count = amount(500000),
    {ok, Server} = gen_server:start_link(?MODULE, echo, []),
    ask(Server, Count div 10),
    out("ask", ask(Server, Count) / Count, "ns");
figure("busy_rtt") ->
    busy_rtt();
figure("timers") ->
    timers();
figure("restart") ->
    restart();
figure("respawn") ->
    logger:set_primary_config(level, none),
    Count = amount(100000),
    respawn(Count div 10),
    out("respawn", rate(Count, respawn(Count)), "restarts/s");
figure("idle_bytes") ->
    idle_bytes("idle_bytes", awake);
figure("idle_bytes_hibernated") ->
    idle_bytes("idle_bytes_hibernated", hibernate);
figure("version") ->
    io:format("Erlang/OTP ~s, erts ~s, ~p, ~p schedulers~n",
              [erlang:system_info(otp_release), erlang:system_info(version),
               erlang:system_info(emu_flavor), erlang:system_info(schedulers_online)]).

%% ---- measuring ----

now_ns() -> erlang:monotonic_time(nanosecond).

amount(Full) -> max(1, trunc(Full * get(scale))).

rate(Count, Ns) -> Count * 1.0e9 / Ns.

out(Name, Value, Unit) -> io:format("~s ~.3f ~s~n", [Name, float(Value), Unit]).

percentiles(Name, Times) ->
    Sorted = list_to_tuple(lists:sort(Times)),
    Size = tuple_size(Sorted),
    At = fun(Percent) -> element(min(Size, Size * Percent div 100 + 1), Sorted) / 1000 end,
    out(Name ++ "_p50", At(50), "us"),
    out(Name ++ "_p99", At(99), "us").

resident_bytes() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.

wait(_, 0) -> ok;
wait(Message, Count) -> receive Message -> wait(Message, Count - 1) end.

%% ---- ping-pong ----

pingpong(Pairs, Rounds) ->
    Self = self(),
    Pings = [spawn(fun() -> ping_start(Rounds, Self) end) || _ <- lists:seq(1, Pairs)],
    Begin = now_ns(),
    [Ping ! go || Ping <- Pings],
    wait(done, Pairs),
    now_ns() - Begin.

ping_start(Rounds, Main) ->
    Pong = spawn(fun pong/0),
    receive go -> ok end,
    ping(Pong, Rounds),
    Pong ! stop,
    Main ! done.

ping(_, 0) -> ok;
ping(Pong, Rounds) ->
    Pong ! {ping, self()},
    receive pong -> ping(Pong, Rounds - 1) end.

pong() ->
    receive
        {ping, From} -> From ! pong, pong();
        stop -> ok
    end.

%% ---- fan-in ----

fanin_figure(Name, Options) ->
    Each = amount(50000),
    fanin(100, Each div 10, Options),
    out(Name, rate(100 * Each, fanin(100, Each, Options)), "messages/s").

fanin(Producers, Each, Options) ->
    Self = self(),
    Sink = spawn_opt(fun() -> count(0, Producers * Each, Self) end, Options),
    All = [spawn(fun() -> receive go -> produce(Sink, Each) end end)
           || _ <- lists:seq(1, Producers)],
    Begin = now_ns(),
    [Producer ! go || Producer <- All],
    wait(done, 1),
    now_ns() - Begin.

produce(_, 0) -> ok;
produce(Sink, Left) -> Sink ! {add, 1}, produce(Sink, Left - 1).

count(Total, Total, Main) -> Main ! done;
count(Sum, Total, Main) -> receive {add, Amount} -> count(Sum + Amount, Total, Main) end.

%% ---- ring ----

ring(Count, Hops) ->
    Self = self(),
    First = spawn(fun() -> receive {next, Next} -> node_loop(Next, Self) end end),
    Last = lists:foldl(fun(_, Next) -> spawn(fun() -> node_loop(Next, Self) end) end,
                       First, lists:seq(2, Count)),
    First ! {next, Last},
    Begin = now_ns(),
    First ! Hops,
    wait(done, 1),
    Took = now_ns() - Begin,
    First ! stop,
    Took.

node_loop(Next, Main) ->
    receive
        0 -> Main ! done, node_loop(Next, Main);
        stop -> Next ! stop;
        Left -> Next ! Left - 1, node_loop(Next, Main)
    end.

%% ---- big ----

big(Count, Rounds) ->
    Self = self(),
    All = list_to_tuple([spawn(fun() -> talker(I, Rounds, Self) end) || I <- lists:seq(1, Count)]),
    [Talker ! {peers, All} || Talker <- tuple_to_list(All)],
    wait(ready, Count),
    Begin = now_ns(),
    [Talker ! go || Talker <- tuple_to_list(All)],
    wait(done, Count),
    Took = now_ns() - Begin,
    [Talker ! stop || Talker <- tuple_to_list(All)],
    Took.

talker(Seed, Rounds, Main) ->
    receive {peers, All} -> Main ! ready, talker(All, Seed * 7919, Rounds, Main) end.

talker(All, Chance, Rounds, Main) ->
    receive
        {ping, From} -> From ! pong, talker(All, Chance, Rounds, Main);
        pong when Rounds =:= 0 -> Main ! done, talker(All, Chance, Rounds, Main);
        pong -> talker_next(All, Chance, Rounds, Main);
        go -> talker_next(All, Chance, Rounds, Main);
        stop -> ok
    end.

talker_next(All, Chance0, Rounds, Main) ->
    Chance = next_chance(Chance0),
    element(((Chance bsr 16) rem 1024) + 1, All) ! {ping, self()},
    talker(All, Chance, Rounds - 1, Main).

next_chance(X) -> (X * 1664525 + 1013904223) band 16#ffffffff.

%% ---- scatter ----

scatter(Workers, Rounds) ->
    Self = self(),
    All = [spawn(fun pong/0) || _ <- lists:seq(1, Workers)],
    Gatherer = spawn(fun() -> receive go -> gather(All, Workers, Rounds) end, Self ! done end),
    Begin = now_ns(),
    Gatherer ! go,
    wait(done, 1),
    Took = now_ns() - Begin,
    [Worker ! stop || Worker <- All],
    Took.

gather(_, _, 0) -> ok;
gather(All, Workers, Rounds) ->
    [Worker ! {ping, self()} || Worker <- All],
    wait(pong, Workers),
    gather(All, Workers, Rounds - 1).

%% ---- spawn: the answers go to a collector; a spawner that gathered them itself would be
%% quadratic, since every collection of its heap walks its queue ----

spawns(Count) ->
    Self = self(),
    Begin = now_ns(),
    Collector = spawn(fun() -> wait(took, Count), Self ! done end),
    spawn_all(Count, Collector),
    wait(done, 1),
    now_ns() - Begin.

spawn_all(0, _) -> ok;
spawn_all(Left, Collector) ->
    spawn(fun once/0) ! {hello, Collector},
    spawn_all(Left - 1, Collector).

once() -> receive {hello, Collector} -> Collector ! took end.

%% ---- skynet ----

skynet_leaves(Leaves, Amount) when Leaves > Amount, Leaves > 10 ->
    skynet_leaves(Leaves div 10, Amount);
skynet_leaves(Leaves, _) -> Leaves.

skynet(Leaves) ->
    Self = self(),
    spawn(fun() -> branch(0, Leaves, Self) end),
    receive Sum when is_integer(Sum) -> Sum end.

branch(Number, 1, Parent) -> Parent ! Number;
branch(Number, Size, Parent) ->
    Sub = Size div 10,
    Self = self(),
    [spawn(fun() -> branch(Number + I * Sub, Sub, Self) end) || I <- lists:seq(0, 9)],
    Parent ! sum(10, 0).

sum(0, Sum) -> Sum;
sum(Left, Sum) -> receive Value -> sum(Left - 1, Sum + Value) end.

%% ---- ask ----

ask(Server, Count) ->
    Begin = now_ns(),
    ask_loop(Server, Count),
    now_ns() - Begin.

ask_loop(_, 0) -> ok;
ask_loop(Server, Left) -> Left = gen_server:call(Server, Left), ask_loop(Server, Left - 1).

%% ---- busy_rtt: a ping each ms while 8 processes have 20 us messages without pause ----

busy_rtt() ->
    Ticks = 2000,
    Rounds = calibrate(20000),
    [spawn(fun() -> self() ! go, busy(Rounds) end) || _ <- lists:seq(1, 8)],
    timer:sleep(300),
    Self = self(),
    spawn(fun() ->
                  Stamper = spawn(fun stamper/0),
                  First = erlang:monotonic_time(millisecond) + 5,
                  erlang:send_after(First, self(), tick, [{abs, true}]),
                  Self ! {times, pinger(Stamper, First, 0, Ticks, 0, [])}
          end),
    receive {times, Times} -> percentiles("busy_rtt", Times) end.

work(0, X) -> X;
work(Rounds, X) -> work(Rounds - 1, next_chance(X)).

calibrate(Ns) ->
    work(1000000, 1),
    Begin = now_ns(),
    work(5000000, 1),
    max(1, round(Ns * 5000000 / (now_ns() - Begin))).

busy(Rounds) -> receive go -> work(Rounds, 1), self() ! go, busy(Rounds) end.

stamper() -> receive {stamp, Sent, From} -> From ! {stamped, Sent}, stamper() end.

pinger(_, _, _, Ticks, Ticks, Times) -> Times;
pinger(Stamper, First, Sent, Ticks, Count, Times) ->
    receive
        tick ->
            Stamper ! {stamp, now_ns(), self()},
            Sent + 1 < Ticks
                andalso erlang:send_after(First + Sent + 1, self(), tick, [{abs, true}]),
            pinger(Stamper, First, Sent + 1, Ticks, Count, Times);
        {stamped, SentNs} ->
            pinger(Stamper, First, Sent, Ticks, Count + 1, [now_ns() - SentNs | Times])
    end.

%% ---- timers ----

timers() ->
    Count = amount(1000000),
    process_flag(message_queue_data, off_heap),
    Begin = now_ns(),
    Armed = arm(Count, Count, []),
    Between = now_ns(),
    Kept = cancel_half(Armed, true, 0),
    End = now_ns(),
    out("timer_arm", (Between - Begin) / Count, "ns"),
    out("timer_cancel", (End - Between) / (Count - Kept), "ns"),
    percentiles("timer_late", fired(Kept, [])).

arm(0, _, Armed) -> Armed;
arm(I, Count, Armed) ->
    Due = erlang:monotonic_time(millisecond) + 2000 + (I * 7919) rem Count * 3000 div Count,
    arm(I - 1, Count, [erlang:send_after(Due, self(), {due, Due}, [{abs, true}]) | Armed]).

cancel_half([], _, Kept) -> Kept;
cancel_half([Timer | Rest], true, Kept) ->
    erlang:cancel_timer(Timer),
    cancel_half(Rest, false, Kept);
cancel_half([_ | Rest], false, Kept) -> cancel_half(Rest, true, Kept + 1).

fired(0, Late) -> Late;
fired(Left, Late) ->
    receive {due, Due} -> fired(Left - 1, [now_ns() - Due * 1000000 | Late]) end.

%% ---- restart: a supervisor of OTP with one gen_server ----

restart() ->
    logger:set_primary_config(level, none),
    First = min(1000, amount(1000)),
    restarts(First),
    timer:sleep(1100),
    out("restart_first_1000", rate(First, restarts(First)), "restarts/s"),
    timer:sleep(1100),
    %% It walks the restarts of the last period, at least a second, at each one.
    Count = amount(100000),
    out("restart", rate(Count, restarts(Count)), "restarts/s").

init({supervisor, Driver}) ->
    {ok, {#{strategy => one_for_one, intensity => 10000000, period => 1},
          [#{id => child, start => {?MODULE, start_child, [Driver]}, restart => permanent}]}};
init({child, Driver}) -> Driver ! {up, self()}, {ok, Driver};
init(echo) -> {ok, echo}.

start_child(Driver) -> gen_server:start_link(?MODULE, {child, Driver}, []).

handle_cast(crash, _) -> exit(crash).

handle_call(Value, _, State) -> {reply, Value, State}.

restarts(Count) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, self()}),
    Child = receive {up, Pid} -> Pid end,
    Begin = now_ns(),
    crash(fun(Pid1) -> gen_server:cast(Pid1, crash) end, Child, Count),
    Took = now_ns() - Begin,
    unlink(Supervisor),
    exit(Supervisor, shutdown),
    timer:sleep(20),
    Took.

crash(_, _, 0) -> ok;
crash(Kill, Child, Left) ->
    Kill(Child),
    receive {up, Next} -> crash(Kill, Next, Left - 1) end.

%% ---- respawn: by hand, with a link ----

respawn(Count) ->
    Self = self(),
    Keeper = spawn(fun() -> process_flag(trap_exit, true), keeper(Self) end),
    Child = receive {up, Pid} -> Pid end,
    Begin = now_ns(),
    crash(fun(Pid1) -> Pid1 ! crash end, Child, Count),
    Took = now_ns() - Begin,
    exit(Keeper, kill),
    Took.

keeper(Driver) ->
    spawn_link(fun() -> Driver ! {up, self()}, receive crash -> exit(crash) end end),
    receive {'EXIT', _, _} -> keeper(Driver) end.

%% ---- idle_bytes ----

idle_bytes(Name, Mode) ->
    Count = amount(1000000),
    Before = resident_bytes(),
    Self = self(),
    Collector = spawn(fun() -> wait(took, Count), Self ! done end),
    idle_spawn(Count, Collector, Mode),
    wait(done, 1),
    erlang:garbage_collect(),
    timer:sleep(500),
    out(Name, (resident_bytes() - Before) / Count, "bytes"),
    erlang:halt(0, [{flush, true}]).

idle_spawn(0, _, _) -> ok;
idle_spawn(Left, Collector, Mode) ->
    spawn(fun() -> idle(Left, Mode) end) ! {hello, Collector},
    idle_spawn(Left - 1, Collector, Mode).

idle(Number, Mode) ->
    receive
        {hello, Collector} ->
            Collector ! took,
            case Mode of
                hibernate -> erlang:hibernate(?MODULE, asleep, [Number]);
                awake -> idle(Number + 1, Mode)
            end
    end.

asleep(Number) -> receive stop -> Number end.
