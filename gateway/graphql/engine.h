#pragma once
/* engine.h -- GraphQL for the authors of resolvers and for those who run requests.
 *
 * An engine is a schema (SDL text) and a table of resolvers, checked against each other once. A
 * request is parsed, validated, coerced, costed and executed; its answer is one JSON text. The
 * language is that of June 2018, and what graphql-js 16 accepts beyond it (interfaces of
 * interfaces, repeatable, specifiedBy, directives on variables).
 *
 * Execution is asynchronous and single-threaded. A resolver answers its field by calling exactly
 * one graphql_return_... , now or later; for "later" it calls graphql_pending and keeps the field.
 * Fields of a query run one after the other but do not wait for pending ones; the top fields of a
 * mutation do wait (spec section 6.2.2).
 *
 *     static err_t album_tracks(graphql_field_t *field)
 *     {
 *         const album_t *album = graphql_source(field);
 *         return graphql_return_list(field, album->track_count, track_of, album->tracks);
 *     }
 *
 * Invariants  1. A pending field is completed exactly once, also after a cancel (then it is
 * ignored: graphql_is_cancelled tells); the memory of a request goes with its last pending field.
 *             2. `done` is called exactly once, unless the request is cancelled, and never while a
 *             field is pending. 3. No input makes a request allocate or recurse past limits.h.
 * Ownership   The engine copies the SDL and the table; the names in the table must be constants.
 * The request is copied as far as it is needed. Sources and strings given to graphql_return_object
 * and graphql_return_list must live until done: graphql_arena is the place for them. Strings given
 * to graphql_return_str are copied. Threads     An engine is constant after graphql_engine_new and
 * may be used by many threads. A request belongs to the thread that started it. */

#include "gateway/graphql/limits.h"
#include "gateway/graphql/value.h"
#include "runtime/base/buf.h"

typedef struct graphql_engine graphql_engine_t;
typedef struct graphql_field graphql_field_t;         /* a field, or an item of a list, to answer */
typedef struct graphql_execution graphql_execution_t; /* a running request */
typedef struct graphql_stream graphql_stream_t; /* a running subscription, seen by its source */

/* Answers a field. An error returned instead of an answer becomes the field's error. */
typedef err_t graphql_resolve_fn(graphql_field_t *field);
/* Answers item `index` of a list, with a graphql_return_... */
typedef err_t graphql_item_fn(graphql_field_t *item, const void *items, size_t index);
/* Opens the source of events of a Subscription field. It may emit at once or later. An error
 * refuses the subscription. */
typedef err_t graphql_open_fn(graphql_field_t *field, graphql_stream_t *stream);

/* ---- the table ------------------------------------------------------------------------------ */

typedef enum graphql_read {
    GRAPHQL_READ_NOTHING,
    GRAPHQL_READ_STR,
    GRAPHQL_READ_CSTR,
    GRAPHQL_READ_BOOL,
    GRAPHQL_READ_U32,
    GRAPHQL_READ_I32,
    GRAPHQL_READ_U64,
    GRAPHQL_READ_I64,
    GRAPHQL_READ_F64,
    GRAPHQL_READ_POINTER, /* to another object's source; NULL is null */
    GRAPHQL_READ_EMBEDDED /* another object's source, by value */
} graphql_read_t;

typedef struct graphql_resolver {
    const char *field; /* "Track.title" */
    graphql_resolve_fn *resolve;
    graphql_open_fn
        *open;           /* fields of Subscription only; without `resolve` the event is the value */
    graphql_read_t read; /* where `resolve` is NULL: the member of the source to return */
    size_t offset;
} graphql_resolver_t;

/* {"Album.tracks", GRAPHQL_RESOLVE(album_tracks)} */
#define GRAPHQL_RESOLVE(function) .resolve = (function)
/* {"Subscription.session", GRAPHQL_OPEN(session_open)}: the event is the value of the field. Add
 * GRAPHQL_RESOLVE for a function that makes the value of the event, its graphql_source. */
#define GRAPHQL_OPEN(function) .open = (function)
/* {"Track.title", GRAPHQL_MEMBER(track_view_t, title)}: no function needed. A u64 is a decimal
 * string in a field of type ID, a number elsewhere. A str with NULL data is null, or "" in
 * a field that may not be null. */
