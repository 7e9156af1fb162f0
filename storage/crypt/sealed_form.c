#include "storage/crypt/sealed_form.h"

#include "runtime/outbox.h"

#include <openssl/crypto.h>

enum { WHOLE = 0xc1, CONTEXT_SIZE_MAX = 2 + 8 + 2 * 256 };

/* ---- whose ---- */

const sealed_kind_t *sealed_kind_of(const sealed_kind_t *kinds, size_t count, str_t stream)
{
    str_t name = str_slice(stream, 0, str_find(stream, '/'));
    for (size_t i = 0; i < count; i++)
        if (str_equal(str_from(kinds[i].name), name))
            return &kinds[i];
    return NULL;
}

const schema_t *sealed_schema(const sealed_kind_t *kind, str_t event)
{
    for (size_t i = 0; kind->events[i] != NULL; i++)
        if (str_equal(str_from(kind->events[i]->name), event))
            return kind->events[i];
    /* Each kind's: a message to another actor. */
    return str_equal(str_from(outbox_sent_schema.name), event) ? &outbox_sent_schema : NULL;
}

static str_t key_of(str_t stream)
{
    return str_slice(stream, str_find(stream, '/') + 1, stream.size);
}

err_t sealed_subject(const sealed_place_t *place, str_t payload, str_t *out_subject)
{
    const schema_t *schema = sealed_schema(place->kind, place->event);
    if (schema != NULL && (schema->marks & FIELD_SUBJECT) != 0 &&
        schema_find_marked_str(schema, payload, FIELD_SUBJECT, out_subject) == ERR_OK)
        return ERR_OK;
    if (!place->kind->is_owned)
        return ERR_INVALID;
    *out_subject = key_of(place->stream);
    return ERR_OK;
}

str_t sealed_snapshot_subject(const sealed_place_t *place)
{
    return place->kind->is_owned ? key_of(place->stream) : SEALED_SHARED;
}

bool sealed_has(str_t answer_or_snapshot)
{
    return answer_or_snapshot.size > 0 && (uint8_t)answer_or_snapshot.data[0] == WHOLE;
}

/* ---- where ---- */

static char *put_str(char *at, str_t s_)
{
    str_t s = str_slice(s_, 0, 255);
    *at++ = (char)s.size;
    if (s.size > 0)
        memcpy(at, s.data, s.size);
    return at + s.size;
}

/* The sizes are in it, so that no two places read the same. */
static str_t context_of(const sealed_place_t *place, char what, char room[CONTEXT_SIZE_MAX])
{
    char *at = room;
    *at++ = what;
    memcpy(at, &place->version, sizeof place->version);
    at = put_str(at + sizeof place->version, place->stream);
    at = put_str(at, place->event);
    return str_of(room, (size_t)(at - room));
}

/* ---- events ---- */

err_t sealed_event_put(vault_t *vault, const sealed_place_t *place, const sealed_plain_t *plain,
                       buf_t *out)
{
    const schema_t *schema = sealed_schema(place->kind, place->event);
    char context[CONTEXT_SIZE_MAX];
    schema_split_t split;
    str_t subject, answer = plain->answer;
    size_t before = out->size, at;
    if (schema == NULL || (schema->marks & SEALED_MARKS) == 0)
        return ERR_OK;
    TRY(schema_split(schema, plain->payload, SEALED_MARKS, &split));
    if (split.marked_count == 0)
        return ERR_OK;
    TRY(sealed_subject(place, plain->payload, &subject));
    size_t size = split.marked_size + answer.size;
    TRY(schema_split_put(&split, size + VAULT_SEALED_MORE, VAULT_SEALED_HEAD, out, &at));
    char *text = out->data + at + VAULT_SEALED_HEAD;
    if (answer.size > 0)
        memcpy(text + split.marked_size, answer.data, answer.size);
    err_t err = vault_seal_here(vault, subject, context_of(place, 'e', context), out->data + at,
                                size, plain->may_fetch);
    if (err != ERR_OK) {
        OPENSSL_cleanse(text, size);
        out->size = before;
    }
    return err;
}

err_t sealed_marked_open(vault_t *vault, const sealed_place_t *place, str_t subject, str_t sealed,
                         buf_t *out)
{
    char context[CONTEXT_SIZE_MAX];
    err_t err = vault_unseal(vault, subject, context_of(place, 'e', context), sealed, out);
    return err == ERR_CONFLICT ? ERR_CORRUPT : err;
}

err_t sealed_event_marked(vault_t *vault, const sealed_place_t *place, str_t payload, buf_t *room,
                          sealed_plain_t *out_marked)
{
    str_t sealed, subject;
    sealed_plain_t marked = {0};
    if (schema_find_sealed(payload, &sealed) != ERR_OK ||
        sealed_subject(place, payload, &subject) != ERR_OK)
        return ERR_CORRUPT;
    err_t err = sealed_marked_open(vault, place, subject, sealed, room);
    if (err == ERR_OK && schema_wire_cut(buf_str(room), &marked.payload, &marked.answer) != ERR_OK)
        err = ERR_CORRUPT;
    if (err != ERR_OK && err != ERR_STALE) /* erased: without its marked fields */
        return err;
    *out_marked = marked;
    return ERR_OK;
}

/* Written before anything was sealed: it goes with its subject all the same. */
static err_t get_plain(vault_t *vault, const sealed_place_t *place, const schema_t *schema,
                       str_t payload, buf_t *out)
{
    str_t subject;
    bool is_erased = false;
    if (sealed_subject(place, payload, &subject) != ERR_OK)
        return ERR_OK;
    err_t err = vault_is_erased(vault, subject, &is_erased);
    if (err == ERR_NOT_FOUND || err == ERR_INVALID)
        return ERR_OK;
    TRY(err);
    return is_erased ? schema_join_marked(schema, payload, SEALED_MARKS, (str_t){NULL, 0}, out)
                     : ERR_OK;
}

err_t sealed_event_get(vault_t *vault, const sealed_place_t *place, str_t payload, buf_t *out,
                       buf_t *out_answer)
{
    const schema_t *schema = sealed_schema(place->kind, place->event);
    buf_t room AEAD_BUF_SCOPED = BUF_INIT;
    sealed_plain_t marked;
    str_t sealed;
    if (schema == NULL || (schema->marks & SEALED_MARKS) == 0)
        return ERR_OK;
    err_t err = schema_find_sealed(payload, &sealed);
    if (err == ERR_NOT_FOUND)
        return get_plain(vault, place, schema, payload, out);
    TRY(sealed_event_marked(vault, place, payload, &room, &marked));
    err = schema_join_marked(schema, payload, SEALED_MARKS, marked.payload, out);
    buf_append(out_answer, marked.answer);
    TRY(err == ERR_INVALID ? ERR_CORRUPT : err);
    return buf_status(out_answer);
}

/* ---- answers and snapshots ---- */

err_t sealed_whole_put(vault_t *vault, const sealed_place_t *place, str_t subject, str_t plain,
                       buf_t *out)
{
    char context[CONTEXT_SIZE_MAX];
    buf_append_char(out, (char)WHOLE);
    return vault_seal(vault, subject,
                      context_of(place, str_is_empty(place->event) ? 's' : 'a', context), plain,
                      out);
}

err_t sealed_whole_get(vault_t *vault, const sealed_place_t *place, str_t subject, str_t sealed,
                       buf_t *out)
{
    char context[CONTEXT_SIZE_MAX];
    return vault_unseal(vault, subject,
                        context_of(place, str_is_empty(place->event) ? 's' : 'a', context),
                        str_slice(sealed, 1, sealed.size), out);
}
