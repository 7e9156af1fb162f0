#include "actors/library/walk.h"

#include "runtime/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct pending {
    size_t path_begin, path_size;
    uint32_t depth;
    bool is_link;
} pending_t;

/* What one folder holds, while it is looked at. Names lie in the arena. */
typedef struct listing {
    arena_t arena;
    buf_t audio, lrc; /* of str_t */
    str_t cover;
    int cover_rank;
    uint64_t entry_count;
} listing_t;

static const char *const audio_endings[] = {
    "mp3",  "flac", "ogg", "oga", "opus", "m4a", "m4b", "mp4", "aac", "wav", "wave", "aif", "aiff",
    "aifc", "wv",   "ape", "mpc", "mp+",  "wma", "dsf", "dff", "mka", "tta", "caf",  "spx", "mp2",
};

static str_t ending_of(str_t name)
{
    size_t dot = str_find_last(name, '.');
    return dot == name.size ? (str_t){NULL, 0} : str_slice(name, dot + 1, name.size);
}

bool walk_is_audio(str_t name)
{
    str_t ending = ending_of(name);
    for (size_t i = 0; i < COUNT_OF(audio_endings); i++)
        if (str_equal_ignoring_case(ending, str_from(audio_endings[i])))
            return true;
    return false;
}

int walk_cover_rank(str_t name)
{
    static const char *const stems[] = {"cover", "folder", "front"};
    static const char *const endings[] = {"jpg", "jpeg", "png", "webp"};
    str_t ending = ending_of(name);
    if (ending.size == 0)
        return 0;
    str_t stem = str_slice(name, 0, name.size - ending.size - 1);
    for (size_t i = 0; i < COUNT_OF(stems); i++)
        for (size_t j = 0; j < COUNT_OF(endings); j++)
            if (str_equal_ignoring_case(stem, str_from(stems[i])) &&
                str_equal_ignoring_case(ending, str_from(endings[j])))
                return 1 + (int)(i * COUNT_OF(endings) + j);
    return 0;
}

/* ---- what was found ---- */

void walk_deinit(walk_t *self)
{
    if (self->root_fd > 0)
        close(self->root_fd);
    buf_deinit(&self->text);
    buf_deinit(&self->files);
    buf_deinit(&self->folders);
    buf_deinit(&self->problems);
    buf_deinit(&self->returned);
    buf_deinit(&self->pending);
    buf_deinit(&self->links);
    known_deinit(&self->visited);
    buf_deinit(&self->visits);
    *self = (walk_t){0};
}

static const void *item_at(const buf_t *items, size_t index, size_t size)
{
    return items->data + index * size;
}

size_t walk_file_count(const walk_t *self)
{
    return self->files.size / sizeof(walk_file_t);
}

const walk_file_t *walk_file_at(const walk_t *self, size_t index)
{
    return item_at(&self->files, index, sizeof(walk_file_t));
}

size_t walk_folder_count(const walk_t *self)
{
    return self->folders.size / sizeof(walk_folder_t);
}

const walk_folder_t *walk_folder_at(const walk_t *self, size_t index)
{
    return item_at(&self->folders, index, sizeof(walk_folder_t));
}

size_t walk_visited_count(const walk_t *self)
{
    return self->visits.size / sizeof(walk_visit_t);
}

str_t walk_visited_at(const walk_t *self, size_t index)
{
    const walk_visit_t *visit = item_at(&self->visits, index, sizeof *visit);
    return walk_text(self, visit->path_begin, visit->path_size);
}

size_t walk_problem_count(const walk_t *self)
{
    return self->problems.size / sizeof(walk_problem_t);
}

const walk_problem_t *walk_problem_at(const walk_t *self, size_t index)
{
    return item_at(&self->problems, index, sizeof(walk_problem_t));
}

str_t walk_text(const walk_t *self, size_t begin, size_t size)
{
    return str_slice(buf_str(&self->text), begin, begin + size);
}

bool walk_is_unreadable(const walk_t *self, str_t path)
{
    for (size_t i = 0; i < walk_problem_count(self); i++) {
        const walk_problem_t *problem = walk_problem_at(self, i);
        str_t folder = walk_text(self, problem->path_begin, problem->path_size);
        if (problem->is_folder && str_starts_with(path, folder) &&
            (folder.size == 0 || (path.size > folder.size && path.data[folder.size] == '/')))
            return true;
    }
    return false;
}

