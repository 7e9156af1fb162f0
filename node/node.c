#include "node/parts.h"
#include "node/plugins/plugins.h"

#include "actors/protocol/accounts.h"
#include "actors/protocol/root_keeper.h"
#include "actors/protocol/roots.h"
#include "actors/settings/settings.h"
#include "actors/social/social.h"
#include "actors/streaming/session_service.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "node/program.h"
#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "runtime/inside.h"
#include "storage/crypt/states_sealed.h"
#include "storage/relations/relation_clear.h"
#include "storage/states/state_store_lmdb.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROOTS_TRIES_MAX = 50,
    ROOTS_TRY_US = 200000,
    ANSWER_WAIT_MS = 5000,
    DRAIN_MS = 6000,
    JOURNAL_WAIT_MS = 4000
};

/* For who waits, beside what keepers hold. */
enum { FILE_THREADS = 4, COMPUTE_THREADS = 2 };

/* ---- opening ---- */

/* NULL: it is off, or there is no folder for it. */
static const char *recorder_path(node_t *self)
{
    const char *folder = self->config->recorder_folder;
    if (strcmp(self->config->recorder, "off") == 0)
        return NULL;
    if (folder[0] == '\0')
        folder = node_in_data(self, "recorder");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        log_warning(self->log, "recorder", "there is no flight recorder: %s can't be made: %s",
                    folder, strerror(errno));
        return NULL;
    }
    str_t path = arena_printf(&self->arena, "%s/recorder.ring", folder);
    return path.data;
}

static err_t make_runtime(node_t *self)
{
    runtime_options_t options = {.scheduler_count = (uint32_t)self->config->schedulers,
                                 .log = self->log,
                                 .journal = node_clear_journal(self),
                                 .state_store = self->sealed_states,
                                 .memory_max = self->config->memory_actors_mb << 20,
                                 .recorder_path = recorder_path(self)};
    options.offload_threads[OFFLOAD_FILE] = FILE_THREADS + NODE_KEEPER_JOBS;
    options.offload_threads[OFFLOAD_COMPUTE] = COMPUTE_THREADS; /* long searches run there */
    if (blobs_are_far(self->blobs)) /* who waits for the store keeps nobody from the disk */
        options.offload_threads[OFFLOAD_FILE] += BLOB_FETCH_MAX;
    err_t err = runtime_new(&options, &self->runtime);
    if (err != ERR_OK && options.recorder_path != NULL) {
        /* A node that can't be looked into serves all the same. */
        log_warning(self->log, "recorder", "there is no flight recorder: %s: %s",
                    options.recorder_path, err_text(err));
        options.recorder_path = NULL;
        err = runtime_new(&options, &self->runtime);
    }
    TRY(err);
    const search_asker_options_t asking = {.feed = self->search,
                                           .names = self->names.names,
                                           .runtime = self->runtime,
                                           .work_inline = self->config->search_work};
    TRY(search_asker_new(&asking, &self->asker));
    self->inspector.recorder = options.recorder_path;
    if (options.recorder_path != NULL && strcmp(self->config->recorder, "messages") == 0)
        err = runtime_record(self->runtime, RECORDER_MESSAGES);
    if (err == ERR_OK && self->config->latencies)
        err = runtime_measure_latencies(self->runtime, true);
    return err;
}

static err_t check_recorder(const node_t *self, buf_t *problem)
{
    static const char *const levels[] = {"off", "life", "messages"};
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (strcmp(self->config->recorder, levels[i]) == 0)
            return ERR_OK;
    buf_printf(problem, "recorder is '%s': use off, life or messages", self->config->recorder);
    return ERR_INVALID;
}

