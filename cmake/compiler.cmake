# Warnings, sanitizers and the compiler cache, for every target of ours.

add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
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

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header is cached too when its defines and its time stamp are left out of the comparison.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

# add_layer(NAME SOURCES a.cpp … LINKS lib … ): one library per layer. A layer reaches only what it links, and what it
# includes of another layer's sources does not link.
function(add_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(${name} PUBLIC ${LAYER_LINKS} PRIVATE project_options)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
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
