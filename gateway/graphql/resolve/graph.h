#pragma once
/* graph.h -- what the resolvers share: who asks, questions to actors, ids, pages of the catalog.
 *
 * A graph_t is the graphql_context of a request, or of all requests of one WebSocket. It is
 * counted: a question that is still out keeps it, so that an answer that comes after the client has
 * gone finds everything in place and is dropped.
 *
 * Ids are text: "tr_17" a track, "al_" an album, "ar_" an artist, "ge_" a genre, "pl_" a playlist,
 * "us_" a user, "ro_" a room; entries and devices have their own.
 *
 * Ownership  Whoever makes a graph lets go of it with graph_unref.
 * Threads    Its scheduler's. */

#include "actors/protocol/account.h"
#include "gateway/api.h"

typedef struct facts facts_t;

typedef struct graph {
    home_t *home;
    token_claims_t claims;
    uint32_t references;
    uint64_t connection;   /* of a WebSocket; 0: a request */
    facts_t *facts;        /* facts.h; made when first asked for */
    const void *searching; /* the request that searched last, and how often */
    uint32_t searches;
} graph_t;

/* NULL: no memory. */
graph_t *graph_new(home_t *home, const token_claims_t *claims);
graph_t *graph_ref(graph_t *self);
void graph_unref(graph_t *self);

static inline graph_t *graph_of(const graphql_field_t *field)
{
    return graphql_context(field);
}

static inline str_t graph_user_id(const graph_t *self)
{
    return str_from(self->claims.user_id);
}

static inline bool graph_is_admin(graphql_field_t *field)
{
    return graph_of(field)->claims.role == ACCOUNT_ROLE_ADMIN;
}

static inline err_t graph_refuse_listener(graphql_field_t *field)
{
    return graphql_return_error(field, ERR_FORBIDDEN, "only an administrator may do this");
}

/* ---- asking actors ---- */

/* Completes the field from a good answer; the answer is borrowed for the call. */
typedef err_t (*graph_then_fn)(graphql_field_t *field, const answer_t *answer);

/* Asks for a field: pending now, if it was not; `then` completes it, an error becomes the field's
 * error. With a commandId argument the question carries it. Returns what the resolver returns. */
