/* mailbox.pml -- a slot, its mailbox's word and its mark of being scheduled: runtime/mail/mailbox.c,
 * runtime/schedule/turn.c (release), runtime/life (bury, recycle).
 *
 * Senders with references to any generation they may have seen push; two schedulers give turns; the
 * actor may end in any turn, its slot is recycled, and a spawner sets it up again; an inspector pins
 * the mailbox while it looks. The lane is a queue here (lane.pml has its inside). What is atomic in
 * the model is one atomic operation there; all are sequentially consistent.
 *
 * Properties
 *   1. One turn at a time, none while a slot is free or being set up (is_scheduled owns the actor).
 *   2. The actor is in a run queue once at most.
 *   3. A message reaches the generation that it was sent to, or nobody.
 *   4. What was pushed is handled or dropped when its actor ends; nothing lies in a lane for ever.
 *   5. The slot is not recycled under who has pinned it.
 *
 * configurations: CROWD INSPECTED
 * mutations: CROWD+NO_RECHECK CROWD+RECYCLE_ANY CROWD+UNMARKED_FREE_SLOT CROWD+NO_GENERATION_CHECK
 * mutations: CROWD+TEST_THEN_SET CROWD+COUNT_LAST INSPECTED+NO_PIN INSPECTED+RECYCLE_ANY */

#ifdef INSPECTED
#define SENDERS 1
#else
#define SENDERS 2
#endif
#define EACH 2
#define GENERATIONS 1 /* after the first */
#define MAX 2
#define BATCH 2

/* The word. */
byte generation, length;
bool is_closed;
/* The slot. */
bool is_scheduled, in_turn, is_free;
bool is_running; /* RUNNING, else ENDED */
byte queued;     /* in how many run queues */
chan lane = [SENDERS * EACH] of { byte };
/* The oracle. */
byte pushed, handled, dropped, senders_left = SENDERS;

inline ready()
{
    atomic { queued++; assert(queued <= 1) }
}

inline notify()
{
    if
    :: !is_scheduled ->
#ifdef TEST_THEN_SET
        is_scheduled = true;
        ready()
#else
        atomic { was_scheduled = is_scheduled; is_scheduled = true } /* an exchange */
        if
        :: !was_scheduled -> ready()
        :: else
        fi
#endif
    :: else
    fi
}

proctype sender()
{
    byte i, reference;
    bool is_taken, was_scheduled;
    for (i : 1 .. EACH) {
        if /* a reference made any time before */
        :: reference < generation -> reference++
        :: true
        fi;
        atomic { /* the fetch-add */
            is_taken = !is_closed && length < MAX;
#ifndef NO_GENERATION_CHECK
            is_taken = is_taken && generation == reference;
#endif
#ifndef COUNT_LAST
            length++
#endif
        }
        if
        :: is_taken ->
            atomic { pushed++; lane ! reference }
#ifdef COUNT_LAST
            length++;
#endif
            notify()
        :: else ->
#ifndef COUNT_LAST
            length--
#else
            skip
#endif
        fi
    }
    senders_left--
}

inline pop(counter)
{
    atomic { lane ? to; assert(to == generation); counter++ }
    atomic { assert(length > 0); length-- }
}

inline bury()
{
    do
    :: nempty(lane) -> pop(dropped)
    :: empty(lane) -> break
    od;
    atomic { /* compare and set {g, closed, 0} to {g + 1, closed, 0} */
#ifdef RECYCLE_ANY
        is_buried = true;
#else
        is_buried = length == 0;
#endif
        if
        :: is_buried -> generation++
        :: else
        fi
    }
    in_turn = false;
    if
    :: is_buried ->
#ifdef UNMARKED_FREE_SLOT
        is_scheduled = false;
#endif
        is_free = true
    :: else -> ready()
    fi
}

inline release()
{
    in_turn = false;
    if
    :: length > 0 -> ready()
    :: else ->
        is_scheduled = false;
#ifndef NO_RECHECK
        if
        :: length > 0 -> notify()
        :: else
        fi
#endif
    fi
}

proctype scheduler()
{
    byte to, batch;
    bool is_buried, was_scheduled;
end_idle:
    do
    :: atomic { queued > 0 -> queued--; assert(!in_turn && !is_free); in_turn = true }
        batch = 0;
        do
        :: is_running && batch < BATCH && nempty(lane) -> pop(handled); batch++
        :: !is_running || batch == BATCH || empty(lane) -> break
        od;
        if
        :: is_running && generation < GENERATIONS -> atomic { is_closed = true; is_running = false }
        :: true
        fi;
        if
        :: is_running -> release()
        :: else -> bury()
        fi;
        d_step { batch = 0; to = 0; is_buried = false; was_scheduled = false }
    od
}

proctype spawner()
{
end_idle:
    do
    :: atomic { is_free -> is_free = false; assert(!in_turn && queued == 0); in_turn = true }
        is_running = true;
        is_closed = false; /* from here on messages may come: nobody schedules it but us */
        in_turn = false;
        ready()
    od
}

/* Looks at the slot while it holds a place in the word. */
proctype inspector()
{
    byte seen;
    if
    :: is_closed
    :: !is_closed ->
        atomic {
            seen = is_closed;
#ifndef NO_PIN
            length++
#endif
        }
        if
        :: !seen ->
            seen = generation;
            assert(!is_free && seen == generation)
        :: else
        fi;
#ifndef NO_PIN
        length--
#endif
    fi
}

proctype oracle()
{
    timeout ->
        assert(senders_left == 0 && queued == 0 && !in_turn);
        assert(empty(lane) && length == 0 && pushed == handled + dropped);
        assert(is_running != is_closed && is_running == !is_scheduled)
}

init {
    byte i;
    atomic {
        is_running = true;
        for (i : 1 .. SENDERS) {
            run sender()
        }
        run scheduler();
        run scheduler();
        run spawner();
#ifdef INSPECTED
        run inspector();
#endif
        run oracle()
    }
}
