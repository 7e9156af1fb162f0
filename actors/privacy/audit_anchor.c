#include "actors/privacy/audit_anchor.h"

#include "runtime/base/text.h"

static const uint64_t CUT = 1ull << 63; /* beside the number */

static err_t chain_bytes(const char *hex, uint8_t out[AUDIT_ANCHOR_CHAIN_SIZE])
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    memset(out, 0, AUDIT_ANCHOR_CHAIN_SIZE);
    if (hex[0] == '\0')
        return ERR_OK;
    TRY(hex_decode(&bytes, str_from(hex)));
    memcpy(out, bytes.data, MIN(bytes.size, (size_t)AUDIT_ANCHOR_CHAIN_SIZE));
    return ERR_OK;
}

static audit_anchor_t read_anchor(const uint8_t value[VAULT_VALUE_SIZE])
{
    audit_anchor_t anchor = {.is_there = value != NULL};
    uint64_t word = 0;
    if (value == NULL)
        return anchor;
    memcpy(&word, value, sizeof word);
    anchor.is_cut = (word & CUT) != 0;
    anchor.number = word & ~CUT;
    memcpy(anchor.chain, value + sizeof word, sizeof anchor.chain);
    return anchor;
}

static void write_anchor(const audit_anchor_t *anchor, uint8_t value[VAULT_VALUE_SIZE])
{
    uint64_t word = anchor->number | (anchor->is_cut ? CUT : 0);
    memcpy(value, &word, sizeof word);
    memcpy(value + sizeof word, anchor->chain, sizeof anchor->chain);
}

typedef struct advancing {
    audit_anchor_t before, next; /* next: of the log's newest entry */
    audit_anchor_how_t how;
    bool is_reading;
} advancing_t;

/* The newest entry lies before the anchor's, or another one is in its place. Other than at a start
 * a number before it is no more than a job that came late. */
static bool is_cut(const advancing_t *self, const audit_anchor_t *anchor)
{
    bool is_same = memcmp(anchor->chain, self->next.chain, sizeof anchor->chain) == 0;
    return anchor->is_there && ((anchor->number > self->next.number && self->how.is_start) ||
                                (anchor->number == self->next.number && !is_same));
}

static bool decide(void *context, const uint8_t *now, uint8_t *next)
{
    advancing_t *self = context;
    audit_anchor_t anchor = self->before = read_anchor(now);
    if (self->is_reading || anchor.is_cut || (!anchor.is_there && !self->how.may_make))
        return false;
    anchor.is_cut = is_cut(self, &anchor);
    if (anchor.is_there && !anchor.is_cut && anchor.number >= self->next.number)
        return false;
    write_anchor(anchor.is_cut ? &anchor : &self->next, next);
    return true;
}

err_t audit_anchor_get(vault_t *vault, audit_anchor_t *out_anchor)
{
    advancing_t reading = {.is_reading = true};
    TRY(vault_value_change(vault, AUDIT_ANCHOR, decide, &reading));
    *out_anchor = reading.before;
    return ERR_OK;
}

err_t audit_anchor_advance(vault_t *vault, const audit_log_t *log, audit_anchor_how_t how,
                           audit_anchor_t *out_before)
{
    advancing_t advancing = {.next = {.is_there = true, .number = log->number}, .how = how};
    TRY(chain_bytes(log->chain, advancing.next.chain));
    TRY(vault_value_change(vault, AUDIT_ANCHOR, decide, &advancing));
    if (out_before != NULL)
        *out_before = advancing.before;
    return ERR_OK;
}

bool audit_anchor_is_of(const audit_anchor_t *self, str_t chain)
{
    uint8_t bytes[AUDIT_ANCHOR_CHAIN_SIZE];
    char room[AUDIT_CHAIN_SIZE + 1];
    return str_to_array(chain, room, sizeof room) && chain_bytes(room, bytes) == ERR_OK &&
           memcmp(bytes, self->chain, sizeof bytes) == 0;
}
