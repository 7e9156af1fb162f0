#include "storage/search/query/filter.h"

#include "storage/search/index/terms.h"
#include "storage/search/language.h"
#include "storage/search/query/sets.h"

enum { YEAR_MAX = 9999, DELTA_LOOKED_AT_MAX = 1000 };

search_space_t filter_space(search_facet_t facet)
{
    static const search_space_t spaces[SEARCH_FACET_COUNT] = {
        SEARCH_SPACE_GENRE, SEARCH_SPACE_MOOD, SEARCH_SPACE_DECADE, SEARCH_SPACE_LANGUAGE,
        SEARCH_SPACE_FORMAT};
    return spaces[facet];
}

void filter_deinit(filter_t *self)
{
    for (size_t i = 0; i < SEARCH_FACET_COUNT; i++)
        set_scope_end(&self->facets[i]);
    set_scope_end(&self->rest);
    set_scope_end(&self->all);
    *self = (filter_t){0};
}

/* *set becomes what is in both; takes `more`. */
static void cut(query_t *query, roaring_bitmap_t **set, roaring_bitmap_t **more)
{
    if (*set == NULL) {
        *set = STEAL(*more);
        return;
    }
    set_and(query, *set, *more);
    set_scope_end(more);
    *more = NULL;
}

/* ---- lists ---- */

static err_t add_value(query_t *query, search_space_t space, str_t value, roaring_bitmap_t *set)
{
    buf_t term BUF_SCOPED = BUF_INIT;
    terms_facet_append(&term, space, value);
    TRY(buf_status(&term));
    return set_add_term(query, space, buf_str(&term), set);
}

/* By any of its names: "eng" is "en". */
static err_t add_language(query_t *query, str_t value, roaring_bitmap_t *set)
{
    str_t tags[LANGUAGES_MAX];
    size_t count;
    TRY(language_tags(value, tags, &count));
    for (size_t i = 0; i < count; i++)
        TRY(add_value(query, SEARCH_SPACE_LANGUAGE, tags[i], set));
    return ERR_OK;
}

static err_t any_of(query_t *query, search_space_t space, const search_names_t *names,
                    roaring_bitmap_t **out_set)
{
    roaring_bitmap_t *set SET_SCOPED = roaring_bitmap_create();
    if (set == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < names->count; i++)
        TRY(space == SEARCH_SPACE_LANGUAGE ? add_language(query, names->items[i], set)
                                           : add_value(query, space, names->items[i], set));
    *out_set = STEAL(set);
    return ERR_OK;
}

static err_t add_lists(query_t *query, filter_t *self)
{
    const search_filter_t *filter = &query->request->filter;
    const struct {
        search_facet_t facet;
        const search_names_t *names;
    } lists[] = {{SEARCH_FACET_GENRE, &filter->genres},
                 {SEARCH_FACET_MOOD, &filter->moods},
                 {SEARCH_FACET_LANGUAGE, &filter->languages},
                 {SEARCH_FACET_FORMAT, &filter->formats}};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        if (lists[i].names->count > 0)
            TRY(any_of(query, filter_space(lists[i].facet), lists[i].names,
                       &self->facets[lists[i].facet]));
    return ERR_OK;
}

static err_t add_roots(query_t *query, filter_t *self)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    if (query->request->filter.roots == NULL)
        return ERR_OK;
    TRY(any_of(query, SEARCH_SPACE_ROOT, query->request->filter.roots, &set));
    cut(query, &self->rest, &set);
    return ERR_OK;
}

/* ---- years ---- */

static err_t add_number_term(query_t *query, search_space_t space, uint32_t number,
                             roaring_bitmap_t *set)
{
    buf_t term BUF_SCOPED = BUF_INIT;
    buf_append_u64(&term, number);
    TRY(buf_status(&term));
    return set_add_term(query, space, buf_str(&term), set);
}

typedef struct decades {
    query_t *query;
    roaring_bitmap_t *set;
    uint32_t from, to;
    err_t err;
} decades_t;

