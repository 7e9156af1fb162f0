/* resolve_lyrics.c -- a track's lyrics, from the catalog or, when long, from a blob.
 *
 * They were brought into one form when they were scanned: a line each, "[mm:ss.mmm]text" in synced
 * ones (actors/library/lrc.h). */

#include "gateway/graphql/resolve/graph.h"
#include "gateway/hls/far_blob.h"
#include "runtime/base/memory.h"

typedef struct line {
    bool is_synced;
    uint32_t start_ms;
    str_t text;
} line_t;

typedef struct lyrics {
    bool is_synced;
    line_t *lines;
    size_t count;
} lyrics_t;

/* "[mm:ss.mmm]" at the start; minutes may have more digits. */
static line_t read_line(str_t text)
{
    line_t line = {false, 0, text};
    size_t end = str_find(text, ']');
    if (text.size == 0 || text.data[0] != '[' || end == text.size)
        return line;
    str_t stamp = str_slice(text, 1, end);
    size_t colon = str_find(stamp, ':'), dot = str_find(stamp, '.');
    uint32_t minutes, seconds, ms;
    if (str_to_u32(str_slice(stamp, 0, colon), &minutes) != ERR_OK ||
        str_to_u32(str_slice(stamp, colon + 1, dot), &seconds) != ERR_OK ||
        str_to_u32(str_slice(stamp, dot + 1, stamp.size), &ms) != ERR_OK || minutes > 10000)
        return line;
    return (line_t){true, (minutes * 60 + seconds) * 1000 + ms,
                    str_slice(text, end + 1, text.size)};
}

static err_t return_lyrics(graphql_field_t *field, str_t text, bool is_synced)
{
    arena_t *arena = graphql_arena(field);
    lyrics_t *lyrics = arena_new(arena, sizeof *lyrics);
    text = arena_str(arena, text);
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    line_t *lines = arena_new_array(arena, count, sizeof *lines);
    if (lyrics == NULL || lines == NULL || text.data == NULL)
        return ERR_NO_MEMORY;
    *lyrics = (lyrics_t){is_synced, lines, 0};
    if (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    for (str_t rest = text, part; str_next(&rest, '\n', &part);)
        lines[lyrics->count++] = is_synced ? read_line(part) : (line_t){false, 0, part};
    return graphql_return_object(field, lyrics);
}

/* ---- from a blob ---- */

typedef struct blob_job {
    graph_t *graph;
    graphql_field_t *field;
    blob_hash_t hash;
    bool is_synced;
    buf_t text;
} blob_job_t;

static err_t read_blob(void *data)
{
    blob_job_t *job = data;
    return far_blob_get(job->graph->home->api, "lyrics", str_from(job->hash.text), &job->text);
}

static void blob_was_read(void *data, err_t err)
{
    blob_job_t *job = data;
    if (err == ERR_OK)
        err = return_lyrics(job->field, buf_str(&job->text), job->is_synced);
    if (err != ERR_OK)
        IGNORE_ERR(graphql_return_error(job->field, err, NULL)); /* always OK */
    graph_unref(job->graph);
    buf_deinit(&job->text);
    memory_free(job);
}

static err_t return_blob(graphql_field_t *field, const catalog_track_t *track)
{
    graph_t *graph = graph_of(field);
    blob_job_t *job = memory_new(sizeof *job);
    if (job == NULL || track->lyrics_blob.size != BLOB_HASH_SIZE) {
        memory_free(job);
        return graphql_return_null(field);
    }
    *job =
        (blob_job_t){.graph = graph_ref(graph), .field = field, .is_synced = track->lyrics_synced};
    memcpy(job->hash.text, track->lyrics_blob.data, BLOB_HASH_SIZE);
    err_t err = graphql_pending(field);
    edge_offload(graph->home->edge, OFFLOAD_FILE, read_blob, blob_was_read, job);
    return err;
}

static err_t track_lyrics(graphql_field_t *field)
{
    const catalog_track_t *track = graphql_source(field);
    if (!track->has_lyrics)
        return graphql_return_null(field);
    if (!str_is_empty(track->lyrics_blob))
        return return_blob(field, track);
    return return_lyrics(field, track->lyrics, track->lyrics_synced);
}

static err_t line_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const line_t *)items + index);
}

static err_t lyrics_lines(graphql_field_t *field)
{
    const lyrics_t *lyrics = graphql_source(field);
    return graphql_return_list(field, lyrics->count, line_item, lyrics->lines);
}

static err_t line_start(graphql_field_t *field)
{
    const line_t *line = graphql_source(field);
    return line->is_synced ? graphql_return_int(field, line->start_ms) : graphql_return_null(field);
}

static err_t line_text(graphql_field_t *field)
{
    str_t text = ((const line_t *)graphql_source(field))->text;
    return graphql_return_str(field, text.data == NULL ? STR("") : text);
}

graph_rows_t resolve_lyrics(void)
{
    static const graphql_resolver_t rows[] = {
        {"Track.lyrics", .resolve = track_lyrics},
        {"Lyrics.isSynced", GRAPHQL_MEMBER(lyrics_t, is_synced)},
        {"Lyrics.lines", .resolve = lyrics_lines},
        {"LyricsLine.startMs", .resolve = line_start},
        {"LyricsLine.text", .resolve = line_text},
    };
    return GRAPH_ROWS(rows);
}
