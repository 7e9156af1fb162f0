/* schema_declare.h -- included by `protocol/NAME.h` with DEF_FILE defined: structs and declarations
 * of their tables. No #pragma once: it is included once a `.def` file. Undefines DEF_FILE. */

#include "runtime/base/schema.h"

#define SCHEMA_MEMBER(context, field) SCHEMA_MEMBER_ field
#define SCHEMA_MEMBER_(tag, type, name, ...) SCHEMA_CTYPE_##type name;
#define SCHEMA_DECLARE(name, ...)                                                                  \
    __extension__ typedef struct name { /* a message may have no fields */                         \
        SCHEMA_FOR_EACH(SCHEMA_MEMBER, name, __VA_ARGS__)                                          \
    } name##_t;                                                                                    \
    extern const schema_t name##_schema;

#define RECORD SCHEMA_DECLARE
#define STATE SCHEMA_DECLARE
#define COMMAND SCHEMA_DECLARE
#define EVENT SCHEMA_DECLARE
#define REPLY SCHEMA_DECLARE
#define MESSAGE SCHEMA_DECLARE
#include DEF_FILE
#undef RECORD
#undef STATE
#undef COMMAND
#undef EVENT
#undef REPLY
#undef MESSAGE
#undef SCHEMA_MEMBER
#undef SCHEMA_MEMBER_
#undef SCHEMA_DECLARE
#undef DEF_FILE
