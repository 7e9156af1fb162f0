#include "runtime/durable/durable_forms.h"
#include "storage/crypt/sealed_field.h"
#include "tests/storage/crypt/crypt_help.h"

static const noted_line_t LINES[] = {{1, STR_INIT("OpenLine")}};
static const diary_written_t WRITTEN = {
    .page = 7, .text = STR_INIT("DearDiary"), .lines = {LINES, 1}, .pin = STR_INIT("Pin4711")};

static void write_diary(const crypt_rig_t *rig, const char *stream, uint64_t version)
{
    check_ok(
        crypt_append(rig->plain, stream, version, &diary_written_schema, &WRITTEN, "Answered"));
}

static void check_text(journal_t *journal, const char *stream, const char *wanted)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    check_ok(crypt_read(journal, stream, &text));
    check_str(buf_str(&text), str_from(wanted));
}

Test(journal_sealed, keeps_the_contract_and_agrees_with_a_naive_twin)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    buf_t problem BUF_SCOPED = BUF_INIT;
    crypt_rig_open(&rig, &folder);
    journal_subject_t subject = {.journal = rig.plain};

    cr_assert(journal_contract_holds(&subject, &problem), "%s", buf_terminated(&problem));
    cr_assert(journal_model_holds(&subject, 1, 150, &problem), "%s", buf_terminated(&problem));
}

static const char *const HIDDEN[] = {"DearDiary", "OpenLine",  "Pin4711",   "Answered",
                                     "BobsName",  "AnnsState", "ClubState", "Turned"};

static void write_everything(journal_t *journal)
{
    club_joined_t joined = {STR("bob"), STR("BobsName"), 3, STR("gold")};
    check_ok(crypt_append(journal, "diary/ann", 0, &diary_written_schema, &WRITTEN, "Answered"));
    check_ok(crypt_append(journal, "diary/ann", 1, &diary_turned_schema, &(diary_turned_t){8},
                          "Turned"));
    check_ok(crypt_append(journal, "club/1", 0, &club_joined_schema, &joined, NULL));
    journal->table->snapshot_put(journal, STR("diary/ann"), 2, STR("AnnsState"));
    journal->table->snapshot_put(journal, STR("club/1"), 1, STR("ClubState"));
}

Test(journal_sealed, a_stream_is_at_hand_when_its_subjects_key_is)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    crypt_rig_open(&rig, &folder);
    journal_t *journal = rig.plain;
    cr_assert_not(journal->table->is_at_hand(journal, STR("diary/ann")), "no key");
    cr_assert(journal->table->is_at_hand(journal, STR("other/ann")), "nothing to seal");
    write_everything(journal);
    cr_assert_not(journal->table->is_at_hand(journal, STR("diary/eve")), "nothing, and no key");
    crypt_rig_close(&rig); /* writes the snapshot */
    crypt_rig_open(&rig, &folder);
    journal = rig.plain;

    cr_assert(journal->table->is_at_hand(journal, STR("diary/ann")));
    cr_assert(vault_is_ready(rig.vault, STR("ann")));
    check_ok(
        crypt_append(journal, "diary/ann", 2, &diary_turned_schema, &(diary_turned_t){9}, NULL));
    cr_assert_not(journal->table->is_at_hand(journal, STR("diary/ann")));
}

/* Else the next test would say nothing: each of them, in the place where it would leak. */
Test(journal_sealed, where_nothing_seals_the_search_finds_every_word)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    crypt_rig_open(&rig, &folder);
    write_everything(rig.raw);
    crypt_rig_close(&rig);

    for (size_t i = 0; i < COUNT_OF(HIDDEN); i++)
        cr_expect(crypt_grep(folder.path, HIDDEN[i]) > 0, "%s", HIDDEN[i]);
}

Test(journal_sealed, what_is_marked_is_in_no_file_and_comes_back_after_a_restart)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    uint64_t version = 0;
    buf_t state BUF_SCOPED = BUF_INIT;
    crypt_rig_open(&rig, &folder);
    write_everything(rig.plain);
    crypt_rig_close(&rig);
    crypt_rig_open(&rig, &folder);

    for (size_t i = 0; i < COUNT_OF(HIDDEN); i++)
        cr_expect(crypt_grep(folder.path, HIDDEN[i]) == 0, "%s", HIDDEN[i]);
    cr_expect(crypt_grep(folder.path, "diary_written") > 0, "the search itself");
    check_text(rig.plain, "diary/ann", "[7:DearDiary:Pin4711:OpenLine]Answered[8]Turned");
    check_text(rig.plain, "club/1", "[bob:BobsName:3]");
    check_ok(rig.plain->table->snapshot_get(rig.plain, STR("diary/ann"), &version, &state));
    check_str(buf_str(&state), STR("AnnsState"));
    buf_reset(&state);
    check_ok(rig.plain->table->snapshot_get(rig.plain, STR("club/1"), &version, &state));
    check_str(buf_str(&state), STR("ClubState"));
}

