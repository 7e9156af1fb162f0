#include "runtime/base/memory.h"
#include "runtime/kernel.h"
#include "runtime/life/supervision.h"

#include <stdlib.h>

/* The supervision tree, for people: who was started by whom. Actors with a name that nobody started
 * are counted by kind.
 *
 * The rows are a copy, made in one walk over the slots; what moves meanwhile may be missing. More
 * than TREE_ROWS_MAX actors with a parent are counted, not shown; so is what lies deeper than
 * TREE_DEPTH_MAX. */
enum { TREE_ROWS_MAX = 10000, TREE_DEPTH_MAX = 32, TREE_KEY_MAX = 48 };

typedef struct row {
    uint64_t ref, parent;
    const char *kind;
    char key[TREE_KEY_MAX];
    size_t key_size;
    char id[SUPERVISOR_ID_SIZE_MAX];
    const supervisor_spec_t *spec;
    uint64_t starts, number;
    bool is_tied, is_down;
} row_t;

typedef struct kind_count {
    const char *kind;
    uint64_t count;
} kind_count_t;

typedef struct tree {
    row_t *rows;
    uint32_t count, capacity;
    uint32_t sorted; /* the first so many are, by parent */
    uint64_t left_out;
    kind_count_t kinds[KINDS_MAX];
    uint32_t kind_count;
} tree_t;

/* ---- the walk ---- */

static void count_kind(tree_t *self, const char *kind)
{
    for (uint32_t i = 0; i < self->kind_count; i++) {
        if (strcmp(self->kinds[i].kind, kind) == 0) {
            self->kinds[i].count++;
            return;
        }
    }
    if (self->kind_count < KINDS_MAX)
        self->kinds[self->kind_count++] = (kind_count_t){kind, 1};
}

static row_t *row_add(tree_t *self)
{
    if (self->count == self->capacity && self->capacity < TREE_ROWS_MAX) {
        uint32_t capacity = MIN(MAX(self->capacity * 2, 64U), (uint32_t)TREE_ROWS_MAX);
        row_t *rows = memory_resize(self->rows, capacity, sizeof *rows);
        if (rows != NULL) {
            self->rows = rows;
            self->capacity = capacity;
        }
    }
    if (self->count == self->capacity) {
        self->left_out++;
        return NULL;
    }
    self->rows[self->count] = (row_t){0};
    return &self->rows[self->count++];
}

static void add(tree_t *self, const actor_t *actor, uint64_t parent)
{
    row_t *row = row_add(self);
    if (row == NULL)
        return;
    const tie_t *tie = actor_tie(actor);
    str_t key = actor_key(actor);
    row->ref = actor_bits(actor);
    row->parent = parent;
    row->kind = actor->kind->name;
    row->key_size = MIN(key.size, sizeof row->key);
    if (row->key_size > 0)
        memcpy(row->key, key.data, row->key_size);
    if (tie == NULL)
        return;
    row->is_tied = true;
    memcpy(row->id, tie->id, sizeof row->id);
    row->spec = tie->spec;
    row->number = tie->number;
    row->starts = atomic_load(&tie->starts);
    row->is_down = !tie_is_up(tie);
}

static void visit_child(void *context, actor_t *actor)
{
    tree_t *self = context;
    uint64_t parent = actor_parent(actor);
    if (parent != 0 || actor_tie(actor) != NULL)
        add(self, actor, parent);
}

static int by_ref(const void *a, const void *b)
{
    const row_t *left = a, *right = b;
    return left->ref < right->ref ? -1 : left->ref > right->ref;
}

/* Each parent's children together, in the order in which they were started. */
static int by_parent(const void *a, const void *b)
{
    const row_t *left = a, *right = b;
    if (left->parent != right->parent)
        return left->parent < right->parent ? -1 : 1;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return by_ref(a, b);
}

static void sort(tree_t *self)
{
    if (self->count > 0)
        qsort(self->rows, self->count, sizeof *self->rows, by_parent);
    self->sorted = self->count;
}

