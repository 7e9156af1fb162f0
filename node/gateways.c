/* gateways.c -- a node's part of gateway/gateways.h: the public addresses that the members of the
 * cluster have, as each says of itself. */

#include "gateway/graphql/value.h"
#include "node/parts.h"

static void note(const roster_t *roster, const member_t *member, uint64_t here, gateways_t *into)
{
    arena_t arena ARENA_SCOPED = {0};
    graphql_value_t details;
    str_t text = roster_details(roster, member->node);
    bool is_live = member->status == MEMBER_ACTIVE && (member->roles & MEMBER_GATEWAY) != 0;
    if (str_is_empty(text) || graphql_value_from_json(text, &arena, &details) != ERR_OK)
        return; /* nothing that it says can be used */
    str_t url = graphql_value_str(graphql_value_get(&details, "url"));
    if (!str_is_empty(url))
        gateways_note(into, url, member->node == here, is_live);
}

static uint64_t read_members(void *context, uint64_t known, gateways_t *into)
{
    cluster_node_t *cluster = context;
    roster_t *roster ROSTER_SCOPED = members_roster(cluster_node_members(cluster));
    if (roster == NULL || roster->view.version == known)
        return known;
    gateways_clear(into);
    for (uint32_t i = 0; i < roster->view.count; i++)
        note(roster, &roster->view.members[i], cluster_node_number(cluster), into);
    return roster->view.version;
}

err_t node_open_gateways(node_t *self)
{
    const gateways_source_t source = {self->cluster, read_members};
    return self->cluster == NULL ? ERR_OK : gateways_new(&source, &self->gateways);
}

err_t node_check_public_url(const node_t *self, buf_t *problem)
{
    str_t url = str_from(self->config->public_url);
    if (str_is_empty(url) || gateway_origin_is_valid(url))
        return ERR_OK;
    buf_printf(problem,
               "public-url is '%.*s': use http://HOST[:PORT] or https://HOST[:PORT], with nothing "
               "behind it, as browsers reach this node",
               STR_ARG(url));
    return ERR_INVALID;
}
