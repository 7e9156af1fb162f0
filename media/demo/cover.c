#include "media/demo/cover.h"

#include "runtime/base/random.h"

#include <math.h>

enum { SHAPES_MAX = 6 };

typedef struct colour {
    double red, green, blue;
} colour_t;

typedef struct shape {
    double x, y, radius, thickness; /* thickness 0: filled */
    colour_t colour;
    double strength;
} shape_t;

/* Hue 0 to 1, as HSV. */
static colour_t colour_of(double hue, double saturation, double value)
{
    double parts[3];
    for (int i = 0; i < 3; i++) {
        double k = fmod(5 - 2 * i + hue * 6, 6);
        parts[i] = value - value * saturation * fmax(0, fmin(fmin(k, 4 - k), 1));
    }
    return (colour_t){parts[0], parts[1], parts[2]};
}

static double unit(ms_random_t *random)
{
    return (double)random_below(random, 1000) / 1000;
}

static colour_t mix(colour_t a, colour_t b, double part)
{
    return (colour_t){a.red + (b.red - a.red) * part, a.green + (b.green - a.green) * part,
                      a.blue + (b.blue - a.blue) * part};
}

/* How much of a point the shape covers; its edge is soft over a pixel or so. */
static double coverage(const shape_t *shape, double x, double y, double pixel)
{
    double distance = hypot(x - shape->x, y - shape->y) - shape->radius;
    if (shape->thickness > 0)
        distance = fabs(distance) - shape->thickness;
    return fmax(0, fmin(1, 0.5 - distance / pixel));
}

static void paint(AVFrame *picture, uint32_t seed)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    double hue = unit(&random), angle = unit(&random) * M_PI, pixel = 1.5 / picture->width;
    colour_t from = colour_of(hue, 0.65, 0.30 + 0.2 * unit(&random)),
             to = colour_of(fmod(hue + 0.12 + 0.25 * unit(&random), 1), 0.55, 0.95);
    shape_t shapes[SHAPES_MAX];
    size_t count = 3 + random_below(&random, SHAPES_MAX - 2);
    for (size_t i = 0; i < count; i++)
        shapes[i] = (shape_t){0.15 + 0.7 * unit(&random),
                              0.15 + 0.7 * unit(&random),
                              0.08 + 0.3 * unit(&random),
                              i % 2 == 0 ? 0 : 0.004 + 0.02 * unit(&random),
                              colour_of(fmod(hue + 0.5 * unit(&random), 1), 0.4, 1),
                              0.25 + 0.5 * unit(&random)};
    for (int row = 0; row < picture->height; row++) {
        uint8_t *out = picture->data[0] + (ptrdiff_t)row * picture->linesize[0];
        for (int column = 0; column < picture->width; column++, out += 3) {
            double x = (double)column / picture->width, y = (double)row / picture->height;
            colour_t c = mix(
                from, to, fmin(1, fmax(0, 0.5 + (x - 0.5) * cos(angle) + (y - 0.5) * sin(angle))));
            for (size_t i = 0; i < count; i++)
                c = mix(c, shapes[i].colour,
                        shapes[i].strength * coverage(&shapes[i], x, y, pixel));
            out[0] = (uint8_t)(c.red * 255);
            out[1] = (uint8_t)(c.green * 255);
            out[2] = (uint8_t)(c.blue * 255);
        }
    }
}

err_t demo_cover(uint32_t seed, int side, picture_type_t type, buf_t *out)
{
    AVFrame *picture = av_frame_alloc();
    if (picture == NULL)
        return ERR_NO_MEMORY;
    picture->format = AV_PIX_FMT_RGB24;
    picture->width = picture->height = side;
    err_t err = av_frame_get_buffer(picture, 0) < 0 ? ERR_NO_MEMORY : ERR_OK;
    if (err == ERR_OK) {
        paint(picture, seed);
        err = picture_encode(picture, type, 90, out);
    }
    av_frame_free(&picture);
    return err;
}
