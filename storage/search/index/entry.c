#include "storage/search/index/entry.h"

#include "storage/bytes_at.h"

/* kind 1, popularity 1, year 2, id 8. */
enum { AT_KIND = 0, AT_POPULARITY = 1, AT_YEAR = 2, AT_ID = 4, TEXTS = 4, IS_LONG = 0x80 };

static bool is_long(const search_entry_t *entry)
{
    return entry->title.size > UINT8_MAX || entry->artist.size > UINT8_MAX ||
           entry->album.size > UINT8_MAX || entry->others.size > UINT8_MAX;
}

void entry_write_head(char *room, const search_entry_t *entry)
{
    uint16_t year = (uint16_t)entry->year;
    room[AT_KIND] = (char)((unsigned)entry->kind | (is_long(entry) ? IS_LONG : 0u));
    room[AT_POPULARITY] = (char)entry->popularity;
    memcpy(room + AT_YEAR, &year, sizeof year);
    memcpy(room + AT_ID, &entry->id, sizeof entry->id);
}

void entry_append_sizes(buf_t *out, const search_entry_t *entry)
{
    const uint16_t sizes[TEXTS] = {(uint16_t)entry->title.size, (uint16_t)entry->artist.size,
                                   (uint16_t)entry->album.size, (uint16_t)entry->others.size};
    if (is_long(entry)) {
        buf_append_bytes(out, sizes, sizeof sizes);
        return;
    }
    for (size_t i = 0; i < TEXTS; i++)
        buf_append_char(out, (char)(uint8_t)sizes[i]);
}

void entry_set_popularity(char *bytes, uint32_t popularity)
{
    bytes[AT_POPULARITY] = (char)popularity;
}

/* The texts between the head and their sizes, all of them. */
static err_t read_texts(str_t bytes, bool is_wide, str_t texts[TEXTS])
{
    size_t size_size = is_wide ? sizeof(uint16_t) : 1, at = ENTRY_HEAD_SIZE;
    if (bytes.size < ENTRY_HEAD_SIZE + TEXTS * size_size)
        return ERR_CORRUPT;
    size_t end = bytes.size - TEXTS * size_size;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t size =
            is_wide ? u16_at(bytes, end + i * size_size) : (unsigned char)bytes.data[end + i];
        if (size > end - at)
            return ERR_CORRUPT;
        texts[i] = str_of(bytes.data + at, size);
        at += size;
    }
    return at == end ? ERR_OK : ERR_CORRUPT;
}

err_t entry_read(str_t bytes, search_entry_t *out_entry)
{
    str_t texts[TEXTS];
    if (bytes.size < ENTRY_HEAD_SIZE)
        return ERR_CORRUPT;
    uint8_t head = (uint8_t)bytes.data[AT_KIND], popularity = (uint8_t)bytes.data[AT_POPULARITY];
    uint8_t kind = (uint8_t)(head & ~IS_LONG);
    if (kind >= SEARCH_KIND_COUNT || popularity > 100)
        return ERR_CORRUPT;
    TRY(read_texts(bytes, (head & IS_LONG) != 0, texts));
    *out_entry = (search_entry_t){.kind = (search_kind_t)kind,
                                  .id = u64_at(bytes, AT_ID),
                                  .popularity = popularity,
                                  .year = u16_at(bytes, AT_YEAR),
                                  .title = texts[0],
                                  .artist = texts[1],
                                  .album = texts[2],
                                  .others = texts[3]};
    return ERR_OK;
}
