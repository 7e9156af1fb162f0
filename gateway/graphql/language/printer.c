#include "gateway/graphql/language/printer.h"

#include "gateway/graphql/language/strings.h"

enum {
    LINE_LENGTH_MAX = 80
}; /* of a field with its arguments, before these go on lines of their own */

/* Every piece is written at the left margin; who holds it indents it. So a piece costs its size
 * once a level, and levels are bounded. */
static void append_indented(buf_t *out, str_t text)
{
    str_t line;
    bool is_first = true;
    if (text.size == 0)
        return;
    for (str_t rest = text; str_next(&rest, '\n', &line); is_first = false) {
        buf_append(out, is_first ? STR("  ") : STR("\n  "));
        buf_append(out, line);
    }
}

static bool has_line_end(const buf_t *text)
{
    return str_find(buf_str(text), '\n') < text->size;
}

void gql_print_type(const gql_type_ref_t *type, buf_t *out)
{
    if (type->kind == GQL_TYPE_NAMED) {
        buf_append(out, type->name.text);
        return;
    }
    if (type->kind == GQL_TYPE_LIST)
        buf_append_char(out, '[');
    gql_print_type(type->inner, out);
    buf_append_char(out, type->kind == GQL_TYPE_LIST ? ']' : '!');
}

void gql_print_literal(const gql_literal_t *literal, buf_t *out)
{
    if (literal->kind == GQL_STRING) {
        if (literal->is_block)
            gql_append_block(out, literal->text);
        else
            gql_append_quoted(out, literal->text);
        return;
    }
    if (literal->kind != GQL_LIST && literal->kind != GQL_OBJECT) {
        if (literal->kind == GQL_VARIABLE)
            buf_append_char(out, '$');
        buf_append(out, literal->text);
        return;
    }
    bool is_list = literal->kind == GQL_LIST;
    buf_append_char(out, is_list ? '[' : '{');
    for (const gql_literal_t *item = literal->items; item != NULL; item = item->next) {
        if (!is_list) {
            buf_append(out, item->member.text);
            buf_append(out, STR(": "));
        }
        gql_print_literal(item, out);
        if (item->next != NULL)
            buf_append(out, STR(", "));
    }
    buf_append_char(out, is_list ? ']' : '}');
}

static void print_arguments(const gql_argument_t *first, str_t separator, buf_t *out)
{
    for (const gql_argument_t *argument = first; argument != NULL; argument = argument->next) {
        buf_append(out, argument->name.text);
        buf_append(out, STR(": "));
        gql_print_literal(argument->value, out);
        if (argument->next != NULL)
            buf_append(out, separator);
    }
}

/* Each with a blank in front. */
static void print_directives(const gql_directive_t *directive, buf_t *out)
{
    for (; directive != NULL; directive = directive->next) {
        buf_append(out, STR(" @"));
        buf_append(out, directive->name.text);
        if (directive->arguments == NULL)
            continue;
        buf_append_char(out, '(');
        print_arguments(directive->arguments, STR(", "), out);
        buf_append_char(out, ')');
    }
}

static void print_description(const gql_literal_t *description, buf_t *out)
{
    if (description == NULL)
        return;
    gql_print_literal(description, out);
    buf_append_char(out, '\n');
}

/* ---- selections ---- */

static void print_selections(const gql_selection_t *first, buf_t *out);

static void print_field(const gql_selection_t *field, buf_t *out)
{
    buf_t head BUF_SCOPED = BUF_INIT, arguments BUF_SCOPED = BUF_INIT;
    if (field->alias.text.data != NULL) {
        buf_append(&head, field->alias.text);
        buf_append(&head, STR(": "));
    }
    buf_append(&head, field->name.text);
    buf_append(out, buf_str(&head));
    if (field->arguments != NULL) {
        print_arguments(field->arguments, STR(", "), &arguments);
        if (head.size + 2 + gql_utf16_length(buf_str(&arguments)) > LINE_LENGTH_MAX) {
            buf_reset(&arguments);
            print_arguments(field->arguments, STR("\n"), &arguments);
            buf_append(out, STR("(\n"));
            append_indented(out, buf_str(&arguments));
            buf_append(out, STR("\n)"));
        } else {
            buf_append_char(out, '(');
            buf_append(out, buf_str(&arguments));
            buf_append_char(out, ')');
        }
    }
    print_directives(field->directives, out);
    if (field->selections != NULL) {
        buf_append_char(out, ' ');
        print_selections(field->selections, out);
    }
}

