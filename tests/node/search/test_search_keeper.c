#include "tests/node/search/keeper_rig.h"

#include "storage/catalog/catalog_parts.h"
#include "storage/search/feed/search_feed_parts.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_followed(keeper_rig_t *rig)
{
    uint64_t behind;
    search_keeper_moved(&rig->keeper);
    wait_until(search_feed_behind(rig->feed, &behind) == ERR_OK && behind == 0);
    keeper_rig_reaches(rig, READY);
}

/* ---- the first one ---- */

Test(search_keeper, it_waits_for_the_catalog_builds_and_is_ready_in_this_order)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_START};
    keeper_rig_init(&rig, 1, false);
    atomic_store(&rig.is_source_ready, false);

    keeper_rig_start(&rig);
    wait_until(atomic_load(&rig.asked) > 0);
    cr_expect(search_keeper_state(&rig.keeper) == SEARCH_STATE_WAITING);
    cr_expect(search_keeper_percent(&rig.keeper) == 0);
    atomic_store(&rig.is_source_ready, true);
    wait_until(atomic_load(&rig.is_held));
    cr_expect(search_keeper_state(&rig.keeper) == SEARCH_STATE_BUILDING);
    cr_expect(search_keeper_percent(&rig.keeper) == 0);
    atomic_store(&rig.gate, GATE_OPEN);

    keeper_rig_reaches(&rig, READY);
    cr_expect(search_keeper_percent(&rig.keeper) == 100);
    cr_expect(eq(u64, keeper_rig_stats(&rig).builds, 1));
}

/* ---- while it is built ---- */

static err_t nothing(void *data)
{
    (void)data;
    return ERR_OK;
}

static void file_was_read(void *data, err_t err)
{
    cr_expect(err == ERR_OK);
    atomic_store((atomic_bool *)data, true);
}

typedef struct reading {
    edge_t *edge;
    atomic_bool is_done;
} reading_t;

static void read_here(void *context)
{
    reading_t *self = context;
    edge_offload(self->edge, OFFLOAD_FILE, nothing, file_was_read, &self->is_done);
}

Test(search_keeper, file_reads_go_on_while_a_build_and_an_update_take_long)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 2, true);
    for (int i = 0; i < 3; i++)
        catalog_rig_change(&rig.catalog);
    kv_tx_t writing KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(rig.catalog.catalog), &writing)); /* an update waits to trim */
    atomic_store(&rig.gate, GATE_START);
    uint64_t before = keeper_rig_stats(&rig).updates;
    keeper_rig_start(&rig);
    wait_until(keeper_rig_stats(&rig).updates > before);
    check_ok(keeper_rig_rebuild(&rig));
    wait_until(atomic_load(&rig.is_held));
    reading_t reading = {.edge = rig.keeper.edge};

    check_ok(edge_post(rig.keeper.edge, read_here, &reading));

    wait_until(atomic_load(&reading.is_done));
    cr_expect(atomic_load(&rig.is_held));
    kv_end(&writing);
}

Test(search_keeper, what_changes_is_followed_while_another_is_built)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 3, true);
    keeper_rig_start(&rig);
    keeper_rig_reaches(&rig, READY);
    atomic_store(&rig.gate, GATE_SOURCE);
    check_ok(keeper_rig_rebuild(&rig));
    wait_until(atomic_load(&rig.is_held));
    uint64_t before = keeper_rig_stats(&rig).updated_documents;

    keeper_rig_change(&rig, 10);

    wait_until(keeper_rig_stats(&rig).updated_documents > before);
    cr_expect(search_keeper_state(&rig.keeper) == SEARCH_STATE_REBUILDING);
    check_err(keeper_rig_rebuild(&rig), ERR_BUSY);
    cr_expect(atomic_load(&rig.keeper.ended) == 0);
    atomic_store(&rig.gate, GATE_OPEN);
    wait_until(atomic_load(&rig.keeper.ended) == 1);
    check_followed(&rig);
}

