/* Names from the feed of a sealed journal: what search finds of them, what lies on the disk, and
 * what a restart and an erasure leave. */

#include "actors/personal.h"
#include "actors/protocol/accounts.h"
#include "actors/protocol/playlist.h"
#include "actors/social/names_projection.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/vault_files.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/check.h"
#include "tests/support/temporary.h"

#include <semaphore.h>
#include <stdio.h>

typedef struct rig {
    temporary_t folder;
    journal_lmdb_t *lmdb;
    vault_t *vault;
    journal_sealed_t *sealed;
    journal_t *journal;
    name_index_t *names;
    names_projection_t *writer;
    projection_t *projection;
} rig_t;

static void rig_start(rig_t *self)
{
    temporary_name_t data = temporary_in(&self->folder, "data");
    temporary_name_t keys = temporary_in(&self->folder, "keys");
    temporary_name_t names = temporary_in(&self->folder, "names");
    buf_t problem BUF_SCOPED = BUF_INIT;
    vault_store_t *store = NULL;
    aead_key_t master;
    memset(&master, 7, sizeof master);
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = data.path}, &self->lmdb));
    check_ok(vault_files_open(str_from(keys.path), &store));
    check_ok(
        vault_open(&(vault_options_t){.store = store, .master = &master}, &problem, &self->vault));
    journal_sealed_options_t sealed = {journal_lmdb_journal(self->lmdb), self->vault,
                                       PERSONAL_KINDS, PERSONAL_KIND_COUNT};
    check_ok(journal_sealed_open(&sealed, &self->sealed));
    self->journal = journal_sealed_journal(self->sealed);
    check_ok(name_index_new(0, &self->names));
    check_ok(names_projection_new(names.path, NULL, self->vault, self->names, &self->writer));
    projection_options_t options = names_projection_options(self->writer, self->journal);
    check_ok(projection_open(&options, &self->projection));
}

static void rig_stop(rig_t *self)
{
    projection_close(STEAL(self->projection));
    names_projection_free(STEAL(self->writer));
    name_index_free(STEAL(self->names));
    journal_sealed_close(STEAL(self->sealed));
    vault_close(STEAL(self->vault));
    journal_lmdb_close(STEAL(self->lmdb));
}

static void rig_end(rig_t *self)
{
    rig_stop(self);
    temporary_remove(&self->folder);
}
#define RIG_SCOPED SCOPED(rig_end)

static void follow(rig_t *self)
{
    const atomic_bool never = false;
    check_ok(projection_follow(self->projection, &never, NULL, NULL));
}

/* A restart: nothing is in memory but what is loaded. */
static void restart(rig_t *self)
{
    const atomic_bool never = false;
    rig_stop(self);
    rig_start(self);
    check_ok(names_projection_load(self->writer, &never));
    follow(self);
}

typedef struct waiting {
    sem_t done;
    err_t err;
} waiting_t;

static void appended(void *context, err_t err, uint64_t version, uint64_t position)
{
    waiting_t *waiting = context;
    (void)version;
    (void)position;
    waiting->err = err;
    sem_post(&waiting->done);
}

static void say(rig_t *self, const char *stream, uint64_t before, const schema_t *schema,
                const void *event)
{
    waiting_t waiting = {.err = ERR_OK};
    buf_t payload BUF_SCOPED = BUF_INIT;
    sem_init(&waiting.done, 0, 0);
    schema_encode(schema, event, &payload);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    self->journal->table->append(self->journal, &(journal_append_t){.stream = str_from(stream),
                                                                    .expected_version = before,
                                                                    .epoch = 1,
                                                                    .events = &written,
                                                                    .event_count = 1,
                                                                    .done = appended,
                                                                    .done_context = &waiting});
    while (sem_wait(&waiting.done) != 0)
        continue;
    check_ok(waiting.err);
    sem_destroy(&waiting.done);
}

static void add_user(rig_t *self, uint64_t before, const char *id, const char *name)
{
    accounts_user_added_t event = {str_from(id), str_from(name), 2};
    say(self, "accounts/node", before, &accounts_user_added_schema, &event);
}

