#include "actors/social/recent_searches.h"

#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"

struct recent_search {
    char query[USER_SEARCH_SIZE_MAX + 1];
    int64_t searched_at;
};

void recent_searches_deinit(recent_searches_t *self)
{
    memory_free(self->items);
    *self = (recent_searches_t){0};
}

static err_t reserve(recent_searches_t *self)
{
    if (self->items == NULL)
        self->items = memory_new_array(USER_SEARCHES_MAX, sizeof *self->items);
    return self->items == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* Words that fold to nothing ("!!!" is a band) are the same only as they stand. */
static bool is_same(str_t a, str_t b)
{
    buf_t x BUF_SCOPED = BUF_INIT, y BUF_SCOPED = BUF_INIT;
    if (str_equal(a, b))
        return true;
    fold_append(&x, a);
    fold_append(&y, b);
    return x.size > 0 && buf_status(&x) == ERR_OK && buf_status(&y) == ERR_OK &&
           str_equal(buf_str(&x), buf_str(&y));
}

static uint32_t index_of(const recent_searches_t *self, str_t query)
{
    uint32_t i = 0;
    while (i < self->count && !is_same(str_from(self->items[i].query), query))
        i++;
    return i;
}

bool recent_searches_has(const recent_searches_t *self, str_t query)
{
    return index_of(self, query) < self->count;
}

err_t recent_searches_check(recent_searches_t *self, str_t typed, str_t *out_query)
{
    str_t query = str_trim(typed);
    if (str_is_empty(query) || query.size > USER_SEARCH_SIZE_MAX || !utf8_is_valid(query))
        return ERR_INVALID;
    for (size_t i = 0; i < query.size; i++)
        if ((unsigned char)query.data[i] < 0x20 || query.data[i] == 0x7f)
            return ERR_INVALID;
    TRY(reserve(self));
    *out_query = query;
    return ERR_OK;
}

static void remove_at(recent_searches_t *self, uint32_t index)
{
    self->count--;
    memmove(self->items + index, self->items + index + 1,
            (self->count - index) * sizeof *self->items);
}

err_t recent_searches_apply(recent_searches_t *self, str_t query, int64_t searched_at)
{
    if (str_is_empty(query))
        return ERR_OK;
    TRY(reserve(self));
    uint32_t index = index_of(self, query);
    if (index < self->count)
        remove_at(self, index);
    else if (self->count == USER_SEARCHES_MAX)
        self->count--;
    memmove(self->items + 1, self->items, self->count++ * sizeof *self->items);
    str_to_array(query, self->items->query, sizeof self->items->query);
    self->items->searched_at = searched_at;
    return ERR_OK;
}

void recent_searches_apply_removed(recent_searches_t *self, str_t query)
{
    uint32_t index = index_of(self, query);
    if (index < self->count)
        remove_at(self, index);
}

void recent_searches_apply_cleared(recent_searches_t *self)
{
    recent_searches_deinit(self);
}

uint32_t recent_searches_list(const recent_searches_t *self,
                              user_search_t out[static USER_SEARCHES_MAX])
{
    for (uint32_t i = 0; i < self->count; i++)
        out[i] = (user_search_t){str_from(self->items[i].query), self->items[i].searched_at};
    return self->count;
}

err_t recent_searches_restore(recent_searches_t *self, const user_search_t *items, uint32_t count)
{
    if (count > USER_SEARCHES_MAX)
        return ERR_CORRUPT;
    for (uint32_t i = count; i-- > 0;) {
        if (items[i].query.size > USER_SEARCH_SIZE_MAX)
            return ERR_CORRUPT;
        TRY(recent_searches_apply(self, items[i].query, items[i].searched_at));
    }
    return ERR_OK;
}