static err_t make_workers(node_t *self, buf_t *problem)
{
    str_t program = program_beside(&self->arena, self->config->media_program, "musicstream-media");
    if (program.data == NULL)
        return ERR_NO_MEMORY;
    if (access(program.data, X_OK) != 0) {
        buf_printf(problem,
                   "the media worker %s can't be run: build it, or name it with "
                   "--media-program",
                   program.data);
        return ERR_NOT_FOUND;
    }
    /* One more than cores: loudness, encoding ahead and who waits each find one (worker.h). */
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = self->config->media_workers != 0 ? self->config->media_workers
                                                      : (uint64_t)MAX(cores, 2) + 1;
    worker_options_t options = {.program = program.data,
                                .count = (uint32_t)MIN(count, (uint64_t)WORKER_COUNT_MAX),
                                .log = self->log};
    TRY(worker_pool_new(runtime_loop(self->runtime, 0), &options, &self->workers));
    self->media = (media_client_t){self->workers};
    return ERR_OK;
}

static err_t clear_rows(void *context)
{
    const node_t *self = context;
    const config_t *config = self->config;
    bool has_direct = config->database_direct[0] != '\0';
    return relation_clear_rows(has_direct ? config->database_direct : config->database, self->log);
}

static err_t register_services(node_t *self)
{
    const ms_clock_t clock = clock_system();
    self->auth = (auth_service_t){.keyring = self->keyring,
                                  .cost = PASSWORD_COST,
                                  .node_started_at_ms = clock_wall_ms(&clock)};
    self->library = (library_service_t){.catalog = self->catalog,
                                        .projection = self->projection,
                                        .journal = node_clear_journal(self),
                                        .media = &self->media,
                                        .blobs = self->lyrics,
                                        .artwork = self->artwork,
                                        .places = media_node_places(self->folders),
                                        .peers = media_node_peers(self->folders),
                                        .is_watching = self->config->watch,
                                        .reads_no_music = !node_has_role(self, MEMBER_MEDIA),
                                        .has_loudness = true};
    self->library.own_roots = media_node_roots(self->folders, &self->library.own_root_count);
    self->streaming = (streaming_service_t){.catalog = self->catalog,
                                            .segments = self->segments,
                                            .media = &self->media,
                                            .places = media_node_places(self->folders),
                                            .pieces = media_node_pieces(self->folders)};
    self->privacy = (privacy_service_t){
        self->vault, self->keyring, self->config->database[0] == '\0' ? NULL : clear_rows, self};
    blobs_know(self->blobs, self->catalog, self->projection, node_clear_journal(self),
               self->segments, self->runtime);
    TRY(auth_register(self->runtime, &self->auth));
    TRY(privacy_register(self->runtime, &self->privacy));
    TRY(social_register(self->runtime));
    TRY(settings_register(self->runtime));
    TRY(session_register(self->runtime));
    TRY(runtime_register(self->runtime, &inspector_kind, &self->inspector));
    TRY(library_register(self->runtime, &self->library));
    return streaming_register(self->runtime, &self->streaming);
}

err_t node_open(const config_t *config, const ms_log_t *log, buf_t *problem, node_t **out_node)
{
    node_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->config = config;
    self->log = log;
    sem_init(&self->done, 0, 0);
    err_t err = check_recorder(self, problem);
    if (err == ERR_OK)
        err = node_open_storage(self, problem);
    if (err == ERR_OK)
        err = node_refuse(problem, make_runtime(self), "the actor runtime can't be made");
    if (err == ERR_OK)
        err = node_refuse(problem, make_workers(self, problem), "the media workers can't be made");
    if (err == ERR_OK)
        err = node_refuse(problem, node_open_folders(self, problem),
                          "the table of music folders can't be made");
    if (err == ERR_OK)
        err = node_refuse(problem, register_services(self), "a service can't be registered");
    if (err == ERR_OK)
        err = plugins_load(self, problem);
    if (err == ERR_OK && self->cluster != NULL)
        err = node_refuse(problem, cluster_node_attach(self->cluster, self->runtime),
                          "the runtime can't be one of many");
    if (err != ERR_OK) {
        node_close(self);
        return err;
    }
    *out_node = self;
    return ERR_OK;
}

/* ---- asking an actor from the main thread ---- */

