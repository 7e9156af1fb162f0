#include "storage/blob/blob_upload.h"

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/base/thread.h"

#include <pthread.h>
#include <time.h>

struct blob_upload {
    blob_upload_options_t options;
    blob_folder_t *folders[BLOB_UPLOAD_FOLDERS_MAX];
    size_t folder_count;
    ms_clock_t clock;
    pthread_t thread;
    bool has_thread;
    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken, is_stopping;
    blob_upload_status_t status;
};

/* One look through all folders. */
typedef struct look {
    blob_upload_t *upload;
    blob_folder_t *folder;
    uint64_t damaged, left;
    err_t away; /* why the rest waits */
} look_t;

static bool is_stopping(blob_upload_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool stopping = self->is_stopping;
    pthread_mutex_unlock(&self->lock);
    return stopping;
}

static void count_sent(blob_upload_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->status.sent++;
    pthread_mutex_unlock(&self->lock);
}

static err_t send_one(void *context, const blob_info_t *blob)
{
    look_t *look = context;
    blob_upload_t *self = look->upload;
    if (is_stopping(self))
        return ERR_CANCELLED;
    if (look->away != ERR_OK) { /* only counted: the store would refuse it */
        look->left++;
        return ERR_OK;
    }
    int64_t fresh_ms = clock_wall_ms(&self->clock) - (int64_t)self->options.fresh_for_ms;
    err_t err = blob_folder_send(look->folder, blob->key, fresh_ms);
    if (err == ERR_OK) {
        count_sent(self);
    } else if (err == ERR_CORRUPT || err == ERR_INVALID || err == ERR_LIMIT) {
        look->damaged++;
        log_error(self->options.log, "blobs", "%.*s can't be sent to the store of blobs: %s",
                  STR_ARG(blob->key), err_text(err));
    } else {
        look->away = err;
        look->left++;
    }
    return ERR_OK;
}

/* True: nothing waits that could be sent now. */
static bool send_all(blob_upload_t *self)
{
    look_t look = {.upload = self};
    err_t err = ERR_OK;
    for (size_t i = 0; i < self->folder_count && err == ERR_OK; i++) {
        look.folder = self->folders[i];
        err = blob_store_list(blob_folder_local(look.folder), STR(""), send_one, &look);
    }
    pthread_mutex_lock(&self->lock);
    self->status.waiting = look.left;
    self->status.damaged = look.damaged;
    pthread_mutex_unlock(&self->lock);
    return err == ERR_OK && look.away == ERR_OK;
}

/* Until it is woken, or for wait_ms where something is left. */
static void wait_for_more(blob_upload_t *self, uint64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&self->lock);
    self->status.is_idle = wait_ms == 0 && !self->is_woken;
    int rc = 0;
    while (!self->is_stopping && rc == 0 && (wait_ms > 0 || !self->is_woken))
        rc = wait_ms > 0 ? pthread_cond_timedwait(&self->woken, &self->lock, &until)
                         : pthread_cond_wait(&self->woken, &self->lock);
    self->is_woken = self->status.is_idle = false;
    pthread_mutex_unlock(&self->lock);
}

static void *run(void *context)
{
    thread_name("blob-upload");
    blob_upload_t *self = context;
    uint64_t wait_ms = 0;
    while (!is_stopping(self)) {
        if (send_all(self))
            wait_ms = 0;
        else
            wait_ms = MIN(MAX(wait_ms * 2, (uint64_t)self->options.wait_min_ms),
                          (uint64_t)BLOB_UPLOAD_WAIT_MAX_MS);
        wait_for_more(self, wait_ms);
    }
    return NULL;
}

err_t blob_upload_new(const blob_upload_options_t *options, blob_upload_t **out_upload)
{
    pthread_condattr_t attributes;
    blob_upload_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    if (self->options.wait_min_ms == 0)
        self->options.wait_min_ms = BLOB_UPLOAD_WAIT_MIN_MS;
    self->clock = clock_system();
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    *out_upload = self;
    return ERR_OK;
}

err_t blob_upload_start(blob_upload_t *self, blob_folder_t *const *folders, size_t count)
{
    ASSERT(count <= BLOB_UPLOAD_FOLDERS_MAX);
    memcpy(self->folders, folders, count * sizeof *folders);
    self->folder_count = count;
    if (thread_start(&self->thread, run, self) != ERR_OK)
        return ERR_NO_MEMORY;
    self->has_thread = true;
    return ERR_OK;
}

void blob_upload_wake(void *context)
{
    blob_upload_t *self = context;
    pthread_mutex_lock(&self->lock);
    self->is_woken = true;
    self->status.is_idle = false;
    pthread_cond_signal(&self->woken);
    pthread_mutex_unlock(&self->lock);
}

void blob_upload_status(blob_upload_t *self, blob_upload_status_t *out_status)
{
    pthread_mutex_lock(&self->lock);
    *out_status = self->status;
    pthread_mutex_unlock(&self->lock);
}

void blob_upload_free(blob_upload_t *self)
{
    if (self == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    pthread_cond_signal(&self->woken);
    pthread_mutex_unlock(&self->lock);
    if (self->has_thread)
        pthread_join(self->thread, NULL);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->woken);
    memory_free(self);
}
