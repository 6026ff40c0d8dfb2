//! Who owns copied files in an image: `--chown` by number, or by a name that the image itself knows. Owns what a name
//! means; must not know what is copied.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use crate::engine::Engine;
use crate::error::Error;

/// Bytes of `/etc/passwd` and `/etc/group`.
const LARGEST: u64 = 1 << 20;

/// Users and groups by what the Dockerfile says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Owners(BTreeMap<String, (u32, u32)>);

impl Owners {
    /// What each of these means in a container.
    pub(crate) async fn of<E: Engine>(
        engine: &E,
        container: &str,
        wanted: &BTreeSet<&str>,
    ) -> Result<Self, Error> {
        let named =
            wanted.iter().any(|owner| !owner.bytes().all(|c| c.is_ascii_digit() || c == b':'));
        let (mut users, mut groups) = (String::new(), String::new());
        if named {
            users = text(engine, container, "/etc/passwd").await?;
            groups = text(engine, container, "/etc/group").await?;
        }
        let meant = |owner: &&str| {
            let unknown = || Error::CodeOwner { owner: (*owner).to_owned() };
            Ok(((*owner).to_owned(), meaning(owner, &users, &groups).ok_or_else(unknown)?))
        };
        Ok(Self(wanted.iter().map(meant).collect::<Result<_, Error>>()?))
    }

    pub(crate) fn find(&self, owner: Option<&str>) -> (u32, u32) {
        owner.and_then(|owner| self.0.get(owner)).copied().unwrap_or_default()
    }
}

async fn text<E: Engine>(engine: &E, container: &str, path: &str) -> Result<String, Error> {
    let Some(archive) = engine.get_archive(container, path, LARGEST).await? else {
        return Ok(String::new());
    };
    let mut text = Vec::new();
    let mut archive = tar::Archive::new(archive.as_ref());
    if let Some(Ok(entry)) = archive.entries().ok().and_then(|mut entries| entries.next()) {
        entry.take(LARGEST).read_to_end(&mut text).map_err(Error::io("read who owns code"))?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// User and group by number; `None` where builders would not agree on them.
fn meaning(owner: &str, users: &str, groups: &str) -> Option<(u32, u32)> {
    let (user, group) =
        owner.split_once(':').map_or((owner, None), |(user, group)| (user, Some(group)));
    let fields = |text: &str, name: &str| -> Option<Vec<String>> {
        let mut lines =
            text.lines().map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>());
        lines.find(|fields| fields.first().is_some_and(|first| first == name))
    };
    let number = |name: &str, text: &str| {
        name.parse().ok().or_else(|| fields(text, name)?.get(2)?.parse::<u32>().ok())
    };
    let user_number = number(user, users)?;
    let group_number = match group {
        Some(group) => number(group, groups)?,
        None if user.parse::<u32>().is_ok() => user_number,
        // One builder takes the group of the user's name, another one the user's own.
        None => {
            let own = fields(users, user)?.get(3)?.parse().ok()?;
            (number(user, groups)? == own).then_some(own)?
        }
    };
    Some((user_number, group_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_numbers_or_what_the_image_calls_them() {
        let users = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\nodd:x:7:8::/:\n";
        let groups = "root:x:0:\napp:x:1000:\nodd:x:7:\nwww:x:33:app\n";
        let of = |owner: &str| meaning(owner, users, groups);
        assert_eq!(of("1000:33"), Some((1000, 33)));
        assert_eq!(of("1000"), Some((1000, 1000)));
        assert_eq!(of("app:www"), Some((1000, 33)));
        assert_eq!(of("app:0"), Some((1000, 0)));
        assert_eq!(of("app"), Some((1000, 1000)));
        assert_eq!((of("odd"), of("nobody"), of("app:none"), of("")), (None, None, None, None));
    }
}
