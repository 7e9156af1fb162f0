#include "bench/search/corpus.h"

#include "bench/catalog/words.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

enum {
    PLAYS_MOST = 20000000,
    ALBUMS_A_ROUND = 12,
    ARTISTS_A_ROUND = 3, /* who made a round's albums */
    SONG_SHARE = 1000,   /* the songs lie in the first of so many parts of what is played */
};

/* Twelve albums of three artists: 96 tracks. */
static const uint32_t album_sizes[ALBUMS_A_ROUND] = {1, 12, 10, 1, 14, 1, 11, 16, 2, 9, 18, 1};
static const uint32_t album_artists[ALBUMS_A_ROUND] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2};
enum { TRACKS_A_ROUND = 96 };

static const char *const genres[] = {
    "pop",      "rock",   "hip-hop",    "electronic", "r&b",     "jazz",        "classical",
    "folk",     "metal",  "country",    "latin",      "punk",    "soul",        "funk",
    "blues",    "reggae", "ambient",    "techno",     "house",   "alternative", "disco",
    "k-pop",    "j-pop",  "anime",      "enka",       "chanson", "bossa nova",  "post-rock",
    "city pop", "grunge", "soundtrack", "gospel"};
static const char *const moods[] = {"happy",  "sad",  "energetic",   "calm",  "romantic", "angry",
                                    "dreamy", "dark", "melancholic", "party", "focus",    "epic"};
static const char *const formats[] = {"flac", "mp3", "aac", "opus"};
static const char *const roots[] = {"music", "archive", "family"};
static const char *const suffixes[] = {" (Live)",         " (Remix)",           " (Acoustic)",
                                       " (Radio Edit)",   " - Remastered 2011", " (Demo)",
                                       " (Instrumental)", " (Live at Wembley)"};

/* What the numbers of a document are drawn from. */
typedef enum trait {
    OF_ARTIST,
    OF_ALBUM,
    OF_TRACK,
    OF_RANK,
    OF_SONG,
    OF_VERSION,
    OF_LYRICS,
} trait_t;

static uint64_t luck_of(const corpus_t *self, trait_t trait, uint64_t number)
{
    return words_mix(self->seed ^ words_mix(number * 8 + trait));
}

static str_t kept(arena_t *arena, buf_t *text)
{
    str_t copy = arena_str(arena, buf_str(text));
    ASSERT(buf_status(text) == ERR_OK && copy.data != NULL);
    buf_reset(text);
    return copy;
}

static search_names_t names(arena_t *arena, const str_t *items, size_t count)
{
    str_t *copy = arena_dup(arena, items, MAX(count, (size_t)1) * sizeof *items);
    ASSERT(copy != NULL);
    return (search_names_t){copy, count};
}

static search_names_t name_of(arena_t *arena, str_t item)
{
    return names(arena, &item, item.size > 0);
}

/* ---- how many ---- */

static uint32_t versions_of(const corpus_t *self, uint32_t song)
{
    return 2 + (uint32_t)(luck_of(self, OF_SONG, song) % (CORPUS_VERSIONS_MAX - 1));
}

/* Songs of one album, or by one artist, have one document for it. */
static bool is_first(const songs_t *songs, search_kind_t kind, uint32_t song)
{
    const song_t *items = songs->items;
    for (uint32_t i = 0; i < song && kind != SEARCH_TRACK; i++) {
        bool is_artist =
            str_equal(corpus_main_artist(items[i].artist), corpus_main_artist(items[song].artist));
        if (is_artist && (kind == SEARCH_ARTIST || str_equal(items[i].album, items[song].album)))
            return false;
    }
    return true;
}

static void count_songs(corpus_t *self)
{
    for (uint32_t i = 0; self->songs != NULL && i < self->songs->count; i++) {
        self->version_count += versions_of(self, i);
        for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
            if (is_first(self->songs, (search_kind_t)kind, i))
                self->real[kind][self->real_count[kind]++] = i;
    }
}

