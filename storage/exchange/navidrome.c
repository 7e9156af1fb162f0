#include "storage/exchange/navidrome.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

struct navidrome {
    sqlite3 *db;
    bool has_libraries;
    buf_t sql; /* scratch */
};

void navidrome_close(navidrome_t *self)
{
    if (self == NULL)
        return;
    sqlite3_close(self->db);
    buf_deinit(&self->sql);
    memory_free(self);
}

void navidrome_scope_end(navidrome_t **self)
{
    navidrome_close(*self);
}

/* ---- statements ---- */

static err_t err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_IOERR:
        return ERR_IO;
    default:
        return ERR_CORRUPT;
    }
}

static void statement_end(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}
#define STATEMENT_SCOPED SCOPED(statement_end)

/* `parameter` stands for ?1. */
static err_t prepare(navidrome_t *self, const char *sql, str_t parameter,
                     sqlite3_stmt **out_statement)
{
    TRY(err_of(sqlite3_prepare_v2(self->db, sql, -1, out_statement, NULL)));
    if (parameter.data == NULL)
        return ERR_OK;
    return err_of(
        sqlite3_bind_text(*out_statement, 1, parameter.data, (int)parameter.size, SQLITE_STATIC));
}

static str_t text_at(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text == NULL ? STR("") : str_of(text, (size_t)sqlite3_column_bytes(row, column));
}

static uint64_t count_at(sqlite3_stmt *row, int column)
{
    return (uint64_t)MAX(sqlite3_column_int64(row, column), (sqlite3_int64)0);
}

/* Drivers store a time as text, or as a number of seconds. */
static int64_t time_at(sqlite3_stmt *row, int column)
{
    enum { YEAR_9999_S = 253402300 };
    if (sqlite3_column_type(row, column) != SQLITE_INTEGER)
        return foreign_time_ms(text_at(row, column));
    int64_t seconds = sqlite3_column_int64(row, column);
    return seconds > 0 && seconds < (int64_t)YEAR_9999_S * 1000 ? seconds * 1000 : 0;
}

/* ---- opening ---- */

/* 1: the table has the column; 0: it does not, or is no plain table. */
static err_t has_column(navidrome_t *self, const char *table, const char *column, bool *out_has)
{
    sqlite3_stmt *row STATEMENT_SCOPED = NULL;
    TRY(prepare(self,
                "select 1 from sqlite_schema s, pragma_table_info(s.name) c where s.type = 'table' "
                "and s.name = ?1 and s.sql not like 'create virtual%' and c.name = ?2",
                str_from(table), &row));
    TRY(err_of(sqlite3_bind_text(row, 2, column, -1, SQLITE_STATIC)));
    int code = sqlite3_step(row);
    TRY(err_of(code));
    *out_has = code == SQLITE_ROW;
    return ERR_OK;
}

/* What Navidrome has had since 0.47 (October 2021). */
static err_t check_schema(navidrome_t *self, buf_t *problem)
{
    static const struct {
        const char *table, *columns;
    } wanted[] = {
        {"user", "id user_name"},
        {"media_file", "id path title artist album duration"},
        {"annotation", "user_id item_id item_type play_count play_date rating starred starred_at"},
        {"playlist", "id name owner_id rules"},
        {"playlist_tracks", "id playlist_id media_file_id"},
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        str_t rest = str_from(wanted[i].columns), column;
        while (str_next(&rest, ' ', &column)) {
            char name[32];
            bool has = false;
            str_to_array(column, name, sizeof name);
            TRY(has_column(self, wanted[i].table, name, &has));
            if (!has) {
                buf_printf(problem,
                           "no Navidrome database of a version we know (0.47 and later): there is "
                           "no %s.%s",
                           wanted[i].table, name);
                return ERR_INVALID;
            }
        }
    }
    bool has_library = false, has_path = false;
    TRY(has_column(self, "media_file", "library_id", &has_library));
    TRY(has_column(self, "library", "path", &has_path));
    self->has_libraries = has_library && has_path;
    return ERR_OK;
}

static void fd_scope_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static err_t check_file(const char *path, buf_t *problem)
{
    struct stat info;
    buf_t wal BUF_SCOPED = BUF_INIT;
    int fd SCOPED(fd_scope_end) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        err_t err = err_from_errno(errno);
        buf_printf(problem, "it can't be read: %s", err_text(err));
        return err;
    }
    if (!S_ISREG(info.st_mode)) {
        buf_append(problem, STR("it is no file"));
        return ERR_INVALID;
    }
    buf_printf(&wal, "%s-wal", path);
    if (buf_status(&wal) == ERR_OK && stat(buf_terminated(&wal), &info) == 0 && info.st_size > 0) {
        buf_append(
            problem,
            STR("the newest changes still lie in the -wal file beside it: stop Navidrome, or "
                "import a copy made with  sqlite3 navidrome.db \".backup copy.db\""));
        return ERR_BUSY;
    }
    return ERR_OK;
}

/* A file from somewhere else must not make SQLite do anything but read tables. */
static err_t harden(sqlite3 *db)
{
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return err_of(
        sqlite3_exec(db, "pragma cell_size_check = on; pragma query_only = on", NULL, NULL, NULL));
}

static err_t open_db(navidrome_t *self, const char *path)
{
    buf_t uri BUF_SCOPED = BUF_INIT;
    buf_append(&uri, STR("file:"));
    percent_append(&uri, str_from(path), "/");
    buf_append(&uri, STR("?mode=ro&immutable=1"));
    TRY(buf_status(&uri));
    TRY(err_of(sqlite3_open_v2(buf_terminated(&uri), &self->db,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                               NULL)));
    return harden(self->db);
}

