/* An environment whose head could not be written is ended by LMDB for good: kv_heal opens it again,
 * between transactions, with all that was committed. libfiu makes the write fail. */

#define FIU_ENABLE
#include "runtime/base/assert.h"
#include "storage/kv.h"
#include "tests/support/temporary.h"

#include <fiu-control.h>
#include <fiu.h>
#include <stdlib.h>

static err_t put(kv_t *kv, str_t key)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    TRY(kv_write(kv, &tx));
    TRY(kv_put(&tx, 0, key, STR("value")));
    return kv_commit(&tx);
}

static bool has(kv_t *kv, str_t key)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    return kv_read(kv, &tx) == ERR_OK && kv_has(&tx, 0, key);
}

/* Its names are gone when it is opened again. */
static kv_t *opened(const char *path)
{
    const char *const tables[] = {"table"};
    kv_t *kv = NULL;
    ASSERT(
        kv_open(&(kv_options_t){.path = path, .tables = tables, .table_count = 1, .is_lazy = true},
                &kv) == ERR_OK);
    return kv;
}

int main(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "kv");
    kv_t *kv KV_SCOPED = opened(path.path);
    kv_tx_t reader KV_TX_SCOPED = {0};
    ASSERT(fiu_init(0) == 0);
    ASSERT(put(kv, STR("before")) == ERR_OK);
    ASSERT(kv_heal(kv) == ERR_OK); /* nothing to do */
    ASSERT(kv_read(kv, &reader) == ERR_OK);

    ASSERT(fiu_enable("posix/io/rw/pwrite", 1, NULL, 0) == 0);
    for (int i = 0; i < 3; i++)
        ASSERT(put(kv, STR("failed")) != ERR_OK);
    ASSERT(fiu_disable("posix/io/rw/pwrite") == 0);
    ASSERT(put(kv, STR("after")) == ERR_UNAVAILABLE);
    ASSERT(kv_heal(kv) == ERR_BUSY); /* somebody reads */
    ASSERT(kv_has(&reader, 0, STR("before")));
    kv_end(&reader);
    ASSERT(fiu_enable("posix/io/oc/open", 1, NULL, 0) == 0);
    ASSERT(kv_heal(kv) != ERR_OK);
    ASSERT(kv_read(kv, &reader) == ERR_UNAVAILABLE);
    ASSERT(fiu_disable("posix/io/oc/open") == 0);

    ASSERT(kv_heal(kv) == ERR_OK);
    ASSERT(has(kv, STR("before")) && !has(kv, STR("failed")));
    ASSERT(put(kv, STR("after")) == ERR_OK && has(kv, STR("after")));
    return EXIT_SUCCESS;
}
