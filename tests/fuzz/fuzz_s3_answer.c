/* What an S3 server may say: an answer that was read holds what it promises. */

#include "storage/s3/s3_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {0};
    s3_answer_t answer;
    size_t seen = 0;
    if (s3_answer_read(str_of(data, size), &arena, &answer) != ERR_OK)
        return 0;
    if (answer.root.data == NULL || answer.item_count > S3_ITEMS_MAX)
        abort();
    for (size_t i = 0; i < answer.item_count; i++) {
        const s3_item_t *item = &answer.items[i];
        seen += item->key.size + item->upload_id.size;
        if (item->key.data != NULL && strlen(item->key.data) > item->key.size)
            abort();
    }
    return seen > size ? abort(), 1 : 0; /* no entity makes more of it */
}
