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
    pub(super) settings: ServiceFlags,
    /// Answer with JSON lines
    #[arg(long)]
    json: bool,
}

/// Where settings come from, and those of a service that have a flag of their own.
#[derive(Debug, Args)]
pub(super) struct ServiceFlags {
    #[command(flatten)]
    from: SettingsFlags,
    /// Where to listen; the same as --set http.listen=ADDRESS
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl ServiceFlags {
    pub(super) fn load(&self, host: &Overrides) -> anyhow::Result<Settings> {
        let listen: Vec<_> = self.listen.iter().map(|address| ("http.listen", address.to_string())).collect();
        self.from.load(&listen, host)
    }
}

/// Where settings come from.
#[derive(Debug, Clone, Args)]
pub(super) struct SettingsFlags {
    /// A file of settings in TOML [default: $RINGFENCE_CONFIG, if set]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, stronger than the file and the environment (RINGFENCE_SECTION_NAME)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SettingsFlags {
    /// Those that are said one by one.
    pub(super) fn set(&self) -> Result<Vec<(String, String)>, Mistake> {
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(Mistake::Setting(format!("--set {text}: write KEY=VALUE"))),
        };
        self.set.iter().map(pair).collect()
    }

    /// For a command that knows a part of them: what else is said would be said to nobody.
    pub(super) fn only(&self, section: &str, host: &Overrides) -> Result<Overrides, Mistake> {
        let set = self.set()?;
        if let Some((key, _)) = set.iter().find(|(key, _)| !key.starts_with(section)) {
            return Err(Mistake::Setting(format!("--set {key}: here only what begins with {section} has a meaning")));
        }
        Ok(Overrides { config: self.config.clone(), set, ..host.clone() })
    }

    /// Whether anything is said.
    pub(super) fn is_given(&self) -> bool {
        self.config.is_some() || !self.set.is_empty()
    }

    pub(super) fn load(&self, more: &[(&'static str, String)], host: &Overrides) -> anyhow::Result<Settings> {
        let wrong = |what: String| Mistake::Setting(what);
        config::check_variables(config::variable_names()).map_err(|error| wrong(error.to_string()))?;
        let mut flags = self.set()?;
        for (key, value) in host_settings(host).into_iter().chain(more.iter().cloned()) {
            if flags.iter().any(|(set, _)| set == key) {
                return Err(wrong(format!("--set {key}: a flag of its own says it as well; leave one out")).into());
            }
            flags.push((key.to_owned(), value));
        }
        let file = self.config.clone().or_else(|| config::variable("RINGFENCE_CONFIG").map(PathBuf::from));
        let loaded = Settings::load(file.as_deref(), config::variable, &flags);
        loaded.map_err(|error| wrong(error.to_string()).into())
    }
}

/// The flags about the host, as the settings that they are for a service.
fn host_settings(host: &Overrides) -> Vec<(&'static str, String)> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let all = [
        ("data_dir", path(&host.data_dir)),
        ("engine.disk_reserve_bytes", number(host.disk_reserve_bytes)),
        ("engine.cache_dir", path(&host.cache_dir)),
        ("engine.cache_bytes", number(host.cache_bytes)),
        ("engine.cache", host.no_cache.then(|| "false".to_owned())),
        ("engine.module_bytes", number(host.module_bytes)),
        ("engine.compile_deadline_ms", number(host.compile_deadline_ms)),
        ("engine.compile_memory_bytes", number(host.compile_memory_bytes)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

pub(super) fn serve(args: &ServeArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let settings = args.settings.load(host)?;
    app::start_service_log(&settings.log);
    super::block_on_many(async {
        let service = Service::new(settings).await?;
        let url = service.url()?;
        // Before anybody can know that it is there to be stopped.
        let interrupted = super::run::interrupted();
        if args.json {
            let key = service.first_key.as_ref().map(|key| key.expose().to_owned());
            let certificate = service
                .certificate
                .as_ref()
                .map(|made| serde_json::json!({"file": made.files.cert, "sha256": made.fingerprint}));
            show::print(&format!(
                "{}\n",
                serde_json::json!({"url": url, "first_key": key, "certificate": certificate})
            ))?;
        } else {
            if let Some(key) = &service.first_key {
                show::print(&format!("first key (an administrator's; shown once): {}\n", key.expose()))?;
            }
            if let Some(made) = &service.certificate {
                let (file, sum) = (made.files.cert.display(), &made.fingerprint);
                show::print(&format!("certificate (clients: --ca): {file}\nits SHA-256: {sum}\n"))?;
            }
            show::print(&format!("listening on {url}, docs at {url}/docs\n"))?;
        }
        let stop = CancellationToken::new();
        let asked = tokio::spawn({
            let stop = stop.clone();
            async move {
                interrupted.await;
                stop.cancel();
            }
        });
        service.serve(stop).await;
        asked.abort();
        Ok::<_, anyhow::Error>(ExitCode::SUCCESS)
    })?
}
