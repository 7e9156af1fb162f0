/* mailbox.pml -- the mailbox's word and who owns the actor behind it: runtime/mail/mailbox.c,
 * runtime/schedule/turn.c (release), runtime/life (bury, recycle).
 *
 * Senders with references to any generation they may have seen push; two schedulers give turns; the
 * actor may wait for a system message with its user lane closed, and may end in any turn; its slot
 * is recycled and set up again; an inspector pins the mailbox while it looks. What is one step here
 * is one atomic operation there, all on the word sequentially consistent; a lane is a queue here
 * (lane.pml has its inside), the run queues are a count.
 *
 * Properties (numbers of mailbox.h's rules)
 *   1. One owner at most; one turn at a time; nobody is in two run queues.
 *   2. What was pushed is handled, or dropped when its actor ends: nothing waits for ever (2 to 5).
 *   3. A message reaches the generation that it was sent to, or nobody; under a pin the slot is not
 *      recycled (6).
 *   4. Full is never said too early, and a lane holds no more than it may (7).
 *
 * configurations: CROWD PARKING INSPECTED BOUNDED
 * mutations: CROWD+RELEASE_ANY CROWD+STEP_BACK_ONLY CROWD+RECYCLE_ANY CROWD+NO_GENERATION_CHECK
 * mutations: CROWD+KEEP_NO_TOKEN CROWD+COUNT_LAST PARKING+PARK_ANY PARKING+UNPARK_TWICE
 * mutations: PARKING+PARKED_MAKES_OWNER PARKING+NO_UNPARK INSPECTED+NO_PIN INSPECTED+UNPIN_FORGETS
 * mutations: BOUNDED+WIDE+GIVEN_READ_ONCE BOUNDED+ALWAYS_ROOM */

#ifdef CROWD
#define SENDERS 2
#define EACH 2
#define GENERATIONS 1 /* after the first */
#endif
#ifdef PARKING
#define SENDERS 1
#define EACH 2
#define GENERATIONS 1
#define WAITS 1
#define TIMERS 1
#endif
#ifdef INSPECTED
#define SENDERS 1
#define EACH 2
#define GENERATIONS 1
#endif
#ifdef BOUNDED
#define GENERATIONS 0
#define MAX 1
#define BATCH 1
#ifdef WIDE /* one that fills it, and others that look for long; too large to be searched to its end */
#define SENDERS 3
#define EACH (me == 0 -> 4 : 1)
#define SENT 6
#define SCHEDULERS 1
#else
#define SENDERS 2
#define EACH 2
#endif
#endif
#ifndef WAITS
#define WAITS 0
#define TIMERS 0
#endif
#ifndef MAX
#define MAX 20
#endif
#ifndef SENT
#define SENT (SENDERS * EACH)
#define SCHEDULERS 2
#endif
#ifndef BATCH
#define BATCH 2 /* taken before places are given back at the latest: MAILBOX_BATCH */
#endif
#define TURN 2 /* messages */

/* The word. */
byte generation, system_places, user_places;
bool is_closed, is_parked;
/* The lanes, and where the actor is ready. */
chan user = [SENT] of { byte };
chan system = [SENT + WAITS + TIMERS] of { byte };
byte queued;
/* The owner's: mailbox_end_t, and the actor. */
byte taken, given, system_taken;
bool has_token, is_ended, is_free, is_waiting;
byte waits, asked, asked_generation;
/* The oracle. */
byte owners = 1, pushed, handled, dropped, outside = SENDERS + TIMERS;
byte waiting; /* user places but for those that the owner has taken */
bool in_turn, is_pushing[SENDERS], saw_full[SENDERS];

#define NO_PLACES (system_places == 0 && user_places == 0)
#ifdef PARKED_MAKES_OWNER
#define MAKES_OWNER NO_PLACES
#else
#define MAKES_OWNER (NO_PLACES && !is_parked)
#endif
#define OWN_USER (taken - given - system_taken)
#define OWN_SYSTEM (system_taken + has_token)
#ifdef NO_GENERATION_CHECK
#define REFUSED is_closed
#else
#define REFUSED (is_closed || generation != reference)
#endif

inline own_one()
{
    owners++;
    assert(owners == 1)
}

inline ready()
{
    atomic { queued++; assert(queued == 1) }
}

inline note_given(token)
{
    given = taken;
    d_step { system_taken = 0; has_token = token }
}

inline keep()
{
    if
    :: taken == given && has_token
    :: else ->
        atomic {
            user_places = user_places - OWN_USER;
#ifdef KEEP_NO_TOKEN
            system_places = system_places - OWN_SYSTEM
#else
            system_places = system_places + 1 - OWN_SYSTEM
#endif
        }
#ifdef KEEP_NO_TOKEN
        note_given(false)
#else
        note_given(true)
#endif
    fi
}

