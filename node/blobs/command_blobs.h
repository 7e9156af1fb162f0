#pragma once
/* command_blobs.h -- blobs gc, scrub, cancel, status: see docs/operating.md. */

#include "node/commands/command.h"

int command_blobs(const config_t *config, int count, char **arguments);