/* Appends "FOLDER/NAME", terminated, and returns where it begins. */
static size_t add_path(walk_t *self, str_t folder, str_t name)
{
    size_t begin = self->text.size;
    bool has_slash = folder.size > 0 && name.size > 0;
    size_t size = folder.size + has_slash + name.size;
    /* The folder may be a part of this very buffer, which may move. */
    size_t folder_begin = folder.size > 0 && folder.data >= self->text.data &&
                                  folder.data < self->text.data + self->text.size
                              ? (size_t)(folder.data - self->text.data)
                              : SIZE_MAX;
    char *room = buf_extend(&self->text, size + 1);
    if (room == NULL)
        return begin;
    if (folder_begin != SIZE_MAX)
        folder.data = self->text.data + folder_begin;
    if (folder.size > 0)
        memcpy(room, folder.data, folder.size);
    if (has_slash)
        room[folder.size] = '/';
    if (name.size > 0)
        memcpy(room + size - name.size, name.data, name.size);
    room[size] = '\0';
    return begin;
}

static void add_problem(walk_t *self, str_t folder, str_t name, bool is_folder, const char *reason)
{
    self->problem_count++;
    if (walk_problem_count(self) >= WALK_PROBLEMS_MAX)
        return;
    size_t begin = add_path(self, folder, name);
    walk_problem_t problem = {.path_begin = begin,
                              .path_size = self->text.size - begin - 1,
                              .reason = reason,
                              .is_folder = is_folder};
    buf_append_bytes(&self->problems, &problem, sizeof problem);
}

/* ---- one folder ---- */

static void push(walk_t *self, str_t folder, str_t name, uint32_t depth, bool is_link)
{
    if (depth > WALK_DEPTH_MAX) {
        add_problem(self, folder, name, true, "folders are nested too deeply");
        return;
    }
    if (folder.size + 1 + name.size > WALK_PATH_SIZE_MAX) {
        add_problem(self, folder, (str_t){NULL, 0}, true, "a path below is too long");
        return;
    }
    size_t begin = add_path(self, folder, name);
    pending_t pending = {begin, self->text.size - begin - 1, depth, is_link};
    buf_append_bytes(is_link ? &self->links : &self->pending, &pending, sizeof pending);
}

static void listing_deinit(listing_t *self)
{
    arena_deinit(&self->arena);
    buf_deinit(&self->audio);
    buf_deinit(&self->lrc);
}

static err_t keep_name(listing_t *self, buf_t *list, str_t name)
{
    str_t kept = arena_str(&self->arena, name);
    if (kept.data == NULL)
        return ERR_NO_MEMORY;
    buf_append_bytes(list, &kept, sizeof kept);
    return buf_status(list);
}

static err_t keep_file(listing_t *self, str_t name)
{
    if (walk_is_audio(name))
        return keep_name(self, &self->audio, name);
    if (str_equal_ignoring_case(ending_of(name), STR("lrc")))
        return keep_name(self, &self->lrc, name);
    int rank = walk_cover_rank(name);
    if (rank != 0 && (self->cover_rank == 0 || rank < self->cover_rank)) {
        self->cover_rank = rank;
        self->cover = arena_str(&self->arena, name);
    }
    return ERR_OK;
}

static err_t keep_link(walk_t *self, listing_t *listing, int fd, const pending_t *at, str_t folder,
                       const char *name)
{
    struct stat status;
    if (fstatat(fd, name, &status, 0) != 0) {
        if (errno == ELOOP)
            add_problem(self, folder, str_from(name), true, "symbolic links lead in a circle");
        return ERR_OK; /* dangling: nothing is there */
    }
    if (S_ISDIR(status.st_mode) && self->is_recursive)
        push(self, folder, str_from(name), at->depth + 1, true);
    else if (S_ISREG(status.st_mode) && walk_is_audio(str_from(name)))
        add_problem(self, folder, str_from(name), false,
                    "it is a symbolic link to a file, which is not followed");
    else if (S_ISREG(status.st_mode))
        return keep_file(listing, str_from(name));
    return ERR_OK;
}

static unsigned char type_of(int fd, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return (unsigned char)IFTODT(status.st_mode);
}

