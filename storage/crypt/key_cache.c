#include "storage/crypt/key_cache.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/mman.h>

typedef struct place {
    uint8_t subject_size; /* 0: free */
    char subject[VAULT_SUBJECT_SIZE_MAX];
    uint32_t used; /* the cache's clock when it was */
    data_key_t key;
} place_t;

struct key_cache {
    pthread_mutex_t lock;
    uint32_t set_count, clock;
    size_t mapped_size;
    place_t *places;
};

void data_key_wipe(data_key_t *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

err_t key_cache_new(uint32_t keys_max, key_cache_t **out_cache)
{
    uint32_t count = keys_max == 0 ? KEY_CACHE_MAX : keys_max;
    ASSERT(count >= KEY_CACHE_WAYS && (count & (count - 1)) == 0);
    key_cache_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    pthread_mutex_init(&self->lock, NULL);
    self->set_count = count / KEY_CACHE_WAYS;
    self->mapped_size = 4096;
    while (self->mapped_size < count * sizeof(place_t))
        self->mapped_size *= 2;
    self->places = memory_map(self->mapped_size);
    if (self->places == NULL) {
        key_cache_free(self);
        return ERR_NO_MEMORY;
    }
    /* Best effort: a kernel that does not know it dumps what it dumps. */
    (void)madvise(self->places, self->mapped_size, MADV_DONTDUMP);
    *out_cache = self;
    return ERR_OK;
}

void key_cache_free(key_cache_t *self)
{
    if (self == NULL)
        return;
    if (self->places != NULL) {
        OPENSSL_cleanse(self->places, self->mapped_size);
        memory_unmap(self->places, self->mapped_size);
    }
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

static place_t *set_of(const key_cache_t *self, str_t subject)
{
    return self->places + (size_t)(str_hash(subject) % self->set_count) * KEY_CACHE_WAYS;
}

static place_t *find(const key_cache_t *self, str_t subject)
{
    place_t *set = set_of(self, subject);
    for (size_t i = 0; i < KEY_CACHE_WAYS; i++)
        if (set[i].subject_size != 0 &&
            str_equal(str_of(set[i].subject, set[i].subject_size), subject))
            return &set[i];
    return NULL;
}

err_t key_cache_get(key_cache_t *self, str_t subject, data_key_t *out_key)
{
    pthread_mutex_lock(&self->lock);
    place_t *place = find(self, subject);
    if (place != NULL) {
        place->used = ++self->clock;
        *out_key = place->key;
    }
    pthread_mutex_unlock(&self->lock);
    return place == NULL ? ERR_NOT_FOUND : ERR_OK;
}

bool key_cache_has(key_cache_t *self, str_t subject)
{
    pthread_mutex_lock(&self->lock);
    bool is_there = find(self, subject) != NULL;
    pthread_mutex_unlock(&self->lock);
    return is_there;
}

static place_t *oldest_of(const key_cache_t *self, place_t *set)
{
    place_t *oldest = set;
    for (size_t i = 0; i < KEY_CACHE_WAYS; i++) {
        if (set[i].subject_size == 0)
            return &set[i];
        if (self->clock - set[i].used > self->clock - oldest->used)
            oldest = &set[i];
    }
    return oldest;
}

void key_cache_put(key_cache_t *self, str_t subject, const data_key_t *key)
{
    ASSERT(subject.size > 0 && subject.size <= VAULT_SUBJECT_SIZE_MAX);
    pthread_mutex_lock(&self->lock);
    place_t *place = find(self, subject);
    if (place == NULL)
        place = oldest_of(self, set_of(self, subject));
    OPENSSL_cleanse(place, sizeof *place);
    place->subject_size = (uint8_t)subject.size;
    memcpy(place->subject, subject.data, subject.size);
    place->used = ++self->clock;
    place->key = *key;
    pthread_mutex_unlock(&self->lock);
}

void key_cache_put_other(key_cache_t *self, str_t subject, const data_key_t *key)
{
    pthread_mutex_lock(&self->lock);
    place_t *place = find(self, subject);
    if (place != NULL && !place->key.is_erased &&
        memcmp(place->key.id, key->id, sizeof key->id) == 0) {
        memcpy(place->key.other_half, key->other_half, sizeof key->other_half);
        place->key.other = key->other;
        place->key.has_other = true;
    }
    pthread_mutex_unlock(&self->lock);
}

void key_cache_remove(key_cache_t *self, str_t subject)
{
    pthread_mutex_lock(&self->lock);
    place_t *place = find(self, subject);
    if (place != NULL)
        OPENSSL_cleanse(place, sizeof *place);
    pthread_mutex_unlock(&self->lock);
}

uint32_t key_cache_sets(const key_cache_t *self)
{
    return self->set_count;
}

uint32_t key_cache_names(key_cache_t *self, uint32_t set, key_cache_name_t out[KEY_CACHE_WAYS])
{
    uint32_t count = 0;
    pthread_mutex_lock(&self->lock);
    for (uint32_t i = 0; i < KEY_CACHE_WAYS; i++) {
        const place_t *place = &self->places[set * KEY_CACHE_WAYS + i];
        if (place->subject_size == 0)
            continue;
        memcpy(out[count], place->subject, place->subject_size);
        out[count++][place->subject_size] = '\0';
    }
    pthread_mutex_unlock(&self->lock);
    return count;
}
