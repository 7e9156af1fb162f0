#include "node/cluster/cluster_config.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLAGS_MAX = 12 };

/* "KEY" is the path of a good key, "OPEN" of one that others may read, "BAD" of none. */
typedef struct files {
    temporary_t folder;
    temporary_name_t key, open, bad;
} files_t;

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert(chmod(path, mode) == 0);
}

static void files_init(files_t *self)
{
    self->folder = temporary_new();
    self->key = temporary_in(&self->folder, "key");
    self->open = temporary_in(&self->folder, "open");
    self->bad = temporary_in(&self->folder, "bad");
    check_ok(cluster_keygen(self->key.path));
    check_ok(cluster_keygen(self->open.path));
    cr_assert(chmod(self->open.path, 0644) == 0);
    write_file(self->bad.path, "not a key\n", 0600);
}

static void files_deinit(files_t *self)
{
    temporary_remove(&self->folder);
}
#define FILES_SCOPED SCOPED(files_deinit)

static err_t read_with(const files_t *files, const char *const *flags, buf_t *problem,
                       cluster_config_t *out)
{
    char *arguments[FLAGS_MAX];
    int count = 0, rest = 0;
    config_t config CONFIG_SCOPED = {0};
    for (; count < FLAGS_MAX && flags[count] != NULL; count++) {
        const char *flag = flags[count];
        const char *path = strcmp(flag, "KEY") == 0    ? files->key.path
                           : strcmp(flag, "OPEN") == 0 ? files->open.path
                           : strcmp(flag, "BAD") == 0  ? files->bad.path
                                                       : flag;
        arguments[count] = (char *)(uintptr_t)path;
    }
    check_ok(config_load(&config, NULL, count, arguments, &rest));
    return cluster_config_read(&config, problem, out);
}

#define MEMBER "--cluster-key-file", "KEY", "--database", "host=x"

Test(cluster_config, without_a_key_a_node_is_alone)
{
    static const char *const flags[] = {"--weight", "50", NULL};
    files_t files FILES_SCOPED;
    buf_t problem BUF_SCOPED = BUF_INIT;
    cluster_config_t cluster CLUSTER_CONFIG_SCOPED = {.is_on = true};
    files_init(&files);

    check_ok(read_with(&files, flags, &problem, &cluster));

    cr_assert_not(cluster.is_on);
}

Test(cluster_config, what_it_says_of_a_member)
{
    static const char *const flags[] = {MEMBER,
                                        "--cluster-listen=0.0.0.0:8485",
                                        "--cluster-advertise=music1:9000",
                                        "--zone=a",
                                        "--role=gateway, media",
                                        "--cluster-profile=fast",
                                        "--weight",
                                        "200",
                                        NULL};
    files_t files FILES_SCOPED;
    buf_t problem BUF_SCOPED = BUF_INIT, roles BUF_SCOPED = BUF_INIT;
    cluster_config_t cluster CLUSTER_CONFIG_SCOPED = {0};
    files_init(&files);

    check_ok(read_with(&files, flags, &problem, &cluster));

    cr_assert(cluster.is_on && cluster.keys.count == 1);
    cr_assert(eq(str, cluster.listen, "0.0.0.0:8485"));
    cr_assert(eq(str, cluster.advertised, "music1:9000"));
    cr_assert(eq(str, cluster.zone, "a"));
    cr_assert(eq(u32, cluster.weight, 200));
    cr_assert(eq(u64, cluster.lease_ms, 1000));
    cluster_roles_append(cluster.roles, &roles);
    check_str(buf_str(&roles), STR("gateway,media"));
}

Test(cluster_config, what_is_wrong_is_said_with_what_would_be_right)
{
    static const struct {
        const char *what, *flags[FLAGS_MAX], *want;
        err_t err;
    } cases[] = {
        {"an option of a cluster, alone", {"--cluster-listen=a:1"}, "cluster keygen", ERR_INVALID},
        {"a zone, alone", {"--zone=a"}, "--zone is for a cluster", ERR_INVALID},
        {"no database", {"--cluster-key-file", "KEY"}, "give --database", ERR_INVALID},
        {"nowhere to listen", {MEMBER}, "needs --cluster-listen", ERR_INVALID},
        {"no port", {MEMBER, "--cluster-listen=a"}, "HOST:PORT", ERR_INVALID},
        {"any address", {MEMBER, "--cluster-listen=0.0.0.0:1"}, "--cluster-advertise", ERR_INVALID},
        {"any address, told",
         {MEMBER, "--cluster-listen=[::]:1", "--cluster-advertise=0.0.0.0:1"},
         "as the other nodes reach it",
         ERR_INVALID},
        {"no port, told",
         {MEMBER, "--cluster-listen=a:1", "--cluster-advertise=a:0"},
         "as the other nodes reach it",
         ERR_INVALID},
        {"a zone with a blank",
         {MEMBER, "--cluster-listen=a:1", "--zone=a b"},
         "letters, digits",
         ERR_INVALID},
        {"a long zone",
         {MEMBER, "--cluster-listen=a:1", "--zone=abcdefghijklmnopqrstuvwxyz012345"},
         "at most 31",
         ERR_INVALID},
        {"another profile",
         {MEMBER, "--cluster-listen=a:1", "--cluster-profile=slow"},
         "usual or fast",
         ERR_INVALID},
        {"another role",
         {MEMBER, "--cluster-listen=a:1", "--role=gateway,actor"},
         "some of gateway",
         ERR_INVALID},
        {"music, and nobody who reads it",
         {MEMBER, "--cluster-listen=a:1", "--role=gateway,actors", "--music=/tmp"},
         "add media",
         ERR_INVALID},
        {"a role, alone", {"--role=gateway"}, "--role is for a cluster", ERR_INVALID},
        {"no role", {MEMBER, "--cluster-listen=a:1", "--role="}, "some of gateway", ERR_INVALID},
        {"no such key",
         {"--cluster-key-file=/nonexistent", "--database=x", "--cluster-listen=a:1"},
         "cluster keygen /nonexistent",
         ERR_NOT_FOUND},
        {"a key that others read",
         {"--cluster-key-file", "OPEN", "--database=x", "--cluster-listen=a:1"},
         "can't be used",
         ERR_FORBIDDEN},
        {"no key at all",
         {"--cluster-key-file", "BAD", "--database=x", "--cluster-listen=a:1"},
         "can't be used",
         ERR_INVALID},
    };
    files_t files FILES_SCOPED;
    files_init(&files);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t problem BUF_SCOPED = BUF_INIT;
        cluster_config_t cluster CLUSTER_CONFIG_SCOPED = {0};
        err_t err = read_with(&files, cases[i].flags, &problem, &cluster);
        cr_expect(err == cases[i].err, "%s: %s", cases[i].what, err_name(err));
        cr_expect(strstr(buf_terminated(&problem), cases[i].want) != NULL, "%s: %s", cases[i].what,
                  buf_terminated(&problem));
        cr_expect(cluster.is_on == false, "%s", cases[i].what);
    }
}
