#pragma once
/* scan_run.h -- one run of a scan: what it found so far, and the pieces of work that block, each a
 * job for an offload thread.
 *
 *     LOAD    what the catalog knows of the root -> run->known
 *     LIST    a stretch of the walk -> run->walk; at its end, run->gone
 *     READ    some of the walk's files -> job->tracks, job->problems
 *     PLAN    which covers and which loudness are to be made -> run->covers, run->albums
 *     COVER   one picture in all its sizes -> job->cover
 *     LOUDNESS  one album -> job->loudness
 *
 * LOAD, LIST and PLAN change the run, so none of them runs beside any other job. The others only
 * read it. A job that belongs to a cancelled run ends soon.
 *
 * Ownership  Runs and jobs are counted: the actor holds one reference, the thread another, a job
 * one of its run. Threads  As said. */

#include "actors/library/library.h"
#include "actors/library/walk.h"
#include "actors/protocol/library.h"

#include <stdatomic.h>

enum {
    SCAN_LIST_STEP = 16384, /* directory entries in a LIST job */
    SCAN_READ_FIRST = 16,   /* files in the first READ jobs, so that something shows at once */
    SCAN_READ_MAX = MEDIA_BATCH_MAX,
    SCAN_GROUP_MAX = 256,     /* tracks that get a cover in one job */
    SCAN_COVER_TRIES_MAX = 3, /* tracks whose inside is searched for the album's cover */
    SCAN_BEGINS_MAX = 64,     /* folders of a partial scan */
};

/* Tracks that show one picture. */
typedef struct cover_group {
    size_t source_begin, source_size; /* in run->text: a cover file; size 0: inside the tracks */
    size_t first, count;              /* in run->group_tracks */
    bool had_artwork;
} cover_group_t;

typedef struct group_track {
    uint64_t track_id;
    size_t path_begin, path_size; /* in run->text */
} group_track_t;

/* Tracks whose loudness is measured together. */
typedef struct album_group {
    size_t first, count; /* in run->group_tracks */
} album_group_t;

typedef struct scan_run {
    atomic_int references;
    atomic_bool is_cancelled;
    const library_service_t *service;
    uint64_t serial;
    uint32_t root_number;
    bool is_full, is_resumed; /* an earlier scan did not get to its end */
    arena_t arena;
    str_t root;
    const char *root_path;
    str_t begins[SCAN_BEGINS_MAX];
    size_t begin_count; /* 0: everything */
    library_problem_t *old_problems;
    size_t old_problem_count;

    known_t known;
    walk_t walk;
    err_t root_err;          /* the root itself can't be read */
    const char *root_reason; /* why, for people (root_look.h) */
    bool is_listed;
    buf_t gone;      /* of uint64_t: tracks whose file was not seen */
    buf_t cut_off;   /* the same, in a folder that can't be read */
    buf_t forgotten; /* of str_t: paths of problems whose file is not there any more */

    buf_t touched;     /* of uint64_t: tracks that were read in this run */
    uint64_t position; /* of the journal, where the last of them was added */
    buf_t text;
    buf_t group_tracks; /* of group_track_t */
    buf_t covers;       /* of cover_group_t */
    buf_t albums;       /* of album_group_t */
} scan_run_t;

typedef struct scan_job {
    atomic_int references;
    scan_run_t *run;
    err_t (*work)(struct scan_job *job);
    arena_t arena;
    size_t first, count; /* READ: of the walk's files; COVER, LOUDNESS: which group */
    bool is_done;        /* LIST */
    library_track_t *tracks;
    uint32_t track_count;
    library_problem_t *problems;
    uint32_t problem_count;
    library_cover_t cover; /* no hash: there is none */
    library_loudness_t *loudness;
    uint32_t loudness_count;
} scan_job_t;

/* NULL: no memory. Strings are copied. */
scan_run_t *scan_run_new(const library_service_t *service, str_t root, uint64_t serial);
scan_run_t *scan_run_ref(scan_run_t *self);
void scan_run_unref(scan_run_t *self); /* NULL is fine */
/* Two references: the caller's and the thread's. */
scan_job_t *scan_job_new(scan_run_t *run, err_t (*work)(scan_job_t *job));
void scan_job_unref(scan_job_t *self); /* NULL is fine */

err_t scan_load(scan_job_t *job);
err_t scan_list(scan_job_t *job);
err_t scan_read(scan_job_t *job);
err_t scan_plan(scan_job_t *job);
err_t scan_cover(scan_job_t *job);
err_t scan_loudness(scan_job_t *job);
