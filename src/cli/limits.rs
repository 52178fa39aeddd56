use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use serde_json::{Map, Value};

use crate::model::{LimitName, Limits, LimitsError, Preset, parse_bytes};

/// `--limits NAME` and one flag for each limit, named as the limit is: made from the limits themselves.
#[derive(Debug, Clone)]
pub(super) struct LimitFlags {
    preset: Preset,
    /// A person named the preset.
    named: bool,
    set: Vec<(LimitName, u64)>,
}

impl LimitFlags {
    /// The numbers that the run gets, or why they cannot be held.
    pub(super) fn limits(&self) -> Result<Limits, LimitsError> {
        let mut limits = self.preset.limits();
        for (name, value) in &self.set {
            limits.set(*name, *value);
        }
        limits.check()?;
        Ok(limits)
    }

    /// Those that a person gave a number by name.
    pub(super) fn set(&self) -> impl Iterator<Item = LimitName> {
        self.set.iter().map(|(name, _)| *name)
    }

    /// As a server is asked for them. In a sandbox the ones that it was made with hold where nothing is said.
    pub(super) fn asked(&self, sandbox: bool) -> Value {
        let mut asked = Map::new();
        if self.named || !sandbox {
            asked.insert("preset".to_owned(), self.preset.as_str().into());
        }
        asked.extend(self.set.iter().map(|(name, value)| (name.as_str().to_owned(), (*value).into())));
        Value::Object(asked)
    }
}

impl Args for LimitFlags {
    fn augment_args(mut command: Command) -> Command {
        let heading = "Limits";
        command = command.arg(
            Arg::new("limits")
                .long("limits")
                .value_name("NAME")
                .default_value("medium")
                .value_parser(["small", "medium", "large"])
                .help("Numbers with a name; the flags below change single ones")
                .help_heading(heading),
        );
        for &name in LimitName::ALL {
            let medium = name.show(Preset::Medium.limits().get(name));
            let arg = Arg::new(name.as_str())
                .long(name.flag())
                .help(format!("{} [medium: {medium}]", capitalised(name.about())))
                .help_heading(heading);
            command = command.arg(if name.counts_bytes() {
                arg.value_name("SIZE").value_parser(parse_bytes)
            } else {
                arg.value_name("N").value_parser(value_parser!(u64))
            });
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

impl FromArgMatches for LimitFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let name: Option<&String> = matches.get_one("limits");
        let preset = name
            .map_or(Ok(Preset::Medium), |name| name.parse())
            .map_err(|error: LimitsError| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error.to_string()))?;
        let set =
            LimitName::ALL.iter().filter_map(|&name| Some((name, *matches.get_one::<u64>(name.as_str())?))).collect();
        let named = matches.value_source("limits") == Some(ValueSource::CommandLine);
        Ok(Self { preset, named, set })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
