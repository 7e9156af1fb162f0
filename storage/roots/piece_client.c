#include "storage/roots/piece_client.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "storage/file.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

enum {
    ANSWER_SIZE_MAX = PIECE_SIZE_MAX + PIECE_OVERHEAD,
    AWAY_NODES = 16 /* remembered; more than these are asked in their order */
};

typedef struct away {
    char address[ROOT_ADDRESS_SIZE];
    uint64_t until_ms;
} away_t;

struct piece_client {
    const piece_keys_t *keys;
    ms_clock_t clock;
    uint32_t connect_ms, answer_ms, away_ms;
    bool has_curl;
    pthread_mutex_t lock;
    CURL *idle[PIECE_RUNNING_MAX]; /* with their connections */
    size_t idle_count, running, reading;
    away_t away[AWAY_NODES];
    size_t away_next;
    piece_client_counts_t counts;
};

err_t piece_client_new(const piece_client_options_t *options, piece_client_t **out_client)
{
    piece_client_t *self PIECE_CLIENT_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->keys = options->keys;
    self->clock = clock_system();
    self->connect_ms = options->connect_ms != 0 ? options->connect_ms : PIECE_CONNECT_MS;
    self->answer_ms = options->answer_ms != 0 ? options->answer_ms : PIECE_ANSWER_MS;
    self->away_ms = options->away_ms != 0 ? options->away_ms : PIECE_AWAY_MS;
    pthread_mutex_init(&self->lock, NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_INTERNAL;
    self->has_curl = true;
    *out_client = STEAL(self);
    return ERR_OK;
}

void piece_client_free(piece_client_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->idle_count; i++)
        curl_easy_cleanup(self->idle[i]);
    if (self->has_curl)
        curl_global_cleanup();
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

void piece_client_scope_end(piece_client_t **self)
{
    piece_client_free(*self);
}

piece_client_counts_t piece_client_counts(piece_client_t *self)
{
    pthread_mutex_lock(&self->lock);
    piece_client_counts_t counts = self->counts;
    pthread_mutex_unlock(&self->lock);
    return counts;
}

/* ---- nodes that were away ---- */

bool piece_client_is_away(piece_client_t *self, const root_node_t *node)
{
    uint64_t now_ms = clock_mono_ms(&self->clock);
    bool is_found = false;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < AWAY_NODES; i++)
        is_found |=
            self->away[i].until_ms > now_ms && strcmp(self->away[i].address, node->address) == 0;
    pthread_mutex_unlock(&self->lock);
    return is_found;
}

static void note_away(piece_client_t *self, const root_node_t *node)
{
    uint64_t until_ms = clock_mono_ms(&self->clock) + self->away_ms;
    pthread_mutex_lock(&self->lock);
    away_t *away = &self->away[self->away_next++ % AWAY_NODES];
    memcpy(away->address, node->address, sizeof away->address);
    away->until_ms = until_ms;
    pthread_mutex_unlock(&self->lock);
}

/* ---- one request ---- */

static CURL *take_handle(piece_client_t *self, err_t *out_err)
{
    CURL *easy = NULL;
    pthread_mutex_lock(&self->lock);
    bool is_full = self->running == PIECE_RUNNING_MAX;
    if (!is_full)
        self->running++;
    if (!is_full && self->idle_count > 0)
        easy = self->idle[--self->idle_count];
    pthread_mutex_unlock(&self->lock);
    if (!is_full && easy == NULL) {
        easy = curl_easy_init();
        if (easy == NULL) {
            pthread_mutex_lock(&self->lock);
            self->running--;
            pthread_mutex_unlock(&self->lock);
        }
    }
    *out_err = is_full ? ERR_BUSY : ERR_NO_MEMORY;
    return easy;
}

static void give_handle(piece_client_t *self, CURL *easy)
{
    curl_easy_reset(easy); /* keeps its connections */
    pthread_mutex_lock(&self->lock);
    self->running--;
    self->idle[self->idle_count++] = easy;
    pthread_mutex_unlock(&self->lock);
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    buf_t *answer = context;
    size *= count;
    if (answer->size + size > ANSWER_SIZE_MAX)
        return 0;
    buf_append_bytes(answer, data, size);
    return buf_status(answer) == ERR_OK ? size : 0;
}

static err_t err_of_status(long status)
{
    if (status == 200 || status == 202)
        return ERR_OK;
    for (int i = 1; i < ERR_COUNT; i++)
        if (err_http_status((err_t)i) == (int)status)
            return (err_t)i;
    return ERR_UNAVAILABLE;
}

