# SPDX-License-Identifier: Apache-2.0
# dlws_library(NAME SOURCES a.cc … DEPS dlws_kube fmt::fmt …)   a static library of one folder
# dlws_test(NAME SOURCES a_test.cc … DEPS … [LABEL client])     one GoogleTest binary, one ctest entry
#                                                               (label: unit when not given)
# dlws_program(NAME SOURCES main.cc DEPS …)                     an executable
# All three refuse a dependency that points upwards (design: dependencies point downwards only).

# Folder -> the folders of ours it may link.
set(DLWS_MAY_USE_kube "kube")
set(DLWS_MAY_USE_model "model")
set(DLWS_MAY_USE_caches "caches;kube;model")
set(DLWS_MAY_USE_operator "operator;caches;kube;model")
set(DLWS_MAY_USE_webhook "webhook;kube;model")
set(DLWS_MAY_USE_agent "agent;kube;model")
set(DLWS_MAY_USE_portal "portal;caches;kube;model")
set(DLWS_MAY_USE_cli "cli;model")
set(DLWS_MAY_USE_test "test;caches;operator;webhook;agent;portal;kube;model")

function(dlws_top_folder directory result)
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${directory})
    string(REGEX REPLACE "/.*" "" top "${path}")
    set(${result} ${top} PARENT_SCOPE)
endfunction()

function(dlws_link target scope)
    dlws_top_folder(${CMAKE_CURRENT_SOURCE_DIR} here)
    foreach(dep IN LISTS ARGN)
        if(TARGET ${dep})
            get_target_property(folder ${dep} DLWS_FOLDER)
            if(folder AND NOT folder IN_LIST DLWS_MAY_USE_${here})
                message(FATAL_ERROR "${here}/ may not use ${folder}/ (${target} -> ${dep}): "
                    "dependencies point downwards only, see cmake/dlws.cmake")
            endif()
            if(dep MATCHES "cpprest" AND NOT here MATCHES "^(test|cli)$")
                message(FATAL_ERROR "cpprestsdk is for the test driver and the command line only")
            endif()
        elseif(dep MATCHES "^dlws_")
            message(FATAL_ERROR "${target} links ${dep}, which is not defined above ${here}/")
        endif()
    endforeach()
    target_link_libraries(${target} ${scope} ${ARGN})
endfunction()

function(dlws_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    dlws_top_folder(${CMAKE_CURRENT_SOURCE_DIR} here)
    set_target_properties(${name} PROPERTIES DLWS_FOLDER ${here})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    dlws_link(${name} PUBLIC ${ARG_DEPS})
endfunction()

function(dlws_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    dlws_link(${name} PRIVATE ${ARG_DEPS})
endfunction()

# Where tests find the checkout's other files. In a header, because a path on the command line of every test would keep the
# compiler's cache from serving another checkout.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/dlws_source_dir.h
    CONTENT "#pragma once\n#define DLWS_SOURCE_DIR \"${CMAKE_SOURCE_DIR}\"\n")
include_directories(${CMAKE_BINARY_DIR}/generated)

enable_testing()
# All programs of one label, for those who run no others:  cmake --build … --target unit_tests
# cluster_tests: those of all labels but unit, and the programs that the suites on the cluster run themselves.
foreach(label IN ITEMS unit client e2e faults approval cluster)
    add_custom_target(${label}_tests)
endforeach()
function(dlws_test name)
    cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
    if(NOT ARG_LABEL)
        set(ARG_LABEL unit)
    endif()
    dlws_program(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} GTest::gmock GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    if(TARGET ${ARG_LABEL}_tests)
        add_dependencies(${ARG_LABEL}_tests ${name})
    endif()
    if(NOT ARG_LABEL STREQUAL unit)
        add_dependencies(cluster_tests ${name})
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS ${ARG_LABEL})
endfunction()
