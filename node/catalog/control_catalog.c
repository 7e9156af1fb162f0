/* control_catalog.c -- what the command line may ask of the node's catalog. */

#include "node/parts.h"

void control_catalog_status(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    const node_t *node = control_user(request);
    catalog_keeper_describe(&node->keeper, &body);
    if (buf_status(&body) != ERR_OK)
        control_refuse(request, buf_status(&body), (str_t){0});
    else
        control_reply(request, buf_str(&body));
}

void control_catalog_rebuild(control_request_t *request)
{
    node_t *node = control_user(request);
    err_t err = catalog_keeper_rebuild(&node->keeper);
    if (err != ERR_OK && err != ERR_BUSY) /* one that runs is followed */
        control_refuse(request, err, (str_t){0});
    else
        control_catalog_status(request);
}
