/* control_commands.c -- what the command line may ask of a running node. */

#include "actors/protocol/account.h"
#include "actors/protocol/accounts.h"
#include "actors/protocol/roots.h"
#include "node/blobs/control_blobs.h"
#include "node/cluster/control_cluster.h"
#include "node/inside/control_look.h"
#include "node/parts.h"
#include "node/plugins/plugins.h"
#include "node/privacy/privacy_node.h"
#include "runtime/base/utf8.h"

/* Answers with a reply as its schema says. */
void control_answer(void *context, const answer_t *answer)
{
    control_request_t *request = context;
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    if (answer->err != ERR_OK) {
        control_refuse(request, answer->err, answer->text);
        return;
    }
    schema_to_json(answer->schema, answer->message, &json);
    control_reply(request, buf_str(&body));
}

#define control_ask(request, kind, key, command, ...)                                              \
    edge_ask(control_edge(request), address_of((kind), (key)), ASK_TIMEOUT_MS, (str_t){0},         \
             control_answer, (request), command, ##__VA_ARGS__)

/* ---- what nodes with the role batch do ---- */

bool control_does_batch(control_request_t *request, str_t key)
{
    const node_t *node = control_user(request);
    buf_t text BUF_SCOPED = BUF_INIT;
    if (node->cluster == NULL || (str_is_empty(key) && node_has_role(node, MEMBER_BATCH)))
        return true;
    uint64_t doer = cluster_node_for(node->cluster, MEMBER_BATCH, key);
    if (doer == cluster_node_number(node->cluster))
        return true;
    if (doer == 0)
        buf_append(&text, STR("no active node of the cluster has the role batch, which does this"));
    else
        buf_printf(&text,
                   "another node of the cluster does this: run the command where node %llu runs",
                   (unsigned long long)doer);
    control_refuse(request, ERR_UNAVAILABLE, buf_str(&text));
    return false;
}

/* ---- the library ---- */

static void scan_status(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_get_status);
}

static void scan_start_command(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_start_scan,
                .root = control_argument(request, "root"),
                .is_full = control_argument_bool(request, "full"));
}

static void scan_cancel_command(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_cancel_scan,
                .root = control_argument(request, "root"));
}

static void library_add_command(control_request_t *request)
{
    control_ask(request, ROOTS_KIND, ROOTS_KEY, roots_add,
                .name = control_argument(request, "name"),
                .path = control_argument(request, "path"));
}

/* ---- users ---- */

static void user_add(control_request_t *request)
{
    str_t role = control_argument(request, "role");
    control_ask(request, ACCOUNTS_KIND, ACCOUNTS_KEY, accounts_add_user,
                .name = control_argument(request, "name"),
                .password = control_argument(request, "password"),
                .role = str_equal(role, STR("admin")) ? ACCOUNT_ROLE_ADMIN : ACCOUNT_ROLE_LISTENER);
}

static void user_list(control_request_t *request)
{
    control_ask(request, ACCOUNTS_KIND, ACCOUNTS_KEY, accounts_list);
}

static void user_password(control_request_t *request)
{
    control_ask(request, ACCOUNTS_KIND, ACCOUNTS_KEY, accounts_set_password,
                .name = control_argument(request, "name"),
                .password = control_argument(request, "password"));
}

/* These two answer with what schema_to_json hides: the caller owns the data folder. */
static void reply_with_secret(control_request_t *request, const char *name, str_t secret)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, name, secret);
    json_object_end(&json);
    control_reply(request, buf_str(&body));
    if (body.data != NULL)
        explicit_bzero(body.data, body.size);
}

static void token_issued(void *context, const answer_t *answer)
{
    if (answer->err != ERR_OK)
        control_refuse(context, answer->err, answer->text);
    else
        reply_with_secret(context, "access_token",
                          ((const account_signed_in_t *)answer->message)->access_token);
}

static void token_issue_command(control_request_t *request)
{
    edge_ask(control_edge(request), address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS,
             (str_t){0}, token_issued, request, accounts_issue,
             .name = control_argument(request, "name"), .device_name = STR("command line"));
}

static void code_known(void *context, const answer_t *answer)
{
    if (answer->err != ERR_OK)
        control_refuse(context, answer->err, answer->text);
    else
        reply_with_secret(context, "code", ((const accounts_setup_code_t *)answer->message)->code);
}

static void setup_code(control_request_t *request)
{
    edge_ask(control_edge(request), address_of(ACCOUNTS_KIND, ACCOUNTS_KEY), ASK_TIMEOUT_MS,
             (str_t){0}, code_known, request, accounts_get_setup_code);
}

const control_command_t CONTROL_COMMANDS[] = {
    {"scan.status", scan_status},
    {"scan.start", scan_start_command},
    {"scan.cancel", scan_cancel_command},
    {"library.add", library_add_command},
    {"catalog.rebuild", control_catalog_rebuild},
    {"catalog.status", control_catalog_status},
    {"search", control_search},
    {"search.rebuild", control_search_rebuild},
    {"search.status", control_search_status},
    {"user.add", user_add},
    {"user.list", user_list},
    {"user.password", user_password},
    {"user.find", control_user_find},
    {"user.erase", control_user_erase},
    {"user.exported", control_user_exported},
    {"user.events", control_user_events},
    {"audit", control_audit},
    {"keys.rotate", control_keys_rotate},
    {"keys.status", control_keys_status},
    {"blobs.gc", control_blobs_gc},
    {"blobs.scrub", control_blobs_scrub},
    {"blobs.cancel", control_blobs_cancel},
    {"blobs.status", control_blobs_status},
    {"tracks.match", control_tracks_match},
    {"tracks.import", control_tracks_import},
    {"playlist.find", control_playlist_find},
    {"playlist.page", control_playlist_page},
    {"playlist.create", control_playlist_create},
    {"token.issue", token_issue_command},
    {"setup.code", setup_code},
    {"cluster.status", control_cluster_status},
    {"cluster.drain", control_cluster_drain},
    {"cluster.forget", control_cluster_forget},
    {"cluster.locate", control_cluster_locate},
    {"look.trace", control_look_trace},
    {"look.records", control_look_records},
    {"look.level", control_look_level},
    {"actors", control_actors},
    {"plugin.list", plugin_list_command},
    {"plugin.replace", plugin_replace_command},
    {"actor", control_actor},
    {"tree", control_tree},
    {"letters", control_letters},
    {"outbox", control_outbox},
    {"outbox.settle", control_outbox_settle},
    {"crashes", control_crashes},
    {"top", control_top},
    {"trace", control_trace},
    {"recorder", control_recorder},
};
const size_t CONTROL_COMMAND_COUNT = COUNT_OF(CONTROL_COMMANDS);
