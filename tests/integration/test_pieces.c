/* A folder of music that one node has: every node plays from it, and for a while after it is gone.
 */

#include "actors/protocol/transcode.h"
#include "gateway/hls/far_blob.h"
#include "tests/integration/peers_rig.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FOLDER = 0, SERVING = 1, OTHER = 2, KEEPING = 3, NEXT = 8 /* 30 s of segments */ };

Test(pieces, a_segment_comes_from_the_node_that_has_the_folder)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t here HTTP_RESPONSE_SCOPED = {0}, there HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 14);

    cr_assert(eq(int, peers_rig_segment(&rig, SERVING, 1, &there), 200));

    cr_assert(peers_rig_has(&rig, SERVING, 1));
    cr_assert(eq(int, peers_rig_segment(&rig, FOLDER, 1, &here), 200));
    cr_assert(str_contains(buf_str(&here.body), STR("moof")));
    check_str(buf_str(&there.body), buf_str(&here.body));
    cr_assert(eq(int, peers_rig_segment(&rig, SERVING, 99, &there), 404));
}

Test(pieces, what_is_heard_and_the_next_30_s_outlive_two_nodes)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 70);
    cr_assert(eq(int, peers_rig_segment(&rig, SERVING, 2, &response), 200));
    for (uint32_t i = 2; i <= 2 + NEXT; i++) {
        wait_until(peers_rig_has(&rig, SERVING, i));
        wait_until(peers_rig_has(&rig, KEEPING, i));
    }
    cr_assert_not(peers_rig_has(&rig, OTHER, 2));

    peers_rig_kill(&rig, FOLDER);

    for (uint32_t i = 2; i <= 2 + NEXT; i++)
        cr_assert(eq(int, peers_rig_segment(&rig, SERVING, i, &response), 200), "%u", i);
    peers_rig_kill(&rig, SERVING);
    for (uint32_t i = 2; i <= 2 + NEXT; i++)
        cr_assert(eq(int, peers_rig_segment(&rig, OTHER, i, &response), 200), "%u", i);
    cr_assert(eq(int, peers_rig_segment(&rig, OTHER, 0, &response), 503));
}

/* Nobody has noticed yet that the folder's node is dead, and only one node has copies. */
Test(pieces, who_keeps_copies_is_asked_alone_once_the_folders_node_was_away)
{
    enum { LAST = 3, KEPT = TRANSCODE_KEEP_MAX }; /* more than is fetched ahead of the last */
    _Static_assert((int)KEPT > (int)LAST + (int)NEXT, "or it finds one that nobody has");
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 70);
    check_ok(peers_rig_keep(&rig, KEEPING, 0, KEPT));
    wait_until(peers_rig_has(&rig, KEEPING, KEPT - 1));

    peers_rig_kill(&rig, FOLDER);
    rig.peers[FOLDER].is_alive = true;

    for (uint32_t i = 0; i <= LAST; i++)
        cr_assert(eq(int, peers_rig_segment(&rig, OTHER, i, &response), 200), "%u", i);
    cr_assert(eq(u64, piece_client_counts(rig.peers[OTHER].pieces).failed, 1));
}

/* One segment of a row that can't be had for a while costs that while, not the row. */
Test(pieces, a_copy_that_fails_is_fetched_later_and_the_rest_too)
{
    enum { BEFORE = 2 };
    peers_rig_t rig PEERS_RIG_SCOPED;
    peers_rig_begin(&rig, 40);
    peer_t *keeping = &rig.peers[KEEPING];
    keeping->fetches_left = BEFORE;

    check_ok(peers_rig_keep(&rig, KEEPING, 0, NEXT));

    wait_until(keeping->fetches_refused >= 2);
    cr_assert(peers_rig_has(&rig, KEEPING, BEFORE - 1));
    cr_assert_not(peers_rig_has(&rig, KEEPING, BEFORE));
    keeping->fetches_left = -1;
    for (uint32_t i = BEFORE; i < NEXT; i++)
        wait_until(peers_rig_has(&rig, KEEPING, i));
}

