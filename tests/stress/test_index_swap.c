/* Threads read a search index while it is updated, and put in the place of another, again and
 * again: each look sees one whole index, with every document that it counts, and none that was
 * closed. For ThreadSanitizer. */

#include "runtime/base/assert.h"
#include "storage/search/index/search_read.h"
#include "tests/stress/racer.h"
#include "tests/support/temporary.h"

#include <pthread.h>
#include <stdatomic.h>

enum { READERS = 3, SWAPS = 12, UPDATES = 6, DOCUMENTS_MAX = 40 };

typedef struct shared {
    search_index_t *index;
    atomic_bool is_over;
    _Atomic uint64_t reads;
} shared_t;

typedef struct source {
    uint64_t next, count;
} source_t;

/* All have the same title; so many of them are there as the position says. */
static search_document_t document(uint64_t id)
{
    return (search_document_t){.kind = SEARCH_TRACK, .id = id, .plays = id, .title = STR("Same")};
}

static err_t next_document(void *context, search_document_t *out_document, bool *out_is_there)
{
    source_t *source = context;
    *out_is_there = source->next < source->count;
    if (*out_is_there)
        *out_document = document(++source->next);
    return ERR_OK;
}

static uint64_t count_of(search_read_t *read, search_space_t space, str_t term)
{
    roaring_bitmap_t *bitmap = NULL;
    ASSERT(search_postings(read, space, term, &bitmap) == ERR_OK);
    uint64_t count = roaring_bitmap_get_cardinality(bitmap);
    roaring_bitmap_free(bitmap);
    return count;
}

static void check_look(search_index_t *index, arena_t *arena)
{
    search_read_t read SEARCH_READ_SCOPED = {0};
    search_entry_t entry;
    uint32_t number;
    uint64_t count = 0;
    ASSERT(search_read_begin(index, arena, &read) == ERR_OK);
    while (search_number(&read, SEARCH_TRACK, count + 1, &number) == ERR_OK) {
        ASSERT(search_entry(&read, number, &entry) == ERR_OK);
        ASSERT(entry.id == ++count && str_equal(entry.title, STR("same")));
    }
    ASSERT(count_of(&read, SEARCH_SPACE_WORD, STR("same")) == count);
    ASSERT(count_of(&read, SEARCH_SPACE_TITLE, STR("same")) == count);
    ASSERT(count_of(&read, SEARCH_SPACE_PREFIX, STR("sa")) == count);
}

static void *read_on(void *context)
{
    shared_t *shared = context;
    arena_t arena ARENA_SCOPED = {0};
    while (!atomic_load(&shared->is_over)) {
        search_index_stats_t stats;
        arena_reset(&arena);
        check_look(shared->index, &arena);
        ASSERT(search_index_stats(shared->index, &stats) == ERR_OK);
        (void)search_index_position(shared->index);
        atomic_fetch_add(&shared->reads, 1);
    }
    return NULL;
}

/* One more, or the last one gone, or one put again: ids stay without a gap. */
static void update(search_index_t *index, uint64_t *count, uint64_t step)
{
    search_change_t change = {.document = document(1 + step % (*count + 1))};
    if (step % 3 == 0)
        change.document = document(++*count);
    if (step % 3 == 1 && *count > 0)
        change = (search_change_t){.is_removal = true, .document = {.id = (*count)--}};
    if (step % 3 == 2)
        *count = MAX(*count, change.document.id);
    ASSERT(search_index_update(index, &change, 1, (search_position_t){1, step}) == ERR_OK);
}

static void swap(search_index_t *index, const char *path, uint64_t count)
{
    source_t source = {0, count};
    search_index_t *fresh = NULL;
    ASSERT(search_build(path, &(search_build_options_t){.source = {.context = &source,
                                                                   .next = next_document}}) ==
           ERR_OK);
    ASSERT(search_index_open(&(search_index_options_t){.path = path}, &fresh) == ERR_OK);
    ASSERT(search_index_swap(index, fresh) == ERR_OK);
}

static uint64_t run(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "search");
    temporary_name_t fresh = temporary_in(&folder, "search.new");
    shared_t shared = {0};
    pthread_t threads[READERS];
    ASSERT(search_index_open(&(search_index_options_t){.path = path.path}, &shared.index) ==
           ERR_OK);
    for (int i = 0; i < READERS; i++)
        ASSERT(pthread_create(&threads[i], NULL, read_on, &shared) == 0);
    for (uint64_t i = 0; i < SWAPS; i++) {
        uint64_t count = i * 7 % DOCUMENTS_MAX;
        swap(shared.index, fresh.path, count);
        for (uint64_t j = 0; j < UPDATES; j++)
            update(shared.index, &count, i + j);
    }
    atomic_store(&shared.is_over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    search_index_close(shared.index);
    return (uint64_t)SWAPS * (1 + UPDATES) + shared.reads;
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "swaps, updates and looks");
    return 0;
}
