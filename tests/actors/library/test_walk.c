#include "actors/library/walk.h"

#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const temporary_t *root, const char *name, const char *content)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", root->path, name);
    for (char *slash = strchr(path + strlen(root->path) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *out = fopen(path, "wb");
    cr_assert(out != NULL, "%s", path);
    fputs(content, out);
    fclose(out);
}

static void walk_all(walk_t *self, const temporary_t *root, uint64_t step)
{
    bool is_done = false;
    check_ok(walk_begin(self, root->path, (str_t){"", 0}));
    while (!is_done)
        check_ok(walk_step(self, step, &is_done));
}

static bool has_file(const walk_t *self, const char *path)
{
    for (size_t i = 0; i < walk_file_count(self); i++)
        if (str_equal(walk_file_path(self, walk_file_at(self, i)), str_from(path)))
            return true;
    return false;
}

Test(walk, finds_sound_and_nothing_else)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    put(&root, "a/one.FLAC", "x");
    put(&root, "a/b/two.mp3", "x");
    put(&root, "a/notes.txt", "x");
    put(&root, "a/.hidden.mp3", "x");
    put(&root, ".trash/three.mp3", "x");
    put(&root, "a\xFF/four.ogg", "x");
    put(&root, "mp3", "x");

    walk_all(&walk, &root, 1);

    cr_assert(eq(sz, walk_file_count(&walk), 3));
    cr_assert(has_file(&walk, "a/one.FLAC"));
    cr_assert(has_file(&walk, "a/b/two.mp3"));
    cr_assert(has_file(&walk, "a\xFF/four.ogg"));
    cr_assert(eq(sz, walk_problem_count(&walk), 0));
}

Test(walk, what_is_known_and_unchanged_is_passed_over)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    known_t known KNOWN_SCOPED = {0};
    put(&root, "a/one.flac", "one");
    put(&root, "a/two.flac", "two");
    put(&root, "a/back.flac", "back");
    {
        walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
        walk_all(&walk, &root, 100);
        for (size_t i = 0; i < walk_file_count(&walk); i++) {
            const walk_file_t *file = walk_file_at(&walk, i);
            str_t path = walk_file_path(&walk, file);
            bool is_available = !str_ends_with(path, STR("back.flac"));
            check_ok(known_add(&known, path, file->size_bytes, file->stamp, 10 + i, is_available));
        }
    }
    check_ok(known_add(&known, STR("a/gone.flac"), 1, 1, 99, true));
    put(&root, "a/two.flac", "two, longer");
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};

    walk_all(&walk, &root, 100);

    cr_assert(eq(sz, walk_file_count(&walk), 1));
    cr_assert(has_file(&walk, "a/two.flac"));
    cr_assert(eq(sz, walk.returned.size, sizeof(uint64_t)));
    cr_assert_not(known_find(&known, STR("a/gone.flac"))->is_seen);
    cr_assert(known_find(&known, STR("a/one.flac"))->is_seen);
}

static int64_t stamp_of(const temporary_t *root)
{
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    walk_all(&walk, root, 100);
    cr_assert(eq(sz, walk_file_count(&walk), 1));
    return walk_file_at(&walk, 0)->stamp;
}

Test(walk, lyrics_and_covers_are_part_of_a_file)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    put(&root, "a/one.flac", "one");
    int64_t plain = stamp_of(&root);
    put(&root, "a/one.lrc", "[00:01]a");
    int64_t with_lyrics = stamp_of(&root);
    put(&root, "a/Cover.JPG", "picture");
    int64_t with_cover = stamp_of(&root);
    put(&root, "a/Cover.JPG", "another picture");
    int64_t with_other = stamp_of(&root);

    cr_assert(ne(i64, plain, with_lyrics));
    cr_assert(ne(i64, with_lyrics, with_cover));
    cr_assert(ne(i64, with_cover, with_other));
}

