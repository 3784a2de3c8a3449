# Precompiled headers: one for all layers and one for all test programs, for each is half a minute of
# work under a sanitizer. A target can use only one that was compiled with its own options.
#
#   edcsync_precompiled(edcsync_test_precompiled OPTIONS -O1 HEADERS <gtest/gtest.h> LIBRARIES ...)
function(edcsync_precompiled name)
  cmake_parse_arguments(PRECOMPILED "" "" "OPTIONS;HEADERS;LIBRARIES" ${ARGN})
  set(source ${PROJECT_BINARY_DIR}/${name}.cc)
  if(NOT EXISTS ${source})
    file(WRITE ${source} "// Carries a precompiled header.\n")
  endif()
  add_library(${name} OBJECT ${source})
  target_include_directories(${name} PRIVATE ${TL_EXPECTED_INCLUDE_DIR} ${NLOHMANN_INCLUDE_DIR})
  target_compile_options(${name} PRIVATE ${PRECOMPILED_OPTIONS})
  target_link_libraries(${name} PRIVATE Threads::Threads ${PRECOMPILED_LIBRARIES})
  target_precompile_headers(${name} PRIVATE <algorithm> <array> <atomic> <chrono> <cstdint>
    <condition_variable> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional> <set>
    <nlohmann/json.hpp> <span> <sstream> <string> <string_view> <thread> <tl/expected.hpp> <utility> <variant> <vector>
    ${PRECOMPILED_HEADERS})
endfunction()

set(layer_options)
if(EDCSYNC_FUZZERS)  # Or the fuzzers are blind inside the layers.
  set(layer_options -fsanitize=fuzzer-no-link)
endif()
edcsync_precompiled(edcsync_precompiled OPTIONS ${layer_options})

# Compiles a target as the layers are, with their options and their precompiled header.
function(edcsync_compile_as_layer name)
  target_compile_options(${name} PRIVATE ${layer_options})
  target_precompile_headers(${name} REUSE_FROM edcsync_precompiled)
endfunction()

if(EDCSYNC_TESTS)
  # The tests' own code need not be fast, but its compilation is half of ./run-tests. Under a
  # sanitizer the short unit tests need it least; -O0 slows also the templates that they share with
  # the product's code, for the linker keeps one copy of each.
  set(test_options $<$<CONFIG:Release>:-O1>)
  set(unit_test_options ${test_options})
  if(EDCSYNC_SANITIZE)
    set(unit_test_options -O0)
  endif()
  foreach(kind test unit_test)
    edcsync_precompiled(edcsync_${kind}_precompiled OPTIONS ${${kind}_options} -fPIE
                        HEADERS <gmock/gmock.h> <gtest/gtest.h> LIBRARIES GTest::gmock)
    set_target_properties(edcsync_${kind}_precompiled PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  endforeach()
endif()

# Compiles a program of the tests' own as the tests are. KIND: test or unit_test.
function(edcsync_compile_as_test name kind)
  target_compile_options(${name} PRIVATE ${${kind}_options})
  target_precompile_headers(${name} REUSE_FROM edcsync_${kind}_precompiled)
endfunction()

# A folder of sources is one layer library. New files are found by themselves.
#
#   edcsync_layer(edcsync_storage FOLDER storage DEPENDS edcsync_base PRIVATE SQLiteCpp)
#
# FOLDER is relative to the calling CMakeLists.txt. A folder without sources makes no library
# but an empty interface, so that the graph of layers is whole from the first day.
function(edcsync_layer name)
  cmake_parse_arguments(LAYER "" "FOLDER" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${LAYER_FOLDER}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${LAYER_DEPENDS} ${LAYER_PRIVATE})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${LAYER_DEPENDS} PRIVATE ${LAYER_PRIVATE})
  edcsync_compile_as_layer(${name})
endfunction()

# Registers a program as a test of its own name with CTest. TIMEOUT, in seconds, is a release
# build's. In a sanitizer build it runs below tests/sanitizers/run.py, which finds the reports of
# the processes that it starts, too. SHARDS N registers NAME_1 to NAME_N, each with its share of the
# program's tests, for one that mostly waits.
#
#   edcsync_register_test(torture LABEL torture TIMEOUT 600 ARGUMENTS --minutes 1)
function(edcsync_register_test name)
  cmake_parse_arguments(TEST "" "LABEL;TIMEOUT;SHARDS" "ARGUMENTS" ${ARGN})
  set(tests ${name})
  if(TEST_SHARDS)
    set(tests)
    foreach(shard RANGE 1 ${TEST_SHARDS})
      list(APPEND tests ${name}_${shard})
    endforeach()
  endif()
  math(EXPR seconds "${TEST_TIMEOUT} * ${EDCSYNC_SLOWDOWN}")
  set(index 0)
  foreach(test IN LISTS tests)
    set(launcher)
    if(EDCSYNC_SANITIZE)
      set(launcher ${Python3_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/tests/sanitizers/run.py
          ${PROJECT_BINARY_DIR}/reports/${test})
    endif()
    add_test(NAME ${test} COMMAND ${launcher} $<TARGET_FILE:${name}> ${TEST_ARGUMENTS}
             WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
    # COST: those that may take longest begin first.
    set_tests_properties(${test} PROPERTIES LABELS "${TEST_LABEL}" TIMEOUT ${seconds}
                         COST ${TEST_TIMEOUT})
    if(TEST_SHARDS)
      set_tests_properties(${test} PROPERTIES ENVIRONMENT
                           "GTEST_TOTAL_SHARDS=${TEST_SHARDS};GTEST_SHARD_INDEX=${index}")
      math(EXPR index "${index} + 1")
    endif()
  endforeach()
  foreach(group build_${TEST_LABEL}_tests build_tests)  # The test programs of one label, and all.
    if(NOT TARGET ${group})
      add_custom_target(${group})
    endif()
    add_dependencies(${group} ${name})
  endforeach()
endfunction()

# One test program of all *_test.cc in a folder of tests/, registered with CTest.
#
#   edcsync_test(unit_shared_model FOLDER unit/shared/model LIBRARIES edcsync_model LABEL unit)
function(edcsync_test name)
  cmake_parse_arguments(TEST "" "FOLDER;LABEL;TIMEOUT;SHARDS" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${TEST_FOLDER}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${RAPIDCHECK_INCLUDE_DIR})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} GTest::gmock GTest::gtest_main
                        ${RAPIDCHECK_LIBRARY})
  set(kind test)
  if(TEST_LABEL STREQUAL "unit")
    set(kind unit_test)
  endif()
  edcsync_compile_as_test(${name} ${kind})
  target_compile_definitions(${name} PRIVATE EDCSYNC_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             EDCSYNC_BINARY_DIR="${PROJECT_BINARY_DIR}")
  edcsync_register_test(${name} LABEL ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT}
                        SHARDS ${TEST_SHARDS})
endfunction()
