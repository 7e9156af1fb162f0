#include "storage/search/search.h"

#include "storage/search/fold.h"
#include "storage/search/search_parts.h"
#include "storage/search/search_text.h"

_Static_assert(1 + SEARCH_TITLE_SIZE_MAX + 1 + 8 <= KV_KEY_SIZE_MAX, "titles fit a key");
_Static_assert(FOLD_WORD_SIZE_MAX + 1 + SEARCH_ENTITY_SIZE <= KV_KEY_SIZE_MAX, "words fit a key");

const char *const SEARCH_TABLES[SEARCH_TABLE_COUNT] = {"search-texts", "search-titles",
                                                       "search-words"};

static search_key_t entity_key(search_kind_t kind, uint64_t id)
{
    search_key_t key = {.size = 0};
    search_key_add_kind(&key, kind);
    search_key_add_id(&key, id);
    return key;
}

static search_key_t title_key(search_kind_t kind, uint64_t id, str_t title)
{
    search_key_t key = {.size = 0};
    search_key_add_kind(&key, kind);
    search_key_add(&key, str_slice(title, 0, SEARCH_TITLE_SIZE_MAX));
    search_key_add(&key, str_of("", 1));
    search_key_add_id(&key, id);
    return key;
}

static search_key_t word_key(search_kind_t kind, uint64_t id, str_t word)
{
    search_key_t key = {.size = 0};
    search_key_add(&key, word);
    search_key_add(&key, str_of("", 1));
    search_key_add_kind(&key, kind);
    search_key_add_id(&key, id);
    return key;
}

static bool is_in(search_text_t text, str_t word)
{
    return search_has_word(text.title, word, false) || search_has_word(text.more, word, false);
}

/* Deletes (or puts) the words of `text` that are not in `other`. */
static err_t move_words(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id,
                        search_text_t text, search_text_t other, bool is_put)
{
    str_t word;
    bool is_title;
    while (search_text_next(&text, &word, &is_title)) {
        if (is_in(other, word))
            continue;
        search_key_t key = word_key(kind, id, word);
        kv_table_t table = search_table(self, SEARCH_WORDS);
        err_t err = is_put ? kv_put(tx, table, search_key_str(&key), (str_t){NULL, 0})
                           : kv_delete(tx, table, search_key_str(&key));
        /* The same word twice in a text has one entry. */
        if (err != ERR_OK && (is_put || err != ERR_NOT_FOUND))
            return err;
    }
    return ERR_OK;
}

static err_t move_title(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id,
                        str_t old_title, str_t new_title)
{
    kv_table_t table = search_table(self, SEARCH_TITLES);
    if (str_equal(old_title, new_title))
        return ERR_OK;
    if (old_title.size > 0) {
        search_key_t key = title_key(kind, id, old_title);
        TRY(kv_delete(tx, table, search_key_str(&key)));
    }
    if (new_title.size == 0)
        return ERR_OK;
    search_key_t key = title_key(kind, id, new_title);
    return kv_put(tx, table, search_key_str(&key), (str_t){NULL, 0});
}

/* From the stored text to `stored`; empty: it goes. */
static err_t replace(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id,
                     str_t stored)
{
    buf_t before BUF_SCOPED = BUF_INIT;
    search_key_t key = entity_key(kind, id);
    kv_table_t texts = search_table(self, SEARCH_TEXTS);
    str_t old_stored = {NULL, 0};
    err_t err = kv_get(tx, texts, search_key_str(&key), &old_stored);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    if (str_equal(old_stored, stored))
        return ERR_OK;
    buf_append(&before, old_stored); /* the map moves with the first write */
    TRY(buf_status(&before));
    search_text_t old = search_text_of(buf_str(&before)), new = search_text_of(stored);
    TRY(move_words(self, tx, kind, id, old, new, false));
    TRY(move_words(self, tx, kind, id, new, old, true));
    TRY(move_title(self, tx, kind, id, old.title, new.title));
    if (stored.size > 0)
        return kv_put(tx, texts, search_key_str(&key), stored);
    return kv_delete(tx, texts, search_key_str(&key));
}

err_t search_put(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id,
                 str_t title, str_t more)
{
    buf_t stored BUF_SCOPED = BUF_INIT;
    search_text_append(&stored, title, more);
    TRY(buf_status(&stored));
    return replace(self, tx, kind, id, buf_str(&stored));
}

err_t search_remove(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id)
{
    return replace(self, tx, kind, id, (str_t){NULL, 0});
}

err_t search_clear(const search_t *self, const kv_tx_t *tx)
{
    for (kv_table_t i = 0; i < SEARCH_TABLE_COUNT; i++)
        TRY(kv_clear(tx, self->first_table + i));
    return ERR_OK;
}
