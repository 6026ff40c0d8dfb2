//! What packages may rely on of a machine, in their own words. Asks no machine.

use std::str::FromStr as _;

use rattler_conda_types::package::BuildString;
use rattler_conda_types::{GenericVirtualPackage, PackageName, Version};

use crate::error::{Error, whole};
use crate::machine::Machine;

/// What packages may rely on, in their own words.
pub(super) fn virtual_packages(machine: &Machine) -> Result<Vec<GenericVirtualPackage>, Error> {
    let package = |name: &str, version: &str, build: &str| -> Result<_, Error> {
        let wrong = |reason: String| Error::Spec { spec: format!("{name}={version}"), reason };
        Ok(GenericVirtualPackage {
            name: PackageName::from_str(name).map_err(|error| wrong(error.to_string()))?,
            version: Version::from_str(version).map_err(|error| wrong(error.to_string()))?,
            build_string: BuildString::from_str(build).map_err(|error| wrong(whole(&error)))?,
        })
    };
    Ok(vec![
        package("__unix", "0", "0")?,
        package("__linux", &machine.kernel, "0")?,
        package("__glibc", &machine.glibc, "0")?,
        package("__archspec", "1", &machine.arch)?,
    ])
}
