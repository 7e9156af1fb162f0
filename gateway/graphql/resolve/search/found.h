#pragma once
/* found.h -- what a search found, as it is shown: the source of SearchResult and all below it.
 *
 * One question is asked for the whole field: which groups are wanted, and how far into each, is
 * read off the selections (found_window) before anything is looked for. What has to be asked of
 * actors (playlists, people) is there before the field is answered; records of the catalog are read
 * page by page.
 *
 * Ownership  All of it lies in the field's arena. Threads  The graph's. */

#include "actors/protocol/playlist.h"
#include "gateway/graphql/resolve/graph.h"

enum {
    FOUND_MAX = 500,      /* results of a group that one can page through */
    FOUND_ASKED_MAX = 50, /* of playlists and people: each costs a question to an actor */
    FOUND_TOP_MAX = 20,
    FOUND_SEARCHES_MAX = 2, /* of one request */
};

typedef enum found_group {
    FOUND_TRACKS, /* the first three as search_kind_t */
    FOUND_ALBUMS,
    FOUND_ARTISTS,
    FOUND_PLAYLISTS,
    FOUND_PEOPLE,
    FOUND_LYRICS,
    FOUND_GROUP_COUNT
} found_group_t;

typedef struct found found_t;

typedef struct found_hit {
    const found_t *found;
    found_group_t group;
    uint64_t id;      /* of the catalog */
    str_t key;        /* of a playlist's or a person's actor */
    const void *node; /* a record, a playlist_view_t, an account_info_t; NULL: not read yet */
    double score;
    const search_names_t *words; /* folded, that were meant */
    str_t line;                  /* of lyrics */
    int64_t line_at_ms;
    str_t explanation;
} found_hit_t;

typedef struct found_list {
    found_hit_t *hits;
    uint32_t count;
    uint32_t asked; /* as many were asked for: with fewer, there are no more to be had */
    uint64_t total;
} found_list_t;

struct found {
    found_list_t lists[FOUND_GROUP_COUNT];
    bool is_building, is_partial, is_typing;
    str_t corrected, explanation;
    search_names_t words, sung; /* that were found in names, in lyrics */
    search_facet_list_t facets[SEARCH_FACET_COUNT];
};

/* What was asked, read off the field's arguments and selections. */
typedef struct found_question {
    found_t *found;
    uint32_t windows[FOUND_GROUP_COUNT]; /* how many of each group have to be known */
    search_filter_t filter;
    bool has_filter, is_exact, wants_facets, wants_explanation;
} found_question_t;

typedef struct found_page {
    uint32_t offset, first;
} found_page_t;

/* How far one can page. */
uint32_t found_max(found_group_t group);
/* What `first` and `after` say; a cursor is the place behind its edge. INVALID */
err_t found_page_of(const graphql_value_t *arguments, found_group_t group, found_page_t *out_page);
/* How many of a group have to be known, for all the times that it is asked for; 0: it is not. */
uint32_t found_window(graphql_field_t *field, found_group_t group);
/* How many of the best are asked for; 0: none. */
uint32_t found_top_window(graphql_field_t *field);

/* The question. INVALID: the filter; LIMIT: a list of it; NO_MEMORY. */
err_t found_question_new(graphql_field_t *field, found_question_t **out_question);
/* Asks the index and the names, and completes the field, now or later. */
err_t found_ask(graphql_field_t *field, const found_question_t *question);
/* Playlists and people: as many of each as are wanted. False: nobody wants any. */
bool found_names_query(graphql_field_t *field, const found_question_t *question,
                       name_index_query_t *out_query);
err_t found_take_names(graphql_field_t *field, const found_question_t *question,
                       const name_index_found_t *names);
/* Completes the field, once the actors of playlists and people have answered. */
err_t found_return(graphql_field_t *field, found_t *found);

/* The nodes of hits of the catalog; a hit whose record is gone keeps NULL. */
err_t found_read_nodes(graphql_field_t *field, found_hit_t **hits, size_t count);
