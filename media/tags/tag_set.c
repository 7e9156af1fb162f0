#include "media/tags/tag_set.h"

#include "media/tags/lyrics.h"
#include "media/tags/tag_keys.h"
#include "runtime/base/xxh64.h"

#include <stdlib.h>

enum { GAIN_MAX_DB = 64, R128_TO_REPLAYGAIN_DB = 5 };

void tag_set_init(tag_set_t *self, arena_t *arena, media_file_t *file)
{
    self->arena = arena;
    self->file = file;
    self->budget = TAG_BUDGET;
    self->credit_count = 0;
    self->year = self->day_month = (str_t){0};
    for (size_t i = 0; i < TAG_LISTS; i++)
        self->lists[i].count = 0;
}

static size_t normal_key(str_t key, char out[TAG_KEY_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < key.size && size < TAG_KEY_MAX; i++) {
        char c = key.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[size++] = c;
    }
    return size;
}

static str_t take_text(tag_set_t *self, str_t raw, charset_t charset, bool is_lyrics)
{
    size_t bound = is_lyrics ? MEDIA_LYRICS_MAX : MEDIA_TEXT_MAX;
    str_t text = charset_text(self->arena, raw, charset, MIN(bound, self->budget), is_lyrics);
    self->budget -= MIN(text.size, self->budget);
    return text;
}

static bool has_value(const tag_values_t *list, str_t value)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (str_equal(list->items[i], value))
            return true;
    return false;
}

static void push(tag_values_t *list, str_t value)
{
    value = str_trim(value);
    if (value.size > 0 && list->count < MEDIA_VALUES_MAX && !has_value(list, value))
        list->items[list->count++] = value;
}

/* Where `part` starts in s, ignoring ASCII case; s.size when it does not. */
static size_t find_word(str_t s, str_t part)
{
    for (size_t i = 0; i + part.size <= s.size; i++)
        if (str_equal_ignoring_case(str_slice(s, i, i + part.size), part))
            return i;
    return s.size;
}

/* "17", "(17)", "(17)Rock" are numbers of ID3v1. */
static str_t genre_text(str_t value)
{
    str_t digits = value, rest = {0};
    if (value.size > 2 && value.data[0] == '(') {
        size_t end = str_find(value, ')');
        digits = str_slice(value, 1, end);
        rest = str_slice(value, end + 1, value.size);
    }
    uint32_t number;
    if (str_to_u32(digits, &number) != ERR_OK)
        return value;
    if (rest.size > 0)
        return rest;
    const char *name = tag_genre_name(number);
    return name == NULL ? value : str_from(name);
}

/* Parts at ';' and, for people, at " / ". */
static void push_parts(tag_values_t *list, str_t value, tag_list_t which)
{
    bool is_genre = which == TAG_GENRE;
    str_t part;
    while (str_next(&value, ';', &part)) {
        size_t slash;
        while (!is_genre && (slash = find_word(part, STR(" / "))) < part.size) {
            push(list, str_slice(part, 0, slash));
            part = str_slice(part, slash + 3, part.size);
        }
        part = str_trim(part);
        push(list, is_genre ? genre_text(part) : part);
    }
}

static void add_to_list(tag_set_t *self, tag_list_t which, str_t text)
{
    tag_values_t *list = &self->lists[which];
    if (which == TAG_ARTIST || which == TAG_ALBUM_ARTIST) /* parted when all is known */
        push(list, text);
    else
        push_parts(list, text, which);
}

static str_t date_text(arena_t *arena, str_t text)
{
    char digits[8];
    size_t count = 0;
    for (size_t i = 0; i < text.size && count < 8 && text.data[i] != 'T' && text.data[i] != ' ';
         i++)
        if (text.data[i] >= '0' && text.data[i] <= '9')
            digits[count++] = text.data[i];
    if (count < 4)
        return (str_t){0};
    int month = count >= 6 ? (digits[4] - '0') * 10 + digits[5] - '0' : 0;
    int day = count >= 8 ? (digits[6] - '0') * 10 + digits[7] - '0' : 0;
    if (month < 1 || month > 12)
        return arena_printf(arena, "%.4s", digits);
    if (day < 1 || day > 31)
        return arena_printf(arena, "%.4s-%.2s", digits, digits + 4);
    return arena_printf(arena, "%.4s-%.2s-%.2s", digits, digits + 4, digits + 6);
}

static bool read_number(str_t text, double *out_value)
{
    char terminated[32] = {0};
    size_t size = MIN(text.size, sizeof terminated - 1);
    for (size_t i = 0; i < size; i++)
        terminated[i] = text.data[i] == ',' ? '.' : text.data[i];
    char *end;
    double value = strtod(terminated, &end);
    if (end == terminated || !(value > -1e6 && value < 1e6))
        return false;
    *out_value = value;
    return true;
}

static void *field_at(tag_set_t *self, size_t at)
{
    return (char *)self->file + at;
}

