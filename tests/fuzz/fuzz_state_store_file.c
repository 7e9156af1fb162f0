/* The file of states that sleep, used and damaged in any order: bytes that flip, an end that is cut
 * off. Oracle: what is taken is what was put, or the store says that it is CORRUPT, and that only
 * after damage; the others are not affected. */
#include "runtime/base/assert.h"
#include "runtime/state_store_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS = 8, STEP = 4 };

typedef struct kept {
    bool is_there;
    uint8_t fill;
    size_t size;
} kept_t;

typedef struct try_out {
    state_store_t *store;
    int fd; /* its file, behind its back */
    bool is_damaged;
    kept_t kept[KEYS];
} try_out_t;

static str_t key_of(uint8_t index)
{
    static const char keys[KEYS][12] = {"a", "b", "cc", "dddddddd", "e", "f", "ggggg", ""};
    return str_from(keys[index % KEYS]);
}

static void put(try_out_t *self, uint8_t index, uint8_t fill, uint8_t size)
{
    static char value[256 * 33];
    size_t value_size = (size_t)size * (fill % 33 + 1U);
    memset(value, fill, value_size);
    err_t err = self->store->table->put(self->store, key_of(index), str_of(value, value_size));
    ASSERT(err == ERR_OK);
    self->kept[index % KEYS] = (kept_t){true, fill, value_size};
}

static void take(try_out_t *self, uint8_t index)
{
    kept_t *kept = &self->kept[index % KEYS];
    buf_t out BUF_SCOPED = BUF_INIT;
    bool may_have = self->store->table->has(self->store, key_of(index));
    err_t err = self->store->table->take(self->store, key_of(index), &out);
    ASSERT(err == ERR_OK || err == ERR_NOT_FOUND || (err == ERR_CORRUPT && self->is_damaged));
    ASSERT(kept->is_there ? may_have && err != ERR_NOT_FOUND : err == ERR_NOT_FOUND);
    ASSERT(err != ERR_OK || out.size == kept->size);
    for (size_t i = 0; err == ERR_OK && i < out.size; i++)
        ASSERT((uint8_t)out.data[i] == kept->fill);
    kept->is_there = false;
}

static void flip(try_out_t *self, size_t offset, uint8_t bits)
{
    char byte;
    if (pread(self->fd, &byte, 1, (off_t)offset) != 1 || bits == 0)
        return;
    byte = (char)(byte ^ (char)bits);
    ASSERT(pwrite(self->fd, &byte, 1, (off_t)offset) == 1);
    self->is_damaged = true;
}

static void cut(try_out_t *self, size_t offset)
{
    if (lseek(self->fd, 0, SEEK_END) <= (off_t)offset)
        return;
    ASSERT(ftruncate(self->fd, (off_t)offset) == 0);
    self->is_damaged = true;
}

static void step(try_out_t *self, const uint8_t bytes[STEP])
{
    size_t offset = (size_t)bytes[1] << 8 | bytes[2];
    switch (bytes[0] % 8) {
    case 0:
    case 1:
    case 2:
        put(self, bytes[1], bytes[2], bytes[3]);
        return;
    case 3:
    case 4:
        take(self, bytes[1]);
        return;
    case 5:
        ASSERT(self->store->table->remove(self->store, key_of(bytes[1])) == ERR_OK);
        self->kept[bytes[1] % KEYS].is_there = false;
        return;
    case 6:
        flip(self, offset % 4096, bytes[3]);
        return;
    default:
        cut(self, offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    try_out_t self = {0};
    snprintf(path, sizeof path, "/tmp/fuzz-states-%d", (int)getpid());
    ASSERT(state_store_file_open(path, &self.store) == ERR_OK);
    self.fd = open(path, O_RDWR | O_CLOEXEC);
    ASSERT(self.fd >= 0);
    for (size_t at = 0; at + STEP <= size; at += STEP)
        step(&self, data + at);
    for (uint8_t i = 0; i < KEYS; i++)
        take(&self, i);
    close(self.fd);
    state_store_file_close(self.store);
    return 0;
}
