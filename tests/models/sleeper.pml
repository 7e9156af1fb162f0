/* sleeper.pml -- how a scheduler goes to sleep and is woken: runtime/schedule/scheduler.c.
 *
 * Two producers bring work, the scheduler takes it. A scheduler that finds nothing announces that it
 * sleeps, looks again, and only then waits for its event; who brings work looks for the announcement
 * behind it, takes it back, and writes the event. All of it is sequentially consistent, as the
 * atomics there are.
 *
 * Properties
 *   1. No wake-up is lost: the scheduler never waits for ever while there is work. (An invalid end.)
 *   2. No wake-up is written in vain: at most one event an announcement. (The assertion.)
 *   3. All work is done once. (The assertion at the end.)
 *
 * mutations: NO_RECHECK RECHECK_FIRST WAKE_FIRST NO_TAKING_BACK STALE_EVENT_CLEARED */

#define PRODUCERS 2
#define EACH 3
#define TOTAL (PRODUCERS * EACH)

byte work;       /* what run_queue_send and scheduler_post brought, not taken yet */
bool is_asleep;  /* the announcement */
bool event;      /* the loop's eventfd: it stays written until a poll reads it */
byte announced, written, done;

inline wake()
{
    bool was_asleep;
    if
    :: is_asleep ->
#ifdef NO_TAKING_BACK
        was_asleep = is_asleep; /* two may see the same announcement */
#else
        atomic { was_asleep = is_asleep; is_asleep = false } /* an exchange */
#endif
        if
        :: was_asleep -> atomic { event = true; written++; assert(written <= announced) }
        :: else
        fi
    :: else
    fi
}

proctype producer()
{
    byte i;
    for (i : 1 .. EACH) {
#ifdef WAKE_FIRST
        wake();
        work++
#else
        work++;
        wake()
#endif
    }
}

proctype scheduler()
{
    bool has_work;
    do
    :: done == TOTAL -> break
    :: work > 0 -> atomic { work--; done++ }
    :: else ->
#ifdef RECHECK_FIRST
        has_work = work > 0;
        atomic { is_asleep = true; announced++ }
#else
        atomic { is_asleep = true; announced++ } /* an announcement, then a look */
        has_work = work > 0;
#endif
#ifdef NO_RECHECK
        has_work = false;
#endif
        if
        :: has_work -> event = false /* polls without waiting; what was written is read */
        :: else ->
#ifdef STALE_EVENT_CLEARED
            event = false;
#endif
            event -> event = false /* waits */
        fi;
        is_asleep = false
    od;
    assert(work == 0)
}

init {
    byte i;
    atomic {
        run scheduler();
        for (i : 1 .. PRODUCERS) {
            run producer()
        }
    }
}
