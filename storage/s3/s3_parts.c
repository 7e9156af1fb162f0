#include "storage/s3/s3_parts.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "storage/s3/s3_answer.h"

enum { ANSWER_SIZE_MAX = 4 * 1024 * 1024, PARTS_MAX = 1000, PAGES_MAX = 100000 };

/* ---- one request whose answer is XML ---- */

static err_t ask(s3_wire_t *wire, s3_request_t request, arena_t *arena, s3_answer_t *out_answer)
{
    buf_t xml BUF_SCOPED = BUF_INIT;
    request.out = &xml;
    request.size_max = ANSWER_SIZE_MAX;
    TRY(s3_wire_run(wire, &request, 1));
    err_t err = s3_answer_read(buf_str(&xml), arena, out_answer);
    return err == ERR_INVALID ? ERR_IO : err; /* not our input is wrong, but its answer */
}

static err_t begin(s3_wire_t *wire, str_t key, arena_t *arena, str_t *out_query)
{
    s3_answer_t answer;
    buf_t query BUF_SCOPED = BUF_INIT;
    s3_request_t request = {.method = S3_POST, .key = key, .query = STR("uploads=")};
    TRY(ask(wire, request, arena, &answer));
    if (answer.upload_id.size == 0)
        return ERR_IO;
    buf_append(&query, STR("uploadId="));
    percent_append(&query, answer.upload_id, "");
    TRY(buf_status(&query));
    *out_query = arena_str(arena, buf_str(&query));
    return out_query->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* That it fails is of no consequence: tidy finds what is left. */
static void abort_upload(s3_wire_t *wire, str_t key, str_t upload)
{
    s3_request_t request = {.method = S3_DELETE, .key = key, .query = upload};
    IGNORE_ERR(s3_wire_run(wire, &request, 1));
}

static err_t send_parts(s3_wire_t *wire, s3_request_t *parts, size_t count)
{
    for (size_t at = 0; at < count; at += S3_RUNNING_MAX)
        TRY(s3_wire_run(wire, parts + at, MIN(count - at, (size_t)S3_RUNNING_MAX)));
    return ERR_OK;
}

static err_t fill_parts(s3_request_t *parts, size_t count, str_t key, str_t upload, str_t content,
                        arena_t *arena)
{
    size_t size = (content.size + count - 1) / count;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (s3_request_t){
            .method = S3_PUT,
            .key = key,
            .query = arena_printf(arena, "partNumber=%zu&%.*s", i + 1, STR_ARG(upload)),
            .body = str_slice(content, i * size, (i + 1) * size)};
        if (parts[i].query.data == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* The tags are the server's own words: only what can stand in an element goes back. */
static void append_tag(buf_t *out, const char *tag)
{
    for (; *tag != '\0'; tag++) {
        if (*tag == '"')
            buf_append(out, STR("&quot;"));
        else if (*tag > ' ' && *tag <= '~' && strchr("<>&", *tag) == NULL)
            buf_append_char(out, *tag);
    }
}

static err_t complete(s3_wire_t *wire, str_t key, str_t upload, const s3_request_t *parts,
                      size_t count, arena_t *arena)
{
    s3_answer_t answer;
    buf_t body BUF_SCOPED = BUF_INIT;
    buf_append(&body, STR("<CompleteMultipartUpload>"));
    for (size_t i = 0; i < count; i++) {
        buf_printf(&body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        append_tag(&body, parts[i].etag);
        buf_append(&body, STR("</ETag></Part>"));
    }
    buf_append(&body, STR("</CompleteMultipartUpload>"));
    TRY(buf_status(&body));
    s3_request_t request = {.method = S3_POST, .key = key, .query = upload, .body = buf_str(&body)};
    TRY(ask(wire, request, arena, &answer));
    /* It may say 200 first and that it failed later. */
    return str_equal(answer.root, STR("CompleteMultipartUploadResult")) ? ERR_OK : ERR_UNAVAILABLE;
}

err_t s3_parts_put(s3_wire_t *wire, str_t key, str_t content, size_t part_size)
{
    arena_t arena ARENA_SCOPED = {0};
    str_t upload;
    size_t count = (content.size + part_size - 1) / part_size;
    if (count == 0 || count > PARTS_MAX)
        return ERR_LIMIT;
    s3_request_t *parts MEMORY_SCOPED = memory_new_array(count, sizeof *parts);
    if (parts == NULL)
        return ERR_NO_MEMORY;
    TRY(begin(wire, key, &arena, &upload));
    err_t err = fill_parts(parts, count, key, upload, content, &arena);
    if (err == ERR_OK)
        err = send_parts(wire, parts, count);
    if (err == ERR_OK)
        err = complete(wire, key, upload, parts, count, &arena);
    if (err != ERR_OK)
        abort_upload(wire, key, upload);
    return err;
}

/* ---- what was left ---- */

static err_t make_query(const s3_address_t *address, const s3_answer_t *last, buf_t *out)
{
    buf_reset(out);
    if (last != NULL) {
        buf_append(out, STR("key-marker="));
        percent_append(out, last->next_key, "");
        buf_append_char(out, '&');
    }
    buf_append(out, STR("prefix="));
    percent_append(out, str_from(address->prefix), "");
    if (last != NULL) {
        buf_append(out, STR("&upload-id-marker="));
        percent_append(out, last->next_upload_id, "");
    }
    buf_append(out, STR("&uploads="));
    return buf_status(out);
}

static err_t take_back_one(s3_wire_t *wire, const s3_item_t *item, size_t prefix_size)
{
    buf_t query BUF_SCOPED = BUF_INIT;
    buf_append(&query, STR("uploadId="));
    percent_append(&query, item->upload_id, "");
    TRY(buf_status(&query));
    s3_request_t request = {.method = S3_DELETE,
                            .key = str_slice(item->key, prefix_size, item->key.size),
                            .query = buf_str(&query)};
    return s3_wire_run(wire, &request, 1);
}

static err_t take_back(s3_wire_t *wire, const s3_address_t *address, const s3_answer_t *page,
                       int64_t before_ms, uint64_t *count)
{
    str_t prefix = str_from(address->prefix);
    for (size_t i = 0; i < page->item_count; i++) {
        const s3_item_t *item = &page->items[i];
        if (item->time_ms >= before_ms || !str_starts_with(item->key, prefix))
            continue;
        err_t err = take_back_one(wire, item, prefix.size);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        *count += err == ERR_OK ? 1 : 0;
    }
    return ERR_OK;
}

err_t s3_parts_tidy(s3_wire_t *wire, const s3_address_t *address, int64_t before_ms,
                    uint64_t *out_count)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t query BUF_SCOPED = BUF_INIT;
    s3_answer_t page = {0};
    *out_count = 0;
    TRY(make_query(address, NULL, &query));
    for (uint32_t i = 0; i < PAGES_MAX; i++) {
        s3_request_t request = {.method = S3_GET, .query = buf_str(&query)};
        TRY(ask(wire, request, &arena, &page));
        TRY(take_back(wire, address, &page, before_ms, out_count));
        if (!page.is_truncated || page.next_key.size == 0)
            return ERR_OK;
        TRY(make_query(address, &page, &query));
        arena_reset(&arena);
    }
    return ERR_LIMIT;
}
