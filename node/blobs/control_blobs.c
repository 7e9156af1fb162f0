/* control_blobs.c -- what the command line may ask about blobs. */

#include "node/blobs/control_blobs.h"

#include "node/parts.h"

static void describe(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    const node_t *node = control_user(request);
    blobs_describe(node->blobs, &body);
    if (buf_status(&body) != ERR_OK)
        control_refuse(request, buf_status(&body), (str_t){0});
    else
        control_reply(request, buf_str(&body));
}

static void run(control_request_t *request, blobs_job_t job)
{
    const node_t *node = control_user(request);
    if (blobs_are_far(node->blobs) && !control_does_batch(request, STR(BLOBS_WORK)))
        return;
    err_t err = blobs_run(node->blobs, job);
    if (err == ERR_BUSY)
        control_refuse(request, err, STR("a gc or scrub runs already: see `blobs status`"));
    else if (err != ERR_OK)
        control_refuse(request, err, (str_t){0});
    else
        describe(request);
}

void control_blobs_gc(control_request_t *request)
{
    run(request, control_argument_bool(request, "is_dry") ? BLOBS_DRY_GC : BLOBS_GC);
}

void control_blobs_scrub(control_request_t *request)
{
    run(request, BLOBS_SCRUB);
}

void control_blobs_cancel(control_request_t *request)
{
    const node_t *node = control_user(request);
    blobs_cancel(node->blobs);
    describe(request);
}

void control_blobs_status(control_request_t *request)
{
    describe(request);
}
