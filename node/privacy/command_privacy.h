#pragma once
/* command_privacy.h -- user erase, user export, audit, keys: see docs/operating.md. */

#include "node/commands/command.h"

/* is_yes: without asking. */
int command_user_erase(const config_t *config, const char *name, bool is_yes);
/* `folder` is made; it must not be there. */
int command_user_export(const config_t *config, const char *name, const char *folder);
int command_audit(const config_t *config, int count, char **arguments);
int command_keys(const config_t *config, int count, char **arguments);
