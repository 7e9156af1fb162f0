/* The made-up catalog and what is typed: before anything is measured with them. */

#include "bench/search/asking.h"
#include "bench/search/typing.h"
#include "tests/storage/search/naive.h"
#include "tests/support/check.h"

#include "runtime/base/utf8.h"

static uint64_t hash_of(uint64_t tracks, const songs_t *songs)
{
    corpus_t corpus CORPUS_SCOPED;
    corpus_init(&corpus, 1, tracks, songs);
    search_source_t source = corpus_source(&corpus);
    search_document_t document;
    bool is_there;
    uint64_t hash = str_hash(STR("")), count = 0;
    while (source.next(source.context, &document, &is_there) == ERR_OK && is_there) {
        hash = str_hash_more(str_hash_more(hash, document.title), document.artist);
        check_true(utf8_is_valid(document.title) && document.title.size > 0);
        count++;
    }
    check_true(count == source.expected);
    return hash;
}

Test(corpus, the_same_seed_is_the_same_catalog)
{
    songs_t songs SONGS_SCOPED;
    songs_load(&songs);

    check_true(hash_of(5000, &songs) == hash_of(5000, &songs));
    check_true(hash_of(5000, &songs) != hash_of(6000, &songs));
}

Test(corpus, a_song_is_played_more_than_its_versions)
{
    songs_t songs SONGS_SCOPED;
    corpus_t corpus CORPUS_SCOPED;
    arena_t arena ARENA_SCOPED = {0};
    songs_load(&songs);
    corpus_init(&corpus, 1, 5000, &songs);
    uint64_t versions[SONGS_MAX] = {0}, first = corpus.made[SEARCH_TRACK] + songs.count;

    for (uint64_t i = first; i < corpus_count(&corpus, SEARCH_TRACK); i++) {
        search_document_t version = corpus_document(&corpus, SEARCH_TRACK, i, &arena);
        for (uint32_t song = 0; song < songs.count; song++) {
            if (!str_starts_with(version.title, songs.items[song].title) ||
                version.year != songs.items[song].year)
                continue;
            versions[song]++;
            check_true(
                version.plays <
                corpus_document(&corpus, SEARCH_TRACK, corpus_song(&corpus, song), &arena).plays);
        }
    }
    for (uint32_t song = 0; song < songs.count; song++)
        cr_expect(versions[song] >= 2, "%.*s", STR_ARG(songs.items[song].title));
}

Test(corpus, it_has_every_language_and_each_track_its_rank)
{
    corpus_t corpus CORPUS_SCOPED;
    arena_t arena ARENA_SCOPED = {0};
    corpus_init(&corpus, 1, 9600, NULL);
    uint64_t tongues[TONGUE_COUNT] = {0}, plays = UINT64_MAX;

    for (uint64_t i = 0; i < corpus.made[SEARCH_TRACK]; i++)
        tongues[corpus_tongue(&corpus, i)]++;
    for (uint64_t rank = 0; rank < corpus.made[SEARCH_TRACK]; rank++) {
        uint64_t track = rank * corpus.stride % corpus.made[SEARCH_TRACK];
        search_document_t document = corpus_document(&corpus, SEARCH_TRACK, track, &arena);
        check_true(document.plays <= plays);
        plays = document.plays;
        arena_reset(&arena);
    }

    for (uint32_t i = 0; i < TONGUE_COUNT; i++)
        cr_expect(tongues[i] > 20, "%.*s: %lu", STR_ARG(tongue_code((tongue_t)i)),
                  (unsigned long)tongues[i]);
}

static const char *const texts[] = {"a midnight train to georgia", "höhenflug über münchen",
                                    "ночной дозор", "사랑하는 사람", "حبيبي يا نور العين"};

Test(typing, a_mistake_is_one_edit)
{
    for (uint64_t i = 0; i < 2000; i++) {
        buf_t typed BUF_SCOPED = BUF_INIT;
        str_t text = str_from(texts[i % COUNT_OF(texts)]);
        uint32_t count = 1 + (uint32_t)(i / COUNT_OF(texts) % 2);
        if (!typing_mistaken(&typed, text, i, count))
            continue;
        uint32_t distance = naive_distance(text, buf_str(&typed));
        cr_assert(distance <= count && distance > 0 && utf8_is_valid(buf_str(&typed)),
                  "%u edits, not %u: %.*s", distance, count, STR_ARG(buf_str(&typed)));
    }
}

Test(typing, words_are_torn_and_run_together)
{
    for (uint64_t i = 0; i < 200; i++) {
        buf_t torn BUF_SCOPED = BUF_INIT, joined BUF_SCOPED = BUF_INIT;
        str_t text = str_from(texts[0]);

        check_true(typing_torn(&torn, text, i) && typing_run_together(&joined, text, i));

        check_true(torn.size == text.size + 1 && joined.size + 1 == text.size);
        check_true(naive_distance(text, buf_str(&torn)) == 1);
        check_true(naive_distance(text, buf_str(&joined)) == 1);
    }
}

Test(asking, every_kind_has_questions_and_knows_what_was_meant)
{
    songs_t songs SONGS_SCOPED;
    corpus_t corpus CORPUS_SCOPED;
    arena_t arena ARENA_SCOPED = {0};
    songs_load(&songs);
    corpus_init(&corpus, 1, 20000, &songs);
    corpus.lyrics_every = 6;

    for (uint32_t kind = 0; kind < ASKING_KIND_COUNT; kind++) {
        for (uint64_t i = 0; i < 20; i++) {
            asking_t asking = asking_make(&corpus, (asking_kind_t)kind, TONGUE_COUNT, i, &arena);
            search_result_t results[2] = {{.id = 0}, {.id = asking.track + 1}};
            cr_expect(asking.request.text.size > 0 || asking.request.filter.added_since_ms > 0,
                      "%s", asking_kind_name((asking_kind_t)kind));
            cr_expect(asking_place(&asking, &corpus, results, 2, &arena) == 1);
            cr_expect(asking_place(&asking, &corpus, results, 1, &arena) == 1);
        }
    }
}