/* The folder's own node serves: what comes next is on one other. */
Test(pieces, the_folders_node_may_die_under_its_own_listeners)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 40);
    cr_assert(eq(int, peers_rig_segment(&rig, FOLDER, 0, &response), 200));
    wait_until(peers_rig_has(&rig, KEEPING, NEXT));

    peers_rig_kill(&rig, FOLDER);

    for (uint32_t i = 0; i <= NEXT; i++)
        cr_assert(eq(int, peers_rig_segment(&rig, SERVING, i, &response), 200), "%u", i);
}

Test(pieces, nothing_is_copied_where_another_node_has_the_folder_too)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 14);
    rig.peers[OTHER].is_reader = true;
    check_ok(root_places_set(rig.peers[OTHER].places, STR("music"), str_from(rig.library.music),
                             STR("")));

    for (uint32_t i = 0; i < 3; i++)
        cr_assert(eq(int, peers_rig_segment(&rig, FOLDER, i, &response), 200));

    cr_assert_not(peers_rig_has(&rig, KEEPING, 0));
}

/* A node that hangs, and is still thought to live. */
static int open_silent(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 16) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

Test(pieces, a_node_that_hangs_is_passed_over)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    uint16_t silent_port = 0;
    peers_rig_begin(&rig, 14);
    int silent = open_silent(&silent_port);
    root_node_t nodes[] = {peers_rig_node(&rig, FOLDER), peers_rig_node(&rig, FOLDER)};
    snprintf(nodes[0].address, sizeof nodes[0].address, "127.0.0.1:%u", (unsigned)silent_port);
    char target[128];
    snprintf(target, sizeof target, "/pieces/original/%s?from=0", rig.track);
    piece_client_options_t options = {.keys = rig.keys, .answer_ms = 1000};
    piece_client_t *client PIECE_CLIENT_SCOPED = NULL;
    check_ok(piece_client_new(&options, &client));

    for (int i = 0; i < 2; i++) {
        buf_t content BUF_SCOPED = BUF_INIT;
        piece_t piece = {0};
        /* The other may be slow, too: then it is asked again. */
        wait_until(piece_client_ask(client, nodes, COUNT_OF(nodes), str_from(target), &content,
                                    &piece) == ERR_OK);
        cr_assert(eq(u64, piece.total, 44 + 14 * 44100 * 4));
        cr_assert(eq(sz, piece.content.size, PIECE_SIZE_MAX));
    }
    close(silent);
}

Test(pieces, an_original_comes_in_ranges_from_another_node)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t here HTTP_RESPONSE_SCOPED = {0}, there HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 14); /* three pieces */
    static const struct {
        const char *what, *method, *headers;
        int status;
    } cases[] = {
        {"all of it", "GET", NULL, 200},
        {"its beginning", "GET", "Range: bytes=0-99\r\n", 206},
        {"over an edge", "GET", "Range: bytes=1048000-1049999\r\n", 206},
        {"the last piece", "GET", "Range: bytes=2100000-\r\n", 206},
        {"its end", "GET", "Range: bytes=-10\r\n", 206},
        {"behind it", "GET", "Range: bytes=99999999-\r\n", 416},
        {"of another file", "GET", "If-Range: \"other\"\r\nRange: bytes=1200000-1200009\r\n", 200},
        {"all of it, from the cache", "GET", NULL, 200},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int want = peers_rig_original(&rig, FOLDER, cases[i].method, cases[i].headers, &here);
        int got = peers_rig_original(&rig, SERVING, cases[i].method, cases[i].headers, &there);
        cr_expect(want == cases[i].status && got == want, "%s: %d, %d", cases[i].what, want, got);
        cr_expect(str_equal(buf_str(&here.body), buf_str(&there.body)), "%s: %zu, %zu",
                  cases[i].what, here.body.size, there.body.size);
        static const char *const names[] = {"ETag", "Content-Range", "Content-Type",
                                            "Content-Length", "Accept-Ranges"};
        for (size_t j = 0; j < COUNT_OF(names); j++)
            cr_expect(str_equal(http_response_header(&here, names[j]),
                                http_response_header(&there, names[j])),
                      "%s: %s", cases[i].what, names[j]);
    }

    char known[128];
    snprintf(known, sizeof known, "If-None-Match: %.*s\r\n",
             STR_ARG(http_response_header(&there, "ETag")));
    cr_assert(eq(int, peers_rig_original(&rig, SERVING, "GET", known, &there), 304));
    peers_rig_kill(&rig, FOLDER);
    cr_assert(eq(int, peers_rig_original(&rig, SERVING, "GET", NULL, &there), 200));
    cr_assert(eq(int, peers_rig_original(&rig, OTHER, "GET", NULL, &there), 503));
}

