# SPDX-License-Identifier: Apache-2.0
# Language level, warnings, hardening, sanitizers, ccache and mold: the same for every target.
option(DLWS_HARDEN "Hardening flags of a shipped binary" OFF)
option(DLWS_FUZZ "Build the libFuzzer targets" OFF)
set(DLWS_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(DLWS_CCACHE ccache)
if(DLWS_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${DLWS_CCACHE})
endif()
find_program(DLWS_MOLD mold)
if(DLWS_MOLD)
    add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Wno-missing-field-initializers -fdiagnostics-color=auto)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options(-Wthread-safety)
else()
    # g++ 12 warns falsely inside coroutine frames and libstdc++ at -O2.
    add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
        -Wno-array-bounds -Wno-mismatched-new-delete)
    add_compile_options(-fcoroutines)
endif()
if(DLWS_HARDEN)
    add_compile_options(-D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
        -fstack-clash-protection -fcf-protection)
    add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -pie)
    # One source tree, one binary: no build path in it.
    add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
endif()
if(DLWS_SANITIZE)
    add_compile_options(-fsanitize=${DLWS_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    if(DLWS_SANITIZE MATCHES "thread" AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        add_compile_options(-Wno-tsan)  # Asio has fences, which it does not understand
    endif()
    add_link_options(-fsanitize=${DLWS_SANITIZE})
endif()
if(DLWS_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