/* What is left of a message that waits. */
static err_t take_message(void *context, const journal_record_t *record)
{
    outbox_sent_t *sent = context;
    arena_t arena ARENA_SCOPED = {0};
    static char room[256]; /* what the event borrows is the record's */
    memcpy(room, record->event.payload.data, record->event.payload.size);
    return schema_decode(&outbox_sent_schema, str_of(room, record->event.payload.size), &arena,
                         sent);
}

static void check_message(const crypt_rig_t *rig, const char *stream, const char *personal)
{
    outbox_sent_t sent = {0};
    check_ok(rig->plain->table->read(rig->plain, str_from(stream), 0, take_message, &sent));
    check_str(sent.kind, STR("diary"));
    check_str(sent.personal, str_from(personal));
}

Test(journal_sealed, a_message_that_waits_is_sealed_for_whom_it_is_about_and_goes_with_it)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    outbox_sent_t sent = {.kind = STR("diary"), .key = STR("bob"), .personal = STR("SecretNews")};
    crypt_rig_open(&rig, &folder);
    check_ok(crypt_append(rig.plain, "diary/ann", 0, &outbox_sent_schema, &sent, "Answered"));
    sent.subject = STR("bob");
    check_ok(crypt_append(rig.plain, "club/1", 0, &outbox_sent_schema, &sent, NULL));
    sent.subject = STR("");
    check_err(crypt_append(rig.plain, "club/1", 1, &outbox_sent_schema, &sent, NULL), ERR_INVALID);

    cr_expect(crypt_grep(folder.path, "SecretNews") == 0);
    check_message(&rig, "diary/ann", "SecretNews");
    check_message(&rig, "club/1", "SecretNews");
    check_ok(vault_erase(rig.vault, STR("bob")));
    check_message(&rig, "diary/ann", "SecretNews");
    check_message(&rig, "club/1", "");
    check_ok(vault_erase(rig.vault, STR("ann")));
    check_message(&rig, "diary/ann", "");
}

Test(journal_sealed, an_erased_subject_leaves_what_is_public)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    club_joined_t ann = {STR("ann"), STR("AnnsName"), 1, STR("gold")},
                  bob = {STR("bob"), STR("BobsName"), 2, STR("gold")};
    uint64_t version = 0;
    buf_t state BUF_SCOPED = BUF_INIT;
    crypt_rig_open(&rig, &folder);
    write_diary(&rig, "diary/ann", 0);
    check_ok(crypt_append(rig.plain, "club/1", 0, &club_joined_schema, &ann, NULL));
    check_ok(crypt_append(rig.plain, "club/1", 1, &club_joined_schema, &bob, NULL));
    rig.plain->table->snapshot_put(rig.plain, STR("diary/ann"), 1, STR("AnnsState"));
    rig.plain->table->snapshot_put(rig.plain, STR("club/1"), 2, STR("ClubState"));
    crypt_rig_close(&rig); /* a snapshot is written when there is time for it */
    crypt_rig_open(&rig, &folder);

    check_ok(vault_erase(rig.vault, STR("ann")));
    check_ok(vault_renew(rig.vault, SEALED_SHARED));

    for (int start = 0; start < 2; start++) {
        check_text(rig.plain, "diary/ann", "[7::]");
        check_text(rig.plain, "club/1", "[ann::1][bob:BobsName:2]");
        check_err(rig.plain->table->snapshot_get(rig.plain, STR("diary/ann"), &version, &state),
                  ERR_NOT_FOUND);
        check_err(rig.plain->table->snapshot_get(rig.plain, STR("club/1"), &version, &state),
                  ERR_NOT_FOUND);
        check_err(crypt_append(rig.plain, "diary/ann", 1, &diary_written_schema, &WRITTEN, NULL),
                  ERR_FORBIDDEN);
        crypt_rig_close(&rig);
        crypt_rig_open(&rig, &folder);
    }
    check_ok(
        crypt_append(rig.plain, "diary/ann", 1, &diary_turned_schema, &(diary_turned_t){9}, NULL));
}

