/* speaks_here.c -- in the place of node/cluster/speaks_here.c: a program of other versions, those
 * that MS_SPEAKS names ("2", "1-2"). */

#include "node/cluster/speaks.h"

#include <stdlib.h>

speaks_t speaks_here(void)
{
    str_t rest = str_from(getenv("MS_SPEAKS")), one;
    uint64_t oldest = 1, newest = 1;
    if (str_next(&rest, '-', &one) && str_to_u64(one, &oldest) == ERR_OK)
        newest = oldest;
    if (str_next(&rest, '-', &one))
        IGNORE_ERR(str_to_u64(one, &newest));
    return (speaks_t){(uint32_t)oldest, (uint32_t)newest};
}
