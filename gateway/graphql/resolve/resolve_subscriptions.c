/* resolve_subscriptions.c -- GraphQL subscriptions over topics.
 *
 * A feed joins one subscription's stream to one topic. What is published is copied once into an
 * event; a client that is slower than its topic skips to the newest, where events are states; where
 * they are not (`track`), its subscription fails instead. The same where something may be missing
 * (topic_gap): the state is asked for, or the subscription fails. The feed of `session` also keeps
 * its device attached for as long as it is open. */

#include "actors/protocol/server.h"
#include "actors/protocol/user.h"
#include "gateway/graphql/resolve/state_order.h"
#include "gateway/graphql/resolve/views.h"
#include "runtime/base/memory.h"
#include "runtime/topic_router.h"

enum { FEED_RETRY_MS = 20 };

typedef struct feed feed_t;
struct feed {
    graph_t *graph;
    graphql_stream_t *stream; /* NULL: it has ended */
    edge_subscription_t *subscription;
    const schema_t *schema; /* of the events; others of the topic are passed over */
    void *held;             /* the newest event, while the stream is busy */
    uv_timer_t timer;       /* until the stream takes it */
    uv_timer_t attach;      /* of a session's feed */
    str_t device_id, device_name;
    uint64_t connection;
    bool is_attached;
    bool is_whole; /* no event stands for the ones before it: none may be skipped */
    /* Where it says so of a message, the subscription ends: its subject is not the caller's to see
     * any more. NULL: never. */
    bool (*is_hidden)(const graph_t *graph, const void *message);
    void (*ask)(feed_t *self);            /* for the state; NULL: there is none */
    bool is_asking, is_changed, is_known; /* once at a time; since it was asked; ever */
    bool has_gaps;                        /* between two events something may be missing */
    state_order_t order;
    uint64_t (*version_of)(const void *state); /* NULL: they have none, and may come again */
    str_t playlist;                            /* its key */
    str_t room; /* its key: the room is asked for, each time it changed */
    arena_t arena;
    uint32_t open_handles, questions; /* what keeps the feed after its end */
};

static void feed_release(feed_t *self)
{
    if (self->stream != NULL || self->open_handles > 0 || self->questions > 0)
        return;
    memory_free(self->held);
    graph_unref(self->graph);
    arena_deinit(&self->arena);
    memory_free(self);
}

static void handle_closed(uv_handle_t *handle)
{
    feed_t *self = handle->data;
    self->open_handles--;
    feed_release(self);
}

static void feed_timer_init(feed_t *self, uv_timer_t *timer)
{
    edge_t *edge = self->graph->home->edge;
    uv_timer_init(runtime_loop(edge_runtime(edge), edge_scheduler(edge)), timer);
    timer->data = self;
    self->open_handles++;
}

static void feed_retry(uv_timer_t *timer);

/* Takes the event. */
static void feed_emit(feed_t *self, void *event)
{
    memory_free(STEAL(self->held));
    if (event == NULL || self->stream == NULL) {
        memory_free(event);
        return;
    }
    err_t err = graphql_emit(self->stream, event, memory_free);
    if (err == ERR_OK)
        return;
    if (self->is_whole) {
        memory_free(event);
        graphql_stream_fail(self->stream, err, "events came faster than they were read");
        return;
    }
    self->held = event;
    uv_timer_start(&self->timer, feed_retry, FEED_RETRY_MS, 0);
}

static void feed_retry(uv_timer_t *timer)
{
    feed_t *self = timer->data;
    feed_emit(self, STEAL(self->held));
}

static uint64_t version_of(const feed_t *self, const void *state)
{
    return self->version_of == NULL ? 0 : self->version_of(state);
}

static void *event_of(const schema_t *schema, const void *message)
{
    void *event = memory_new(schema_deep_size(schema, message));
    if (event != NULL)
        schema_copy(schema, message, event);
    return event;
}

/* ---- the state ---- */

/* Once at a time, and once more where something happened meanwhile. */
static void ask_state(feed_t *self)
{
    self->is_changed = self->is_asking;
    if (self->is_asking)
        return;
    self->is_asking = true;
    self->questions++;
    state_order_asked(&self->order);
    self->ask(self);
}

/* Ends each answer to that. */
static void state_known(feed_t *self)
{
    self->questions--;
    self->is_asking = false;
    if (self->stream != NULL && self->is_changed)
        ask_state(self);
    feed_release(self);
}

