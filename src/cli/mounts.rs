use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;

use clap::Args;

use super::exit::Mistake;
use crate::engine::{CopyOnWrite, Mount, folds_case};
use crate::fs_policy::{Level, Policy, Preset, Rule, Rules, TEXT_BYTES};

/// Folders for a guest, and what it may do in them.
#[derive(Debug, Args)]
pub(super) struct MountFlags {
    /// Give a folder of the host to the guest, for reading and writing, or with `:ro` for reading
    #[arg(long, value_name = "HOST::GUEST[:ro]", value_parser = parse_dir, help_heading = "Grants")]
    dir: Vec<Dir>,
    /// A rule for the paths of each folder, or with GUEST= of one: '/data/**:read'; what no rule names is hidden
    #[arg(long, value_name = "[GUEST=]PATTERN:LEVEL", help_heading = "Grants")]
    fs: Vec<String>,
    /// Rules with a name: agent-safe, development, read-only, full-access, view-only; --fs comes on top
    #[arg(long, value_name = "NAME", value_parser = Preset::from_str, help_heading = "Grants")]
    fs_preset: Option<Preset>,
    /// A file of rules, one on a line, as `ringfence fs explain` reads it
    #[arg(long, value_name = "FILE", help_heading = "Grants")]
    fs_rules: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Dir {
    host: PathBuf,
    guest: String,
    most: Level,
    /// Its files belong to a workspace as well.
    shares: Option<CopyOnWrite>,
}

fn parse_dir(text: &str) -> Result<Dir, String> {
    let (text, most) = match text.strip_suffix(":ro") {
        Some(text) => (text, Level::Read),
        None => (text, Level::Write),
    };
    if let Some((folders, mode)) = text
        .rsplit_once(':')
        .filter(|(folders, mode)| is_mode(mode) && folders.split_once("::").is_some_and(|(_, guest)| !guest.is_empty()))
    {
        // It would be part of a name, and the folder another than the one that was meant.
        return Err(format!(
            "`:{mode}` is no mode here: write --dir {folders} to read and write, or --dir {folders}:ro to only read; what \
             may be done with which paths says --fs '/data/**:read'"
        ));
    }
    match text.split_once("::") {
        Some((host, guest)) if !host.is_empty() && !guest.is_empty() => {
            Ok(Dir { host: host.into(), guest: guest_name(guest), most, shares: None })
        }
        _ => Err("write HOST::GUEST, or HOST::GUEST:ro to only read (./data::/data:ro)".to_owned()),
    }
}

/// As other tools have them behind a folder, one or several.
fn is_mode(text: &str) -> bool {
    const MODES: [&str; 20] = [
        "rw",
        "ro",
        "wo",
        "r",
        "w",
        "z",
        "Z",
        "U",
        "O",
        "cached",
        "delegated",
        "consistent",
        "nocopy",
        "copy",
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
    ];
    text.split(',').all(|mode| MODES.contains(&mode))
}

/// Without a slash at the end, so that rules can name it in one way.
pub(super) fn guest_name(text: &str) -> String {
    match text.trim_end_matches('/') {
        "" => "/".to_owned(),
        name => name.to_owned(),
    }
}

impl MountFlags {
    /// The folders, and the draft of a workspace if there is one.
    pub(super) fn mounts(&self, draft: Option<(PathBuf, String, CopyOnWrite)>) -> Result<Vec<Mount>, Mistake> {
        let shared = self.shared()?;
        let draft = draft.map(|(host, guest, shares)| Dir { host, guest, most: Level::Write, shares: Some(shares) });
        let dirs: Vec<Dir> = draft.into_iter().chain(self.dir.iter().cloned()).collect();
        if dirs.is_empty() && !(shared.is_empty() && self.fs.is_empty()) {
            return Err(Mistake::Rules(
                "rules need a folder to hold for; add --dir HOST::GUEST or --workspace NAME".into(),
            ));
        }
        dirs.iter().map(|dir| self.mount(dir, &dirs, &shared)).collect()
    }

