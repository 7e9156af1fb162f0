/* Whether a dead member's partitions can be served while it still has its lease (cluster/view.h,
 * view_is_past; cluster/membership.h).
 *
 * The table is a version and who is alive in it. Each node has the view that it read last, and may
 * at any time fail to reach the table or the others: a step that is not taken. Time is a mark and a
 * tick. When somebody reads that nothing can renew the lease of a dead node any more, what that
 * node was asked before is marked old; a lease later, the tick, leases from before the mark have
 * run out. A lease counts from when was asked, not from the answer: so a round of probes has a
 * beginning, and keeps its mark until its end.
 *
 * Any one node may declare any other dead, where the protocol asks for votes: more than can happen.
 *
 * A majority's answers renew a lease for some time after the last poll only; all of the view's do
 * without end. So one is past, too, when it has not polled for that time, and in each view that may
 * be its last somebody knows of its death.
 *
 * Property  Who is free has no lease.
 * ALL_LIVING_ONLY is the rule "all members of the new view have acknowledged it": two that are cut
 * off and dead by now keep each other's lease for ever. MAJORITY_FOR_EVER: as if a majority's answers
 * counted without end; POLLS_UNSEEN: as if nobody looked whether it polled meanwhile; NO_WITNESS: as
 * if all could not answer once it is dead.
 *
 * configurations: TWO THREE
 * mutations: ALL_LIVING_ONLY LATEST_VIEW_ONLY FROM_THE_ANSWER MAJORITY_FOR_EVER POLLS_UNSEEN NO_WITNESS */

#ifdef TWO
#define NODES 2
#else
#define NODES 3
#endif
#define bit(x) (1 << (x))
#define has(set, x) (((set) >> (x)) & 1)

byte version = 1;
byte alive = bit(NODES) - 1; /* in the table */
byte died[NODES];            /* the version in which; 0: it has not */
byte acknowledged[NODES];    /* in the table */

byte view[NODES];      /* the version that it read last */
byte members[NODES];   /* who lives in it */
bool is_stopped[NODES]; /* it read of its death */
bool has_lease[NODES], is_lease_new[NODES];
bool is_asking[NODES], is_round_new[NODES]; /* a round of probes */
byte heard[NODES];
bool is_marked[NODES], is_free[NODES];
bool is_late[NODES]; /* it has not polled for so long that a majority's answers do not count */
#ifdef POLLS_UNSEEN
bool was_late[NODES];
#else
#define was_late is_late
#endif
hidden byte i, at, live, unaware; /* of one step: no part of a state */
hidden byte is_past, is_witnessed;

inline count_of(set, out)
{
    out = 0;
    for (i : 0 .. NODES - 1) { out = out + has(set, i) }
}

/* Of the versions in which `x` may believe: those it has not gone past, up to its death. */
inline judge(x, out, out_witnessed)
{
    out = true;
    out_witnessed = true;
#ifdef LATEST_VIEW_ONLY
    at = died[x] - 1;
#else
    at = acknowledged[x];
#endif
    do
    :: at < died[x] ->
        live = 0; unaware = 0;
        for (i : 0 .. NODES - 1) {
            if
            :: died[i] == 0 || died[i] > at ->
                live++;
                if
                :: i == x || acknowledged[i] < died[x] -> unaware++
                :: else
                fi
            :: else
            fi
        }
#ifndef NO_WITNESS
        if
        :: unaware == live -> out_witnessed = false
        :: else
        fi;
#endif
#ifdef ALL_LIVING_ONLY
        for (i : 0 .. NODES - 1) {
            if
            :: has(alive, i) && acknowledged[i] < died[x] -> out = false
            :: else
            fi
        }
#else
        if
        :: unaware >= live / 2 + 1 -> out = false
        :: else
        fi;
#endif
        at++
    :: else -> break
    od
}

active [NODES] proctype node()
{
    byte me = _pid, other;
    d_step { view[me] = 1; members[me] = alive; acknowledged[me] = 1 }
    do
    /* The table: a poll with the newest version takes the view, and acknowledges the one before. */
    :: atomic { !is_stopped[me] ->
        acknowledged[me] = view[me];
        view[me] = version;
        members[me] = alive;
        if
        :: has(alive, me) ->
            has_lease[me] = true; is_lease_new[me] = true;
            is_late[me] = false
        :: else -> is_stopped[me] = true; has_lease[me] = false
        fi }
    :: atomic { !is_stopped[me] && has(alive, me) && view[me] == version && alive != bit(me) ->
        select(other : 0 .. NODES - 1);
        if
        :: other != me && has(alive, other) ->
            version++;
            alive = alive & ~bit(other);
            died[other] = version
        :: else
        fi;
        other = 0 }
    /* Without the table: a majority of one's view. */
    :: atomic { !is_stopped[me] && !is_asking[me] ->
        is_asking[me] = true; is_round_new[me] = true; heard[me] = bit(me) }
    :: atomic { !is_stopped[me] && is_asking[me] ->
        select(other : 0 .. NODES - 1);
        if
        :: has(members[me], other) && !is_stopped[other] && has(members[other], me) ->
            heard[me] = heard[me] | bit(other)
        :: else
        fi;
        other = 0 }
    :: atomic { !is_stopped[me] && is_asking[me] ->
        is_asking[me] = false;
        count_of(members[me], live);
        count_of(heard[me] & members[me], unaware);
        if
#ifdef MAJORITY_FOR_EVER
        :: unaware >= live / 2 + 1 && (is_round_new[me] || !is_free[me]) ->
#else
        :: (unaware == live || (unaware >= live / 2 + 1 && !is_late[me])) &&
           (is_round_new[me] || !is_free[me]) ->
#endif
            has_lease[me] = true;
            is_lease_new[me] = is_lease_new[me] || is_round_new[me]
        :: else
        fi;
        heard[me] = 0; is_round_new[me] = false }
    od
}

/* Whoever wants a dead member's partitions. Nodes are alike: that of one is enough. */
active proctype taker()
{
    byte x;
    do
    :: atomic { if
        :: !is_marked[x] && !is_late[x] -> is_late[x] = true; was_late[x] = true
        :: died[x] != 0 && !is_marked[x] ->
            judge(x, is_past, is_witnessed);
            is_witnessed = is_witnessed && was_late[x];
            if
            :: is_past || is_witnessed -> is_marked[x] = true; is_lease_new[x] = false;
#ifndef FROM_THE_ANSWER
                is_round_new[x] = false
#endif
            :: else
            fi
        :: is_marked[x] && !is_free[x] -> /* a lease later */
            if
            :: has_lease[x] && !is_lease_new[x] -> has_lease[x] = false
            :: else
            fi;
            is_free[x] = true
        :: else
        fi;
        assert(!(is_free[x] && has_lease[x])) }
    od
}
