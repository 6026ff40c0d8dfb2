//! Where a project's override is, so that one project of a directory leaves another's as it is. Owns which place is whose;
//! the files' names are the launcher's.

use std::path::PathBuf;

use pyfast_launcher::compose_file::{
    ComposeProject, ComposeRequest, compose_name, override_apart, override_of_call,
};
use pyfast_launcher::override_file::override_sibling;
use pyfast_settings::Settings;

use crate::description::{ComposeFlags, named_files, request};

/// When Compose loads the override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// By itself, or because it is named.
    Always,
    /// Where `COMPOSE_FILE` names it.
    ByVariable,
    /// Where `-f` names it: flags say which project or which files are meant.
    ByFlag,
}

/// Where a project's override belongs, and when Compose loads it there. What flags and the shell's variables mean besides
/// the project of the directory has one of its own: each would take the other's place.
pub(crate) fn place(
    settings: &Settings,
    flags: &ComposeFlags,
    project: &ComposeProject,
) -> (PathBuf, Loaded) {
    let (directory, named) = (&project.directory, project.own.first());
    let renamed = is_renamed(settings, flags, project);
    let own = override_of_call(directory, &project.name, &[]);
    match named {
        _ if renamed && !project.found && project.own.contains(&own) => {
            return (own, Loaded::Always);
        }
        Some(named) if !project.found && (!flags.files.is_empty() || !renamed) => {
            return (named.clone(), Loaded::Always);
        }
        _ if !flags.files.is_empty() => {
            return (override_of_call(directory, &project.name, &project.files), Loaded::ByFlag);
        }
        _ if renamed => return (own, Loaded::ByFlag),
        _ => {}
    }
    match &project.files[..] {
        [only] if project.found => (override_sibling(only), Loaded::Always),
        // A user's override of whatever name stays the one that Compose finds.
        _ => (override_apart(directory), Loaded::ByVariable),
    }
}

/// Whether a flag or the shell names another project than the directory's files do.
fn is_renamed(settings: &Settings, flags: &ComposeFlags, project: &ComposeProject) -> bool {
    let Some(variables) = settings.variables.without_compose_project() else { return false };
    let files = named_files(settings, flags);
    let unnamed =
        ComposeRequest { environment: variables.all(), ..request(settings, flags, &files, &[]) };
    !compose_name(&unnamed).is_ok_and(|name| name == project.name)
}

#[cfg(test)]
mod tests {
    use pyfast_launcher::compose_file::read_compose;
    use pyfast_settings::{Flags, Surroundings, Variables};

    use super::*;

    /// Where the override is below a directory with these files, for a call with `-p` and `-f`.
    fn placed(files: &[(&str, &str)], name: Option<&str>, named: &[&str]) -> (String, Loaded) {
        placed_in(&[], files, name, named)
    }

    /// The same in a shell with these variables.
    fn placed_in(
        shell: &[(&str, &str)],
        files: &[(&str, &str)],
        name: Option<&str>,
        named: &[&str],
    ) -> (String, Loaded) {
        let place = tempfile::tempdir().unwrap();
        for (file, text) in files {
            fs_err::create_dir_all(place.path().join(file).parent().unwrap()).unwrap();
            fs_err::write(place.path().join(file), text).unwrap();
        }
        let name = name.map(str::to_owned);
        let home = ("HOME".into(), place.path().as_os_str().to_owned());
        let shell = shell.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let variables = Variables::new(shell.chain([home])).of_compose(name.as_ref(), &[]);
        let working_directory = place.path().to_path_buf();
        let surroundings = Surroundings { variables, working_directory, program: None };
        let settings = Settings::new(Flags::default(), surroundings).unwrap();
        let files = named.iter().map(PathBuf::from).collect();
        let flags = ComposeFlags { files, ..ComposeFlags::default() };
        let files = named_files(&settings, &flags);
        let project = read_compose(&request(&settings, &flags, &files, &[])).unwrap();
        let (file, loaded) = super::place(&settings, &flags, &project);
        (file.strip_prefix(place.path()).unwrap().display().to_string(), loaded)
    }

