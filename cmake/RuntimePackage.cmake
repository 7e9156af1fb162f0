# The runtime as others get it: one library, static and shared, its public headers, and how CMake and pkg-config find it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
# Of the library's interface: raised with every release that changes it, the first number when it breaks who uses it.
set(MS_RUNTIME_VERSION 0.1.0)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/MusicStreamRuntime)
set(header_dir ${CMAKE_INSTALL_INCLUDEDIR}/musicstream-runtime)

# ---- the libraries, of the objects that the tests have run ----
set(objects $<TARGET_OBJECTS:ms_base> $<TARGET_OBJECTS:ms_runtime>)
add_library(musicstream-runtime SHARED ${objects})
add_library(musicstream-runtime-static STATIC ${objects})
set_target_properties(musicstream-runtime PROPERTIES VERSION ${MS_RUNTIME_VERSION} SOVERSION 0 EXPORT_NAME runtime
    LINKER_LANGUAGE C)
set_target_properties(musicstream-runtime-static PROPERTIES OUTPUT_NAME musicstream-runtime EXPORT_NAME runtime-static
    LINKER_LANGUAGE C)
foreach(library musicstream-runtime musicstream-runtime-static)
    target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${header_dir}>)
    # A failure unwinds through its users' handlers, too.
    target_compile_options(${library} INTERFACE $<$<COMPILE_LANGUAGE:C>:-fexceptions>)
    target_compile_features(${library} INTERFACE c_std_23)
    target_link_libraries(${library} PUBLIC PkgConfig::uv PRIVATE PkgConfig::msgpack Threads::Threads m ${CMAKE_DL_LIBS})
endforeach()

# ---- the headers: the public ones, and what they include ----
set(private_headers kernel.h context.h)
set(public_headers)
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${MS_ROOT}/runtime ${MS_ROOT}/runtime/*.h ${MS_ROOT}/runtime/workers/worker.h)
list(REMOVE_ITEM headers ${private_headers})
while(headers)
    list(POP_FRONT headers header)
    if(header IN_LIST public_headers)
        continue()
    endif()
    if(NOT header MATCHES "^([^/]*|base/[^/]*|workers/[^/]*)$" OR header IN_LIST private_headers)
        message(FATAL_ERROR "a public header of the runtime includes runtime/${header}, which is inside of it")
    endif()
    list(APPEND public_headers ${header})
    file(STRINGS ${MS_ROOT}/runtime/${header} includes REGEX "^#include \"runtime/")
    list(TRANSFORM includes REPLACE "^#include \"runtime/(.*)\".*$" "\\1")
    list(APPEND headers ${includes})
endwhile()
# Whoever writes a .def file includes these two.
list(APPEND public_headers base/schema_declare.h base/schema_define.h supervisor.def)
file(GLOB tables CONFIGURE_DEPENDS RELATIVE ${MS_ROOT}/runtime ${MS_ROOT}/runtime/*.def)
list(APPEND public_headers ${tables})
list(REMOVE_DUPLICATES public_headers)
foreach(header ${public_headers})
    cmake_path(GET header PARENT_PATH folder)
    install(FILES ${MS_ROOT}/runtime/${header} DESTINATION ${header_dir}/runtime/${folder})
endforeach()

# ---- packages ----
install(TARGETS musicstream-runtime musicstream-runtime-static EXPORT MusicStreamRuntimeTargets)
install(EXPORT MusicStreamRuntimeTargets NAMESPACE MusicStream:: DESTINATION ${package_dir})
configure_package_config_file(${MS_ROOT}/cmake/MusicStreamRuntimeConfig.cmake.in
    ${CMAKE_BINARY_DIR}/package/MusicStreamRuntimeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/MusicStreamRuntimeConfigVersion.cmake
    VERSION ${MS_RUNTIME_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/package/MusicStreamRuntimeConfig.cmake
    ${CMAKE_BINARY_DIR}/package/MusicStreamRuntimeConfigVersion.cmake DESTINATION ${package_dir})
# From where the .pc file lies up to the prefix: what is installed may be moved.
file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${MS_ROOT}/cmake/musicstream-runtime.pc.in ${CMAKE_BINARY_DIR}/package/musicstream-runtime.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/musicstream-runtime.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${MS_ROOT}/LICENSE ${MS_ROOT}/runtime/README.md ${MS_ROOT}/docs/writing-an-actor.md ${MS_ROOT}/docs/writing-a-plugin.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
