#include "bench/catalog/model.h"

#include "storage/catalog/catalog.h"

enum {
    ALBUMS_AN_ARTIST = 12, /* at most; Zipf below it */
    TRACKS_AN_ARTIST = 45, /* about: who may be a guest */
    COMPILATION_EVERY = 12,
    GENRES = 400,
    LYRICS_SIZE_MAX = 3600,
    CREDITS_MAX = 6,
    STAMP_BEGIN_S = 1262304000, /* 2010 */
};

/* What a random number is for: the same number of two of them has nothing in common. */
typedef enum purpose { OF_ARTIST = 1, OF_ALBUM, OF_TRACK, OF_GENRE, OF_LYRICS } purpose_t;

static uint64_t mixed(const model_t *self, purpose_t purpose, uint64_t number, uint32_t which)
{
    return words_mix(words_mix(self->seed * 8 + purpose) ^ words_mix(number * 64 + which));
}

static bool is_one_in(const model_t *self, purpose_t purpose, uint64_t number, uint32_t which,
                      uint32_t of)
{
    return mixed(self, purpose, number, which) % of == 0;
}

static str_t kept(arena_t *arena, buf_t *text)
{
    str_t copy = arena_str(arena, buf_str(text));
    buf_reset(text);
    return copy;
}

static str_t uuid(arena_t *arena, uint64_t high, uint64_t low)
{
    return arena_printf(arena, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(high >> 32),
                        (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
                        (unsigned)(low >> 48 & 0xfff), (unsigned long long)(low & 0xffffffffffff));
}

/* ---- artists ---- */

static words_script_t script_of(const model_t *self, uint64_t artist)
{
    return words_script(mixed(self, OF_ARTIST, artist, 0));
}

static library_credit_t credit_of(const model_t *self, uint64_t artist, uint32_t role,
                                  const char *join, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    uint64_t seed = mixed(self, OF_ARTIST, artist, 1);
    words_append_name(&text, script_of(self, artist), seed);
    library_credit_t credit = {.role = role, .join_phrase = str_from(join)};
    credit.name = kept(arena, &text);
    if (str_starts_with(credit.name, STR("The ")))
        credit.sort_name =
            arena_printf(arena, "%.*s, The", STR_ARG(str_slice(credit.name, 4, credit.name.size)));
    if (seed % 100 < 45)
        credit.mbid = uuid(arena, seed, words_mix(seed));
    return credit;
}

/* Guests are known artists more often than others. */
static uint64_t guest(const model_t *self, uint64_t track, uint32_t which)
{
    return words_zipf(mixed(self, OF_TRACK, track, which), self->tracks / TRACKS_AN_ARTIST + 2);
}

static void give_credits(const model_t *self, library_track_t *track, uint64_t number,
                         uint64_t artist, arena_t *arena)
{
    static const struct {
        uint32_t role, one_in;
        const char *join;
    } others[] = {{CATALOG_ROLE_MAIN, 20, " & "},
                  {CATALOG_ROLE_FEATURED, 6, " feat. "},
                  {CATALOG_ROLE_COMPOSER, 10, ""},
                  {CATALOG_ROLE_PRODUCER, 20, ""},
                  {CATALOG_ROLE_CONDUCTOR, 40, ""}};
    library_credit_t *credits = arena_new_array(arena, CREDITS_MAX, sizeof *credits);
    uint32_t count = 1;
    if (credits == NULL)
        return;
    credits[0] = credit_of(self, artist, CATALOG_ROLE_MAIN, "", arena);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        if (!is_one_in(self, OF_TRACK, number, 10 + i, others[i].one_in))
            continue;
        credits[count - 1].join_phrase = str_from(others[i].join);
        credits[count++] = credit_of(self, guest(self, number, 20 + i), others[i].role, "", arena);
    }
    track->credits.items = credits;
    track->credits.count = count;
}

/* ---- an album ---- */

typedef struct album_plan {
    uint64_t number, artist;
    uint64_t luck;
    bool is_compilation;
    words_script_t script;
    uint32_t track_count, disc_size, year;
    str_t title, genres[3];
    uint32_t genre_count;
    library_credit_t credit;
} album_plan_t;

