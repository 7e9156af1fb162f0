#include "storage/crypt/master_key.h"

#include "runtime/base/text.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

err_t master_key_from_text(str_t text, const char *where, buf_t *problem, aead_key_t *out_key)
{
    buf_t bytes AEAD_BUF_SCOPED = BUF_INIT;
    err_t err = hex_decode(&bytes, str_trim(text));
    if (err == ERR_NO_MEMORY)
        return err;
    if (err != ERR_OK || bytes.size != AEAD_KEY_SIZE) {
        buf_printf(problem,
                   "%s is no master key: 64 hexadecimal digits, as `openssl rand -hex 32` prints",
                   where);
        return ERR_INVALID;
    }
    memcpy(out_key->bytes, bytes.data, AEAD_KEY_SIZE);
    return ERR_OK;
}

static err_t check_owner(const char *path, buf_t *problem)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        buf_printf(problem, "the master key %s can't be read: %s", path, strerror(errno));
        return err_from_errno(errno);
    }
    if ((about.st_mode & 077) != 0) {
        buf_printf(problem, "the master key %s can be read by others: chmod 600 it", path);
        return ERR_FORBIDDEN;
    }
    if (about.st_uid != geteuid() && about.st_uid != 0) {
        buf_printf(problem, "the master key %s belongs to another user", path);
        return ERR_FORBIDDEN;
    }
    return ERR_OK;
}

err_t master_key_from_file(const char *path, buf_t *problem, aead_key_t *out_key)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    TRY(check_owner(path, problem));
    err_t err = file_read(path, MASTER_KEY_TEXT_MAX, &text);
    if (err != ERR_OK) {
        buf_printf(problem, "the master key %s can't be read: %s", path, err_text(err));
        return err;
    }
    return master_key_from_text(buf_str(&text), path, problem, out_key);
}

err_t master_key_from_command(const char *command, buf_t *problem, aead_key_t *out_key)
{
    char line[MASTER_KEY_TEXT_MAX] = "";
    /* NOLINTNEXTLINE(cert-env33-c): the administrator wrote the command, for a shell. */
    FILE *pipe = popen(command, "re");
    if (pipe == NULL) {
        buf_printf(problem, "the command for the master key can't be run: %s", strerror(errno));
        return ERR_UNAVAILABLE;
    }
    (void)setvbuf(pipe, NULL, _IONBF, 0); /* a buffer of stdio would keep the key in freed memory */
    bool has_line = fgets(line, sizeof line, pipe) != NULL;
    int status = pclose(pipe);
    err_t err = ERR_UNAVAILABLE;
    if (status != 0 || !has_line)
        buf_printf(problem, "the command for the master key failed, or printed nothing");
    else
        err = master_key_from_text(str_from(line), "what the command printed", problem, out_key);
    OPENSSL_cleanse(line, sizeof line);
    return err;
}

static void fd_scope_end(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

err_t master_key_to_file(const char *path, const aead_key_t *key)
{
    static const char zeros[2 * AEAD_KEY_SIZE + 1];
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    hex_append(&text, str_of(key->bytes, sizeof key->bytes));
    buf_append_char(&text, '\n');
    TRY(buf_status(&text));
    int before SCOPED(fd_scope_end) = open(path, O_WRONLY | O_CLOEXEC);
    TRY(file_replace(path, buf_str(&text), true));
    if (before >= 0 && (pwrite(before, zeros, sizeof zeros, 0) < 0 || fsync(before) != 0))
        return err_from_errno(errno);
    return ERR_OK;
}
