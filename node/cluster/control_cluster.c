#include "node/cluster/control_cluster.h"

#include "actors/protocol/playlist.h"
#include "actors/protocol/room.h"
#include "actors/protocol/user.h"
#include "node/cluster/cluster_node.h"
#include "node/parts.h"

static cluster_node_t *cluster_of(control_request_t *request)
{
    const node_t *node = control_user(request);
    if (node->cluster == NULL)
        control_refuse(request, ERR_UNSUPPORTED,
                       STR("this node is alone: start it with --cluster-key-file and "
                           "--cluster-listen to make it one of many"));
    return node->cluster;
}

void control_cluster_status(control_request_t *request)
{
    cluster_node_t *cluster = cluster_of(request);
    if (cluster == NULL)
        return;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    cluster_node_append_status(cluster, &json);
    cluster_node_look(cluster); /* for the next one */
    if (buf_status(&body) != ERR_OK)
        control_refuse(request, buf_status(&body), (str_t){0});
    else
        control_reply(request, buf_str(&body));
}

void control_cluster_drain(control_request_t *request)
{
    cluster_node_t *cluster = cluster_of(request);
    if (cluster == NULL)
        return;
    int64_t node = control_argument_int(request, "node", 0);
    err_t err = node <= 0 ? ERR_NOT_FOUND : cluster_node_drain(cluster, (uint64_t)node);
    if (err == ERR_OK)
        control_reply(request, STR("{}"));
    else
        control_refuse(request, err,
                       err == ERR_NOT_FOUND
                           ? STR("there is no such node: `musicstream cluster status` has their "
                                 "numbers")
                           : (str_t){0});
}

static str_t why_not_forgotten(err_t err)
{
    if (err == ERR_NOT_FOUND)
        return STR("there is no such node: `musicstream cluster status` has their numbers");
    if (err == ERR_CONFLICT)
        return STR("that node runs: it answers. Stop it, or `musicstream cluster drain` it; forget "
                   "is for one that never comes back");
    if (err == ERR_BUSY)
        return STR(
            "that node used the database a moment ago: it runs, or has just ended. Make sure "
            "that it is stopped, and try again");
    return (str_t){0};
}

void control_cluster_forget(control_request_t *request)
{
    cluster_node_t *cluster = cluster_of(request);
    if (cluster == NULL)
        return;
    int64_t node = control_argument_int(request, "node", 0);
    err_t err = node <= 0 ? ERR_NOT_FOUND : cluster_node_forget(cluster, (uint64_t)node);
    if (err == ERR_OK)
        control_reply(request, STR("{}"));
    else
        control_refuse(request, err, why_not_forgotten(err));
}

static void append_place(cluster_node_t *cluster, const located_t *place, json_t *json)
{
    roster_t *roster ROSTER_SCOPED = members_roster(cluster_node_members(cluster));
    const member_t *member =
        roster == NULL || place->node == ROUTER_HELD ? NULL : view_find(&roster->view, place->node);
    json_object_begin(json);
    json_key_u64(json, "node", place->node == ROUTER_HELD ? 0 : place->node);
    json_key_bool(json, "is_held", place->node == ROUTER_HELD);
    json_key_bool(json, "is_self", place->node == cluster_node_number(cluster));
    if (place->partition < PARTITION_COUNT)
        json_key_u64(json, "partition", place->partition);
    if (member != NULL)
        json_key_str(json, "address", str_from(member->address));
    json_object_end(json);
}

/* The ids that GraphQL shows are keys behind a prefix: both are taken. */
static str_t key_of(str_t kind, str_t key)
{
    static const struct {
        const char *kind, *prefix;
    } shown[] = {{PLAYLIST_KIND, "pl_"}, {ROOM_KIND, "ro_"}, {USER_KIND, "us_"}};
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        if (str_equal(kind, str_from(shown[i].kind)))
            return str_without_prefix(key, str_from(shown[i].prefix));
    return key;
}

void control_cluster_locate(control_request_t *request)
{
    cluster_node_t *cluster = cluster_of(request);
    if (cluster == NULL)
        return;
    located_t place;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    str_t kind = control_argument(request, "kind");
    err_t err = runtime_locate(edge_runtime(control_edge(request)), kind,
                               key_of(kind, control_argument(request, "key")), &place);
    if (err != ERR_OK) {
        control_refuse(request, err,
                       err == ERR_NOT_FOUND ? STR("there is no such kind of actor") : (str_t){0});
        return;
    }
    append_place(cluster, &place, &json);
    control_reply(request, buf_str(&body));
}