Test(search_keeper, a_catalog_that_is_swapped_while_it_is_read_is_read_again)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 4, true);
    keeper_rig_start(&rig);
    keeper_rig_reaches(&rig, READY);
    atomic_store(&rig.gate, GATE_SOURCE);
    check_ok(keeper_rig_rebuild(&rig));
    wait_until(atomic_load(&rig.is_held));

    keeper_rig_swap_catalog(&rig);
    atomic_store(&rig.gate, GATE_OPEN);

    wait_until(atomic_load(&rig.keeper.ended) == 1);
    cr_expect(atomic_load(&rig.keeper.build_err) == ERR_OK);
    check_followed(&rig);
    cr_expect(eq(u64, keeper_rig_stats(&rig).index.documents[SEARCH_TRACK], 10));
}

/* ---- what has it built ---- */

static void empty(keeper_rig_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog.catalog), &tx));
    check_ok(catalog_clear(self->catalog.writer, &tx));
    check_ok(kv_commit(&tx));
}

/* As after a power cut, when the catalog begins anew. */
Test(search_keeper, the_index_of_a_catalog_that_is_filled_again_stays_until_that_is_whole)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 31, true);
    atomic_store(&rig.is_source_ready, false);
    keeper_rig_start(&rig);
    empty(&rig);
    keeper_rig_change(&rig, 5);

    keeper_rig_reaches(&rig, OUTDATED);
    wait_until(atomic_load(&rig.asked) >= 2);
    cr_expect(search_feed_wants(rig.feed) == SEARCH_WANT_CATALOG);
    cr_expect(atomic_load(&rig.keeper.ended) == 0 && search_feed_is_ready(rig.feed));

    atomic_store(&rig.is_source_ready, true);
    wait_until(atomic_load(&rig.keeper.ended) == 1);
    keeper_rig_reaches(&rig, READY);
}

Test(search_keeper, what_changes_is_followed_step_by_step)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 5, true);
    keeper_rig_start(&rig);
    uint64_t before = keeper_rig_stats(&rig).updated_documents;

    keeper_rig_change(&rig, 10);

    wait_until(keeper_rig_stats(&rig).updated_documents > before);
    check_followed(&rig);
    cr_expect(atomic_load(&rig.keeper.ended) == 0);
}

Test(search_keeper, a_delta_that_has_grown_and_damage_have_it_built)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.delta_max = 20};
    keeper_rig_init(&rig, 6, true);
    keeper_rig_start(&rig);
    for (uint32_t builds = 0; builds == 0; builds = atomic_load(&rig.keeper.ended)) {
        keeper_rig_change(&rig, 1);
        check_followed(&rig);
    }
    cr_expect(atomic_load(&rig.keeper.build_err) == ERR_OK);
    uint32_t before = atomic_load(&rig.keeper.ended);

    search_feed_found_damage(rig.feed); /* as a question does */

    wait_until(atomic_load(&rig.keeper.ended) > before);
    check_followed(&rig);
    cr_expect(eq(u64, keeper_rig_stats(&rig).damages, 1));
}

/* ---- what fails ---- */

/* Somebody's folder where the new index is to be: it can't be removed. */
static temporary_name_t obstruct(const keeper_rig_t *rig)
{
    temporary_name_t folder = temporary_in(&rig->catalog.folder, "search.new"),
                     foreign = temporary_in(&rig->catalog.folder, "search.new/somebody");
    check_true(mkdir(folder.path, 0700) == 0 && mkdir(foreign.path, 0700) == 0);
    return foreign;
}

Test(search_keeper, a_build_that_fails_is_tried_again_after_ever_longer_pauses)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.again_ms = 2};
    keeper_rig_init(&rig, 7, false);
    temporary_name_t foreign = obstruct(&rig);

    keeper_rig_start(&rig);
    wait_until(atomic_load(&rig.keeper.ended) >= 4);
    keeper_rig_stop(&rig);

    cr_expect_geq(rig.keeper.pause_ms, 2u * 8);
    cr_expect(search_keeper_state(&rig.keeper) == SEARCH_STATE_WAITING);
    check_true(rmdir(foreign.path) == 0);
}