    const APART: &str = ".pyfast/compose.override.yml";
    const SHOP: (&str, &str) = ("compose.yaml", "name: shop\nservices: {a: {image: a}}\n");
    const MORE: (&str, &str) = ("more.yaml", "services: {a: {user: u}}\n");

    #[test]
    fn an_override_of_a_call_is_where_no_other_call_finds_it() {
        let own = ("compose.override.yaml".to_owned(), Loaded::Always);
        assert_eq!(placed(&[SHOP], None, &[]), own);
        assert_eq!(placed(&[SHOP], Some("shop"), &[]), own, "it is that project's name");
        let other = (".pyfast/compose.override.other.yml".to_owned(), Loaded::ByFlag);
        assert_eq!(placed(&[SHOP], Some("other"), &[]), other);
        let theirs = ("compose.override.yml", MORE.1);
        assert_eq!(placed(&[SHOP, theirs], None, &[]), (APART.to_owned(), Loaded::ByVariable));
        assert_eq!(placed(&[SHOP, theirs], Some("other"), &[]), other);
        let (file, loaded) = placed(&[SHOP, MORE], None, &["compose.yaml", "more.yaml"]);
        assert!(file.starts_with(".pyfast/compose.override.shop."), "{file}");
        assert_eq!(loaded, Loaded::ByFlag);
    }

    #[test]
    fn shells_that_name_projects_have_an_override_each() {
        let shell = |name: &'static str| [("COMPOSE_PROJECT_NAME", name)];
        let of = |name: &str| format!(".pyfast/compose.override.{name}.yml");
        let by_flag = |name: &str| (of(name), Loaded::ByFlag);
        let theirs = ("compose.override.yml", MORE.1);
        for files in [&[SHOP][..], &[SHOP, theirs]] {
            assert_eq!(placed_in(&shell("one"), files, None, &[]), by_flag("one"));
            assert_eq!(placed_in(&shell("two"), files, None, &[]), by_flag("two"));
            assert_eq!(placed_in(&shell("one"), files, Some("two"), &[]), by_flag("two"));
            let usual = placed(files, None, &[]);
            assert_eq!(placed_in(&shell("shop"), files, None, &[]), usual, "it is that one's name");
            assert_eq!(placed_in(&shell("one"), files, Some("shop"), &[]), usual);
            assert_eq!(placed_in(&shell(""), files, None, &[]), usual);
        }
        // The directory's own name may come from its variables.
        let env = (".env", "COMPOSE_PROJECT_NAME=one\n");
        let own = ("compose.override.yaml".to_owned(), Loaded::Always);
        assert_eq!(placed_in(&shell("one"), &[SHOP, env], None, &[]), own);
        assert_eq!(placed_in(&shell("two"), &[SHOP, env], None, &[]), by_flag("two"));
        let list = format!("compose.yaml:{}", of("one"));
        let both = [("COMPOSE_FILE", list.as_str()), ("COMPOSE_PROJECT_NAME", "one")];
        let found = placed_in(&both, &[SHOP], None, &[]);
        assert_eq!(found, (of("one"), Loaded::Always), "the shell names it, too");
    }

    #[test]
    fn an_override_that_is_named_is_where_it_is_named() {
        let env = |name: &str| {
            format!("COMPOSE_FILE=compose.yaml:{APART}\nCOMPOSE_PROJECT_NAME={name}\n")
        };
        let named = env("shop");
        let files = [SHOP, (".env", &named)];
        assert_eq!(placed(&files, None, &[]), (APART.to_owned(), Loaded::Always));
        let (file, loaded) = placed(&files, Some("other"), &[]);
        assert_eq!((&*file, loaded), (".pyfast/compose.override.other.yml", Loaded::ByFlag));
        let call = ["compose.yaml", ".pyfast/compose.override.other.yml"];
        assert_eq!(placed(&files, Some("other"), &call), (file, Loaded::Always));
    }
}
