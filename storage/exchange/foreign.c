#include "storage/exchange/foreign.h"

static bool digits_at(str_t text, size_t at, size_t count, int64_t *out_value)
{
    uint32_t value;
    if (str_to_u32(str_slice(text, at, at + count), &value) != ERR_OK || at + count > text.size)
        return false;
    *out_value = value;
    return true;
}

/* Days since 1970 of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level
 * date algorithms", days_from_civil). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "Z", "+02:00", " +0200 CEST", "": in ms. */
static int64_t zone_ms(str_t zone)
{
    int64_t hours, minutes = 0;
    zone = str_trim(zone);
    if (zone.size < 3 || (zone.data[0] != '+' && zone.data[0] != '-') ||
        !digits_at(zone, 1, 2, &hours))
        return 0;
    if (!digits_at(zone, zone.size > 3 && zone.data[3] == ':' ? 4 : 3, 2, &minutes))
        minutes = 0;
    return (hours * 60 + minutes) * 60000 * (zone.data[0] == '-' ? -1 : 1);
}

int64_t foreign_time_ms(str_t text)
{
    int64_t year, month, day, hour, minute, second, ms = 0, unit = 100;
    size_t at = 19;
    if (!digits_at(text, 0, 4, &year) || !digits_at(text, 5, 2, &month) ||
        !digits_at(text, 8, 2, &day) || !digits_at(text, 11, 2, &hour) ||
        !digits_at(text, 14, 2, &minute) || !digits_at(text, 17, 2, &second) || year < 1970 ||
        month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return 0;
    if (at < text.size && text.data[at] == '.')
        for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++, unit /= 10)
            ms += (text.data[at] - '0') * unit;
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return seconds * 1000 + ms - zone_ms(str_slice(text, at, text.size));
}
