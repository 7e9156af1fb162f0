/* schema_define.h -- included by one `.c` file a `.def` file, after its header, with DEF_FILE
 * defined: the tables. */

#include "runtime/base/schema.h"

#define SCHEMA_ROW(context, field) SCHEMA_ROW_(context, SCHEMA_ROW_ARGS field)
#define SCHEMA_ROW_ARGS(...) __VA_ARGS__
#define SCHEMA_ROW_(...) SCHEMA_ROW__(__VA_ARGS__)
#define SCHEMA_ROW__(context, tag, type, name, ...)                                                \
    {#name, tag, SCHEMA_TYPE_##type, offsetof(struct context, name), SCHEMA_MARKS(__VA_ARGS__)},
#define SCHEMA_MARKED(context, field) SCHEMA_MARKED_(SCHEMA_ROW_ARGS field)
#define SCHEMA_MARKED_(...) SCHEMA_MARKED__(__VA_ARGS__)
#define SCHEMA_MARKED__(tag, type, name, ...) (SCHEMA_MARKS(__VA_ARGS__)) |
#define SCHEMA_POINTING(context, field) SCHEMA_POINTING_(SCHEMA_ROW_ARGS field)
#define SCHEMA_POINTING_(...) SCHEMA_POINTING__(__VA_ARGS__)
#define SCHEMA_POINTING__(tag, type, name, ...) SCHEMA_POINTS_##type ||
#define SCHEMA_DEFINE(name, role, ...)                                                             \
    static const schema_field_t name##_fields[] = {                                                \
        SCHEMA_FOR_EACH(SCHEMA_ROW, name, __VA_ARGS__){NULL, 0, FIELD_TYPE_BOOL, NULL, 0, 0}};     \
    const schema_t name##_schema = {#name,                                                         \
                                    role,                                                          \
                                    sizeof(struct name),                                           \
                                    name##_fields,                                                 \
                                    COUNT_OF(name##_fields) - 1,                                   \
                                    SCHEMA_FOR_EACH(SCHEMA_MARKED, name, __VA_ARGS__) 0,           \
                                    !(SCHEMA_FOR_EACH(SCHEMA_POINTING, name, __VA_ARGS__) false)};

#define RECORD(name, ...) SCHEMA_DEFINE(name, SCHEMA_RECORD, __VA_ARGS__)
#define STATE(name, ...) SCHEMA_DEFINE(name, SCHEMA_STATE, __VA_ARGS__)
#define COMMAND(name, ...) SCHEMA_DEFINE(name, SCHEMA_COMMAND, __VA_ARGS__)
#define EVENT(name, ...) SCHEMA_DEFINE(name, SCHEMA_EVENT, __VA_ARGS__)
#define REPLY(name, ...) SCHEMA_DEFINE(name, SCHEMA_REPLY, __VA_ARGS__)
#define MESSAGE(name, ...) SCHEMA_DEFINE(name, SCHEMA_MESSAGE, __VA_ARGS__)
#include DEF_FILE
#undef RECORD
#undef STATE
#undef COMMAND
#undef EVENT
#undef REPLY
#undef MESSAGE
#undef DEF_FILE