static void set_gain(tag_set_t *self, size_t at, double gain_db)
{
    bool *has = at == offsetof(media_file_t, track_gain_db) ? &self->file->has_track_gain
                                                            : &self->file->has_album_gain;
    if (*has || gain_db < -GAIN_MAX_DB || gain_db > GAIN_MAX_DB)
        return;
    *(double *)field_at(self, at) = gain_db;
    *has = true;
}

/* "3", "03", "3/12": the total stands in the next field of the record. */
static void set_numbers(tag_set_t *self, size_t at, str_t text)
{
    uint32_t *number = field_at(self, at), value;
    size_t slash = str_find(text, '/');
    str_t first = str_trim(str_slice(text, 0, slash));
    if (*number == 0 && str_to_u32(first, &value) == ERR_OK)
        *number = value;
    bool has_total = at == offsetof(media_file_t, disc) || at == offsetof(media_file_t, track);
    str_t second = str_trim(str_slice(text, slash + 1, text.size));
    if (has_total && number[1] == 0 && str_to_u32(second, &value) == ERR_OK)
        number[1] = value;
}

static void set_lyrics(tag_set_t *self, str_t text)
{
    str_t *target = lyrics_is_lrc(text) ? &self->file->synced_lyrics : &self->file->lyrics;
    if (target->size == 0)
        *target = text;
}

void tag_add_credit(tag_set_t *self, str_t role, str_t name)
{
    str_t part;
    while (str_next(&name, ';', &part)) {
        part = str_trim(part);
        if (part.size > 0 && self->credit_count < MEDIA_CREDITS_MAX)
            self->credits[self->credit_count++] = (media_credit_t){role, part};
    }
}

static void set_first(str_t *target, str_t value)
{
    if (target->size == 0)
        *target = value;
}

static void add_value(tag_set_t *self, const tag_key_t *key, str_t raw, charset_t charset)
{
    str_t text = take_text(self, raw, charset, key->kind == TAG_KIND_LYRICS);
    double number;
    if (text.size == 0)
        return;
    switch (key->kind) {
    case TAG_KIND_TEXT:
        set_first(field_at(self, key->at), text);
        break;
    case TAG_KIND_DATE:
        set_first(field_at(self, key->at), date_text(self->arena, text));
        break;
    case TAG_KIND_LYRICS:
        set_lyrics(self, text);
        break;
    case TAG_KIND_LIST:
        add_to_list(self, (tag_list_t)key->at, text);
        break;
    case TAG_KIND_CREDIT:
        tag_add_credit(self, str_from(key->role), text);
        break;
    case TAG_KIND_PERFORMER:
        tag_add_credit(self, STR("performer"), text);
        break;
    case TAG_KIND_NUMBER:
        set_numbers(self, key->at, text);
        break;
    case TAG_KIND_FLAG:
        *(bool *)field_at(self, key->at) = !str_equal(text, STR("0"));
        break;
    case TAG_KIND_GAIN:
        if (read_number(text, &number))
            set_gain(self, key->at, number);
        break;
    case TAG_KIND_PEAK:
        if (read_number(text, &number) && number >= 0 && number <= GAIN_MAX_DB)
            *(double *)field_at(self, key->at) = number;
        break;
    case TAG_KIND_R128: /* Q7.8 to -23 LUFS; ReplayGain aims at -18 */
        if (read_number(text, &number))
            set_gain(self, key->at, number / 256 + R128_TO_REPLAYGAIN_DB);
        break;
    case TAG_KIND_YEAR:
        set_first(&self->year, text);
        break;
    case TAG_KIND_DAY_MONTH:
        set_first(&self->day_month, text);
        break;
    }
}

static str_t next_value(str_t *rest, charset_t charset)
{
    bool is_wide =
        charset == CHARSET_UTF16_BOM || charset == CHARSET_UTF16BE || charset == CHARSET_UTF16LE;
    size_t step = is_wide ? 2 : 1, at = 0;
    for (; at + step <= rest->size; at += step)
        if (rest->data[at] == 0 && (!is_wide || rest->data[at + 1] == 0))
            break;
    str_t value = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at + step, rest->size);
    return value;
}

void tag_add(tag_set_t *self, str_t key_name, str_t raw, charset_t charset)
{
    char name[TAG_KEY_MAX];
    const tag_key_t *key = tag_key_find(str_of(name, normal_key(key_name, name)));
    if (key == NULL)
        return;
    /* Only the first value after a BOM says in which order its bytes are. */
    if (charset == CHARSET_UTF16_BOM && raw.size >= 2) {
        charset = (unsigned char)raw.data[0] == 0xfe ? CHARSET_UTF16BE : CHARSET_UTF16LE;
    }
    for (uint32_t i = 0; raw.size > 0 && i < MEDIA_VALUES_MAX; i++)
        add_value(self, key, next_value(&raw, charset), charset);
}