/* The number that `factor` times it is 1, by `count`: the extended algorithm of Euclid. */
static uint64_t inverse(uint64_t factor, uint64_t count)
{
    int64_t rest = (int64_t)count, next_rest = (int64_t)(factor % count), from = 0, next_from = 1;
    while (next_rest != 0) {
        int64_t quotient = rest / next_rest;
        int64_t left = rest - quotient * next_rest, after = from - quotient * next_from;
        rest = next_rest, next_rest = left;
        from = next_from, next_from = after;
    }
    return (uint64_t)(from < 0 ? from + (int64_t)count : from);
}

void corpus_init(corpus_t *self, uint64_t seed, uint64_t tracks, const songs_t *songs)
{
    *self = (corpus_t){.seed = words_mix(seed), .songs = songs};
    count_songs(self);
    uint64_t real = self->real_count[SEARCH_TRACK] + self->version_count;
    uint64_t rounds = tracks > real ? (tracks - real + TRACKS_A_ROUND - 1) / TRACKS_A_ROUND : 1;
    self->made[SEARCH_TRACK] = rounds * TRACKS_A_ROUND;
    self->made[SEARCH_ALBUM] = rounds * ALBUMS_A_ROUND;
    self->made[SEARCH_ARTIST] = rounds * ARTISTS_A_ROUND;
    /* Multiplying by a prime that does not divide the count visits each number below it once. */
    self->stride = self->made[SEARCH_TRACK] % 1000003 == 0 ? 998244353 : 1000003;
    self->stride_inverse = inverse(self->stride, self->made[SEARCH_TRACK]);
}

void corpus_deinit(corpus_t *self)
{
    arena_deinit(&self->arena);
}

uint64_t corpus_count(const corpus_t *self, search_kind_t kind)
{
    return self->made[kind] + self->real_count[kind] +
           (kind == SEARCH_TRACK ? self->version_count : 0);
}

uint64_t corpus_all(const corpus_t *self)
{
    uint64_t all = 0;
    for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++)
        all += corpus_count(self, (search_kind_t)kind);
    return all;
}

/* ---- made-up ones ---- */

typedef struct place {
    uint64_t album, artist;
} place_t;

static place_t place_of_album(uint64_t album)
{
    return (place_t){album, album / ALBUMS_A_ROUND * ARTISTS_A_ROUND +
                                album_artists[album % ALBUMS_A_ROUND]};
}

static place_t place_of_track(uint64_t track)
{
    uint64_t round = track / TRACKS_A_ROUND, at = track % TRACKS_A_ROUND, album = 0;
    while (at >= album_sizes[album])
        at -= album_sizes[album++];
    return place_of_album(round * ALBUMS_A_ROUND + album);
}

static tongue_t tongue_of_artist(const corpus_t *self, uint64_t artist)
{
    return tongue_of(luck_of(self, OF_ARTIST, artist));
}

tongue_t corpus_tongue(const corpus_t *self, uint64_t track)
{
    if (track >= self->made[SEARCH_TRACK])
        return TONGUE_ENGLISH;
    tongue_t tongue = tongue_of_artist(self, place_of_track(track).artist);
    return luck_of(self, OF_TRACK, track) >> 57 < 13 ? TONGUE_ENGLISH : tongue;
}

static uint64_t plays_of_made(const corpus_t *self, uint64_t track)
{
    uint64_t rank = track * self->stride_inverse % self->made[SEARCH_TRACK];
    return PLAYS_MOST / (rank + 10);
}

static void append_name(const corpus_t *self, buf_t *out, uint64_t artist)
{
    tongue_append_name(out, tongue_of_artist(self, artist), luck_of(self, OF_ARTIST, artist));
}

static void append_album_title(const corpus_t *self, buf_t *out, uint64_t album)
{
    uint64_t luck = luck_of(self, OF_ALBUM, album);
    tongue_append_title(out, tongue_of_artist(self, place_of_album(album).artist), luck,
                        1 + (uint32_t)(luck >> 40) % 3);
}

