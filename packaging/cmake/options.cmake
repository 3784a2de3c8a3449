# How everything is compiled: C++20, warnings are errors, hardening, sanitizers, ccache.
option(EDCSYNC_TESTS "Build the tests and benchmarks" ON)
option(EDCSYNC_FUZZERS "Build the libFuzzer targets (clang only)" OFF)
set(EDCSYNC_SANITIZE "" CACHE STRING "Sanitizers to build with: '', 'address,undefined' or 'thread'")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

# Several sources of a folder are compiled as one, for much of the work of one is its headers.
# Names in anonymous namespaces are then unique in a folder. Off in the debug preset, for those who
# change one source again and again.
option(EDCSYNC_UNITY "Compile several sources of a folder as one" ON)
set(CMAKE_UNITY_BUILD ${EDCSYNC_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wcast-qual -Werror -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside its own library at -O2 (GCC bugs 105651, 105329, 107852).
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
                      -Wno-maybe-uninitialized)
  # It takes the anonymous namespace of a source for a header's where many are compiled as one.
  add_compile_options($<$<BOOL:${EDCSYNC_UNITY}>:-Wno-subobject-linkage>)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")  # As Debian builds; -O3 only compiles longer.
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
add_link_options(-Wl,-z,relro -Wl,-z,now)
# How much longer a test may take than in a release build, and how much less of what is optional
# (random cases, seeds) it does.
set(EDCSYNC_SLOWDOWN 1)
if(EDCSYNC_SANITIZE)
  set(EDCSYNC_SLOWDOWN 5)
  add_compile_options(-fsanitize=${EDCSYNC_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all -O1 -g1)
  add_link_options(-fsanitize=${EDCSYNC_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # ccache takes no precompiled header that holds times.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()
