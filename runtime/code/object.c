#include "runtime/code/object.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FD_PATH_SIZE = 32 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define FD_SCOPED SCOPED(close_fd)

static int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

static err_t file_failed(buf_t *problem, const char *path, int error)
{
    buf_printf(problem, "the plugin %s can't be read: %s", path, strerror(error));
    return err_from_errno(error);
}

static err_t open_file(const char *path, buf_t *problem, int *out_fd, size_t *out_size)
{
    /* Not to wait where the name is a pipe's. */
    int fd FD_SCOPED = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0)
        return file_failed(problem, path, errno);
    if (!S_ISREG(about.st_mode)) {
        buf_printf(problem, "the plugin %s is not a regular file: name the .so file itself", path);
        return ERR_INVALID;
    }
    if (about.st_size == 0 || about.st_size > PLUGIN_FILE_SIZE_MAX) {
        buf_printf(problem, "the plugin %s has %lld bytes: a plugin has 1 to %d", path,
                   (long long)about.st_size, PLUGIN_FILE_SIZE_MAX);
        return ERR_INVALID;
    }
    *out_size = (size_t)about.st_size;
    *out_fd = steal_fd(&fd);
    return ERR_OK;
}

static err_t copy_to_memory(const char *path, buf_t *problem, int *out_fd)
{
    int file FD_SCOPED = -1;
    size_t size = 0;
    TRY(open_file(path, problem, &file, &size));
    int memory FD_SCOPED = memfd_create("plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory < 0)
        return file_failed(problem, path, errno);
    for (size_t copied = 0; copied < size;) {
        ssize_t part = sendfile(memory, file, NULL, size - copied);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0) /* 0: it was cut while we read it */
            return file_failed(problem, path, part == 0 ? EIO : errno);
        copied += (size_t)part;
    }
    if (fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return file_failed(problem, path, errno);
    *out_fd = steal_fd(&memory);
    return ERR_OK;
}

static void fd_path(int fd, char out[FD_PATH_SIZE])
{
    snprintf(out, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
}

err_t object_open(const char *path, buf_t *problem, object_t *out_object)
{
    int fd FD_SCOPED = -1;
    TRY(copy_to_memory(path, problem, &fd));
    char name[FD_PATH_SIZE];
    fd_path(fd, name);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        buf_printf(problem,
                   "the plugin %s can't be loaded: %s; build it as a shared object against this "
                   "version's headers, and let it use only what they declare",
                   path, why == NULL ? "no reason was given" : why);
        return ERR_INVALID;
    }
    *out_object = (object_t){handle, steal_fd(&fd)};
    return ERR_OK;
}

void object_discard(object_t *self)
{
    char name[FD_PATH_SIZE];
    fd_path(self->fd, name);
    dlclose(self->handle);
    /* One that asked never to be unloaded keeps its name, and with it the descriptor. */
    void *still = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (still == NULL)
        close(self->fd);
    else
        dlclose(still);
    *self = (object_t){NULL, -1};
}

/* ---- its descriptor ---- */

static const plugin_fact_t own_facts[] = {PLUGIN_FACTS};

static err_t check_interface(const plugin_t *plugin, const char *path, buf_t *problem)
{
    if (plugin->magic != PLUGIN_MAGIC) {
        buf_printf(problem,
                   "%s is not a plugin of this program: its `musicstream_plugin` does not begin "
                   "with the right number; make it with PLUGIN(...) of runtime/plugin.h",
                   path);
        return ERR_INVALID;
    }
    if (plugin->interface != PLUGIN_INTERFACE) {
        bool is_newer = plugin->interface > PLUGIN_INTERFACE;
        buf_printf(problem, "the plugin %s is made for interface %u and this program has %d: %s",
                   path, plugin->interface, PLUGIN_INTERFACE,
                   is_newer ? "update the program, or build the plugin against its headers"
                            : "build the plugin again, against this program's headers");
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static const plugin_fact_t *fact_named(const plugin_t *plugin, const char *what)
{
    size_t count = plugin->facts == NULL ? 0 : MIN(plugin->fact_count, COUNT_OF(own_facts));
    for (size_t i = 0; i < count; i++) {
        if (plugin->facts[i].what != NULL && strcmp(plugin->facts[i].what, what) == 0)
            return &plugin->facts[i];
    }
    return NULL;
}

static err_t check_facts(const plugin_t *plugin, const char *path, buf_t *problem)
{
    static const char advice[] = "build the plugin again, against this program's headers";
    for (size_t i = 0; i < COUNT_OF(own_facts); i++) {
        const plugin_fact_t *theirs = fact_named(plugin, own_facts[i].what);
        if (theirs != NULL && theirs->value == own_facts[i].value)
            continue;
        if (theirs == NULL)
            buf_printf(problem, "the plugin %s does not say %s: %s", path, own_facts[i].what,
                       advice);
        else
            buf_printf(problem, "in the plugin %s %s is %llu, in this program %llu: %s", path,
                       own_facts[i].what, (unsigned long long)theirs->value,
                       (unsigned long long)own_facts[i].value, advice);
        return ERR_UNSUPPORTED;
    }
    if (plugin->fact_count == COUNT_OF(own_facts))
        return ERR_OK;
    buf_printf(problem, "the plugin %s was built against other headers: %s", path, advice);
    return ERR_UNSUPPORTED;
}

static bool is_name(const char *name)
{
    size_t size = name == NULL ? 0 : strnlen(name, PLUGIN_NAME_SIZE_MAX + 1);
    if (size == 0 || size > PLUGIN_NAME_SIZE_MAX)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

static err_t nonsense(buf_t *problem, const char *path, const char *what)
{
    buf_printf(problem, "the plugin %s is not complete: %s", path, what);
    return ERR_INVALID;
}

/* Each is there, up to a count that no program has. */
static bool are_there(const void *table, size_t count)
{
    enum { MANY = 4096 };
    return count == 0 || (table != NULL && count <= MANY);
}

static bool are_handlers(const actor_handler_t *handlers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (handlers[i].schema == NULL || handlers[i].handle == NULL)
            return false;
    }
    return true;
}

static bool are_behaviours(const actor_kind_t *kind)
{
    for (size_t i = 0; i < kind->behaviour_count; i++) {
        const actor_behaviour_t *behaviour = kind->behaviours[i];
        if (behaviour == NULL || behaviour->name == NULL ||
            !are_there(behaviour->handlers, behaviour->handler_count) ||
            !are_handlers(behaviour->handlers, behaviour->handler_count))
            return false;
    }
    return true;
}

static bool has_tables(const actor_kind_t *kind)
{
    return are_there(kind->handlers, kind->handler_count) &&
           are_there(kind->appliers, kind->applier_count) &&
           are_there(kind->replies, kind->reply_count) &&
           are_there(kind->behaviours, kind->behaviour_count) &&
           are_there(kind->continuations, kind->continuation_count);
}

static bool is_kind(const actor_kind_t *kind)
{
    if (kind == NULL || !is_name(kind->name) || !has_tables(kind) ||
        !are_handlers(kind->handlers, kind->handler_count) || !are_behaviours(kind))
        return false;
    for (size_t i = 0; i < kind->applier_count; i++) {
        if (kind->appliers[i].schema == NULL || kind->appliers[i].apply == NULL)
            return false;
    }
    for (size_t i = 0; i < kind->reply_count; i++) {
        if (kind->replies[i] == NULL)
            return false;
    }
    for (size_t i = 0; i < kind->continuation_count; i++) {
        if (kind->continuations[i].name == NULL || kind->continuations[i].then == NULL)
            return false;
    }
    return kind->overflow <= OVERFLOW_COALESCE;
}

static err_t check_content(const plugin_t *plugin, const char *path, buf_t *problem)
{
    if (!is_name(plugin->name))
        return nonsense(problem, path, "its name has to be of a-z, 0-9, '_' and '-'");
    if (plugin->version == NULL || strnlen(plugin->version, PLUGIN_NAME_SIZE_MAX + 1) == 0 ||
        strnlen(plugin->version, PLUGIN_NAME_SIZE_MAX + 1) > PLUGIN_NAME_SIZE_MAX)
        return nonsense(problem, path, "it says no version");
    if (plugin->kinds == NULL || plugin->kind_count == 0 || plugin->kind_count > PLUGIN_KINDS_MAX)
        return nonsense(problem, path, "it has no actor kinds, or too many: see PLUGIN_KINDS");
    for (size_t i = 0; i < plugin->kind_count; i++) {
        if (!is_kind(plugin->kinds[i]))
            return nonsense(
                problem, path,
                "a kind has no name of a-z, 0-9, '_' and '-', or a table of it lacks something");
        for (size_t j = 0; j < i; j++) {
            if (strcmp(plugin->kinds[i]->name, plugin->kinds[j]->name) == 0)
                return nonsense(problem, path, "two of its kinds have the same name");
        }
    }
    return ERR_OK;
}

err_t plugin_check(const plugin_t *plugin, const char *path, buf_t *problem)
{
    TRY(check_interface(plugin, path, problem));
    TRY(check_facts(plugin, path, problem));
    return check_content(plugin, path, problem);
}

err_t object_plugin(const object_t *self, const char *path, buf_t *problem,
                    const plugin_t **out_plugin)
{
    const plugin_t *plugin = dlsym(self->handle, "musicstream_plugin");
    if (plugin == NULL) {
        buf_printf(problem,
                   "%s is not a plugin: it has no symbol `musicstream_plugin`; end one of its "
                   "files with PLUGIN(\"name\", \"version\") of runtime/plugin.h",
                   path);
        return ERR_INVALID;
    }
    TRY(plugin_check(plugin, path, problem));
    *out_plugin = plugin;
    return ERR_OK;
}