static err_t list_entries(walk_t *self, DIR *dir, const pending_t *at, listing_t *listing)
{
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        str_t folder = walk_text(self, at->path_begin, at->path_size);
        if (entry->d_name[0] == '.')
            continue;
        listing->entry_count++;
        unsigned char type = type_of(dirfd(dir), entry);
        if (type == DT_DIR && self->is_recursive)
            push(self, folder, str_from(entry->d_name), at->depth + 1, false);
        else if (type == DT_REG)
            TRY(keep_file(listing, str_from(entry->d_name)));
        else if (type == DT_LNK)
            TRY(keep_link(self, listing, dirfd(dir), at, folder, entry->d_name));
    }
    return ERR_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const str_t *)a, *(const str_t *)b);
}

static void sort_names(buf_t *names)
{
    if (names->size > 0)
        qsort(names->data, names->size / sizeof(str_t), sizeof(str_t), by_bytes);
}

static str_t find_lrc(const listing_t *listing, str_t audio)
{
    size_t low = 0, high = listing->lrc.size / sizeof(str_t);
    str_t stem = str_slice(audio, 0, audio.size - ending_of(audio).size);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const str_t *name = item_at(&listing->lrc, middle, sizeof(str_t));
        if (str_compare(*name, stem) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == listing->lrc.size / sizeof(str_t))
        return (str_t){NULL, 0};
    const str_t *name = item_at(&listing->lrc, low, sizeof(str_t));
    return str_starts_with(*name, stem) && name->size == stem.size + 3 ? *name : (str_t){NULL, 0};
}

