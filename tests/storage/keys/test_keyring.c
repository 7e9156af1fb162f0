#include "storage/keys/keyring.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

static err_t open_at(const char *directory, clock_hand_t *hand, keyring_t **out)
{
    ms_clock_t clock = {mono_ns, wall_ms, hand};
    ms_random_t random = random_system();
    return keyring_open(str_from(directory), &clock, &random, out);
}

Test(keyring, what_was_signed_before_a_restart_is_verified_after_it)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    temporary_name_t folder = temporary_in(&root, "keys");
    const char *keys = folder.path;
    clock_hand_t hand = {1000};
    keyring_t *before = NULL, *after = NULL;
    uint8_t signature[KEYRING_SIGNATURE_SIZE], mac[2][KEYRING_MAC_SIZE];
    char instance[KEYRING_INSTANCE_SIZE + 1];

    check_ok(open_at(keys, &hand, &before));
    check_ok(keyring_sign(before, keyring_newest(before), STR("data"), signature));
    check_ok(keyring_mac(before, STR("a"), STR("data"), mac[0]));
    str_to_array(keyring_instance(before), instance, sizeof instance);
    keyring_close(before);
    check_ok(open_at(keys, &hand, &after));

    check_ok(keyring_verify(after, 1, STR("data"), signature));
    check_err(keyring_verify(after, 1, STR("Data"), signature), ERR_UNAUTHENTICATED);
    check_err(keyring_verify(after, 2, STR("data"), signature), ERR_NOT_FOUND);
    check_ok(keyring_mac(after, STR("a"), STR("data"), mac[1]));
    cr_assert(keyring_equal(mac[0], mac[1], sizeof mac[0]));
    check_ok(keyring_mac(after, STR("b"), STR("data"), mac[1]));
    cr_assert_not(keyring_equal(mac[0], mac[1], sizeof mac[0]));
    check_str(keyring_instance(after), str_from(instance));
    cr_assert(eq(sz, strlen(instance), KEYRING_INSTANCE_SIZE));
    keyring_close(after);
}

Test(keyring, two_generations_are_valid_and_the_third_oldest_is_gone)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    temporary_name_t folder = temporary_in(&root, "keys");
    const char *keys = folder.path;
    clock_hand_t hand = {1000};
    keyring_t *keyring = NULL;
    uint8_t signatures[3][KEYRING_SIGNATURE_SIZE];
    check_ok(open_at(keys, &hand, &keyring));

    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(eq(u32, keyring_newest(keyring), i + 1));
        check_ok(keyring_sign(keyring, i + 1, STR("data"), signatures[i]));
        hand.wall_ms += KEYRING_ROTATE_MS - 1;
        check_ok(keyring_rotate_if_due(keyring));
        cr_assert(eq(u32, keyring_newest(keyring), i + 1)); /* not yet */
        hand.wall_ms += 1;
        if (i < 2)
            check_ok(keyring_rotate_if_due(keyring));
    }

    for (int restarted = 0; restarted < 2; restarted++) {
        check_err(keyring_verify(keyring, 1, STR("data"), signatures[0]), ERR_NOT_FOUND);
        check_ok(keyring_verify(keyring, 2, STR("data"), signatures[1]));
        check_ok(keyring_verify(keyring, 3, STR("data"), signatures[2]));
        keyring_close(keyring);
        hand.wall_ms -= 1; /* else it is rotated when it is opened */
        check_ok(open_at(keys, &hand, &keyring));
    }
    keyring_close(keyring);
}

Test(keyring, its_files_are_the_owners_alone)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    temporary_name_t folder = temporary_in(&root, "keys");
    const char *keys = folder.path;
    clock_hand_t hand = {1000};
    keyring_t *keyring = NULL;
    static const char *const names[] = {"", "/instance", "/0001.key"};
    check_ok(open_at(keys, &hand, &keyring));
    keyring_close(keyring);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[600];
        struct stat status;
        snprintf(path, sizeof path, "%s%s", keys, names[i]);
        cr_assert(eq(int, stat(path, &status), 0), "%s", path);
        cr_assert(eq(u32, status.st_mode & 0777, i == 0 ? 0700 : 0600), "%s", path);
    }
}

static void overwrite(const char *keys, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", keys, name);
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL);
    fputs(text, file);
    fclose(file);
}

Test(keyring, a_damaged_file_is_an_error_and_never_a_new_key)
{
    static const struct {
        const char *what, *name, *text;
        err_t want;
    } cases[] = {
        {"an empty key", "0001.key", "", ERR_CORRUPT},
        {"a newer key", "0001.key", "musicstream-key 2\n", ERR_NEWER},
        {"no PEM", "0001.key", "musicstream-key 1\nmade 1\nurl 00\nx", ERR_CORRUPT},
        {"half a PEM", "0001.key",
         "musicstream-key 1\nmade 1\nurl "
         "0000000000000000000000000000000000000000000000000000000000000000\n"
         "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n",
         ERR_CORRUPT},
        {"an empty instance", "instance", "", ERR_CORRUPT},
        {"a short secret", "instance", "musicstream-instance 1\nid 0123456789abcdef\nsecret 00\n",
         ERR_CORRUPT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temporary_t root TEMPORARY_SCOPED = temporary_new();
        temporary_name_t folder = temporary_in(&root, "keys");
        const char *keys = folder.path;
        clock_hand_t hand = {1000};
        keyring_t *keyring = NULL;
        check_ok(open_at(keys, &hand, &keyring));
        keyring_close(STEAL(keyring));

        overwrite(keys, cases[i].name, cases[i].text);
        err_t got = open_at(keys, &hand, &keyring);

        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
        cr_expect(keyring == NULL);
    }
}

Test(keyring, keys_without_their_instance_are_damage)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    temporary_name_t folder = temporary_in(&root, "keys");
    const char *keys = folder.path;
    clock_hand_t hand = {1000};
    keyring_t *keyring = NULL;
    char path[600];
    check_ok(open_at(keys, &hand, &keyring));
    keyring_close(STEAL(keyring));

    snprintf(path, sizeof path, "%s/instance", keys);
    unlink(path);

    check_err(open_at(keys, &hand, &keyring), ERR_CORRUPT);
}

Test(keyring, a_folder_that_can_not_be_made_is_an_error)
{
    clock_hand_t hand = {1000};
    keyring_t *keyring = NULL;
    check_err(open_at("/dev/null/keys", &hand, &keyring), ERR_NOT_FOUND);
    check_err(open_at("/nowhere/at/all", &hand, &keyring), ERR_NOT_FOUND);
}
