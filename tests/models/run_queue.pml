/* run_queue.pml -- the ready actors of one scheduler: runtime/schedule/run_queue.c, with the steal of help.c
 * and the sleep and wake of scheduler.c around it.
 *
 * The owner takes and runs actors, which make others ready: next (woken), born here, or behind those
 * that wait. A thief takes from the ring, asks for newborns where it finds none, and sleeps until
 * the owner wants help. A sender from outside brings actors and wakes the owner. What is one step
 * here is one access to what others see there; all is sequentially consistent (that the accesses
 * there need no more than they have is ThreadSanitizer's to look at, stress.test_run_queue). Left
 * out: pinned actors, which only the owner sees.
 *
 * Properties (numbers of run_queue.h's rules)
 *   a. What is made ready is run once, by one. (ran)
 *   b. None waits for ever: not while the owner sleeps, or both do. (An invalid end.)
 *   c. The ring with its overflow is first in, first out, whoever takes. (leave)
 *   d. Of the newborns the newest runs first, and the oldest leave. (born_newest, put_oldest_born)
 *   e. At most STREAK turns of woken and born pass those that wait, and the oldest newborn goes
 *      behind them then (1). (note_passed)
 *   f. Thieves take half at most, and only where two or more waited, unless the owner is generous
 *      (2). (steal)
 *   g. Who asked sees the older half of the newborns in the ring after STREAK turns at the latest
 *      (2). (take, share)
 *   h. At most one event is written an announcement. (wake)
 *
 * SLEEPING, where both may sleep, is too large to be searched to its end each time: it is searched
 * for what is broken (with OWN 3 it holds: 11.8 million states).
 *
 * configurations: ROBBED
 * mutations: ROBBED+LARGE+TAKE_WITHOUT_COMPARE ROBBED+LARGE+STEAL_WITHOUT_COMPARE
 * mutations: ROBBED+LARGE+STEAL_READS_LATE ROBBED+LARGE+TAIL_FIRST ROBBED+LARGE+NEVER_FULL
 * mutations: ROBBED+LARGE+HEAD_COMES_ROUND ROBBED+LARGE+OVERFLOW_PASSED ROBBED+LARGE+STEAL_ALL
 * mutations: ROBBED+LARGE+STEAL_LAST ROBBED+LARGE+NO_STREAK ROBBED+LARGE+BORN_UNCOUNTED
 * mutations: ROBBED+LARGE+OLDEST_LEFT ROBBED+LARGE+BORN_OLDEST ROBBED+LARGE+SHARE_NEWEST
 * mutations: ROBBED+LARGE+SHARE_FEW ROBBED+LARGE+ASK_UNHEARD SLEEPING+NO_RECHECK */

#ifdef SLEEPING
#define OWN 2  /* made ready by the owner's turns */
#define SENT 1 /* by the sender */
#else
#ifdef LARGE /* searched for what is broken only */
#define OWN 6
#else
#define OWN 4
#endif
#define SENT 0
#endif
#define ALL (OWN + SENT)
#define RING 2
#define BORN 2
#define STREAK 2
#define A_TURN 2 /* made ready in one turn at most */
#define NONE 0

#ifdef HEAD_COMES_ROUND
#define ROUND(count) ((count) & (2 * RING - 1))
#else
#define ROUND(count) (count)
#endif

/* Seen by others. */
byte woken, born_first, born_end, ring[RING], head, tail;
bool is_asked, is_generous;
chan incoming = [ALL] of { byte };
bool is_asleep, event;            /* the owner's */
bool is_thief_asleep, thief_event;
chan overflow = [ALL] of { byte }; /* the owner's, as what it has in `owner` */
/* The oracle. */
chan order = [ALL] of { byte }; /* as they were put into the ring and its overflow */
bool is_ready[ALL + 1];
byte ran;

#define BORN_COUNT (born_end - born_first)
#define OTHERS_IN_RING (head != tail || len(overflow) > 0)

