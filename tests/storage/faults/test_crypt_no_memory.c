/* What seals, with the n-th allocation failing, n from 1 until none is left to fail: it says
 * NO_MEMORY or does its work, no block is left, and what was sealed before can be opened after. */

#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/sealed_field.h"
#include "storage/crypt/states_sealed.h"
#include "storage/crypt/vault_files.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/temporary.h"

#include <stdlib.h>
#include <unistd.h>

#define DEF_FILE "tests/storage/faults/faults.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/storage/faults/faults.def"
#include "runtime/base/schema_define.h"

enum { ALLOCATIONS_MAX = 500 };

static const schema_t *const events[] = {&faults_written_schema, &faults_turned_schema, NULL};
static const sealed_kind_t KINDS[] = {{"diary", true, events}};
static const faults_line_t LINES[] = {{1, STR_INIT("OpenLine")}};
static const faults_written_t WRITTEN = {7, STR_INIT("DearDiary"), {LINES, 1}};

/* ---- a journal of one record ---- */

typedef struct page {
    journal_t journal;
    char name[32], payload[512], result[128];
    size_t name_size, payload_size, result_size;
    err_t err; /* how the last append ended */
} page_t;

static page_t *page_of(journal_t *journal)
{
    return CONTAINER_OF(journal, page_t, journal);
}

static void page_append(journal_t *journal, const journal_append_t *append)
{
    page_t *self = page_of(journal);
    const journal_event_t *event = &append->events[0];
    cr_assert(event->payload.size <= sizeof self->payload &&
              append->result.size <= sizeof self->result);
    memcpy(self->name, event->name.data, self->name_size = event->name.size);
    memcpy(self->payload, event->payload.data, self->payload_size = event->payload.size);
    if ((self->result_size = append->result.size) > 0)
        memcpy(self->result, append->result.data, append->result.size);
    append->done(append->done_context, ERR_OK, 1, 1);
}

static err_t page_read(journal_t *journal, str_t stream, uint64_t after, journal_visit_fn visit,
                       void *context)
{
    page_t *self = page_of(journal);
    (void)after;
    journal_record_t record = {
        .stream = stream,
        .version = 1,
        .position = 1,
        .event = {str_of(self->name, self->name_size), str_of(self->payload, self->payload_size)},
        .result = str_of(self->result, self->result_size)};
    return visit(context, &record);
}

static const journal_table_t page_table = {.append = page_append, .read = page_read};

static void note_end(void *context, err_t err, uint64_t version, uint64_t position)
{
    page_t *page = context;
    (void)version, (void)position;
    page->err = err;
}

/* ---- what is done ---- */

typedef struct world {
    temporary_name_t keys;
    vault_t *vault;
    journal_sealed_t *sealed;
    page_t page;
} world_t;

static err_t open_vault(world_t *self)
{
    static const aead_key_t master = {{1}};
    vault_store_t *store = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    TRY(vault_files_open(str_from(self->keys.path), &store));
    return vault_open(&(vault_options_t){.store = store, .master = &master, .keys_max = 8},
                      &problem, &self->vault);
}

static err_t open_journal(world_t *self)
{
    journal_sealed_options_t options = {&self->page.journal, self->vault, KINDS, COUNT_OF(KINDS)};
    self->page.journal.table = &page_table;
    TRY(vault_prepare(self->vault, STR("ann"))); /* so that no other thread allocates */
    return journal_sealed_open(&options, &self->sealed);
}

static err_t append(world_t *self, const schema_t *schema, const void *event)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    bool was_armed = memory_faults_arm(false); /* what the runtime does before */
    schema_encode(schema, event, &payload);
    memory_faults_arm(was_armed);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal_t *journal = journal_sealed_journal(self->sealed);
    journal->table->append(journal, &(journal_append_t){.stream = STR("diary/ann"),
                                                        .epoch = 1,
                                                        .events = &written,
                                                        .event_count = 1,
                                                        .result = STR("Answered"),
                                                        .done = note_end,
                                                        .done_context = &self->page});
    return self->page.err;
}

