#include "actors/library/problems.h"

#include "runtime/base/memory.h"

struct problem_entry {
    uint64_t path_hash;
    library_problem_t problem; /* its strings lie behind the entry */
};

void problems_deinit(problems_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        memory_free(self->entries[i]);
    memory_free(self->entries);
    *self = (problems_t){0};
}

static size_t find(const problems_t *self, str_t path)
{
    uint64_t hash = str_hash(path);
    for (size_t i = 0; i < self->count; i++)
        if (self->entries[i]->path_hash == hash && str_equal(self->entries[i]->problem.path, path))
            return i;
    return self->count;
}

static void drop(problems_t *self, size_t index)
{
    memory_free(self->entries[index]);
    self->count--;
    memmove(&self->entries[index], &self->entries[index + 1],
            (self->count - index) * sizeof(problem_entry_t *));
}

static problem_entry_t *entry_new(const library_problem_t *problem)
{
    problem_entry_t *entry =
        memory_new(sizeof *entry + problem->path.size + problem->reason.size + 1);
    if (entry == NULL)
        return NULL;
    char *text = (char *)(entry + 1);
    entry->problem = *problem;
    entry->path_hash = str_hash(problem->path);
    if (problem->path.size > 0)
        memcpy(text, problem->path.data, problem->path.size);
    entry->problem.path = (str_t){text, problem->path.size};
    text += problem->path.size;
    if (problem->reason.size > 0)
        memcpy(text, problem->reason.data, problem->reason.size);
    entry->problem.reason = (str_t){text, problem->reason.size};
    return entry;
}

void problems_put(problems_t *self, const library_problem_t *problem)
{
    size_t index = find(self, problem->path);
    if (index < self->count)
        drop(self, index);
    if (self->entries == NULL)
        self->entries = memory_new_array(LIBRARY_PROBLEMS_MAX, sizeof(problem_entry_t *));
    problem_entry_t *entry = self->entries == NULL ? NULL : entry_new(problem);
    if (entry == NULL) {
        self->dropped++;
        return;
    }
    if (self->count == LIBRARY_PROBLEMS_MAX) {
        drop(self, 0);
        self->dropped++;
    }
    self->entries[self->count++] = entry;
}

void problems_remove(problems_t *self, str_t path)
{
    size_t index = find(self, path);
    if (index < self->count)
        drop(self, index);
}

bool problems_has(const problems_t *self, str_t path, str_t reason)
{
    size_t index = find(self, path);
    return index < self->count && str_equal(self->entries[index]->problem.reason, reason);
}

library_problem_t problems_at(const problems_t *self, size_t index)
{
    return self->entries[index]->problem;
}