static void give_facets(const corpus_t *self, search_document_t *document, uint64_t artist,
                        uint64_t luck, arena_t *arena)
{
    uint64_t of_artist = luck_of(self, OF_ARTIST, artist);
    str_t genre = str_from(genres[words_zipf(of_artist, COUNT_OF(genres))]);
    str_t two[2] = {genre, str_from(genres[words_zipf(words_mix(luck), COUNT_OF(genres))])};
    document->genres = names(arena, two, luck % 3 == 0 && !str_equal(two[0], two[1]) ? 2 : 1);
    document->roots = name_of(arena, str_from(roots[of_artist % 16 < 12 ? 0 : of_artist % 16 % 3]));
    document->year = 2025 - (uint32_t)words_zipf(luck, 70);
    int64_t days_ago = 1 + (int64_t)(luck % CORPUS_ADDED_DAYS);
    document->added_at_ms =
        CORPUS_ADDED_LAST_MS - days_ago * CORPUS_DAY_MS + (int64_t)(luck >> 24) % CORPUS_DAY_MS;
}

/* Titles of which a fifth have their marks in Arabic and Hebrew. */
static str_t made_title(tongue_t tongue, uint64_t luck, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT, marked BUF_SCOPED = BUF_INIT;
    uint32_t count = 1 + (uint32_t)((luck >> 8) % 9 + 1) / 2;
    tongue_append_title(&text, tongue, luck, tongue_has_blanks(tongue) ? count : 1 + count / 3);
    if (luck >> 32 & 7 ? false : luck >> 35 & 1)
        buf_append(&text, str_from(suffixes[(luck >> 36) % COUNT_OF(suffixes)]));
    if (!tongue_has_marks(tongue) || luck % 5 > 0)
        return kept(arena, &text);
    tongue_append_marked(&marked, tongue, buf_str(&text));
    return kept(arena, &marked);
}

static search_document_t made_track(const corpus_t *self, uint64_t number, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    uint64_t luck = luck_of(self, OF_TRACK, number);
    place_t place = place_of_track(number);
    tongue_t tongue = corpus_tongue(self, number);
    search_document_t document = {.kind = SEARCH_TRACK,
                                  .plays = plays_of_made(self, number),
                                  .title = made_title(tongue, luck, arena)};
    append_name(self, &text, place.artist);
    if (luck >> 40 & 15 ? false : true) {
        buf_append(&text, STR(" feat. "));
        append_name(self, &text, words_mix(luck) % self->made[SEARCH_ARTIST]);
    }
    document.artist = kept(arena, &text);
    append_album_title(self, &text, place.album);
    document.album = kept(arena, &text);
    give_facets(self, &document, place.artist, luck, arena);
    document.moods = name_of(arena, str_from(moods[luck % COUNT_OF(moods)]));
    document.languages = name_of(arena, tongue_code(tongue));
    document.formats = name_of(arena, str_from(formats[words_zipf(luck, COUNT_OF(formats))]));
    return document;
}

static uint64_t plays_of_album(const corpus_t *self, uint64_t album)
{
    uint64_t first = album / ALBUMS_A_ROUND * TRACKS_A_ROUND, plays = 0;
    for (uint64_t i = 0; i < album % ALBUMS_A_ROUND; i++)
        first += album_sizes[i];
    for (uint64_t i = 0; i < album_sizes[album % ALBUMS_A_ROUND]; i++)
        plays += plays_of_made(self, first + i);
    return plays;
}

static search_document_t made_album(const corpus_t *self, uint64_t number, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    place_t place = place_of_album(number);
    search_document_t document = {.kind = SEARCH_ALBUM, .plays = plays_of_album(self, number)};
    append_album_title(self, &text, number);
    document.title = kept(arena, &text);
    append_name(self, &text, place.artist);
    document.artist = kept(arena, &text);
    give_facets(self, &document, place.artist, luck_of(self, OF_ALBUM, number), arena);
    return document;
}

static search_document_t made_artist(const corpus_t *self, uint64_t number, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    search_document_t document = {.kind = SEARCH_ARTIST};
    uint64_t first = number / ARTISTS_A_ROUND * ALBUMS_A_ROUND;
    for (uint64_t album = first; album < first + ALBUMS_A_ROUND; album++)
        if (place_of_album(album).artist == number)
            document.plays += plays_of_album(self, album);
    append_name(self, &text, number);
    document.title = kept(arena, &text);
    if (str_starts_with(document.title, STR("The "))) {
        str_t sorted = arena_printf(arena, "%.*s, The",
                                    STR_ARG(str_slice(document.title, 4, document.title.size)));
        document.others = name_of(arena, sorted);
    }
    give_facets(self, &document, number, luck_of(self, OF_ARTIST, number), arena);
    document.year = 0;
    return document;
}