Test(journal_sealed, what_was_written_before_anything_was_sealed_is_read_and_goes_with_its_subject)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    uint64_t version = 0;
    buf_t state BUF_SCOPED = BUF_INIT;
    crypt_rig_open(&rig, &folder);
    check_ok(crypt_append(rig.raw, "diary/ann", 0, &diary_written_schema, &WRITTEN, "Answered"));
    rig.raw->table->snapshot_put(rig.raw, STR("diary/ann"), 1, STR("AnnsState"));
    crypt_rig_close(&rig); /* a snapshot is written when there is time for it */
    crypt_rig_open(&rig, &folder);

    check_text(rig.plain, "diary/ann", "[7:DearDiary:Pin4711:OpenLine]Answered");
    check_ok(rig.plain->table->snapshot_get(rig.plain, STR("diary/ann"), &version, &state));
    check_str(buf_str(&state), STR("AnnsState"));
    check_ok(vault_erase(rig.vault, STR("ann")));
    check_err(rig.plain->table->snapshot_get(rig.plain, STR("diary/ann"), &version, &state),
              ERR_NOT_FOUND);
    check_text(rig.plain, "diary/ann", "[7::]");
}

typedef struct moved {
    journal_t *to;
    const char *stream;
    const str_t *result; /* NULL: as it is */
} moved_t;

static err_t move_one(void *context, const journal_record_t *record)
{
    moved_t *moved = context;
    journal_subject_t subject = {.journal = moved->to};
    journal_append_t append = {.stream = str_from(moved->stream),
                               .expected_version = record->version - 1,
                               .epoch = 1,
                               .events = &record->event,
                               .event_count = 1,
                               .result = moved->result == NULL ? record->result : *moved->result};
    return journal_append_wait_for(&subject, append).err;
}

Test(journal_sealed, a_record_that_was_moved_to_another_stream_is_corrupt)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new(), other TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    temporary_name_t path = temporary_in(&other, "data");
    journal_lmdb_t *copy JOURNAL_LMDB_SCOPED = NULL;
    journal_sealed_t *sealed JOURNAL_SEALED_SCOPED = NULL;
    buf_t text BUF_SCOPED = BUF_INIT;
    crypt_rig_open(&rig, &folder);
    write_diary(&rig, "diary/ann", 0);
    check_ok(vault_prepare(rig.vault, STR("bob")));
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &copy));
    journal_sealed_options_t options = {journal_lmdb_journal(copy), rig.vault, CRYPT_KINDS,
                                        CRYPT_KIND_COUNT};
    check_ok(journal_sealed_open(&options, &sealed));

    moved_t same = {journal_lmdb_journal(copy), "diary/ann", NULL};
    moved_t moved = {journal_lmdb_journal(copy), "diary/bob", NULL};
    check_ok(rig.raw->table->read(rig.raw, STR("diary/ann"), 0, move_one, &same));
    check_ok(rig.raw->table->read(rig.raw, STR("diary/ann"), 0, move_one, &moved));

    check_text(journal_sealed_journal(sealed), "diary/ann",
               "[7:DearDiary:Pin4711:OpenLine]Answered");
    check_err(crypt_read(journal_sealed_journal(sealed), "diary/bob", &text), ERR_CORRUPT);
}

/* Of an event with marked fields the answer is sealed with them; that it is says a mark in the
 * open. */
Test(journal_sealed, an_answer_that_was_taken_away_or_put_elsewhere_is_corrupt)
{
    static const struct {
        const char *what, *stream;
        str_t result;
    } cases[] = {{"taken away", "diary/ann", STR_INIT("")},
                 {"another one", "diary/ann", STR_INIT("Forged")},
                 {"one where there is none", "diary/bob", STR_INIT("\xc1")}};
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    crypt_rig_open(&rig, &folder);
    write_diary(&rig, "diary/ann", 0);
    check_ok(
        crypt_append(rig.plain, "diary/bob", 0, &diary_turned_schema, &(diary_turned_t){8}, "A"));

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temporary_t other TEMPORARY_SCOPED = temporary_new();
        temporary_name_t path = temporary_in(&other, "data");
        journal_lmdb_t *copy JOURNAL_LMDB_SCOPED = NULL;
        journal_sealed_t *sealed JOURNAL_SEALED_SCOPED = NULL;
        buf_t text BUF_SCOPED = BUF_INIT;
        check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &copy));
        journal_sealed_options_t options = {journal_lmdb_journal(copy), rig.vault, CRYPT_KINDS,
                                            CRYPT_KIND_COUNT};
        check_ok(journal_sealed_open(&options, &sealed));
        moved_t moved = {journal_lmdb_journal(copy), cases[i].stream, &cases[i].result};
        check_ok(rig.raw->table->read(rig.raw, str_from(cases[i].stream), 0, move_one, &moved));

        err_t err = crypt_read(journal_sealed_journal(sealed), cases[i].stream, &text);
        cr_expect(err == ERR_CORRUPT, "%s: %s, %s", cases[i].what, err_name(err),
                  buf_terminated(&text));
    }
}

