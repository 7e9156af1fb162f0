/* handover.pml -- whether two nodes can serve one partition while it is handed over
 * (cluster/handover/handover.h).
 *
 * The fence has a row {owner, epoch}, claimed by compare-and-set. Where the partition is placed
 * changes at any time, and each node learns of it when it does. A message is a fact that stays true:
 * "I have given up epoch e"; who has said it once may be heard at any later time, as often as wanted,
 * so `gone` stands for every message that is under way. What a node read of the row may be old. The
 * answer to a claim may be lost: then it is read again, if somebody asks.
 *
 * A node may be declared dead at any time. From then on it renews no lease; its lease ends at any
 * time, and only then it is free.
 *
 * Property  One node at most serves, with a lease.
 *
 * configurations: TWO THREE
 * mutations: CLAIM_BY_OWNER ANY_EPOCH_GIVEN_UP SERVES_AGAIN DEAD_IS_FREE ANSWERS_UNKNOWN */

#ifdef TWO
#define NODES 2
#define EPOCHS 6
#else
#define NODES 3
#define EPOCHS 4
#endif
#define NOBODY NODES
#define BUSY 255

byte owner = NOBODY, epoch = 0; /* the row */
byte placed;                    /* where the newest view has it */
byte target[NODES];             /* where each node's view has it */
bool is_dead[NODES], has_lease[NODES];
byte gone[NODES];               /* up to this epoch it serves as none of them */
byte serves[NODES];             /* at which epoch; 0: it does not */
byte row_owner[NODES], row_epoch[NODES]; /* as read last */
bool is_claiming[NODES];        /* its claim is under way, or its answer lost */

#define others_serve(me) \
    ((me != 0 && serves[0] != 0 && has_lease[0]) || (me != 1 && serves[1] != 0 && has_lease[1]) \
     OTHERS_THREE(me))
#if NODES == 3
#define OTHERS_THREE(me) || (me != 2 && serves[2] != 0 && has_lease[2])
#else
#define OTHERS_THREE(me)
#endif

inline adopt()
{
    if
#ifdef SERVES_AGAIN
    :: row_owner[me] == me -> serves[me] = row_epoch[me]
#else
    :: row_owner[me] == me && row_epoch[me] > gone[me] ->
        serves[me] = row_epoch[me];
        gone[me] = row_epoch[me] - 1
#endif
    :: else
    fi;
    assert(serves[me] == 0 || !has_lease[me] || !others_serve(me))
}

active [NODES] proctype node()
{
    byte me = _pid, from, as;
    d_step { has_lease[me] = true; row_owner[me] = NOBODY }
    do
    :: atomic { target[me] != placed && !is_dead[me] -> target[me] = placed }
    /* It reads the row: as the new owner, or since it was asked for an epoch it does not know. */
    :: atomic { serves[me] == 0 && !is_dead[me] ->
        row_owner[me] = owner; row_epoch[me] = epoch; is_claiming[me] = false; adopt() }
    /* It claims, as of what it read: released, of nobody, its own that it gave up, or of the dead. */
    :: atomic { serves[me] == 0 && target[me] == me && !is_claiming[me] && epoch < EPOCHS ->
        from = row_owner[me]; as = row_epoch[me];
        if
        :: from == NOBODY
        :: from == me && as <= gone[me]
#ifdef ANY_EPOCH_GIVEN_UP
        :: from != NOBODY && from != me && gone[from] > 0
#else
        :: from != NOBODY && from != me && gone[from] >= as
#endif
#ifdef ANSWERS_UNKNOWN
        :: from != NOBODY && from != me && serves[from] == 0
#endif
#ifdef DEAD_IS_FREE
        :: from != NOBODY && from != me && is_dead[from]
#else
        :: from != NOBODY && from != me && is_dead[from] && !has_lease[from]
#endif
        :: else -> as = BUSY
        fi;
        is_claiming[me] = as != BUSY;
        from = 0; as = 0 }
    /* It lands, now, and its answer is heard, or not; or much later; or not at all. */
    :: atomic { is_claiming[me] && serves[me] == 0 ->
        is_claiming[me] = false;
#ifdef CLAIM_BY_OWNER
        if
        :: owner == row_owner[me] -> owner = me; epoch = epoch + 1
#else
        if
        :: owner == row_owner[me] && epoch == row_epoch[me] -> owner = me; epoch = epoch + 1
#endif
        :: else
        fi;
        if
        :: row_owner[me] = owner; row_epoch[me] = epoch; adopt()
        :: true /* the answer is lost */
        fi }
    /* All rests: it is given up. */
    :: atomic { serves[me] != 0 && target[me] != me && !is_dead[me] ->
        if
        :: serves[me] > gone[me] -> gone[me] = serves[me]
        :: else
        fi;
        serves[me] = 0 }
    od
}

active proctype world()
{
    byte x;
    do
    :: atomic { select(x : 0 .. NODES - 1); if :: !is_dead[x] -> placed = x :: else fi; x = 0 }
    :: atomic { !is_dead[0] -> is_dead[0] = true } /* one of them: the others are alike */
    :: atomic { is_dead[0] && has_lease[0] -> has_lease[0] = false }
    od
}