typedef struct main_ask {
    node_t *node;
    const char *kind;
    str_t key;
    const schema_t *schema;
    const void *message;
    void (*got)(struct main_ask *self, const answer_t *answer);
    buf_t *out;
    err_t err;
} main_ask_t;

static void main_answered(void *context, const answer_t *answer)
{
    main_ask_t *self = context;
    self->err = answer->err;
    if (answer->err != ERR_OK && self->out != NULL && !str_is_empty(answer->text))
        buf_append(self->out, answer->text);
    else if (answer->err == ERR_OK && self->got != NULL)
        self->got(self, answer);
    sem_post(&self->node->done);
}

static void main_ask_here(void *context)
{
    main_ask_t *self = context;
    edge_ask_message(runtime_edge(self->node->runtime, 0), address_of(self->kind, self->key),
                     ANSWER_WAIT_MS, (str_t){0}, main_answered, self, self->schema, self->message);
}

static err_t ask_and_wait(main_ask_t *ask)
{
    TRY(edge_post(runtime_edge(ask->node->runtime, 0), main_ask_here, ask));
    while (sem_wait(&ask->node->done) != 0)
        continue; /* interrupted */
    return ask->err;
}

static void got_code(main_ask_t *self, const answer_t *answer)
{
    const accounts_setup_code_t *code = answer->message;
    buf_append(self->out, code->code);
}

err_t node_setup_code(node_t *self, buf_t *out_code)
{
    accounts_get_setup_code_t command; /* it has no fields */
    main_ask_t ask = {.node = self,
                      .kind = ACCOUNTS_KIND,
                      .key = ACCOUNTS_KEY,
                      .schema = &accounts_get_setup_code_schema,
                      .message = &command,
                      .got = got_code,
                      .out = out_code};
    size_t before = out_code->size;
    err_t err = ask_and_wait(&ask);
    if (err != ERR_OK)
        out_code->size = before;
    return err;
}

/* ---- starting ---- */

static const char *why_no_root(err_t err)
{
    if (err == ERR_CONFLICT)
        return "it lies inside another music folder, or around one";
    if (err == ERR_INVALID)
        return "a name has letters, digits, '-', '_' and '.' only: --music NAME=FOLDER";
    if (err == ERR_LIMIT)
        return "there are too many music folders";
    return err_text(err);
}

/* Of several nodes, another may have the list of folders, and be about to give it away. */
static err_t ask_as_long_as_it_may_pass(main_ask_t *ask)
{
    err_t err = ask_and_wait(ask);
    for (int i = 0; i < ROOTS_TRIES_MAX && ask->node->cluster != NULL; i++) {
        if (err != ERR_UNAVAILABLE && err != ERR_TIMEOUT && err != ERR_BUSY)
            break;
        buf_reset(ask->out);
        usleep(ROOTS_TRY_US);
        err = ask_and_wait(ask);
    }
    return err;
}

static err_t add_roots(node_t *self, buf_t *problem)
{
    for (uint32_t i = 0; i < self->config->root_count; i++) {
        const config_root_t *root = &self->config->roots[i];
        roots_add_t command = {str_from(root->name), str_from(root->path), .can_move = true,
                               .is_of_node = self->cluster != NULL};
        buf_t why BUF_SCOPED = BUF_INIT;
        main_ask_t ask = {.node = self,
                          .kind = ROOTS_KIND,
                          .key = ROOTS_KEY,
                          .schema = &roots_add_schema,
                          .message = &command,
                          .out = &why};
        err_t err = ask_as_long_as_it_may_pass(&ask);
        if (err != ERR_OK) {
            buf_printf(problem, "the music folder %s can't be used: %.*s", root->path,
                       STR_ARG(why.size > 0 ? buf_str(&why) : str_from(why_no_root(err))));
            return err;
        }
    }
    return ERR_OK;
}

/* Of every root, also of those that an earlier run was given. A root that was added just now is
 * being scanned already; this changes nothing for it. */
