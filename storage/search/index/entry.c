#include "storage/search/index/entry.h"

#include "storage/bytes_at.h"

/* kind 1, popularity 1, year 2, sizes of four texts 2 each, id 8. */
enum { AT_KIND = 0, AT_POPULARITY = 1, AT_YEAR = 2, AT_SIZES = 4, AT_ID = 12, TEXTS = 4 };

void entry_write_head(char *room, const search_entry_t *entry)
{
    const size_t sizes[TEXTS] = {entry->title.size, entry->artist.size, entry->album.size,
                                 entry->others.size};
    uint16_t year = (uint16_t)entry->year;
    room[AT_KIND] = (char)entry->kind;
    room[AT_POPULARITY] = (char)entry->popularity;
    memcpy(room + AT_YEAR, &year, sizeof year);
    for (size_t i = 0; i < TEXTS; i++) {
        uint16_t size = (uint16_t)sizes[i];
        memcpy(room + AT_SIZES + 2 * i, &size, sizeof size);
    }
    memcpy(room + AT_ID, &entry->id, sizeof entry->id);
}

void entry_set_popularity(char *bytes, uint32_t popularity)
{
    bytes[AT_POPULARITY] = (char)popularity;
}

err_t entry_size(str_t bytes, size_t *out_size)
{
    if (bytes.size < ENTRY_HEAD_SIZE)
        return ERR_CORRUPT;
    size_t size = ENTRY_HEAD_SIZE;
    for (size_t i = 0; i < TEXTS; i++)
        size += u16_at(bytes, AT_SIZES + 2 * i);
    if (size > bytes.size)
        return ERR_CORRUPT;
    *out_size = size;
    return ERR_OK;
}

err_t entry_read(str_t bytes, search_entry_t *out_entry)
{
    size_t size;
    TRY(entry_size(bytes, &size));
    uint8_t kind = (uint8_t)bytes.data[AT_KIND], popularity = (uint8_t)bytes.data[AT_POPULARITY];
    if (size != bytes.size || kind >= SEARCH_KIND_COUNT || popularity > 100)
        return ERR_CORRUPT;
    str_t texts[TEXTS];
    size_t at = ENTRY_HEAD_SIZE;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t length = u16_at(bytes, AT_SIZES + 2 * i);
        texts[i] = str_slice(bytes, at, at + length);
        at += length;
    }
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
