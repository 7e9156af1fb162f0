/* From schema documents to resolved types: first every type gets its place, then its content. */
#include "gateway/graphql/schema/schema.h"

typedef struct builder {
    gql_schema_t *schema;
    arena_t *arena;
    buf_t *problems;
    const gql_document_t *const *documents;
    size_t document_count;
    bool is_out_of_memory;
} builder_t;

#define PROBLEM(self, ...)                                                                         \
    do {                                                                                           \
        buf_printf((self)->problems, __VA_ARGS__);                                                 \
        buf_append_char((self)->problems, '\n');                                                   \
    } while (0)

static void *new_array(builder_t *self, size_t count, size_t size)
{
    void *array = arena_new_array(self->arena, MAX(count, (size_t)1), size);
    self->is_out_of_memory |= array == NULL;
    return array;
}

static str_t text_of(const gql_literal_t *description)
{
    return description == NULL ? (str_t){NULL, 0} : description->text;
}

static bool is_type(const gql_definition_t *definition)
{
    return definition->kind >= GQL_DEFINE_SCALAR && definition->kind <= GQL_DEFINE_INPUT;
}

static gql_kind_t kind_of(const gql_definition_t *definition)
{
    return (gql_kind_t)(definition->kind - GQL_DEFINE_SCALAR);
}

/* Walks the definitions of all documents, built-in ones first. */
static const gql_definition_t *first_from(const builder_t *self, size_t *document)
{
    for (; *document < self->document_count; (*document)++)
        if (self->documents[*document]->definitions != NULL)
            return self->documents[*document]->definitions;
    return NULL;
}

static const gql_definition_t *next_from(const builder_t *self, size_t *document,
                                         const gql_definition_t *definition)
{
    if (definition->next != NULL)
        return definition->next;
    (*document)++;
    return first_from(self, document);
}

#define EACH_DEFINITION(self, definition, document)                                                \
    size_t document = 0;                                                                           \
    for (const gql_definition_t *definition = first_from(self, &document); definition != NULL;     \
         definition = next_from(self, &document, definition))

static void deprecate(const gql_directive_t *directives, bool *out_is_deprecated, str_t *out_reason)
{
    const gql_directive_t *directive = gql_directive_find(directives, STR("deprecated"));
    *out_is_deprecated = directive != NULL;
    if (directive == NULL)
        return;
    const gql_argument_t *reason = gql_argument_find(directive->arguments, STR("reason"));
    *out_reason = reason == NULL ? STR("No longer supported") : reason->value->text;
}

/* ---- places ---- */

static gql_scalar_t scalar_of(str_t name)
{
    static const str_t names[] = {
        [GQL_SCALAR_INT] = STR_INIT("Int"),       [GQL_SCALAR_FLOAT] = STR_INIT("Float"),
        [GQL_SCALAR_STRING] = STR_INIT("String"), [GQL_SCALAR_BOOLEAN] = STR_INIT("Boolean"),
        [GQL_SCALAR_ID] = STR_INIT("ID"),
    };
    for (size_t i = GQL_SCALAR_INT; i < COUNT_OF(names); i++)
        if (str_equal(name, names[i]))
            return (gql_scalar_t)i;
    return GQL_SCALAR_CUSTOM;
}

static void place_type(builder_t *self, const gql_definition_t *definition, bool is_builtin)
{
    gql_schema_t *schema = self->schema;
    uint32_t mask = schema->table_size - 1, at = (uint32_t)str_hash(definition->name.text) & mask;
    for (; schema->table[at] != NULL; at = (at + 1) & mask) {
        if (str_equal(schema->table[at]->name, definition->name.text)) {
            PROBLEM(self, "There can be only one type named \"%.*s\".",
                    STR_ARG(definition->name.text));
            return;
        }
    }
    gql_type_t *type = new_array(self, 1, sizeof *type);
    if (type == NULL)
        return;
    type->kind = kind_of(definition);
    type->name = definition->name.text;
    type->description = text_of(definition->description);
    type->is_builtin = is_builtin;
    type->index = schema->type_count;
    if (type->kind == GQL_KIND_SCALAR)
        type->scalar = scalar_of(type->name);
    type->ref = (gql_ref_t){GQL_REF_NAMED, type, NULL, type->name};
    schema->table[at] = type;
    schema->types[schema->type_count++] = type;
    if (!is_builtin && str_starts_with(type->name, STR("__")))
        PROBLEM(self, "Name \"%.*s\" must not begin with \"__\".", STR_ARG(type->name));
}