inline run_one(actor)
{
    atomic { assert(is_ready[actor]); is_ready[actor] = false; ran++ }
}

/* From the ring or its overflow: in a step with what makes it so. */
inline leave(actor)
{
    order ? other;
    assert(other == actor)
}

inline note_passed()
{
    d_step {
        if
        :: OTHERS_IN_RING -> passed++
        :: else -> passed = 0
        fi;
        assert(passed <= STREAK)
    }
}

/* ---- putting ---- */

inline ring_put(actor)
{
    seen = head;
    if
#ifdef NEVER_FULL
    :: ROUND(tail - seen) > RING -> is_put = false
#else
    :: ROUND(tail - seen) >= RING -> is_put = false
#endif
    :: else ->
#ifdef TAIL_FIRST
        tail = ROUND(tail + 1);
        ring[(tail - 1) % RING] = actor;
#else
        ring[tail % RING] = actor;
        tail = ROUND(tail + 1);
#endif
        is_put = true
    fi
}

inline put(actor)
{
    atomic {
        order ! actor;
#ifdef OVERFLOW_PASSED
        is_put = false
#else
        is_put = len(overflow) > 0
#endif
    }
    if
    :: is_put -> overflow ! actor
    :: else ->
        ring_put(actor);
        if
        :: is_put
        :: else -> overflow ! actor
        fi
    fi
}

inline put_woken(actor)
{
    before = woken;
    woken = actor;
    if
#ifndef WOKEN_REPLACED
    :: before != NONE -> put(before)
#endif
    :: else
    fi
}

inline put_oldest_born()
{
    d_step {
#ifdef SHARE_NEWEST
        moved = born[(born_end - 1) % BORN];
        born[(born_end - 1) % BORN] = born[born_first % BORN];
#else
        moved = born[born_first % BORN];
#endif
        born_first++;
        oldest_passed = 0;
        assert(BORN_COUNT == 0 || moved < born[born_first % BORN])
    }
    put(moved)
}

inline put_newborn(actor)
{
    if
    :: BORN_COUNT == BORN -> put_oldest_born()
    :: else
    fi;
    atomic {
        born[born_end % BORN] = actor;
        if
        :: BORN_COUNT == 0 -> oldest_passed = 0
        :: else
        fi;
        born_end++
    }
}

inline share()
{
    is_asked = false;
    count = BORN_COUNT;
    left = (count + 1) / 2;
#ifdef SHARE_FEW
    left = count / 2;
#endif
    do
    :: left > 0 -> put_oldest_born(); left--
    :: else -> break
    od;
    assert(2 * BORN_COUNT <= count)
}

/* ---- taking ---- */

inline ring_take()
{
    actor = NONE;
    seen = head;
    do
    :: seen != tail ->
        moved = ring[seen % RING];
        atomic {
            if
#ifdef TAKE_WITHOUT_COMPARE
            :: true -> head = ROUND(seen + 1); leave(moved); actor = moved
#else
            :: head == seen -> head = ROUND(head + 1); leave(moved); actor = moved
            :: else -> seen = head
#endif
            fi
        }
        if
        :: actor != NONE -> break
        :: else
        fi
    :: else -> break
    od
}

inline take_waiting()
{
    count = len(incoming); /* the exchange */
    do
    :: count > 0 -> atomic { incoming ? moved; count-- } put(moved)
    :: else -> break
    od;
    ring_take();
    if
    :: actor == NONE ->
        do
        :: len(overflow) > 0 ->
            overflow ? <moved>;
            ring_put(moved);
            if
            :: is_put -> overflow ? _
            :: else -> break
            fi
        :: else -> break
        od;
        ring_take();
        if
        :: actor == NONE && len(overflow) > 0 -> atomic { overflow ? actor; leave(actor) }
        :: else
        fi
    :: else
    fi;
    passed = 0
}

