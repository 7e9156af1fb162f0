#include "runtime/base/xxh64.h"

static const uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F,
                      prime3 = 0x165667B19E3779F9, prime4 = 0x85EBCA77C2B2AE63,
                      prime5 = 0x27D4EB2F165667C5;

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t read_u64(const char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(value) : value;
}

static uint64_t read_u32(const char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(value) : value;
}

static uint64_t round_of(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * prime2, 31) * prime1;
}

static uint64_t merge(uint64_t hash, uint64_t lane)
{
    return (hash ^ round_of(0, lane)) * prime1 + prime4;
}

/* Whole stripes of 32 bytes in four lanes; moves *p past them. */
static uint64_t stripes(const char **p, const char *end, uint64_t seed)
{
    uint64_t a = seed + prime1 + prime2, b = seed + prime2, c = seed, d = seed - prime1;
    for (; end - *p >= 32; *p += 32) {
        a = round_of(a, read_u64(*p));
        b = round_of(b, read_u64(*p + 8));
        c = round_of(c, read_u64(*p + 16));
        d = round_of(d, read_u64(*p + 24));
    }
    uint64_t hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    return merge(merge(merge(merge(hash, a), b), c), d);
}

uint64_t xxh64(str_t bytes, uint64_t seed)
{
    const char *p = bytes.size == 0 ? "" : bytes.data, *end = p + bytes.size;
    uint64_t hash = bytes.size >= 32 ? stripes(&p, end, seed) : seed + prime5;
    hash += bytes.size;
    for (; end - p >= 8; p += 8)
        hash = rotate(hash ^ round_of(0, read_u64(p)), 27) * prime1 + prime4;
    for (; end - p >= 4; p += 4)
        hash = rotate(hash ^ (read_u32(p) * prime1), 23) * prime2 + prime3;
    for (; p < end; p++)
        hash = rotate(hash ^ ((unsigned char)*p * prime5), 11) * prime1;
    hash = (hash ^ hash >> 33) * prime2;
    hash = (hash ^ hash >> 29) * prime3;
    return hash ^ hash >> 32;
}