static void create(rig_t *self, const char *stream, const char *owner, const char *name)
{
    playlist_created_t event = {.owner_id = str_from(owner), .name = str_from(name)};
    say(self, stream, 0, &playlist_created_schema, &event);
}

static void publish(rig_t *self, const char *stream, uint64_t before, const char *owner,
                    bool is_public)
{
    playlist_public_set_t event = {is_public, str_from(owner)};
    say(self, stream, before, &playlist_public_set_schema, &event);
}

/* The keys that `asker` finds: people, then playlists. */
static void check_found(rig_t *self, const char *asker, const char *text, const char *want)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t got BUF_SCOPED = BUF_INIT;
    name_index_found_t found;
    name_index_query_t query = {.text = str_from(text), .asker = str_from(asker), .first = {5, 5}};
    check_ok(name_index_find(self->names, &arena, &query, &found));
    for (int kind = 0; kind < NAME_INDEX_KIND_COUNT; kind++)
        for (uint32_t i = 0; i < found.counts[kind]; i++)
            buf_printf(&got, "%s%.*s", got.size > 0 ? " " : "", STR_ARG(found.hits[kind][i].key));
    check_str(buf_str(&got), str_from(want));
}

/* In how many files below `folder` a text stands. */
static size_t files_with(const rig_t *self, const char *folder, const char *text)
{
    temporary_name_t path = temporary_in(&self->folder, folder);
    buf_t command BUF_SCOPED = BUF_INIT;
    char line[64] = "";
    uint64_t count = 0;
    buf_printf(&command, "grep -rla -- '%s' '%s' | wc -l", text, path.path);
    FILE *pipe = popen(buf_terminated(&command), "r");
    cr_assert(pipe != NULL && fgets(line, sizeof line, pipe) != NULL);
    cr_assert(pclose(pipe) == 0);
    check_ok(str_to_u64(str_trim(str_from(line)), &count));
    return (size_t)count;
}

static void start_with_some(rig_t *self)
{
    self->folder = temporary_new();
    rig_start(self);
    add_user(self, 0, "ana", "Ana Zebulon");
    add_user(self, 1, "bob", "Bob Quisling");
    create(self, "playlist/p1", "ana", "Zwischenspiel");
    create(self, "playlist/p2", "bob", "Quodlibet");
    create(self, "playlist/p3", "bob", "Quodlibet again");
    publish(self, "playlist/p3", 1, "bob", true);
    follow(self);
}

Test(names_projection, names_are_found_before_and_after_a_restart_by_who_may_see_them)
{
    rig_t rig RIG_SCOPED = {0};
    start_with_some(&rig);
    for (int i = 0; i < 2; i++) {
        check_found(&rig, "ana", "zebulon", "ana");
        check_found(&rig, "bob", "zebulon", "ana");
        check_found(&rig, "ana", "zwischenspiel", "p1");
        check_found(&rig, "bob", "zwischenspiel", "");
        check_found(&rig, "ana", "quodlibet", "p3");
        check_found(&rig, "bob", "quodlibet", "p2 p3");
        restart(&rig);
    }
}

Test(names_projection, what_is_renamed_taken_back_or_deleted_follows)
{
    rig_t rig RIG_SCOPED = {0};
    start_with_some(&rig);
    playlist_renamed_t renamed = {STR("Mitternacht"), STR("bob")};
    playlist_erased_t erased = {STR("ana")};

    say(&rig, "playlist/p3", 2, &playlist_renamed_schema, &renamed);
    say(&rig, "playlist/p1", 1, &playlist_erased_schema, &erased);
    follow(&rig);
    for (int i = 0; i < 2; i++) {
        check_found(&rig, "ana", "mitternacht", "p3");
        check_found(&rig, "bob", "quodlibet", "p2");
        check_found(&rig, "ana", "zwischenspiel", "");
        restart(&rig);
    }
    publish(&rig, "playlist/p3", 3, "bob", false);
    follow(&rig);
    for (int i = 0; i < 2; i++) {
        check_found(&rig, "ana", "mitternacht", "");
        check_found(&rig, "bob", "mitternacht", "p3");
        restart(&rig);
    }
}

