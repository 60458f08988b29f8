# nwf_unit_tests(TARGET PREFIX): the tests of a gtest program, each by its name behind the prefix. In a sanitizer build they
# are one, PREFIXall: there, starting a program takes longer than almost every test.
function(nwf_unit_tests target prefix)
  if(NWF_SANITIZED)
    add_test(NAME ${prefix}all COMMAND ${target})
    set_tests_properties(${prefix}all PROPERTIES LABELS unit TIMEOUT 900)
  else()
    gtest_discover_tests(${target} TEST_PREFIX ${prefix} PROPERTIES LABELS unit DISCOVERY_TIMEOUT 600)
  endif()
endfunction()
