#include "storage/kv_boot.h"

#include "runtime/base/memory.h"
#include "storage/file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { BOOT_ID_SIZE_MAX = 64 };

static const char clean[] = "clean";

err_t kv_boot_id(const char *given, char **out_boot_id)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (given != NULL)
        buf_append(&text, str_from(given));
    else
        TRY(file_read("/proc/sys/kernel/random/boot_id", BOOT_ID_SIZE_MAX, &text));
    char *copy = str_dup_terminated(str_trim(buf_str(&text)));
    if (copy == NULL)
        return ERR_NO_MEMORY;
    *out_boot_id = copy;
    return ERR_OK;
}

static err_t name_in(const char *path, const char *name, buf_t *out)
{
    buf_reset(out);
    buf_printf(out, "%s/%s", path, name);
    (void)buf_terminated(out);
    return buf_status(out);
}

static err_t wipe(const char *path, bool *out_was_there)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        buf_t name BUF_SCOPED = BUF_INIT;
        TRY(name_in(path, names[i], &name));
        if (unlink(buf_terminated(&name)) == 0)
            *out_was_there = true;
        else if (errno != ENOENT)
            return err_from_errno(errno);
    }
    return ERR_OK;
}

err_t kv_boot_begin(const char *path, const char *boot_id, bool *out_was_wiped)
{
    buf_t name BUF_SCOPED = BUF_INIT, last BUF_SCOPED = BUF_INIT;
    TRY(name_in(path, "boot", &name));
    err_t err = file_read(buf_terminated(&name), BOOT_ID_SIZE_MAX, &last);
    if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_LIMIT)
        return err;
    bool is_same_boot = err == ERR_OK && str_equal(buf_str(&last), str_from(boot_id));
    bool is_clean = err == ERR_OK && str_equal(buf_str(&last), str_from(clean));
    if (!is_same_boot && !is_clean)
        TRY(wipe(path, out_was_wiped));
    return is_same_boot ? ERR_OK : file_replace(buf_terminated(&name), str_from(boot_id), true);
}

err_t kv_boot_end(const char *path)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(name_in(path, "boot", &name));
    return file_replace(buf_terminated(&name), str_from(clean), true);
}

err_t kv_boot_remove(const char *path)
{
    static const char *const others[] = {"boot", "boot.new", "probe"};
    bool was_there = false;
    TRY(wipe(path, &was_there));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        buf_t name BUF_SCOPED = BUF_INIT;
        TRY(name_in(path, others[i], &name));
        if (unlink(buf_terminated(&name)) != 0 && errno != ENOENT)
            return err_from_errno(errno);
    }
    return ERR_OK;
}
