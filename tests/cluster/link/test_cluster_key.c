#include "cluster/link/greeting.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <sys/stat.h>
#include <unistd.h>

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

Test(cluster_key, a_file_has_one_key_or_two)
{
    static const struct {
        const char *what, *text;
        uint32_t count; /* 0: not valid */
    } cases[] = {
        {"one", DIGITS "\n", 1},
        {"without an end of line", DIGITS, 1},
        {"two, comments and blanks", "# first\n\n  " DIGITS " \r\n#\n" DIGITS "\n", 2},
        {"three", DIGITS "\n" DIGITS "\n" DIGITS "\n", 0},
        {"none", "# nothing\n", 0},
        {"empty", "", 0},
        {"short", "0011\n", 0},
        {"long", DIGITS "00\n", 0},
        {"not hexadecimal", "x" DIGITS "\n", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cluster_keys_t keys = {0};
        const char *why = NULL;
        err_t err = cluster_keys_parse(str_from(cases[i].text), &keys, &why);
        cr_expect(err == (cases[i].count == 0 ? ERR_INVALID : ERR_OK), "%s", cases[i].what);
        cr_expect(keys.count == cases[i].count, "%s", cases[i].what);
        bool has_why = why != NULL;
        cr_expect(has_why == (cases[i].count == 0), "%s", cases[i].what);
    }
}

Test(cluster_key, what_keygen_makes_is_read_by_its_owner_alone)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t name = temporary_in(&folder, "key");
    const char *path = name.path;
    cluster_keys_t keys, again;
    const char *why = NULL;

    check_ok(cluster_keygen(path));
    check_err(cluster_keygen(path), ERR_CONFLICT);
    check_ok(cluster_keys_read(path, &keys, NULL));
    cr_assert(keys.count == 1);
    struct stat status;
    cr_assert(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    cr_assert(chmod(path, 0640) == 0);
    check_err(cluster_keys_read(path, &again, &why), ERR_FORBIDDEN);
    cr_assert(why != NULL);
    cr_assert(unlink(path) == 0);
    check_err(cluster_keys_read(path, &again, &why), ERR_NOT_FOUND);
    check_ok(cluster_keygen(path));
    check_ok(cluster_keys_read(path, &again, NULL));
    cr_assert(memcmp(keys.keys[0], again.keys[0], CLUSTER_KEY_SIZE) != 0);
    temporary_name_t nowhere = temporary_in(&folder, "none/key");
    check_err(cluster_keygen(nowhere.path), ERR_NOT_FOUND);
}

Test(greeting, a_proof_is_worth_nothing_with_any_bit_changed_or_other_keys)
{
    cluster_keys_t cluster = {.count = 1, .keys = {{1, 2, 3}}}, other = cluster;
    uint8_t sender[LINK_KEY_SIZE] = {4}, receiver[LINK_KEY_SIZE] = {5};
    greeting_keys_t keys = {&cluster, sender, receiver};
    hello_t hello = {
        .lane = LINK_DATA, .from = 7, .to = 8, .session = 9, .oldest = 10, .number = 11};
    char bytes[FRAME_HELLO_SIZE];
    check_ok(hello_write(&hello, &keys, bytes));
    str_t said = str_of(bytes, sizeof bytes);

    frame_t frame;
    hello_t heard;
    check_ok(frame_read(said, &frame));
    check_ok(hello_read(&frame, &heard));
    cr_assert(heard.lane == LINK_DATA && heard.from == 7 && heard.to == 8 && heard.session == 9 &&
              heard.oldest == 10 && heard.number == 11);
    cr_assert(greeting_is_proved(said, &keys));
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        cr_expect(greeting_is_proved(said, &keys) == false, "bit %zu", bit);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    keys = (greeting_keys_t){&cluster, receiver, sender};
    cr_expect(greeting_is_proved(said, &keys) == false, "the other way");
    other.keys[0][0] ^= 1;
    keys = (greeting_keys_t){&other, sender, receiver};
    cr_expect(greeting_is_proved(said, &keys) == false, "another cluster");
    other = (cluster_keys_t){.count = 2, .keys = {{9}, {1, 2, 3}}};
    cr_expect(greeting_is_proved(said, &keys), "the second key");
}