/* ---- real ones and their versions ---- */

uint64_t corpus_song(const corpus_t *self, uint32_t song)
{
    return self->made[SEARCH_TRACK] + song;
}

static uint64_t plays_of_song(const corpus_t *self, uint32_t song)
{
    uint64_t most = MAX(self->made[SEARCH_TRACK] / SONG_SHARE, (uint64_t)100);
    return PLAYS_MOST / (10 + luck_of(self, OF_RANK, song) % most);
}

/* As a listener reads the title of a version; what a singer called it alone in two of seven. */
static str_t version_title(const song_t *song, uint64_t luck, arena_t *arena)
{
    static const char *const behind[] = {
        "",           " (Karaoke Version)", " (Live)",         " (Cover)",
        " (Tribute)", " - Remastered 2011", " (Piano Version)"};
    if (luck % 9 == 0)
        return arena_printf(arena, "%.*s (Tribute to %.*s)", STR_ARG(song->title),
                            STR_ARG(corpus_main_artist(song->artist)));
    return arena_printf(arena, "%.*s%s", STR_ARG(song->title), behind[luck % COUNT_OF(behind)]);
}

static void make_version(const corpus_t *self, uint64_t at, search_document_t *document,
                         uint32_t *out_song, arena_t *arena)
{
    uint32_t song = 0;
    while (at >= versions_of(self, song))
        at -= versions_of(self, song++);
    buf_t text BUF_SCOPED = BUF_INIT;
    uint64_t luck = luck_of(self, OF_VERSION, song * 8 + at);
    static const char *const albums[] = {"Greatest Covers", "Karaoke Hits", "A Tribute"};
    append_name(self, &text, words_mix(luck) % self->made[SEARCH_ARTIST]);
    document->title = version_title(&self->songs->items[song], luck, arena);
    document->artist = kept(arena, &text);
    document->album = str_from(albums[luck >> 32 & 1]);
    document->plays = plays_of_song(self, song) / (8 + luck % 193);
    *out_song = song;
}

static tongue_t tongue_of_text(str_t text)
{
    static const struct {
        uint32_t from, to;
        tongue_t tongue;
    } ranges[] = {{0x400, 0x4ff, TONGUE_RUSSIAN},
                  {0x590, 0x5ff, TONGUE_HEBREW},
                  {0x600, 0x6ff, TONGUE_ARABIC},
                  {0x3040, 0x9fff, TONGUE_JAPANESE},
                  {0xac00, 0xd7a3, TONGUE_KOREAN}};
    uint32_t c = 0;
    if (text.size == 0 || (unsigned char)text.data[0] < 0xd0)
        return TONGUE_ENGLISH;
    utf8_decode(text, &c);
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return ranges[i].tongue;
    return TONGUE_ENGLISH;
}

static search_document_t real_track(const corpus_t *self, uint64_t number, arena_t *arena)
{
    uint32_t song = (uint32_t)(number - self->made[SEARCH_TRACK]);
    search_document_t document = {.kind = SEARCH_TRACK};
    if (song >= self->songs->count) {
        make_version(self, song - self->songs->count, &document, &song, arena);
    } else {
        const song_t *original = &self->songs->items[song];
        document.title = original->title;
        document.artist = original->artist;
        document.album = original->album;
        document.plays = plays_of_song(self, song);
    }
    document.genres = name_of(arena, self->songs->items[song].genre);
    document.year = self->songs->items[song].year;
    document.moods = name_of(arena, str_from(moods[song % COUNT_OF(moods)]));
    document.languages = name_of(arena, tongue_code(tongue_of_text(document.title)));
    document.formats = name_of(arena, STR("flac"));
    document.roots = name_of(arena, STR("music"));
    document.added_at_ms = 1700000000000;
    return document;
}

