#pragma once
/* dictionary_parts.h -- the block as dictionary_build.c writes and the others read it.
 *
 * Header, nodes, offsets of words (one more than words), frequencies, the words' bytes; numbers in
 * this machine's order, at any alignment. A node's children are neighbours and stand before it, so
 * the root is the last node and no damage makes a circle. Below a node with one word there are
 * none: the rest of the path is the word's own text. */

#include "storage/search/index/dictionary.h"

enum {
    DICTIONARY_MAGIC = 0x3144534d, /* "MSD1" */
    DICTIONARY_HEADER_SIZE = 24,   /* magic, words, nodes, 0 (u32); bytes of text (u64) */
    DICTIONARY_NODE_SIZE = 12,
};

/* Bits of node.point above the code point. */
#define NODE_IS_LAST 0x80000000u /* of its siblings */
#define NODE_IS_WORD 0x40000000u /* the path to it is a word: its first */
#define NODE_POINT 0x001fffffu
#define NODE_NONE 0xffffffffu

typedef struct dictionary_node {
    uint32_t point;
    uint32_t first_child; /* NODE_NONE: one word, which goes on by itself */
    uint32_t first_word;
} dictionary_node_t;
_Static_assert(sizeof(dictionary_node_t) == DICTIONARY_NODE_SIZE, "as it lies in the block");

/* index < node_count */
static inline dictionary_node_t dictionary_node(const dictionary_t *self, uint32_t index)
{
    dictionary_node_t node;
    memcpy(&node, (const char *)self->nodes + (size_t)index * DICTIONARY_NODE_SIZE, sizeof node);
    return node;
}
