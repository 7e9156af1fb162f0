#include "storage/blob/blob_folder.h"
#include "storage/file.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <unistd.h>

static blob_folder_t *opened(const temporary_t *folder)
{
    blob_folder_t *blobs = NULL;
    temporary_name_t path = temporary_in(folder, "blobs");
    check_ok(
        blob_folder_open(&(blob_folder_options_t){.path = path.path, .is_durable = true}, &blobs));
    return blobs;
}

/* SHA-256 test vectors: FIPS 180-4, appendix B; NIST's for the empty message. */
Test(blob_folder, a_name_is_the_sha_256_of_the_content)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_folder_t *blobs BLOB_FOLDER_SCOPED = opened(&folder);
    static const struct {
        str_t content;
        const char *hash;
    } cases[] = {
        {{NULL, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        blob_hash_t hash;
        buf_t content BUF_SCOPED = BUF_INIT;
        check_ok(blob_put(blobs, cases[i].content, &hash));
        check_ok(blob_put(blobs, cases[i].content, &hash)); /* twice is once */
        check_str(str_from(hash.text), str_from(cases[i].hash));
        cr_assert(blob_has(blobs, str_from(hash.text)));
        check_ok(blob_get(blobs, str_from(hash.text), &content));
        check_str(buf_str(&content), cases[i].content);
    }
}

Test(blob_folder, what_is_no_hash_leads_nowhere)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_folder_t *blobs BLOB_FOLDER_SCOPED = opened(&folder);
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    const char *path;
    static const char *const bad[] = {
        "",
        "../../etc/passwd",
        "ba7816bf",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "../../../../../../../../../../../../../../../../../../../../../.",
    };
    static const char good[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char *const bad_variants[] = {"", "../x", ".x", "a/b", "A"};

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        check_err(blob_get(blobs, str_from(bad[i]), &out), ERR_INVALID);
        check_err(blob_path(blobs, str_from(bad[i]), &arena, &path), ERR_INVALID);
        cr_assert(blob_has(blobs, str_from(bad[i])) == false);
    }
    check_err(blob_get(blobs, str_from(good), &out), ERR_NOT_FOUND);
    for (size_t i = 0; i < COUNT_OF(bad_variants); i++)
        check_err(
            blob_variant_path(blobs, str_from(good), str_from(bad_variants[i]), &arena, &path),
            ERR_INVALID);
}

Test(blob_folder, a_variant_lies_beside_and_altered_content_is_corrupt)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    blob_folder_t *blobs BLOB_FOLDER_SCOPED = opened(&folder);
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    const char *path;
    blob_hash_t hash;
    check_ok(blob_put(blobs, STR("cover"), &hash));

    check_ok(blob_variant_put(blobs, str_from(hash.text), STR("300.webp"), STR("small")));
    check_ok(blob_variant_path(blobs, str_from(hash.text), STR("300.webp"), &arena, &path));
    check_ok(file_read(path, 100, &out));
    check_str(buf_str(&out), STR("small"));

    buf_reset(&out);
    check_ok(blob_path(blobs, str_from(hash.text), &arena, &path));
    check_ok(file_replace(path, STR("covet"), false));
    check_err(blob_get(blobs, str_from(hash.text), &out), ERR_CORRUPT);
    cr_assert(out.size == 0);
}
