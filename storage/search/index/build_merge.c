#include "runtime/base/crc32c.h"
#include "storage/search/index/build_parts.h"
#include "storage/search/index/posting.h"
#include "storage/search/index/terms.h"

enum { DICTIONARY_SIZE_MIN = 4096 }; /* past that it has pages of its own, and is aligned */

typedef struct merger {
    build_t *build;
    posting_builder_t posting;
    dictionary_builder_t *words;
} merger_t;

static err_t begin_term(void *context, str_t term, str_t name)
{
    merger_t *self = context;
    (void)term, (void)name;
    return build_check_stopped(self->build);
}

static err_t add_numbers(void *context, const uint32_t *numbers, size_t count)
{
    merger_t *self = context;
    return posting_builder_add(&self->posting, numbers, count);
}

/* A word goes to the dictionary, unless it is CJK: two edits would reach each of those. */
static err_t add_word(merger_t *self, str_t word)
{
    if (terms_starts_cjk(word))
        return ERR_OK;
    self->build->base.words++;
    return dictionary_builder_add(self->words, word, self->posting.count);
}

static err_t add_name(const merger_t *self, str_t term, str_t name)
{
    return build_put_checked(self->build, TABLE_NAMES, term, name);
}

static err_t end_term(void *context, str_t term, str_t name)
{
    merger_t *self = context;
    char *room;
    if (term.data[0] == SEARCH_SPACE_WORD)
        TRY(add_word(self, str_slice(term, 1, term.size)));
    if (name.size > 0)
        TRY(add_name(self, term, name));
    size_t size = posting_builder_size(&self->posting);
    TRY(build_append(self->build, TABLE_POSTINGS, term, size, &room));
    posting_builder_write(&self->posting, room, size);
    self->build->base.terms++;
    return ERR_OK;
}

static err_t write_dictionary(merger_t *self)
{
    char *room;
    size_t size;
    TRY(dictionary_builder_end(self->words, &size));
    size_t taken = MAX(size, (size_t)DICTIONARY_SIZE_MIN);
    TRY(build_append(self->build, TABLE_META, STR("dictionary"), taken, &room));
    dictionary_builder_write(self->words, room);
    memset(room + size, 0, taken - size);
    self->build->base.dictionary_size = size;
    self->build->base.dictionary_check = crc32c(0, str_of(room, size));
    return ERR_OK;
}

static void merger_scope_end(merger_t *self)
{
    posting_builder_deinit(&self->posting);
    dictionary_builder_free(self->words);
}

err_t build_merge(build_t *build)
{
    merger_t self SCOPED(merger_scope_end) = {.build = build};
    TRY(dictionary_builder_new(&self.words));
    TRY(runs_merge(&build->runs, build->memory_max / 2,
                   &(run_visitor_t){begin_term, add_numbers, end_term, &self}));
    runs_deinit(&build->runs);
    return write_dictionary(&self);
}