#define GRAPHQL_MEMBER(type, member)                                                               \
    .read = _Generic(((type *)0)->member, str_t                                                    \
                     : GRAPHQL_READ_STR, char *                                                    \
                     : GRAPHQL_READ_CSTR, const char *                                             \
                     : GRAPHQL_READ_CSTR, bool                                                     \
                     : GRAPHQL_READ_BOOL, uint32_t                                                 \
                     : GRAPHQL_READ_U32, int32_t                                                   \
                     : GRAPHQL_READ_I32, uint64_t                                                  \
                     : GRAPHQL_READ_U64, int64_t                                                   \
                     : GRAPHQL_READ_I64, double                                                    \
                     : GRAPHQL_READ_F64),                                                          \
    .offset = offsetof(type, member)
/* For object types: the member points to, or is, the source of the field's object. */
#define GRAPHQL_MEMBER_POINTER(type, member)                                                       \
    .read = GRAPHQL_READ_POINTER, .offset = offsetof(type, member)
#define GRAPHQL_MEMBER_EMBEDDED(type, member)                                                      \
    .read = GRAPHQL_READ_EMBEDDED, .offset = offsetof(type, member)

typedef struct graphql_engine_options {
    str_t sdl;
    const graphql_resolver_t *resolvers;
    size_t resolver_count;
    graphql_limits_t limits;
} graphql_engine_options_t;

/* Every field of every object type needs a row, and every row a field: what is wrong is appended to
 * out_problems, a line each.
 *   INVALID    the SDL or the table
 *   NO_MEMORY */
err_t graphql_engine_new(const graphql_engine_options_t *options, buf_t *out_problems,
                         graphql_engine_t **out_engine);
void graphql_engine_free(graphql_engine_t *self);

/* ---- inside a resolver ---------------------------------------------------------------------- */

/* What the object of this field was returned with; the request's root for the top fields; the event
 * for the top field of a subscription. */
const void *graphql_source(const graphql_field_t *self);
/* The caller's, from the request: who asks, and through what. */
void *graphql_context(const graphql_field_t *self);
/* Memory until the request is done. */
arena_t *graphql_arena(graphql_field_t *self);
str_t graphql_field_name(const graphql_field_t *self); /* "title" */
str_t graphql_type_name(const graphql_field_t *self);  /* "Track", the object that has the field */
bool graphql_is_cancelled(const graphql_field_t *self);
bool graphql_is_pending(const graphql_field_t *self); /* graphql_pending was called */
/* Calls fn(context) once, on this thread, when the request is cancelled before it is done: to end
 * soon what is done for it. The field has to be completed all the same, though not in fn; perhaps
 * it is already, so the context lives as long as the request (graphql_arena). NO_MEMORY: it will
 * not be called. */
err_t graphql_on_cancel(graphql_field_t *self, void (*fn)(void *context), void *context);

/* An argument after coercion, with the schema's default; NULL when it was left out. */
const graphql_value_t *graphql_arg(const graphql_field_t *self, const char *name);
str_t graphql_arg_str(const graphql_field_t *self, const char *name); /* {NULL, 0}: none or null */
int64_t graphql_arg_int(const graphql_field_t *self, const char *name, int64_t otherwise);
double graphql_arg_float(const graphql_field_t *self, const char *name, double otherwise);
bool graphql_arg_bool(const graphql_field_t *self, const char *name, bool otherwise);
/* INVALID: none, null, or not a decimal number of 64 bits. */
err_t graphql_arg_id(const graphql_field_t *self, const char *name, uint64_t *out_id);

/* Is a field of this name asked for in this one's selections (at the first level)? To save work. */
bool graphql_selects(graphql_field_t *self, const char *name);
/* The arguments, with their defaults, of the index-th time that it is asked for (aliases): true, or
 * false when it is not asked for so often. They are NULL where they are wrong: the field below will
 * say so. */
bool graphql_selected(graphql_field_t *self, const char *name, uint32_t index,
                      const graphql_value_t **out_arguments);

/* Answers. They always succeed for the resolver: what does not fit the schema's type becomes the
 * field's error. All return OK, so that a resolver can end with one. A field is gone afterwards. */
