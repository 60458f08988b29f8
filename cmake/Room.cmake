# One folder = one room = one target. A room's sources are the .cc files below it; those that end in
# _test.cc lie beside what they test and make the room's unit tests.
#
#   nwf_room(NAME USES other rooms… LINKS private libraries… HEADERS libraries whose headers ours show…)
#
# Dependencies run one way because a room links only the rooms it names in USES; libraries are PRIVATE, so
# a room above cannot use what a room below wraps.
function(nwf_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LINKS;HEADERS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(nwf_${name} STATIC ${sources})
  add_library(nwf::${name} ALIAS nwf_${name})
  target_include_directories(nwf_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(nwf_${name} PUBLIC tl::expected)
  foreach(other ${ROOM_USES})
    target_link_libraries(nwf_${name} PUBLIC nwf::${other})
  endforeach()
  target_link_libraries(nwf_${name} PUBLIC ${ROOM_HEADERS} PRIVATE fmt::fmt ${ROOM_LINKS})
  set_target_properties(nwf_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(BUILD_TESTING AND tests)
    nwf_test_sources(${tests})
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE nwf::${name} fmt::fmt ${ROOM_LINKS} GTest::gtest_main GTest::gmock)
    nwf_unit_tests(${name}_test ${name}.)
  endif()
endfunction()