/* Singles, EPs, albums, double albums, boxes. */
static uint32_t track_count_of(uint64_t luck)
{
    static const struct {
        uint32_t share, from, to;
    } sizes[] = {{20, 1, 3}, {10, 4, 6}, {60, 8, 16}, {8, 18, 30}, {2, 40, MODEL_ALBUM_TRACKS_MAX}};
    uint32_t at = (uint32_t)(luck % 100), i = 0;
    while (at >= sizes[i].share)
        at -= sizes[i++].share;
    return sizes[i].from + (uint32_t)(luck >> 32) % (sizes[i].to - sizes[i].from + 1);
}

static void plan_genres(const model_t *self, album_plan_t *plan, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    plan->genre_count =
        1 + (uint32_t)(plan->luck >> 8 & 1) + (uint32_t)((plan->luck >> 9 & 3) == 0);
    for (uint32_t i = 0; i < plan->genre_count; i++) {
        uint64_t genre = words_zipf(mixed(self, OF_ALBUM, plan->number, 10 + i), GENRES);
        words_append(&text, SCRIPT_LATIN, mixed(self, OF_GENRE, genre, 0) % WORDS_COMMON);
        plan->genres[i] = kept(arena, &text);
    }
}

static album_plan_t plan_album(const model_t *self, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    uint64_t luck = mixed(self, OF_ALBUM, self->album, 0);
    album_plan_t plan = {.number = self->album,
                         .artist = self->artist,
                         .luck = luck,
                         .is_compilation = (luck >> 16) % COMPILATION_EVERY == 0};
    plan.script = plan.is_compilation ? words_script(luck) : script_of(self, self->artist);
    plan.track_count = track_count_of(words_mix(luck));
    plan.disc_size = plan.track_count > 16 ? 15 : plan.track_count;
    plan.year = 1950 + (uint32_t)((luck >> 24) % 76);
    words_append_title(&text, plan.script, luck, 1 + (uint32_t)(luck >> 40) % 4);
    plan.title = kept(arena, &text);
    plan.credit = plan.is_compilation ? (library_credit_t){.name = STR("Various Artists")}
                                      : credit_of(self, self->artist, CATALOG_ROLE_MAIN, "", arena);
    plan_genres(self, &plan, arena);
    return plan;
}

/* ---- a track ---- */

static void give_sound(const model_t *self, library_track_t *track, uint64_t number,
                       const album_plan_t *plan, arena_t *arena)
{
    static const struct {
        const char *codec;
        uint32_t bits, bit_rate;
    } codecs[] = {{"flac", 16, 850000}, {"mp3", 0, 320000}, {"opus", 0, 128000}};
    uint64_t luck = mixed(self, OF_TRACK, number, 1);
    uint32_t codec = plan->luck >> 48 & 1 ? 0 : 1 + (plan->luck >> 49 & 1);
    track->codec = track->container = str_from(codecs[codec].codec);
    track->bits = codecs[codec].bits;
    track->bit_rate = codecs[codec].bit_rate + (uint32_t)(luck % 100000);
    track->sample_rate = codec == 2 ? 48000 : 44100;
    track->channels = 2;
    track->duration_ms = 90000 + luck % 300000;
    track->samples = track->duration_ms * track->sample_rate / 1000;
    track->size_bytes = 4096;
    track->audio_hash = arena_printf(arena, "%016llx%016llx", (unsigned long long)luck,
                                     (unsigned long long)words_mix(luck));
    track->has_gain = true;
    track->track_gain_cdb = -(int64_t)(luck >> 20) % 1200;
    track->track_peak = 0.5 + (double)(luck >> 40 & 255) / 512;
    track->album_gain_cdb = -(int64_t)(plan->luck >> 20 & 1023);
    track->album_peak = 1;
}

static void give_ids(library_track_t *track, uint64_t number, const album_plan_t *plan,
                     arena_t *arena)
{
    if (plan->luck >> 52 & 1)
        return;
    uint64_t album = words_mix(plan->luck), own = words_mix(plan->luck ^ words_mix(number));
    track->mb_release = uuid(arena, album, words_mix(album));
    track->mb_release_group = uuid(arena, ~album, words_mix(~album));
    track->mb_recording = uuid(arena, own, words_mix(own));
    track->mb_track = uuid(arena, ~own, words_mix(~own));
}

