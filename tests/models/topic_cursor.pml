/* topic_cursor.pml -- whether a node that believes it hears a topic is one that the topic's home knows
 * (cluster/topic/topics.h, topics_hearing.c, topics_home.c).
 *
 * There is a node that listens, and one that is the home in some views and in others is not. Each
 * learns the views in its own time, and may skip some. What they say may be lost or overtaken: it is
 * a set of words of which any may come, or none. The listener begins and ceases to be wanted; while
 * another is the home it hears from that.
 *
 * Property  When both know the last view, in which this node is the home, and the listener believes
 * that it hears from it: then the home has a cursor of it, of the same life, that is not past what
 * the listener has seen, or had been published when it was told to ask for the state. (What is behind a cursor is sent until it is acknowledged, and a listener
 * that does not believe so asks until it is answered: so each hears all, or is told that it has not.)
 *
 * mutations: NO_VIEW DROPS_WHEN_SKIPPING NO_ASK_IN_LEAVE OLD_ANSWERS_COUNT SURE_WHILE_UNWANTED CURSOR_JUMPS */

#define VIEWS 4
#define ASKS 3
#define LIVES 3
#define TURNS 2 /* of being wanted or not */

#ifdef NO_VIEW
#define KNOWS(view) true
#else
#define KNOWS(view) ((view) <= hview)
#endif
#ifdef NO_ASK_IN_LEAVE
#define TAKES_BACK(ask) true
#else
#define TAKES_BACK(ask) ((ask) >= cursor_ask)
#endif
#ifdef OLD_ANSWERS_COUNT
#define COUNTS(ask) true
#else
#define COUNTS(ask) ((ask) >= asks)
#endif
#ifdef DROPS_WHEN_SKIPPING
#define STAYS(view) (ours[view] && (view) == hview + 1)
#else
#define STAYS(view) (ours[view])
#endif

bool ours[VIEWS + 1]; /* whether this home is it */

/* what is under way; 0: nothing */
byte sub_view[ASKS + 1], sub_life[ASKS + 1], sub_seen[ASKS + 1];
byte live_life[ASKS + 1], live_number[ASKS + 1];
bool unsub[ASKS + 1], ended[LIVES + 1], posted[LIVES + 1], acked[LIVES + 1];

/* the home */
byte hview = 1, life = 1, number, cursor_ask, cursor_acked;
bool has_cursor;

/* the listener */
byte lview = 1, asks, last_ask, heard_life, seen, known /* asked for */, turns;
bool is_wanted, is_live, is_unsure, is_ours /* its source is this home */, is_asked;

byte i, to; /* of one step */

inline check()
{
    assert(!(hview == VIEWS && lview == VIEWS && is_live && is_ours && !is_unsure) ||
           (has_cursor && life == heard_life && (cursor_acked <= seen || cursor_acked <= known)))
}

inline new_life() { has_cursor = false; cursor_ask = 0; cursor_acked = 0; number = 0; life++ }

inline subscribe()
{
    last_ask++;
    sub_view[last_ask] = lview;
    if
    :: is_live && is_ours -> sub_life[last_ask] = heard_life; sub_seen[last_ask] = seen
    :: else
    fi
}

inline leave()
{
    unsub[last_ask] = true;
    is_asked = false
}

inline forget_all() { asks = 0; heard_life = 0; seen = 0; known = 0; is_live = false; is_unsure = false; is_ours = false; is_asked = false }

/* any of them; what follows may do nothing */
inline pick(count)
{
    i = 1;
    do
    :: i < count -> i++
    :: break
    od
}
inline unpicked() { i = 0; check() }

/* ---- what comes to the home ---- */

inline subscribed()
{
    if
    :: sub_view[i] != 0 && ours[hview] && KNOWS(sub_view[i]) && i >= cursor_ask ->
        if
        :: !has_cursor -> has_cursor = true; cursor_acked = number
#ifdef CURSOR_JUMPS
        :: has_cursor -> cursor_acked = number
#endif
        :: else
        fi;
        if
        :: sub_life[i] == life && sub_seen[i] > cursor_acked -> cursor_acked = sub_seen[i]
        :: else
        fi;
        cursor_ask = i;
        live_life[i] = life; live_number[i] = cursor_acked
    :: else
    fi;
    sub_view[i] = 0; sub_life[i] = 0; sub_seen[i] = 0
}

