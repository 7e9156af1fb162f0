/* s3_answer.c -- the elements are those of the Amazon S3 API reference: Error, ListObjectsV2,
 * ListMultipartUploads, CreateMultipartUpload, CompleteMultipartUpload. */

#include "storage/s3/s3_answer.h"

#include "runtime/base/buf.h"
#include "storage/xml.h"

#include <time.h>

enum { DEPTH_ROOT = 1, DEPTH_FIELD, DEPTH_ITEM_FIELD, DEPTH_MAX = 16, TEXT_SIZE_MAX = 4096 };

typedef struct parse {
    arena_t *arena;
    s3_answer_t answer;
    buf_t items; /* s3_item_t */
    s3_item_t item;
    uint32_t depth;
    bool is_in_item;
    buf_t text; /* of the innermost element */
} parse_t;

static void parse_deinit(parse_t *self)
{
    buf_deinit(&self->items);
    buf_deinit(&self->text);
}

static err_t keep(parse_t *self, str_t text, str_t *out)
{
    *out = arena_str(self->arena, text);
    return out->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static err_t read_time(str_t text, int64_t *out_ms)
{
    char room[64];
    struct tm parts = {0};
    if (!str_to_array(text, room, sizeof room) ||
        strptime(room, "%Y-%m-%dT%H:%M:%S", &parts) == NULL)
        return ERR_INVALID;
    *out_ms = (int64_t)timegm(&parts) * 1000;
    return ERR_OK;
}

static err_t take_field(parse_t *self, str_t name, str_t text)
{
    s3_answer_t *answer = &self->answer;
    const struct {
        str_t name;
        str_t *out;
    } rows[] = {
        {STR("Code"), &answer->code},
        {STR("Message"), &answer->message},
        {STR("UploadId"), &answer->upload_id},
        {STR("ETag"), &answer->etag},
        {STR("NextContinuationToken"), &answer->next_token},
        {STR("NextKeyMarker"), &answer->next_key},
        {STR("NextUploadIdMarker"), &answer->next_upload_id},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_equal(name, rows[i].name))
            return keep(self, text, rows[i].out);
    if (str_equal(name, STR("IsTruncated")))
        answer->is_truncated = str_equal(str_trim(text), STR("true"));
    return ERR_OK;
}

static err_t take_item_field(parse_t *self, str_t name, str_t text)
{
    if (str_equal(name, STR("Key")))
        return keep(self, text, &self->item.key);
    if (str_equal(name, STR("UploadId")))
        return keep(self, text, &self->item.upload_id);
    if (str_equal(name, STR("Size")))
        return str_to_u64(str_trim(text), &self->item.size) == ERR_OK ? ERR_OK : ERR_INVALID;
    if (str_equal(name, STR("LastModified")) || str_equal(name, STR("Initiated")))
        return read_time(str_trim(text), &self->item.time_ms);
    return ERR_OK;
}

static err_t end_item(parse_t *self)
{
    self->is_in_item = false;
    if (self->items.size / sizeof self->item >= S3_ITEMS_MAX)
        return ERR_LIMIT;
    buf_append_bytes(&self->items, &self->item, sizeof self->item);
    return buf_status(&self->items);
}

/* ---- as it is read ---- */

static bool is_item(str_t name)
{
    return str_equal(name, STR("Contents")) || str_equal(name, STR("Upload"));
}

static err_t on_begin(void *context, str_t name)
{
    parse_t *self = context;
    buf_reset(&self->text);
    if (++self->depth > DEPTH_MAX)
        return ERR_LIMIT;
    if (self->depth == DEPTH_ROOT)
        return keep(self, name, &self->answer.root);
    if (self->depth == DEPTH_FIELD && is_item(name)) {
        self->is_in_item = true;
        self->item = (s3_item_t){0};
    }
    return ERR_OK;
}

static err_t take(parse_t *self, str_t name, str_t text)
{
    if (self->depth == DEPTH_FIELD && self->is_in_item)
        return end_item(self);
    if (self->depth == DEPTH_FIELD)
        return take_field(self, name, text);
    return self->depth == DEPTH_ITEM_FIELD && self->is_in_item ? take_item_field(self, name, text)
                                                               : ERR_OK;
}

static err_t on_end(void *context, str_t name)
{
    parse_t *self = context;
    TRY(buf_status(&self->text));
    TRY(take(self, name, buf_str(&self->text)));
    self->depth--;
    buf_reset(&self->text);
    return ERR_OK;
}

/* What is too long for the buffer is said at the element's end. */
static err_t on_text(void *context, str_t text)
{
    parse_t *self = context;
    buf_append(&self->text, text);
    return ERR_OK;
}

err_t s3_answer_read(str_t xml, arena_t *arena, s3_answer_t *out_answer)
{
    static const xml_calls_t calls = {on_begin, NULL, on_end, on_text};
    parse_t self SCOPED(parse_deinit) = {.arena = arena, .text = {.size_max = TEXT_SIZE_MAX}};
    TRY(xml_read(xml, &calls, &self));
    self.answer.item_count = self.items.size / sizeof(s3_item_t);
    if (self.answer.item_count > 0) {
        self.answer.items = arena_dup(arena, self.items.data, self.items.size);
        if (self.answer.items == NULL)
            return ERR_NO_MEMORY;
    }
    *out_answer = self.answer;
    return ERR_OK;
}
