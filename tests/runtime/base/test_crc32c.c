#include "runtime/base/crc32c.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

/* RFC 3720, appendix B.4; "123456789" is the customary check value of the polynomial. */
Test(crc32c, gives_what_rfc_3720_says)
{
    char zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof ones);
    for (int i = 0; i < 32; i++) {
        up[i] = (char)i;
        down[i] = (char)(31 - i);
    }
    static const unsigned char iscsi[48] = {0x01, 0xc0, 0, 0,    0, 0,    0,    0, 0, 0,    0, 0, 0,
                                            0,    0,    0, 0x14, 0, 0,    0,    0, 0, 0x04, 0, 0, 0,
                                            0,    0x14, 0, 0,    0, 0x18, 0x28, 0, 0, 0,    0, 0, 0,
                                            0,    0x02, 0, 0,    0, 0,    0,    0, 0};
    const struct {
        const char *what;
        str_t bytes;
        uint32_t want;
    } cases[] = {
        {"nothing", {NULL, 0}, 0},
        {"32 zeros", str_of(zeros, 32), 0x8a9136aa},
        {"32 ones", str_of(ones, 32), 0x62a8ab43},
        {"up", str_of(up, 32), 0x46dd794e},
        {"down", str_of(down, 32), 0x113fdb5c},
        {"an iSCSI read", str_of(iscsi, 48), 0xd9963a56},
        {"digits", STR("123456789"), 0xe3069283},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cr_expect(crc32c(0, cases[i].bytes) == cases[i].want, "%s", cases[i].what);
        cr_expect(crc32c_portable(0, cases[i].bytes) == cases[i].want, "%s", cases[i].what);
    }
}

Test(crc32c, both_ways_agree_however_the_bytes_are_split)
{
    random_seed_t seed = {1};
    ms_random_t random = random_seeded(&seed);
    char bytes[257];

    for (int round = 0; round < 2000; round++) {
        size_t size = random_below(&random, sizeof bytes), cut = random_below(&random, size + 1);
        random_fill(&random, bytes, size);
        uint32_t whole = crc32c(0, str_of(bytes, size));
        uint32_t parts = crc32c(crc32c(0, str_of(bytes, cut)), str_of(bytes + cut, size - cut));
        cr_assert(whole == parts && whole == crc32c_portable(0, str_of(bytes, size)));
    }
}
