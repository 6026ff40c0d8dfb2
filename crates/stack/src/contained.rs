//! Where this process is: on a machine, or in a container of the engine that it talks to, which takes paths for those of
//! its own machine. Owns what of the project services would mount and what is told of it; must not know how a project is
//! brought up.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use pyfast_launcher::engine::{Container, Services as _};

use crate::error::Error;
use crate::event::Event;
use crate::stack::Stack;

/// How many hexadecimal digits an id has.
const ID: usize = 64;

impl Stack<'_> {
    /// Says when services would mount something else than the project's files, because this process is in a container that
    /// has them at another place than the engine's machine.
    pub(crate) fn tell_displaced(&self, selected: &BTreeSet<String>) -> Result<(), Error> {
        let mounts = fs_err::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let Some(own) = own_container(&mounts) else { return Ok(()) };
        let Some(mounted) = self.mounted_of_project(selected) else { return Ok(()) };
        // A container of another engine shares nothing with this one's machine, which is as if it were another machine.
        let found = self.connection().wait(self.connection().engine.container(own))?;
        if let Some(warning) = found.and_then(|own| displaced(&mounted, &own)) {
            self.tell(Event::Warning(warning));
        }
        Ok(())
    }

    /// The first of the project's directories and files that one of these services mounts.
    fn mounted_of_project(&self, selected: &BTreeSet<String>) -> Option<PathBuf> {
        let project = &self.description().project;
        let services = selected.iter().filter_map(|name| project.services.get(name));
        let volumes = services.flat_map(|service| &service.volumes);
        let mut sources = volumes.filter_map(|volume| Some(Path::new(volume.split(':').next()?)));
        sources.find(|source| source.starts_with(&project.directory)).map(Path::to_owned)
    }
}

/// The id of the container that these mounts are of (`proc_pid_mountinfo(5)`): engines mount files into it that they keep in
/// a directory of that name.
fn own_container(mounts: &str) -> Option<&str> {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut files = fields.filter(|fields| {
        fields.get(4).is_some_and(|place| ["/etc/hostname", "/etc/hosts"].contains(place))
    });
    files.find_map(|fields| fields.get(3)?.split('/').find(|part| is_id(part)))
}

fn is_id(part: &str) -> bool {
    part.len() == ID && part.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What is to be said where `path`, seen in this container, is something else for the engine.
fn displaced(path: &Path, container: &Container) -> Option<String> {
    let Some(there) = on_machine(path, container) else {
        return Some(format!(
            "services mount {0}, and what the engine mounts is its own machine's {0}: pyfast is in a container here, whose \
             files the machine does not have. Mount the project into it, at the path that it has on the machine",
            path.display()
        ));
    };
    // Engines in a virtual machine see the directories of the machine around it below one of their own.
    let below: PathBuf = path.components().filter(|&part| part != Component::RootDir).collect();
    (!there.ends_with(below)).then(|| {
        format!(
            "services mount {0}, and what the engine mounts is its own machine's {0}: pyfast is in a container here, and on \
             the machine the project's is {1}. Mount the project into the container at the path that it has on the machine",
            path.display(),
            there.display()
        )
    })
}

/// Where a path of this container is on the engine's machine; `None` where it is not there.
fn on_machine(path: &Path, container: &Container) -> Option<PathBuf> {
    let above = container.mounts.iter().filter(|target| path.starts_with(target));
    let target = above.max_by_key(|target| target.len())?;
    let source = Path::new(container.binds.get(target)?);
    let rest = path.strip_prefix(target).ok()?;
    Some(if rest.as_os_str().is_empty() { source.to_owned() } else { source.join(rest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn container(binds: &[(&str, &str)], volumes: &[&str]) -> Container {
        let targets = binds.iter().map(|(target, _)| target).chain(volumes);
        Container {
            mounts: targets.map(|&target| target.to_owned()).collect(),
            binds: binds.iter().map(|&(target, source)| (target.into(), source.into())).collect(),
            ..Container::default()
        }
    }

    fn check(path: &str, binds: &[(&str, &str)], volumes: &[&str], word: Option<&str>) {
        let said = displaced(Path::new(path), &container(binds, volumes));
        let Some(word) = word else {
            assert_eq!(said, None);
            return;
        };
        assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{said:?}");
    }

    #[test]
    fn a_project_at_the_machines_own_path_is_in_its_place() {
        check("/home/me/shop/data", &[("/home/me/shop", "/home/me/shop")], &[], None);
        check("/home/me/shop/data", &[("/home/me", "/home/me")], &["/home/pyfast"], None);
        check("/Users/me/shop", &[("/Users/me/shop", "/host_mnt/Users/me/shop")], &[], None);
    }

    #[test]
    fn a_project_at_another_path_is_told_with_the_machines() {
        check("/app/data", &[("/app", "/home/me/shop")], &[], Some("/home/me/shop/data."));
        // The nearest mount counts.
        let nested = [("/home/me", "/home/me"), ("/home/me/shop", "/srv/shop")];
        check("/home/me/shop/data", &nested, &[], Some("/srv/shop/data"));
    }

    #[test]
    fn a_project_that_the_machine_has_not_is_told() {
        check("/src/data", &[], &[], Some("does not have"));
        check("/src/data", &[("/srv", "/srv")], &["/src"], Some("does not have"));
    }

    #[test]
    fn an_own_container_is_known_by_the_files_that_engines_mount() {
        let docker = format!(
            "1 2 0:1 / / rw - overlay o rw\n3 1 8:1 /var/lib/docker/containers/{OWN}/hostname /etc/hostname rw - ext4 d rw\n"
        );
        assert_eq!(own_container(&docker), Some(OWN));
        let podman = format!(
            "3 1 0:9 /overlay-containers/{OWN}/userdata/hosts /etc/hosts rw - tmpfs t rw\n"
        );
        assert_eq!(own_container(&podman), Some(OWN));
        assert_eq!(own_container("1 2 8:1 / / rw - ext4 d rw\n"), None);
        assert_eq!(own_container(&format!("1 2 8:1 /{OWN} /data rw - ext4 d rw\n")), None);
    }
}
