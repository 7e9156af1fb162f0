/* lane.pml -- the queue of many senders and one receiver: lane_push and lane_pop of
 * runtime/mail/mailbox.c (D. Vyukov's intrusive queue with a stub).
 *
 * Properties
 *   1. Of each sender, messages come in order, each once, and none is lost.
 *   2. Nobody writes into a message that was popped: its receiver may free it at once.
 *   3. lane_pop says NULL only of an empty lane, or of one where a push is between its two steps.
 *
 * mutations: NO_STUB NO_HEAD_LOOK LINK_FIRST STUB_UNCLEARED */

#define SENDERS 2
#define EACH 2
#define MESSAGES (SENDERS * EACH)
#define STUB MESSAGES
#define NONE 255

byte next[MESSAGES + 1]; /* of message i; of the stub */
byte head = STUB, tail = STUB;
bool is_popped[MESSAGES + 1];
byte linked;         /* pushes that are done */
byte in_between;     /* senders between their two steps */
bool is_disturbed;   /* somebody was, since the receiver began to look */
byte popped;
byte last[SENDERS];  /* of each sender: how many came */

inline link_push(node, before)
{
#ifndef STUB_UNCLEARED
    next[node] = NONE;
#endif
#ifdef LINK_FIRST
    before = head;
    next[before] = node;
    head = node
#else
    atomic { before = head; head = node; in_between++; is_disturbed = is_disturbed || node != STUB } /* the exchange */
    atomic { assert(before == STUB || !is_popped[before]); next[before] = node; in_between-- }
#endif
}

proctype sender(byte number)
{
    byte i, before;
    for (i : 0 .. EACH - 1) {
        link_push(number * EACH + i, before);
        linked++
    }
}

inline take(node)
{
    assert(!is_popped[node]);
    assert(node % EACH == last[node / EACH]); /* in order */
    is_popped[node] = true;
    last[node / EACH]++;
    popped++
}

/* One lane_pop; `result` is a message, or NONE. */
inline pop()
{
    result = NONE;
    at = tail;
    after = next[at];
    if
    :: at == STUB && after != NONE -> tail = after; at = after; after = next[at]
    :: else
    fi;
    if
    :: at == STUB -> skip /* nothing there */
    :: at != STUB && after != NONE -> tail = after; result = at
    :: at != STUB && after == NONE ->
#ifdef NO_STUB
        tail = STUB; result = at
#else
        if
#ifndef NO_HEAD_LOOK
        :: at != head -> skip /* a sender has exchanged the head and not linked yet */
#endif
        :: else ->
            link_push(STUB, before);
            after = next[at];
            if
            :: after != NONE -> tail = after; result = at
            :: else
            fi
        fi
#endif
    fi
}

proctype receiver()
{
    byte result, at, after, before, were_linked;
    do
    :: popped == MESSAGES -> break
    :: popped < MESSAGES && (linked > popped || in_between > 0) ->
        atomic { were_linked = linked; is_disturbed = in_between > 0 }
        pop();
        if
        :: result != NONE -> atomic { take(result) }
        :: result == NONE ->
            assert(were_linked <= popped || is_disturbed)
        fi
    od;
    pop();
    assert(result == NONE)
}

init {
    byte i;
    atomic {
        for (i : 0 .. MESSAGES) {
            next[i] = NONE
        }
        for (i : 0 .. SENDERS - 1) {
            run sender(i)
        }
        run receiver()
    }
}
