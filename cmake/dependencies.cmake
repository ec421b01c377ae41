# Everything comes from Debian 12 packages; tests/support/packages lists them.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(Boost REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(DPDK REQUIRED libdpdk)
pkg_check_modules(NL REQUIRED IMPORTED_TARGET libnl-3.0 libnl-route-3.0)
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CAPNG REQUIRED IMPORTED_TARGET libcap-ng)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)

# DPDK's headers need its compile flags (rte_config.h, -march) and are not held to our warnings.
add_library(bulkhead_dpdk_headers INTERFACE)
target_include_directories(bulkhead_dpdk_headers SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
target_compile_options(bulkhead_dpdk_headers INTERFACE ${DPDK_CFLAGS_OTHER})
if(BULKHEAD_SANITIZE STREQUAL "thread")
  # Rings by C11 atomics, which ThreadSanitizer understands, instead of compiler barriers.
  target_compile_definitions(bulkhead_dpdk_headers INTERFACE RTE_USE_C11_MEM_MODEL)
endif()
include(dpdk)
