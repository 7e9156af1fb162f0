#include "tests/storage/crypt/crypt_help.h"

#include <stdio.h>

#define DEF_FILE "tests/storage/crypt/crypt.def"
#include "runtime/base/schema_define.h"

static const schema_t *const diary_events[] = {&diary_written_schema, &diary_turned_schema, NULL};
static const schema_t *const club_events[] = {&club_joined_schema, NULL};
static const schema_t *const no_events[] = {NULL};
const sealed_kind_t CRYPT_KINDS[] = {
    {"diary", true, diary_events}, {"club", false, club_events}, {"contract", false, no_events}};

aead_key_t crypt_master(uint8_t byte)
{
    aead_key_t key;
    memset(&key, byte, sizeof key);
    return key;
}

err_t crypt_try_vault(const temporary_t *folder, uint8_t master, buf_t *problem, vault_t **out)
{
    temporary_name_t path = temporary_in(folder, "keys");
    aead_key_t key = crypt_master(master);
    vault_store_t *store = NULL;
    check_ok(vault_files_open(str_from(path.path), &store));
    return vault_open(&(vault_options_t){.store = store, .master = &key}, problem, out);
}

vault_t *crypt_vault(const temporary_t *folder, uint8_t master)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    vault_t *vault = NULL;
    err_t err = crypt_try_vault(folder, master, &problem, &vault);
    cr_assert(err == ERR_OK, "%s: %s", err_name(err), buf_terminated(&problem));
    return vault;
}

void crypt_rig_open(crypt_rig_t *self, const temporary_t *folder)
{
    temporary_name_t path = temporary_in(folder, "data");
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &self->lmdb));
    self->vault = crypt_vault(folder, 1);
    self->raw = journal_lmdb_journal(self->lmdb);
    journal_sealed_options_t options = {self->raw, self->vault, CRYPT_KINDS, CRYPT_KIND_COUNT};
    check_ok(journal_sealed_open(&options, &self->sealed));
    self->plain = journal_sealed_journal(self->sealed);
}

void crypt_rig_close(crypt_rig_t *self)
{
    journal_sealed_close(STEAL(self->sealed));
    vault_close(STEAL(self->vault));
    journal_lmdb_close(STEAL(self->lmdb));
}

err_t crypt_append(journal_t *journal, const char *stream, uint64_t expected_version,
                   const schema_t *schema, const void *event, const char *result)
{
    journal_subject_t subject = {.journal = journal};
    buf_t payload BUF_SCOPED = BUF_INIT;
    schema_encode(schema, event, &payload);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal_append_t append = {.stream = str_from(stream),
                               .expected_version = expected_version,
                               .epoch = 1,
                               .events = &written,
                               .event_count = 1,
                               .command_id = str_from(result == NULL ? "" : "c"),
                               .result = str_from(result)};
    return journal_append_wait_for(&subject, append).err;
}

static err_t read_one(void *context, const journal_record_t *record)
{
    buf_t *out = context;
    arena_t arena ARENA_SCOPED = {0};
    if (str_equal(record->event.name, STR("diary_written"))) {
        diary_written_t event;
        TRY(schema_decode(&diary_written_schema, record->event.payload, &arena, &event));
        buf_printf(out, "[%llu:%.*s:%.*s", (unsigned long long)event.page, STR_ARG(event.text),
                   STR_ARG(event.pin));
        for (uint32_t i = 0; i < event.lines.count; i++)
            buf_printf(out, ":%.*s", STR_ARG(event.lines.items[i].text));
    } else if (str_equal(record->event.name, STR("club_joined"))) {
        club_joined_t event;
        TRY(schema_decode(&club_joined_schema, record->event.payload, &arena, &event));
        buf_printf(out, "[%.*s:%.*s:%u", STR_ARG(event.who), STR_ARG(event.nickname), event.seat);
    } else {
        diary_turned_t event;
        TRY(schema_decode(&diary_turned_schema, record->event.payload, &arena, &event));
        buf_printf(out, "[%llu", (unsigned long long)event.page);
    }
    buf_printf(out, "]%.*s", STR_ARG(record->result));
    return ERR_OK;
}

err_t crypt_read(journal_t *journal, const char *stream, buf_t *out)
{
    return journal->table->read(journal, str_from(stream), 0, read_one, out);
}

size_t crypt_grep(const char *folder, const char *text)
{
    buf_t command BUF_SCOPED = BUF_INIT;
    char line[64] = "";
    uint64_t count = 0;
    buf_printf(&command, "grep -rac -- '%s' '%s' | awk -F: '{n += $NF} END {print n + 0}'", text,
               folder);
    FILE *pipe = popen(buf_terminated(&command), "r");
    cr_assert(pipe != NULL && fgets(line, sizeof line, pipe) != NULL);
    cr_assert(pclose(pipe) == 0);
    check_ok(str_to_u64(str_trim(str_from(line)), &count));
    return (size_t)count;
}
