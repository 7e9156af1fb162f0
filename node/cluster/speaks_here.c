#include "node/cluster/speaks.h"

/* Raised where a node that speaks the one before would take a word for another: the form of links'
 * frames, of envelopes, of what membership or a move says. `oldest` follows a release later, so
 * that nodes can be upgraded one after the other. */
enum { SPEAKS_OLDEST = 1, SPEAKS_NEWEST = 1 };

speaks_t speaks_here(void)
{
    return (speaks_t){SPEAKS_OLDEST, SPEAKS_NEWEST};
}
