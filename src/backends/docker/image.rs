use std::time::Duration;

use bollard::Docker as Api;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt as _;

use super::engine::{is_missing, said};
use super::settings::{DockerSettings, Pull};

/// How long an engine may fetch an image.
const FETCHING: Duration = Duration::from_secs(15 * 60);

/// What commands are run from, as it is now: what a name stands for may change between two runs.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) id: String,
    /// Variables that it would add.
    pub(super) env: Vec<String>,
    /// Folders for which an engine would make a place on its disk, without a bound.
    pub(super) volumes: Vec<String>,
}

/// The name of the image, which somebody has to choose.
pub(super) fn named(settings: &DockerSettings) -> Result<&str, String> {
    let name = settings.image.as_deref().filter(|name| !name.is_empty());
    name.ok_or_else(|| "no image is named that commands are to run from; set backends.docker.image".to_owned())
}

/// Whether it can be had, without fetching it.
pub(super) async fn check(api: &Api, settings: &DockerSettings) -> Result<(), String> {
    let name = named(settings)?;
    match (find(api, name).await?, settings.pull) {
        (Some(_), _) | (None, Pull::Missing) => Ok(()),
        (None, Pull::Never) => Err(not_there(name)),
    }
}

/// The image, fetched if it is not there and may be.
pub(super) async fn get(api: &Api, settings: &DockerSettings) -> Result<Image, String> {
    let name = named(settings)?;
    if let Some(image) = find(api, name).await? {
        return Ok(image);
    }
    if settings.pull == Pull::Never {
        return Err(not_there(name));
    }
    let failed = |why: String| format!("the image {name} is not there, and the engine could not fetch it: {why}");
    match tokio::time::timeout(FETCHING, fetch(api, name)).await {
        Ok(fetched) => fetched.map_err(failed)?,
        Err(_) => return Err(failed("it took too long".to_owned())),
    }
    find(api, name).await?.ok_or_else(|| failed("it has another name now".to_owned()))
}

fn not_there(name: &str) -> String {
    format!(
        "the image {name} is not there, and backends.docker.pull is never; load it into the engine, or allow it to be fetched"
    )
}

async fn find(api: &Api, name: &str) -> Result<Option<Image>, String> {
    let found = match api.inspect_image(name).await {
        Ok(found) => found,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(said(&error)),
    };
    let id = found.id.ok_or("the engine does not say which image it is")?;
    let config = found.config.unwrap_or_default();
    let env = config.env.unwrap_or_default().into_iter();
    let name_of = |pair: String| pair.split('=').next().unwrap_or_default().to_owned();
    Ok(Some(Image { id, env: env.map(name_of).collect(), volumes: config.volumes.unwrap_or_default() }))
}

async fn fetch(api: &Api, name: &str) -> Result<(), String> {
    // Without a tag an engine would fetch all that there are.
    let last = name.rsplit('/').next().unwrap_or_default();
    let tag = (!last.contains([':', '@'])).then(|| "latest".to_owned());
    let options = CreateImageOptions { from_image: Some(name.to_owned()), tag, ..Default::default() };
    let mut steps = std::pin::pin!(api.create_image(Some(options), None, None));
    while let Some(step) = steps.next().await {
        step.map_err(|error| said(&error))?;
    }
    Ok(())
}
