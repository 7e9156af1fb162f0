#include "node/config.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static err_t load(config_t *config, char **environment, const char *const *flags, int count,
                  int *out_rest)
{
    char *arguments[16];
    for (int i = 0; i < count; i++)
        arguments[i] = (char *)(uintptr_t)flags[i];
    return config_load(config, environment, count, arguments, out_rest);
}

Test(config, a_later_source_wins)
{
    char path[] = "/tmp/ms-config-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] =
        "; ours\n[serve]\nlisten = 127.0.0.1:1\nschedulers = 3\ncache-mb = 64\n";
    cr_assert(write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
    close(fd);
    char *environment[] = {"MUSICSTREAM_SCHEDULERS=4", "MUSICSTREAM_CACHE_MB=128", "OTHER=1", NULL};
    const char *flags[] = {"--config", path, "scan", "--cache-mb=256", "--log-json", "now"};
    config_t config CONFIG_SCOPED = {0};
    int rest;

    check_ok(load(&config, environment, flags, COUNT_OF(flags), &rest));

    check_str(str_from(config.listen), STR("127.0.0.1:1"));
    cr_assert(config.schedulers == 4 && config.cache_mb == 256 && config.log_json && config.watch);
    cr_assert(rest == 2, "scan and now are left");
    unlink(path);
}

Test(config, a_database_address_is_never_shown)
{
    const char *flags[] = {"--database", "postgresql://ana:horse@db/music"};
    config_t config CONFIG_SCOPED = {0};
    buf_t shown BUF_SCOPED = BUF_INIT;
    int rest;

    check_ok(load(&config, NULL, flags, COUNT_OF(flags), &rest));
    config_describe(&config, &shown);

    check_str(str_from(config.database), STR("postgresql://ana:horse@db/music"));
    cr_assert(strstr(buf_terminated(&shown), "horse") == NULL);
    cr_assert(strstr(buf_terminated(&shown), "database = (set)") != NULL);
}

Test(config, what_is_wrong_is_said_with_what_would_be_right)
{
    static const struct {
        const char *what, *flags[3];
        int count;
        const char *want;
    } cases[] = {
        {"no such option", {"--lissten", "x"}, 2, "--lissten"},
        {"no value", {"--listen"}, 1, "needs a value"},
        {"a number below", {"--cache-mb", "15"}, 2, "from 16 to"},
        {"a number above", {"--schedulers", "257"}, 2, "to 256"},
        {"not a number", {"--schedulers", "many"}, 2, "whole number"},
        {"not a switch", {"--watch=maybe"}, 1, "true or false"},
        {"a file that is not there", {"--config", "/nonexistent/x.conf"}, 2, "can't be read"},
        {"two folders of one name", {"--music=a=/x", "--music=a=/y"}, 2, "called 'a'"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        config_t config CONFIG_SCOPED = {0};
        int rest;
        err_t err = load(&config, NULL, cases[i].flags, cases[i].count, &rest);
        cr_expect(err == ERR_INVALID, "%s: %s", cases[i].what, err_name(err));
        cr_expect(strstr(config.problem, cases[i].want) != NULL, "%s: %s", cases[i].what,
                  config.problem);
    }
}

Test(config, a_music_folder_is_named_by_its_last_part)
{
    const char *flags[] = {"--music", "/usr/share/",          "--music", "old=/nonexistent/music",
                           "--music", "/nonexistent/Ana & Co"};
    config_t config CONFIG_SCOPED = {0};
    int rest;

    check_ok(load(&config, NULL, flags, COUNT_OF(flags), &rest));

    cr_assert(config.root_count == 3);
    check_str(str_from(config.roots[2].name), STR("Ana---Co")); /* as root_rules.h wants names */
    check_str(str_from(config.roots[0].name), STR("share"));
    check_str(str_from(config.roots[0].path), STR("/usr/share"));
    check_str(str_from(config.roots[1].name), STR("old"));
}

Test(config, plugins_may_be_repeated_and_a_later_source_replaces_them)
{
    char entry[] = "MUSICSTREAM_PLUGIN=/a.so:/b.so";
    char *environment[] = {entry, NULL};
    const char *flags[] = {"--plugin", "/c.so", "--plugin=/d.so"};
    config_t config CONFIG_SCOPED = {0};
    config_t other CONFIG_SCOPED = {0};
    int rest = 0;

    check_ok(load(&config, environment, flags, 0, &rest));
    check_ok(load(&other, environment, flags, COUNT_OF(flags), &rest));

    cr_assert(eq(u32, config.plugin_count, 2));
    cr_assert(eq(str, config.plugins[1], "/b.so"));
    cr_assert(eq(u32, other.plugin_count, 2));
    cr_assert(eq(str, other.plugins[0], "/c.so"));
    cr_assert(eq(str, other.plugins[1], "/d.so"));
    buf_t out BUF_SCOPED = BUF_INIT;
    config_describe(&other, &out);
    cr_assert(str_contains(buf_str(&out), STR("plugin = /c.so ; flag")), "%s",
              buf_terminated(&out));
}

Test(config, an_address_has_a_host_and_a_port)
{
    static const struct {
        const char *text;
        err_t want;
        const char *host;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:8484", ERR_OK, "127.0.0.1", 8484},
        {"[::1]:0", ERR_OK, "::1", 0},
        {"localhost:65535", ERR_OK, "localhost", 65535},
        {"localhost:65536", ERR_INVALID, "", 0},
        {"localhost", ERR_INVALID, "", 0},
        {"::1:80", ERR_INVALID, "", 0},
        {":80", ERR_INVALID, "", 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t host BUF_SCOPED = BUF_INIT;
        uint16_t port = 0;
        err_t err = config_split_address(cases[i].text, &host, &port);
        cr_expect(err == cases[i].want, "%s: %s", cases[i].text, err_name(err));
        cr_expect(port == cases[i].port && str_equal(buf_str(&host), str_from(cases[i].host)), "%s",
                  cases[i].text);
    }
}
