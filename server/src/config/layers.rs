//! Where a configuration comes from: layers, of which the later wins.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use config::{Config, Environment, File, FileFormat};

use super::{ConfigError, SAMPLE, ServerConfig};

/// What our variables of the environment begin with.
pub(super) const PREFIX: &str = "EXPRESS__";
/// Keys that hold lists, which the environment separates by commas.
const LISTS: [&str; 4] = [
    "cluster.nats",
    "http.allowed_origins",
    "media.public_addresses",
    "metrics.allow",
];

/// What is laid over the embedded default, in this order: text, a file, variables of the environment.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) file: Option<PathBuf>,
    pub(super) toml: Option<String>,
    pub(super) environment: Option<HashMap<String, String>>,
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "configuration from {}", file.display()),
            None => f.write_str("configuration"),
        }?;
        let names = self.environment.iter().flat_map(|variables| variables.keys());
        names.enumerate().try_for_each(|(index, name)| {
            let joint = if index == 0 { " with " } else { ", " };
            write!(f, "{joint}{name}")
        })
    }
}

/// Reads the layers and checks what comes of them.
///
/// # Errors
/// [`ConfigError`], which names the key or the file.
pub(super) fn read(layers: Layers) -> Result<ServerConfig, ConfigError> {
    let described = layers.to_string();
    let mut builder = Config::builder().add_source(File::from_str(SAMPLE, FileFormat::Toml));
    if let Some(text) = &layers.toml {
        builder = builder.add_source(File::from_str(text, FileFormat::Toml));
    }
    if let Some(file) = layers.file {
        builder = builder.add_source(File::from(file).format(FileFormat::Toml));
    }
    if let Some(variables) = layers.environment {
        builder = builder.add_source(environment(variables));
    }
    let read = builder.build().and_then(Config::try_deserialize::<ServerConfig>);
    let config = read.map_err(|source| ConfigError::Read {
        layer: described,
        source,
    })?;
    config.check()?;
    Ok(config)
}

fn environment(variables: HashMap<String, String>) -> Environment {
    let mut environment = Environment::with_prefix("EXPRESS")
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .list_separator(",")
        .source(Some(variables.into_iter().collect()));
    for key in LISTS {
        environment = environment.with_list_parse_key(key);
    }
    environment
}