static void print_selection(const gql_selection_t *selection, buf_t *out)
{
    if (selection->kind == GQL_FIELD) {
        print_field(selection, out);
        return;
    }
    buf_append(out, STR("..."));
    if (selection->kind == GQL_SPREAD)
        buf_append(out, selection->name.text);
    if (selection->condition.text.data != NULL) {
        buf_append(out, STR(" on "));
        buf_append(out, selection->condition.text);
    }
    print_directives(selection->directives, out);
    if (selection->kind == GQL_INLINE) {
        buf_append_char(out, ' ');
        print_selections(selection->selections, out);
    }
}

static void print_selections(const gql_selection_t *first, buf_t *out)
{
    buf_append(out, STR("{\n"));
    for (const gql_selection_t *selection = first; selection != NULL; selection = selection->next) {
        buf_t text BUF_SCOPED = BUF_INIT;
        print_selection(selection, &text);
        append_indented(out, buf_str(&text));
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '}');
}

/* ---- lists of definitions ---- */

typedef enum layout { LAYOUT_ARGUMENTS, LAYOUT_VARIABLES } layout_t;

static void print_value_definition(const gql_field_definition_t *value, layout_t layout, buf_t *out)
{
    print_description(value->description, out);
    if (layout == LAYOUT_VARIABLES)
        buf_append_char(out, '$');
    buf_append(out, value->name.text);
    buf_append(out, STR(": "));
    gql_print_type(value->type, out);
    if (value->default_value != NULL) {
        buf_append(out, STR(" = "));
        gql_print_literal(value->default_value, out);
    }
    print_directives(value->directives, out);
}

static void print_value_definitions(const gql_field_definition_t *first, layout_t layout,
                                    str_t separator, buf_t *out)
{
    for (const gql_field_definition_t *value = first; value != NULL; value = value->next) {
        print_value_definition(value, layout, out);
        if (value->next != NULL)
            buf_append(out, separator);
    }
}

/* In parentheses, on one line unless one of them needs more. */
static void print_parenthesised(const gql_field_definition_t *first, layout_t layout, buf_t *out)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (first == NULL)
        return;
    print_value_definitions(first, layout, STR(", "), &text);
    bool is_tall = has_line_end(&text);
    if (is_tall) {
        buf_reset(&text);
        print_value_definitions(first, layout, STR("\n"), &text);
    }
    buf_append(out, is_tall ? STR("(\n") : STR("("));
    if (is_tall && layout == LAYOUT_ARGUMENTS)
        append_indented(out, buf_str(&text));
    else
        buf_append(out, buf_str(&text));
    buf_append(out, is_tall ? STR("\n)") : STR(")"));
}

static void print_names(const char *before, const gql_named_t *first, const char *separator,
                        buf_t *out)
{
    if (first == NULL)
        return;
    buf_append(out, str_from(before));
    for (const gql_named_t *named = first; named != NULL; named = named->next) {
        buf_append(out, named->name.text);
        if (named->next != NULL)
            buf_append(out, str_from(separator));
    }
}

/* Closes one line of a block and adds it, indented. */
static void add_line(buf_t *out, buf_t *line, bool is_first)
{
    buf_append(out, is_first ? STR(" {\n") : STR("\n"));
    append_indented(out, buf_str(line));
    buf_reset(line);
}

static void print_field_block(const gql_field_definition_t *first, bool is_input, buf_t *out)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    for (const gql_field_definition_t *field = first; field != NULL; field = field->next) {
        if (is_input) {
            print_value_definition(field, LAYOUT_ARGUMENTS, &line);
        } else {
            print_description(field->description, &line);
            buf_append(&line, field->name.text);
            print_parenthesised(field->arguments, LAYOUT_ARGUMENTS, &line);
            buf_append(&line, STR(": "));
            gql_print_type(field->type, &line);
            print_directives(field->directives, &line);
        }
        add_line(out, &line, field == first);
    }
    if (first != NULL)
        buf_append(out, STR("\n}"));
}

