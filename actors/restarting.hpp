#pragma once

#include <functional>

#include "messages/actors.hpp"

/// Actors that keep nothing but what they can read again: each has one in front of it that passes on what it is asked,
/// and makes it anew when it has died.
///
///     (none) ──asked──▶ there ──died──▶ resting ──asked, pause over──▶ there
///                                          └──asked before that──▶ the asker is told, and nobody waits
///
/// CAF 0.17.6 leaves a question unanswered whose actor dies over it: so every question is kept until it is answered,
/// and a death answers them all with an error.
namespace agent_dispatch {

using config_spawner = std::function<config_actor(caf::actor_system&)>;
using config_editor_spawner = std::function<config_editor_actor(caf::actor_system&)>;
using viewer_spawner = std::function<viewer_actor(caf::actor_system&)>;
using job_store_spawner = std::function<job_store_actor(caf::actor_system&)>;

/// The configuration when that takes no reading, else null. Does not block.
using config_glance = std::function<config_snapshot_ptr()>;

/// Each ends the actor that it stands for with itself. What `glance` knows is not passed on: nearly every call asks for
/// the configuration, and that it has not changed is no reason to wake a thread.
config_actor restarting_config(caf::actor_system& system, config_spawner make, config_glance glance);
config_editor_actor restarting_config_editor(caf::actor_system& system, config_editor_spawner make);
viewer_actor restarting_viewer(caf::actor_system& system, viewer_spawner make);
/// For the store that reads. What a writer has done when it died is not known: its death is the supervisor's.
job_store_actor restarting_job_store(caf::actor_system& system, job_store_spawner make);

} // namespace agent_dispatch
