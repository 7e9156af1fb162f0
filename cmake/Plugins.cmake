# What plugins (runtime/plugin.h) need of the build: docs/decisions/0008-plugins.md.
#
# A program that loads plugins exports to them what the public headers of the runtime declare, and nothing else: the dynamic list
# BUILD/exports.list, made from the headers. Words in it that are no symbols (macros, types) do no harm.
file(GLOB MS_PUBLIC_HEADERS CONFIGURE_DEPENDS ${MS_ROOT}/runtime/*.h ${MS_ROOT}/runtime/base/*.h)

set(words "")
foreach(header ${MS_PUBLIC_HEADERS})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    file(READ ${header} text)
    string(REGEX MATCHALL "[a-z_][a-z0-9_]*\\(|[a-z_][a-z0-9_]*_schema;" found "${text}")
    list(APPEND words ${found})
endforeach()
list(TRANSFORM words REPLACE "[(;]" "")
list(REMOVE_DUPLICATES words)
list(SORT words)
list(JOIN words ";\n" lines)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/exports.list CONTENT "{\n@lines@;\n};\n" @ONLY)

# ms_plugin_host(TARGET): an executable that loads plugins. All of the runtime is in it: what it does not call itself, a plugin may.
function(ms_plugin_host target)
    set_property(TARGET ${target} PROPERTY LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,ms_base,ms_runtime")
    target_link_options(${target} PRIVATE "LINKER:--dynamic-list=${CMAKE_BINARY_DIR}/exports.list")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${CMAKE_BINARY_DIR}/exports.list)
endfunction()

# ms_plugin(NAME SOURCES file... [DEFINITIONS definition...]): BUILD/plugins/NAME.so. It links against nothing.
function(ms_plugin name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEFINITIONS" ${ARGN})
    add_library(${name} MODULE ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
    target_include_directories(${name} PRIVATE ${MS_ROOT})
    target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
    target_link_libraries(${name} PRIVATE ms_flags)
endfunction()