static void print_enum_block(const gql_enum_value_definition_t *first, buf_t *out)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    for (const gql_enum_value_definition_t *value = first; value != NULL; value = value->next) {
        print_description(value->description, &line);
        buf_append(&line, value->name.text);
        print_directives(value->directives, &line);
        add_line(out, &line, value == first);
    }
    if (first != NULL)
        buf_append(out, STR("\n}"));
}

static void print_root_block(const gql_root_t *first, buf_t *out)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    for (const gql_root_t *root = first; root != NULL; root = root->next) {
        buf_append(&line, gql_operation_word(root->operation));
        buf_append(&line, STR(": "));
        buf_append(&line, root->type.text);
        add_line(out, &line, root == first);
    }
    if (first != NULL)
        buf_append(out, STR("\n}"));
}

/* ---- definitions ---- */

/* A query without its word, behind a type that has no body, would be one. */
static bool may_have_body(const gql_definition_t *self)
{
    return self != NULL && self->kind != GQL_DEFINE_OPERATION && self->kind != GQL_DEFINE_FRAGMENT;
}

static void print_operation(const gql_definition_t *self, const gql_definition_t *before,
                            buf_t *out)
{
    bool is_short = !may_have_body(before) && self->operation == GQL_OPERATION_QUERY &&
                    self->name.text.data == NULL && self->variables == NULL &&
                    self->directives == NULL && self->description == NULL;
    if (!is_short) {
        buf_append(out, gql_operation_word(self->operation));
        if (self->name.text.data != NULL || self->variables != NULL)
            buf_append_char(out, ' ');
        buf_append(out, self->name.text);
        print_parenthesised(self->variables, LAYOUT_VARIABLES, out);
        print_directives(self->directives, out);
        buf_append_char(out, ' ');
    }
    print_selections(self->selections, out);
}

static void print_fragment(const gql_definition_t *self, buf_t *out)
{
    buf_append(out, STR("fragment "));
    buf_append(out, self->name.text);
    buf_append(out, STR(" on "));
    buf_append(out, self->condition.text);
    print_directives(self->directives, out);
    buf_append_char(out, ' ');
    print_selections(self->selections, out);
}

static void print_directive_definition(const gql_definition_t *self, buf_t *out)
{
    buf_append(out, STR("directive @"));
    buf_append(out, self->name.text);
    print_parenthesised(self->fields, LAYOUT_ARGUMENTS, out);
    if (self->is_repeatable)
        buf_append(out, STR(" repeatable"));
    print_names(" on ", self->names, " | ", out);
}

static void print_type_definition(const gql_definition_t *self, buf_t *out)
{
    static const char *const words[] = {
        [GQL_DEFINE_SCHEMA] = "schema", [GQL_DEFINE_SCALAR] = "scalar ",
        [GQL_DEFINE_OBJECT] = "type ",  [GQL_DEFINE_INTERFACE] = "interface ",
        [GQL_DEFINE_UNION] = "union ",  [GQL_DEFINE_ENUM] = "enum ",
        [GQL_DEFINE_INPUT] = "input ",
    };
    if (self->is_extension)
        buf_append(out, STR("extend "));
    buf_append(out, str_from(words[self->kind]));
    buf_append(out, self->name.text);
    if (self->kind != GQL_DEFINE_UNION)
        print_names(" implements ", self->names, " & ", out);
    print_directives(self->directives, out);
    if (self->kind == GQL_DEFINE_UNION)
        print_names(" = ", self->names, " | ", out);
    print_field_block(self->fields, self->kind == GQL_DEFINE_INPUT, out);
    print_enum_block(self->values, out);
    print_root_block(self->roots, out);
}

void gql_print_document(const gql_document_t *document, buf_t *out)
{
    const gql_definition_t *before = NULL;
    for (const gql_definition_t *self = document->definitions; self != NULL; self = self->next) {
        print_description(self->description, out);
        if (self->kind == GQL_DEFINE_OPERATION)
            print_operation(self, before, out);
        else if (self->kind == GQL_DEFINE_FRAGMENT)
            print_fragment(self, out);
        else if (self->kind == GQL_DEFINE_DIRECTIVE)
            print_directive_definition(self, out);
        else
            print_type_definition(self, out);
        if (self->next != NULL)
            buf_append(out, STR("\n\n"));
        before = self;
    }
}
