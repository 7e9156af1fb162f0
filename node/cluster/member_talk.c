#include "node/cluster/member_talk.h"

#include "node/cluster/member_wire.h"

static err_t say(const member_talk_t *self, uint64_t node, const member_message_t *message)
{
    uint8_t bytes[MEMBER_MESSAGE_SIZE];
    member_message_write(message, bytes);
    return mesh_send(self->mesh, node, (link_way_t){LINK_CONTROL, LINK_MEMBERSHIP, false},
                     str_of((const char *)bytes, sizeof bytes));
}

/* ---- what membership says; what can't be sent is lost: it counts on answers, not on arrival ----
 */

static void probe(void *context, uint64_t node, uint64_t sent_ms, uint64_t version)
{
    IGNORE_ERR(
        say(context, node,
            &(member_message_t){.word = MEMBER_PROBE, .sent_ms = sent_ms, .version = version}));
}

static void answer(void *context, uint64_t node, uint64_t sent_ms, uint64_t version, bool is_member)
{
    IGNORE_ERR(say(context, node,
                   &(member_message_t){.word = MEMBER_ANSWER,
                                       .sent_ms = sent_ms,
                                       .version = version,
                                       .is_member = is_member}));
}

static void ask_for(void *context, uint64_t node, uint64_t about)
{
    IGNORE_ERR(say(context, node, &(member_message_t){.word = MEMBER_ASK_FOR, .about = about}));
}

static void vouch(void *context, uint64_t node, uint64_t about)
{
    IGNORE_ERR(say(context, node, &(member_message_t){.word = MEMBER_VOUCH, .about = about}));
}

static void say_to_all(const member_talk_t *self, const member_message_t *message)
{
    roster_t *roster ROSTER_SCOPED = members_roster(self->members);
    for (uint32_t i = 0; roster != NULL && i < roster->view.count; i++) {
        const member_t *member = &roster->view.members[i];
        if (member->status != MEMBER_DEAD && member->node != members_node(self->members))
            IGNORE_ERR(say(self, member->node, message));
    }
}

static void tell_all(void *context, uint64_t version)
{
    say_to_all(context, &(member_message_t){.word = MEMBER_TELL, .version = version});
}

void member_talk_look(member_talk_t *self)
{
    say_to_all(self, &(member_message_t){.word = MEMBER_LOOK});
}

err_t member_talk_drain(member_talk_t *self, uint64_t node)
{
    return say(self, node, &(member_message_t){.word = MEMBER_DRAIN});
}

static void tell_load(member_talk_t *self, uint64_t node)
{
    member_load_t load = {0};
    self->measure(self->context, &load);
    IGNORE_ERR(say(self, node,
                   &(member_message_t){.word = MEMBER_LOAD,
                                       .about = load.actors,
                                       .sent_ms = load.per_mille,
                                       .version = load.served,
                                       .moving = load.moving,
                                       .queue_age_ms = load.queue_age_ms}));
}

static void hear_load(const member_talk_t *self, uint64_t node, const member_message_t *message)
{
    self->loaded(self->context, &(member_load_t){.node = node,
                                                 .actors = message->about,
                                                 .per_mille = message->sent_ms,
                                                 .served = message->version,
                                                 .moving = message->moving,
                                                 .queue_age_ms = message->queue_age_ms,
                                                 .heard_ms = members_now_ms(self->members)});
}

members_links_t member_talk_links(member_talk_t *self)
{
    return (members_links_t){self, probe, answer, ask_for, vouch, tell_all, NULL};
}

void member_talk_heard(member_talk_t *self, const link_message_t *bytes)
{
    member_message_t message;
    if (member_message_read(bytes->payload, &message) != ERR_OK)
        return; /* a word that only later versions know */
    switch (message.word) {
    case MEMBER_PROBE:
        members_probed(self->members, bytes->from, message.sent_ms, message.version);
        break;
    case MEMBER_ANSWER:
        members_answered(self->members, bytes->from, message.sent_ms, message.version,
                         message.is_member);
        break;
    case MEMBER_ASK_FOR:
        members_asked_for(self->members, bytes->from, message.about);
        break;
    case MEMBER_VOUCH:
        members_vouched(self->members, message.about);
        break;
    case MEMBER_TELL:
        members_told(self->members, message.version);
        break;
    case MEMBER_LOOK:
        tell_load(self, bytes->from);
        break;
    case MEMBER_LOAD:
        hear_load(self, bytes->from, &message);
        break;
    case MEMBER_DRAIN:
        members_leave(self->members);
        break;
    case MEMBER_WORDS:
        break;
    }
}