inline born_newest()
{
#ifdef BORN_OLDEST
    d_step { actor = born[born_first % BORN]; born_first++ }
    assert(BORN_COUNT == 0 || actor > born[born_first % BORN])
#else
    d_step { born_end--; actor = born[born_end % BORN] }
    assert(BORN_COUNT == 0 || actor > born[born_first % BORN])
#endif
}

inline take_slowly()
{
    if
#ifndef ASK_UNHEARD
    :: is_asked -> late = 0; share()
#endif
    :: else
    fi;
    if
#ifdef NO_STREAK
    :: woken == NONE && BORN_COUNT > 0 ->
#else
    :: woken == NONE && streak < STREAK && BORN_COUNT > 0 ->
#endif
#ifndef BORN_UNCOUNTED
        streak++;
#endif
        note_passed();
        born_newest()
    :: else ->
        before = woken;
        woken = NONE;
        if
        :: before != NONE && BORN_COUNT == 0 && !OTHERS_IN_RING && len(incoming) == 0 -> actor = before
        :: else ->
            if
            :: before != NONE -> put(before)
            :: else
            fi;
            if
#ifndef OLDEST_LEFT
            :: BORN_COUNT > 0 -> put_oldest_born()
#endif
            :: else
            fi;
            streak = 0;
            take_waiting()
        fi
    fi
}

inline take()
{
    if
    :: is_asked && BORN_COUNT > 1 -> late++
    :: else -> late = 0
    fi;
    assert(late <= STREAK + 1);
    actor = NONE;
    if
    :: woken == NONE || streak >= STREAK -> take_slowly()
    :: else -> streak++; note_passed(); actor = woken; woken = NONE
    fi;
    d_step {
        if
        :: actor == NONE || BORN_COUNT == 0
        :: else -> oldest_passed++
        fi;
        assert(oldest_passed <= STREAK + 1); /* once when the one before it went */
        before = 0; seen = 0; moved = 0; count = 0; other = 0; is_put = false
    }
}

/* ---- who takes ---- */

inline wake(asleep, is_written)
{
    if
    :: asleep ->
#ifdef NO_TAKING_BACK
        was_asleep = asleep;
#else
        atomic { was_asleep = asleep; asleep = false }
#endif
        if
        :: was_asleep -> atomic { assert(!is_written); is_written = true }
        :: else
        fi
    :: else
    fi
}

inline turn()
{
    count = 0;
    do
    :: count < A_TURN && next <= OWN ->
        atomic { fresh = next; next++; count++; is_ready[fresh] = true }
        if
        :: put_newborn(fresh)
        :: put_woken(fresh)
        :: put(fresh)
        fi
    :: true -> break
    od;
    atomic { fresh = 0; count = 0; before = 0; seen = 0; moved = 0; is_put = false }
}

inline look_for_help()
{
    if
    :: BORN_COUNT > 1 -> share()
    :: else
    fi;
    wake(is_thief_asleep, thief_event)
}

inline go_to_sleep()
{
#ifdef RECHECK_FIRST
    has_work = len(incoming) > 0;
    is_asleep = true;
#else
    is_asleep = true;
    has_work = len(incoming) > 0;
#endif
#ifdef NO_RECHECK
    has_work = false;
#endif
#ifndef BORN_UNSEEN
    has_work = has_work || BORN_COUNT > 0;
#endif
#ifndef OVERFLOW_UNSEEN
    has_work = has_work || len(overflow) > 0;
#endif
    has_work = has_work || woken != NONE || head != tail;
    if
    :: has_work -> event = false
    :: else ->
        if
        :: event -> event = false
        :: ran == ALL
        fi
    fi;
    is_asleep = false
}

