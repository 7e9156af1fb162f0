#pragma once
/* member_talk.h -- members' words over the links: members_links_t for the one side, what
 * came for the other.
 *
 * Threads  Any. */

#include "cluster/link/link.h"
#include "cluster/members/members.h"

typedef struct member_load {
    uint64_t node, actors, per_mille, served; /* per_mille: of its processors */
    uint64_t moving;                          /* partitions that leave it or come to it */
    uint64_t queue_age_ms;                    /* how long messages wait */
    uint64_t heard_ms;                        /* by members_now_ms */
} member_load_t;

typedef struct member_talk {
    mesh_t *mesh;       /* set before the first word is sent */
    members_t *members; /* set before the first can come */
    /* Of this node; any thread. */
    void (*measure)(void *context, member_load_t *out);
    /* Of another; any thread. */
    void (*loaded)(void *context, const member_load_t *load);
    void *context;
} member_talk_t;

/* They borrow it. */
members_links_t member_talk_links(member_talk_t *self);
void member_talk_heard(member_talk_t *self, const link_message_t *bytes);
/* Asks everybody who lives how busy it is. */
void member_talk_look(member_talk_t *self);
/* NOT_FOUND: no such peer; BUSY. */
err_t member_talk_drain(member_talk_t *self, uint64_t node);
