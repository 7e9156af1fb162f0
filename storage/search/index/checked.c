#include "storage/search/index/checked.h"

#include "runtime/base/crc32c.h"
#include "storage/bytes_at.h"

static uint32_t check_of(str_t key, str_t value)
{
    return crc32c(crc32c(0, key), value);
}

void checked_seal(str_t key, char *room, size_t size)
{
    uint32_t check = check_of(key, str_of(room, size));
    memcpy(room + size, &check, sizeof check);
}

err_t checked_open(str_t key, str_t bytes, str_t *out_value)
{
    if (bytes.size < CHECKED_SIZE)
        return ERR_CORRUPT;
    str_t value = str_slice(bytes, 0, bytes.size - CHECKED_SIZE);
    if (check_of(key, value) != u32_at(bytes, value.size))
        return ERR_CORRUPT;
    *out_value = value;
    return ERR_OK;
}

err_t checked_get(const kv_tx_t *tx, kv_table_t table, str_t key, str_t *out_value)
{
    str_t bytes;
    TRY(kv_get(tx, table, key, &bytes));
    return checked_open(key, bytes, out_value);
}

err_t checked_get_known(const kv_tx_t *tx, kv_table_t table, str_t key, str_t *out_value)
{
    err_t err = checked_get(tx, table, key, out_value);
    return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
}

err_t checked_put(const kv_tx_t *tx, kv_table_t table, str_t key, str_t value)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    char *room = buf_extend(&bytes, value.size + CHECKED_SIZE);
    if (room == NULL)
        return buf_status(&bytes);
    if (value.size > 0)
        memcpy(room, value.data, value.size);
    checked_seal(key, room, value.size);
    return kv_put(tx, table, key, buf_str(&bytes));
}
