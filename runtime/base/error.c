#include "runtime/base/error.h"

#include <errno.h>

static const struct {
    const char *name, *text;
    int http_status;
} errors[ERR_COUNT] = {
#define ERR_ROW(name_, status_, text_) [ERR_##name_] = {#name_, text_, status_},
    ERR_LIST(ERR_ROW)
#undef ERR_ROW
};

static size_t row_of(err_t err)
{
    return (size_t)err < ERR_COUNT ? (size_t)err : (size_t)ERR_INTERNAL;
}

const char *err_name(err_t err)
{
    return errors[row_of(err)].name;
}

const char *err_text(err_t err)
{
    return errors[row_of(err)].text;
}

int err_http_status(err_t err)
{
    return errors[row_of(err)].http_status;
}

err_t err_class_of_errno(int error_number)
{
    switch (error_number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_FORBIDDEN;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case ENOMEM:
        return ERR_NO_MEMORY;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
        return ERR_BUSY;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
        return ERR_INVALID;
    case EEXIST:
    case EADDRINUSE:
        return ERR_CONFLICT;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECANCELED:
        return ERR_CANCELLED;
    default:
        return ERR_IO;
    }
}
