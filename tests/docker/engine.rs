//! What every test asks of its engine and removes from it, over the engine's API: the client of the command line is a
//! program of 40 MB, and seven starts of it were a sixth of a test's work. Must not know what is tested.

use std::collections::HashMap;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use tokio::runtime::{Builder, Runtime};

/// Seconds after which a request counts as lost.
const SECONDS: u64 = 120;

/// A connection to the engine of the tests.
pub(crate) struct Engine {
    runtime: Runtime,
    api: Docker,
}

/// Filters as the API wants them: the values of each key.
fn filters<'f>(of: &[(&'f str, &str)]) -> HashMap<&'f str, Vec<String>> {
    let mut filters: HashMap<_, Vec<String>> = HashMap::new();
    for &(key, value) in of {
        filters.entry(key).or_default().push(value.to_owned());
    }
    filters
}

impl Engine {
    /// The engine at an address that the tests were given: `unix://…` or `tcp://…`.
    pub(crate) fn at(host: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let oldest = bollard::ClientVersion { major_version: 1, minor_version: 41 };
        let api = runtime.block_on(async {
            match host.strip_prefix("unix://") {
                Some(socket) => Docker::connect_with_unix(socket, SECONDS, &oldest),
                None => Docker::connect_with_http(host, SECONDS, &oldest),
            }
            .unwrap()
            .negotiate_version()
            .await
            .unwrap()
        });
        Self { runtime, api }
    }

    /// Ids of the containers, whatever their state, that all of the filters let through: `label` or `volume`, and the
    /// value of each.
    pub(crate) fn containers(&self, of: &[(&str, &str)]) -> Vec<String> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters(of)).build();
        let begun = Instant::now();
        let found = loop {
            match self.runtime.block_on(self.api.list_containers(Some(options.clone()))) {
                // Podman's word for a container that has ended and is not tidied up yet.
                Err(Error::JsonDataError { message, .. })
                    if message.starts_with("unknown variant `stopped`")
                        && begun.elapsed() < Duration::from_secs(SECONDS) =>
                {
                    sleep(Duration::from_millis(50));
                }
                told => break told.unwrap(),
            }
        };
        found.into_iter().filter_map(|container| container.id).collect()
    }

    /// Removes a container, running or not, if it is there.
    pub(crate) fn remove_container(&self, id: &str) {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let _ = self.runtime.block_on(self.api.remove_container(id, Some(options)));
    }

    /// Makes a volume with labels.
    pub(crate) fn create_volume(&self, name: &str, labels: &[(&str, &str)]) {
        let labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        let request = bollard::models::VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.collect()),
            ..Default::default()
        };
        self.runtime.block_on(self.api.create_volume(request)).unwrap();
    }

    /// The directory of a volume, on the engine's machine.
    pub(crate) fn directory(&self, volume: &str) -> PathBuf {
        let found = self.runtime.block_on(self.api.inspect_volume(volume)).unwrap();
        found.mountpoint.into()
    }

    /// Removes a volume, if it is there.
    pub(crate) fn remove_volume(&self, name: &str) {
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        let _ = self.runtime.block_on(self.api.remove_volume(name, Some(options)));
    }

    /// Removes containers, then networks, then volumes that have the label.
    pub(crate) fn remove_all(&self, label: &str) {
        let of = [("label", label)];
        for id in self.containers(&of) {
            self.remove_container(&id);
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters(&of)).build();
        let networks = self.runtime.block_on(self.api.list_networks(Some(options))).unwrap();
        for id in networks.into_iter().filter_map(|network| network.id) {
            let _ = self.runtime.block_on(self.api.remove_network(&id));
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters(&of)).build();
        let volumes = self.runtime.block_on(self.api.list_volumes(Some(options))).unwrap();
        for volume in volumes.volumes.unwrap_or_default() {
            self.remove_volume(&volume.name);
        }
    }
}
