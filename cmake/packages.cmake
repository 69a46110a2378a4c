# SPDX-License-Identifier: Apache-2.0
# Everything we link that is not ours. Versions are Debian 12's; script/setup installs them.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3.0 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(simdjson 3 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)  # 1.0; its package states no version
find_package(GTest REQUIRED)

# Boost as we use it everywhere: no deprecated Asio names.
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)

# cpprestsdk is the black-box test driver's client, built static by script/setup (see
# docs/decisions/0003-cpprestsdk.md for why not the Debian library). Absent: no such driver.
set(DLWS_CPPREST_ROOT "$ENV{HOME}/.cache/dlworkspace/cpprest-2.10.18" CACHE PATH
    "Where script/setup put the static cpprestsdk")
if(DEFINED ENV{DLWS_CACHE})
    set(DLWS_CPPREST_ROOT "$ENV{DLWS_CACHE}/cpprest-2.10.18")
endif()
