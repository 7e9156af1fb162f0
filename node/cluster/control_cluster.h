#pragma once
/* control_cluster.h -- handlers of control_commands.c's table: `musicstream cluster ...`.
 *
 * Threads  The loop's that the control socket is on. */

#include "node/control/control.h"

void control_cluster_status(control_request_t *request);
void control_cluster_drain(control_request_t *request);
void control_cluster_forget(control_request_t *request);
void control_cluster_locate(control_request_t *request);