/* The state now, as an event. */
static void got_state(void *context, const answer_t *answer)
{
    feed_t *self = context;
    if (self->stream != NULL && answer->err != ERR_OK)
        graphql_stream_fail(self->stream, answer->err, NULL);
    else if (self->stream != NULL &&
             state_order_answered(&self->order, version_of(self, answer->message)) == STATE_TELL)
        feed_emit(self, event_of(answer->schema, answer->message));
    else
        self->is_changed = true;
    state_known(self);
}

#define feed_ask(feed, to, command, ...)                                                           \
    edge_ask((feed)->graph->home->edge, (to), ASK_TIMEOUT_MS, (str_t){0}, got_state, (feed),       \
             command, ##__VA_ARGS__)

static void was_missed(feed_t *self, const topic_gap_t *gap)
{
    self->has_gaps = true;
    if (self->ask != NULL)
        ask_state(self);
    else if (!gap->is_start && !gap->is_late)
        graphql_stream_fail(self->stream, ERR_UNAVAILABLE, "events were missed");
}

static void was_published(void *context, str_t topic, const schema_t *schema, const void *message)
{
    feed_t *self = context;
    (void)topic;
    if (schema == &topic_gap_schema)
        was_missed(self, message);
    if (schema != self->schema)
        return;
    if (self->is_hidden != NULL && self->is_hidden(self->graph, message)) {
        graphql_stream_end(self->stream);
    } else if (self->room.data != NULL ||
               state_order_published(&self->order, version_of(self, message)) == STATE_ASK) {
        ask_state(self);
    } else {
        self->is_changed |= self->has_gaps && self->is_asking; /* the answer may be the older one */
        feed_emit(self, event_of(schema, message));
    }
}

static void feed_closed(void *context)
{
    feed_t *self = context;
    self->stream = NULL;
    edge_unsubscribe(&self->subscription);
    uv_close((uv_handle_t *)&self->timer, handle_closed);
    if (self->device_id.data != NULL) {
        uv_close((uv_handle_t *)&self->attach, handle_closed);
        IGNORE_ERR(runtime_send(self->graph->home->api->runtime,
                                address_of(SESSION_KIND, graph_user_id(self->graph)),
                                session_detach, .device_id = self->device_id,
                                .connection = self->connection)); /* it times out by itself */
    }
}

/* Subscribes before anything is asked: nothing falls between the first state and the next. */
static err_t feed_open(graphql_field_t *field, graphql_stream_t *stream, str_t topic,
                       const schema_t *schema, feed_t **out_feed)
{
    graph_t *graph = graph_of(field);
    feed_t *self = memory_new(sizeof *self);
    if (self == NULL || topic.data == NULL) {
        memory_free(self);
        return ERR_NO_MEMORY;
    }
    *self = (feed_t){.graph = graph_ref(graph), .stream = stream, .schema = schema};
    self->subscription = edge_subscribe(graph->home->edge, topic, was_published, self);
    if (self->subscription == NULL) {
        self->stream = NULL;
        feed_release(self);
        return ERR_NO_MEMORY;
    }
    feed_timer_init(self, &self->timer);
    graphql_stream_on_close(stream, feed_closed, self);
    *out_feed = self;
    return ERR_OK;
}

static str_t topic_of_user(graphql_field_t *field, const char *format)
{
    str_t user = graph_user_id(graph_of(field));
    return arena_printf(graphql_arena(field), "%s%.*s", format, STR_ARG(user));
}

/* ---- session ---- */

static uint64_t session_version(const void *state)
{
    return ((const session_view_t *)state)->version;
}

static void attached(void *context, const answer_t *answer)
{
    feed_t *self = context;
    self->questions--;
    /* A later one that fails is made up for by the next. */
    if (self->stream != NULL && answer->err != ERR_OK && !self->is_attached) {
        graphql_stream_fail(self->stream, answer->err, NULL);
    } else if (self->stream != NULL && !self->is_attached) {
        self->is_attached = true;
        ask_state(self);
    }
    feed_release(self);
}

static void ask_session(feed_t *self)
{
    feed_ask(self, address_of(SESSION_KIND, graph_user_id(self->graph)), session_get);
}

static void attach(feed_t *self)
{
    self->questions++;
    edge_ask(self->graph->home->edge, address_of(SESSION_KIND, graph_user_id(self->graph)),
             ASK_TIMEOUT_MS, (str_t){0}, attached, self, session_attach,
             .device_id = self->device_id, .device_name = self->device_name,
             .connection = self->connection);
}

static void attach_again(uv_timer_t *timer)
{
    attach(timer->data);
}

static err_t open_session(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    TRY(feed_open(field, stream, topic_of_user(field, "session/"), &session_view_schema, &feed));
    feed->device_id = arena_str(&feed->arena, graphql_arg_str(field, "deviceId"));
    feed->device_name = arena_str(&feed->arena, graphql_arg_str(field, "deviceName"));
    if (feed->device_id.data == NULL || feed->device_name.data == NULL) {
        feed->device_id = (str_t){0}; /* nothing to detach */
        return ERR_NO_MEMORY;
    }
    feed->ask = ask_session;
    feed->version_of = session_version;
    feed->connection = random_u64(runtime_random(feed->graph->home->api->runtime));
    feed_timer_init(feed, &feed->attach);
    uv_timer_start(&feed->attach, attach_again, SESSION_ATTACH_EVERY_MS, SESSION_ATTACH_EVERY_MS);
    attach(feed);
    return ERR_OK;
}

/* ---- playlists ---- */

/* Whoever may not see the playlist is not told of its edits either. */
static void playlist_known(void *context, const answer_t *answer)
{
    feed_t *self = context;
    if (self->stream != NULL && answer->err != ERR_OK) {
        graphql_stream_fail(self->stream, answer->err, NULL);
    } else if (self->stream != NULL) {
        const playlist_view_t *view = answer->message;
        const playlist_changed_t now = {.playlist_id = view->playlist_id};
        feed_emit(self, event_of(&playlist_changed_schema, &now));
    }
    state_known(self);
}

static void ask_playlist(feed_t *self)
{
    edge_ask(self->graph->home->edge, address_of(PLAYLIST_KIND, self->playlist), ASK_TIMEOUT_MS,
             (str_t){0}, playlist_known, self, playlist_get, .user_id = graph_user_id(self->graph));
}

static bool playlist_is_hidden(const graph_t *graph, const void *message)
{
    const playlist_changed_t *change = message;
    bool is_own = str_equal(change->owner_id, graph_user_id(graph));
    return change->is_deleted || (!change->is_public && !is_own);
}

static err_t open_playlist(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    str_t key;
    TRY(graph_text_id(graphql_arg_str(field, "id"), "pl_", &key));
    str_t topic = arena_printf(graphql_arena(field), "playlist/%.*s", STR_ARG(key));
    TRY(feed_open(field, stream, topic, &playlist_changed_schema, &feed));
    feed->is_hidden = playlist_is_hidden;
    feed->ask = ask_playlist;
    feed->playlist = arena_str(&feed->arena, key);
    if (feed->playlist.data == NULL)
        return ERR_NO_MEMORY;
    ask_state(feed);
    return ERR_OK;
}

static err_t got_playlist(graphql_field_t *field, const answer_t *answer)
{
    return graph_return_playlist(field, answer->message);
}

/* The event says that it changed; what it is now is asked for, so that the caller's right to see it
 * is looked at each time. */
static err_t playlist_now(graphql_field_t *field)
{
    const playlist_changed_t *event = graphql_source(field);
    return graph_ask(field, address_of(PLAYLIST_KIND, event->playlist_id), got_playlist,
                     playlist_get, .user_id = graph_user_id(graph_of(field)));
}

/* All of them are read for each event. */
static void read_playlists(feed_t *self)
{
    const playlist_changed_t any = {0};
    feed_emit(self, event_of(&playlist_changed_schema, &any));
    state_known(self);
}

static err_t open_playlists(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    str_t topic = topic_of_user(field, "playlists/");
    TRY(feed_open(field, stream, topic, &playlist_changed_schema, &feed));
    feed->ask = read_playlists;
    return ERR_OK;
}

/* ---- rooms ---- */

/* As playlist_known. Who may not see the room any more, because it is private now and they are no
 * member, is told nothing of it: also not that something happens there. */
static void room_known(void *context, const answer_t *answer)
{
    feed_t *self = context;
    bool is_gone = self->is_known && answer->err == ERR_NOT_FOUND;
    if (self->stream != NULL && is_gone) {
        graphql_stream_end(self->stream);
    } else if (self->stream != NULL && answer->err != ERR_OK) {
        graphql_stream_fail(self->stream, answer->err, NULL);
    } else if (self->stream != NULL) {
        self->is_known = true;
        feed_emit(self, event_of(&room_view_schema, answer->message));
    }
    state_known(self);
}

static void ask_room(feed_t *self)
{
    edge_ask(self->graph->home->edge, address_of(ROOM_KIND, self->room), ASK_TIMEOUT_MS, (str_t){0},
             room_known, self, room_get, .user_id = graph_user_id(self->graph));
}

static bool room_is_hidden(const graph_t *graph, const void *message)
{
    (void)graph;
    return ((const room_changed_t *)message)->is_closed;
}

static err_t open_room(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    str_t key;
    TRY(graph_text_id(graphql_arg_str(field, "id"), "ro_", &key));
    str_t topic = arena_printf(graphql_arena(field), "room/%.*s", STR_ARG(key));
    TRY(feed_open(field, stream, topic, &room_changed_schema, &feed));
    feed->is_hidden = room_is_hidden;
    feed->room = arena_str(&feed->arena, key);
    if (feed->room.data == NULL)
        return ERR_NO_MEMORY;
    feed->ask = ask_room;
    ask_state(feed);
    return ERR_OK;
}

static err_t room_now(graphql_field_t *field)
{
    return graph_return_room(field, graphql_source(field));
}

/* ---- the rest ---- */

static void ask_library(feed_t *self)
{
    feed_ask(self, address_of(ROOTS_KIND, ROOTS_KEY), roots_get_status);
}

static err_t open_library(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    TRY(feed_open(field, stream, LIBRARY_STATUS_TOPIC, &library_status_schema, &feed));
    feed->ask = ask_library;
    ask_state(feed);
    return ERR_OK;
}

static err_t open_track(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    str_t user = graph_user_id(graph_of(field));
    str_t topic = arena_printf(graphql_arena(field), "user/%.*s/tracks", STR_ARG(user));
    TRY(feed_open(field, stream, topic, &user_track_changed_schema, &feed));
    feed->is_whole = true;
    return ERR_OK;
}

static err_t track_now(graphql_field_t *field)
{
    const user_track_changed_t *event = graphql_source(field);
    const catalog_track_t *track;
    TRY(graph_track(field, event->track_id, &track));
    return graphql_return_object(field, track);
}

static void ask_listeners(feed_t *self)
{
    feed_ask(self, address_of(PRESENCE_KIND, PRESENCE_KEY), presence_get);
}

static err_t open_listeners(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    TRY(feed_open(field, stream, TOPIC_PRESENCE, &presence_list_schema, &feed));
    feed->ask = ask_listeners;
    ask_state(feed);
    return ERR_OK;
}

static err_t got_features(graphql_field_t *field, const answer_t *answer)
{
    static const presence_list_t nobody = {0};
    bool is_on = server_has(answer->message, SERVER_FEATURE_LISTENING_NOW);
    return graph_return_listeners(field, is_on ? graphql_source(field) : &nobody);
}

static err_t listeners_now(graphql_field_t *field)
{
    return graph_ask(field, address_of(SERVER_KIND, SERVER_KEY), got_features, server_get);
}

static void ask_settings(feed_t *self)
{
    feed_ask(self, address_of(USER_KIND, graph_user_id(self->graph)), user_get_settings);
}

static err_t open_settings(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    str_t user = graph_user_id(graph_of(field));
    str_t topic = arena_printf(graphql_arena(field), "user/%.*s/settings", STR_ARG(user));
    TRY(feed_open(field, stream, topic, &user_settings_schema, &feed));
    feed->ask = ask_settings;
    ask_state(feed);
    return ERR_OK;
}

static void ask_server(feed_t *self)
{
    feed_ask(self, address_of(SERVER_KIND, SERVER_KEY), server_get);
}

static err_t open_server(graphql_field_t *field, graphql_stream_t *stream)
{
    feed_t *feed;
    TRY(feed_open(field, stream, TOPIC_SERVER, &server_settings_schema, &feed));
    feed->ask = ask_server;
    ask_state(feed);
    return ERR_OK;
}

graph_rows_t resolve_subscriptions(void)
{
    static const graphql_resolver_t rows[] = {
        {"Subscription.session", .open = open_session},
        {"Subscription.playlist", .open = open_playlist, .resolve = playlist_now},
        {"Subscription.playlists", .open = open_playlists, .resolve = graph_return_playlists},
        {"Subscription.room", .open = open_room, .resolve = room_now},
        {"Subscription.library", .open = open_library},
        {"Subscription.track", .open = open_track, .resolve = track_now},
        {"Subscription.listeners", .open = open_listeners, .resolve = listeners_now},
        {"Subscription.settings", .open = open_settings},
        {"Subscription.server", .open = open_server},
    };
    return GRAPH_ROWS(rows);
}
