/* lane.pml -- the queue of many senders and one receiver in a mailbox: newest_push and newest_pop of
 * runtime/mail/mailbox.c. A push is one compare-and-set of `newest`; the receiver walks from there
 * back to where it was.
 *
 * Messages lie in a few blocks, which are used again as soon as they were popped: a sender may put a
 * new message where the newest one was. What keeps them apart is the tag.
 *
 * Properties
 *   1. Of each sender, messages come in order, each once, and none is lost.
 *   2. The receiver walks only over messages that wait, never over a block that was given away.
 *
 * mutations: NO_TAG TAG_COMES_ROUND PLAIN_STORE NOT_TURNED_ROUND */

#define SENDERS 2
#define EACH 3
#define BLOCKS 2 /* block 0 is nothing */
#ifdef TAG_COMES_ROUND
#define TAGS 2 /* not more than messages that may wait */
#else
#define TAGS 4
#endif
#ifdef NO_TAG
#define LINK(block, tag) (block)
#else
#define LINK(block, tag) ((block) * TAGS + (tag) % TAGS)
#endif
#ifdef NO_TAG
#define BLOCK(link) (link)
#define TAG(link) 0
#else
#define BLOCK(link) ((link) / TAGS)
#define TAG(link) ((link) % TAGS)
#endif

byte newest;                  /* the lane's */
byte before[BLOCKS + 1];      /* link.before of the message in a block */
byte next[BLOCKS + 1];        /* link.next, the receiver's */
byte sent_by[BLOCKS + 1], number[BLOCKS + 1];
bool is_used[BLOCKS + 1], is_waiting[BLOCKS + 1];
byte received, last[SENDERS];

proctype sender(byte me)
{
    byte i, block, seen;
    bool is_done;
    for (i : 0 .. EACH - 1) {
        atomic { /* a free block */
            if
            :: !is_used[1] -> block = 1
            :: !is_used[2] -> block = 2
            fi;
            is_used[block] = true; sent_by[block] = me; number[block] = i
        }
        seen = newest;
        do
        :: before[block] = seen;
#ifdef PLAIN_STORE
            atomic { newest = LINK(block, TAG(seen) + 1); is_waiting[block] = true; is_done = true }
#else
            atomic { /* compare and set */
                is_done = newest == seen;
                if
                :: is_done -> newest = LINK(block, TAG(seen) + 1); is_waiting[block] = true
                :: else -> seen = newest
                fi
            }
#endif
            if
            :: is_done -> break
            :: else
            fi
        od;
        block = 0; seen = 0; is_done = false
    }
}

proctype receiver()
{
    byte seen, link, first, block, walked;
    do
    :: received == SENDERS * EACH -> break
    :: else ->
        atomic { newest != seen -> link = newest }
        walked = link; /* `seen` from now on */
        do
        :: link != seen ->
            block = BLOCK(link);
            assert(block != 0 && is_waiting[block]);
            link = before[block];
#ifdef NOT_TURNED_ROUND
            next[block] = 0;
            if
            :: first == 0 -> first = block
            :: else -> next[first] = block
            fi
#else
            next[block] = first;
            first = block
#endif
        :: else -> break
        od;
        seen = walked;
        do
        :: first != 0 ->
            block = first;
            first = next[block];
            atomic {
                assert(number[block] == last[sent_by[block]]); /* in order */
                last[sent_by[block]]++; received++;
                is_waiting[block] = false; is_used[block] = false /* freed: somebody's next block */
            }
        :: else -> break
        od;
        link = 0; block = 0; walked = 0
    od
}

init {
    byte i;
    atomic {
        for (i : 0 .. SENDERS - 1) {
            run sender(i)
        }
        run receiver()
    }
}