Test(names_projection, no_name_stands_on_the_disk)
{
    static const char *const hidden[] = {"Zebulon",   "Quisling", "Zwischenspiel",
                                         "Quodlibet", "zebulon",  "quodlibet"};
    rig_t rig RIG_SCOPED = {0};
    start_with_some(&rig);
    restart(&rig);
    rig_stop(&rig);
    cr_assert(eq(sz, files_with(&rig, "names", "bob"), 1), "the search itself");
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        cr_expect(files_with(&rig, ".", hidden[i]) == 0, "%s", hidden[i]);
    rig_start(&rig);
}

Test(names_projection, who_is_erased_is_gone_with_every_playlist_whatever_comes_first)
{
    for (int is_key_first = 0; is_key_first < 2; is_key_first++) {
        rig_t rig RIG_SCOPED = {0};
        start_with_some(&rig);
        accounts_user_removed_t removed = {STR("bob")};
        say(&rig, "accounts/node", 2, &accounts_user_removed_schema, &removed);
        if (is_key_first == 0) {
            follow(&rig);
            restart(&rig); /* nothing of them is on the disk, though the key is still there */
            check_found(&rig, "bob", "quodlibet", "");
            check_found(&rig, "ana", "quisling", "");
        }
        check_ok(vault_erase(rig.vault, STR("bob")));
        if (is_key_first == 1)
            publish(&rig, "playlist/p2", 1, "bob", true);
        follow(&rig);
        for (int again = 0; again < 2; again++) {
            check_found(&rig, "bob", "quodlibet", "");
            check_found(&rig, "ana", "quodlibet", "");
            check_found(&rig, "ana", "quisling", "");
            check_found(&rig, "ana", "zebulon", "ana");
            restart(&rig);
        }
    }
}

Test(names_projection, it_is_built_again_from_the_first_record_when_it_is_lost)
{
    rig_t rig RIG_SCOPED = {0};
    start_with_some(&rig);
    check_ok(vault_erase(rig.vault, STR("bob"))); /* its events have no names any more */
    rig_stop(&rig);
    temporary_name_t names = temporary_in(&rig.folder, "names");
    check_ok(kv_remove(names.path));
    rig_start(&rig);
    follow(&rig);
    check_found(&rig, "ana", "zwischenspiel", "p1");
    check_found(&rig, "ana", "quodlibet", "");
    check_found(&rig, "ana", "quisling", "");
}

Test(names_projection, what_can_t_be_read_is_left_out_and_made_anew_by_the_next_start)
{
    rig_t rig RIG_SCOPED = {0};
    const atomic_bool never = false, is_stopped = true;
    start_with_some(&rig);
    follow(&rig);
    rig_stop(&rig);
    {
        kv_t *kv KV_SCOPED = NULL;
        kv_tx_t tx KV_TX_SCOPED = {0};
        static const char *const tables[] = {"names", "owned", "position"};
        temporary_name_t path = temporary_in(&rig.folder, "names");
        check_ok(kv_open(
            &(kv_options_t){.path = path.path, .tables = tables, .table_count = 3, .is_lazy = true},
            &kv));
        check_ok(kv_write(kv, &tx));
        check_ok(kv_put(&tx, 0, STR("pp1"), STR("\x01\xff short")));
        check_ok(kv_commit(&tx));
    }
    rig_start(&rig);
    check_err(names_projection_load(rig.writer, &is_stopped), ERR_CANCELLED);
    check_err(names_projection_load(rig.writer, &never), ERR_CORRUPT);
    check_found(&rig, "ana", "zwischenspiel", "");
    check_found(&rig, "bob", "quodlibet", "p2 p3");
    add_user(&rig, 2, "eve", "Eve Later");
    follow(&rig); /* goes on meanwhile */
    check_found(&rig, "ana", "later", "eve");
    restart(&rig);
    check_found(&rig, "ana", "zwischenspiel", "p1");
    check_found(&rig, "bob", "later", "eve");
}
