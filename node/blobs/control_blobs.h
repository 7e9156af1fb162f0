#pragma once
/* control_blobs.h -- handlers of control_commands.c's table: blobs.gc, .scrub, .cancel, .status. */

#include "node/control/control.h"

void control_blobs_gc(control_request_t *request);
void control_blobs_scrub(control_request_t *request);
void control_blobs_cancel(control_request_t *request);
void control_blobs_status(control_request_t *request);
