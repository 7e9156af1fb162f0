#pragma once
/* static_files.h -- a folder of built files: the player.
 *
 * Files below assets/ carry a hash in their name and may be kept for ever; all others are checked
 * again by ETag. Where FILE.br or FILE.gz lies beside a file and the client accepts it, that is
 * sent. A path that no file answers, that has no dot in its last part and that a page asks for
 * (Accept: text/html) is a place inside the player: it gets index.html. Pages come with a
 * Content-Security-Policy that suits hls.js.
 *
 * Nothing outside the folder can be reached: each part of a path is opened on its own, without
 * following links, and "." and ".." are no names.
 *
 * Ownership  static_files_serve answers the request.
 * Threads    Any number may serve. */

#include "gateway/http.h"

typedef struct static_files static_files_t;

/* NOT_FOUND, FORBIDDEN: the folder, or index.html in it, cannot be read. */
err_t static_files_open(const char *folder, static_files_t **out_files);
void static_files_close(static_files_t *self);

/* A handler, to be routed as {GET, "/{path...}", static_files_serve, files}. */
void static_files_serve(http_request_t *request);