/* Pieces of two files are never put together: the answer is cut off instead. */
Test(pieces, an_original_that_changes_meanwhile_is_cut_off)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 14);
    cr_assert(
        eq(int, peers_rig_original(&rig, SERVING, "GET", "Range: bytes=0-9\r\n", &response), 206));

    music_file_write_wav(rig.library.music, "sine.wav", 44100, 14, 880);

    cr_assert(lt(int, peers_rig_original(&rig, SERVING, "GET", NULL, &response), 0));
}

static int raw(peers_rig_t *rig, const char *method, str_t target, str_t proof,
               http_response_t *response)
{
    char header[128], text[256];
    snprintf(header, sizeof header, "%s: %.*s\r\n", PIECE_HEADER, STR_ARG(proof));
    snprintf(text, sizeof text, "%.*s", STR_ARG(target));
    http_response_deinit(response);
    *response = (http_response_t){0};
    check_ok(http_fetch(rig->peers[FOLDER].port, method, text, header, STR(""), response));
    return response->status;
}

Test(pieces, only_who_has_the_key_is_answered_and_can_read_the_answer)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    piece_keys_t *others PIECE_KEYS_SCOPED = NULL;
    char proof[PIECE_PROOF_SIZE], foreign[PIECE_PROOF_SIZE], text[128];
    peers_rig_begin(&rig, 3);
    snprintf(text, sizeof text, "/pieces/original/%s?from=0", rig.track);
    str_t target = str_from(text);
    check_ok(piece_keys_new(STR("a secret of somebody else"), &others));
    check_ok(piece_sign(rig.keys, STR("GET"), target, proof));
    check_ok(piece_sign(others, STR("GET"), target, foreign));

    cr_assert(eq(int, raw(&rig, "GET", target, STR(""), &response), 403));
    cr_assert(eq(int, raw(&rig, "GET", target, str_from(foreign), &response), 403));
    snprintf(text + strlen(text) - 1, 2, "1");
    cr_assert(eq(int, raw(&rig, "GET", target, str_from(proof), &response), 403));
    snprintf(text + strlen(text) - 1, 2, "0");
    cr_assert(eq(int, raw(&rig, "GET", target, str_from(proof), &response), 200));

    buf_t content BUF_SCOPED = BUF_INIT;
    piece_t piece;
    str_t body = buf_str(&response.body);
    cr_assert_not(str_contains(body, STR("WAVE")));
    check_err(piece_open(others, str_from(proof), target, body, &content, &piece), ERR_CORRUPT);
    check_err(piece_open(rig.keys, str_from(foreign), target, body, &content, &piece), ERR_CORRUPT);
    check_ok(piece_open(rig.keys, str_from(proof), target, body, &content, &piece));
    cr_assert(str_contains(piece.content, STR("WAVE")));
}