Test(walk, links_end_and_show_nothing_twice)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    temporary_t outside TEMPORARY_SCOPED = temporary_new();
    temporary_name_t loop = temporary_in(&root, "a/loop"), far = temporary_in(&root, "far"),
                     again = temporary_in(&root, "again"), file = temporary_in(&root, "link.mp3");
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    put(&root, "a/one.mp3", "x");
    put(&outside, "two.mp3", "x");
    cr_assert(symlink("..", loop.path) == 0);
    cr_assert(symlink(outside.path, far.path) == 0);
    cr_assert(symlink(outside.path, again.path) == 0);
    cr_assert(symlink("a/one.mp3", file.path) == 0);

    walk_all(&walk, &root, 1);

    cr_assert(eq(sz, walk_file_count(&walk), 2));
    cr_assert(has_file(&walk, "a/one.mp3"));
    cr_assert(has_file(&walk, "far/two.mp3") || has_file(&walk, "again/two.mp3"));
    cr_assert(eq(sz, walk_problem_count(&walk), 1), "the link to a file");
}

static size_t walk_depth(uint32_t depth, size_t *out_problems)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    buf_t name BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < depth; i++)
        buf_append(&name, STR("d/"));
    buf_append(&name, STR("deep.mp3"));
    put(&root, buf_terminated(&name), "x");
    walk_all(&walk, &root, 1000);
    *out_problems = walk_problem_count(&walk);
    return walk_file_count(&walk);
}

Test(walk, depth_has_a_bound)
{
    size_t problems = 9;
    cr_assert(eq(sz, walk_depth(WALK_DEPTH_MAX, &problems), 1));
    cr_assert(eq(sz, problems, 0));
    cr_assert(eq(sz, walk_depth(WALK_DEPTH_MAX + 1, &problems), 0));
    cr_assert(eq(sz, problems, 1));
}

Test(walk, a_root_that_is_not_there_is_an_error_and_a_part_is_not)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    bool is_done = false;

    check_err(walk_begin(&walk, "/nowhere/at/all", (str_t){"", 0}), ERR_NOT_FOUND);
    check_ok(walk_begin(&walk, root.path, STR("gone/away")));
    check_ok(walk_step(&walk, 10, &is_done));

    cr_assert(is_done);
    cr_assert(eq(sz, walk_file_count(&walk), 0));
}

Test(walk, a_part_has_the_same_paths)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    bool is_done = false;
    put(&root, "a/b/one.mp3", "x");
    put(&root, "c/two.mp3", "x");

    check_ok(walk_begin(&walk, root.path, STR("a/b")));
    check_ok(walk_step(&walk, 100, &is_done));

    cr_assert(is_done);
    cr_assert(eq(sz, walk_file_count(&walk), 1));
    cr_assert(has_file(&walk, "a/b/one.mp3"));
    check_str(walk_visited_at(&walk, 0), STR("a/b"));
}

Test(walk, a_folder_that_may_not_be_read_is_told)
{
    temporary_t root TEMPORARY_SCOPED = temporary_new();
    known_t known KNOWN_SCOPED = {0};
    walk_t walk WALK_SCOPED = {.known = &known, .is_recursive = true};
    put(&root, "open/one.mp3", "x");
    put(&root, "closed/two.mp3", "x");
    temporary_name_t closed = temporary_in(&root, "closed");
    cr_assert(chmod(closed.path, 0) == 0);
    cr_assert(chmod(root.path, 0755) == 0);
    bool is_root = geteuid() == 0;
    if (is_root)
        cr_assert(seteuid(65534) == 0); /* nobody: root may read everything */

    walk_all(&walk, &root, 100);

    if (is_root)
        cr_assert(seteuid(0) == 0);
    cr_assert(chmod(closed.path, 0755) == 0);
    cr_assert(eq(sz, walk_file_count(&walk), 1));
    cr_assert(eq(sz, walk_problem_count(&walk), 1));
    cr_assert(walk_is_unreadable(&walk, STR("closed/two.mp3")));
    cr_assert_not(walk_is_unreadable(&walk, STR("closed2/two.mp3")));
    cr_assert_not(walk_is_unreadable(&walk, STR("open/one.mp3")));
}
