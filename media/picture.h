#pragma once
/* picture.h -- decodes, scales and encodes still pictures, with libavcodec and libswscale.
 *
 * Decoded pictures are RGB, 8 bits. A picture of more than MEDIA_PIXELS_MAX is refused before its
 * pixels are allocated.
 *
 * Ownership  AVFrames are the caller's. Threads    None.
 * Errors     UNSUPPORTED no known kind of picture; LIMIT too many pixels; INVALID damaged;
 * NO_MEMORY. */

#include "runtime/base/buf.h"

#include <libavutil/frame.h>

err_t picture_decode(str_t bytes, AVFrame **out_picture);
/* To this size; never enlarges by itself. */
err_t picture_scale(const AVFrame *picture, int width, int height, AVFrame **out_picture);
typedef enum picture_type { PICTURE_WEBP, PICTURE_JPEG, PICTURE_PNG } picture_type_t;
/* quality 1 to 100 */
err_t picture_encode(const AVFrame *picture, picture_type_t type, int quality, buf_t *out);
/* The colour that most of it has, grey ones counting less: 0xRRGGBB. */
err_t picture_colour(const AVFrame *picture, uint32_t *out_colour);
