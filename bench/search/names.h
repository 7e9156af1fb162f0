#pragma once
/* names.h -- people's and playlists' names as search has them (storage/search/names/): as many as
 * there may be, asked and changed.
 *
 * A quarter are people, of two words; the others playlists of one to six, of which two thirds are
 * public; an owner has up to twenty. The same names and questions each time.
 *
 * Threads  One. Errors  Ends the program. */

#include <stdbool.h>
#include <stdint.h>

/* Questions of a kind, each asked by another user. */
#define NAMES_KIND_LIST(X)                                                                         \
    X(EXACT, "exact")     /* all words of a name */                                                \
    X(TYPO, "typo")       /* one of its words misspelt */                                          \
    X(JOINED, "joined")   /* two of its words run together */                                      \
    X(LACKING, "lacking") /* a word more than it has */                                            \
    X(LETTER, "letter")   /* one letter, being typed */                                            \
    X(BEGUN, "begun")     /* two to four letters of a word, being typed */                         \
    X(EVIL, "evil")       /* meant to be slow */
typedef enum names_kind {
#define NAMES_KIND_ENUM(name, text) NAMES_##name,
    NAMES_KIND_LIST(NAMES_KIND_ENUM)
#undef NAMES_KIND_ENUM
        NAMES_KINDS
} names_kind_t;
const char *names_kind_text(names_kind_t kind);

typedef struct names_figures {
    double fill_s, settle_s, private_mb; /* of a new index; what it takes then */
    double change_p99_ms;                /* one name, while nobody asks */
    double p50_ms[NAMES_KINDS], p99_ms[NAMES_KINDS], worst_ms[NAMES_KINDS];
    double recent_p99_ms; /* exact, with as many changes as are looked through */
    uint64_t asked, cut;  /* but for the evil ones */
    double found_first;   /* of exact ones, the share whose name was the first or as good */
} names_figures_t;

/* count: NAME_INDEX_MAX, or fewer. */
void names_measure(uint32_t count, bool is_verbose, names_figures_t *out);
