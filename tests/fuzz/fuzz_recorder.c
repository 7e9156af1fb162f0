/* A recorder's file as a killed process, a full disk or somebody else may leave it. Oracle: what
 * was accepted is printed in every form, and the events come in order of time. */
#include "runtime/inside/recorder_format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_all(recording_t *recording, const recording_event_t *events, size_t count)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    recording_print(recording, events, count, &out);
    buf_reset(&out);
    recording_print_json(recording, events, count, &out);
    buf_reset(&out);
    IGNORE_ERR(recording_print_chrome(recording, events, count, &out)); /* no memory is fine */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The fuzzer's inputs are short: what lies between the header and the rings, and behind them,
     * is made of zeros and of the input again. */
    enum { FILE_SIZE = 4096 + 1024 * 64 + 2 * (64 + 64 * 56) };
    static const size_t head_at = 4096 + 1024 * 64;
    buf_t problem BUF_SCOPED = BUF_INIT, file BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    if (size < 2)
        return 0;
    size_t header_size = MIN(size / 2, sizeof(recorder_header_t));
    bool is_long = data[0] % 2 == 0;
    char *bytes = buf_extend(&file, is_long ? FILE_SIZE : size);
    if (bytes == NULL)
        return 0;
    memset(bytes, 0, file.size);
    if (is_long) {
        memcpy(bytes, data + 1, header_size - 1);
        memcpy(bytes + 4096, data + header_size, MIN(size - header_size, (size_t)1024));
        memcpy(bytes + head_at, data + header_size, MIN(size - header_size, FILE_SIZE - head_at));
    } else {
        memcpy(bytes, data, size);
    }
    if (recording_parse(buf_str(&file), NULL, &problem, &recording) != ERR_OK) {
        if (problem.size == 0)
            abort();
        return 0;
    }
    const recording_event_t *events = NULL;
    size_t count = 0;
    recording_filter_t filter = {.last_ns = data[size - 1] % 3 == 1 ? 1000 : 0,
                                 .max = data[size - 1] % 5};
    if (recording_select(recording, &filter, &events, &count) != ERR_OK)
        return 0;
    for (size_t i = 1; i < count; i++)
        if (events[i].record->time_ns < events[i - 1].record->time_ns)
            abort();
    print_all(recording, events, count);
    return 0;
}
