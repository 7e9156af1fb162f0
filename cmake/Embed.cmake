# ms_embed(VARIABLE FILE [TERMINATED]): build/generated/VARIABLE.h with the file's bytes as a constant, made anew when the file
# changes. TERMINATED: and a zero byte.
function(ms_embed variable file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
    file(READ ${CMAKE_SOURCE_DIR}/${file} bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    string(REGEX REPLACE "(..................................................................................................)" "\\1\n" bytes "${bytes}")
    if("TERMINATED" IN_LIST ARGN)
        string(APPEND bytes "'\\0'")
    endif()
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${variable}.h CONTENT "#pragma once
/* The bytes of ${file}. */
static const char ${variable}[] = {
@bytes@
};
" @ONLY)
endfunction()

ms_embed(schema_sdl gateway/graphql/schema.graphql)
ms_embed(library_batch_sql actors/library/library_batch.sql TERMINATED)
