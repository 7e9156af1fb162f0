#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "storage/search/index/dictionary_parts.h"
#include "storage/search/secret_buf.h"

/* A node on the path to the word that was added last: not written yet, for words may follow below
 * it. Its children that are done wait on the stack, from `children` on. */
typedef struct open_node {
    dictionary_node_t node;
    size_t children;
    size_t path_size; /* bytes of the path to it */
} open_node_t;

struct dictionary_builder {
    open_node_t path[FOLD_WORD_SIZE_MAX + 1]; /* [0] is the root */
    uint32_t depth;
    uint32_t word_count, node_count;
    buf_t waiting; /* nodes that are done and whose parent is not: a stack */
    buf_t nodes, offsets, frequencies, text;
    bool is_secret;
};

err_t dictionary_builder_new(dictionary_builder_t **out_builder)
{
    dictionary_builder_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->path[0].node = (dictionary_node_t){NODE_IS_LAST, NODE_NONE, 0};
    *out_builder = self;
    return ERR_OK;
}

static void drop(const dictionary_builder_t *self, buf_t *part)
{
    if (self->is_secret)
        secret_buf_deinit(part);
    else
        buf_deinit(part);
}

static void append(const dictionary_builder_t *self, buf_t *part, const void *bytes, size_t size)
{
    if (self->is_secret)
        secret_buf_reserve(part, size);
    buf_append_bytes(part, bytes, size);
}

void dictionary_builder_free(dictionary_builder_t *self)
{
    if (self == NULL)
        return;
    drop(self, &self->waiting);
    drop(self, &self->nodes);
    drop(self, &self->offsets);
    drop(self, &self->frequencies);
    drop(self, &self->text);
    if (self->is_secret)
        explicit_bzero(self, sizeof *self); /* the path to the last word */
    memory_free(self);
}

void dictionary_builder_keep_secret(dictionary_builder_t *self)
{
    self->is_secret = true;
}

/* The children of a node that is done are all known: they are written side by side. */
static void write_children(dictionary_builder_t *self, open_node_t *open)
{
    size_t size = self->waiting.size - open->children;
    if (size == 0)
        return;
    if (self->word_count - open->node.first_word > 1) {
        dictionary_node_t last;
        char *place = self->waiting.data + self->waiting.size - sizeof last;
        memcpy(&last, place, sizeof last);
        last.point |= NODE_IS_LAST;
        memcpy(place, &last, sizeof last);
        open->node.first_child = self->node_count;
        self->node_count += (uint32_t)(size / sizeof last);
        append(self, &self->nodes, self->waiting.data + open->children, size);
    }
    self->waiting.size = open->children;
}

/* What lies deeper on the path than `depth` is done. */
static void close_below(dictionary_builder_t *self, uint32_t depth)
{
    while (self->depth > depth && buf_status(&self->waiting) == ERR_OK) {
        open_node_t *open = &self->path[self->depth];
        write_children(self, open);
        append(self, &self->waiting, &open->node, sizeof open->node);
        self->depth--;
    }
}

static str_t last_word(const dictionary_builder_t *self)
{
    if (self->word_count == 0)
        return (str_t){0};
    uint32_t start;
    memcpy(&start, self->offsets.data + self->offsets.size - sizeof start, sizeof start);
    return str_slice(buf_str(&self->text), start, self->text.size);
}

/* How deep the path is that the last word and this one share. */
static uint32_t common_depth(const dictionary_builder_t *self, str_t word)
{
    str_t last = last_word(self);
    size_t same = 0;
    while (same < last.size && same < word.size && last.data[same] == word.data[same])
        same++;
    uint32_t depth = self->depth;
    while (self->path[depth].path_size > same)
        depth--;
    return depth;
}

static void open_path(dictionary_builder_t *self, str_t word)
{
    size_t at = self->path[self->depth].path_size;
    while (at < word.size) {
        uint32_t c;
        at += utf8_next(word, at, &c);
        self->path[++self->depth] = (open_node_t){
            .node = {c & NODE_POINT, NODE_NONE, self->word_count},
            .children = self->waiting.size,
            .path_size = at,
        };
    }
    self->path[self->depth].node.point |= NODE_IS_WORD;
}

err_t dictionary_builder_add(dictionary_builder_t *self, str_t word, uint64_t frequency)
{
    if (word.size == 0 || word.size > FOLD_WORD_SIZE_MAX || !utf8_is_valid(word) ||
        (self->word_count > 0 && str_compare(last_word(self), word) >= 0))
        return ERR_INVALID;
    if (self->word_count == UINT32_MAX - 1 || self->text.size + word.size > UINT32_MAX)
        return ERR_LIMIT;
    uint32_t count = (uint32_t)MIN(frequency, (uint64_t)UINT32_MAX);
    uint32_t start = (uint32_t)self->text.size;
    close_below(self, common_depth(self, word));
    TRY(buf_status(&self->waiting));
    TRY(buf_status(&self->nodes));
    open_path(self, word);
    append(self, &self->text, word.data, word.size);
    buf_append_bytes(&self->offsets, &start, sizeof start);
    buf_append_bytes(&self->frequencies, &count, sizeof count);
    self->word_count++;
    TRY(buf_status(&self->text));
    TRY(buf_status(&self->offsets));
    return buf_status(&self->frequencies);
}

err_t dictionary_builder_end(dictionary_builder_t *self, size_t *out_size)
{
    close_below(self, 0);
    write_children(self, &self->path[0]);
    if (self->word_count > 0) {
        append(self, &self->nodes, &self->path[0].node, sizeof self->path[0].node);
        self->node_count++;
    }
    uint32_t end = (uint32_t)self->text.size;
    buf_append_bytes(&self->offsets, &end, sizeof end);
    TRY(buf_status(&self->waiting));
    TRY(buf_status(&self->nodes));
    TRY(buf_status(&self->offsets));
    *out_size = DICTIONARY_HEADER_SIZE + self->nodes.size + self->offsets.size +
                self->frequencies.size + self->text.size;
    return ERR_OK;
}

/* Returns what is behind it. */
static char *move_part(const dictionary_builder_t *self, buf_t *part, char *room)
{
    size_t size = part->size;
    if (size > 0)
        memcpy(room, part->data, size);
    drop(self, part);
    return room + size;
}

void dictionary_builder_write(dictionary_builder_t *self, char *room)
{
    const uint32_t head[4] = {DICTIONARY_MAGIC, self->word_count, self->node_count, 0};
    const uint64_t text_size = self->text.size;
    memcpy(room, head, sizeof head);
    memcpy(room + sizeof head, &text_size, sizeof text_size);
    room = move_part(self, &self->nodes, room + DICTIONARY_HEADER_SIZE);
    room = move_part(self, &self->offsets, room);
    room = move_part(self, &self->frequencies, room);
    (void)move_part(self, &self->text, room);
}

err_t dictionary_builder_finish(dictionary_builder_t *self, buf_t *out)
{
    size_t size;
    TRY(dictionary_builder_end(self, &size));
    char *room = buf_extend(out, size);
    if (room == NULL)
        return buf_status(out);
    dictionary_builder_write(self, room);
    return ERR_OK;
}
