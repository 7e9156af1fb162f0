#include "storage/s3/s3_store.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/s3/s3_answer.h"
#include "storage/s3/s3_parts.h"

enum { PAGE_SIZE_MAX = 4 * 1024 * 1024, PAGES_MAX = 100000 };

typedef struct s3_store {
    blob_store_t store;
    s3_wire_t *wire;
    s3_address_t address;
    size_t part_size;
} s3_store_t;

static s3_store_t *s3_of(blob_store_t *store)
{
    return CONTAINER_OF(store, s3_store_t, store);
}

static err_t put(blob_store_t *store, str_t key, str_t content)
{
    s3_store_t *self = s3_of(store);
    s3_request_t request = {.method = S3_PUT, .key = key, .body = content};
    return content.size >= 2 * self->part_size
               ? s3_parts_put(self->wire, key, content, self->part_size)
               : s3_wire_run(self->wire, &request, 1);
}

static err_t get(blob_store_t *store, str_t key, uint64_t offset, size_t size_max, buf_t *out)
{
    s3_request_t request = {.method = S3_GET,
                            .key = key,
                            .is_range = offset > 0 || size_max <= BLOB_SIZE_MAX,
                            .offset = offset,
                            .size = MAX(size_max, (size_t)1),
                            .out = out,
                            .size_max = MAX(size_max, (size_t)1)};
    size_t before = out->size;
    TRY(s3_wire_run(s3_of(store)->wire, &request, 1));
    out->size = MIN(out->size, before + size_max);
    return ERR_OK;
}

/* What the server keeps whole is its own affair: nothing of ours says what was put. */
static err_t check(blob_store_t *store, str_t key, buf_t *out)
{
    err_t err = get(store, key, 0, (size_t)BLOB_SIZE_MAX + 1, out);
    return err == ERR_OK ? ERR_UNSUPPORTED : err;
}

static err_t find(blob_store_t *store, str_t key, blob_info_t *out_info)
{
    s3_request_t request = {.method = S3_HEAD, .key = key};
    TRY(s3_wire_run(s3_of(store)->wire, &request, 1));
    *out_info = (blob_info_t){key, request.content_size, request.modified_ms};
    return ERR_OK;
}

static err_t remove_blob(blob_store_t *store, str_t key)
{
    s3_request_t request = {.method = S3_DELETE, .key = key};
    err_t err = s3_wire_run(s3_of(store)->wire, &request, 1);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- all of them ---- */

typedef struct listing {
    s3_store_t *store;
    blob_visit_fn visit;
    void *context;
    buf_t prefix; /* with the address' */
} listing_t;

static void listing_deinit(listing_t *self)
{
    buf_deinit(&self->prefix);
}

/* What is no key of ours was put there by somebody else. */
static err_t show(const listing_t *self, const s3_answer_t *page)
{
    size_t prefix = strlen(self->store->address.prefix);
    for (size_t i = 0; i < page->item_count; i++) {
        const s3_item_t *item = &page->items[i];
        if (!str_starts_with(item->key, buf_str(&self->prefix)))
            continue;
        blob_info_t info = {str_slice(item->key, prefix, item->key.size), item->size,
                            item->time_ms};
        if (blob_key_is_valid(info.key))
            TRY(self->visit(self->context, &info));
    }
    return ERR_OK;
}

static err_t make_query(const listing_t *self, str_t token, buf_t *out)
{
    buf_reset(out);
    if (token.size > 0) {
        buf_append(out, STR("continuation-token="));
        percent_append(out, token, "");
        buf_append_char(out, '&');
    }
    buf_append(out, STR("list-type=2&prefix="));
    percent_append(out, buf_str(&self->prefix), "");
    return buf_status(out);
}

/* *token: of the next page; empty: there is none. */
static err_t show_page(const listing_t *self, buf_t *token)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t query BUF_SCOPED = BUF_INIT, xml BUF_SCOPED = BUF_INIT;
    s3_answer_t page;
    TRY(make_query(self, buf_str(token), &query));
    s3_request_t request = {
        .method = S3_GET, .query = buf_str(&query), .out = &xml, .size_max = PAGE_SIZE_MAX};
    TRY(s3_wire_run(self->store->wire, &request, 1));
    err_t err = s3_answer_read(buf_str(&xml), &arena, &page);
    if (err == ERR_INVALID || (err == ERR_OK && !str_equal(page.root, STR("ListBucketResult"))))
        return ERR_IO;
    TRY(err);
    TRY(show(self, &page));
    buf_reset(token);
    if (page.is_truncated)
        buf_append(token, page.next_token);
    return page.is_truncated && page.next_token.size == 0 ? ERR_IO : buf_status(token);
}

static err_t list(blob_store_t *store, str_t prefix, blob_visit_fn visit, void *context)
{
    listing_t self SCOPED(listing_deinit) = {
        .store = s3_of(store), .visit = visit, .context = context};
    buf_t token BUF_SCOPED = BUF_INIT;
    buf_append(&self.prefix, str_from(self.store->address.prefix));
    buf_append(&self.prefix, prefix);
    TRY(buf_status(&self.prefix));
    for (uint32_t i = 0; i < PAGES_MAX; i++) {
        TRY(show_page(&self, &token));
        if (token.size == 0)
            return ERR_OK;
    }
    return ERR_LIMIT;
}

static err_t tidy(blob_store_t *store, int64_t before_ms, uint64_t *out_count)
{
    s3_store_t *self = s3_of(store);
    return s3_parts_tidy(self->wire, &self->address, before_ms, out_count);
}

static void status(blob_store_t *store, blob_store_status_t *out_status)
{
    s3_wire_status(s3_of(store)->wire, out_status);
}

/* ---- opening ---- */

static void close_store(blob_store_t *store)
{
    s3_store_t *self = s3_of(store);
    s3_wire_free(self->wire);
    memory_free(self);
}

err_t s3_store_open(const s3_store_options_t *options, blob_store_t **out_store)
{
    static const blob_store_table_t table = {put,  get,  check,  find,       remove_blob,
                                             list, tidy, status, close_store};
    s3_store_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->store.table = &table;
    blob_store_t *store BLOB_STORE_SCOPED = &self->store;
    self->address = *options->wire.address;
    self->part_size = options->part_size != 0 ? options->part_size : S3_PART_SIZE;
    TRY(s3_wire_new(&options->wire, &self->wire));
    *out_store = STEAL(store);
    return ERR_OK;
}
