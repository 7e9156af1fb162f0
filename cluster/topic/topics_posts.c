#include "cluster/topic/topics_parts.h"

#include "runtime/base/memory.h"

enum { ROOM_FIRST = 4 };

post_t *posts_at(const posts_t *self, uint32_t index)
{
    return &self->items[(self->first + index) % self->room];
}

post_t *posts_newest(const posts_t *self)
{
    return self->count == 0 ? NULL : posts_at(self, self->count - 1);
}

/* Who listens is mostly near the end. */
post_t *posts_find(const posts_t *self, uint64_t number)
{
    for (uint32_t i = self->count; i-- > 0;) {
        post_t *post = posts_at(self, i);
        if (post->number <= number)
            return post->number == number ? post : NULL;
    }
    return NULL;
}

static void drop_first(posts_t *self, size_t *total)
{
    post_t *post = posts_at(self, 0);
    self->size -= post->size;
    *total -= post->size;
    memory_free(post->data);
    self->first = (self->first + 1) % self->room;
    self->count--;
}

void posts_drop_until(posts_t *self, uint64_t number, size_t *total)
{
    while (self->count > 0 && posts_at(self, 0)->number <= number)
        drop_first(self, total);
}

void posts_deinit(posts_t *self, size_t *total)
{
    posts_drop_until(self, UINT64_MAX, total);
    memory_free(self->items);
    *self = (posts_t){0};
}

static err_t grow(posts_t *self)
{
    uint32_t room = self->room == 0 ? ROOM_FIRST : self->room * 2;
    post_t *items = memory_new_array(room, sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < self->count; i++)
        items[i] = *posts_at(self, i);
    memory_free(self->items);
    self->items = items;
    self->first = 0;
    self->room = room;
    return ERR_OK;
}

static bool is_over(const posts_t *self, size_t more, size_t total)
{
    return self->count == TOPIC_WINDOW || self->size + more > TOPIC_KEPT_BYTES_MAX ||
           total + more > TOPICS_BYTES_MAX;
}

err_t posts_push(posts_t *self, uint64_t number, str_t post, size_t *total, uint32_t *out_dropped)
{
    *out_dropped = 0;
    for (; self->count > 0 && is_over(self, post.size, *total); ++*out_dropped)
        drop_first(self, total);
    if (self->count == self->room)
        TRY(grow(self));
    char *data = NULL;
    if (post.size > 0 && (data = memory_dup(post.data, post.size)) == NULL)
        return ERR_NO_MEMORY;
    *posts_at(self, self->count++) = (post_t){.number = number, .data = data, .size = post.size};
    self->size += post.size;
    *total += post.size;
    return ERR_OK;
}
