#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/discovery.hpp"
#include "config/load.hpp"
#include "config/paths.hpp"
#include "frontends/cli/doctor/claude_files.hpp"
#include "frontends/cli/external_command.hpp"
#include "frontends/client/supervisor_probe.hpp"

/// What `doctor` has seen, as values: gathered by gather.cpp, judged by the checks.
namespace agent_dispatch::doctor {

/// The agent's CLI, and what its files say.
struct claude_facts {
  std::optional<std::filesystem::path> program; ///< on PATH
  std::optional<command_outcome> version;       ///< of `claude --version`; absent without a program
  std::chrono::seconds version_limit{0};        ///< how long that was waited for
  std::filesystem::path directory;              ///< of its configuration
  std::filesystem::path state_file;             ///< `.claude.json`, where user-scope MCP servers are
  file_reading state_reading = file_reading::missing;
  std::vector<mcp_registration> registrations; ///< of agent-dispatch: at most one per scope
  std::optional<std::string> login;            ///< where a login was found, for a sentence; absent: nowhere
};

/// What a registration's command comes to on this machine. In the order of `claude_facts::registrations`.
struct registered_program {
  std::optional<std::filesystem::path> path; ///< absent: no such program
  bool is_this = false;                      ///< the very file that runs now
};

/// This program and what it needs beside it.
struct installation_facts {
  std::filesystem::path executable;
  std::vector<std::string> missing; ///< programs that are not beside it
};

/// A directory of ours, which may not have been made yet.
struct place_facts {
  enum class role { configuration, jobs, state, socket };
  role what = role::configuration;
  std::filesystem::path path;
  std::filesystem::path existing;          ///< the path itself, or the nearest directory above it that is there
  bool is_directory = true;                ///< of `existing`, as the three below
  bool is_ours = true;                     ///< owned by this user
  bool others_may_write = false;           ///< group or others
  int error = 0;                           ///< errno of writing there; 0: it can be written
  bool is_on_network = false;              ///< NFS, SMB
  std::optional<std::string> exchangeable; ///< a sentence: who can put another directory in its place, and how
  std::optional<std::uint64_t> free_bytes; ///< on its file system, for this user; absent: not told
};

enum class config_file_kind {
  missing,
  no_file,      ///< a directory or a device
  not_readable, ///< by this user
  readable,     ///< as far as it can be reached at all
};

/// RLIMIT_NOFILE of a process.
struct descriptor_limit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct supervisor_facts {
  supervisor_probe probe;
  std::filesystem::path log;
  char process_state = 0;                        ///< as in /proc/PID/stat: `T` is stopped; 0: not known
  std::string control_group;                     ///< line of /proc/PID/cgroup for systemd; "": not known
  std::optional<std::uint64_t> most_descriptors; ///< soft limit of the process
};

/// Everything. A member that is absent could not be looked at, because of a fault that is told elsewhere.
struct facts {
  std::filesystem::path directory;        ///< where the command was typed
  std::vector<std::string> settings;      ///< NAME=VALUE of the environment that name places; for a service's command
  std::string program = "agent-dispatch"; ///< what starts this program, as a shell takes it
  std::string editor = "vi";              ///< what edits a file, as a shell takes it
  std::string add_command;                ///< adds the directory where the command was typed; "": that is no project
  bool is_root = false;
  bool is_sandbox = false; ///< the CLI was told that root may do without permissions
  int depth = 0;           ///< AGENT_DISPATCH_DEPTH where there is no run; 0 within one
  std::string version;     ///< of this program
  installation_facts installation;
  claude_facts claude;
  std::vector<registered_program> registered; ///< one per `claude.registrations`
  expected<config_paths> paths{config_paths{}};
  config_file_kind config_file = config_file_kind::missing;
  std::optional<expected<loaded_configuration>> config;
  std::vector<directory_health> agents; ///< their directories, in the order of the configuration
  std::vector<place_facts> places;
  std::optional<agent_dispatch::fault> no_places; ///< why it is not known where state belongs
  std::optional<supervisor_facts> supervisor;
  descriptor_limit descriptors;
};

} // namespace agent_dispatch::doctor
