/* What nodes say to each other comes back as it was written, and nothing that is cut or made up is
 * believed. */

#include "node/cluster/member_wire.h"
#include "node/cluster/move_wire.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

Test(wire, a_members_word_comes_back_as_it_was)
{
    const member_message_t message = {.word = MEMBER_ANSWER,
                                      .is_member = true,
                                      .about = UINT64_MAX - 1,
                                      .sent_ms = 0x0102030405060708,
                                      .version = 7,
                                      .moving = 8,
                                      .queue_age_ms = 9};
    uint8_t bytes[MEMBER_MESSAGE_SIZE + 3] = {0};
    member_message_t read = {0};
    member_message_write(&message, bytes);

    for (size_t size = 0; size < MEMBER_MESSAGE_SIZE_MIN; size++)
        cr_expect(member_message_read(str_of((const char *)bytes, size), &read) == ERR_INVALID);
    check_ok(member_message_read(str_of((const char *)bytes, MEMBER_MESSAGE_SIZE_MIN), &read));
    cr_assert(read.version == 7 && read.moving == 0 && read.queue_age_ms == 0, "of before");
    check_ok(member_message_read(str_of((const char *)bytes, sizeof bytes), &read)); /* newer */
    cr_assert(read.moving == 8 && read.queue_age_ms == 9);

    cr_assert(read.word == message.word && read.is_member && read.about == message.about);
    cr_assert(read.sent_ms == message.sent_ms && read.version == message.version);
    bytes[0] = MEMBER_WORDS;
    check_err(member_message_read(str_of((const char *)bytes, sizeof bytes), &read), ERR_INVALID);
    bytes[0] = 0;
    check_err(member_message_read(str_of((const char *)bytes, sizeof bytes), &read), ERR_INVALID);
}

Test(wire, a_move_comes_back_as_it_was)
{
    static handover_item_t items[HANDOVER_BATCH_MAX], read_items[HANDOVER_BATCH_MAX];
    handover_message_t message = {HANDOVER_RELEASED, 42, COUNT_OF(items), items}, read = {0};
    buf_t bytes BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < COUNT_OF(items); i++)
        items[i] = (handover_item_t){.partition = PARTITION_COUNT - 1 - i, .epoch = UINT64_MAX - i};

    check_ok(move_message_write(&message, &bytes));
    check_ok(move_message_read(buf_str(&bytes), read_items, &read));

    cr_assert(read.kind == message.kind && read.version == 42 && read.count == message.count);
    for (size_t i = 0; i < read.count; i++)
        cr_assert(read.items[i].partition == items[i].partition &&
                  read.items[i].epoch == items[i].epoch);
    for (size_t size = 0; size < bytes.size; size++)
        cr_expect(move_message_read(str_slice(buf_str(&bytes), 0, size), read_items, &read) ==
                  ERR_INVALID);
}

Test(wire, a_move_that_is_none_is_refused)
{
    static handover_item_t read_items[HANDOVER_BATCH_MAX];
    const handover_item_t item = {.partition = PARTITION_COUNT, .epoch = 1};
    handover_message_t message = {HANDOVER_WANT, 1, 1, &item}, read = {0};
    buf_t bytes BUF_SCOPED = BUF_INIT;

    check_ok(move_message_write(&message, &bytes));
    check_err(move_message_read(buf_str(&bytes), read_items, &read), ERR_INVALID);
    buf_reset(&bytes);
    message.count = 0;
    check_ok(move_message_write(&message, &bytes));
    check_ok(move_message_read(buf_str(&bytes), read_items, &read));
    bytes.data[9] = 1; /* of items that are not there */
    check_err(move_message_read(buf_str(&bytes), read_items, &read), ERR_INVALID);
    bytes.data[9] = 0;
    bytes.data[12] = 1; /* very many */
    check_err(move_message_read(buf_str(&bytes), read_items, &read), ERR_INVALID);
    bytes.data[12] = 0;
    bytes.data[0] = HANDOVER_RELEASED + 1;
    check_err(move_message_read(buf_str(&bytes), read_items, &read), ERR_INVALID);
}
