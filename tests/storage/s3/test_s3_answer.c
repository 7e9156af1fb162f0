#include "runtime/base/buf.h"
#include "storage/s3/s3_answer.h"
#include "tests/support/check.h"

static const char list[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<a:ListBucketResult xmlns:a=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
    "<IsTruncated> true </IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>"
    "<Contents><Key>a/&lt;b&gt;</Key><LastModified>2026-11-23T01:02:03.000Z</LastModified>"
    "<Size>12</Size><Owner><ID>x</ID><Key>not this</Key></Owner></Contents>"
    "<Contents><Key>c</Key><Size>0</Size></Contents>"
    "<CommonPrefixes><Prefix>p</Prefix></CommonPrefixes></a:ListBucketResult>";

Test(s3_answer, a_list_is_read)
{
    arena_t arena ARENA_SCOPED = {0};
    s3_answer_t answer;

    check_ok(s3_answer_read(STR(list), &arena, &answer));

    check_str(answer.root, STR("ListBucketResult"));
    check_str(answer.next_token, STR("t&1"));
    cr_assert(answer.is_truncated && answer.item_count == 2);
    check_str(answer.items[0].key, STR("a/<b>"));
    cr_assert(answer.items[0].size == 12 && answer.items[0].time_ms == 1795395723000);
    check_str(answer.items[1].key, STR("c"));
    cr_assert(answer.items[1].time_ms == 0);
}

Test(s3_answer, errors_and_uploads_are_read)
{
    arena_t arena ARENA_SCOPED = {0};
    s3_answer_t answer;
    check_ok(s3_answer_read(STR("<Error><Code>SlowDown</Code><Message>m</Message></Error>"), &arena,
                            &answer));
    check_str(answer.root, STR("Error"));
    check_str(answer.code, STR("SlowDown"));
    check_ok(s3_answer_read(
        STR("<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId>"
            "<Initiated>2026-11-23T00:00:00Z</Initiated></Upload><NextKeyMarker>n</NextKeyMarker>"
            "<NextUploadIdMarker>v</NextUploadIdMarker></ListMultipartUploadsResult>"),
        &arena, &answer));
    cr_assert(answer.item_count == 1);
    check_str(answer.items[0].upload_id, STR("u"));
    check_str(answer.next_key, STR("n"));
    check_str(answer.next_upload_id, STR("v"));
    check_str(answer.upload_id, STR(""));
}

Test(s3_answer, what_is_no_answer_is_refused)
{
    static const struct {
        const char *xml;
        err_t want;
    } cases[] = {
        {"", ERR_INVALID},
        {"not xml", ERR_INVALID},
        {"<a>", ERR_INVALID},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", ERR_INVALID},
        {"<a><Contents><Size>-1</Size></Contents></a>", ERR_INVALID},
        {"<a><Contents><LastModified>yesterday</LastModified></Contents></a>", ERR_INVALID},
        {"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a>"
         "</a></a></a></a></a></a></a>",
         ERR_LIMIT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        s3_answer_t answer;
        err_t got = s3_answer_read(str_from(cases[i].xml), &arena, &answer);
        cr_expect(got == cases[i].want, "%s: got %s", cases[i].xml, err_name(got));
    }
}

Test(s3_answer, more_items_or_text_than_the_bounds_are_refused)
{
    for (size_t more = 0; more < 2; more++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t items BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
        s3_answer_t answer;
        buf_append(&items, STR("<r>"));
        for (size_t i = 0; i < S3_ITEMS_MAX + more; i++)
            buf_append(&items, STR("<Upload/>"));
        buf_append(&items, STR("</r>"));
        buf_append(&text, STR("<r><Code>"));
        for (size_t i = 0; i < 4096 + more; i++)
            buf_append_char(&text, 'x');
        buf_append(&text, STR("</Code></r>"));
        check_err(s3_answer_read(buf_str(&items), &arena, &answer), more ? ERR_LIMIT : ERR_OK);
        check_err(s3_answer_read(buf_str(&text), &arena, &answer), more ? ERR_LIMIT : ERR_OK);
    }
}