/* Only decades that there are: an open end is 9999. */
static bool add_decade(void *context, str_t folded, str_t name, uint64_t frequency)
{
    decades_t *self = context;
    uint32_t decade;
    (void)name;
    (void)frequency;
    if (str_to_u32(folded, &decade) != ERR_OK || decade > YEAR_MAX || decade + 9 < self->from ||
        decade > self->to)
        return true;
    bool is_whole = decade >= self->from && decade + 9 <= self->to;
    if (is_whole)
        self->err = set_add_term(self->query, SEARCH_SPACE_DECADE, folded, self->set);
    uint32_t from = MAX(decade, self->from), to = MIN(decade + 9, self->to);
    for (uint32_t year = from; !is_whole && year <= to && self->err == ERR_OK; year++)
        self->err = add_number_term(self->query, SEARCH_SPACE_YEAR, year, self->set);
    return self->err == ERR_OK;
}

static err_t add_years(query_t *query, filter_t *self)
{
    const search_filter_t *filter = &query->request->filter;
    uint32_t to = filter->year_to == 0 ? YEAR_MAX : MIN(filter->year_to, (uint32_t)YEAR_MAX);
    if (filter->year_from == 0 && filter->year_to == 0)
        return ERR_OK;
    if (filter->year_from > to)
        return ERR_INVALID;
    roaring_bitmap_t *set SET_SCOPED = roaring_bitmap_create();
    if (set == NULL)
        return ERR_NO_MEMORY;
    decades_t decades = {query, set, MAX(filter->year_from, 1u), to, ERR_OK};
    TRY(search_facet_values(&query->read, SEARCH_SPACE_DECADE, add_decade, &decades));
    TRY(decades.err);
    self->facets[SEARCH_FACET_DECADE] = STEAL(set);
    return ERR_OK;
}

/* ---- popularity ---- */

static err_t popularity_of(query_t *query, uint32_t number, uint32_t *out_popularity)
{
    search_entry_t entry;
    query->read.work += WORK_RANK;
    TRY(search_entry(&query->read, number, &entry));
    *out_popularity = entry.popularity;
    return ERR_OK;
}

/* The first number from `number` on that is not removed and below `end`, with its popularity. */
static err_t look_at(query_t *query, const roaring_bitmap_t *everything, uint32_t number,
                     uint32_t end, uint32_t *out_number, uint32_t *out_popularity)
{
    roaring_uint32_iterator_t iterator;
    roaring_init_iterator(everything, &iterator);
    if (!roaring_move_uint32_iterator_equalorlarger(&iterator, number) ||
        iterator.current_value >= end) {
        *out_number = end;
        return ERR_OK;
    }
    *out_number = iterator.current_value;
    return popularity_of(query, *out_number, out_popularity);
}

/* Where the documents of a kind become less popular than `min`. */
static err_t find_cut(query_t *query, const roaring_bitmap_t *everything, search_kind_t kind,
                      uint32_t min, uint32_t *out_end)
{
    uint32_t low = query->read.first_of_kind[kind], high = query->read.end_of_kind[kind];
    uint32_t end = high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, number, popularity = 0;
        TRY(look_at(query, everything, middle, end, &number, &popularity));
        if (number < end && popularity >= min)
            low = number + 1;
        else
            high = middle;
    }
    *out_end = low;
    return ERR_OK;
}

static err_t add_popularity(query_t *query, filter_t *self)
{
    uint32_t min = query->request->filter.popularity_min;
    roaring_bitmap_t *everything SET_SCOPED = NULL, *set SET_SCOPED = NULL;
    if (min == 0)
        return ERR_OK;
    TRY(search_everything(&query->read, &everything));
    if ((set = roaring_bitmap_create()) == NULL)
        return ERR_NO_MEMORY;
    for (search_kind_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        uint32_t end;
        TRY(find_cut(query, everything, kind, min, &end));
        roaring_bitmap_add_range(set, query->read.first_of_kind[kind], end);
    }
    /* The delta's are looked at when they are found: filter_drop_unpopular. */
    roaring_bitmap_add_range(set, SEARCH_DELTA_FIRST, search_delta_first(SEARCH_KIND_COUNT));
    roaring_bitmap_and_inplace(set, everything);
    cut(query, &self->rest, &set);
    return ERR_OK;
}

