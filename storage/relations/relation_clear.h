#pragma once
/* relation_clear.h -- after an erasure: what deleted rows of listeners' tables left is given back
 * (VACUUM), so that no query and no index leads to it; its place is written over by what comes
 * there next. docs/decisions/0017-users-keys-in-postgresql.md says what that is and is not.
 *
 * Threads  Any; it waits on the database: minutes, where the tables are large. */

#include "runtime/base/log.h"

/* Every table of which ms_read sees a listener's own rows. The address must be of a login that is a
 * member of ms_migrate: FORBIDDEN; else as pg.h. */
err_t relation_clear_rows(const char *address, const ms_log_t *log);
