/* A blob folder with a store behind it, and the scrub. */

#include "tests/storage/blob/blob_rig.h"

#include <stdio.h>
#include <unistd.h>

/* ---- a store behind ---- */

Test(blob_care, what_is_put_goes_behind_and_is_read_from_there)
{
    rig_t rig RIG_SCOPED = {0};
    rig_begin(&rig, true);
    blob_hash_t hash = rig_put(&rig, "cover");
    int fd = -1;
    uint64_t size = 0;
    check_ok(blob_variant_put(rig.blobs, str_from(hash.text), STR("96.webp"), STR("small")));

    rig_wait_until_sent(&rig, 2);

    cr_assert(blob_count_of(blob_folder_local(rig.blobs)) == 0);
    cr_assert(blob_count_of(rig.behind.inner) == 2);
    cr_assert(rig_has_whole(&rig, &hash, "cover"));
    rig_drop_cached(&rig, hash.text);
    char variant[80];
    snprintf(variant, sizeof variant, "%s.96.webp", hash.text);
    rig_drop_cached(&rig, variant);
    check_ok(blob_open(rig.blobs, str_from(hash.text), STR("96.webp"), &fd, &size));
    cr_assert(size == 5);
    close(fd);
    cr_assert(rig_has_whole(&rig, &hash, "cover") && blob_has(rig.blobs, str_from(hash.text)));
    /* Now both are cached: the store may go. */
    atomic_store(&rig.behind.is_away, true);
    check_ok(blob_open(rig.blobs, str_from(hash.text), STR("96.webp"), &fd, &size));
    close(fd);
    cr_assert(rig_has_whole(&rig, &hash, "cover"));
}

Test(blob_care, a_store_that_is_away_delays_and_loses_nothing)
{
    rig_t rig RIG_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    int fd;
    uint64_t size;
    rig_begin(&rig, true);
    blob_hash_t first = rig_put(&rig, "first");
    rig_wait_until_sent(&rig, 1);
    rig_drop_cached(&rig, first.text);
    atomic_store(&rig.behind.is_away, true);

    blob_hash_t second = rig_put(&rig, "second");

    cr_assert(rig_has_whole(&rig, &second, "second"));
    check_err(blob_get(rig.blobs, str_from(first.text), &out), ERR_UNAVAILABLE);
    check_err(blob_open(rig.blobs, str_from(first.text), STR(""), &fd, &size), ERR_UNAVAILABLE);
    wait_until(rig_upload_status(&rig).waiting == 1);
    atomic_store(&rig.behind.is_away, false);
    rig_wait_until_sent(&rig, 2);
    cr_assert(rig_has_whole(&rig, &first, "first") && rig_has_whole(&rig, &second, "second"));
    cr_assert(blob_count_of(rig.behind.inner) == 2);
}

Test(blob_care, what_is_put_again_is_not_sent_again_while_it_is_fresh)
{
    rig_t rig RIG_SCOPED = {0};
    rig_begin(&rig, true);
    rig_put(&rig, "same");
    rig_wait_until_sent(&rig, 1);
    rig_put(&rig, "same");
    rig_wait_until_sent(&rig, 2);
    cr_assert(atomic_load(&rig.behind.puts) == 1);
}

Test(blob_care, a_damaged_copy_is_not_handed_out_where_another_is_whole)
{
    rig_t rig RIG_SCOPED = {0};
    char key[BLOB_KEY_SIZE_MAX];
    buf_t out BUF_SCOPED = BUF_INIT;
    rig_begin(&rig, true);
    blob_hash_t hash = rig_put(&rig, "cover");
    rig_wait_until_sent(&rig, 1);
    snprintf(key, sizeof key, "art/%s", hash.text);

    check_ok(segment_cache_put(rig.cache, str_from(key), STR("covet")));
    cr_assert(rig_has_whole(&rig, &hash, "cover"), "the cache's is damaged");
    check_ok(blob_store_put(rig.behind.inner, str_from(key), STR("covex")));
    cr_assert(rig_has_whole(&rig, &hash, "cover"), "the store's is damaged");
    rig_drop_cached(&rig, hash.text);
    check_err(blob_get(rig.blobs, str_from(hash.text), &out), ERR_CORRUPT);
    cr_assert(out.size == 0);
}

/* ---- the scrub ---- */

