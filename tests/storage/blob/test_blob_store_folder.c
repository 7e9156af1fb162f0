#include "storage/blob/blob_store_folder.h"
#include "storage/file.h"
#include "tests/support/blobs/blob_contract.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <sys/mount.h>
#include <unistd.h>

static blob_store_t *opened(const char *path)
{
    blob_store_t *store = NULL;
    check_ok(blob_store_folder_open(&(blob_store_folder_options_t){path, true}, &store));
    return store;
}

Test(blob_store_folder, keeps_the_contract)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "new/below/");
    blob_store_t *store BLOB_STORE_SCOPED = opened(path.path);
    buf_t problem BUF_SCOPED = BUF_INIT;

    cr_assert(blob_contract_holds(store, &problem), "%s", buf_terminated(&problem));
}

Test(blob_store_folder, what_was_never_finished_is_no_blob_and_is_tidied)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t unfinished = temporary_in(&folder, ".writing-1-2");
    temporary_name_t foreign = temporary_in(&folder, ".hidden");
    blob_store_t *store BLOB_STORE_SCOPED = opened(folder.path);
    buf_t out BUF_SCOPED = BUF_INIT;
    uint64_t count = 0;
    check_ok(file_replace(unfinished.path, STR("half"), false));
    check_ok(file_replace(foreign.path, STR("not ours"), false));

    check_err(blob_store_get(store, STR(".writing-1-2"), &out), ERR_INVALID);
    check_ok(blob_store_tidy(store, 1000, &count));
    cr_assert(count == 0, "it may still be written");
    check_ok(blob_store_tidy(store, INT64_MAX, &count));
    cr_assert(count == 1);
    cr_assert(access(unfinished.path, F_OK) != 0 && access(foreign.path, F_OK) == 0);
}

/* A file system of its own; the test's process has its mounts for itself. */
Test(blob_store_folder, a_full_disk_refuses_and_leaves_what_was_there)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    static char content[600 * 1024];
    buf_t out BUF_SCOPED = BUF_INIT;
    if (mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") != 0)
        cr_skip_test("mounting is not allowed here");
    blob_store_t *store = opened(folder.path);
    check_ok(blob_store_put(store, STR("a"), str_of(content, sizeof content)));

    check_err(blob_store_put(store, STR("b"), str_of(content, sizeof content)), ERR_FULL);
    check_err(blob_store_put(store, STR("a"), str_of(content, sizeof content)), ERR_FULL);

    check_err(blob_store_get(store, STR("b"), &out), ERR_NOT_FOUND);
    check_ok(blob_store_get(store, STR("a"), &out));
    cr_assert(out.size == sizeof content);
    /* Nothing half-written takes the room. */
    check_ok(blob_store_put(store, STR("c"), str_of(content, 300 * 1024)));
    check_ok(blob_store_remove(store, STR("a")));
    check_ok(blob_store_put(store, STR("b"), str_of(content, sizeof content)));
    blob_store_close(store);
    umount(folder.path);
}
