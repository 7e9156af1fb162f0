#pragma once
/* command_records.h -- what the recorders of all nodes of the cluster have. */

#include "node/commands/command.h"
#include "runtime/recorder.h"

/* "4bf92f3577b34da6a3ce929d0e0e4736", or a whole traceparent. INVALID. */
err_t command_trace_number(const char *text, uint32_t *out_number);
/* Of which a request with this id was the beginning, on all nodes. */
int command_trace_of(const config_t *config, const char *id, int count, char **arguments);
/* recorder --cluster: as the command does it for one node. */
int command_recorder_of_all(const config_t *config, const recording_filter_t *filter, int count,
                            char **arguments);
/* Of this node, or of all. */
int command_recorder_level(const config_t *config, const char *level, bool is_of_all);
/* "17.3": slot and generation, as record_actor_text writes it. INVALID */
err_t command_parse_actor(const char *text, uint64_t *out_actor);
