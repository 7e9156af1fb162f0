#pragma once
/* s3_address.h -- which bucket, where, and who we are there.
 *
 *     s3://BUCKET[/PREFIX]?region=REGION[&endpoint=http[s]://HOST[:PORT]][&ca=FILE]
 *
 * region is us-east-1 where it is not given, the endpoint Amazon's of that region. The bucket is
 * always part of the path (no name of a host is made of it). Credentials are the environment's
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or those of a file: the same
 * names in lower case, `name = value` a line, others and [sections] passed over.
 *
 * Ownership  Fixed room; nothing is borrowed.
 * Threads    None.
 * Errors     INVALID, NOT_FOUND, FORBIDDEN: a file that others may read; *problem says what is
 *            wrong, and never holds a secret. */

#include "runtime/base/buf.h"

typedef struct s3_address {
    char endpoint[256]; /* scheme, host and port */
    char bucket[64];
    char prefix[256]; /* "", or ends with '/' */
    char region[64];
    char ca[256]; /* "": the machine's */
} s3_address_t;

typedef struct s3_credentials {
    char access_key[128], secret_key[256], session_token[4096];
} s3_credentials_t;

err_t s3_address_read(str_t text, s3_address_t *out_address, buf_t *problem);

/* environment: as environ. */
err_t s3_credentials_from_environment(char **environment, s3_credentials_t *out_credentials,
                                      buf_t *problem);
err_t s3_credentials_from_file(const char *path, s3_credentials_t *out_credentials, buf_t *problem);
void s3_credentials_wipe(s3_credentials_t *self);
#define S3_CREDENTIALS_SCOPED SCOPED(s3_credentials_wipe)
