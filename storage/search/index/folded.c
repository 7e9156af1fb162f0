#include "storage/search/index/folded.h"

#include "storage/bytes_at.h"
#include "storage/search/fold.h"
#include "storage/search/index/terms.h"
#include "storage/search/language.h"

#include <math.h>
#include <stdio.h>

/* Before the entry: when it was added, its plays, the sizes of facets and lyrics behind it. */
enum { AT_ADDED = 0, AT_PLAYS = 8, AT_FACETS = 16, AT_LYRICS = 20, HEAD_SIZE = 24 };
enum { FACET_HEAD_SIZE = 3, FACET_NAME_SIZE_MAX = 255, YEAR_MAX = 9999 };

typedef struct texts {
    size_t title, artist, album, others, end; /* where they begin */
} texts_t;

/* Cuts what was appended since `start`. */
static void cut_since(buf_t *buf, size_t start, size_t size_max)
{
    if (buf_status(buf) == ERR_OK)
        buf->size = start + terms_cut(str_slice(buf_str(buf), start, buf->size), size_max).size;
}

static void fold_cut(buf_t *out, str_t text, size_t size_max)
{
    size_t start = out->size;
    fold_append(out, text);
    cut_since(out, start, size_max);
}

static void fold_others(buf_t *out, const search_names_t *names)
{
    size_t start = out->size;
    for (size_t i = 0; i < MIN(names->count, (size_t)SEARCH_NAMES_MAX); i++) {
        size_t before = out->size;
        if (before > start)
            buf_append_char(out, ' ');
        size_t begin = out->size;
        fold_append(out, names->items[i]);
        if (out->size == begin)
            out->size = before;
    }
    cut_since(out, start, (size_t)2 * ENTRY_TEXT_SIZE_MAX);
}

static void append_facet(buf_t *out, search_space_t space, str_t value)
{
    char head[FACET_HEAD_SIZE] = {(char)space};
    if (value.size == 0)
        return;
    size_t at = out->size;
    buf_append_bytes(out, head, sizeof head);
    terms_facet_append(out, space, value);
    str_t name = terms_cut(value, FACET_NAME_SIZE_MAX);
    size_t folded = out->size - at - FACET_HEAD_SIZE;
    buf_append(out, name);
    if (buf_status(out) != ERR_OK)
        return;
    out->data[at + 1] = (char)(uint8_t)folded;
    out->data[at + 2] = (char)(uint8_t)name.size;
}

static void append_year(buf_t *out, search_space_t space, uint32_t year)
{
    char text[8];
    int size = snprintf(text, sizeof text, "%u", (unsigned)year);
    append_facet(out, space, str_of(text, (size_t)size));
}

/* A value may name several. */
static err_t append_languages(buf_t *out, const search_names_t *names)
{
    str_t tags[LANGUAGES_MAX];
    size_t count;
    for (size_t i = 0; i < MIN(names->count, (size_t)SEARCH_NAMES_MAX); i++) {
        TRY(language_tags(names->items[i], tags, &count));
        for (size_t j = 0; j < count; j++)
            append_facet(out, SEARCH_SPACE_LANGUAGE, tags[j]);
    }
    return ERR_OK;
}

static err_t append_facets(buf_t *out, const search_document_t *document)
{
    const struct {
        search_space_t space;
        const search_names_t *names;
    } lists[] = {{SEARCH_SPACE_GENRE, &document->genres},
                 {SEARCH_SPACE_MOOD, &document->moods},
                 {SEARCH_SPACE_FORMAT, &document->formats},
                 {SEARCH_SPACE_ROOT, &document->roots}};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (size_t j = 0; j < MIN(lists[i].names->count, (size_t)SEARCH_NAMES_MAX); j++)
            append_facet(out, lists[i].space, lists[i].names->items[j]);
    if (document->year > 0 && document->year <= YEAR_MAX) {
        append_year(out, SEARCH_SPACE_DECADE, document->year / 10 * 10);
        append_year(out, SEARCH_SPACE_YEAR, document->year);
    }
    return append_languages(out, &document->languages);
}

/* The texts go behind a head that is written when their sizes are known. */
static texts_t append_texts(buf_t *out, const search_document_t *document)
{
    texts_t at = {.title = out->size};
    fold_cut(out, document->title, ENTRY_TEXT_SIZE_MAX);
    at.artist = out->size;
    fold_cut(out, document->artist, ENTRY_TEXT_SIZE_MAX);
    at.album = out->size;
    fold_cut(out, document->album, ENTRY_TEXT_SIZE_MAX);
    at.others = out->size;
    fold_others(out, &document->others);
    at.end = out->size;
    return at;
}

