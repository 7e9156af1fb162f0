#include "runtime/base/xxh64.h"
#include "tests/support/check.h"

/* Of the reference implementation, xxHash 0.8.1; the input is i * 7 modulo 256. */
Test(xxh64, gives_what_the_reference_gives)
{
    static const struct {
        size_t size;
        uint64_t seed, want;
    } cases[] = {
        {0, 0, 0xef46db3751d8e999}, {100, 0, 0x8e2272c08247d5db}, {45, 9, 0x913bdd390b98a358}};
    char bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(xxh64(str_of(bytes, cases[i].size), cases[i].seed) == cases[i].want, "%zu bytes",
                  cases[i].size);
    cr_expect(xxh64(STR("abc"), 0) == 0x44bc2cf5ad770999);
}