err_t graphql_return_null(graphql_field_t *self);
err_t graphql_return_str(graphql_field_t *self,
                         str_t value); /* String, ID, enum, scalars; NULL: null */
err_t graphql_return_id(graphql_field_t *self, uint64_t value);
err_t graphql_return_int(graphql_field_t *self,
                         int64_t value); /* Int (32 bits), Float, ID, scalars */
err_t graphql_return_float(graphql_field_t *self, double value);
err_t graphql_return_bool(graphql_field_t *self, bool value);
err_t graphql_return_json(graphql_field_t *self, str_t json); /* custom scalars only */
/* An object type; source may be anything, NULL too. */
err_t graphql_return_object(graphql_field_t *self, const void *source);
/* An interface or union: the object type's name. */
err_t graphql_return_object_as(graphql_field_t *self, const char *type, const void *source);
err_t graphql_return_list(graphql_field_t *self, size_t count, graphql_item_fn *item,
                          const void *items);
/* text NULL: err_text(err). The code of the error's extensions is err_name(err). */
err_t graphql_return_error(graphql_field_t *self, err_t err, const char *text);
/* The answer comes later, on this thread. */
err_t graphql_pending(graphql_field_t *self);

/* ---- running a request ----------------------------------------------------------------------- */

typedef struct graphql_request {
    str_t query;
    str_t operation_name;             /* NULL data: the only one */
    const graphql_value_t *variables; /* NULL or an object */
    const void *root;                 /* source of the top fields */
    void *context;                    /* graphql_context */
    bool is_query_only;               /* GET: a mutation is refused (NOT executed) with FORBIDDEN */
} graphql_request_t;

typedef struct graphql_response {
    str_t json; /* {"errors": [...], "data": ...}; borrowed for the call */
    err_t err; /* OK: executed (field errors included); otherwise the request was refused as a whole
                */
} graphql_response_t;

typedef void graphql_done_fn(void *done_context, const graphql_response_t *response);

/* Runs a query or a mutation. done may be called before this returns; then it returns NULL. The
 * execution is gone after done. Subscriptions are refused here with UNSUPPORTED. */
graphql_execution_t *graphql_execute(const graphql_engine_t *engine,
                                     const graphql_request_t *request, graphql_done_fn *done,
                                     void *done_context);
/* done will not be called. Takes *self; pending fields stay valid until they are completed. */
void graphql_cancel(graphql_execution_t **self);

/* ---- subscriptions --------------------------------------------------------------------------- */

/* Exactly one of error and complete ends it, unless it is cancelled. */
typedef struct graphql_observer {
    void (*next)(void *context, str_t result_json);
    void (*error)(void *context, str_t errors_json); /* the array of errors: nothing was executed */
    void (*complete)(void *context);
    void *context;
} graphql_observer_t;

typedef struct graphql_subscription graphql_subscription_t;

/* Runs any operation: a query or mutation gives one next. NULL when it has ended already. Gone
 * after error or complete. */
graphql_subscription_t *graphql_subscribe(const graphql_engine_t *engine,
                                          const graphql_request_t *request,
                                          const graphql_observer_t *observer);
/* Ends it from the client's side: the source is closed, no callback follows. Takes *self. */
void graphql_unsubscribe(graphql_subscription_t **self);

/* For sources. `close` is called exactly once if it was set, when the stream ends from whatever
 * side; the stream is gone afterwards. Set it in the open function. */
void graphql_stream_on_close(graphql_stream_t *self, void (*close)(void *context), void *context);
/* The selections are executed over the event, events in order. release (may be NULL) is called once
 * when the event is no longer used. Do not emit from `close`.
 *   BUSY   GRAPHQL_EVENTS_QUEUED_MAX events wait already; this one was not taken nor released */
err_t graphql_emit(graphql_stream_t *self, void *event, void (*release)(void *event));
/* No more events: completes after those that wait. close is called, the stream is gone. */
void graphql_stream_end(graphql_stream_t *self);
/* The subscription fails: the observer gets error with this one at the field's path. text NULL:
 * err_text(err). close is called, the stream is gone. */
void graphql_stream_fail(graphql_stream_t *self, err_t err, const char *text);