static void place_types(builder_t *self)
{
    uint32_t count = 0, directives = 0;
    EACH_DEFINITION(self, counted, in)
    {
        count += is_type(counted) && !counted->is_extension;
        directives += counted->kind == GQL_DEFINE_DIRECTIVE;
    }
    gql_schema_t *schema = self->schema;
    for (schema->table_size = 16; schema->table_size < count * 2;)
        schema->table_size *= 2;
    schema->types = new_array(self, count, sizeof(gql_type_t *));
    schema->table = new_array(self, schema->table_size, sizeof(gql_type_t *));
    schema->directives = new_array(self, directives, sizeof *schema->directives);
    if (self->is_out_of_memory)
        return;
    EACH_DEFINITION(self, definition, document)
    {
        if (is_type(definition) && !definition->is_extension)
            place_type(self, definition, document == 0);
    }
}

/* ---- content ---- */

static const gql_ref_t *resolve(builder_t *self, const gql_type_ref_t *type)
{
    const gql_ref_t *ref = gql_ref_from_ast(self->schema, type, self->arena);
    if (ref == NULL) {
        while (type->kind != GQL_TYPE_NAMED)
            type = type->inner;
        PROBLEM(self, "Unknown type \"%.*s\".", STR_ARG(type->name.text));
    }
    return ref;
}

static uint32_t count_fields(const gql_field_definition_t *field)
{
    uint32_t count = 0;
    for (; field != NULL; field = field->next)
        count++;
    return count;
}

static void add_inputs(builder_t *self, str_t owner, const gql_field_definition_t *definition,
                       gql_input_t *inputs, uint32_t *count)
{
    for (; definition != NULL; definition = definition->next) {
        if (gql_input_find(inputs, *count, definition->name.text) != NULL)
            PROBLEM(self, "\"%.*s\" has \"%.*s\" twice.", STR_ARG(owner),
                    STR_ARG(definition->name.text));
        gql_input_t *input = &inputs[*count];
        input->name = definition->name.text;
        input->description = text_of(definition->description);
        input->default_value = definition->default_value;
        deprecate(definition->directives, &input->is_deprecated, &input->deprecation);
        input->type = resolve(self, definition->type);
        if (input->type != NULL)
            (*count)++;
    }
}

static void add_fields(builder_t *self, gql_type_t *type, const gql_field_definition_t *definition)
{
    for (; definition != NULL; definition = definition->next) {
        if (gql_own_output_find(type, definition->name.text) != NULL)
            PROBLEM(self, "Type \"%.*s\" has the field \"%.*s\" twice.", STR_ARG(type->name),
                    STR_ARG(definition->name.text));
        gql_output_t *field = &type->fields[type->field_count];
        field->name = definition->name.text;
        field->description = text_of(definition->description);
        field->parent = type;
        deprecate(definition->directives, &field->is_deprecated, &field->deprecation);
        gql_input_t *args =
            new_array(self, count_fields(definition->arguments), sizeof(gql_input_t));
        if (args == NULL)
            return;
        add_inputs(self, field->name, definition->arguments, args, &field->arg_count);
        field->args = args;
        field->type = resolve(self, definition->type);
        if (field->type != NULL)
            type->field_count++;
    }
}

static void add_values(builder_t *self, gql_type_t *type,
                       const gql_enum_value_definition_t *definition)
{
    for (; definition != NULL; definition = definition->next) {
        for (uint32_t i = 0; i < type->value_count; i++)
            if (str_equal(type->values[i].name, definition->name.text))
                PROBLEM(self, "Enum \"%.*s\" has \"%.*s\" twice.", STR_ARG(type->name),
                        STR_ARG(definition->name.text));
        gql_enum_value_t *value = &type->values[type->value_count++];
        value->name = definition->name.text;
        value->description = text_of(definition->description);
        deprecate(definition->directives, &value->is_deprecated, &value->deprecation);
    }
}