static uint32_t first_child(const tree_t *self, uint64_t parent)
{
    uint32_t low = 0, high = self->sorted;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (self->rows[middle].parent < parent)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_child(const tree_t *self, uint32_t at, uint64_t parent)
{
    return at < self->count && self->rows[at].parent == parent;
}

/* Those that nobody started: who started others is a root, the rest is counted. */
static void visit_root(void *context, actor_t *actor)
{
    tree_t *self = context;
    if (actor_parent(actor) != 0 || actor_tie(actor) != NULL)
        return;
    count_kind(self, actor->kind->name);
    uint64_t ref = actor_bits(actor);
    if (is_child(self, first_child(self, ref), ref))
        add(self, actor, 0);
}

/* Whose parent is not there any more stands at the top. */
static err_t adopt_orphans(tree_t *self)
{
    row_t *known MEMORY_SCOPED = memory_new_array(self->count, sizeof *known);
    if (known == NULL)
        return ERR_NO_MEMORY;
    if (self->count > 0)
        memcpy(known, self->rows, self->count * sizeof *known);
    qsort(known, self->count, sizeof *known, by_ref);
    for (uint32_t i = 0; i < self->count; i++) {
        row_t wanted = {.ref = self->rows[i].parent};
        if (bsearch(&wanted, known, self->count, sizeof wanted, by_ref) == NULL)
            self->rows[i].parent = 0;
    }
    return ERR_OK;
}

static void tree_free(tree_t *self)
{
    memory_free(self->rows);
}

static err_t tree_read(runtime_t *runtime, tree_t *self)
{
    registry_each(runtime->registry, visit_child, self);
    sort(self);
    registry_each(runtime->registry, visit_root, self);
    TRY(adopt_orphans(self));
    sort(self);
    return ERR_OK;
}

/* ---- as text ---- */

static const char *strategy_name(supervisor_strategy_t strategy)
{
    static const char *const names[] = {"one for one", "one for all", "rest for one", "simple"};
    return names[strategy];
}

static uint64_t restarts_of(const row_t *row)
{
    return row->starts > 1 ? row->starts - 1 : 0;
}

static void row_text(const row_t *row, buf_t *out)
{
    if (row->spec != NULL) {
        buf_printf(out, "%s (supervisor, %s)", row->id, strategy_name(row->spec->strategy));
    } else {
        if (row->id[0] != '\0')
            buf_printf(out, "%s: ", row->id);
        buf_printf(out, "%s", row->kind);
        if (row->key_size > 0)
            buf_printf(out, " %.*s", (int)row->key_size, row->key);
    }
    uint64_t restarts = restarts_of(row);
    if (restarts > 0)
        buf_printf(out, ", restarted %llu %s", (unsigned long long)restarts,
                   restarts == 1 ? "time" : "times");
    if (row->is_down)
        buf_append(out, STR(", down"));
    buf_append_char(out, '\n');
}

/* `indent` is what stands before the branches of this level. */
static void children_text(const tree_t *self, uint64_t parent, buf_t *indent, uint32_t depth,
                          buf_t *out)
{
    for (uint32_t at = first_child(self, parent); is_child(self, at, parent); at++) {
        bool is_last = !is_child(self, at + 1, parent);
        buf_append(out, buf_str(indent));
        buf_append(out, is_last ? STR("└─ ") : STR("├─ "));
        row_text(&self->rows[at], out);
        size_t size = indent->size;
        buf_append(indent, is_last ? STR("   ") : STR("│  "));
        if (depth < TREE_DEPTH_MAX && buf_status(indent) == ERR_OK)
            children_text(self, self->rows[at].ref, indent, depth + 1, out);
        indent->size = size;
    }
}

void runtime_tree_text(runtime_t *runtime, buf_t *out)
{
    tree_t tree SCOPED(tree_free) = {0};
    buf_t indent BUF_SCOPED = BUF_INIT;
    if (tree_read(runtime, &tree) != ERR_OK) {
        buf_append(out, STR("no memory\n"));
        return;
    }
    buf_append(out, STR("runtime\n"));
    children_text(&tree, 0, &indent, 1, out);
    for (uint32_t i = 0; i < tree.kind_count; i++)
        buf_printf(out, "%s: %llu by name\n", tree.kinds[i].kind,
                   (unsigned long long)tree.kinds[i].count);
    if (tree.left_out > 0)
        buf_printf(out, "and %llu more\n", (unsigned long long)tree.left_out);
}

/* ---- as JSON ---- */

static void children_json(const tree_t *self, uint64_t parent, uint32_t depth, json_t *json);

static void row_json(const tree_t *self, const row_t *row, uint32_t depth, json_t *json)
{
    json_object_begin(json);
    json_key_str(json, "kind", str_from(row->kind));
    json_key_str(json, "key", str_of(row->key, row->key_size));
    json_key_u64(json, "ref", row->ref);
    if (row->is_tied) {
        json_key_str(json, "id", str_from(row->id));
        json_key_bool(json, "is_up", !row->is_down);
        json_key_u64(json, "restarts", restarts_of(row));
    }
    if (row->spec != NULL)
        json_key_str(json, "strategy", str_from(strategy_name(row->spec->strategy)));
    if (depth < TREE_DEPTH_MAX)
        children_json(self, row->ref, depth + 1, json);
    json_object_end(json);
}

static void children_json(const tree_t *self, uint64_t parent, uint32_t depth, json_t *json)
{
    uint32_t at = first_child(self, parent);
    json_key(json, STR("children"));
    json_array_begin(json);
    for (; is_child(self, at, parent); at++)
        row_json(self, &self->rows[at], depth, json);
    json_array_end(json);
}

void runtime_describe_tree(runtime_t *runtime, json_t *json)
{
    tree_t tree SCOPED(tree_free) = {0};
    json_object_begin(json);
    if (tree_read(runtime, &tree) == ERR_OK) {
        children_json(&tree, 0, 1, json);
        json_key(json, STR("by_name"));
        json_array_begin(json);
        for (uint32_t i = 0; i < tree.kind_count; i++) {
            json_object_begin(json);
            json_key_str(json, "kind", str_from(tree.kinds[i].kind));
            json_key_u64(json, "count", tree.kinds[i].count);
            json_object_end(json);
        }
        json_array_end(json);
    }
    json_key_u64(json, "left_out", tree.left_out);
    json_object_end(json);
}
