# SPDX-License-Identifier: Apache-2.0
# cpprest_static: the static cpprestsdk that script/setup puts into DLWS_CPPREST_ROOT, for the test
# driver and the command line (dlws_link refuses it anywhere else). Not defined when it is not there.
if(NOT TARGET cpprest_static)
    find_package(cpprestsdk 2.10.18 CONFIG QUIET PATHS ${DLWS_CPPREST_ROOT} NO_DEFAULT_PATH)
    if(TARGET cpprestsdk::cpprest)
        add_library(cpprest_static INTERFACE)
        target_link_libraries(cpprest_static INTERFACE cpprestsdk::cpprest)
        # The library was compiled without these; inline functions of Asio must be the same on both sides.
        target_compile_options(cpprest_static INTERFACE
            -UBOOST_ASIO_NO_DEPRECATED -UBOOST_ASIO_DISABLE_BOOST_COROUTINE)
        # Without its macro U(), which breaks other libraries' templates.
        target_compile_definitions(cpprest_static INTERFACE _TURN_OFF_PLATFORM_STRING)
    endif()
endif()