Test(pieces, what_is_asked_wrongly_is_refused)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    peers_rig_begin(&rig, 3);
    const struct {
        const char *method, *before, *after; /* the track */
        int want;
    } cases[] = {
        {"GET", "/pieces/original/", "?from=0", 200},
        {"GET", "/pieces/original/", "?from=99999999", 400},
        {"GET", "/pieces/original/", "?from=x", 400},
        {"GET", "/pieces/original/", "?from=0&version=7", 409},
        {"GET", "/pieces/original/9", "", 404},
        {"GET", "/pieces/segment/", "/0000000000000000/aac64/0", 200},
        {"GET", "/pieces/segment/", "/0000000000000007/aac64/0", 409},
        {"GET", "/pieces/segment/", "/0000000000000000/aac64/99", 404},
        {"GET", "/pieces/segment/", "/0000000000000000/aac64/1?only=cached", 404},
        {"GET", "/pieces/segment/", "/0000000000000000/aac64/0?only=else", 400},
        {"GET", "/pieces/segment/", "/000000000000000g/aac64/0", 400},
        {"GET", "/pieces/segment/", "/00/aac64/0", 400},
        {"GET", "/pieces/segment/", "/0000000000000000/mp3/0", 404},
        {"GET", "/pieces/blob/else/", "/-", 404},
        {"GET", "/pieces/blob/artwork/", "/-", 400},
        {"POST", "/pieces/keep/", "/aac64?first=0&count=1", 202},
        {"POST", "/pieces/keep/", "/aac64?first=0&count=17", 400},
        {"POST", "/pieces/keep/", "/aac64?first=70000&count=1", 400},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char target[128], proof[PIECE_PROOF_SIZE];
        snprintf(target, sizeof target, "%s%s%s", cases[i].before, rig.track, cases[i].after);
        check_ok(piece_sign(rig.keys, str_from(cases[i].method), str_from(target), proof));
        int got = raw(&rig, cases[i].method, str_from(target), str_from(proof), &response);
        cr_expect(got == cases[i].want, "%s: %d", target, got);
    }
}

/* What one node has not, it does not fetch for another. */
Test(pieces, nothing_goes_in_circles)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    char target[128];
    peers_rig_begin(&rig, 3);
    const root_node_t node = peers_rig_node(&rig, OTHER);
    static const char *const parts[][2] = {{"/pieces/segment/", "/0000000000000000/aac64/0"},
                                           {"/pieces/original/", ""}};

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_t content BUF_SCOPED = BUF_INIT;
        piece_t piece;
        snprintf(target, sizeof target, "%s%s%s", parts[i][0], rig.track, parts[i][1]);
        check_err(
            piece_client_get(rig.peers[SERVING].pieces, &node, str_from(target), &content, &piece),
            ERR_NOT_FOUND);
    }
    cr_assert_not(peers_rig_has(&rig, OTHER, 0));
}

static int get_cover(peers_rig_t *rig, size_t number, const char *hash, http_response_t *response)
{
    char target[128];
    snprintf(target, sizeof target, "/artwork/%s/300", hash);
    http_response_deinit(response);
    *response = (http_response_t){0};
    check_ok(http_fetch(rig->peers[number].port, "GET", target, NULL, STR(""), response));
    return response->status;
}

Test(pieces, a_cover_and_lyrics_come_from_the_node_that_scanned)
{
    peers_rig_t rig PEERS_RIG_SCOPED;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    buf_t lyrics BUF_SCOPED = BUF_INIT;
    blob_hash_t cover, text, none;
    peers_rig_begin(&rig, 3);
    const api_t *serving = &rig.peers[SERVING].api;
    check_ok(blob_put(rig.library.artwork, STR("large"), &cover));
    check_ok(blob_variant_put(rig.library.artwork, str_from(cover.text), STR("300.jpg"),
                              STR("a picture")));
    check_ok(blob_put(rig.library.lyrics, STR("long words"), &text));
    check_ok(blob_hash_of(STR("nobody has it"), &none));

    cr_assert(eq(int, get_cover(&rig, SERVING, cover.text, &response), 200));
    check_str(buf_str(&response.body), STR("a picture"));
    check_ok(far_blob_get(serving, "lyrics", str_from(text.text), &lyrics));
    check_str(buf_str(&lyrics), STR("long words"));
    cr_assert(eq(int, get_cover(&rig, SERVING, none.text, &response), 404));
    cr_assert(eq(int, get_cover(&rig, SERVING, "no-hash", &response), 404));

    peers_rig_kill(&rig, FOLDER);
    cr_assert(eq(int, get_cover(&rig, SERVING, cover.text, &response), 200));
    check_ok(blob_get(serving->lyrics, str_from(text.text), &lyrics));
}
