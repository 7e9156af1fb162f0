# The player: built into BUILD/web when npm is present; the node says so in the page when it was not.
find_program(NPM npm)
if(MS_WEB AND NPM AND EXISTS ${CMAKE_SOURCE_DIR}/web/package.json)
    file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/* ${CMAKE_SOURCE_DIR}/web/public/*)
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/web/index.html
        COMMAND ${CMAKE_SOURCE_DIR}/web/build ${CMAKE_BINARY_DIR}/web
        DEPENDS ${web_sources} ${CMAKE_SOURCE_DIR}/web/package-lock.json ${CMAKE_SOURCE_DIR}/web/index.html
            ${CMAKE_SOURCE_DIR}/web/vite.config.ts ${CMAKE_SOURCE_DIR}/web/build
        COMMENT "Building the player" VERBATIM)
    add_custom_target(web ALL DEPENDS ${CMAKE_BINARY_DIR}/web/index.html)
else()
    message(STATUS "the player is not built (npm: ${NPM}, MS_WEB: ${MS_WEB})")
endif()
