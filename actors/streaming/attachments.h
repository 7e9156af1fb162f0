#pragma once
/* attachments.h -- which devices are there right now: one place an open socket; pure, not durable.
 *
 * At most SESSION_CONNECTIONS_MAX sockets a device (the one unheard of longest gives way) and
 * SESSION_DEVICES_MAX devices. A place unheard of for SESSION_ATTACH_LOST_MS is dropped.
 *
 * Ownership  The set owns its places. Threads None. */

#include "actors/protocol/session.h"

typedef struct attachment {
    char device_id[SESSION_DEVICE_ID_SIZE_MAX + 1];
    uint64_t connection, heard_ms; /* monotonic */
} attachment_t;

typedef struct attachments {
    attachment_t *places;
    uint32_t count, capacity;
} attachments_t;

void attachments_deinit(attachments_t *self);
/* The device is there, or still is. LIMIT; NO_MEMORY. */
err_t attachments_add(attachments_t *self, str_t device_id, uint64_t connection, uint64_t now_ms);
void attachments_remove(attachments_t *self, str_t device_id, uint64_t connection);
void attachments_prune(attachments_t *self, uint64_t now_ms);
bool attachments_have(const attachments_t *self, str_t device_id);