Test(journal_sealed, an_event_that_names_nobody_is_refused)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    club_joined_t nobody = {.nickname = STR("BobsName"), .seat = 1};
    crypt_rig_open(&rig, &folder);

    check_err(crypt_append(rig.plain, "club/1", 0, &club_joined_schema, &nobody, NULL),
              ERR_INVALID);
    check_err(crypt_append(rig.plain, "diary/no name", 0, &diary_written_schema, &WRITTEN, NULL),
              ERR_INVALID);
    check_err(crypt_append(rig.plain, "diary/_check", 0, &diary_written_schema, &WRITTEN, NULL),
              ERR_INVALID);
}

/* ---- what a relational projection gets ---- */

typedef struct projected {
    sealed_projector_t projector;
    buf_t payload, name;
} projected_t;

static err_t project_one(void *context, const journal_record_t *record)
{
    projected_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    buf_reset(&self->payload);
    TRY(sealed_project(&self->projector, record->stream, record->version, &record->event,
                       &self->payload));
    if (str_equal(record->event.name, STR("club_joined"))) {
        club_joined_t event;
        TRY(schema_decode(&club_joined_schema, buf_str(&self->payload), &arena, &event));
        buf_append(&self->name, event.nickname);
        return event.seat == 3 && str_equal(event.badge, STR("gold")) ? ERR_OK : ERR_INTERNAL;
    }
    diary_written_t event;
    TRY(schema_decode(&diary_written_schema, buf_str(&self->payload), &arena, &event));
    bool is_right = event.pin.size == 0 && event.page == 7 &&
                    (event.lines.count == 0 || event.lines.items[0].at == 1);
    return is_right ? ERR_OK : ERR_INTERNAL;
}

Test(journal_sealed, a_projection_gets_numbers_and_references_to_what_people_wrote)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    crypt_rig_t rig CRYPT_RIG_SCOPED = {0};
    club_joined_t joined = {STR("bob"), STR("BobsName"), 3, STR("gold")};
    buf_t text BUF_SCOPED = BUF_INIT, first BUF_SCOPED = BUF_INIT;
    crypt_rig_open(&rig, &folder);
    write_diary(&rig, "diary/ann", 0);
    check_ok(crypt_append(rig.plain, "club/1", 0, &club_joined_schema, &joined, NULL));
    projected_t got = {.projector = {rig.vault, CRYPT_KINDS, CRYPT_KIND_COUNT}};

    check_ok(rig.raw->table->read(rig.raw, STR("diary/ann"), 0, project_one, &got));
    check_true(!str_contains(buf_str(&got.payload), STR("DearDiary")));
    check_true(str_contains(buf_str(&got.payload), STR("OpenLine"))); /* no string of its own */
    check_ok(rig.raw->table->read(rig.raw, STR("club/1"), 0, project_one, &got));

    buf_append(&first, buf_str(&got.name));
    buf_reset(&got.name);
    check_ok(rig.raw->table->read(rig.raw, STR("club/1"), 0, project_one, &got));
    check_str(buf_str(&got.name), buf_str(&first)); /* the same at every rebuild */
    check_ok(sealed_field_open(&got.projector, buf_str(&first), STR("bob"), &text));
    check_str(buf_str(&text), STR("BobsName"));
    check_err(sealed_field_open(&got.projector, buf_str(&first), STR("ann"), &text), ERR_CORRUPT);
    for (size_t size = 2; size < first.size; size++)
        check_err(sealed_field_open(&got.projector, str_slice(buf_str(&first), 0, size), STR("bob"),
                                    &text),
                  ERR_CORRUPT);
    check_ok(vault_erase(rig.vault, STR("bob")));
    check_err(sealed_field_open(&got.projector, buf_str(&first), STR("bob"), &text), ERR_STALE);
    buf_reset(&text);
    check_ok(sealed_field_open(&got.projector, STR("old and plain"), STR("bob"), &text));
    check_str(buf_str(&text), STR("old and plain"));
    buf_deinit(&got.payload);
    buf_deinit(&got.name);
}
