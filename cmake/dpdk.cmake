# Links the few static DPDK libraries the data plane uses: EAL starts faster without the two hundred
# shared drivers, and the program needs none of their packages at run time. Drivers register in
# constructors, so theirs are linked whole.
find_library(NUMA_LIBRARY numa REQUIRED)
find_library(BSD_LIBRARY bsd REQUIRED)
find_library(PCAP_LIBRARY pcap REQUIRED)
find_library(XDP_LIBRARY xdp REQUIRED)
find_library(BPF_LIBRARY bpf REQUIRED)
find_library(ELF_LIBRARY elf REQUIRED)
find_library(JANSSON_LIBRARY jansson REQUIRED)

set(dpdk_whole bus_vdev bus_pci mempool_ring net_memif net_af_packet net_af_xdp net_virtio net_ring
  net_null net_pcap)
set(dpdk_parts ethdev meter net mbuf mempool rcu ring hash timer pci eal telemetry kvargs)

# One link item each, so that CMake neither reorders nor merges them.
list(TRANSFORM dpdk_whole REPLACE "(.+)" "-l:librte_\\1.a" OUTPUT_VARIABLE whole_items)
list(TRANSFORM dpdk_parts REPLACE "(.+)" "-l:librte_\\1.a" OUTPUT_VARIABLE part_items)
list(JOIN whole_items "," whole_items)
list(JOIN part_items "," part_items)
set(dpdk_link -Wl,--whole-archive,${whole_items},--no-whole-archive,--start-group,${part_items},--end-group)

add_library(bulkhead_dpdk INTERFACE)
target_link_libraries(bulkhead_dpdk INTERFACE bulkhead_dpdk_headers ${dpdk_link} ${XDP_LIBRARY}
  ${BPF_LIBRARY} ${ELF_LIBRARY} ${PCAP_LIBRARY} ${JANSSON_LIBRARY} ${BSD_LIBRARY} ${NUMA_LIBRARY}
  Threads::Threads ${CMAKE_DL_LIBS} m)
target_link_directories(bulkhead_dpdk INTERFACE ${DPDK_LIBRARY_DIRS})