static err_t check_record(void *context, const journal_record_t *record)
{
    bool *is_right = context;
    *is_right = str_equal(record->result, STR("Answered")) &&
                (!str_equal(record->event.name, STR("faults_written")) ||
                 str_contains(record->event.payload, STR("DearDiary")));
    return ERR_OK;
}

static err_t read_back(world_t *self)
{
    bool is_right = false;
    journal_t *journal = journal_sealed_journal(self->sealed);
    TRY(journal->table->read(journal, STR("diary/ann"), 0, check_record, &is_right));
    return is_right ? ERR_OK : ERR_CORRUPT;
}

static err_t use_journal(world_t *self)
{
    TRY(open_vault(self));
    TRY(open_journal(self));
    TRY(append(self, &faults_written_schema, &WRITTEN));
    TRY(read_back(self));
    TRY(append(self, &faults_turned_schema, &(faults_turned_t){8})); /* its answer by itself */
    return read_back(self);
}

static err_t use_projector(world_t *self)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    TRY(open_vault(self));
    TRY(open_journal(self));
    TRY(append(self, &faults_written_schema, &WRITTEN));
    const sealed_projector_t projector = {self->vault, KINDS, COUNT_OF(KINDS)};
    const journal_event_t event = {STR("faults_written"),
                                   str_of(self->page.payload, self->page.payload_size)};
    TRY(sealed_project(&projector, STR("diary/ann"), 1, &event, &out));
    return out.size > 0 ? ERR_OK : ERR_INTERNAL;
}

static err_t use_vault(world_t *self)
{
    static const aead_key_t next = {{1}}, other = {{2}};
    buf_t sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    const vault_rotation_t rotation = {0};
    bool is_erased = false;
    TRY(open_vault(self));
    TRY(vault_seal(self->vault, STR("bob"), STR(""), STR("text"), &sealed));
    TRY(vault_rotate(self->vault, &other, &rotation));
    TRY(vault_rotate(self->vault, &next, &rotation));
    TRY(vault_unseal(self->vault, STR("bob"), STR(""), buf_str(&sealed), &plain));
    TRY(vault_renew(self->vault, SEALED_SHARED));
    TRY(vault_erase(self->vault, STR("eve")));
    TRY(vault_is_erased(self->vault, STR("eve"), &is_erased));
    return is_erased && str_equal(buf_str(&plain), STR("text")) ? ERR_OK : ERR_INTERNAL;
}

/* ---- with each allocation failing ---- */

static void close_world(world_t *self)
{
    journal_sealed_close(STEAL(self->sealed));
    vault_close(STEAL(self->vault));
}

static void try_all(const char *what, err_t (*use)(world_t *world))
{
    uint64_t failing = 0;
    int64_t live = memory_faults_live();
    if (access("/dev/shm", W_OK) == 0) /* many vaults, none of which has to outlive this */
        (void)setenv("TMPDIR", "/dev/shm", 1);
    for (bool is_through = false; !is_through;) {
        temporary_t folder TEMPORARY_SCOPED =
            temporary_new(); /* a rotation is left in the middle */
        world_t world = {.keys = temporary_in(&folder, "keys")};
        failing++;
        memory_faults_reset();
        memory_faults_choose(&failing, 1);
        memory_faults_arm(true);
        err_t err = use(&world);
        close_world(&world);
        memory_faults_arm(false);
        is_through = memory_faults_failed() == 0;
        cr_assert(err == ERR_OK || (err == ERR_NO_MEMORY && !is_through), "%s, allocation %llu: %s",
                  what, (unsigned long long)failing, err_name(err));
        cr_assert(memory_faults_live() == live, "%s, allocation %llu: %lld blocks are left", what,
                  (unsigned long long)failing, (long long)(memory_faults_live() - live));
        cr_assert(failing < ALLOCATIONS_MAX);
    }
    cr_expect(failing > 5, "%s: %llu allocations", what, (unsigned long long)failing);
    memory_faults_reset();
}

Test(crypt_no_memory, the_sealed_journal_says_so_or_does_its_work)
{
    try_all("journal", use_journal);
}

Test(crypt_no_memory, a_projection_says_so_or_does_its_work)
{
    try_all("projector", use_projector);
}

Test(crypt_no_memory, the_vault_says_so_or_does_its_work)
{
    try_all("vault", use_vault);
}
