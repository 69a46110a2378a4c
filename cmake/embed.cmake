# SPDX-License-Identifier: Apache-2.0
# cmake -D IN=FILE -D OUT=FILE.cc -D HEADER=a.h -D FUNCTION=ns::Name -P embed.cmake
# A C++ source with `std::string_view ns::Name()`, which gives the bytes of a text file. In pieces, since compilers take no
# literal of any length.
file(READ ${IN} text)
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 piece)
    string(APPEND pieces "R\"dlws(${piece})dlws\"\n")
    math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUT} "#include \"${HEADER}\"\n\nstd::string_view ${FUNCTION}() {\n    static constexpr char text[] =\n${pieces};\n    return {text, sizeof text - 1};\n}\n")