Test(search_keeper, once_a_build_succeeds_the_pauses_begin_anew)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.again_ms = 2};
    keeper_rig_init(&rig, 8, true);
    temporary_name_t foreign = obstruct(&rig);
    keeper_rig_start(&rig);
    keeper_rig_reaches(&rig, READY);
    search_feed_found_damage(rig.feed);
    wait_until(atomic_load(&rig.keeper.ended) >= 2);
    cr_expect(search_feed_is_ready(rig.feed), "the one before stays");

    check_true(rmdir(foreign.path) == 0);

    keeper_rig_reaches(&rig, READY);
    keeper_rig_stop(&rig);
    cr_expect(rig.keeper.pause_ms == 0 && rig.keeper.again_at_ms == 0);
    cr_expect(atomic_load(&rig.keeper.build_err) == ERR_OK);
}

static void damage_record(keeper_rig_t *self, uint64_t id)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    char key[8];
    kv_u64_write(key, id);
    check_ok(kv_write(catalog_kv(self->catalog.catalog), &tx));
    check_ok(kv_put(&tx, TABLE_TRACKS, str_of(key, sizeof key), STR("no record")));
    check_ok(catalog_note(self->catalog.writer, &tx, SEARCH_TRACK, id));
    check_ok(catalog_notes_flush(self->catalog.writer, &tx));
    check_ok(kv_commit(&tx));
}

Test(search_keeper, a_damaged_catalog_is_said_once_and_the_index_goes_on)
{
    keeper_rig_t rig SCOPED(keeper_rig_deinit) = {.gate = GATE_OPEN};
    keeper_rig_init(&rig, 9, true);
    keeper_rig_start(&rig);
    for (uint64_t id = 901; id <= 903; id++) {
        damage_record(&rig, id);
        check_followed(&rig);
        cr_expect(eq(u64, keeper_rig_stats(&rig).source_damages, id - 900));
    }

    keeper_rig_stop(&rig);

    cr_expect(atomic_load(&rig.damaged) == 1 && atomic_load(&rig.keeper.ended) == 0);
    cr_expect(eq(u64, keeper_rig_stats(&rig).damages, 0));
}

/* ---- stopping ---- */

static void nobody(keeper_rig_t *rig)
{
    wait_until(atomic_load(&rig->asked) > 0);
}

static void held(keeper_rig_t *rig)
{
    wait_until(atomic_load(&rig->is_held));
}

static void failed(keeper_rig_t *rig)
{
    wait_until(atomic_load(&rig->keeper.ended) > 0);
}

static void updating(keeper_rig_t *rig)
{
    keeper_rig_reaches(rig, READY);
    keeper_rig_change(rig, 20);
}

Test(search_keeper, stopped_at_any_moment_it_ends)
{
    static const struct {
        const char *what;
        void (*wait)(keeper_rig_t *rig);
        keeper_gate_t gate;
        bool has_source, is_obstructed, is_cancelled;
    } cases[] = {
        {"before it began", NULL, GATE_OPEN, true, false, false},
        {"while the catalog is filled", nobody, GATE_OPEN, false, false, false},
        {"at the start of a build", held, GATE_START, true, false, true},
        {"in a build", held, GATE_SOURCE, true, false, true},
        {"after one that failed", failed, GATE_OPEN, true, true, false},
        {"while it follows", updating, GATE_OPEN, true, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        keeper_rig_t rig = {.gate = cases[i].gate};
        temporary_name_t foreign;
        keeper_rig_init(&rig, 20 + i, false);
        atomic_store(&rig.is_source_ready, cases[i].has_source);
        if (cases[i].is_obstructed)
            foreign = obstruct(&rig);
        keeper_rig_start(&rig);
        if (cases[i].wait != NULL)
            cases[i].wait(&rig);

        keeper_rig_stop(&rig);

        if (cases[i].is_cancelled) {
            cr_expect(atomic_load(&rig.keeper.build_err) == ERR_CANCELLED, "%s", cases[i].what);
            cr_expect_not(search_feed_is_ready(rig.feed), "%s", cases[i].what);
        }
        if (cases[i].is_obstructed)
            check_true(rmdir(foreign.path) == 0);
        keeper_rig_deinit(&rig);
    }
}
