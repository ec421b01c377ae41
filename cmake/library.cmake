# One static library per folder: bulkhead_library(policy/base SOURCES ... DEPENDS policy/x ... LIBRARIES ...)
# builds libbulkhead_policy_base.a. DEPENDS are the include arrows of the design; tests/lint checks
# that the sources include nothing else.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(bulkhead_options INTERFACE)
target_include_directories(bulkhead_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(bulkhead_options INTERFACE -Wall -Wextra -Wconversion -Werror
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
# Conversions to and from bool-like bit-fields in DPDK's inline headers are not ours to mend; its
# include directory is a system one (see dependencies.cmake).
if(BULKHEAD_SANITIZE)
  target_compile_options(bulkhead_options INTERFACE -fsanitize=${BULKHEAD_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(bulkhead_options INTERFACE -fsanitize=${BULKHEAD_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(bulkhead_options INTERFACE -fno-var-tracking)
  endif()
endif()
if(BULKHEAD_FUZZ)
  # Without coverage in the libraries themselves libFuzzer is blind and mutates at random.
  target_compile_options(bulkhead_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL Debug)
  target_compile_definitions(bulkhead_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

function(bulkhead_target_name folder out)
  string(REPLACE "/" "_" name ${folder})
  set(${out} bulkhead_${name} PARENT_SCOPE)
endfunction()

function(bulkhead_library folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  bulkhead_target_name(${folder} name)
  add_library(${name} STATIC ${ARG_SOURCES})
  set(links bulkhead_options)
  foreach(dependency ${ARG_DEPENDS})
    bulkhead_target_name(${dependency} target)
    list(APPEND links ${target})
  endforeach()
  target_link_libraries(${name} PUBLIC ${links} ${ARG_LIBRARIES})
endfunction()

# bulkhead_program(bulkhead-agent SOURCES main.cc DEPENDS control/apply ... LIBRARIES ...)
function(bulkhead_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set(links bulkhead_options)
  foreach(dependency ${ARG_DEPENDS})
    bulkhead_target_name(${dependency} target)
    list(APPEND links ${target})
  endforeach()
  target_link_libraries(${name} PRIVATE ${links} ${ARG_LIBRARIES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()