/* Interfaces of a type, or members of a union. */
static void add_names(builder_t *self, gql_type_t *type, const gql_named_t *named)
{
    for (; named != NULL; named = named->next) {
        const gql_type_t *other = gql_type_find(self->schema, named->name.text);
        gql_kind_t wanted = type->kind == GQL_KIND_UNION ? GQL_KIND_OBJECT : GQL_KIND_INTERFACE;
        if (other == NULL || other->kind != wanted)
            PROBLEM(self, "Type \"%.*s\" cannot use \"%.*s\".", STR_ARG(type->name),
                    STR_ARG(named->name.text));
        else if (type->kind == GQL_KIND_UNION)
            type->possible[type->possible_count++] = other;
        else
            type->interfaces[type->interface_count++] = other;
    }
}

static void fill_type(builder_t *self, gql_type_t *type, const gql_definition_t *definition)
{
    if (type->kind == GQL_KIND_INPUT)
        add_inputs(self, type->name, definition->fields, type->inputs, &type->input_count);
    else
        add_fields(self, type, definition->fields);
    add_names(self, type, definition->names);
    add_values(self, type, definition->values);
    type->is_one_of |= gql_directive_find(definition->directives, STR("oneOf")) != NULL;
    const gql_directive_t *specified =
        gql_directive_find(definition->directives, STR("specifiedBy"));
    const gql_argument_t *url =
        specified == NULL ? NULL : gql_argument_find(specified->arguments, STR("url"));
    if (url != NULL)
        type->specified_by = url->value->text;
}

static bool belongs_to(const gql_definition_t *definition, const gql_type_t *type)
{
    return is_type(definition) && str_equal(definition->name.text, type->name);
}

static void make_room(builder_t *self, gql_type_t *type)
{
    uint32_t fields = 0, values = 0, names = 0;
    EACH_DEFINITION(self, definition, document)
    {
        if (!belongs_to(definition, type))
            continue;
        if (kind_of(definition) != type->kind)
            PROBLEM(self, "Cannot extend \"%.*s\" as another kind.", STR_ARG(type->name));
        fields += count_fields(definition->fields);
        for (const gql_enum_value_definition_t *v = definition->values; v != NULL; v = v->next)
            values++;
        for (const gql_named_t *named = definition->names; named != NULL; named = named->next)
            names++;
    }
    if (type->kind == GQL_KIND_INPUT)
        type->inputs = new_array(self, fields, sizeof *type->inputs);
    else
        type->fields = new_array(self, fields, sizeof *type->fields);
    type->values = new_array(self, values, sizeof *type->values);
    if (type->kind == GQL_KIND_UNION)
        type->possible = new_array(self, names, sizeof *type->possible);
    else
        type->interfaces = new_array(self, names, sizeof *type->interfaces);
}

static void fill_types(builder_t *self)
{
    for (uint32_t i = 0; i < self->schema->type_count && !self->is_out_of_memory; i++) {
        gql_type_t *type = self->schema->types[i];
        make_room(self, type);
        if (self->is_out_of_memory)
            return;
        EACH_DEFINITION(self, definition, document)
        {
            if (belongs_to(definition, type) && kind_of(definition) == type->kind)
                fill_type(self, type, definition);
        }
    }
    EACH_DEFINITION(self, extension, in)
    {
        if (is_type(extension) && extension->is_extension &&
            gql_type_find(self->schema, extension->name.text) == NULL)
            PROBLEM(self, "Cannot extend type \"%.*s\" because it is not defined.",
                    STR_ARG(extension->name.text));
    }
}

static void find_possible(builder_t *self)
{
    gql_schema_t *schema = self->schema;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        gql_type_t *type = schema->types[i];
        if (type->kind != GQL_KIND_OBJECT && type->kind != GQL_KIND_INTERFACE)
            continue;
        type->possible = new_array(self, schema->type_count, sizeof *type->possible);
        if (type->possible == NULL)
            return;
        for (uint32_t j = 0; j < schema->type_count; j++) {
            const gql_type_t *object = schema->types[j];
            if (object->kind == GQL_KIND_OBJECT && (object == type || gql_implements(object, type)))
                type->possible[type->possible_count++] = object;
        }
    }
}