static err_t start_scans(node_t *self, buf_t *problem)
{
    roots_start_scan_t command = {.is_full = false};
    main_ask_t ask = {.node = self,
                      .kind = ROOTS_KIND,
                      .key = ROOTS_KEY,
                      .schema = &roots_start_scan_schema,
                      .message = &command};
    /* Of several nodes, whoever gets a folder to scan begins with that. */
    if (!self->config->scan_at_start || self->cluster != NULL)
        return ERR_OK;
    return node_refuse(problem, ask_and_wait(&ask), "the scan of the music folders can't start");
}

/* A folder given on the command line has to be there; one that is remembered may come back. */
static err_t check_roots(const node_t *self, buf_t *problem)
{
    for (uint32_t i = 0; i < self->config->root_count; i++) {
        const char *path = self->config->roots[i].path;
        struct stat about;
        if (stat(path, &about) != 0) {
            buf_printf(problem, "there is no music folder %s: check the path given with --music",
                       path);
            return ERR_NOT_FOUND;
        }
        if (!S_ISDIR(about.st_mode)) {
            buf_printf(problem, "%s is not a folder: give --music the folder that your music is in",
                       path);
            return ERR_INVALID;
        }
        if (access(path, R_OK | X_OK) != 0) {
            buf_printf(problem,
                       "the music folder %s can't be read: give this user the right to "
                       "read it",
                       path);
            return ERR_FORBIDDEN;
        }
    }
    return ERR_OK;
}

void node_post_and_wait(node_t *self, void (*fn)(void *context))
{
    if (edge_post(runtime_edge(self->runtime, 0), fn, self) != ERR_OK)
        return;
    while (sem_wait(&self->done) != 0)
        continue;
}

/* What it does by itself: actors are asked, so it has what it owns. */
static void start_upkeep(void *context)
{
    node_t *self = context;
    self->rotation = (master_rotation_t){.vault = self->vault,
                                         .config = self->config,
                                         .edge = runtime_edge(self->runtime, 0),
                                         .log = self->log,
                                         .is_ours = keys_are_ours(self->config)};
    privacy_start(&self->rotation);
    self->upkeep.keyring = self->keyring;
    self->upkeep.journal = node_clear_journal(self);
    self->upkeep.edge = runtime_edge(self->runtime, 0);
    self->upkeep.log = self->log;
    self->upkeep.rotation = &self->rotation;
    self->upkeep.blobs = self->blobs;
    self->upkeep.cluster = self->cluster;
    upkeep_start(&self->upkeep);
    atomic_store(&self->is_kept, true);
    sem_post(&self->done);
}

static void start_following(void *context)
{
    node_t *self = context;
    node_start_keepers(self);
    const char *path = node_in_data(self, "control.sock");
    err_t err = control_new(runtime_loop(self->runtime, 0), runtime_edge(self->runtime, 0), path,
                            CONTROL_COMMANDS, CONTROL_COMMAND_COUNT, self, &self->control);
    if (err != ERR_OK)
        log_warning(self->log, "control", "the command line can't reach this node: %s: %s", path,
                    err_text(err));
    sem_post(&self->done);
}

/* From here on this node looks whether its music folders can be read. */
static void start_keeping_roots(node_t *self)
{
    static const root_keeper_start_t command;
    err_t err = runtime_send_message(self->runtime, address_of(ROOT_KEEPER_KIND, ROOT_KEEPER_KEY),
                                     &root_keeper_start_schema, &command);
    if (err != ERR_OK)
        log_warning(self->log, "roots", "nobody looks whether the music folders can be read: %s",
                    err_text(err));
}

err_t node_start(node_t *self, buf_t *problem)
{
    TRY(check_roots(self, problem));
    TRY(node_refuse(problem, runtime_start(self->runtime), "the actor runtime can't start"));
    self->is_started = true;
    node_post_and_wait(self, start_following);
    if (self->cluster != NULL)
        TRY(cluster_node_join(self->cluster, problem));
    node_post_and_wait(self, start_upkeep);
    TRY(node_start_gateway(self, problem));
    TRY(node_refuse(problem, node_listen_for_nodes(self),
                    "the listener for other nodes can't be opened"));
    TRY(add_roots(self, problem));
    TRY(start_scans(self, problem));
    start_keeping_roots(self);
    __atomic_store_n(&self->is_ready, true, __ATOMIC_RELEASE);
    return ERR_OK;
}

