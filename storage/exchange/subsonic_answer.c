/* Alone in its file because jansson's json_t is not the writer's of runtime/base. */
#include "storage/exchange/subsonic_answer.h"

#include "runtime/base/text.h"
#include "storage/xml.h"

#include <jansson.h>

#define ENVELOPE "subsonic-response"

static const json_t *json_of(const subsonic_node_t *node)
{
    return (const json_t *)(const void *)node;
}

static const subsonic_node_t *node_of(const json_t *json)
{
    return (const subsonic_node_t *)(const void *)json;
}

void subsonic_answer_deinit(subsonic_answer_t *self)
{
    json_decref(self->tree); /* NULL is fine */
    arena_deinit(&self->arena);
    self->tree = NULL;
}

/* ---- XML as the same tree ---- */

typedef struct xml_tree {
    json_t *open[SUBSONIC_DEPTH_MAX + 1]; /* borrowed, but for the root */
    size_t depth;
} xml_tree_t;

static void xml_tree_deinit(xml_tree_t *self)
{
    json_decref(self->open[0]);
}

static err_t on_begin(void *context, str_t name)
{
    xml_tree_t *self = context;
    json_t *parent = self->open[self->depth], *object = json_object();
    if (self->depth == SUBSONIC_DEPTH_MAX) {
        json_decref(object);
        return ERR_LIMIT;
    }
    json_t *list = json_object_getn(parent, name.data, name.size);
    if (list == NULL) {
        list = json_array();
        if (json_object_setn_new(parent, name.data, name.size, list) != 0) {
            json_decref(object);
            return ERR_NO_MEMORY;
        }
    }
    /* An attribute of the same name: then it is no list, and no server of Subsonic. */
    if (!json_is_array(list)) {
        json_decref(object);
        return ERR_INVALID;
    }
    if (json_array_append_new(list, object) != 0)
        return ERR_NO_MEMORY;
    self->open[++self->depth] = object;
    return ERR_OK;
}

static err_t on_attribute(void *context, str_t name, str_t value)
{
    xml_tree_t *self = context;
    json_t *text = json_stringn(value.data, value.size);
    return json_object_setn_new(self->open[self->depth], name.data, name.size, text) == 0
               ? ERR_OK
               : ERR_NO_MEMORY;
}

static err_t on_end(void *context, str_t name)
{
    xml_tree_t *self = context;
    (void)name;
    self->depth--;
    return ERR_OK;
}

static err_t on_text(void *context, str_t text)
{
    (void)context, (void)text;
    return ERR_OK;
}

static err_t read_xml(str_t bytes, json_t **out_tree)
{
    static const xml_calls_t calls = {on_begin, on_attribute, on_end, on_text};
    xml_tree_t self SCOPED(xml_tree_deinit) = {.open = {json_object()}};
    if (self.open[0] == NULL)
        return ERR_NO_MEMORY;
    TRY(xml_read(bytes, &calls, &self));
    *out_tree = STEAL(self.open[0]);
    return ERR_OK;
}

static err_t read_json(str_t bytes, json_t **out_tree)
{
    json_error_t error;
    if (!text_json_nests_within(bytes, SUBSONIC_DEPTH_MAX))
        return ERR_LIMIT;
    *out_tree = json_loadb(bytes.data, bytes.size, 0, &error);
    if (*out_tree != NULL)
        return ERR_OK;
    return json_error_code(&error) == json_error_out_of_memory ? ERR_NO_MEMORY : ERR_INVALID;
}

err_t subsonic_answer_read(str_t bytes, subsonic_answer_t *out_answer)
{
    static const str_t mark = STR_INIT("\xef\xbb\xbf");
    json_t *tree = NULL;
    if (str_starts_with(bytes, mark))
        bytes = str_slice(bytes, mark.size, bytes.size);
    bytes = str_trim(bytes);
    if (str_is_empty(bytes))
        return ERR_INVALID;
    TRY(bytes.data[0] == '<' ? read_xml(bytes, &tree) : read_json(bytes, &tree));
    const subsonic_node_t *response = subsonic_child(node_of(tree), ENVELOPE);
    if (response == NULL) {
        json_decref(tree);
        return ERR_INVALID;
    }
    *out_answer = (subsonic_answer_t){.tree = tree, .response = response};
    return ERR_OK;
}

/* ---- looking at it ---- */

static const json_t *member(const subsonic_node_t *node, const char *name)
{
    return node == NULL ? NULL : json_object_get(json_of(node), name);
}

size_t subsonic_count(const subsonic_node_t *node, const char *name)
{
    const json_t *value = member(node, name);
    return json_is_array(value) ? json_array_size(value) : json_is_object(value) ? 1 : 0;
}

const subsonic_node_t *subsonic_at(const subsonic_node_t *node, const char *name, size_t index)
{
    const json_t *value = member(node, name);
    if (json_is_array(value))
        value = json_array_get(value, index);
    else if (index > 0)
        return NULL;
    return json_is_object(value) ? node_of(value) : NULL;
}

const subsonic_node_t *subsonic_child(const subsonic_node_t *node, const char *name)
{
    return subsonic_at(node, name, 0);
}

str_t subsonic_text(subsonic_answer_t *self, const subsonic_node_t *node, const char *name)
{
    const json_t *value = member(node, name);
    str_t text = STR("");
    if (json_is_string(value))
        text = str_of(json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        text = arena_printf(&self->arena, "%lld", (long long)json_integer_value(value));
    return text.data == NULL || text.size > SUBSONIC_TEXT_SIZE_MAX ? STR("") : text;
}

uint64_t subsonic_number(const subsonic_node_t *node, const char *name)
{
    enum { EXACT_MAX = 1 << 30 }; /* of a number with a part behind the point */
    const json_t *value = member(node, name);
    uint64_t number = 0;
    if (json_is_integer(value) && json_integer_value(value) > 0)
        return (uint64_t)json_integer_value(value);
    if (json_is_real(value) && json_real_value(value) >= 1 && json_real_value(value) < EXACT_MAX)
        return (uint64_t)json_real_value(value);
    if (json_is_string(value)) {
        str_t text = str_of(json_string_value(value), json_string_length(value));
        if (str_to_u64(str_slice(text, 0, str_find(text, '.')), &number) != ERR_OK)
            return 0;
    }
    return number;
}

bool subsonic_is(const subsonic_node_t *node, const char *name)
{
    const json_t *value = member(node, name);
    return json_is_true(value) ||
           (json_is_string(value) && strcmp(json_string_value(value), "true") == 0);
}
