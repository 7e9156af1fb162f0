#pragma once
/* control_look.h -- handlers of control_commands.c's table that look into all nodes of the cluster,
 * or into this one where it is alone.
 *
 * Threads  The loop's that the control socket is on. */

#include "node/control/control.h"

/* A stream of samples: of each node {"node", "address", "is_self", "error", "silent_ms", "sample":
 * {...}}, then {"is_end"}. A node that does not answer has no sample, or an old one. */
void control_look_top(control_request_t *request);
/* A stream of lines of all nodes' live traces, {"node": N, ...}; {"node", "lost"} and {"node",
 * "error"} between. */
void control_look_trace(control_request_t *request);
/* What the recorders have, as lines: {"now_ns", "now_ms"}; for each node {"node", "address",
 * "is_self", "error", "ahead_ns", "ahead_ms", "round_us", "left_out"} and its events, {"node": N,
 * ...}; {"is_end"}. */
void control_look_records(control_request_t *request);
/* {"nodes": [{"node", "address", "is_self", "error", "recorder": {"level"}}]}; set, where "level"
 * is given. */
void control_look_level(control_request_t *request);
