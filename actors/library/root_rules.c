#include "actors/library/root_rules.h"

#include "runtime/base/memory.h"

err_t root_entry_init(root_entry_t *self, str_t name, str_t path, uint32_t number)
{
    char *text = memory_new(name.size + path.size + 1);
    if (text == NULL)
        return ERR_NO_MEMORY;
    if (name.size > 0)
        memcpy(text, name.data, name.size);
    if (path.size > 0)
        memcpy(text + name.size, path.data, path.size);
    *self = (root_entry_t){{text, name.size}, {text + name.size, path.size}, number};
    return ERR_OK;
}

void root_entry_deinit(root_entry_t *self)
{
    memory_free((void *)(uintptr_t)self->name.data); /* ours: see init */
    *self = (root_entry_t){0};
}

root_info_t root_entry_info(const root_entry_t *self)
{
    return (root_info_t){
        .name = self->name, .path = self->path, .number = self->number, .is_readable = true};
}

root_entry_t *roots_find(root_entry_t *entries, size_t count, str_t name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(entries[i].name, name))
            return &entries[i];
    return NULL;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool root_name_is_valid(str_t name)
{
    if (name.size == 0 || name.size > ROOT_NAME_SIZE_MAX || name.data[0] == '.')
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!is_name_char(name.data[i]))
            return false;
    return true;
}

str_t root_name_of(str_t path, arena_t *arena)
{
    enum { STEM_SIZE_MAX = ROOT_NAME_SIZE_MAX - 4 }; /* room for a number behind it */
    size_t slash = str_find_last(path, '/');
    str_t folder = slash == path.size ? path : str_slice(path, slash + 1, path.size);
    folder = str_slice(folder, 0, STEM_SIZE_MAX);
    if (folder.size == 0)
        return STR("music");
    char *name = arena_dup(arena, folder.data, folder.size);
    if (name == NULL)
        return (str_t){NULL, 0};
    for (size_t i = 0; i < folder.size; i++)
        if (!is_name_char(name[i]) || (i == 0 && name[i] == '.'))
            name[i] = '-';
    return (str_t){name, folder.size};
}

static bool is_inside(str_t path, str_t folder)
{
    if (folder.size == 1) /* "/" */
        return true;
    return str_starts_with(path, folder) &&
           (path.size == folder.size || path.data[folder.size] == '/');
}

static err_t choose_name(root_entry_t *entries, size_t count, str_t path, arena_t *arena,
                         str_t *out_name)
{
    str_t stem = root_name_of(path, arena);
    *out_name = stem;
    for (int i = 2; stem.data != NULL && roots_find(entries, count, *out_name) != NULL; i++)
        *out_name = arena_printf(arena, "%.*s-%d", STR_ARG(stem), i);
    return out_name->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

err_t roots_decide_add(root_entry_t *entries, size_t count, str_t name, str_t path, bool can_move,
                       arena_t *arena, root_change_t *out_change)
{
    uint32_t number = 0;
    if (path.size == 0 || path.data[0] != '/' || (name.size > 0 && !root_name_is_valid(name)))
        return ERR_INVALID;
    root_entry_t *same = name.size > 0 ? roots_find(entries, count, name) : NULL;
    for (size_t i = 0; i < count; i++) {
        number = MAX(number, entries[i].number);
        if (str_equal(entries[i].path, path) &&
            (name.size == 0 || str_equal(entries[i].name, name))) {
            *out_change = (root_change_t){ROOT_UNCHANGED, entries[i].name, entries[i].number};
            return ERR_OK;
        }
        if (&entries[i] != same &&
            (is_inside(path, entries[i].path) || is_inside(entries[i].path, path)))
            return ERR_CONFLICT;
    }
    if (same != NULL) {
        *out_change = (root_change_t){ROOT_MOVED, same->name, same->number};
        return can_move ? ERR_OK : ERR_CONFLICT;
    }
    if (count >= ROOTS_MAX)
        return ERR_LIMIT;
    if (name.size == 0)
        TRY(choose_name(entries, count, path, arena, &name));
    *out_change = (root_change_t){ROOT_ADDED, name, number + 1};
    return ERR_OK;
}