/* ---- pushing ---- */

#ifdef BOUNDED
#define ONE_LESS(one) one--; waiting-- /* of the user lane */
#else
#define ONE_LESS(one) one--
#endif

/* Takes back the place `one` (user_places or system_places). */
inline step_back(one)
{
    if
    :: !was_owner -> atomic { ONE_LESS(one) }
#ifdef STEP_BACK_ONLY
    :: was_owner -> atomic { ONE_LESS(one); owners-- }
#else
    :: was_owner ->
        note_given(false);
        atomic {
            if
            :: user_places + system_places == 1 -> ONE_LESS(one); owners--; was_owner = false
            :: else
            fi
        }
        if
        :: was_owner -> atomic { ONE_LESS(one); system_places++ } has_token = true; ready()
        :: else
        fi
#endif
    fi
}

inline has_room(room)
{
    do
    :: seen_given = given;
        places = user_places - 1;
        pending = taken - seen_given;
        if
        :: places > pending -> places = places - pending
        :: else -> places = 0
        fi;
        if
#ifndef GIVEN_READ_ONCE
        :: given != seen_given -> skip
#endif
        :: else -> break
        fi
    od;
#ifdef ALWAYS_ROOM
    room = true
#else
    room = places < MAX
#endif
}

proctype sender(byte me)
{
    byte i, j, reference, seen_given, places, pending;
    bool was_owner, is_refused, is_full, room;
    for (i : 1 .. EACH) {
        if /* a reference made any time before */
        :: reference < generation -> reference++
        :: true
        fi;
        atomic { /* the fetch-add */
            is_refused = REFUSED;
            was_owner = MAKES_OWNER;
            is_full = user_places >= MAX;
#ifndef COUNT_LAST
            user_places++;
#endif
            if
            :: was_owner -> own_one()
            :: else
            fi;
#ifdef BOUNDED
            waiting++;
            is_pushing[me] = true;
            saw_full[me] = false;
            for (j : 0 .. SENDERS - 1) {
                saw_full[j] = saw_full[j] || (is_pushing[j] && waiting > MAX)
            }
#endif
        }
        if
        :: is_full && !is_refused -> has_room(room); is_refused = !room; assert(room || saw_full[me])
        :: else
        fi;
        if
        :: is_refused -> step_back(user_places)
        :: else ->
            atomic { pushed++; user ! reference; assert(len(user) <= MAX + BATCH) }
#ifdef COUNT_LAST
            user_places++;
#endif
            if
            :: was_owner -> note_given(false); ready()
            :: else
            fi
        fi;
        d_step { is_pushing[me] = false; was_owner = false; is_refused = false; is_full = false;
            room = false; places = 0; pending = 0; seen_given = 0 }
    }
    outside--
}

inline push_system()
{
    atomic {
        is_refused = REFUSED;
        was_owner = MAKES_OWNER;
        was_parked = is_parked;
        system_places++;
        if
        :: was_owner -> own_one()
        :: else
        fi
    }
    if
    :: is_refused -> step_back(system_places)
    :: else ->
        atomic { pushed++; system ! reference }
        if
        :: was_parked ->
#ifndef NO_UNPARK
            atomic {
                was_parked = is_parked;
#ifdef UNPARK_TWICE
                was_parked = true;
#endif
                if
                :: was_parked -> is_parked = false; system_places++; own_one()
                :: else
                fi
            }
            if
            :: was_parked -> note_given(true); ready()
            :: else
            fi
#else
            skip
#endif
        :: !was_parked && was_owner -> note_given(false); ready()
        :: else
        fi
    fi
}

/* Answers what the actor waits for. */
proctype answerer()
{
    byte reference;
    bool was_owner, was_parked, is_refused;
end_idle:
    do
    :: asked > 0 -> atomic { asked--; reference = asked_generation } push_system()
    od
}

proctype timer()
{
    byte reference;
    bool was_owner, was_parked, is_refused;
    push_system();
    outside--
}

proctype inspector()
{
    byte seen;
    bool was_owner, was_closed;
    if
    :: is_closed
    :: else ->
        atomic {
            was_closed = is_closed;
            was_owner = MAKES_OWNER;
#ifndef NO_PIN
            system_places++;
            if
            :: was_owner -> own_one()
            :: else
            fi
#endif
        }
        if
        :: was_closed -> assert(!was_owner) /* it has an owner, who has a place */
        :: else -> atomic { seen = generation; assert(!is_free) } assert(!is_free && seen == generation)
        fi;
#ifndef NO_PIN
#ifdef UNPIN_FORGETS
        system_places--
#else
        step_back(system_places)
#endif
#endif
    fi
}