static const _Atomic bool never = false;

typedef struct finding {
    uint32_t count, behind;
    char name[BLOB_KEY_SIZE_MAX + 1];
} finding_t;

static void note(void *context, str_t key, bool is_behind, err_t err)
{
    finding_t *self = context;
    self->count++;
    self->behind += is_behind ? 1 : 0;
    cr_assert(err == ERR_CORRUPT && str_to_array(key, self->name, sizeof self->name));
}

static void show_nothing(void *context, const blob_scrub_report_t *report)
{
    (void)context, (void)report;
}

static blob_scrub_report_t scrub(rig_t *rig, finding_t *finding)
{
    blob_scrub_report_t report = {0};
    blob_scrub_options_t options = {
        .is_cancelled = &never, .progress = show_nothing, .found = note, .context = finding};
    check_ok(blob_scrub(rig->blobs, &options, &report));
    return report;
}

static void flip_a_bit(const char *path)
{
    char byte;
    FILE *file = fopen(path, "r+");
    cr_assert(file != NULL && fread(&byte, 1, 1, file) == 1);
    byte = (char)(byte ^ 4);
    cr_assert(fseek(file, 0, SEEK_SET) == 0 && fwrite(&byte, 1, 1, file) == 1);
    fclose(file);
}

Test(blob_care, a_scrub_finds_a_bit_that_rotted_and_puts_it_aside)
{
    rig_t rig RIG_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    finding_t finding = {0};
    const char *cover, *small;
    rig_begin(&rig, false);
    blob_hash_t whole = rig_put(&rig, "whole"), hash = rig_put(&rig, "rotten");
    check_ok(blob_variant_put(rig.blobs, str_from(hash.text), STR("96.jpg"), STR("small")));
    check_ok(blob_path(rig.blobs, str_from(hash.text), &arena, &cover));
    check_ok(blob_variant_path(rig.blobs, str_from(hash.text), STR("96.jpg"), &arena, &small));
    blob_scrub_report_t report = scrub(&rig, &finding);
    cr_assert(report.seen == 3 && report.bytes == 16 && report.rotten == 0 && finding.count == 0);
    bool has_sums = report.whole == 3; /* not every file system keeps attributes */

    flip_a_bit(cover);
    flip_a_bit(small);
    report = scrub(&rig, &finding);

    cr_assert(report.rotten == (has_sums ? 2 : 1) && finding.count == report.rotten);
    cr_assert(str_contains(str_from(finding.name), str_from(hash.text)));
    cr_assert(access(cover, F_OK) != 0 && rig_has_whole(&rig, &whole, "whole"));
    temporary_name_t aside = temporary_in(&rig.folder, "blobs/.rotten");
    char path[512];
    snprintf(path, sizeof path, "%s/%s", aside.path, hash.text);
    cr_assert(access(path, F_OK) == 0);
    rig_put(&rig, "rotten"); /* made anew, it is there again */
    cr_assert(rig_has_whole(&rig, &hash, "rotten"));
    report = scrub(&rig, &finding);
    cr_assert(report.rotten == 0, "what was put aside is not looked at again");
}

Test(blob_care, a_scrub_looks_behind_and_repairs_from_the_cache)
{
    rig_t rig RIG_SCOPED = {0};
    finding_t finding = {0};
    char key[BLOB_KEY_SIZE_MAX];
    rig_begin(&rig, true);
    blob_hash_t hash = rig_put(&rig, "cover"), other = rig_put(&rig, "other");
    rig_wait_until_sent(&rig, 2);
    rig_drop_cached(&rig, other.text);
    snprintf(key, sizeof key, "art/%s", hash.text);
    check_ok(blob_store_put(rig.behind.inner, str_from(key), STR("rotten")));
    snprintf(key, sizeof key, "art/%s", other.text);
    check_ok(blob_store_put(rig.behind.inner, str_from(key), STR("rotten")));

    blob_scrub_report_t report = scrub(&rig, &finding);

    cr_assert(report.rotten == 2 && report.repaired == 1 && finding.behind == 2);
    rig_drop_cached(&rig, hash.text);
    cr_assert(rig_has_whole(&rig, &hash, "cover"));
    cr_assert(blob_has(rig.blobs, str_from(other.text)) == false, "missing, not wrong");
}
