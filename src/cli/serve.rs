use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::exit::Mistake;
use super::show;
use crate::app::{self, Service};
use crate::config::{self, Overrides, Settings};

/// Serve the HTTP API; needs nothing: it makes its data folder and an administrator's key, shown once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence serve
  ringfence serve --listen 127.0.0.1:8080 --config ringfence.toml
  ringfence serve --listen 0.0.0.0:443 --set tls.cert_file=/etc/tls/cert.pem --set tls.key_file=/etc/tls/key.pem
  ringfence config show")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) settings: SettingsFlags,
    /// Where to listen; the same as --set http.listen=ADDRESS
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Answer with JSON lines
    #[arg(long)]
    json: bool,
}

/// Where settings come from.
#[derive(Debug, Args)]
pub(super) struct SettingsFlags {
    /// A file of settings in TOML [default: $RINGFENCE_CONFIG, if set]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, stronger than the file and the environment (RINGFENCE_SECTION_NAME)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingsFlags {
    pub(super) fn load(&self, more: &[(String, String)], host: &Overrides) -> anyhow::Result<Settings> {
        let mut flags = Vec::new();
        if let Some(data) = &host.data_dir {
            flags.push(("data_dir".to_owned(), data.display().to_string()));
        }
        for text in &self.set {
            let Some((key, value)) = text.split_once('=') else {
                return Err(Mistake::Setting(format!("--set {text}: write KEY=VALUE")).into());
            };
            flags.push((key.to_owned(), value.to_owned()));
        }
        flags.extend(more.iter().cloned());
        let file = self.config.clone().or_else(|| config::variable("RINGFENCE_CONFIG").map(PathBuf::from));
        let loaded = Settings::load(file.as_deref(), config::variable, &flags);
        loaded.map_err(|error| Mistake::Setting(error.to_string()).into())
    }
}

pub(super) fn serve(args: &ServeArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let listen: Vec<_> = args.listen.iter().map(|address| ("http.listen".to_owned(), address.to_string())).collect();
    let settings = args.settings.load(&listen, host)?;
    app::start_service_log(&settings.log);
    super::block_on(async {
        let service = Service::new(settings).await?;
        let url = service.url()?;
        if args.json {
            let key = service.first_key.as_ref().map(|key| key.expose().to_owned());
            show::print(&format!("{}\n", serde_json::json!({"url": url, "first_key": key})))?;
        } else {
            if let Some(key) = &service.first_key {
                show::print(&format!("first key (an administrator's; shown once): {}\n", key.expose()))?;
            }
            show::print(&format!("listening on {url}, docs at {url}/docs\n"))?;
        }
        let stop = CancellationToken::new();
        let asked = tokio::spawn({
            let stop = stop.clone();
            async move {
                super::run::interrupted().await;
                stop.cancel();
            }
        });
        service.serve(stop).await;
        asked.abort();
        Ok::<_, anyhow::Error>(ExitCode::SUCCESS)
    })?
}
