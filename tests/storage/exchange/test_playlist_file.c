#include "storage/exchange/playlist_file.h"

#include "tests/support/check.h"

static playlist_file_t read_file(arena_t *arena, str_t text, playlist_format_t format)
{
    playlist_file_t file;
    check_ok(playlist_file_read(text, format, arena, &file));
    return file;
}

/* ---- M3U ---- */

Test(m3u, what_players_write_is_read)
{
    static const struct {
        const char *what;
        str_t text, location, artist, title, album;
        uint64_t duration_ms;
    } cases[] = {
        {"a plain path", STR_INIT("a/b.mp3"), STR_INIT("a/b.mp3"), STR_INIT(""), STR_INIT(""),
         STR_INIT(""), 0},
        {"a mark and CRLF", STR_INIT("\xef\xbb\xbf#EXTM3U\r\n#EXTINF:12,X\r\n\r\n/a.mp3\r\n"),
         STR_INIT("/a.mp3"), STR_INIT(""), STR_INIT("X"), STR_INIT(""), 12000},
        {"Latin-1", STR_INIT("#EXTINF:1,Caf\xe9\nCaf\xe9.mp3\n"), STR_INIT("Caf\xc3\xa9.mp3"),
         STR_INIT(""), STR_INIT("Caf\xc3\xa9"), STR_INIT(""), 1000},
        {"attributes", STR_INIT("#EXTINF:-1 a=\"x, y\" b=\"z\",T\nt"), STR_INIT("t"), STR_INIT(""),
         STR_INIT("T"), STR_INIT(""), 0},
        {"parts of a second", STR_INIT("#EXTINF:3.25,T\nt"), STR_INIT("t"), STR_INIT(""),
         STR_INIT("T"), STR_INIT(""), 3250},
        {"artist and album", STR_INIT("#EXTALB:L\n#EXTINF:3,A - B - T\n#EXTART:A - B\nt"),
         STR_INIT("t"), STR_INIT("A - B"), STR_INIT("T"), STR_INIT("L"), 3000},
        {"an artist known from nowhere", STR_INIT("#extinf:3,A - T\nt"), STR_INIT("t"),
         STR_INIT(""), STR_INIT("A - T"), STR_INIT(""), 3000},
        {"a file: address", STR_INIT("file:///m/a%20b.mp3"), STR_INIT("/m/a b.mp3"), STR_INIT(""),
         STR_INIT(""), STR_INIT(""), 0},
        {"a path with a percent sign", STR_INIT("/m/100%20.mp3"), STR_INIT("/m/100%20.mp3"),
         STR_INIT(""), STR_INIT(""), STR_INIT(""), 0},
        {"of Windows", STR_INIT("C:\\m\\a.mp3"), STR_INIT("C:/m/a.mp3"), STR_INIT(""), STR_INIT(""),
         STR_INIT(""), 0},
        {"a stream", STR_INIT("http://radio.example/a?b=%20"),
         STR_INIT("http://radio.example/a?b=%20"), STR_INIT(""), STR_INIT(""), STR_INIT(""), 0},
        {"nonsense for a length", STR_INIT("#EXTINF:99999999999999999999,T\nt"), STR_INIT("t"),
         STR_INIT(""), STR_INIT("T"), STR_INIT(""), 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        playlist_file_t file = read_file(&arena, cases[i].text, PLAYLIST_M3U);
        cr_assert(file.count == 1, "%s: %zu", cases[i].what, file.count);
        const playlist_file_entry_t *entry = file.entries;
        cr_expect(str_equal(entry->location, cases[i].location), "%s: %.*s", cases[i].what,
                  STR_ARG(entry->location));
        cr_expect(str_equal(entry->artist, cases[i].artist), "%s", cases[i].what);
        cr_expect(str_equal(entry->title, cases[i].title), "%s: %.*s", cases[i].what,
                  STR_ARG(entry->title));
        cr_expect(str_equal(entry->album, cases[i].album), "%s", cases[i].what);
        cr_expect(entry->duration_ms == cases[i].duration_ms, "%s", cases[i].what);
    }
}

Test(m3u, what_is_said_of_an_entry_is_not_said_of_the_next)
{
    arena_t arena ARENA_SCOPED = {0};
    playlist_file_t file = read_file(
        &arena, STR("#PLAYLIST: N \n#EXTART:A\n#EXTALB:L\n#EXTINF:1,T\na\nb\n"), PLAYLIST_M3U8);
    check_str(file.name, STR("N"));
    cr_assert(eq(sz, file.count, 2));
    check_str(file.entries[1].artist, STR(""));
    check_str(file.entries[1].album, STR(""));
    check_str(file.entries[1].title, STR(""));
}

Test(m3u, what_says_it_is_utf8_and_is_not_is_refused)
{
    arena_t arena ARENA_SCOPED = {0};
    playlist_file_t file;
    check_err(playlist_file_read(STR("Caf\xe9"), PLAYLIST_M3U8, &arena, &file), ERR_INVALID);
    check_err(playlist_file_read(STR("\xef\xbb\xbf"
                                     "Caf\xe9"),
                                 PLAYLIST_M3U, &arena, &file),
              ERR_INVALID);
    check_err(playlist_file_read(STR("a\0b"), PLAYLIST_M3U, &arena, &file), ERR_INVALID);
}

/* ---- XSPF ---- */

#define HEAD "<?xml version='1.0'?><playlist version='1' xmlns='http://xspf.org/ns/0/'>"

Test(xspf, a_list_with_all_that_it_may_have_is_read)
{
    static const char text[] =
        HEAD "<title> My &amp; list </title><creator>no</creator><date>2024</date>"
             "<extension application='x'><title>no</title><trackList><track><title>no</title>"
             "</track></trackList></extension><trackList>"
             "<track><location>file:///m/a%20b.mp3</location><location>second</location>"
             "<title>T &#x41; <![CDATA[<x>]]></title><creator>A</creator><album>L</album>"
             "<duration>1234</duration><extension><title>no</title></extension></track>"
             "<track><location>http://x.example/a%20b</location></track>"
             "<track><title>only a name</title><duration>-5</duration></track>"
             "</trackList></playlist>";
    arena_t arena ARENA_SCOPED = {0};
    playlist_file_t file = read_file(&arena, STR(text), PLAYLIST_XSPF);
    check_str(file.name, STR("My & list"));
    cr_assert(eq(sz, file.count, 3));
    check_str(file.entries[0].location, STR("/m/a b.mp3"));
    check_str(file.entries[0].title, STR("T A <x>"));
    check_str(file.entries[0].artist, STR("A"));
    check_str(file.entries[0].album, STR("L"));
    cr_assert(eq(u64, file.entries[0].duration_ms, 1234));
    check_str(file.entries[1].location, STR("http://x.example/a%20b"));
    check_str(file.entries[2].title, STR("only a name"));
    cr_assert(eq(u64, file.entries[2].duration_ms, 0));
}

Test(xspf, what_is_no_list_is_refused)
{
    static const struct {
        const char *what;
        str_t text;
        err_t want;
    } cases[] = {
        {"nothing", STR_INIT(""), ERR_INVALID},
        {"no XML", STR_INIT("#EXTM3U"), ERR_INVALID},
        {"cut", STR_INIT(HEAD "<trackList>"), ERR_INVALID},
        {"another document", STR_INIT("<html><body/></html>"), ERR_INVALID},
        {"an entity",
         STR_INIT(
             "<!DOCTYPE playlist [<!ENTITY a 'aaaa'>]><playlist><title>&a;</title></playlist>"),
         ERR_INVALID},
        {"a file for an entity",
         STR_INIT("<!DOCTYPE playlist [<!ENTITY a SYSTEM 'file:///etc/passwd'"
                  ">]><playlist><title>&a;</title></playlist>"),
         ERR_INVALID},
        {"an entity from nowhere", STR_INIT(HEAD "<title>&nbsp;</title></playlist>"), ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        playlist_file_t file;
        err_t got = playlist_file_read(cases[i].text, PLAYLIST_XSPF, &arena, &file);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
}

Test(xspf, elements_lie_as_deep_as_the_limit_and_no_deeper)
{
    for (uint32_t extra = 0; extra < 2; extra++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t text BUF_SCOPED = BUF_INIT;
        playlist_file_t file;
        uint32_t depth = PLAYLIST_FILE_DEPTH_MAX - 1 + extra;
        buf_append(&text, STR(HEAD));
        for (uint32_t i = 0; i < depth; i++)
            buf_append(&text, STR("<x>"));
        for (uint32_t i = 0; i < depth; i++)
            buf_append(&text, STR("</x>"));
        buf_append(&text, STR("</playlist>"));
        check_err(playlist_file_read(buf_str(&text), PLAYLIST_XSPF, &arena, &file),
                  extra == 0 ? ERR_OK : ERR_LIMIT);
    }
}

/* ---- both ---- */

static const playlist_format_t both[] = {PLAYLIST_M3U8, PLAYLIST_XSPF};

Test(playlist_file, what_is_written_reads_back)
{
    static const playlist_file_entry_t entries[] = {
        {STR_INIT("/m/a b#c%20<&>.mp3"), STR_INIT("A - B & <C>"), STR_INIT("T - \"U\""),
         STR_INIT("L"), 61000},
        {STR_INIT("#x/\xe2\x98\x83.flac"), STR_INIT(""), STR_INIT("A - T"), STR_INIT(""), 0},
        {STR_INIT("/m/line\nend\xff.mp3"), STR_INIT("A"), STR_INIT("T"), STR_INIT(""), 1000},
        {STR_INIT("http://x.example/?a=b&c"), STR_INIT(""), STR_INIT(""), STR_INIT(""), 0},
    };
    const playlist_file_t file = {STR("N & n"), entries, COUNT_OF(entries)};
    for (size_t format = 0; format < COUNT_OF(both); format++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t text BUF_SCOPED = BUF_INIT;
        check_ok(playlist_file_write(&file, both[format], &text));
        playlist_file_t back = read_file(&arena, buf_str(&text), both[format]);
        check_str(back.name, file.name);
        cr_assert(eq(sz, back.count, file.count));
        for (size_t i = 0; i < file.count; i++) {
            str_t location = back.entries[i].location;
            if (str_starts_with(location, STR("./")))
                location = str_slice(location, 2, location.size);
            check_str(location, entries[i].location);
            check_str(back.entries[i].artist, entries[i].artist);
            check_str(back.entries[i].title, entries[i].title);
            check_str(back.entries[i].album, entries[i].album);
            cr_assert(eq(u64, back.entries[i].duration_ms, entries[i].duration_ms));
        }
    }
}

Test(playlist_file, a_file_holds_as_many_entries_as_the_limit_and_no_more)
{
    for (size_t format = 0; format < COUNT_OF(both); format++)
        for (size_t extra = 0; extra < 2; extra++) {
            arena_t arena ARENA_SCOPED = {0};
            buf_t text BUF_SCOPED = BUF_INIT;
            playlist_file_t file;
            bool is_xspf = both[format] == PLAYLIST_XSPF;
            buf_append(&text, is_xspf ? STR("<playlist><trackList>") : STR(""));
            for (size_t i = 0; i < PLAYLIST_FILE_ENTRIES_MAX + extra; i++)
                buf_append(&text, is_xspf ? STR("<track/>") : STR("a\n"));
            buf_append(&text, is_xspf ? STR("</trackList></playlist>") : STR(""));
            check_err(playlist_file_read(buf_str(&text), both[format], &arena, &file),
                      extra == 0 ? ERR_OK : ERR_LIMIT);
        }
}

Test(playlist_file, sizes_are_bounded)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    playlist_file_t file;
    for (size_t i = 0; i < PLAYLIST_FILE_LOCATION_SIZE_MAX; i++)
        buf_append_char(&text, 'a');
    check_ok(playlist_file_read(buf_str(&text), PLAYLIST_M3U, &arena, &file));
    buf_append_char(&text, 'a');
    check_err(playlist_file_read(buf_str(&text), PLAYLIST_M3U, &arena, &file), ERR_LIMIT);

    buf_reset(&text);
    buf_append(&text, STR("#PLAYLIST:"));
    for (size_t i = 0; i < PLAYLIST_FILE_TEXT_SIZE_MAX; i++)
        buf_append(&text, STR("\xc3\xa9"));
    check_ok(playlist_file_read(buf_str(&text), PLAYLIST_M3U, &arena, &file));
    cr_assert(eq(sz, file.name.size, PLAYLIST_FILE_TEXT_SIZE_MAX));

    buf_reset(&text);
    cr_assert(buf_extend(&text, PLAYLIST_FILE_SIZE_MAX) != NULL);
    memset(text.data, '\n', text.size);
    check_ok(playlist_file_read(buf_str(&text), PLAYLIST_M3U, &arena, &file));
    buf_append_char(&text, '\n');
    check_err(playlist_file_read(buf_str(&text), PLAYLIST_M3U, &arena, &file), ERR_LIMIT);
}

Test(playlist_file, formats_go_by_the_end_of_a_name)
{
    playlist_format_t format;
    check_ok(playlist_format_of(STR("/a.b/List.M3U8"), &format));
    cr_assert(format == PLAYLIST_M3U8);
    check_ok(playlist_format_of(STR("xspf"), &format));
    cr_assert(format == PLAYLIST_XSPF);
    check_err(playlist_format_of(STR("a.pls"), &format), ERR_INVALID);
    check_err(playlist_format_of(STR(""), &format), ERR_INVALID);
}
