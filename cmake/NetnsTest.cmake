# nwf_netns_test(NAME sources…): tests that make network namespaces of their own and need root. Each test is a
# process, so that each has namespaces of its own.
function(nwf_netns_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE nwf::host nwf::netlink nwf::xml nwf::harness fmt::fmt GTest::gtest_main GTest::gmock)
  gtest_discover_tests(${name} TEST_PREFIX netns. PROPERTIES LABELS netns TIMEOUT 120 DISCOVERY_TIMEOUT 60)
endfunction()
