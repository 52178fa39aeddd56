//! Where settings come from: a file, the environment, read here and nowhere else, and what the command line says. Each
//! area declares its own settings; what is here puts them together and checks them. A setting that nobody knows is
//! refused, and one that is known is used.

mod paths;
mod process;
mod service;
mod variables;

pub use process::{
    ConfigError, Overrides, cache_dir, config_dir, data_dir, docker_here, docker_settings, engine_settings, log_filter,
    no_color, own_program, process_settings, variable, variable_names,
};
pub use service::{EngineSection, LogSettings, Settings, SettingsError};
pub use variables::{check_variables, variable_of};
