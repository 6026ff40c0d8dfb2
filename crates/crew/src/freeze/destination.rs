//! The registry that an image is pushed to, as settings reach it: by the user's proxies and certificates, with the login of
//! the container client. Owns the words of its progress; an interrupt leaves there what no name leads to.

use pyfast_index::client::Client;
use pyfast_launcher::engine::{RegistrySettings, login};
use pyfast_oci::{Image, ImageName};
use pyfast_registry::{Event as Progress, Login, Reach, Registry};
use pyfast_settings::{Settings, client_options};
use tokio::runtime::{Builder, Runtime};

use crate::engine::docker_config;
use crate::error::Error;
use crate::event::{Event, Events};

/// A registry that answers, and lets this user in.
pub(super) struct Destination {
    runtime: Runtime,
    registry: Registry,
}

impl Destination {
    /// Finds the registry of a name; the layers of `base` may be there already.
    pub(super) fn open(
        name: &ImageName,
        base: Option<&ImageName>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        if settings.flags.index.offline {
            return Err(Error::PushOffline { env: settings.env.clone() });
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Error::System { what: "a runtime", source })?;
        let known = RegistrySettings {
            config_dir: docker_config(&settings.variables),
            path: settings.variables.get("PATH").map(Into::into),
        };
        let client = Client::new(client_options(settings)?, settings.credentials()?);
        let registry = runtime.block_on(async {
            let login = login(&name.full(), &known).await?.map(|login| Login {
                username: login.username,
                password: login.password,
                identity_token: login.identity_token,
            });
            let unusable = |error| Error::from(pyfast_installer::Error::Fetch(error));
            let client_of = |proxied| client.engine(proxied).map_err(unusable);
            let (client, near) = (client_of(true)?, client_of(false)?);
            Ok::<_, Error>(Registry::open(name, base, Reach { client, near, login }).await?)
        })?;
        Ok(Self { runtime, registry })
    }

    /// Pushes an image there.
    pub(super) fn push(
        &self,
        image: &Image,
        name: &ImageName,
        events: &Events,
    ) -> Result<(), Error> {
        let detail = |text: String| events(Event::Detail(text));
        let tell = |event: Progress<'_>| match event {
            Progress::There(blob) => detail(format!("{} is there", blob.descriptor.digest)),
            Progress::Mounted(blob) => {
                detail(format!("{} was taken over from the base", blob.descriptor.digest));
            }
            Progress::Sent(blob) => {
                let (digest, size) = (blob.descriptor.digest, blob.descriptor.size);
                detail(format!("{digest} was sent ({size} bytes)"));
            }
            Progress::Again { reason, pause } => {
                let seconds = pause.as_secs_f32();
                events(Event::Warning(format!("{reason}; trying again in {seconds:.1} s")));
            }
        };
        let pushed = self.runtime.block_on(self.registry.push(image, name.tag(), &tell))?;
        let (sent, bytes) = (pushed.sent, pushed.bytes);
        let there = pushed.there + pushed.mounted;
        detail(format!("{sent} blobs of {bytes} bytes were sent, {there} were there"));
        Ok(())
    }
}