bool node_is_expelled(const node_t *self)
{
    return atomic_load(&self->is_expelled);
}

uint16_t node_port(const node_t *self)
{
    return self->port;
}

bool node_has_players(const node_t *self)
{
    return node_has_role(self, MEMBER_GATEWAY);
}

/* ---- stopping ---- */

static void control_closed(void *context)
{
    node_t *self = context;
    sem_post(&self->done);
}

static void upkeep_stopped(void *context)
{
    node_t *self = context;
    control_close(&self->control, control_closed, self);
}

static void stop_following(void *context)
{
    node_t *self = context;
    node_stop_keepers(self);
    if (atomic_exchange(&self->is_kept, false))
        upkeep_stop(&self->upkeep, upkeep_stopped, self);
    else
        upkeep_stopped(self);
}

static void workers_stopped(void *context)
{
    *(bool *)context = true;
}

/* After the runtime has drained, nobody submits any more and its loop is this thread's. */
static void stop_workers(node_t *self)
{
    bool is_stopped = false;
    if (self->workers == NULL)
        return;
    worker_pool_stop(&self->workers, workers_stopped, &is_stopped);
    while (!is_stopped)
        uv_run(runtime_loop(self->runtime, 0), UV_RUN_ONCE);
}

void node_stop(node_t *self, uint64_t grace_ms)
{
    if (!self->is_started)
        return; /* nothing runs */
    __atomic_store_n(&self->is_ready, false, __ATOMIC_RELEASE);
    usleep((useconds_t)(grace_ms * 1000)); /* balancers look at /readyz; nothing here to wait for */
    if (self->cluster != NULL)
        cluster_node_leave(self->cluster, CLUSTER_LEAVE_MS);
    /* What a dead node still writes is refused: nobody waits for that. */
    uint64_t journal_wait_ms = node_is_expelled(self) ? 0 : JOURNAL_WAIT_MS;
    journal_store_hurry(&self->journal, journal_wait_ms);
    vault_hurry(self->vault, journal_wait_ms);
    node_stop_gateway(self);
    node_stop_listening(self);
    blobs_stop(self->blobs);
    node_post_and_wait(self, stop_following);
    if (runtime_drain(self->runtime, DRAIN_MS) != ERR_OK)
        log_warning(self->log, "node", "some actors had not finished when the node stopped");
    if (self->cluster != NULL)
        cluster_node_stop(self->cluster);
    self->is_started = false;
}

void node_close(node_t *self)
{
    if (self == NULL)
        return;
    node_stop(self, 0);
    if (self->blobs != NULL)
        blobs_stop(self->blobs);
    node_free_gateway(self);
    stop_workers(self);
    if (self->cluster != NULL)
        cluster_node_stop(self->cluster); /* nothing comes for the runtime any more */
    if (self->runtime != NULL)
        runtime_free(self->runtime);
    media_node_close(self->folders); /* when nothing runs any more that reads from it */
    upkeep_deinit(&self->upkeep);
    search_asker_free(self->asker); /* its handles were on the runtime's loops */
    search_feed_close(self->search);
    projection_close(self->projection);
    library_projection_free(self->library_projection);
    catalog_close(self->catalog);
    names_follow_close(&self->names);
    states_sealed_close(self->sealed_states);
    state_store_lmdb_close(self->states);
    journal_sealed_close(self->sealed);
    journal_store_close(&self->journal);
    vault_close(self->vault);
    segment_cache_close(self->segments);
    blobs_close(self->blobs);
    keyring_close(self->keyring);
    cluster_secrets_close(self->secrets);
    cluster_node_close(self->cluster);
    cluster_config_wipe(&self->cluster_config);
    data_folder_close(self->data);
    buf_deinit(&self->host);
    arena_deinit(&self->arena);
    sem_destroy(&self->done);
    memory_free(self);
}
