/* s3_answer.c -- the elements are those of the Amazon S3 API reference: Error, ListObjectsV2,
 * ListMultipartUploads, CreateMultipartUpload, CompleteMultipartUpload. */

#include "storage/s3/s3_answer.h"

#include "runtime/base/buf.h"
#include "runtime/base/memory.h"

#include <expat.h>
#include <time.h>

enum { DEPTH_ROOT = 1, DEPTH_FIELD, DEPTH_ITEM_FIELD, DEPTH_MAX = 16, TEXT_SIZE_MAX = 4096 };

typedef struct parse {
    XML_Parser parser;
    arena_t *arena;
    s3_answer_t answer;
    buf_t items; /* s3_item_t */
    s3_item_t item;
    uint32_t depth;
    bool is_in_item;
    buf_t text; /* of the innermost element */
    err_t err;
} parse_t;

static void parse_deinit(parse_t *self)
{
    if (self->parser != NULL)
        XML_ParserFree(self->parser);
    buf_deinit(&self->items);
    buf_deinit(&self->text);
}

static void fail(parse_t *self, err_t err)
{
    if (err == ERR_OK || self->err != ERR_OK)
        return;
    self->err = err;
    XML_StopParser(self->parser, XML_FALSE);
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

/* ---- expat's calls ---- */

static str_t plain_name(const XML_Char *terminated)
{
    str_t name = str_from(terminated);
    size_t colon = str_find(name, ':'); /* a prefix may stand before it */
    return colon < name.size ? str_slice(name, colon + 1, name.size) : name;
}

static bool is_item(str_t name)
{
    return str_equal(name, STR("Contents")) || str_equal(name, STR("Upload"));
}

static void XMLCALL on_begin(void *context, const XML_Char *terminated, const XML_Char **attributes)
{
    parse_t *self = context;
    str_t name = plain_name(terminated);
    (void)attributes;
    buf_reset(&self->text);
    if (++self->depth > DEPTH_MAX)
        fail(self, ERR_LIMIT);
    else if (self->depth == DEPTH_ROOT)
        fail(self, keep(self, name, &self->answer.root));
    else if (self->depth == DEPTH_FIELD && is_item(name)) {
        self->is_in_item = true;
        self->item = (s3_item_t){0};
    }
}

static void XMLCALL on_end(void *context, const XML_Char *terminated)
{
    parse_t *self = context;
    str_t name = plain_name(terminated), text = buf_str(&self->text);
    fail(self, buf_status(&self->text));
    if (self->err != ERR_OK)
        return;
    if (self->depth == DEPTH_FIELD && self->is_in_item)
        fail(self, end_item(self));
    else if (self->depth == DEPTH_FIELD)
        fail(self, take_field(self, name, text));
    else if (self->depth == DEPTH_ITEM_FIELD && self->is_in_item)
        fail(self, take_item_field(self, name, text));
    self->depth--;
    buf_reset(&self->text);
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    parse_t *self = context;
    buf_append_bytes(&self->text, text, (size_t)size);
}

/* These answers have none; without one there are no entities but the five of XML itself. */
static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    fail(context, ERR_INVALID);
}

/* ---- reading ---- */

static void *resize(void *memory, size_t size)
{
    return memory_resize(memory, size, 1);
}

static err_t run(parse_t *self, str_t xml)
{
    XML_SetUserData(self->parser, self);
    XML_SetElementHandler(self->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(self->parser, on_text);
    XML_SetStartDoctypeDeclHandler(self->parser, on_doctype);
    XML_SetParamEntityParsing(self->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    bool is_read = XML_Parse(self->parser, xml.data == NULL ? "" : xml.data, (int)xml.size,
                             XML_TRUE) == XML_STATUS_OK;
    TRY(self->err);
    if (is_read)
        return ERR_OK;
    return XML_GetErrorCode(self->parser) == XML_ERROR_NO_MEMORY ? ERR_NO_MEMORY : ERR_INVALID;
}

err_t s3_answer_read(str_t xml, arena_t *arena, s3_answer_t *out_answer)
{
    static const XML_Memory_Handling_Suite heap = {memory_new_unset, resize, memory_free};
    parse_t self SCOPED(parse_deinit) = {.arena = arena, .text = {.size_max = TEXT_SIZE_MAX}};
    self.parser = XML_ParserCreate_MM(NULL, &heap, NULL);
    if (self.parser == NULL)
        return ERR_NO_MEMORY;
    TRY(run(&self, xml));
    self.answer.item_count = self.items.size / sizeof(s3_item_t);
    if (self.answer.item_count > 0) {
        self.answer.items = arena_dup(arena, self.items.data, self.items.size);
        if (self.answer.items == NULL)
            return ERR_NO_MEMORY;
    }
    *out_answer = self.answer;
    return ERR_OK;
}