inline unsubscribed()
{
    if
    :: unsub[i] && has_cursor && TAKES_BACK(i) ->
        if
        :: life < LIVES -> new_life() /* nobody listens: it is forgotten */
        :: has_cursor = false; cursor_ask = 0; cursor_acked = 0
        fi
    :: else
    fi;
    unsub[i] = false
}

/* ---- what comes to the listener ---- */

inline answered()
{
    if
    :: live_life[i] == 0
    :: live_life[i] != 0 && (!is_wanted || !ours[lview]) ->
        if
        :: !is_ours -> leave()
        :: else
        fi
    :: live_life[i] != 0 && is_wanted && ours[lview] && COUNTS(i) ->
        asks = i;
        is_unsure = false;
        if
        :: is_live && is_ours && heard_life == live_life[i] && live_number[i] <= seen
        :: else ->
            heard_life = live_life[i]; seen = live_number[i];
            known = (life == live_life[i] -> number : 0);
            is_live = true; is_ours = true; is_asked = false
        fi
    :: else
    fi;
    live_life[i] = 0; live_number[i] = 0
}

inline told_end()
{
    if
    :: ended[i] ->
        if
        :: is_live && is_ours && heard_life == i -> is_live = false
        :: else
        fi;
        is_asked = false
    :: else
    fi;
    ended[i] = false
}

inline told_post()
{
    if
    :: posted[i] && is_live && is_ours && heard_life == i -> seen = 1; acked[i] = true
    :: posted[i] && !(is_live && is_ours && heard_life == i) && !is_ours && (!ours[lview] || !is_wanted) -> leave()
    :: else
    fi;
    posted[i] = false
}

active proctype both()
{
    d_step { ours[VIEWS] = true; i = 1 }
    do
    :: i < VIEWS -> ours[i] = true; i++
    :: i < VIEWS -> i++
    :: else -> break
    od;
end:
    do
    /* ---- views ---- */
    :: atomic {
        hview < VIEWS ->
        to = hview + 1;
        do
        :: to < VIEWS -> to++
        :: break
        od;
        if
        :: !STAYS(to) ->
            if
            :: has_cursor -> ended[life] = true
            :: else
            fi;
            if
            :: ours[hview] && life < LIVES -> new_life()
            :: else -> has_cursor = false; cursor_ask = 0; cursor_acked = 0
            fi
        :: else
        fi;
        hview = to; to = 0;
        check()
       }
    :: atomic {
        lview < VIEWS ->
        to = lview + 1;
        do
        :: to < VIEWS -> to++
        :: break
        od;
        if
        :: ours[to] != ours[lview] || to > lview + 1 ->
            is_asked = false;
            is_unsure = is_live && is_ours && ours[to];
#ifdef SURE_WHILE_UNWANTED
            is_unsure = is_unsure && is_wanted;
#endif
            asks = last_ask + 1
        :: else
        fi;
        lview = to; to = 0;
        check()
       }
    /* ---- the listener ---- */
    :: atomic { turns < TURNS -> turns++; is_wanted = !is_wanted; check() }
    :: atomic { /* asks, and again */
        is_wanted && ours[lview] && last_ask < ASKS && !(is_live && is_ours && !is_unsure) ->
        if
        :: !is_asked && !(is_live && is_ours) -> asks = last_ask + 1
        :: else
        fi;
        is_asked = !(is_live && is_ours);
        subscribe();
        check()
       }
    :: atomic { /* another home answers */
        is_wanted && !ours[lview] && (is_ours || !is_live) ->
        is_asked = false;
        if
        :: is_ours -> leave()
        :: else
        fi;
        is_ours = false; is_live = true; heard_life = 0; seen = 0; known = 0; is_unsure = false;
        check()
       }
    :: atomic { /* nobody has listened for long */
        !is_wanted && (is_ours || is_asked) -> leave(); forget_all(); check()
       }
    /* ---- what comes ---- */
    :: atomic { pick(ASKS); subscribed(); unpicked() }
    :: atomic { pick(ASKS); unsubscribed(); unpicked() }
    :: atomic { pick(ASKS); answered(); unpicked() }
    :: atomic { pick(LIVES); told_end(); unpicked() }
    :: atomic { pick(LIVES); told_post(); unpicked() }
    :: atomic { has_cursor && number == 0 -> number = 1; posted[life] = true; check() }
    :: atomic { has_cursor && acked[life] && number == 1 -> cursor_acked = 1; check() }
    od
}