static int64_t mtime_of(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

/* What tells that a side file changed; 0: it is not there. */
static uint64_t side_stamp(int fd, str_t name)
{
    struct stat status;
    if (name.size == 0 || fstatat(fd, name.data, &status, 0) != 0)
        return 0;
    uint64_t stamp = str_hash(name) ^ (uint64_t)mtime_of(&status);
    return (stamp ^ (uint64_t)status.st_size) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
}

typedef struct visit {
    int fd;
    str_t folder;
    uint32_t folder_index; /* UINT32_MAX: nothing to read here so far */
    uint64_t cover_stamp;
} visit_t;

static void begin_folder(walk_t *self, const listing_t *listing, const pending_t *at,
                         visit_t *visit)
{
    walk_folder_t folder = {.path_begin = at->path_begin,
                            .path_size = at->path_size,
                            .cover_stamp = (int64_t)visit->cover_stamp};
    if (visit->cover_stamp != 0) {
        folder.cover_begin =
            add_path(self, walk_text(self, at->path_begin, at->path_size), listing->cover);
        folder.cover_size = self->text.size - folder.cover_begin - 1;
    }
    visit->folder_index = (uint32_t)walk_folder_count(self);
    buf_append_bytes(&self->folders, &folder, sizeof folder);
}

/* True: the file is as it was. */
static bool compare(walk_t *self, str_t path, uint64_t size_bytes, int64_t stamp)
{
    known_file_t *known = known_find(self->known, path);
    if (known == NULL)
        return false;
    known->is_seen = true;
    if (self->is_full || !known_is_same(known, size_bytes, stamp))
        return false;
    uint64_t track_id = known->track_id;
    if (track_id != 0 && !known->is_available)
        buf_append_bytes(&self->returned, &track_id, sizeof track_id);
    return true;
}

static void look_at(walk_t *self, const listing_t *listing, const pending_t *at, visit_t *visit,
                    str_t name)
{
    struct stat status;
    str_t folder = walk_text(self, at->path_begin, at->path_size);
    if (folder.size + 1 + name.size > WALK_PATH_SIZE_MAX ||
        fstatat(visit->fd, name.data, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
        return; /* gone again */
    self->files_seen++;
    str_t lrc = find_lrc(listing, name);
    uint64_t stamp = (uint64_t)mtime_of(&status) ^ side_stamp(visit->fd, lrc) ^ visit->cover_stamp;
    walk_file_t file = {
        .size_bytes = (uint64_t)status.st_size, .stamp = (int64_t)stamp, .has_lrc = lrc.size > 0};
    file.path_begin = add_path(self, folder, name);
    file.path_size = self->text.size - file.path_begin - 1;
    if (buf_status(&self->text) != ERR_OK)
        return;
    if (compare(self, walk_file_path(self, &file), file.size_bytes, file.stamp)) {
        self->text.size = file.path_begin; /* nobody will ask for this path */
        return;
    }
    if (visit->folder_index == UINT32_MAX)
        begin_folder(self, listing, at, visit);
    file.folder = visit->folder_index;
    buf_append_bytes(&self->files, &file, sizeof file);
}

static err_t look_at_all(walk_t *self, listing_t *listing, const pending_t *at, int fd)
{
    visit_t visit = {.fd = fd, .folder_index = UINT32_MAX};
    sort_names(&listing->audio);
    sort_names(&listing->lrc);
    if (listing->audio.size > 0)
        visit.cover_stamp = side_stamp(fd, listing->cover);
    for (size_t i = 0; i < listing->audio.size / sizeof(str_t); i++)
        look_at(self, listing, at, &visit,
                *(const str_t *)item_at(&listing->audio, i, sizeof(str_t)));
    TRY(buf_status(&self->text));
    TRY(buf_status(&self->folders));
    TRY(buf_status(&self->returned));
    TRY(buf_status(&self->problems));
    TRY(buf_status(&self->files));
    return self->files_seen > WALK_FILES_MAX ? ERR_LIMIT : ERR_OK;
}

/* True the first time. A link to a folder that was visited leads nowhere new. */
static err_t visit_once(walk_t *self, const struct stat *status, const pending_t *at,
                        bool *out_is_new)
{
    uint64_t id[2] = {(uint64_t)status->st_dev, (uint64_t)status->st_ino};
    str_t key = str_of(id, sizeof id);
    walk_visit_t visit = {at->path_begin, at->path_size};
    *out_is_new = !at->is_link || known_find(&self->visited, key) == NULL;
    if (*out_is_new)
        buf_append_bytes(&self->visits, &visit, sizeof visit);
    TRY(buf_status(&self->visits));
    return known_add(&self->visited, key, 0, 0, 0, true);
}

static const char *reason_of(int error_number)
{
    switch (error_number) {
    case EACCES:
    case EPERM:
        return "the folder may not be read";
    case ELOOP:
        return "symbolic links lead in a circle";
    default:
        return "the folder can't be read";
    }
}

static err_t visit_folder(walk_t *self, const pending_t *at, uint64_t *entries)
{
    struct stat status;
    bool is_new = false;
    listing_t listing SCOPED(listing_deinit) = {0};
    str_t path = walk_text(self, at->path_begin, at->path_size);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (at->is_link ? 0 : O_NOFOLLOW);
    int fd = openat(self->root_fd, path.size == 0 ? "." : path.data, flags);
    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            add_problem(self, path, (str_t){NULL, 0}, true, reason_of(errno));
        return ERR_OK;
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL || fstat(fd, &status) != 0) {
        if (dir != NULL)
            closedir(dir);
        else
            close(fd);
        return ERR_NO_MEMORY;
    }
    err_t err = visit_once(self, &status, at, &is_new);
    if (err == ERR_OK && is_new)
        err = list_entries(self, dir, at, &listing);
    if (err == ERR_OK && is_new)
        err = look_at_all(self, &listing, at, fd);
    closedir(dir);
    *entries += 1 + listing.entry_count;
    return err;
}

/* ---- the walk ---- */

err_t walk_begin(walk_t *self, const char *root_path, str_t begin)
{
    if (self->root_fd <= 0) {
        self->root_fd = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (self->root_fd < 0) {
            err_t err = err_from_errno(errno);
            self->root_fd = 0;
            return err;
        }
    }
    push(self, begin, (str_t){NULL, 0}, 0, false);
    TRY(buf_status(&self->text));
    return buf_status(&self->pending);
}

static bool take_pending(walk_t *self, pending_t *out_pending)
{
    buf_t *from = self->pending.size > 0 ? &self->pending : &self->links;
    if (from->size == 0)
        return false;
    from->size -= sizeof *out_pending;
    memcpy(out_pending, from->data + from->size, sizeof *out_pending);
    return true;
}

err_t walk_step(walk_t *self, uint64_t entries_max, bool *out_is_done)
{
    pending_t pending;
    uint64_t entries = 0;
    while (entries < entries_max) {
        if (!take_pending(self, &pending)) {
            *out_is_done = true;
            return ERR_OK;
        }
        TRY(visit_folder(self, &pending, &entries));
        TRY(buf_status(&self->pending));
        TRY(buf_status(&self->links));
    }
    *out_is_done = false;
    return ERR_OK;
}
