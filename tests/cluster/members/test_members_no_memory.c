/* The table of members and the fence with the n-th allocation failing: NO_MEMORY or it is done, a
 * refused step changed nothing, and no block is left. */
#include "cluster/members/member_table.h"
#include "cluster/members/members.h"
#include "runtime/base/memory.h"
#include "storage/postgres/partitions.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"
#include "tests/support/postgres/postgres.h"

typedef struct world {
    postgres_t server;
    pg_t *pg;
    uint64_t version;
} world_t;

static err_t use_table(void *context)
{
    world_t *self = context;
    bool is_landed = false;
    roster_t *roster ROSTER_SCOPED = NULL;
    membership_change_t change = {
        .row = {.node = 1, .status = MEMBER_ACTIVE, .vote_count = 1, .address = "a:1"}};
    TRY(member_table_read(self->pg, &roster));
    self->version = roster->view.version;
    return member_table_write(self->pg, self->version, &change, 1, STR("{}"), &is_landed);
}

/* What was refused for want of memory was not sent. */
static void check_table(void *context, err_t err)
{
    world_t *self = context;
    roster_t *roster ROSTER_SCOPED = NULL;
    check_ok(member_table_read(self->pg, &roster));
    if (err == ERR_OK)
        cr_assert_eq(roster->view.version, self->version + 1);
    else
        cr_assert_eq(roster->view.version, MAX(self->version, (uint64_t)1));
}

static err_t use_fence(void *context)
{
    world_t *self = context;
    uint64_t version;
    partition_epochs_t *epochs = partition_epochs_new();
    partition_claim_t *claims MEMORY_SCOPED = memory_new_array(PARTITION_COUNT, sizeof *claims);
    err_t err = epochs == NULL || claims == NULL ? ERR_NO_MEMORY : ERR_OK;
    if (err == ERR_OK)
        err = partitions_read(self->pg, claims, &version);
    if (err == ERR_OK)
        err = partitions_take(self->pg, &(partitions_taker_t){.node = 1}, claims, 3, epochs);
    if (err == ERR_OK)
        err = partitions_take_alone(self->pg, NULL, epochs);
    partition_epochs_free(epochs);
    return err;
}

static err_t use_members(void *context)
{
    world_t *self = context;
    members_t *members MEMBERS_SCOPED = NULL;
    members_options_t options = {.address = self->server.address, .details = STR("{}")};
    return members_open(&options, &members);
}

Test(members, without_memory_it_is_said_and_nothing_is_half_done)
{
    world_t world = {0};
    buf_t problem BUF_SCOPED = BUF_INIT;
    uint64_t rounds = 0;
    static const struct {
        const char *what;
        err_t (*use)(void *context);
        void (*check)(void *context, err_t err);
        uint64_t rounds_min;
    } cases[] = {
        {"the table", use_table, check_table, 5},
        {"the fence", use_fence, NULL, 5},
        {"the driver", use_members, NULL, 5},
    };
    postgres_start(&world.server);
    check_ok(pg_open(
        &(pg_options_t){.address = world.server.address, .timeout_ms = POSTGRES_PATIENCE_MS},
        &world.pg));

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        each_failing_t each = {.use = cases[i].use, .check = cases[i].check, .context = &world};
        cr_expect(each_failing_holds(&each, &rounds, &problem), "%s: %s", cases[i].what,
                  buf_terminated(&problem));
        cr_expect(rounds > cases[i].rounds_min, "%s: %llu rounds", cases[i].what,
                  (unsigned long long)rounds);
        buf_reset(&problem);
    }
    pg_close(world.pg);
    postgres_stop(&world.server);
}