void tag_set_cover(tag_set_t *self, str_t type, uint64_t size, str_t head, str_t tail)
{
    if (self->file->cover_size != 0 || size == 0)
        return;
    head = str_slice(head, 0, TAG_COVER_END);
    if (tail.size > TAG_COVER_END)
        tail = str_slice(tail, tail.size - TAG_COVER_END, tail.size);
    self->file->cover_size = size;
    self->file->cover_type = charset_text(self->arena, type, CHARSET_LATIN1, 64, false);
    uint64_t hash = xxh64(tail, xxh64(head, size));
    self->file->cover_hash = hash == 0 ? 1 : hash;
}

static str_t join(arena_t *arena, const tag_values_t *list)
{
    if (list->count == 0)
        return (str_t){0};
    if (list->count == 1)
        return list->items[0];
    size_t size = 0;
    for (uint32_t i = 0; i < list->count; i++)
        size += list->items[i].size + 2;
    char *room = arena_new(arena, size);
    if (room == NULL)
        return list->items[0];
    size_t at = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        memcpy(room + at, i == 0 ? "" : ", ", i == 0 ? 0 : 2);
        at += i == 0 ? 0 : 2;
        memcpy(room + at, list->items[i].data, list->items[i].size);
        at += list->items[i].size;
    }
    return charset_text(arena, str_of(room, at), CHARSET_UTF8, MEDIA_TEXT_MAX, false);
}

/* Takes the guests off: "A feat. B" is A and B, "A (with B)" stays as it is. */
static void push_people(tag_values_t *list, str_t value)
{
    static const str_t words[] = {STR_INIT(" feat. "), STR_INIT(" ft. "), STR_INIT(" featuring "),
                                  STR_INIT(" (feat. "), STR_INIT(" feat ")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t at = find_word(value, words[i]);
        if (at == value.size || at == 0)
            continue;
        str_t guests = str_slice(value, at + words[i].size, value.size);
        if (str_ends_with(guests, STR(")")))
            guests.size--;
        push_parts(list, str_slice(value, 0, at), TAG_ARTISTS);
        push_parts(list, guests, TAG_ARTISTS);
        return;
    }
    push_parts(list, value, TAG_ARTISTS);
}

/* One MusicBrainz id says that it is one artist, whatever stands in the name. */
static void part_people(tag_values_t *people, const tag_values_t *credit, uint32_t mbid_count)
{
    if (people->count > 0)
        return;
    for (uint32_t i = 0; i < credit->count; i++) {
        if (credit->count == 1 && mbid_count == 1)
            push(people, credit->items[i]);
        else
            push_people(people, credit->items[i]);
    }
}

#define MOVE_LIST(self, field, which)                                                              \
    do {                                                                                           \
        const tag_values_t *list_ = &(self)->lists[which];                                         \
        str_t *items_ = arena_dup((self)->arena, list_->items, list_->count * sizeof(str_t));      \
        (self)->file->field.items = items_;                                                        \
        (self)->file->field.count = items_ == NULL ? 0 : list_->count;                             \
    } while (0)

static void finish_dates(tag_set_t *self)
{
    media_file_t *file = self->file;
    if (file->date.size > 0 || self->year.size == 0)
        return;
    str_t dm = self->day_month; /* DDMM */
    str_t whole = dm.size == 4 ? arena_printf(self->arena, "%.*s%.2s%.2s", STR_ARG(self->year),
                                              dm.data + 2, dm.data)
                               : self->year;
    file->date = date_text(self->arena, whole);
}

void tag_set_finish(tag_set_t *self)
{
    tag_values_t *lists = self->lists;
    part_people(&lists[TAG_ARTISTS], &lists[TAG_ARTIST], lists[TAG_ARTIST_MBID].count);
    part_people(&lists[TAG_ALBUM_ARTISTS], &lists[TAG_ALBUM_ARTIST],
                lists[TAG_ALBUM_ARTIST_MBID].count);
    media_file_t *file = self->file;
    file->artist_credit =
        join(self->arena, &lists[lists[TAG_ARTIST].count > 0 ? TAG_ARTIST : TAG_ARTISTS]);
    file->album_artist_credit =
        join(self->arena,
             &lists[lists[TAG_ALBUM_ARTIST].count > 0 ? TAG_ALBUM_ARTIST : TAG_ALBUM_ARTISTS]);
    MOVE_LIST(self, artists, TAG_ARTISTS);
    MOVE_LIST(self, artist_sorts, TAG_ARTIST_SORT);
    MOVE_LIST(self, artist_mbids, TAG_ARTIST_MBID);
    MOVE_LIST(self, album_artists, TAG_ALBUM_ARTISTS);
    MOVE_LIST(self, album_artist_sorts, TAG_ALBUM_ARTIST_SORT);
    MOVE_LIST(self, album_artist_mbids, TAG_ALBUM_ARTIST_MBID);
    MOVE_LIST(self, genres, TAG_GENRE);
    MOVE_LIST(self, moods, TAG_MOOD);
    MOVE_LIST(self, languages, TAG_LANGUAGE);
    media_credit_t *credits =
        arena_dup(self->arena, self->credits, self->credit_count * sizeof *credits);
    file->credits.items = credits;
    file->credits.count = credits == NULL ? 0 : self->credit_count;
    finish_dates(self);
}
