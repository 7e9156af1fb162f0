#include "cluster/link/cluster_key.h"

#include "runtime/base/buf.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { FILE_SIZE_MAX = 4096, Z85_SIZE = 41 };

err_t link_keys_make(link_keys_t *out)
{
    char public_text[Z85_SIZE], secret_text[Z85_SIZE];
    if (zmq_curve_keypair(public_text, secret_text) != 0 ||
        zmq_z85_decode(out->public_key, public_text) == NULL ||
        zmq_z85_decode(out->secret_key, secret_text) == NULL)
        return ERR_UNSUPPORTED;
    explicit_bzero(secret_text, sizeof secret_text);
    return ERR_OK;
}

static err_t write_all(int fd, str_t text)
{
    while (text.size > 0) {
        ssize_t n = write(fd, text.data, text.size);
        if (n < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (n > 0)
            text = str_slice(text, (size_t)n, text.size);
    }
    return fsync(fd) == 0 ? ERR_OK : err_from_errno(errno);
}

err_t cluster_keygen(const char *path)
{
    uint8_t key[CLUSTER_KEY_SIZE];
    ms_random_t random = random_system();
    random_fill(&random, key, sizeof key);
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_append(&text,
               STR("# The key of a MusicStream cluster: the same file on each of its machines, "
                   "for the node's eyes only.\n"));
    hex_append(&text, str_of(key, sizeof key));
    buf_append_char(&text, '\n');
    explicit_bzero(key, sizeof key);
    TRY(buf_status(&text));

    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? ERR_CONFLICT : err_from_errno(errno);
    err_t err = write_all(fd, buf_str(&text));
    explicit_bzero(text.data, text.size);
    if (close(fd) != 0 && err == ERR_OK)
        err = err_from_errno(errno);
    if (err != ERR_OK)
        unlink(path);
    return err;
}

static err_t invalid(const char **out_why, const char *why)
{
    if (out_why != NULL)
        *out_why = why;
    return ERR_INVALID;
}

static err_t parse_key(str_t line, uint8_t out[CLUSTER_KEY_SIZE])
{
    buf_t key BUF_SCOPED = BUF_INIT;
    TRY(hex_decode(&key, line));
    if (key.size != CLUSTER_KEY_SIZE)
        return ERR_INVALID;
    memcpy(out, key.data, CLUSTER_KEY_SIZE);
    explicit_bzero(key.data, key.size);
    return ERR_OK;
}

err_t cluster_keys_parse(str_t text, cluster_keys_t *out, const char **out_why)
{
    cluster_keys_t keys = {0};
    str_t line;
    for (str_t rest = str_of(text.data == NULL ? "" : text.data, text.size);
         str_next(&rest, '\n', &line);) {
        line = str_trim(line);
        if (line.size == 0 || line.data[0] == '#')
            continue;
        if (keys.count == CLUSTER_KEYS_MAX)
            return invalid(out_why, "it has more than two keys");
        err_t err = parse_key(line, keys.keys[keys.count]);
        if (err == ERR_NO_MEMORY)
            return err;
        if (err != ERR_OK)
            return invalid(out_why, "a line is not a key of 64 hexadecimal digits");
        keys.count++;
    }
    if (keys.count == 0)
        return invalid(out_why, "it has no key");
    *out = keys;
    return ERR_OK;
}

static err_t read_file(int fd, cluster_keys_t *out, const char **out_why)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return err_from_errno(errno);
    if ((status.st_mode & 0077) != 0) {
        IGNORE_ERR(invalid(out_why, "others than its owner may read it (chmod 600)"));
        return ERR_FORBIDDEN;
    }
    char text[FILE_SIZE_MAX + 1];
    size_t size = 0;
    for (ssize_t n; size < sizeof text; size += (size_t)n) {
        n = read(fd, text + size, sizeof text - size);
        if (n < 0)
            return err_from_errno(errno);
        if (n == 0)
            break;
    }
    err_t err = size > FILE_SIZE_MAX ? invalid(out_why, "it is too long")
                                     : cluster_keys_parse(str_of(text, size), out, out_why);
    explicit_bzero(text, sizeof text);
    return err;
}

err_t cluster_keys_read(const char *path, cluster_keys_t *out, const char **out_why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    err_t err = read_file(fd, out, out_why);
    close(fd);
    return err;
}
