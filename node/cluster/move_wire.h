#pragma once
/* move_wire.h -- handover.h's messages as they go over the links (LINK_HANDOVER, on the data lane,
 * behind what was forwarded): kind u8, version u64, count u32, then for each item partition u32 and
 * epoch u64, little-endian. Later versions may append.
 *
 * Threads  None: pure. */

#include "cluster/handover/handover.h"
#include "runtime/base/buf.h"

enum { MOVE_HEAD_SIZE = 13, MOVE_ITEM_SIZE = 12 };

/* NO_MEMORY */
err_t move_message_write(const handover_message_t *message, buf_t *out);
/* The items go to `items`, which has room for HANDOVER_BATCH_MAX. INVALID: too short, too many, of
 * no kind that is known, or no partition. */
err_t move_message_read(str_t bytes, handover_item_t *items, handover_message_t *out);