#define graph_ask(field, to, then, command, ...)                                                   \
    graph_ask_message((field), (to), (then), &command##_schema,                                    \
                      &__extension__(command##_t){__VA_ARGS__})
err_t graph_ask_message(graphql_field_t *field, address_t to, graph_then_fn then,
                        const schema_t *schema, const void *message);

/* The same of what changes names of people or playlists: `then` runs when search finds it so, or
 * after OWN_WRITES_WAIT_MS (own_writes.h). */
#define graph_ask_to_find(field, to, then, command, ...)                                           \
    graph_ask_to_find_message((field), (to), (then), &command##_schema,                            \
                              &__extension__(command##_t){__VA_ARGS__})
err_t graph_ask_to_find_message(graphql_field_t *field, address_t to, graph_then_fn then,
                                const schema_t *schema, const void *message);

/* The same without a command id; what is NOT_FOUND is null, not an error. */
#define graph_ask_or_null(field, to, then, command, ...)                                           \
    graph_ask_or_null_message((field), (to), (then), &command##_schema,                            \
                              &__extension__(command##_t){__VA_ARGS__})
err_t graph_ask_or_null_message(graphql_field_t *field, address_t to, graph_then_fn then,
                                const schema_t *schema, const void *message);

/* A further question, inside `then`, for the field that is pending already; without the command id.
 */
#define graph_ask_again(field, to, then, command, ...)                                             \
    graph_ask_again_message((field), (to), (then), &command##_schema,                              \
                            &__extension__(command##_t){__VA_ARGS__})
err_t graph_ask_again_message(graphql_field_t *field, address_t to, graph_then_fn then,
                              const schema_t *schema, const void *message);

/* One question to the actor of this kind of each key, for a field that is pending. `then` completes
 * it with copies of the good answers, in the order in which they came; it may sort them. At once
 * where there are none. NO_MEMORY */
typedef struct graph_gather {
    const char *kind;
    const schema_t *schema;
    const void *question; /* borrowed for the call */
    err_t (*then)(graphql_field_t *field, const void **answers, uint32_t count);
} graph_gather_t;
err_t graph_gather(graphql_field_t *field, const graph_gather_t *what, const str_t *keys,
                   uint32_t count);

/* Work on many items, GRAPH_SLICE of them a turn of the loop, so that nobody waits long: `step` for
 * the items from begin to before end, in order, then `then`, which completes the field. At once
 * when they fit in one slice; else the field is pending. `data` lives in the field's arena. */
enum { GRAPH_SLICE = 256 };
typedef err_t (*graph_step_fn)(graphql_field_t *field, void *data, size_t begin, size_t end);
err_t graph_in_slices(graphql_field_t *field, size_t count, graph_step_fn step,
                      err_t (*then)(graphql_field_t *field, void *data), void *data);

/* A deep copy in the field's arena; NULL: no memory. */
const void *graph_keep(graphql_field_t *field, const schema_t *schema, const void *value);
str_t graph_keep_str(graphql_field_t *field, str_t text);

/* ---- ids ---- */

err_t graph_return_id(graphql_field_t *field, const char *prefix, uint64_t id);
/* The number behind a prefix. NOT_FOUND: another prefix, or no number: there is no such thing. */
err_t graph_id(str_t text, const char *prefix, uint64_t *out_id);
err_t graph_arg_id(graphql_field_t *field, const char *name, const char *prefix, uint64_t *out_id);
/* What stands behind the prefix of a textual id. NOT_FOUND */
err_t graph_text_id(str_t text, const char *prefix, str_t *out_id);
err_t graph_return_time(graphql_field_t *field, int64_t wall_ms);

/* ---- the catalog ---- */

/* Records in the field's arena, alive until the request is done. NOT_FOUND, ... */
err_t graph_track(graphql_field_t *field, uint64_t id, const catalog_track_t **out_track);
/* For lists that outlive their tracks: NULL, and no error, for one of a library that is not here
 * any more: it is kept, and not shown. Any other error is one of the whole list. */
err_t graph_track_kept(graphql_field_t *field, uint64_t id, const catalog_track_t **out_track);
err_t graph_album(graphql_field_t *field, uint64_t id, const catalog_album_t **out_album);
err_t graph_artist(graphql_field_t *field, uint64_t id, const catalog_artist_t **out_artist);
err_t graph_genre(graphql_field_t *field, uint64_t id, const catalog_genre_t **out_genre);

err_t graph_counts(graphql_field_t *field, catalog_counts_t *out_counts);

typedef enum graph_record { GRAPH_TRACK, GRAPH_ALBUM, GRAPH_ARTIST, GRAPH_GENRE } graph_record_t;

/* Answers with the records of these ids; those that are not there are left out. */
err_t graph_return_records(graphql_field_t *field, graph_record_t kind, const uint64_t *ids,
                           size_t count);

/* The same, without answering: NULL stands for one that is not there. */
err_t graph_keep_records(graphql_field_t *field, graph_record_t kind, const uint64_t *ids,
                         size_t count, const void ***out_records);

/* A page in the form of Relay's connections: the source of every ...Connection. */
typedef struct graph_edge {
    str_t cursor;
    const void *node;
    const void *more; /* what an edge has beside its node: of a search's (search/found.h) */
} graph_edge_t;

typedef struct graph_page {
    graph_edge_t *edges;
    size_t count;
    bool has_next, has_previous;
    uint64_t total_count;
} graph_page_t;

/* A page with room for `count` edges, none there yet; has_previous by the field's argument `after`.
 * NULL: no memory. */
graph_page_t *graph_new_page(graphql_field_t *field, size_t count, bool has_next,
                             uint64_t total_count);
/* Puts the next edge into a page from graph_new_page; its cursor is the number. */
void graph_add_edge(graphql_field_t *field, graph_page_t *page, uint64_t number, const void *node);

/* A connection over a list of the catalog, by the arguments first and after of the field. */
err_t graph_return_page(graphql_field_t *field, graph_record_t kind, catalog_list_t list,
                        uint64_t of, bool is_backward, uint64_t total_count);

/* What albums and tracks share. */
err_t graph_return_credits(graphql_field_t *field, const catalog_credit_t *credits, uint32_t count);
err_t graph_return_artist_line(graphql_field_t *field, const catalog_credit_t *credits,
                               uint32_t count); /* main and featured artists */
err_t graph_return_genres(graphql_field_t *field, const str_t *names, uint32_t count);
err_t graph_return_artwork(graphql_field_t *field, str_t hash, str_t color);
/* A Node that is a playlist, by "pl_..."; null when it is none of the caller's. */
err_t graph_return_playlist_node(graphql_field_t *field, str_t id);
err_t graph_return_text_or_null(graphql_field_t *field, str_t text);

/* `first`, from 1 to the most of a page; INVALID otherwise. */
err_t graph_arg_first(graphql_field_t *field, uint32_t *out_first);

/* The rows of one file of resolvers. */
typedef struct graph_rows {
    const graphql_resolver_t *rows;
    size_t count;
} graph_rows_t;
#define GRAPH_ROWS(array) ((graph_rows_t){(array), COUNT_OF(array)})

graph_rows_t resolve_pages(void);
graph_rows_t resolve_catalog(void);
graph_rows_t resolve_track(void);
graph_rows_t resolve_lyrics(void);
graph_rows_t resolve_library(void);
graph_rows_t resolve_user(void);
graph_rows_t resolve_playlist(void);
graph_rows_t resolve_playlist_edits(void);
graph_rows_t resolve_session(void);
graph_rows_t resolve_session_edits(void);
graph_rows_t resolve_settings(void);
graph_rows_t resolve_subscriptions(void);
graph_rows_t resolve_follows(void);
graph_rows_t resolve_rooms(void);
graph_rows_t resolve_activities(void);
graph_rows_t resolve_search(void);
graph_rows_t resolve_found(void);
graph_rows_t resolve_highlights(void);
graph_rows_t resolve_recent(void);

/* The engine over schema.graphql with all of the above. Problems: a line each. */
err_t graph_engine_new(str_t sdl, buf_t *out_problems, graphql_engine_t **out_engine);
