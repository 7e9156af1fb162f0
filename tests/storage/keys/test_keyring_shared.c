#include "storage/keys/keyring.h"
#include "tests/support/check.h"

typedef struct clock_hand {
    int64_t wall_ms;
} clock_hand_t;

static uint64_t mono_ns(void *context)
{
    (void)context;
    return 1;
}

static int64_t wall_ms(void *context)
{
    return ((const clock_hand_t *)context)->wall_ms;
}

/* The table row. */
typedef struct row {
    buf_t text;
    uint64_t version;
    err_t err; /* the database is away */
} row_t;

static err_t row_get(void *context, buf_t *out_text, uint64_t *out_version)
{
    row_t *row = context;
    TRY(row->err);
    if (row->version == 0)
        return ERR_NOT_FOUND;
    buf_append(out_text, buf_str(&row->text));
    *out_version = row->version;
    return buf_status(out_text);
}

static err_t row_put(void *context, str_t text, uint64_t version)
{
    row_t *row = context;
    TRY(row->err);
    if (row->version != version)
        return ERR_CONFLICT;
    buf_reset(&row->text);
    buf_append(&row->text, text);
    row->version++;
    return buf_status(&row->text);
}

typedef struct rig {
    row_t row;
    keyring_store_t store;
    clock_hand_t hand;
    keyring_t *a, *b;
} rig_t;

static keyring_t *keyring_of(rig_t *rig)
{
    const ms_clock_t clock = {mono_ns, wall_ms, &rig->hand};
    const ms_random_t random = random_system();
    keyring_t *keyring = NULL;
    check_ok(keyring_open((str_t){0}, &clock, &random, &keyring));
    return keyring;
}

static void rig_init(rig_t *rig)
{
    *rig = (rig_t){.row.text = BUF_INIT, .hand = {1000}};
    rig->store = (keyring_store_t){&rig->row, row_get, row_put};
    rig->a = keyring_of(rig);
    rig->b = keyring_of(rig);
}

static void rig_deinit(rig_t *rig)
{
    keyring_close(rig->a);
    keyring_close(rig->b);
    buf_deinit(&rig->row.text);
}
#define RIG_SCOPED SCOPED(rig_deinit)

static err_t signed_by_is_known_by(keyring_t *signer, keyring_t *verifier)
{
    uint8_t signature[KEYRING_SIGNATURE_SIZE];
    uint32_t number = keyring_newest(signer);
    check_ok(keyring_sign(signer, number, STR("data"), signature));
    return keyring_verify(verifier, number, STR("data"), signature);
}

Test(keyring_shared, the_first_gives_its_keys_and_the_next_take_them)
{
    rig_t rig RIG_SCOPED;
    uint8_t macs[2][KEYRING_MAC_SIZE];
    rig_init(&rig);
    check_err(signed_by_is_known_by(rig.a, rig.b), ERR_UNAUTHENTICATED);

    check_ok(keyring_share(rig.a, &rig.store));
    check_ok(keyring_share(rig.b, &rig.store));

    check_ok(signed_by_is_known_by(rig.a, rig.b));
    check_ok(signed_by_is_known_by(rig.b, rig.a));
    check_str(keyring_instance(rig.a), keyring_instance(rig.b));
    check_ok(keyring_mac(rig.a, STR("x"), STR("data"), macs[0]));
    check_ok(keyring_mac(rig.b, STR("x"), STR("data"), macs[1]));
    cr_assert(keyring_equal(macs[0], macs[1], KEYRING_MAC_SIZE));
    check_ok(keyring_url_mac(rig.a, 1, STR("data"), macs[0]));
    check_ok(keyring_url_mac(rig.b, 1, STR("data"), macs[1]));
    cr_assert(keyring_equal(macs[0], macs[1], KEYRING_MAC_SIZE));
}

Test(keyring_shared, of_two_that_rotate_at_once_one_makes_the_generation)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig);
    check_ok(keyring_share(rig.a, &rig.store));
    check_ok(keyring_share(rig.b, &rig.store));
    rig.hand.wall_ms += KEYRING_ROTATE_MS;

    check_ok(keyring_rotate_if_due(rig.a));
    check_ok(keyring_rotate_if_due(rig.b)); /* still believes that it is due */

    cr_assert(eq(u64, rig.row.version, 2));
    rig.hand.wall_ms += KEYRING_SETTLE_MS;
    cr_assert(eq(u32, keyring_newest(rig.a), 2));
    cr_assert(eq(u32, keyring_newest(rig.b), 2));
    check_ok(signed_by_is_known_by(rig.a, rig.b));
}

Test(keyring_shared, a_new_generation_signs_only_when_all_have_had_time_to_read_it)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig);
    check_ok(keyring_share(rig.a, &rig.store));
    check_ok(keyring_share(rig.b, &rig.store));
    rig.hand.wall_ms += KEYRING_ROTATE_MS;

    check_ok(keyring_rotate_if_due(rig.a));
    cr_assert(eq(u32, keyring_newest(rig.a), 1));
    check_ok(signed_by_is_known_by(rig.a, rig.b)); /* who has not read it */
    rig.hand.wall_ms += KEYRING_SETTLE_MS - 1;
    cr_assert(eq(u32, keyring_newest(rig.a), 1));
    rig.hand.wall_ms += 1;
    cr_assert(eq(u32, keyring_newest(rig.a), 2));

    check_err(signed_by_is_known_by(rig.a, rig.b), ERR_NOT_FOUND);
    check_ok(keyring_follow(rig.b));
    check_ok(signed_by_is_known_by(rig.a, rig.b));
}

Test(keyring_shared, what_cannot_be_read_changes_nothing)
{
    rig_t rig RIG_SCOPED;
    rig_init(&rig);
    check_ok(keyring_share(rig.a, &rig.store));
    check_ok(keyring_share(rig.b, &rig.store));

    rig.row.err = ERR_UNAVAILABLE;
    check_err(keyring_follow(rig.b), ERR_UNAVAILABLE);
    rig.hand.wall_ms += KEYRING_ROTATE_MS;
    check_err(keyring_rotate_if_due(rig.b), ERR_UNAVAILABLE);
    rig.row.err = ERR_OK;
    rig.row.version++;
    size_t whole = rig.row.text.size;
    for (size_t size = 0; size < whole; size += 7) { /* cut anywhere */
        rig.row.text.size = size;
        cr_expect(keyring_follow(rig.b) != ERR_OK, "cut at %zu", size);
    }
    rig.row.text.size = whole;

    check_ok(signed_by_is_known_by(rig.a, rig.b));
    check_ok(keyring_follow(rig.b));
    check_ok(signed_by_is_known_by(rig.b, rig.a));
}
