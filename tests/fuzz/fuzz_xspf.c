#include "tests/fuzz/playlist_round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_round_trip(str_of(data, size), PLAYLIST_XSPF, false);
    return 0;
}