static err_t err_of_code(CURLcode code, const buf_t *answer)
{
    if (code == CURLE_OK)
        return ERR_OK;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return ERR_TIMEOUT;
    if (code == CURLE_OUT_OF_MEMORY || buf_status(answer) != ERR_OK)
        return ERR_NO_MEMORY;
    return code == CURLE_WRITE_ERROR ? ERR_LIMIT : ERR_UNAVAILABLE;
}

typedef struct call {
    const root_node_t *node;
    str_t target;
    bool is_post;
    char proof[PIECE_PROOF_SIZE];
    buf_t answer;
} call_t;

static void call_deinit(call_t *self)
{
    buf_deinit(&self->answer);
}

static void set_options(const piece_client_t *self, CURL *easy, call_t *call, const char *url,
                        struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* nodes reach each other */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)self->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)self->answer_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call->answer);
    if (call->is_post)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
}

static err_t perform(const piece_client_t *self, CURL *easy, call_t *call, const char *url)
{
    char line[sizeof PIECE_HEADER + 2 + PIECE_PROOF_SIZE];
    long status = 0;
    snprintf(line, sizeof line, "%s: %s", PIECE_HEADER, call->proof);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    if (headers == NULL)
        return ERR_NO_MEMORY;
    set_options(self, easy, call, url, headers);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    TRY(err_of_code(code, &call->answer));
    return err_of_status(status);
}

static err_t run(piece_client_t *self, call_t *call)
{
    err_t err = ERR_OK;
    buf_t url BUF_SCOPED = BUF_INIT;
    TRY(piece_sign(self->keys, call->is_post ? STR("POST") : STR("GET"), call->target,
                   call->proof));
    buf_printf(&url, "http://%s%.*s", call->node->address, STR_ARG(call->target));
    const char *text = buf_terminated(&url);
    TRY(buf_status(&url));
    CURL *easy = take_handle(self, &err);
    if (easy == NULL)
        return err;
    err = perform(self, easy, call, text);
    give_handle(self, easy);
    pthread_mutex_lock(&self->lock);
    self->counts.asked++;
    self->counts.failed += err != ERR_OK;
    self->counts.received_bytes += call->answer.size;
    pthread_mutex_unlock(&self->lock);
    if (err == ERR_TIMEOUT || err == ERR_UNAVAILABLE)
        note_away(self, call->node);
    return err;
}

err_t piece_client_get(piece_client_t *self, const root_node_t *node, str_t target, buf_t *out,
                       piece_t *out_piece)
{
    call_t call SCOPED(call_deinit) = {.node = node, .target = target};
    TRY(run(self, &call));
    return piece_open(self->keys, str_from(call.proof), target, buf_str(&call.answer), out,
                      out_piece);
}

err_t piece_client_post(piece_client_t *self, const root_node_t *node, str_t target)
{
    call_t call SCOPED(call_deinit) = {.node = node, .target = target, .is_post = true};
    return run(self, &call);
}

/* ---- of several nodes ---- */

/* The order in which they are asked: those that were away come last. */
static size_t order(piece_client_t *self, const root_node_t *nodes, size_t count,
                    const root_node_t *out[ROOT_NODES_MAX])
{
    size_t used = 0;
    bool is_last[ROOT_NODES_MAX];
    count = MIN(count, (size_t)ROOT_NODES_MAX);
    for (size_t i = 0; i < count; i++) {
        is_last[i] = piece_client_is_away(self, &nodes[i]);
        if (!is_last[i])
            out[used++] = &nodes[i];
    }
    for (size_t i = 0; i < count; i++)
        if (is_last[i])
            out[used++] = &nodes[i];
    return used;
}

typedef err_t (*try_fn)(piece_client_t *self, const root_node_t *node, void *context);

static err_t try_each(piece_client_t *self, const root_node_t *nodes, size_t count, try_fn try,
                      void *context)
{
    const root_node_t *ordered[ROOT_NODES_MAX];
    size_t ordered_count = order(self, nodes, count, ordered);
    err_t err = ERR_NOT_FOUND;
    for (size_t i = 0; i < ordered_count; i++) {
        err_t tried = try(self, ordered[i], context);
        if (tried == ERR_OK || tried == ERR_BUSY || tried == ERR_NO_MEMORY || tried == ERR_FULL)
            return tried; /* the next would have the same */
        if (tried != ERR_NOT_FOUND)
            err = tried;
    }
    return err;
}

