#pragma once
/* s3_server.h -- s3_server.py for a test program: a bucket that checks every signature with
 * botocore, and fails as the prefix says.
 *
 * Threads  One. Errors  Ends the program when it can't be started. */

#include "storage/s3/s3_store.h"

#include <sys/types.h>

typedef struct s3_server {
    pid_t pid;
    int input; /* it ends with this */
    uint32_t port;
} s3_server_t;

/* port 0: a free one. Sets no_proxy, so that nothing stands between. */
void s3_server_start(s3_server_t *self, uint32_t port);
/* With TLS: a file of certificate and key. */
void s3_server_start_tls(s3_server_t *self, const char *certificate);
void s3_server_stop(s3_server_t *self);

/* The right credentials. */
s3_credentials_t s3_server_credentials(void);
/* Of the bucket on this port, below `prefix`. */
s3_address_t s3_server_address(uint32_t port, const char *prefix);
/* The bucket as a store; times of options.wire as given, the rest is filled in. */
blob_store_t *s3_server_store(uint32_t port, const char *prefix, s3_store_options_t options);
