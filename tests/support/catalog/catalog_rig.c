#include "tests/support/catalog/catalog_rig.h"

#include "storage/catalog/catalog_plays.h"
#include "tests/support/catalog/catalog_help.h"
#include "tests/support/check.h"

enum { TRACKS = 40 };

void catalog_rig_init(catalog_rig_t *self, uint64_t seed)
{
    *self = (catalog_rig_t){.folder = temporary_new(), .seed = {seed}};
    temporary_name_t path = temporary_in(&self->folder, "catalog"),
                     blobs = temporary_in(&self->folder, "lyrics");
    self->random = random_seeded(&self->seed);
    check_ok(catalog_open(path.path, 0, NULL, &self->catalog));
    check_ok(catalog_write_new(self->catalog, &self->writer));
    check_ok(blob_folder_open(&(blob_folder_options_t){.path = blobs.path}, &self->blobs));
}

void catalog_rig_deinit(catalog_rig_t *self)
{
    catalog_write_free(self->writer);
    catalog_close(self->catalog);
    blob_folder_close(self->blobs);
    arena_deinit(&self->arena);
    temporary_remove(&self->folder);
}
uint64_t catalog_rig_below(catalog_rig_t *self, uint64_t count)
{
    return random_below(&self->random, count);
}

static void vary(catalog_rig_t *self, catalog_track_t *track)
{
    static const char *const words[] = {"eng", "deu", "calm", "loud"};
    str_t *lists = arena_new_array(&self->arena, 2, sizeof *lists);
    blob_hash_t hash;
    lists[0] = str_from(words[catalog_rig_below(self, 2)]);
    lists[1] = str_from(words[2 + catalog_rig_below(self, 2)]);
    track->languages.items = lists;
    track->languages.count = (uint32_t)catalog_rig_below(self, 2);
    track->mood.items = lists + 1;
    track->mood.count = (uint32_t)catalog_rig_below(self, 2);
    track->codec = catalog_rig_below(self, 2) == 0 ? STR("flac") : STR("mp3");
    if (catalog_rig_below(self, 3) == 0)
        track->lyrics = str_from(words[catalog_rig_below(self, 4)]);
    if (catalog_rig_below(self, 6) > 0)
        return;
    check_ok(blob_put(self->blobs, str_from(words[catalog_rig_below(self, 4)]), &hash));
    track->lyrics_blob = arena_str(&self->arena, str_from(hash.text));
}

static void change_one(catalog_rig_t *self, kv_tx_t *tx)
{
    uint64_t id = 1 + catalog_rig_below(self, TRACKS);
    catalog_track_t track = random_track(&self->arena, &self->random, id);
    err_t err = ERR_OK;
    vary(self, &track);
    switch (catalog_rig_below(self, 6)) {
    case 0:
        err = catalog_remove_track(self->writer, tx, id);
        break;
    case 1:
        err = catalog_set_available(self->writer, tx, id, catalog_rig_below(self, 2) == 0,
                                    STR("gone"));
        break;
    case 2:
        err = catalog_add_plays(self->writer, tx, STR("ann"), id, 1 + catalog_rig_below(self, 5));
        break;
    default:
        err = catalog_put_track(self->writer, tx, &track);
    }
    cr_assert(err == ERR_OK || err == ERR_NOT_FOUND);
}

void catalog_rig_change(catalog_rig_t *self)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    check_ok(kv_write(catalog_kv(self->catalog), &tx));
    for (uint64_t i = catalog_rig_below(self, 5); i < 6; i++) {
        change_one(self, &tx);
        if (catalog_rig_below(self, 2) == 0) /* as after an event */
            check_ok(catalog_write_flush(self->writer, &tx));
    }
    check_ok(catalog_write_flush(self->writer, &tx));
    if (catalog_rig_below(self, 8) == 0) {
        catalog_write_discard(self->writer); /* a commit that fails */
        return;
    }
    check_ok(kv_commit(&tx));
}