err_t filter_drop_unpopular(query_t *query, roaring_bitmap_t *set)
{
    uint32_t min = query->request->filter.popularity_min, looked_at = 0;
    roaring_uint32_iterator_t iterator;
    roaring_bitmap_t *less SET_SCOPED = NULL;
    if (min == 0)
        return ERR_OK;
    if ((less = roaring_bitmap_create()) == NULL)
        return ERR_NO_MEMORY;
    roaring_init_iterator_last(set, &iterator);
    for (; iterator.has_value && iterator.current_value >= SEARCH_DELTA_FIRST;
         roaring_previous_uint32_iterator(&iterator)) {
        uint32_t popularity;
        if (++looked_at > DELTA_LOOKED_AT_MAX || query_is_spent(query)) {
            query->is_cut = true;
            roaring_bitmap_remove_range(set, SEARCH_DELTA_FIRST, iterator.current_value + 1ull);
            break;
        }
        TRY(popularity_of(query, iterator.current_value, &popularity));
        if (popularity < min)
            roaring_bitmap_add(less, iterator.current_value);
    }
    roaring_bitmap_andnot_inplace(set, less);
    return ERR_OK;
}

/* ---- date, favourites ---- */

static err_t add_date(query_t *query, filter_t *self)
{
    roaring_bitmap_t *set SET_SCOPED = NULL;
    if (query->request->filter.added_since_ms == 0)
        return ERR_OK;
    TRY(search_added_since(&query->read, query->request->filter.added_since_ms, &set));
    cut(query, &self->rest, &set);
    return ERR_OK;
}

static err_t add_favourites(query_t *query, filter_t *self)
{
    const search_filter_t *filter = &query->request->filter;
    roaring_bitmap_t *set SET_SCOPED = NULL;
    if (!filter->is_only_tracks)
        return ERR_OK;
    if ((set = roaring_bitmap_create()) == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < filter->only_track_count && !query_is_spent(query); i++) {
        uint32_t number;
        if (i > 0 && filter->only_tracks[i] <= filter->only_tracks[i - 1])
            return ERR_INVALID;
        query->read.work += WORK_NUMBER;
        err_t err = search_number(&query->read, SEARCH_TRACK, filter->only_tracks[i], &number);
        if (err == ERR_OK)
            roaring_bitmap_add(set, number);
        else if (err != ERR_NOT_FOUND)
            return err;
    }
    cut(query, &self->rest, &set);
    return ERR_OK;
}

/* ---- all of it ---- */

static err_t put_together(query_t *query, filter_t *self)
{
    const roaring_bitmap_t *parts[SEARCH_FACET_COUNT + 1] = {self->rest};
    memcpy(parts + 1, self->facets, sizeof self->facets);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i] == NULL)
            continue;
        if (self->all != NULL)
            set_and(query, self->all, parts[i]);
        else if ((self->all = roaring_bitmap_copy(parts[i])) == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static err_t fill(query_t *query, filter_t *self)
{
    TRY(add_roots(query, self));
    TRY(add_lists(query, self));
    TRY(add_years(query, self));
    TRY(add_favourites(query, self));
    TRY(add_date(query, self));
    TRY(add_popularity(query, self));
    return put_together(query, self);
}

err_t filter_init(query_t *query, filter_t *out_filter)
{
    filter_t self FILTER_SCOPED = {0};
    TRY(fill(query, &self));
    *out_filter = STEAL(self);
    return ERR_OK;
}

err_t filter_all_but(query_t *query, const filter_t *self, search_facet_t facet,
                     const roaring_bitmap_t *set, roaring_bitmap_t **out_set)
{
    roaring_bitmap_t *left SET_SCOPED = roaring_bitmap_copy(set);
    if (left == NULL)
        return ERR_NO_MEMORY;
    set_and(query, left, self->rest);
    for (size_t i = 0; i < SEARCH_FACET_COUNT; i++)
        if (i != (size_t)facet)
            set_and(query, left, self->facets[i]);
    TRY(filter_drop_unpopular(query, left));
    *out_set = STEAL(left);
    return ERR_OK;
}
