# ms_embed(VARIABLE FILE): build/generated/VARIABLE.h with the file's bytes as a constant, made anew when the file changes.
function(ms_embed variable file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
    file(READ ${CMAKE_SOURCE_DIR}/${file} bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    string(REGEX REPLACE "(..................................................................................................)" "\\1\n" bytes "${bytes}")
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${variable}.h CONTENT "#pragma once
/* The bytes of ${file}. */
static const char ${variable}[] = {
@bytes@
};
" @ONLY)
endfunction()

ms_embed(schema_sdl gateway/graphql/schema.graphql)