typedef struct asking {
    str_t target;
    buf_t *out;
    piece_t *piece;
} asking_t;

static err_t ask_one(piece_client_t *self, const root_node_t *node, void *context)
{
    const asking_t *asking = context;
    return piece_client_get(self, node, asking->target, asking->out, asking->piece);
}

err_t piece_client_ask(piece_client_t *self, const root_node_t *nodes, size_t count, str_t target,
                       buf_t *out, piece_t *out_piece)
{
    asking_t asking = {target, out, out_piece};
    return try_each(self, nodes, count, ask_one, &asking);
}

/* A file that comes whole: into the cache, or into memory. */
typedef struct fetching {
    str_t target;
    segment_cache_t *cache; /* NULL: into memory */
    str_t name;
    buf_t *out;
} fetching_t;

static err_t get_from(piece_client_t *self, const root_node_t *node, str_t target, uint64_t from,
                      uint64_t version, buf_t *room, piece_t *out_piece)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "%.*s%cfrom=%llu&version=%llu", STR_ARG(target),
               str_find(target, '?') == target.size ? '?' : '&', (unsigned long long)from,
               (unsigned long long)version);
    TRY(buf_status(&text));
    buf_reset(room);
    return piece_client_get(self, node, buf_str(&text), room, out_piece);
}

/* From the first piece on, until it is all there. */
static err_t fetch_rest(piece_client_t *self, const root_node_t *node, const fetching_t *fetching,
                        segment_write_t *write, piece_t piece)
{
    buf_t room BUF_SCOPED = BUF_INIT;
    uint64_t done = 0, total = piece.total, version = piece.version;
    for (;;) {
        if (piece.total != total || piece.version != version || piece.content.size > total - done)
            return ERR_CORRUPT;
        if (fetching->cache != NULL)
            TRY(file_write_all(write->fd, piece.content));
        else
            buf_append(fetching->out, piece.content);
        done += piece.content.size;
        if (done == total)
            return fetching->cache != NULL ? segment_write_publish(write)
                                           : buf_status(fetching->out);
        if (piece.content.size == 0)
            return ERR_CORRUPT;
        TRY(get_from(self, node, fetching->target, done, version, &room, &piece));
    }
}

static err_t fetch_one(piece_client_t *self, const root_node_t *node, void *context)
{
    const fetching_t *fetching = context;
    buf_t first BUF_SCOPED = BUF_INIT;
    segment_write_t write SEGMENT_WRITE_SCOPED = {.fd = -1};
    piece_t piece;
    size_t before = fetching->out == NULL ? 0 : fetching->out->size;
    TRY(get_from(self, node, fetching->target, 0, 0, &first, &piece));
    if (piece.total > PIECE_WHOLE_SIZE_MAX)
        return ERR_LIMIT;
    if (fetching->cache != NULL)
        TRY(segment_cache_write(fetching->cache, fetching->name, piece.total, &write));
    err_t err = fetch_rest(self, node, fetching, &write, piece);
    if (err == ERR_OK) {
        pthread_mutex_lock(&self->lock);
        self->counts.files++;
        pthread_mutex_unlock(&self->lock);
    }
    if (err != ERR_OK && fetching->out != NULL)
        fetching->out->size = before;
    return err;
}

err_t piece_client_fetch(piece_client_t *self, const root_node_t *nodes, size_t count, str_t target,
                         segment_cache_t *cache, str_t name)
{
    fetching_t fetching = {.target = target, .cache = cache, .name = name};
    return try_each(self, nodes, count, fetch_one, &fetching);
}

/* Counts one in, or out. False: there are too many. */
static bool may_read(piece_client_t *self, int change)
{
    pthread_mutex_lock(&self->lock);
    self->reading += (size_t)change;
    bool is_room = self->reading <= PIECE_READING_MAX;
    pthread_mutex_unlock(&self->lock);
    return is_room;
}

err_t piece_client_read(piece_client_t *self, const root_node_t *nodes, size_t count, str_t target,
                        buf_t *out)
{
    fetching_t fetching = {.target = target, .out = out};
    err_t err = ERR_BUSY;
    if (may_read(self, 1))
        err = try_each(self, nodes, count, fetch_one, &fetching);
    (void)may_read(self, -1);
    return err;
}
