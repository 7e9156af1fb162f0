#pragma once
/* parser_parts.h -- the parser's state and the pieces that both its halves use. Not for others. */

#include "gateway/graphql/language/parser.h"

typedef struct gql_parser {
    gql_lexer_t lexer;
    gql_token_t token, ahead; /* the current one; the next, where has_ahead */
    bool has_ahead;
    uint32_t depth, selection_count;
    const gql_parse_limits_t *limits;
    arena_t *arena;
    gql_fault_t *fault;
} gql_parser_t;

/* Appends to a linked list through a pointer to its last `next`. */
#define GQL_LINK(tail, node)                                                                       \
    do {                                                                                           \
        *(tail) = (node);                                                                          \
        (tail) = &(node)->next;                                                                    \
    } while (0)

/* A zeroed node, or NO_MEMORY from the calling function. */
#define GQL_NEW(parser, pointer)                                                                   \
    do {                                                                                           \
        (pointer) = arena_new((parser)->arena, sizeof *(pointer));                                 \
        if ((pointer) == NULL)                                                                     \
            return gql_no_memory(parser);                                                          \
    } while (0)

err_t gql_no_memory(gql_parser_t *self);
err_t gql_advance(gql_parser_t *self);
err_t gql_look_ahead(gql_parser_t *self);
bool gql_at(const gql_parser_t *self, gql_token_kind_t kind);
bool gql_at_word(const gql_parser_t *self, const char *word);
err_t gql_expect(gql_parser_t *self, gql_token_kind_t kind);
err_t gql_expect_word(gql_parser_t *self, const char *word);
/* Steps over the token if it is there. */
err_t gql_accept(gql_parser_t *self, gql_token_kind_t kind, bool *out_found);
err_t gql_unexpected(gql_parser_t *self, const gql_token_t *token);
err_t gql_enter(gql_parser_t *self);
void gql_leave(gql_parser_t *self);

err_t gql_parse_name(gql_parser_t *self, gql_name_t *out_name);
err_t gql_parse_literal(gql_parser_t *self, bool is_const, gql_literal_t **out_literal);
err_t gql_parse_arguments(gql_parser_t *self, gql_argument_t **out_first);
err_t gql_parse_directives(gql_parser_t *self, bool is_const, gql_directive_t **out_first);
err_t gql_parse_type(gql_parser_t *self, gql_type_ref_t **out_type);
err_t gql_parse_description(gql_parser_t *self, const gql_literal_t **out_description);

/* parser_schema.c: a definition of the schema language; `definition` has `at` and description. */
bool gql_is_schema_word(const gql_token_t *token);
err_t gql_parse_schema_definition(gql_parser_t *self, gql_definition_t *definition);
