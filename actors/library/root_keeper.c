/* root_keeper.c -- `root_keeper/here`: which music folders this node can read, told to roots/all
 * and to who serves sound here (storage/roots/root_places.h); and of several nodes, the scans that
 * this one is told to do. */

#include "actors/protocol/root_keeper.h"
#include "actors/library/library.h"
#include "actors/library/root_look.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/scan.h"
#include "runtime/base/memory.h"
#include "runtime/router.h"

typedef struct kept {
    char *name, *path;
    char reason[ROOT_REASON_SIZE]; /* why it can't be read; "": it can */
    bool was_looked_at, is_looking;
    uint64_t looking_ms, look; /* number of the newest look */
    bool is_mine;              /* to be scanned here */
    uint64_t scan, cancel;     /* the newest orders that were carried out */
} kept_t;

typedef struct root_keeper {
    kept_t roots[ROOTS_MAX];
    size_t count;
    uint64_t version; /* of the readers */
    uint64_t looks;
    bool is_started, is_reporting;
} root_keeper_t;

#define ACTOR_DEF "actors/protocol/root_keeper.def"
#define ACTOR_STATE root_keeper_t
#define ACTOR_ALSO(X) X(library_status)
#include "runtime/actor_kind.h"

static kept_t *find(root_keeper_t *self, str_t name)
{
    for (size_t i = 0; i < self->count; i++)
        if (str_equal(str_from(self->roots[i].name), name))
            return &self->roots[i];
    return NULL;
}

/* ---- looking ---- */

typedef struct look {
    uint64_t number;
    catalog_t *catalog;
    bool is_alone;
    const char *reason; /* what it found; constant */
    char name[ROOT_NAME_SIZE_MAX + 1];
    char path[4096];
} look_t;

static err_t look_work(void *data, size_t data_size)
{
    look_t *look = data;
    (void)data_size;
    look->reason = root_look(look->catalog, str_from(look->name), look->path, look->is_alone);
    return ERR_OK;
}

static void start_scan(context_t *ctx, const kept_t *root, bool is_full)
{
    /* A mailbox that is full has a start in it already. */
    IGNORE_ERR(
        actor_send(ctx, address_of("scan", str_from(root->name)), scan_start, .is_full = is_full));
}

/* A folder that is back: what changed meanwhile was not seen. */
static void came_back(context_t *ctx, const kept_t *root)
{
    bool is_alone = runtime_node(context_runtime(ctx)) == 0;
    if (is_alone || root->is_mine)
        start_scan(ctx, root, false);
}

static void report(root_keeper_t *self, context_t *ctx);

static void settle(root_keeper_t *self, context_t *ctx, kept_t *root, const char *reason)
{
    const library_service_t *service = context_service(ctx);
    bool is_new = !root->was_looked_at || strcmp(root->reason, reason) != 0;
    bool is_back = root->was_looked_at && root->reason[0] != '\0' && reason[0] == '\0';
    (void)str_to_array(str_from(reason), root->reason, sizeof root->reason);
    root->was_looked_at = true;
    if (service->places != NULL) /* without memory: as it was, until the next look */
        IGNORE_ERR(root_places_set(service->places, str_from(root->name), str_from(root->path),
                                   str_from(root->reason)));
    if (is_back)
        came_back(ctx, root);
    if (is_new && !self->is_reporting)
        report(self, ctx);
}

static void looked(void *state, context_t *ctx, err_t err, void *data, size_t data_size)
{
    const look_t *look = data;
    kept_t *root = find(state, str_from(look->name));
    (void)data_size;
    if (root == NULL || root->look != look->number)
        return; /* it is somewhere else by now */
    root->is_looking = false;
    if (err != ERR_BUSY && err != ERR_CANCELLED) /* else it was not looked at */
        settle(state, ctx, root, look->reason);
}

static void look(root_keeper_t *self, context_t *ctx, kept_t *root)
{
    const library_service_t *service = context_service(ctx);
    if (service->reads_no_music) {
        settle(self, ctx, root, ROOT_REASON_NO_ROLE);
        return;
    }
    look_t job = {.number = ++self->looks,
                  .catalog = service->catalog,
                  .is_alone = runtime_node(context_runtime(ctx)) == 0,
                  .reason = ""};
    if (!str_to_array(str_from(root->name), job.name, sizeof job.name) ||
        !str_to_array(str_from(root->path), job.path, sizeof job.path))
        return;
    root->look = job.number;
    root->is_looking = true;
    root->looking_ms = context_mono_ms(ctx);
    actor_offload(ctx, OFFLOAD_FILE, look_work, looked, &job, sizeof job);
}

static void look_at_all(root_keeper_t *self, context_t *ctx)
{
    uint64_t now_ms = context_mono_ms(ctx);
    for (size_t i = 0; i < self->count; i++) {
        kept_t *root = &self->roots[i];
        if (!root->is_looking)
            look(self, ctx, root);
        else if (now_ms - root->looking_ms >= ROOT_LOOK_LOST_MS)
            settle(self, ctx, root, "the music folder does not answer"); /* a share that hangs */
    }
}

/* ---- which folders there are ---- */

/* Where it is here: as this node was told when it started, or as everybody was. */
static str_t path_here(context_t *ctx, str_t name, str_t path)
{
    const library_service_t *service = context_service(ctx);
    for (size_t i = 0; i < service->own_root_count; i++)
        if (str_equal(service->own_roots[i].name, name))
            return service->own_roots[i].path;
    return path;
}