static void write_heads(buf_t *out, size_t start, const search_document_t *document,
                        const texts_t *at)
{
    str_t all = buf_str(out);
    search_entry_t entry = {.kind = document->kind,
                            .id = document->id,
                            .year = document->year > YEAR_MAX ? 0 : document->year,
                            .title = str_slice(all, at->title, at->artist),
                            .artist = str_slice(all, at->artist, at->album),
                            .album = str_slice(all, at->album, at->others),
                            .others = str_slice(all, at->others, at->end)};
    char *head = out->data + start;
    memcpy(head + AT_ADDED, &document->added_at_ms, 8);
    memcpy(head + AT_PLAYS, &document->plays, 8);
    entry_write_head(head + HEAD_SIZE, &entry);
    entry_append_sizes(out, &entry);
}

err_t folded_append(buf_t *out, const search_document_t *document)
{
    size_t start = out->size;
    char *room = buf_extend(out, HEAD_SIZE + ENTRY_HEAD_SIZE);
    if (room == NULL)
        return buf_status(out);
    texts_t at = append_texts(out, document);
    TRY(buf_status(out));
    write_heads(out, start, document, &at);
    size_t facets_at = out->size;
    TRY(append_facets(out, document));
    uint32_t facets_size = (uint32_t)(out->size - facets_at);
    str_t lyrics = terms_cut(document->lyrics, SEARCH_LYRICS_SIZE_MAX);
    uint32_t lyrics_size = (uint32_t)lyrics.size;
    buf_append(out, lyrics);
    TRY(buf_status(out));
    memcpy(out->data + start + AT_FACETS, &facets_size, sizeof facets_size);
    memcpy(out->data + start + AT_LYRICS, &lyrics_size, sizeof lyrics_size);
    return ERR_OK;
}

err_t folded_read(str_t bytes, folded_t *out_folded)
{
    folded_t folded = {0};
    if (bytes.size < HEAD_SIZE)
        return ERR_CORRUPT;
    str_t rest = str_slice(bytes, HEAD_SIZE, bytes.size);
    size_t facets = u32_at(bytes, AT_FACETS), lyrics = u32_at(bytes, AT_LYRICS);
    if (rest.size < facets + lyrics)
        return ERR_CORRUPT;
    size_t size = rest.size - facets - lyrics;
    folded.entry_bytes = str_slice(rest, 0, size);
    TRY(entry_read(folded.entry_bytes, &folded.entry));
    folded.added_at_ms = (int64_t)u64_at(bytes, AT_ADDED);
    folded.plays = u64_at(bytes, AT_PLAYS);
    folded.facets = str_slice(rest, size, size + facets);
    folded.lyrics = str_slice(rest, size + facets, rest.size);
    *out_folded = folded;
    return ERR_OK;
}

bool folded_next_facet(str_t *rest, folded_facet_t *out_facet)
{
    if (rest->size < FACET_HEAD_SIZE)
        return false;
    size_t folded = (uint8_t)rest->data[1], name = (uint8_t)rest->data[2];
    size_t end = FACET_HEAD_SIZE + folded + name;
    if (rest->size < end || folded > TERM_FACET_SIZE_MAX)
        return false;
    *out_facet = (folded_facet_t){(search_space_t)rest->data[0],
                                  str_slice(*rest, FACET_HEAD_SIZE, FACET_HEAD_SIZE + folded),
                                  str_slice(*rest, FACET_HEAD_SIZE + folded, end)};
    *rest = str_slice(*rest, end, rest->size);
    return true;
}

uint32_t folded_popularity(uint64_t plays, uint64_t plays_max)
{
    uint64_t most = MAX(plays_max, (uint64_t)FOLDED_PLAYS_MIN);
    if (plays >= most)
        return 100;
    return (uint32_t)(100.0 * log1p((double)plays) / log1p((double)most));
}

err_t folded_rank(char *bytes, size_t size, const uint64_t plays_max[SEARCH_KIND_COUNT])
{
    folded_t folded;
    TRY(folded_read(str_of(bytes, size), &folded));
    uint64_t most = plays_max[folded.entry.kind];
    entry_set_popularity(bytes + HEAD_SIZE, folded_popularity(folded.plays, most));
    return ERR_OK;
}