err_t navidrome_open(const char *path, buf_t *problem, navidrome_t **out_navidrome)
{
    TRY(check_file(path, problem));
    navidrome_t *self NAVIDROME_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    err_t err = open_db(self, path);
    if (err == ERR_OK)
        err = check_schema(self, problem);
    if (err == ERR_CORRUPT) {
        buf_printf(problem, "no SQLite database, or a damaged one: %s", sqlite3_errmsg(self->db));
        return ERR_INVALID;
    }
    TRY(err);
    *out_navidrome = STEAL(self);
    return ERR_OK;
}

/* ---- reading ---- */

err_t navidrome_users(navidrome_t *self, navidrome_user_fn fn, void *context)
{
    sqlite3_stmt *row STATEMENT_SCOPED = NULL;
    TRY(prepare(self, "select id, user_name from user order by user_name", (str_t){0}, &row));
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        navidrome_user_t user = {text_at(row, 0), text_at(row, 1)};
        TRY(fn(context, &user));
    }
    return err_of(code);
}

/* The columns of a foreign_track_t, from FIRST on. */
#define TRACK_COLUMNS "f.id is not null, f.path, f.artist, f.title, f.album, f.duration, "

static foreign_track_t track_at(sqlite3_stmt *row, int id, int first)
{
    double seconds = sqlite3_column_double(row, first + 5);
    return (foreign_track_t){
        .id = text_at(row, id),
        .is_known = sqlite3_column_int(row, first) != 0,
        .path = text_at(row, first + 1),
        .artist = text_at(row, first + 2),
        .title = text_at(row, first + 3),
        .album = text_at(row, first + 4),
        .duration_ms = seconds > 0 && seconds < 1e7 ? (uint64_t)(seconds * 1000) : 0,
        .library_path = text_at(row, first + 6),
    };
}

/* "select COLUMNS track... from FROM left join files": a statement's text. */
static const char *select_tracks(navidrome_t *self, const char *columns, const char *from,
                                 const char *rest)
{
    buf_reset(&self->sql);
    buf_printf(
        &self->sql, "select %s, " TRACK_COLUMNS "%s from %s left join media_file f on f.id = %s",
        columns, self->has_libraries ? "l.path" : "''", from,
        self->has_libraries ? "i.file_id left join library l on l.id = f.library_id" : "i.file_id");
    buf_printf(&self->sql, " %s", rest);
    return buf_terminated(&self->sql);
}

err_t navidrome_notes(navidrome_t *self, str_t user_id, foreign_note_fn fn, void *context)
{
    enum { RATING_MAX = 5 };
    sqlite3_stmt *row STATEMENT_SCOPED = NULL;
    const char *sql = select_tracks(
        self, "i.file_id, i.starred, i.rating, i.play_count, i.starred_at, i.play_date",
        "(select item_id as file_id, starred, rating, play_count, starred_at, play_date from "
        "annotation where user_id = ?1 and item_type = 'media_file' and (starred <> 0 or rating > "
        "0 "
        "or play_count > 0)) i",
        "");
    TRY(buf_status(&self->sql));
    TRY(prepare(self, sql, user_id, &row));
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        foreign_note_t note = {
            .is_starred = sqlite3_column_int(row, 1) != 0,
            .rating = (uint32_t)MIN(count_at(row, 2), (uint64_t)RATING_MAX),
            .play_count = (uint32_t)MIN(count_at(row, 3), (uint64_t)UINT32_MAX),
            .starred_at = time_at(row, 4),
            .played_at = time_at(row, 5),
        };
        note.track = track_at(row, 0, 6);
        TRY(fn(context, &note));
    }
    return err_of(code);
}

err_t navidrome_playlists(navidrome_t *self, str_t user_id, foreign_playlist_fn fn, void *context)
{
    sqlite3_stmt *row STATEMENT_SCOPED = NULL;
    TRY(prepare(
        self,
        "select id, name, coalesce(rules, '') <> '', (select count(*) from playlist_tracks t "
        "where t.playlist_id = p.id) from playlist p where owner_id = ?1 order by name, id",
        user_id, &row));
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        foreign_playlist_t playlist = {text_at(row, 0), text_at(row, 1),
                                       sqlite3_column_int(row, 2) != 0, count_at(row, 3)};
        TRY(fn(context, &playlist));
    }
    return err_of(code);
}

err_t navidrome_entries(navidrome_t *self, str_t playlist_id, foreign_track_fn fn, void *context)
{
    sqlite3_stmt *row STATEMENT_SCOPED = NULL;
    const char *sql = select_tracks(self, "i.file_id",
                                    "(select media_file_id as file_id, id as place from "
                                    "playlist_tracks where playlist_id = ?1) i",
                                    "order by i.place");
    TRY(buf_status(&self->sql));
    TRY(prepare(self, sql, playlist_id, &row));
    int code;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        foreign_track_t track = track_at(row, 0, 1);
        TRY(fn(context, &track));
    }
    return err_of(code);
}

err_t navidrome_others(navidrome_t *self, str_t user_id, uint64_t *out_albums,
                       uint64_t *out_artists)
{
    sqlite3_stmt *row STATEMENT_SCOPED = NULL;
    TRY(prepare(self,
                "select count(*) filter (where item_type = 'album'), count(*) filter (where "
                "item_type = 'artist') from annotation where user_id = ?1 and (starred <> 0 or "
                "rating > 0)",
                user_id, &row));
    int code = sqlite3_step(row);
    TRY(err_of(code));
    if (code != SQLITE_ROW)
        return ERR_CORRUPT;
    *out_albums = count_at(row, 0);
    *out_artists = count_at(row, 1);
    return ERR_OK;
}