proctype owner()
{
    byte born[BORN], streak;
    byte next = 1, passed, oldest_passed, late; /* the oracle's */
    byte actor, before, seen, moved, count, other, fresh, left;
    xr overflow;
    xs overflow;
    bool is_put, has_work, was_asleep;
    do
    :: ran == ALL -> break
    :: else ->
        take();
        if
        :: actor != NONE ->
            run_one(actor);
            turn()
        :: actor == NONE && next <= OWN -> /* as by a timer */
            atomic { fresh = next; next++; is_ready[fresh] = true }
            put(fresh)
#ifdef SLEEPING
        :: actor == NONE && next > OWN -> go_to_sleep()
#endif
        :: else
        fi;
#ifdef SLEEPING
        if
        :: (BORN_COUNT + tail - head) > 1 -> look_for_help()
        :: true
        fi
#endif
    od
}

#ifdef STEAL_LAST
#define MAY_TAKE(count) (count >= 1)
#else
#define MAY_TAKE(count) (count >= 2 || (count == 1 && (woken != NONE || is_generous)))
#endif

proctype thief()
{
    byte seen, half, other, have[RING];
    byte count;
    bool is_fair;
    do
    :: ran == ALL -> break
    :: else ->
        seen = head;
        do
        :: atomic { count = ROUND(tail - seen); is_fair = head == seen && count >= 2 }
            /* What woken and is_generous say is another look. */
            atomic {
                is_fair = is_fair || (ROUND(tail - head) >= 1 && woken != NONE) || is_generous;
                if
                :: !MAY_TAKE(count) || count > RING -> half = 0
                :: else -> half = (count + 1) / 2
                fi
            }
#ifdef STEAL_ALL
            half = (half > 0 -> count : 0);
#endif
            if
            :: half == 0 -> break
            :: else
            fi;
#ifndef STEAL_READS_LATE
            have[0] = ring[seen % RING];
            if
            :: half > 1 -> have[1] = ring[(seen + 1) % RING]
            :: else
            fi;
#endif
            atomic {
                if
#ifdef STEAL_WITHOUT_COMPARE
                :: true ->
#else
                :: head == seen ->
#endif
#ifndef STEAL_READS_LATE
                    leave(have[0]);
                    run_one(have[0]);
                    if
                    :: half > 1 -> leave(have[1]); run_one(have[1])
                    :: else
                    fi;
#else
                    order ? other;
#endif
                    assert(is_fair);
                    assert(2 * half <= ROUND(tail - seen) + 1);
                    head = ROUND(seen + half);
                    is_fair = true
                :: else -> seen = head; is_fair = false
                fi
            }
#ifdef STEAL_READS_LATE
            atomic {
                if
                :: is_fair -> have[0] = ring[seen % RING]; assert(have[0] == other); run_one(have[0])
                :: else
                fi
            }
#endif
            if
            :: is_fair -> break
            :: else
            fi
        od;
        if
        :: half > 0
        :: else -> /* run_queue_ask */
            count = born_end;
            count = count - born_first; /* less than nothing is many, as there */
            if
            :: MAY_TAKE(count) && !is_asked -> is_asked = true
            :: else
            fi
#ifdef SLEEPING
            if
            :: true -> is_thief_asleep = true;
                if
                :: thief_event -> thief_event = false
                :: ran == ALL
                fi;
                is_thief_asleep = false
            :: true
            fi
#endif
        fi;
        atomic { seen = 0; half = 0; other = 0; count = 0; is_fair = false; have[0] = 0; have[1] = 0 }
    od
}

proctype sender()
{
    byte i;
    bool was_asleep;
    for (i : OWN + 1 .. ALL) {
#ifdef WAKE_FIRST
        wake(is_asleep, event);
        atomic { is_ready[i] = true; incoming ! i }
#else
        atomic { is_ready[i] = true; incoming ! i }
        wake(is_asleep, event)
#endif
    }
}

init {
    atomic {
#ifdef SLEEPING
        if /* whether its turns are long */
        :: is_generous = true
        :: true
        fi;
#endif
        run owner();
        run thief();
#ifdef SLEEPING
        run sender()
#endif
    }
}