static void give_lyrics(const model_t *self, library_track_t *track, uint64_t number,
                        words_script_t script, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (!is_one_in(self, OF_LYRICS, number, 0, 6))
        return;
    uint64_t lines = 12 + mixed(self, OF_LYRICS, number, 1) % 40;
    for (uint64_t i = 0; i < lines && text.size < LYRICS_SIZE_MAX - 400; i++) {
        words_append_title(&text, script, mixed(self, OF_LYRICS, number * 64 + i, 2), 6);
        buf_append_char(&text, '\n');
    }
    track->lyrics = kept(arena, &text);
}

static library_track_t track_of(const model_t *self, uint32_t at, const album_plan_t *plan,
                                str_t folder, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    uint64_t number = self->made + at, luck = mixed(self, OF_TRACK, number, 0);
    uint64_t artist = plan->is_compilation ? guest(self, number, 2) : plan->artist;
    str_t *genres = arena_new_array(arena, plan->genre_count, sizeof *genres);
    library_credit_t *album_credit = arena_new(arena, sizeof *album_credit);
    library_track_t track = {.album = plan->title,
                             .stamp = (STAMP_BEGIN_S + (int64_t)plan->number) * 1000000000,
                             .disc = 1 + at / plan->disc_size,
                             .number = 1 + at % plan->disc_size,
                             .disc_total = (plan->track_count - 1) / plan->disc_size + 1,
                             .number_total = plan->disc_size,
                             .is_compilation = plan->is_compilation};
    words_append_title(&text, plan->script, luck, 1 + (uint32_t)(luck >> 32) % 5);
    track.title = kept(arena, &text);
    give_sound(self, &track, number, plan, arena);
    track.path = arena_printf(arena, "%.*s/%u-%02u %.*s.%.*s", STR_ARG(folder), track.disc,
                              track.number, STR_ARG(track.title), STR_ARG(track.codec));
    track.date =
        arena_printf(arena, "%u-%02u-%02u", plan->year, 1 + (unsigned)(plan->luck >> 56) % 12,
                     1 + (unsigned)(plan->luck >> 58) % 28);
    give_credits(self, &track, number, artist, arena);
    give_ids(&track, number, plan, arena);
    give_lyrics(self, &track, number, plan->script, arena);
    if (genres != NULL && album_credit != NULL) {
        memcpy(genres, plan->genres, plan->genre_count * sizeof *genres);
        *album_credit = plan->credit;
        track.genres.items = genres;
        track.genres.count = plan->genre_count;
        track.album_credits.items = album_credit;
        track.album_credits.count = 1;
    }
    return track;
}

bool model_next(model_t *self, arena_t *arena, model_album_t *out_album)
{
    if (self->made >= self->tracks)
        return false;
    if (self->albums_left == 0) {
        self->artist += self->album > 0;
        self->albums_left =
            1 + (uint32_t)words_zipf(mixed(self, OF_ARTIST, self->artist, 2), ALBUMS_AN_ARTIST);
    }
    album_plan_t plan = plan_album(self, arena);
    plan.track_count = (uint32_t)MIN(plan.track_count, self->tracks - self->made);
    out_album->number = plan.number;
    out_album->has_cover = plan.luck % 8 > 0;
    out_album->track_count = plan.track_count;
    out_album->folder =
        arena_printf(arena, "%.*s/%u %.*s [%07llx]", STR_ARG(plan.credit.name), plan.year,
                     STR_ARG(plan.title), (unsigned long long)plan.number);
    for (uint32_t i = 0; i < plan.track_count; i++)
        out_album->tracks[i] = track_of(self, i, &plan, out_album->folder, arena);
    self->made += plan.track_count;
    self->album++;
    self->albums_left -= plan.is_compilation ? 0 : 1;
    return true;
}

/* Multiplying by a prime that does not divide the count visits each number below it once. */
uint64_t model_popular(const model_t *self, uint64_t rank)
{
    static const uint64_t primes[] = {1000000007, 998244353};
    uint64_t prime = primes[self->tracks % primes[0] == 0];
    return rank * prime % self->tracks; /* ranks below 2^33 fit */
}