    /// The rules for the one folder that a server gives: the files of a workspace or a sandbox, at `guest`.
    pub(super) fn rules_there(&self, guest: &str) -> Result<Rules, Mistake> {
        self.no_folder()?;
        let mut rules = self.shared()?;
        let there = [Dir { host: PathBuf::new(), guest: guest.to_owned(), most: Level::Write, shares: None }];
        for text in &self.fs {
            rules.rules.extend(rule_for(text, guest, &there)?);
        }
        Ok(rules)
    }

    /// Where a server gives no files, or gives those that have rules of their own.
    pub(super) fn nothing_there(&self, why: &str) -> Result<(), Mistake> {
        self.no_folder()?;
        let given = [
            (!self.fs.is_empty(), "--fs"),
            (self.fs_preset.is_some(), "--fs-preset"),
            (self.fs_rules.is_some(), "--fs-rules"),
        ];
        match given.iter().find(|(is, _)| *is) {
            Some((_, flag)) => Err(Mistake::Rules(format!("{flag}: {why}"))),
            None => Ok(()),
        }
    }

    fn no_folder(&self) -> Result<(), Mistake> {
        if self.dir.is_empty() {
            return Ok(());
        }
        let what = "--dir gives a folder of this machine, and the server cannot reach it: make a workspace of it with \
            `ringfence workspace create NAME --from FOLDER`, and give --workspace NAME";
        Err(Mistake::NoEqual(what.to_owned()))
    }

    /// What holds for every folder.
    fn shared(&self) -> Result<Rules, Mistake> {
        let mut rules = match &self.fs_rules {
            Some(file) => read_rules(file)?,
            None => Rules::default(),
        };
        match (rules.preset, self.fs_preset) {
            (Some(_), Some(_)) => {
                return Err(Mistake::Rules("--fs-rules names a preset already; leave out --fs-preset".into()));
            }
            (None, given) => rules.preset = given,
            (Some(_), None) => {}
        }
        Ok(rules)
    }

    fn mount(&self, dir: &Dir, dirs: &[Dir], shared: &Rules) -> Result<Mount, Mistake> {
        let mut rules = shared.clone();
        for text in &self.fs {
            if let Some(rule) = rule_for(text, &dir.guest, dirs)? {
                rules.rules.push(rule);
            }
        }
        let policy = if rules.is_empty() {
            Policy::all(dir.most)
        } else {
            let folded = folds_case(&dir.host);
            rules.capped(dir.most).policy(folded).map_err(|error| Mistake::Rules(error.to_string()))?
        };
        Ok(Mount {
            host: dir.host.clone(),
            guest: dir.guest.clone(),
            policy: Arc::new(policy),
            copy_on_write: dir.shares.clone(),
        })
    }
}

/// `None` for a rule of another folder.
fn rule_for(text: &str, guest: &str, dirs: &[Dir]) -> Result<Option<Rule>, Mistake> {
    let named = dirs.iter().find_map(|dir| {
        let rest = text.strip_prefix(dir.guest.as_str())?.strip_prefix('=')?;
        Some((dir.guest.as_str(), rest))
    });
    let text = match named {
        Some((of, rest)) if of == guest => rest,
        Some(_) => return Ok(None),
        None => text,
    };
    if named.is_none()
        && let Some((folder, rest)) = text.split_once('=')
        && (rest.starts_with('/') || rest.starts_with("**/"))
        && !folder.ends_with('\\')
    {
        // It would be a pattern that fits nothing, and the rule would be gone without a word.
        let known: Vec<&str> = dirs.iter().map(|dir| dir.guest.as_str()).collect();
        return Err(Mistake::Rules(format!(
            "--fs {text}: no folder is called `{folder}` (there are {}); write `\\=` where it belongs to a name",
            known.join(", ")
        )));
    }
    text.parse().map(Some).map_err(|error| Mistake::Rules(format!("--fs {text}: {error}")))
}

pub(super) fn read_rules(file: &std::path::Path) -> Result<Rules, Mistake> {
    let shown = || file.display().to_string();
    let failed = |reason| Mistake::File { file: shown(), reason };
    let mut text = Vec::new();
    // What is too long is not read to its end to find that out.
    let most = u64::try_from(TEXT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut text));
    read.map_err(failed)?;
    Rules::from_bytes(&text).map_err(|error| Mistake::Rules(format!("{}: {error}", shown())))
}