/* ---- the owner ---- */

inline note_taken()
{
    atomic {
        taken++;
#ifdef BOUNDED
        waiting--
#endif
    }
    if
    :: taken - given >= BATCH -> keep()
    :: else
    fi
}

inline pop(lane, counter)
{
    atomic { lane ? to; assert(to == generation); counter++ }
}

inline handle_user()
{
    pop(user, handled);
    note_taken();
    if
    :: waits < WAITS -> atomic { waits++; is_waiting = true; asked_generation = generation; asked++ }
    :: true
    fi
}

inline handle_system()
{
    pop(system, handled);
    system_taken++;
    note_taken();
    is_waiting = false
}

inline end_or_not()
{
    if
    :: generation < GENERATIONS -> is_closed = true; is_ended = true
    :: generation < GENERATIONS -> /* mailbox_close_if_empty */
        atomic {
            if
            :: user_places == OWN_USER && system_places == OWN_SYSTEM ->
                is_closed = true; is_ended = true
            :: else
            fi
        }
    :: true
    fi
}

inline bury(is_buried)
{
    do
    :: nempty(user) -> pop(user, dropped); note_taken()
    :: nempty(system) -> pop(system, dropped); system_taken++; note_taken()
    :: empty(user) && empty(system) -> break
    od;
    atomic {
#ifdef RECYCLE_ANY
        is_buried = true;
#else
        is_buried = user_places == OWN_USER && system_places == OWN_SYSTEM;
#endif
        if
        :: is_buried -> generation++; user_places = 0; system_places = 1; is_parked = false
        :: else
        fi
    }
    if
    :: is_buried -> taken = 0; note_given(true); in_turn = false; is_free = true
    :: else -> keep(); in_turn = false; ready()
    fi
}

/* Gives the actor up, or keeps it when somebody else has a place. */
inline release(is_released)
{
    atomic {
        if
        :: !is_waiting ->
            is_released = user_places == OWN_USER && system_places == OWN_SYSTEM;
#ifdef RELEASE_ANY
            is_released = true;
#endif
            if
            :: is_released -> user_places = 0; system_places = 0
            :: else
            fi
        :: else ->
            is_released = system_places == OWN_SYSTEM;
#ifdef PARK_ANY
            is_released = true;
#endif
            if
            :: is_released ->
                user_places = user_places - OWN_USER; system_places = system_places - OWN_SYSTEM;
                is_parked = true
            :: else
            fi
        fi;
        if
        :: is_released -> owners--; in_turn = false
        :: else
        fi
    }
    if
    :: is_released
    :: else -> keep(); in_turn = false; ready()
    fi
}

proctype scheduler()
{
    byte to, budget;
    bool is_done;
end_idle:
    do
    :: atomic { queued > 0 -> queued--; assert(!in_turn && !is_free && owners == 1); in_turn = true }
        assert(!is_parked);
        budget = TURN;
        do
        :: budget > 0 && !is_ended && nempty(system) -> handle_system(); budget--
        :: budget > 0 && !is_ended && empty(system) && !is_waiting && nempty(user) ->
            handle_user(); budget--
        :: budget == 0 || is_ended || (empty(system) && (is_waiting || empty(user))) -> break
        od;
        if
        :: !is_ended -> end_or_not()
        :: else
        fi;
        if
        :: is_ended -> bury(is_done)
        :: else -> release(is_done)
        fi;
        d_step { to = 0; budget = 0; is_done = false }
    od
}

/* The keeper of the free slot owns it, by its token. */
proctype spawner()
{
end_idle:
    do
    :: atomic { is_free -> is_free = false; assert(!in_turn && queued == 0 && owners == 1) }
        d_step { is_ended = false; is_waiting = false }
        is_closed = false;
        ready()
    od
}

proctype oracle()
{
    timeout ->
        assert(outside == 0 && asked == 0 && queued == 0 && !in_turn);
        assert(empty(user) && empty(system) && pushed == handled + dropped);
        assert(!is_free && !is_ended && !is_waiting && !is_closed && !is_parked);
        assert(NO_PLACES && owners == 0)
}

init {
    byte i;
    atomic {
        system_places = 1; has_token = true; is_closed = true; is_free = true; /* a new slot */
        run spawner();
        for (i : 0 .. SENDERS - 1) {
            run sender(i)
        }
#ifdef PARKING
        run answerer();
        run timer();
#endif
#ifdef INSPECTED
        run inspector();
#endif
        for (i : 1 .. SCHEDULERS) {
            run scheduler()
        }
        run oracle()
    }
}
