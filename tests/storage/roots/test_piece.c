/* Requests and answers between nodes: what is signed and sealed, and nothing else, is taken. */

#include "runtime/base/memory.h"
#include "storage/roots/piece.h"
#include "tests/support/check.h"
#include "tests/support/faults/each_failing.h"

static const str_t TARGET = STR_INIT("/pieces/original/42?from=0");

typedef struct rig {
    piece_keys_t *keys;
    char proof[PIECE_PROOF_SIZE];
} rig_t;

static void rig_end(rig_t *self)
{
    piece_keys_free(self->keys);
}

static void begin(rig_t *self)
{
    check_ok(piece_keys_new(STR("0123456789abcdef"), &self->keys));
    check_ok(piece_sign(self->keys, STR("GET"), TARGET, self->proof));
}

Test(piece, a_secret_has_to_be_one)
{
    piece_keys_t *keys PIECE_KEYS_SCOPED = NULL;

    check_err(piece_keys_new(STR("0123456789abcde"), &keys), ERR_INVALID);
    check_err(piece_keys_new((str_t){"", 0}, &keys), ERR_INVALID);
    check_ok(piece_keys_new(STR("0123456789abcdef"), &keys));
}

/* Three steps of replacing a secret: the old one, both with either first, the new one. */
Test(piece, while_a_secret_is_replaced_nodes_of_both_orders_understand_each_other)
{
    static const str_t OLD = STR_INIT("an old secret of 16"), NEW = STR_INIT("a new secret of 16.");
    piece_keys_t *old_only PIECE_KEYS_SCOPED = NULL, *old_first PIECE_KEYS_SCOPED = NULL,
                           *new_first PIECE_KEYS_SCOPED = NULL, *new_only PIECE_KEYS_SCOPED = NULL;
    check_ok(piece_keys_new(OLD, &old_only));
    check_ok(piece_keys_new(OLD, &old_first));
    check_ok(piece_keys_accept(old_first, NEW));
    check_ok(piece_keys_new(NEW, &new_first));
    check_ok(piece_keys_accept(new_first, OLD));
    check_ok(piece_keys_new(NEW, &new_only));
    check_err(piece_keys_accept(new_only, STR("short")), ERR_INVALID);
    const struct {
        const char *what;
        const piece_keys_t *asker, *answerer;
        bool want;
    } cases[] = {
        {"nothing changed yet here", old_only, old_first, true},
        {"nor there", old_first, old_only, true},
        {"one is ahead", new_first, old_first, true},
        {"one is behind", old_first, new_first, true},
        {"the old one is gone here", new_only, new_first, true},
        {"and there", new_first, new_only, true},
        {"nobody accepts what is gone", old_first, new_only, false},
        {"nor what it never had", new_first, old_only, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char proof[PIECE_PROOF_SIZE];
        const piece_keys_t *keys = NULL;
        buf_t sealed BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
        piece_t got;
        check_ok(piece_sign(cases[i].asker, STR("GET"), TARGET, proof));

        err_t err = piece_keys_find(cases[i].answerer, STR("GET"), TARGET, str_from(proof), &keys);

        cr_assert(err == (cases[i].want ? ERR_OK : ERR_FORBIDDEN), "%s: %s", cases[i].what,
                  err_text(err));
        if (err != ERR_OK)
            continue;
        check_ok(
            piece_seal(keys, str_from(proof), TARGET, &(piece_t){7, 1, STR("content")}, &sealed));
        check_ok(piece_open(cases[i].asker, str_from(proof), TARGET, buf_str(&sealed), &out, &got));
        check_str(got.content, STR("content"));
    }
}

Test(piece, a_proof_is_good_for_its_method_and_target)
{
    rig_t rig SCOPED(rig_end) = {0};
    char again[PIECE_PROOF_SIZE], longer[PIECE_TARGET_SIZE_MAX + 2];
    begin(&rig);
    str_t proof = str_from(rig.proof);
    memset(longer, 'a', sizeof longer);

    check_ok(piece_check(rig.keys, STR("GET"), TARGET, proof));
    check_err(piece_check(rig.keys, STR("POST"), TARGET, proof), ERR_FORBIDDEN);
    check_err(piece_check(rig.keys, STR("GET"), STR("/pieces/original/42?from=1"), proof),
              ERR_FORBIDDEN);
    check_err(piece_check(rig.keys, STR("GET"), TARGET, (str_t){NULL, 0}), ERR_FORBIDDEN);
    for (size_t i = 0; i < proof.size; i++) {
        check_err(piece_check(rig.keys, STR("GET"), TARGET, str_slice(proof, 0, i)), ERR_FORBIDDEN);
        rig.proof[i] = rig.proof[i] == 'A' ? 'B' : 'A';
        check_err(piece_check(rig.keys, STR("GET"), TARGET, proof), ERR_FORBIDDEN);
        check_ok(piece_sign(rig.keys, STR("GET"), TARGET, rig.proof));
    }
    check_ok(piece_sign(rig.keys, STR("GET"), TARGET, again));
    cr_assert(strcmp(again, rig.proof) != 0, "two requests are not the same");
    check_ok(piece_sign(rig.keys, STR("GET"), str_of(longer, PIECE_TARGET_SIZE_MAX), again));
    check_err(piece_sign(rig.keys, STR("GET"), str_of(longer, PIECE_TARGET_SIZE_MAX + 1), again),
              ERR_LIMIT);
}

Test(piece, what_was_sealed_opens_for_its_request_alone)
{
    rig_t rig SCOPED(rig_end) = {0};
    buf_t sealed BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    const piece_t piece = {1ull << 40, 0xfedcba9876543210ull, STR("some sound")};
    piece_t got = {0};
    begin(&rig);
    str_t proof = str_from(rig.proof);
    buf_append(&out, STR("before"));

    check_ok(piece_seal(rig.keys, proof, TARGET, &piece, &sealed));
    check_ok(piece_open(rig.keys, proof, TARGET, buf_str(&sealed), &out, &got));

    cr_assert(eq(sz, sealed.size, PIECE_OVERHEAD + piece.content.size));
    cr_assert(eq(u64, got.total, piece.total));
    cr_assert(eq(u64, got.version, piece.version));
    check_str(got.content, piece.content);
    check_str(buf_str(&out), STR("beforesome sound"));
    check_err(piece_open(rig.keys, proof, STR("/else"), buf_str(&sealed), &out, &got), ERR_CORRUPT);
    check_err(piece_open(rig.keys, STR("else"), TARGET, buf_str(&sealed), &out, &got), ERR_CORRUPT);
    for (size_t i = 0; i < sealed.size; i++) {
        check_err(
            piece_open(rig.keys, proof, TARGET, str_slice(buf_str(&sealed), 0, i), &out, &got),
            ERR_CORRUPT);
        sealed.data[i] ^= 1;
        check_err(piece_open(rig.keys, proof, TARGET, buf_str(&sealed), &out, &got), ERR_CORRUPT);
        sealed.data[i] ^= 1;
    }
    check_str(buf_str(&out), STR("beforesome sound"));
}

Test(piece, it_holds_a_mebibyte_and_no_more)
{
    rig_t rig SCOPED(rig_end) = {0};
    buf_t sealed BUF_SCOPED = BUF_INIT, out BUF_SCOPED = BUF_INIT;
    char *bytes MEMORY_SCOPED = memory_new(PIECE_SIZE_MAX + 1);
    piece_t piece = {7, 0, {bytes, PIECE_SIZE_MAX + 1}}, got = {0};
    begin(&rig);
    str_t proof = str_from(rig.proof);

    check_err(piece_seal(rig.keys, proof, TARGET, &piece, &sealed), ERR_LIMIT);
    piece.content.size--;
    check_ok(piece_seal(rig.keys, proof, TARGET, &piece, &sealed));
    check_ok(piece_open(rig.keys, proof, TARGET, buf_str(&sealed), &out, &got));
    cr_assert(eq(sz, got.content.size, PIECE_SIZE_MAX));
    buf_append_char(&sealed, 'x');
    check_err(piece_open(rig.keys, proof, TARGET, buf_str(&sealed), &out, &got), ERR_LIMIT);
}

/* ---- without memory ---- */

typedef struct round {
    piece_keys_t *keys;
    buf_t sealed, out;
} round_t;

static err_t use(void *context)
{
    round_t *self = context;
    char proof[PIECE_PROOF_SIZE];
    piece_t piece = {10, 1, STR("some sound")}, got;
    TRY(piece_keys_new(STR("0123456789abcdef"), &self->keys));
    TRY(piece_sign(self->keys, STR("GET"), TARGET, proof));
    TRY(piece_check(self->keys, STR("GET"), TARGET, str_from(proof)));
    TRY(piece_seal(self->keys, str_from(proof), TARGET, &piece, &self->sealed));
    return piece_open(self->keys, str_from(proof), TARGET, buf_str(&self->sealed), &self->out,
                      &got);
}

static void end(void *context)
{
    round_t *self = context;
    piece_keys_free(STEAL(self->keys));
    buf_deinit(&self->sealed);
    buf_deinit(&self->out);
}

Test(piece, without_memory_it_says_so)
{
    round_t round = {0};
    uint64_t rounds = 0;
    buf_t problem BUF_SCOPED = BUF_INIT;
    each_failing_t each = {.use = use, .end = end, .context = &round};

    bool holds = each_failing_holds(&each, &rounds, &problem);

    cr_assert(holds, "%.*s", STR_ARG(buf_str(&problem)));
    cr_assert(gt(u64, rounds, 5));
}
