#include "storage/xml.h"

#include "runtime/base/memory.h"

#include <expat.h>

typedef struct parse {
    XML_Parser parser;
    const xml_calls_t *calls;
    void *context;
    err_t err;
} parse_t;

static void parse_deinit(parse_t *self)
{
    XML_ParserFree(self->parser); /* NULL is fine */
}

/* A call that went before may have failed: expat makes some after it was stopped. */
static void went(parse_t *self, err_t err)
{
    if (err == ERR_OK)
        return;
    self->err = err;
    XML_StopParser(self->parser, XML_FALSE);
}

static str_t plain_name(const XML_Char *terminated)
{
    str_t name = str_from(terminated);
    size_t colon = str_find(name, ':'); /* a prefix may stand before it */
    return colon < name.size ? str_slice(name, colon + 1, name.size) : name;
}

static void XMLCALL on_begin(void *context, const XML_Char *name, const XML_Char **attributes)
{
    parse_t *self = context;
    if (self->err == ERR_OK)
        went(self, self->calls->begin(self->context, plain_name(name)));
    for (; self->calls->attribute != NULL && *attributes != NULL; attributes += 2)
        if (self->err == ERR_OK)
            went(self, self->calls->attribute(self->context, plain_name(attributes[0]),
                                              str_from(attributes[1])));
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    parse_t *self = context;
    if (self->err == ERR_OK)
        went(self, self->calls->end(self->context, plain_name(name)));
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    parse_t *self = context;
    if (self->err == ERR_OK)
        went(self, self->calls->text(self->context, str_of(text, (size_t)size)));
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    went(context, ERR_INVALID);
}

static void *resize(void *memory, size_t size)
{
    return memory_resize(memory, size, 1);
}

err_t xml_read(str_t bytes, const xml_calls_t *calls, void *context)
{
    static const XML_Memory_Handling_Suite heap = {memory_new_unset, resize, memory_free};
    parse_t self SCOPED(parse_deinit) = {.calls = calls, .context = context};
    self.parser = XML_ParserCreate_MM(NULL, &heap, NULL);
    if (self.parser == NULL)
        return ERR_NO_MEMORY;
    XML_SetUserData(self.parser, &self);
    XML_SetElementHandler(self.parser, on_begin, on_end);
    XML_SetCharacterDataHandler(self.parser, on_text);
    XML_SetStartDoctypeDeclHandler(self.parser, on_doctype);
    XML_SetParamEntityParsing(self.parser, XML_PARAM_ENTITY_PARSING_NEVER);
    bool is_read = XML_Parse(self.parser, bytes.data == NULL ? "" : bytes.data, (int)bytes.size,
                             XML_TRUE) == XML_STATUS_OK;
    TRY(self.err);
    if (is_read)
        return ERR_OK;
    return XML_GetErrorCode(self.parser) == XML_ERROR_NO_MEMORY ? ERR_NO_MEMORY : ERR_INVALID;
}
