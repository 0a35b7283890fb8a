# Warnings, sanitizers and the compiler cache, for every target of ours.

add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${CMAKE_SOURCE_DIR})
# -fPIE also in libraries: they go into programs alone, and a precompiled header fits only what is compiled as it was.
target_compile_options(project_options INTERFACE
  -fPIE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough -Wcast-align)
if(AGENT_DISPATCH_WERROR)
  target_compile_options(project_options INTERFACE -Werror)
endif()

if(AGENT_DISPATCH_SANITIZE)
  # GCC's -Wnull-dereference and -Wmaybe-uninitialized report the code that a sanitizer inserts.
  target_compile_options(project_options INTERFACE
    -fsanitize=${AGENT_DISPATCH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined
    # A check that cannot be recovered from cannot be suppressed either, and CAF has a null reference of its own.
    -fsanitize-recover=null
    -Wno-null-dereference $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(project_options INTERFACE -fsanitize=${AGENT_DISPATCH_SANITIZE})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # With PCH and templates a fifth of the compiler's time goes into looking for memory to reuse, from 128 MiB on.
  cmake_host_system_information(RESULT memory_mib QUERY TOTAL_PHYSICAL_MEMORY)
  if(memory_mib GREATER 7000)
    target_compile_options(project_options INTERFACE --param=ggc-min-heapsize=1500000)
  endif()
  # GCC 12 takes its own std::string for too short, and asio's queues for null, in optimised code (its bugs 105329, 105651).
  target_compile_options(project_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:
    -Wno-array-bounds -Wno-maybe-uninitialized -Wno-null-dereference -Wno-restrict -Wno-stringop-overflow
    -Wno-stringop-overread>)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header is cached too when its defines and its time stamp are left out of the comparison.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

# What nearly every file includes, or is slow to read, for add_layer and the tests.
set(precompiled_headers
  <algorithm> <array> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <string> <string_view> <vector>
  <nlohmann/json.hpp> <tl/expected.hpp>)

# add_precompiled(NAME HEADERS … [LINKS …]): a precompiled header, for targets to reuse.
function(add_precompiled name)
  cmake_parse_arguments(PRECOMPILED "" "" "HEADERS;LINKS" ${ARGN})
  add_library(${name} OBJECT ${CMAKE_SOURCE_DIR}/cmake/precompiled.cpp)
  target_link_libraries(${name} PRIVATE ${PRECOMPILED_LINKS} project_options)
  target_precompile_headers(${name} PRIVATE ${PRECOMPILED_HEADERS})
endfunction()

# add_layer(NAME SOURCES a.cpp … LINKS lib … [PRECOMPILED target]): one library per layer. A layer reaches only what it
# links, and what it includes of another layer's sources does not link. PRECOMPILED: whose precompiled header it reuses
# (`precompiled`); NONE: it has its own.
function(add_layer name)
  cmake_parse_arguments(LAYER "" "PRECOMPILED" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${LAYER_SOURCES})
  if(NOT LAYER_PRECOMPILED)
    set(LAYER_PRECOMPILED precompiled)
  endif()
  if(NOT LAYER_PRECOMPILED STREQUAL NONE)
    target_precompile_headers(${name} REUSE_FROM ${LAYER_PRECOMPILED})
  endif()
  target_link_libraries(${name} PUBLIC ${LAYER_LINKS} PRIVATE project_options)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
endfunction()

# compile_together(TARGET COUNT): the sources of the target as so few files, where AGENT_DISPATCH_UNITY is set. For what uses
# CAF, whose templates take most of the time, in each file anew. What is compiled so must not name two things alike.
function(compile_together target count)
  if(NOT AGENT_DISPATCH_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources length)
  math(EXPR batch "(${length} + ${count} - 1) / ${count}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
endfunction()

# link_statically(TARGET): no loader and no libraries to relocate at its start, which is most of what the start of a small
# program costs. For programs that look up no users or hosts; not with sanitizers, which need the loader.
function(link_statically target)
  if(NOT AGENT_DISPATCH_SANITIZE)
    target_link_options(${target} PRIVATE -static-pie)
  endif()
endfunction()

# link_small(TARGET): what is needed of the C++ libraries is in the program, and the loader has libc alone to deal with. For
# programs that start often and look up users, which a program without a loader cannot.
function(link_small target)
  if(NOT AGENT_DISPATCH_SANITIZE AND YAML_CPP_ARCHIVE)
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()
