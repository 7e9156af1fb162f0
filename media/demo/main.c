/* musicstream-demo-library: makes music to try the server with, and files to test and measure it
 * with. */
#include "media/demo/library.h"

#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2, COUNT_MAX = 1000000, SECONDS_MAX = 60 };

static const char usage[] =
    "usage: musicstream-demo-library DIR                 three albums of made music, with covers "
    "and lyrics\n"
    "       musicstream-demo-library --count N [--seconds S] [--formats flac,mp3,ogg] [--covers] "
    "DIR\n"
    "                                                    N small tagged files, for tests and "
    "benchmarks\n"
    "       musicstream-demo-library --gapless [--seconds S] DIR  one sine cut into two tracks\n"
    "Formats: flac mp3 ogg opus m4a wav. What is there already is kept (DIR) or written over "
    "(--count).\n";

typedef struct arguments {
    demo_bulk_t bulk;
    bool is_gapless, is_bulk, has_seconds;
    const char *folder;
} arguments_t;

static bool read_formats(const char *text, demo_bulk_t *bulk)
{
    str_t rest = str_from(text), name;
    bulk->format_count = 0;
    while (str_next(&rest, ',', &name)) {
        if (bulk->format_count == DEMO_FORMATS ||
            demo_format_from_name(name, &bulk->formats[bulk->format_count++]) != ERR_OK)
            return false;
    }
    return bulk->format_count > 0;
}

static bool read_number(const char *text, uint32_t max, uint32_t *out)
{
    return str_to_u32(str_from(text), out) == ERR_OK && *out >= 1 && *out <= max;
}

static bool read_arguments(int count, char **values, arguments_t *out)
{
    for (int i = 1; i < count; i++) {
        bool has_value = i + 1 < count;
        bool is_ok = true;
        if (strcmp(values[i], "--gapless") == 0)
            out->is_gapless = true;
        else if (strcmp(values[i], "--covers") == 0)
            out->bulk.has_covers = true;
        else if (strcmp(values[i], "--count") == 0 && has_value)
            is_ok = out->is_bulk = read_number(values[++i], COUNT_MAX, &out->bulk.count);
        else if (strcmp(values[i], "--seconds") == 0 && has_value)
            is_ok = out->has_seconds = read_number(values[++i], SECONDS_MAX, &out->bulk.seconds);
        else if (strcmp(values[i], "--formats") == 0 && has_value)
            is_ok = read_formats(values[++i], &out->bulk);
        else if (values[i][0] != '-' && out->folder == NULL)
            out->folder = values[i];
        else
            is_ok = false;
        if (!is_ok)
            return false;
    }
    return out->folder != NULL;
}

int main(int count, char **values)
{
    arguments_t arguments = {
        .bulk = {.seconds = 2, .formats = {DEMO_FLAC, DEMO_MP3, DEMO_OGG}, .format_count = 3}};
    if (count == 2 && strcmp(values[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!read_arguments(count, values, &arguments)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    av_log_set_level(AV_LOG_ERROR);
    uint32_t seconds = arguments.has_seconds ? arguments.bulk.seconds : 0;
    err_t err = arguments.is_gapless ? demo_make_gapless(arguments.folder, seconds)
                : arguments.is_bulk  ? demo_make_bulk(arguments.folder, &arguments.bulk)
                                     : demo_make_library(arguments.folder);
    if (err != ERR_OK)
        fprintf(stderr, "%s: %s\n", arguments.folder, err_text(err));
    return err == ERR_OK ? 0 : 1;
}
