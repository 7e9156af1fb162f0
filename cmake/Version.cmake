# The version is what git says; a tarball without git is 0.0.0. Written only when it changes.
find_package(Git QUIET)
set(MS_VERSION "0.0.0")
if(GIT_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} describe --tags --always --dirty
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE
        ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed AND described MATCHES "^v([0-9].*)$")
        set(MS_VERSION ${CMAKE_MATCH_1})
    elseif(NOT failed)
        set(MS_VERSION "0.1.0+${described}")
    endif()
endif()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/version.h CONTENT "#pragma once
#define MS_VERSION \"@MS_VERSION@\"
" @ONLY)