static void add_directive(builder_t *self, const gql_definition_t *definition, bool is_builtin)
{
    gql_schema_t *schema = self->schema;
    if (gql_directive_type_find(schema, definition->name.text) != NULL) {
        PROBLEM(self, "There can be only one directive named \"@%.*s\".",
                STR_ARG(definition->name.text));
        return;
    }
    gql_directive_type_t *directive = &schema->directives[schema->directive_count];
    directive->name = definition->name.text;
    directive->description = text_of(definition->description);
    directive->is_repeatable = definition->is_repeatable;
    directive->args = new_array(self, count_fields(definition->fields), sizeof *directive->args);
    size_t locations = 0;
    for (const gql_named_t *named = definition->names; named != NULL; named = named->next)
        locations++;
    directive->locations = new_array(self, locations, sizeof *directive->locations);
    if (self->is_out_of_memory)
        return;
    add_inputs(self, directive->name, definition->fields, directive->args, &directive->arg_count);
    for (const gql_named_t *named = definition->names; named != NULL; named = named->next)
        directive->locations[directive->location_count++] = named->name.text;
    schema->directive_count++;
    schema->builtin_directive_count += is_builtin;
}

static void set_roots(builder_t *self)
{
    gql_schema_t *schema = self->schema;
    bool is_explicit = false;
    EACH_DEFINITION(self, definition, document)
    {
        if (definition->kind != GQL_DEFINE_SCHEMA)
            continue;
        is_explicit |= !definition->is_extension;
        if (definition->description != NULL)
            schema->description = definition->description->text;
        for (const gql_root_t *root = definition->roots; root != NULL; root = root->next) {
            schema->roots[root->operation] = gql_type_find(schema, root->type.text);
            if (schema->roots[root->operation] == NULL)
                PROBLEM(self, "Unknown type \"%.*s\".", STR_ARG(root->type.text));
        }
    }
    static const str_t names[GQL_OPERATION_COUNT] = {STR_INIT("Query"), STR_INIT("Mutation"),
                                                     STR_INIT("Subscription")};
    for (size_t i = 0; i < GQL_OPERATION_COUNT && !is_explicit; i++)
        if (schema->roots[i] == NULL)
            schema->roots[i] = gql_type_find(schema, names[i]);
}

/* __typename, __schema and __type are fields without a place in any type. */
static void set_meta_fields(builder_t *self)
{
    gql_schema_t *schema = self->schema;
    const gql_type_t *string = gql_type_find(schema, STR("String"));
    const gql_type_t *schema_type = gql_type_find(schema, STR("__Schema"));
    const gql_type_t *type_type = gql_type_find(schema, STR("__Type"));
    gql_ref_t *refs = new_array(self, 2, sizeof *refs);
    gql_input_t *name = new_array(self, 1, sizeof *name);
    if (self->is_out_of_memory)
        return;
    refs[0] = (gql_ref_t){GQL_REF_NON_NULL, string, &string->ref, STR("String!")};
    refs[1] = (gql_ref_t){GQL_REF_NON_NULL, schema_type, &schema_type->ref, STR("__Schema!")};
    *name = (gql_input_t){.name = STR("name"), .type = &refs[0]};
    schema->meta_typename = (gql_output_t){.name = STR("__typename"), .type = &refs[0]};
    schema->meta_schema = (gql_output_t){.name = STR("__schema"), .type = &refs[1]};
    schema->meta_type = (gql_output_t){
        .name = STR("__type"), .type = &type_type->ref, .args = name, .arg_count = 1};
}

err_t gql_schema_build(const gql_document_t *const *documents, size_t document_count,
                       arena_t *arena, buf_t *out_problems, gql_schema_t **out_schema)
{
    size_t problems_before = out_problems->size;
    gql_schema_t *schema = arena_new(arena, sizeof *schema);
    if (schema == NULL)
        return ERR_NO_MEMORY;
    builder_t self = {schema, arena, out_problems, documents, document_count, false};
    place_types(&self);
    if (self.is_out_of_memory)
        return ERR_NO_MEMORY;
    fill_types(&self);
    find_possible(&self);
    EACH_DEFINITION(&self, definition, document)
    {
        if (definition->kind == GQL_DEFINE_DIRECTIVE && !self.is_out_of_memory)
            add_directive(&self, definition, document == 0);
    }
    set_roots(&self);
    set_meta_fields(&self);
    if (self.is_out_of_memory)
        return ERR_NO_MEMORY;
    if (out_problems->size == problems_before)
        gql_schema_check(schema, out_problems);
    if (out_problems->size != problems_before)
        return ERR_INVALID;
    *out_schema = schema;
    return ERR_OK;
}