static kept_t *add(root_keeper_t *self, str_t name, str_t path)
{
    kept_t root = {.name = str_dup_terminated(name), .path = str_dup_terminated(path)};
    if (root.name == NULL || root.path == NULL || self->count == ROOTS_MAX) {
        memory_free(root.name);
        memory_free(root.path);
        return NULL;
    }
    self->roots[self->count] = root;
    return &self->roots[self->count++];
}

/* NULL: no memory; the next report brings it again. */
static kept_t *learn(root_keeper_t *self, context_t *ctx, str_t name, str_t everywhere)
{
    str_t path = path_here(ctx, name, everywhere);
    kept_t *root = find(self, name);
    if (root != NULL && str_equal(str_from(root->path), path))
        return root;
    if (root == NULL) {
        root = add(self, name, path);
    } else {
        char *moved = str_dup_terminated(path);
        if (moved == NULL)
            return NULL;
        memory_free(root->path);
        root->path = moved;
    }
    if (root != NULL)
        look(self, ctx, root);
    return root;
}

ON(library_status)
{
    for (uint32_t i = 0; i < command->roots.count; i++)
        (void)learn(self, ctx, command->roots.items[i].name, command->roots.items[i].path);
    return ERR_OK;
}

/* ---- what roots/all says ---- */

static void leave(context_t *ctx, kept_t *root)
{
    static const scan_leave_t command;
    if (STEAL(root->is_mine))
        IGNORE_ERR(actor_send_message(ctx, address_of("scan", str_from(root->name)),
                                      &scan_leave_schema, &command));
}

static void carry_out(context_t *ctx, kept_t *root, const root_task_t *task)
{
    static const scan_cancel_t cancel;
    uint64_t node = runtime_node(context_runtime(ctx));
    if (node == 0 || task->scanner != node) {
        leave(ctx, root);
        return;
    }
    bool is_new = !root->is_mine;
    root->is_mine = true;
    if (is_new || task->scan > root->scan)
        start_scan(ctx, root, task->is_full && task->scan > root->scan);
    if (!is_new && task->cancel > root->cancel)
        IGNORE_ERR(actor_send_message(ctx, address_of("scan", str_from(root->name)),
                                      &scan_cancel_schema, &cancel)); /* nothing to cancel */
    root->scan = MAX(root->scan, task->scan);
    root->cancel = MAX(root->cancel, task->cancel);
}

static err_t take_readers(root_keeper_t *self, context_t *ctx, const roots_known_t *known)
{
    const library_service_t *service = context_service(ctx);
    root_peer_t *peers =
        arena_new_array(context_arena(ctx), known->readers.count + 1, sizeof *peers);
    if (service->peers == NULL || known->version == self->version)
        return ERR_OK;
    if (peers == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < known->readers.count; i++) {
        const root_reader_t *reader = &known->readers.items[i];
        peers[i] =
            (root_peer_t){reader->node, reader->address, reader->roots.items, reader->roots.count};
    }
    TRY(root_peers_set(service->peers, peers, known->readers.count, known->is_whole));
    self->version = known->version;
    return ERR_OK;
}

static void reported(void *state, context_t *ctx, const answer_t *answer, void *data,
                     size_t data_size)
{
    root_keeper_t *self = state;
    (void)data, (void)data_size;
    self->is_reporting = false;
    if (answer->err != ERR_OK)
        return; /* what it said last holds */
    const roots_known_t *known = answer->message;
    for (uint32_t i = 0; i < known->roots.count; i++) {
        kept_t *root = learn(self, ctx, known->roots.items[i].name, known->roots.items[i].path);
        if (root != NULL)
            carry_out(ctx, root, &known->roots.items[i]);
    }
    IGNORE_ERR(take_readers(self, ctx, known)); /* with the next answer */
}

static void report(root_keeper_t *self, context_t *ctx)
{
    const library_service_t *service = context_service(ctx);
    root_reading_t readings[ROOTS_MAX];
    uint32_t count = 0;
    roots_report_t command = {.node = runtime_node(context_runtime(ctx)),
                              .address = service->piece_address,
                              .version = self->version};
    for (size_t i = 0; i < self->count; i++) {
        const kept_t *root = &self->roots[i];
        if (root->was_looked_at)
            readings[count++] =
                (root_reading_t){str_from(root->name), str_from(root->reason), root->is_mine};
    }
    command.roots.items = readings;
    command.roots.count = count;
    self->is_reporting = true;
    actor_ask_message(ctx, address_of(ROOTS_KIND, ROOTS_KEY), ROOT_REPORT_TIMEOUT_MS, reported,
                      NULL, 0, &roots_report_schema, &command);
}

ON(root_keeper_tick)
{
    look_at_all(self, ctx);
    if (!self->is_reporting)
        report(self, ctx);
    return ERR_OK;
}

ON(root_keeper_start)
{
    if (self->is_started)
        return ERR_OK;
    TRY(actor_subscribe(ctx, LIBRARY_STATUS_TOPIC));
    self->is_started = true;
    actor_timer_start(ctx, ROOTS_REPORT_MS, ROOTS_REPORT_MS, root_keeper_tick);
    report(self, ctx);
    return ERR_OK;
}

static void deinit(void *state)
{
    root_keeper_t *self = state;
    for (size_t i = 0; i < self->count; i++) {
        memory_free(self->roots[i].name);
        memory_free(self->roots[i].path);
    }
}

ACTOR_KIND(root_keeper, .deinit = deinit, .mailbox_max = 256, .overflow = OVERFLOW_DROP_OLDEST);
