/* What another node sends, of any bytes: a request that nobody signed is not let in, an answer that
 * nobody sealed does not open; what was sealed does, and says the same. */
#include "runtime/base/assert.h"
#include "storage/roots/piece.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    piece_keys_t *keys PIECE_KEYS_SCOPED = NULL;
    buf_t sealed BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    char proof[PIECE_PROOF_SIZE];
    piece_t got;
    str_t input = str_of(data, size), target = str_slice(input, 0, MIN(size, (size_t)64));
    ASSERT(piece_keys_new(STR("0123456789abcdef"), &keys) == ERR_OK);
    ASSERT(piece_check(keys, STR("GET"), target, input) != ERR_OK);
    ASSERT(piece_open(keys, input, target, input, &out, &got) != ERR_OK);
    if (size > PIECE_SIZE_MAX || piece_sign(keys, STR("GET"), target, proof) != ERR_OK)
        return 0;
    const piece_t piece = {size, str_hash(input), input};
    ASSERT(piece_check(keys, STR("GET"), target, str_from(proof)) == ERR_OK);
    ASSERT(piece_seal(keys, str_from(proof), target, &piece, &sealed) == ERR_OK);
    ASSERT(piece_open(keys, str_from(proof), target, buf_str(&sealed), &out, &got) == ERR_OK);
    ASSERT(got.total == piece.total && got.version == piece.version &&
           str_equal(got.content, input));
    return 0;
}
