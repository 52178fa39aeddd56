use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::exit::Mistake;
use super::server::ServerFlags;
use super::{show, words};
use crate::client::{Call, Logins, Server};
use crate::config;

/// More than any key or token.
const KEY_BYTES: u64 = 64 << 10;

/// Keep the key of a server, read from standard input, in a file that nobody else can read
///
/// The key is checked before it is kept. It is used for this server and no other, by commands that name the server (`--server
/// URL`, or `--server saved`) and by those that only a server can do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence login
  ringfence login --server https://fence.example.org < key
  ringfence login --server https://fence.example.org --ca ./their-cert.pem")]
pub(super) struct LoginArgs {
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// Forget the key of a server, of the last login where none is named
///
/// The key itself stays good: `ringfence key revoke` ends it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence logout --server https://fence.example.org")]
pub(super) struct LogoutArgs {
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// Say who you are to a server: tenant, roles and what your key is cut down to
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence whoami --server https://fence.example.org")]
pub(super) struct WhoamiArgs {
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

const WHOAMI: Call<'_> = Call::get(&["v1", "whoami"]);

pub(super) fn login(args: &LoginArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let folder = config::config_dir()?;
    let mut logins = Logins::read(&folder)?;
    let (client, login) = to.login(ask)?;
    let me = super::block_on(client.json(WHOAMI, None))??;
    let server = client.server().to_string();
    logins.servers.insert(server.clone(), login);
    logins.last = Some(server.clone());
    logins.write(&folder)?;
    let text = if args.json {
        json!({"server": server, "whoami": me}).to_string() + "\n"
    } else {
        format!("{server}: {}\n", who(&me))
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// One line of standard input; on a terminal it is not shown.
fn ask(server: &Server) -> anyhow::Result<String> {
    let input = std::io::stdin();
    let key = if input.is_terminal() {
        write!(std::io::stderr(), "key for {server}: ")?;
        console::Term::stderr().read_secure_line()?
    } else {
        let mut line = String::new();
        input.lock().take(KEY_BYTES).read_line(&mut line)?;
        line
    };
    if key.trim().is_empty() {
        return Err(Mistake::NoKey(format!("no key came for {server}: write it to standard input")).into());
    }
    Ok(key)
}

pub(super) fn logout(args: &LogoutArgs, from: &ServerFlags) -> anyhow::Result<ExitCode> {
    let folder = config::config_dir()?;
    let mut logins = Logins::read(&folder)?;
    let server = from.logout(&logins)?;
    if logins.servers.remove(&server).is_none() {
        return Err(Mistake::NoKey("no key is kept; there is nothing to forget".to_owned()).into());
    }
    logins.last = logins.last.filter(|last| *last != server);
    logins.write(&folder)?;
    let told = json!({"forgotten": server}).to_string() + "\n";
    show::print(&if args.json { told } else { format!("the key of {server} is forgotten\n") })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn whoami(args: &WhoamiArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let me = super::block_on(client.json(WHOAMI, None))??;
    let text = if args.json { serde_json::to_string_pretty(&me)? + "\n" } else { words::fields(&me) };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn who(me: &Value) -> String {
    let roles: Vec<&str> = words::list(me, "roles").iter().filter_map(Value::as_str).collect();
    format!("you are {} of {} ({})", words::text(me, "principal"), words::text(me, "tenant"), roles.join(", "))
}
