/* Records, answers, references and wrapped keys of any bytes: nothing crashes; what opens is what
 * was sealed, so bytes that nobody sealed never do; what has nothing sealed in it stays as it is.
 */
#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/sealed_field.h"

#define DEF_FILE "tests/fuzz/fuzz_sealed.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/fuzz/fuzz_sealed.def"
#include "runtime/base/schema_define.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a store in memory: one record for every subject ---- */

typedef struct one_store {
    vault_store_t store;
    char record[VAULT_RECORD_SIZE];
    str_t given; /* in its place, when set */
    bool has_record;
} one_store_t;

static one_store_t *one_of(vault_store_t *store)
{
    return CONTAINER_OF(store, one_store_t, store);
}

static err_t get(vault_store_t *store, str_t subject, buf_t *out)
{
    const one_store_t *self = one_of(store);
    if (subject.data[0] == '_')
        return ERR_NOT_FOUND;
    if (self->given.data != NULL)
        buf_append(out, self->given);
    else if (self->has_record)
        buf_append_bytes(out, self->record, sizeof self->record);
    else
        return ERR_NOT_FOUND;
    return buf_status(out);
}

static err_t put(vault_store_t *store, str_t subject, str_t expected, str_t record)
{
    one_store_t *self = one_of(store);
    (void)expected;
    if (subject.data[0] == '_')
        return ERR_OK;
    memcpy(self->record, record.data, MIN(record.size, sizeof self->record));
    self->has_record = true;
    return ERR_OK;
}

static err_t remove_record(vault_store_t *store, str_t subject)
{
    (void)store, (void)subject;
    return ERR_OK;
}

static err_t each(vault_store_t *store, vault_visit_fn visit, void *context)
{
    (void)store, (void)visit, (void)context;
    return ERR_OK;
}

static void close_store(vault_store_t *store)
{
    (void)store;
}

static const vault_store_table_t table = {
    .get = get, .put = put, .remove = remove_record, .each = each, .close = close_store};
static const schema_t *const events[] = {&note_taken_schema, NULL};
static const sealed_kind_t kinds[] = {{"note", true, events}};

/* ---- what is held against it ---- */

static void use_record(vault_t *vault, str_t bytes)
{
    journal_record_t opened, record = {.stream = STR("note/ann"),
                                       .version = 1,
                                       .event = {STR("note_taken"), bytes},
                                       .result = bytes};
    sealed_room_t room SEALED_ROOM_SCOPED = {BUF_INIT, BUF_INIT};
    str_t sealed;
    err_t err = journal_sealed_read_record(vault, &kinds[0], &record, &room, &opened);
    bool has_sealed = sealed_has(bytes) || schema_find_sealed(bytes, &sealed) != ERR_NOT_FOUND;
    ASSERT(err != ERR_OK || !has_sealed);
    ASSERT(err != ERR_OK || str_equal(opened.event.payload, bytes));
}

static void use_reference(vault_t *vault, str_t bytes)
{
    const sealed_projector_t projector = {vault, kinds, 1};
    buf_t out BUF_SCOPED = BUF_INIT;
    journal_event_t event = {STR("note_taken"), bytes};
    err_t err = sealed_field_open(&projector, bytes, STR("ann"), &out);
    ASSERT(err != ERR_OK || str_equal(buf_str(&out), bytes));
    buf_reset(&out);
    err = sealed_project(&projector, STR("note/ann"), 1, &event, &out);
    ASSERT(err != ERR_OK || out.size == 0);
}

/* Whatever is a wire form and is sealed comes back with the same fields. */
static void use_round_trip(vault_t *vault, str_t bytes)
{
    const sealed_place_t place = {&kinds[0], STR("note/ann"), 1, STR("note_taken")};
    arena_t arena ARENA_SCOPED = {0};
    buf_t sealed BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT, answer BUF_SCOPED = BUF_INIT;
    note_taken_t before, after;
    if (schema_decode(&note_taken_schema, bytes, &arena, &before) != ERR_OK)
        return;
    const sealed_plain_t plain = {.payload = bytes, .answer = bytes};
    if (sealed_event_put(vault, &place, &plain, &sealed) != ERR_OK || sealed.size == 0)
        return;
    ASSERT(sealed_event_get(vault, &place, buf_str(&sealed), &again, &answer) == ERR_OK);
    ASSERT(str_equal(buf_str(&answer), bytes));
    ASSERT(schema_decode(&note_taken_schema, buf_str(&again), &arena, &after) == ERR_OK);
    ASSERT(schema_equal(&note_taken_schema, &before, &after));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const aead_key_t master = {{1}};
    one_store_t store = {.store.table = &table};
    buf_t problem BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = NULL;
    str_t bytes = str_of(data, size);
    if (size == 0)
        return 0;
    vault_options_t options = {
        .store = &store.store, .master = &master, .keys_max = 8 /* one set */};
    ASSERT(vault_open(&options, &problem, &vault) == ERR_OK);
    ASSERT(vault_prepare(vault, STR("ann")) == ERR_OK);

    use_record(vault, bytes);
    use_reference(vault, bytes);
    use_round_trip(vault, bytes);
    ASSERT(vault_unseal(vault, STR("ann"), STR(""), bytes, &out) != ERR_OK);
    store.given = bytes; /* a wrapped key of any bytes: a tombstone, or no key */
    ASSERT(vault_seal(vault, STR("bob"), STR(""), STR("x"), &out) != ERR_OK);
    return 0;
}
