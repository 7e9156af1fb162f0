#include "storage/blob/blob_seal.h"

#include "runtime/base/memory.h"
#include "storage/blob/blob_store.h"

enum { REST_SIZE = 4, MAGIC_SIZE = 4, NUMBER_SIZE = 8, TAG_SIZE = AEAD_TAG_SIZE };
enum { HEAD_SIZE = MAGIC_SIZE + AEAD_HALF_NONCE_SIZE + REST_SIZE + NUMBER_SIZE };
enum { STORED_CHUNK = BLOB_CHUNK_SIZE + TAG_SIZE };

_Static_assert((int)HEAD_SIZE == (int)BLOB_SEAL_HEAD_SIZE, "as the header says");

struct blob_seal {
    aead_key_t key;
    ms_random_t random;
    aead_t *aead;
};

err_t blob_seal_new(const aead_key_t *key, const ms_random_t *random, blob_seal_t **out_seal)
{
    blob_seal_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->key = *key;
    self->random = *random;
    err_t err = aead_new(&self->aead);
    if (err != ERR_OK)
        blob_seal_free(self);
    else
        *out_seal = self;
    return err;
}

void blob_seal_free(blob_seal_t *self)
{
    if (self == NULL)
        return;
    aead_free(self->aead);
    aead_key_wipe(&self->key);
    memory_free(self);
}

typedef struct head {
    char bytes[HEAD_SIZE];
    uint64_t size; /* of the plain content */
    aead_key_t derived;
    buf_t context; /* the bytes, and the name */
} head_t;

static void head_deinit(head_t *self)
{
    aead_key_wipe(&self->derived);
    buf_deinit(&self->context);
}

static void put_number(char *room, uint64_t number)
{
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        room[i] = (char)(number >> (8 * (NUMBER_SIZE - 1 - i)));
}

static uint64_t get_number(const char *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < NUMBER_SIZE; i++)
        number = number << 8 | (uint8_t)bytes[i];
    return number;
}

static uint64_t chunks_of(uint64_t size)
{
    return size == 0 ? 1 : (size + BLOB_CHUNK_SIZE - 1) / BLOB_CHUNK_SIZE;
}

/* From its bytes. */
static err_t head_ready(const blob_seal_t *self, str_t name, head_t *head)
{
    const uint8_t *half = (const uint8_t *)head->bytes + MAGIC_SIZE;
    head->size = get_number(head->bytes + HEAD_SIZE - NUMBER_SIZE);
    if (memcmp(head->bytes, "MSB1", MAGIC_SIZE) != 0 || head->size > BLOB_SIZE_MAX)
        return ERR_CORRUPT;
    buf_append_bytes(&head->context, head->bytes, HEAD_SIZE);
    buf_append(&head->context, name);
    TRY(buf_status(&head->context));
    return aead_derive(self->aead, &self->key, half, &head->derived);
}

static err_t head_make(const blob_seal_t *self, str_t name, uint64_t size, head_t *head)
{
    memcpy(head->bytes, "MSB1", MAGIC_SIZE);
    random_fill(&self->random, head->bytes + MAGIC_SIZE, AEAD_HALF_NONCE_SIZE + REST_SIZE);
    put_number(head->bytes + HEAD_SIZE - NUMBER_SIZE, size);
    return head_ready(self, name, head);
}

static void nonce_of(const head_t *head, uint64_t chunk, uint8_t out[AEAD_HALF_NONCE_SIZE])
{
    memcpy(out, head->bytes + MAGIC_SIZE + AEAD_HALF_NONCE_SIZE, REST_SIZE);
    put_number((char *)out + REST_SIZE, chunk);
}

err_t blob_seal(const blob_seal_t *self, str_t name, str_t content, buf_t *out)
{
    head_t head SCOPED(head_deinit) = {0};
    uint8_t nonce[AEAD_HALF_NONCE_SIZE];
    uint64_t count = chunks_of(content.size);
    TRY(head_make(self, name, content.size, &head));
    buf_append_bytes(out, head.bytes, HEAD_SIZE);
    char *room = buf_extend(out, content.size + count * TAG_SIZE);
    if (room == NULL)
        return buf_status(out);
    for (uint64_t i = 0; i < count; i++) {
        str_t chunk = str_slice(content, i * BLOB_CHUNK_SIZE, (i + 1) * BLOB_CHUNK_SIZE);
        nonce_of(&head, i, nonce);
        TRY(aead_seal(self->aead, &head.derived, nonce, buf_str(&head.context), chunk,
                      room + i * STORED_CHUNK));
    }
    return ERR_OK;
}

/* Opens the chunks of `stored` from number `first` on, and appends them. */
static err_t open_chunks(const blob_seal_t *self, const head_t *head, uint64_t first, str_t stored,
                         buf_t *out)
{
    uint8_t nonce[AEAD_HALF_NONCE_SIZE];
    uint64_t last = chunks_of(head->size) - 1;
    for (uint64_t i = first; stored.size > 0; i++) {
        size_t plain = i < last ? BLOB_CHUNK_SIZE : (size_t)(head->size - last * BLOB_CHUNK_SIZE);
        if (i > last || stored.size < plain + TAG_SIZE)
            return ERR_CORRUPT;
        char *room = buf_extend(out, plain + 1); /* never nothing */
        if (room == NULL)
            return buf_status(out);
        out->size--;
        nonce_of(head, i, nonce);
        TRY(aead_open(self->aead, &head->derived, nonce, buf_str(&head->context),
                      str_slice(stored, 0, plain + TAG_SIZE), room));
        stored = str_slice(stored, plain + TAG_SIZE, stored.size);
    }
    return ERR_OK;
}

static err_t head_read(const blob_seal_t *self, str_t name, str_t bytes, head_t *head)
{
    if (bytes.size < HEAD_SIZE)
        return ERR_CORRUPT;
    memcpy(head->bytes, bytes.data, HEAD_SIZE);
    return head_ready(self, name, head);
}

err_t blob_unseal(const blob_seal_t *self, str_t name, str_t sealed, buf_t *out)
{
    head_t head SCOPED(head_deinit) = {0};
    TRY(head_read(self, name, sealed, &head));
    if (sealed.size != blob_sealed_size(head.size))
        return ERR_CORRUPT;
    return open_chunks(self, &head, 0, str_slice(sealed, HEAD_SIZE, sealed.size), out);
}

err_t blob_unseal_chunks(const blob_seal_t *self, str_t name, str_t head_bytes, uint64_t first,
                         str_t chunks, buf_t *out)
{
    head_t head SCOPED(head_deinit) = {0};
    TRY(head_read(self, name, head_bytes, &head));
    return open_chunks(self, &head, first, chunks, out);
}

err_t blob_seal_says(str_t head_bytes, uint64_t *out_size)
{
    if (head_bytes.size < HEAD_SIZE)
        return ERR_CORRUPT;
    uint64_t size = get_number(head_bytes.data + HEAD_SIZE - NUMBER_SIZE);
    if (size > BLOB_SIZE_MAX)
        return ERR_CORRUPT;
    *out_size = size;
    return ERR_OK;
}

uint64_t blob_sealed_size(uint64_t plain_size)
{
    return HEAD_SIZE + plain_size + chunks_of(plain_size) * TAG_SIZE;
}

uint64_t blob_unsealed_size(uint64_t sealed_size)
{
    uint64_t body = sealed_size < HEAD_SIZE ? 0 : sealed_size - HEAD_SIZE;
    uint64_t tags = (body + STORED_CHUNK - 1) / STORED_CHUNK * TAG_SIZE;
    return body < tags ? 0 : body - tags;
}
