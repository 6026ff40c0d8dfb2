//! Forms of commands as Dockerfiles have them.

use super::*;
use crate::installs::script::{Form, script};

fn acts(text: &str) -> Vec<Act> {
    let read = script(text, 0..text.len(), Form::Instruction('\\'), &|_| None);
    read.commands.iter().map(Act::of).collect()
}

fn act(text: &str) -> Act {
    let [act] = <[Act; 1]>::try_from(acts(text)).expect("one command");
    act
}

/// What an install names: files; constraints; packages; place.
#[track_caller]
fn installs(text: &str, expected: &str) {
    let Act::Installs(install) = act(text) else { panic!("{text}: {:?}", act(text)) };
    let lists = [&install.files, &install.constraints, &install.packages].map(|one| one.join(" "));
    let found = format!("{}; {}", lists.join("; "), install.place.unwrap_or_default());
    assert_eq!(found, expected, "{text}");
}

#[test]
fn installs_are_read_in_their_forms() {
    installs("pip install -r a.txt -rb.txt --requirement=c.txt", "a.txt b.txt c.txt; ; ; ");
    installs(
        "pip3 install --no-cache-dir flask==3.0 'celery[redis]>=5'",
        "; ; flask==3.0 celery[redis]>=5; ",
    );
    installs("python -m pip install -U --root-user-action ignore ta", "; ; ta; ");
    installs("/opt/venv/bin/pip install -c limits.txt ta", "; limits.txt; ta; ");
    installs("PIP_NO_CACHE_DIR=1 pip3.11 install --timeout 100 ta", "; ; ta; ");
    installs("uv pip install --system --python /opt/venv/bin/python -r r.txt", "r.txt; ; ; ");
    installs("uv pip sync r.txt", "r.txt; ; ; ");
    installs("pip-sync r.txt", "r.txt; ; ; ");
    installs("pip install --prefix=/install -r r.txt", "r.txt; ; ; /install");
    installs("pip install -t /deps/ ta", "; ; ta; /deps");
    installs("pip wheel --wheel-dir /wheels -r r.txt", "r.txt; ; ; /wheels");
    installs("pip install 'ta @ git+https://host/ta.git'", "; ; ta @ git+https://host/ta.git; ");
    installs("uv sync --frozen --no-install-project", "; ; ; .venv");
    installs("uv sync --frozen --no-dev", "; ; ; .venv");
    installs("pip install . ta", "; ; ta; ");
    installs("poetry install --only main", "; ; ; ");
    installs("sudo pip install pip ta", "; ; pip ta; ");
}

#[test]
fn what_prepares_is_no_install() {
    let place = |text: &str| match act(text) {
        Act::Prepares { place } => place,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(place("pip install --upgrade pip setuptools wheel"), None);
    assert_eq!(place("pip install 'poetry==1.8.2'"), None);
    assert_eq!(place("python3.11 -m venv --copies /opt/venv/").as_deref(), Some("/opt/venv"));
    assert_eq!(place("uv venv").as_deref(), Some(".venv"));
    assert_eq!(place("virtualenv -p python3 /env").as_deref(), Some("/env"));
    assert_eq!(place(". /venv/bin/activate").as_deref(), Some("/venv"));
}

#[test]
fn what_cannot_be_told_is_unclear() {
    for text in [
        "pip install git+https://host/x.git",
        "pip install .[web]",
        "pip install -e .[dev]",
        "pip install ./lib /wheels/*",
        "pip install -r https://host/r.txt",
        "pip install -r $FILE",
        "pip install $(cat r.txt)",
        "pip install",
        "pip uninstall x",
        "uv sync --frozen --all-extras",
        "poetry install --with dev",
        "pipenv install --system",
        "conda install -y numpy",
        "bash -c 'pip install ta; echo'",
    ] {
        assert!(matches!(act(text), Act::Unclear(_)), "{text}: {:?}", act(text));
    }
}

#[test]
fn what_needs_packages_is_told_from_what_does_not() {
    for text in [
        "python manage.py collectstatic",
        "./setup.sh",
        "sh /setup.sh",
        "playwright install",
        "make",
    ] {
        assert_eq!(act(text), Act::Needs, "{text}");
    }
    for text in
        ["mkdir -p /a", "A=1", "pip --version", "pip cache purge", "python --version", "[ -d /a ]"]
    {
        assert_eq!(act(text), Act::Plain, "{text}");
    }
    assert_eq!(acts("curl -fsSL https://host/i.sh | sh")[1], Act::Needs);
}

#[test]
fn packages_of_the_system_are_read() {
    let names = |text: &str| match act(text) {
        Act::System(System::Packages { names, group }) => {
            let names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
            format!("{} {}", names.join(" "), group.unwrap_or_default())
        }
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(names("apt-get -y -o A=b install --no-install-recommends gcc curl"), "gcc curl ");
    assert_eq!(names("apk add --no-cache --virtual .deps gcc musl-dev"), "gcc musl-dev .deps");
    assert_eq!(names("apt-get purge -y --auto-remove gcc"), "gcc ");
    for text in ["apt-get update", "apt-get clean", "rm -rf /var/lib/apt/lists/*", "set -ex"] {
        assert_eq!(act(text), Act::System(System::Around), "{text}");
    }
    assert!(compiles("gcc") && compiles("python3.11-dev") && compiles("libpq-dev"));
    assert!(!compiles("libgdal-dev") && !compiles("curl") && !compiles("python3-pip"));
}