static search_document_t real_other(const corpus_t *self, search_kind_t kind, uint64_t number,
                                    arena_t *arena)
{
    uint32_t song = self->real[kind][number - self->made[kind]];
    const song_t *original = &self->songs->items[song];
    str_t artist = corpus_main_artist(original->artist);
    bool is_artist = kind == SEARCH_ARTIST;
    return (search_document_t){.kind = kind,
                               .title = is_artist ? artist : original->album,
                               .artist = is_artist ? (str_t){0} : artist,
                               .plays = plays_of_song(self, song) * 4,
                               .genres = name_of(arena, original->genre),
                               .year = is_artist ? 0 : original->year,
                               .roots = name_of(arena, STR("music")),
                               .added_at_ms = 1700000000000};
}

/* ---- lyrics ---- */

str_t corpus_lyric_line(const corpus_t *self, uint64_t track, uint32_t line, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (self->lyrics_every == 0 || track % self->lyrics_every > 0)
        return (str_t){0};
    uint64_t luck = luck_of(self, OF_LYRICS, track * CORPUS_LYRIC_LINES + line);
    tongue_append_title(&text, corpus_tongue(self, track), luck, CORPUS_LYRIC_WORDS);
    return kept(arena, &text);
}

static str_t lyrics_of(const corpus_t *self, uint64_t track, arena_t *arena)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (self->lyrics_every == 0 || track % self->lyrics_every > 0)
        return (str_t){0};
    for (uint32_t line = 0; line < CORPUS_LYRIC_LINES; line++)
        buf_printf(&text, "[%02u:%02u.50]%.*s\n", line * 8 / 60, line * 8 % 60,
                   STR_ARG(corpus_lyric_line(self, track, line, arena)));
    return kept(arena, &text);
}

/* ---- all ---- */

search_document_t corpus_document(const corpus_t *self, search_kind_t kind, uint64_t number,
                                  arena_t *arena)
{
    bool is_made = number < self->made[kind];
    ASSERT(number < corpus_count(self, kind));
    search_document_t document =
        !is_made               ? (kind == SEARCH_TRACK ? real_track(self, number, arena)
                                                       : real_other(self, kind, number, arena))
        : kind == SEARCH_TRACK ? made_track(self, number, arena)
        : kind == SEARCH_ALBUM ? made_album(self, number, arena)
                               : made_artist(self, number, arena);
    document.id = number + 1;
    if (kind == SEARCH_TRACK)
        document.lyrics = lyrics_of(self, number, arena);
    return document;
}

static err_t next(void *context, search_document_t *out_document, bool *out_is_there)
{
    corpus_t *self = context;
    uint64_t at = self->at++;
    arena_reset(&self->arena);
    *out_is_there = false;
    for (uint32_t kind = 0; kind < SEARCH_KIND_COUNT; kind++) {
        if (at < corpus_count(self, (search_kind_t)kind)) {
            *out_document = corpus_document(self, (search_kind_t)kind, at, &self->arena);
            *out_is_there = true;
            return ERR_OK;
        }
        at -= corpus_count(self, (search_kind_t)kind);
    }
    return ERR_OK;
}

search_source_t corpus_source(corpus_t *self)
{
    self->at = 0;
    return (search_source_t){.context = self, .next = next, .expected = corpus_all(self)};
}

uint64_t corpus_draw(const corpus_t *self, uint64_t luck)
{
    uint64_t count = self->made[SEARCH_TRACK];
    /* Plays are 1/rank, so their root adds up as rank's root: its inverse is the square. */
    double place = (double)(words_mix(luck) >> 11) * 0x1p-53;
    uint64_t rank = MIN((uint64_t)(place * place * (double)count), count - 1);
    return rank * self->stride % count;
}

str_t corpus_plain_title(str_t title)
{
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (str_ends_with(title, str_from(suffixes[i])))
            return str_slice(title, 0, title.size - strlen(suffixes[i]));
    return title;
}

str_t corpus_main_artist(str_t artist)
{
    static const char guest[] = " feat. ";
    for (size_t i = 0; i + sizeof guest - 1 < artist.size; i++)
        if (str_starts_with(str_slice(artist, i, artist.size), STR(guest)))
            return str_slice(artist, 0, i);
    return artist;
}
