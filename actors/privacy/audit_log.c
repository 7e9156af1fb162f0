#include "actors/privacy/audit_log.h"

#include "runtime/base/text.h"

bool audit_log_is_pending(const audit_log_t *self, str_t user_id)
{
    for (uint32_t i = 0; i < self->pending_count; i++)
        if (str_equal(str_from(self->pending[i].id), user_id))
            return true;
    return false;
}

const char *audit_action_text(uint32_t action)
{
    static const char *const texts[] = {
        [AUDIT_EXPORTED] = "exported",
        [AUDIT_ERASURE_BEGUN] = "erasure begun",
        [AUDIT_ERASURE_REFUSED] = "erasure refused",
        [AUDIT_ERASURE_ENDED] = "erasure ended",
        [AUDIT_MASTER_KEY_CHANGED] = "master key changed",
        [AUDIT_ANCHORED] = "anchor made",
        [AUDIT_ANCHOR_LOST] = "anchor lost",
    };
    return action < COUNT_OF(texts) && texts[action] != NULL ? texts[action] : NULL;
}

/* ---- the chain ---- */

static err_t chain_of(const audit_log_t *self, const keyring_t *keyring, const audit_noted_t *event,
                      char room[AUDIT_CHAIN_SIZE + 1])
{
    uint8_t mac[KEYRING_MAC_SIZE];
    buf_t text BUF_SCOPED = BUF_INIT, hex BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "%s %llu %u %lld %.*s", self->chain, (unsigned long long)event->number,
               event->action, (long long)event->at_ms, STR_ARG(event->user_id));
    TRY(buf_status(&text));
    TRY(keyring_mac(keyring, STR("audit log"), buf_str(&text), mac));
    hex_append(&hex, str_of(mac, sizeof mac));
    TRY(buf_status(&hex));
    str_to_array(buf_str(&hex), room, AUDIT_CHAIN_SIZE + 1);
    return ERR_OK;
}

static bool is_of_nobody(uint32_t action)
{
    return action == AUDIT_MASTER_KEY_CHANGED || action == AUDIT_ANCHORED ||
           action == AUDIT_ANCHOR_LOST;
}

static err_t check(const audit_log_t *self, uint32_t action, str_t user_id)
{
    if (audit_action_text(action) == NULL || user_id.size > AUDIT_USER_ID_SIZE_MAX ||
        str_is_empty(user_id) != is_of_nobody(action))
        return ERR_INVALID;
    bool is_more = action == AUDIT_ERASURE_BEGUN && !audit_log_is_pending(self, user_id);
    return is_more && self->pending_count == AUDIT_PENDING_MAX ? ERR_LIMIT : ERR_OK;
}

err_t audit_log_next(const audit_log_t *self, const keyring_t *keyring, uint32_t action,
                     str_t user_id, int64_t at_ms, char room[AUDIT_CHAIN_SIZE + 1],
                     audit_noted_t *out_event)
{
    audit_noted_t event = {
        .number = self->number + 1, .action = action, .user_id = user_id, .at_ms = at_ms};
    TRY(check(self, action, user_id));
    TRY(chain_of(self, keyring, &event, room));
    event.chain = str_from(room);
    *out_event = event;
    return ERR_OK;
}

bool audit_log_follows(const audit_log_t *self, const keyring_t *keyring,
                       const audit_noted_t *event)
{
    char room[AUDIT_CHAIN_SIZE + 1];
    return event->number == self->number + 1 && event->chain.size == AUDIT_CHAIN_SIZE &&
           chain_of(self, keyring, event, room) == ERR_OK &&
           keyring_equal(room, event->chain.data, AUDIT_CHAIN_SIZE);
}

/* ---- events ---- */

static void forget(audit_log_t *self, str_t user_id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->pending_count; i++)
        if (!str_equal(str_from(self->pending[i].id), user_id))
            self->pending[kept++] = self->pending[i];
    self->pending_count = kept;
}

void audit_log_apply(audit_log_t *self, const audit_noted_t *event)
{
    self->number = event->number;
    str_to_array(event->chain, self->chain, sizeof self->chain);
    if (event->action == AUDIT_ERASURE_BEGUN && !audit_log_is_pending(self, event->user_id) &&
        self->pending_count < AUDIT_PENDING_MAX)
        str_to_array(event->user_id, self->pending[self->pending_count++].id,
                     sizeof self->pending[0].id);
    if (event->action == AUDIT_ANCHORED || event->action == AUDIT_ANCHOR_LOST)
        self->is_anchored = true;
    if (event->action == AUDIT_ERASURE_ENDED || event->action == AUDIT_ERASURE_REFUSED)
        forget(self, event->user_id);
}
