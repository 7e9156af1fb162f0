#include "storage/search/query/facets.h"

#include "storage/search/query/sets.h"

#include <stdlib.h>

typedef struct value {
    str_t term, name;
    uint64_t frequency; /* in the index, then in what was found */
} value_t;

typedef struct values {
    query_t *query;
    value_t *items; /* FACET_VALUES_COUNTED: a heap, the rarest on top */
    size_t count;
} values_t;

static void sift_up(values_t *self)
{
    for (size_t at = self->count - 1; at > 0; at = (at - 1) / 2) {
        value_t *parent = &self->items[(at - 1) / 2], *child = &self->items[at];
        if (parent->frequency <= child->frequency)
            return;
        value_t kept = *parent;
        *parent = *child;
        *child = kept;
    }
}

static void sift_down(values_t *self)
{
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < self->count; child++)
            if (self->items[child].frequency < self->items[least].frequency)
                least = child;
        if (least == at)
            return;
        value_t kept = self->items[at];
        self->items[at] = self->items[least];
        self->items[least] = kept;
        at = least;
    }
}

/* What the map lends stays: the look does not end between. */
static bool add_value(void *context, str_t folded, str_t name, uint64_t frequency)
{
    values_t *self = context;
    value_t value = {folded, name, frequency};
    self->query->read.work += WORK_NUMBER;
    if (query_is_spent(self->query))
        return false;
    if (self->count < FACET_VALUES_COUNTED) {
        self->items[self->count++] = value;
        sift_up(self);
    } else if (frequency > self->items[0].frequency) {
        self->items[0] = value;
        sift_down(self);
    }
    return true;
}

static int by_frequency(const void *x, const void *y)
{
    const value_t *a = x, *b = y;
    if (a->frequency != b->frequency)
        return a->frequency > b->frequency ? -1 : 1;
    return str_compare(a->term, b->term);
}

static err_t count_values(query_t *query, search_space_t space, const search_counted_t *counted,
                          values_t *values)
{
    for (size_t i = 0; i < values->count; i++) {
        if (query_is_spent(query)) {
            values->count = i;
            return ERR_OK;
        }
        TRY(search_count_in(&query->read, space, values->items[i].term, counted,
                            &values->items[i].frequency));
    }
    return ERR_OK;
}

static err_t fill(query_t *query, values_t *values, search_facet_list_t *out_list)
{
    qsort(values->items, values->count, sizeof *values->items, by_frequency);
    size_t count = 0;
    while (count < MIN(values->count, (size_t)SEARCH_FACET_VALUES_MAX) &&
           values->items[count].frequency > 0)
        count++;
    search_facet_value_t *items =
        arena_new_array(query->arena, MAX(count, (size_t)1), sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        items[i].value = arena_str(query->arena, values->items[i].name);
        items[i].count = values->items[i].frequency;
        if (items[i].value.data == NULL)
            return ERR_NO_MEMORY;
    }
    *out_list = (search_facet_list_t){items, count};
    return ERR_OK;
}

/* Tracks only. is_own: what would be found without the facet's own filter. */
static err_t lay_out(query_t *query, const filter_t *filter, search_facet_t facet, bool is_own,
                     search_counted_t *out_counted)
{
    const search_read_t *read = &query->read;
    roaring_bitmap_t *tracks SET_SCOPED = NULL;
    if (is_own)
        TRY(filter_all_but(query, filter, facet, query->unfiltered, &tracks));
    else if ((tracks = roaring_bitmap_copy(query->found)) == NULL)
        return ERR_NO_MEMORY;
    roaring_bitmap_remove_range(tracks, 0, read->first_of_kind[SEARCH_TRACK]);
    roaring_bitmap_remove_range(tracks, read->end_of_kind[SEARCH_TRACK],
                                search_delta_first(SEARCH_TRACK));
    roaring_bitmap_remove_range(tracks, search_delta_first(SEARCH_TRACK + 1u), 1ull << 32);
    query->read.work += roaring_bitmap_get_cardinality(tracks) / WORK_SPREAD;
    return search_counted_init(&query->read, tracks, read->end_of_kind[SEARCH_TRACK], out_counted);
}

static err_t count_facet(query_t *query, const filter_t *filter, search_facet_t facet,
                         search_counted_t *found, search_facet_list_t *out_list)
{
    bool is_own = filter->facets[facet] != NULL && query->unfiltered != NULL;
    search_counted_t own SCOPED(search_counted_deinit) = {0}, *counted = is_own ? &own : found;
    values_t values = {.query = query};
    if (counted->base == NULL)
        TRY(lay_out(query, filter, facet, is_own, counted));
    values.items = arena_new_array(query->arena, FACET_VALUES_COUNTED, sizeof *values.items);
    if (values.items == NULL)
        return ERR_NO_MEMORY;
    TRY(search_facet_values(&query->read, filter_space(facet), add_value, &values));
    qsort(values.items, values.count, sizeof *values.items, by_frequency);
    TRY(count_values(query, filter_space(facet), counted, &values));
    return fill(query, &values, out_list);
}

err_t facets_count(query_t *query, const filter_t *filter, search_found_t *out_found)
{
    search_counted_t found SCOPED(search_counted_deinit) = {0};
    if (query->found == NULL)
        return ERR_OK;
    for (search_facet_t facet = 0; facet < SEARCH_FACET_COUNT; facet++)
        TRY(count_facet(query, filter, facet, &found, &out_found->facets[facet]));
    return ERR_OK;
}
