/* A bucket with the n-th allocation failing, in the thread that asks or in the wire's own: each
 * call says NO_MEMORY or does its work, and what was put is whole. */

#include "tests/support/blobs/s3_server.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

enum { PART_SIZE = 2048, LARGE_SIZE = 3 * PART_SIZE };

static const s3_wire_options_t quick = {
    .attempts_max = 2, .attempt_timeout_ms = 60000, .wait_min_ms = 1, .away_min_ms = 1};

typedef struct world {
    s3_server_t server;
    s3_address_t address;
    s3_credentials_t credentials;
    char large[LARGE_SIZE];
    err_t (*call)(struct world *self);
    blob_store_t *store;
    uint32_t listed;
} world_t;

/* A wire that has sent nothing yet. */
static err_t open_store(world_t *self)
{
    s3_store_options_t options = {.wire = quick, .part_size = PART_SIZE};
    options.wire.address = &self->address;
    options.wire.credentials = &self->credentials;
    return s3_store_open(&options, &self->store);
}

/* With it goes what the wire keeps. */
static void end(void *context)
{
    world_t *self = context;
    blob_store_close(STEAL(self->store));
}

static err_t use(void *context)
{
    world_t *self = context;
    self->listed = 0;
    TRY(open_store(self));
    return self->call(self);
}

/* ---- what is done ---- */

static err_t put_small(world_t *self)
{
    return blob_store_put(self->store, STR("small"), STR("a new one"));
}

static err_t put_large(world_t *self)
{
    return blob_store_put(self->store, STR("large"), str_of(self->large, sizeof self->large));
}

static err_t get_is(world_t *self, str_t key, str_t content)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    TRY(blob_store_get(self->store, key, &out));
    return str_equal(buf_str(&out), content) ? ERR_OK : ERR_INTERNAL;
}

static err_t get_both(world_t *self)
{
    buf_t part BUF_SCOPED = BUF_INIT;
    TRY(get_is(self, STR("kept"), STR("kept")));
    return blob_store_get_range(self->store, STR("kept"), 1, 2, &part);
}

static err_t find_them(world_t *self)
{
    blob_info_t info;
    buf_t out BUF_SCOPED = BUF_INIT;
    TRY(blob_store_find(self->store, STR("kept"), &info));
    err_t err = blob_store_find(self->store, STR("nothing"), &info);
    if (err == ERR_NOT_FOUND) /* the failure's words are read */
        err = blob_store_get(self->store, STR("nothing"), &out);
    return err == ERR_NOT_FOUND ? ERR_OK : err == ERR_OK ? ERR_INTERNAL : err;
}

static err_t count_one(void *context, const blob_info_t *blob)
{
    world_t *self = context;
    self->listed += str_equal(blob->key, STR("kept"));
    return ERR_OK;
}

static err_t list_all(world_t *self)
{
    TRY(blob_store_list(self->store, STR(""), count_one, self));
    return self->listed == 1 ? ERR_OK : ERR_INTERNAL;
}

/* An upload that nobody ends. */
static void leave_upload(void *context)
{
    world_t *self = context;
    s3_wire_options_t options = quick;
    s3_wire_t *wire = NULL;
    s3_request_t request = {.method = S3_POST, .key = STR("left"), .query = STR("uploads=")};
    options.address = &self->address;
    options.credentials = &self->credentials;
    check_ok(s3_wire_new(&options, &wire));
    check_ok(s3_wire_run(wire, &request, 1));
    s3_wire_free(wire);
}

static err_t tidy_up(world_t *self)
{
    uint64_t count;
    return blob_store_tidy(self->store, INT64_MAX, &count);
}

static err_t remove_small(world_t *self)
{
    return blob_store_remove(self->store, STR("small"));
}

/* ---- what is there after it ---- */

static void check_kept(void *context, UNUSED err_t err)
{
    world_t *self = context;
    check_ok(open_store(self));
    check_ok(get_is(self, STR("kept"), STR("kept")));
    end(self);
}

static void check_large(void *context, err_t err)
{
    world_t *self = context;
    check_kept(self, err);
    check_ok(open_store(self));
    err_t got = get_is(self, STR("large"), str_of(self->large, sizeof self->large));
    cr_assert(got == ERR_OK || (got == ERR_NOT_FOUND && err != ERR_OK), "%s", err_name(got));
    end(self);
}

static void check_tidied(void *context, err_t err)
{
    world_t *self = context;
    uint64_t count = 0;
    check_kept(self, err);
    check_ok(open_store(self));
    check_ok(blob_store_tidy(self->store, INT64_MAX, &count));
    check_true(count == 0 || err != ERR_OK);
    end(self);
}

/* ---- with each allocation failing ---- */

static const struct {
    const char *what;
    err_t (*call)(world_t *self);
    void (*begin)(void *context);
    void (*check)(void *context, err_t err);
} CASES[] = {
    {"put", put_small, NULL, check_kept},      {"put in parts", put_large, NULL, check_large},
    {"get", get_both, NULL, check_kept},       {"find", find_them, NULL, check_kept},
    {"list", list_all, NULL, check_kept},      {"tidy", tidy_up, leave_upload, check_tidied},
    {"remove", remove_small, NULL, check_kept}};

Test(s3_no_memory, each_call_says_so_or_does_its_work)
{
    world_t world = {0};
    s3_server_start(&world.server, 0);
    world.address = s3_server_address(world.server.port, "memory");
    world.credentials = s3_server_credentials();
    memset(world.large, 'x', sizeof world.large);
    check_ok(open_store(&world));
    check_ok(blob_store_put(world.store, STR("kept"), STR("kept")));
    end(&world);

    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const each_failing_t each = {CASES[i].begin, use, end, CASES[i].check, &world};
        buf_t problem BUF_SCOPED = BUF_INIT;
        uint64_t rounds;
        world.call = CASES[i].call;
        bool holds = each_failing_holds(&each, &rounds, &problem);
        cr_assert(holds, "%s, %s", CASES[i].what, buf_terminated(&problem));
        cr_assert(rounds > 3, "%s: %llu", CASES[i].what, (unsigned long long)rounds);
    }

    s3_server_stop(&world.server);
}
