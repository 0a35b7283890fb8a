# All from Debian 12 packages. Headers of others are SYSTEM: their warnings are not ours.

find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
# Its archive, for a program that starts often; the package that has the headers has it.
find_library(YAML_CPP_ARCHIVE libyaml-cpp.a)
add_library(yaml_cpp INTERFACE)
if(YAML_CPP_ARCHIVE AND NOT AGENT_DISPATCH_SANITIZE)
  target_link_libraries(yaml_cpp INTERFACE ${YAML_CPP_ARCHIVE})
else()
  target_link_libraries(yaml_cpp INTERFACE yaml-cpp)
endif()
find_package(CLI11 2.1 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(tl-expected 1.0 REQUIRED)

# CAF's core. The thread sanitizer needs one that is built with it: CAF_ROOT names its prefix.
set(CAF_ROOT "" CACHE PATH "Prefix of a CAF core to use instead of the system's")
find_path(CAF_INCLUDE caf/actor_system.hpp HINTS ${CAF_ROOT}/include REQUIRED)
find_library(CAF_CORE caf_core HINTS ${CAF_ROOT}/lib REQUIRED)
add_library(caf_core INTERFACE)
target_include_directories(caf_core SYSTEM INTERFACE ${CAF_INCLUDE})
target_link_libraries(caf_core INTERFACE ${CAF_CORE} Threads::Threads)

find_path(LIBMD_INCLUDE sha2.h REQUIRED)
find_library(LIBMD md REQUIRED)
add_library(libmd INTERFACE)
target_include_directories(libmd SYSTEM INTERFACE ${LIBMD_INCLUDE})
target_link_libraries(libmd INTERFACE ${LIBMD})

find_path(ASIO_INCLUDE asio.hpp REQUIRED)
add_library(asio INTERFACE)
target_include_directories(asio SYSTEM INTERFACE ${ASIO_INCLUDE})
target_compile_definitions(asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
target_link_libraries(asio INTERFACE Threads::Threads)
