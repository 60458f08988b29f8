# Tests that make network namespaces of their own and need root. With NWFD in the environment, the daemon's program and
# its options divided by blanks, they speak to an nwfd below their root; else everything is done in process.

# The tests' daemon, as the value of NWFD.
set(nwf_tests_daemon "${CMAKE_BINARY_DIR}/tools/nwfd")
if(NWF_SANITIZED)  # a sanitizer's runtime asks for more than the sandbox gives
  string(APPEND nwf_tests_daemon " --no-sandbox")
endif()

# nwf_gtest(TARGET LABEL properties of its tests…): each of its tests is a process, so that each has namespaces of its own.
#
# THROUGH_NWFD runs the same program once more with an nwfd behind every service, ONLY_THROUGH_NWFD in no other way. Of its
# tests, as gtest filters: SHARED lay hands on nwf's tables themselves, which a daemon with its usual options refuses or
# undoes; IN_PROCESS have nothing that a daemon could do.
function(nwf_gtest name label)
  cmake_parse_arguments(TEST "THROUGH_NWFD;ONLY_THROUGH_NWFD" "SHARED;IN_PROCESS" "" ${ARGN})
  set(properties LABELS ${label} ${TEST_UNPARSED_ARGUMENTS})
  if(NOT TEST_ONLY_THROUGH_NWFD)
    gtest_discover_tests(${name} TEST_PREFIX ${label}. PROPERTIES ${properties} DISCOVERY_TIMEOUT 600)
  endif()
  if(NOT TEST_THROUGH_NWFD AND NOT TEST_ONLY_THROUGH_NWFD)
    return()
  endif()
  add_dependencies(${name} nwfd)
  if(TEST_SHARED)
    gtest_discover_tests(${name} TEST_PREFIX ${label}.nwfd. TEST_FILTER "${TEST_SHARED}" TEST_LIST ${name}_nwfd_shared
      PROPERTIES ${properties} ENVIRONMENT "NWFD=${nwf_tests_daemon} --tables=shared" DISCOVERY_TIMEOUT 600)
  endif()
  gtest_discover_tests(${name} TEST_PREFIX ${label}.nwfd. TEST_FILTER "*-${TEST_SHARED}:${TEST_IN_PROCESS}" TEST_LIST ${name}_nwfd
    PROPERTIES ${properties} ENVIRONMENT "NWFD=${nwf_tests_daemon}" DISCOVERY_TIMEOUT 600)
endfunction()

# nwf_netns_test(NAME sources… what nwf_gtest knows…)
function(nwf_netns_test name)
  cmake_parse_arguments(TEST "THROUGH_NWFD;ONLY_THROUGH_NWFD" "SHARED" "" ${ARGN})
  nwf_test_sources(${TEST_UNPARSED_ARGUMENTS})
  add_executable(${name} ${TEST_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE nwf::host nwf::rpc nwf::netlink nwf::xml nwf::harness fmt::fmt GTest::gtest_main GTest::gmock)
  list(REMOVE_ITEM ARGN ${TEST_UNPARSED_ARGUMENTS})
  nwf_gtest(${name} netns TIMEOUT 120 ${ARGN})
endfunction()

# nwf_netns_script(NAME arguments…): a script and its arguments, run in process and through an nwfd with these TABLES.
function(nwf_netns_script name)
  cmake_parse_arguments(TEST "" "TABLES" "" ${ARGN})
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  foreach(test netns.${name} netns.nwfd.${name})
    add_test(NAME ${test} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/${TEST_UNPARSED_ARGUMENTS})
    set_tests_properties(${test} PROPERTIES LABELS netns SKIP_RETURN_CODE 77 TIMEOUT 600)
  endforeach()
  set_tests_properties(netns.nwfd.${name} PROPERTIES ENVIRONMENT "NWFD=${nwf_tests_daemon} --tables=${TEST_TABLES}")
endfunction()
