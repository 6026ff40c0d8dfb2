//! What a Dockerfile takes from its context, what of it is only copied, and what is not certain.

use super::*;

/// What a text comes to, a line a step; `None` where all of the context counts.
fn steps(text: &str, target: Option<&str>, arguments: &[(&str, &str)]) -> Option<Vec<String>> {
    let given = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let environment = given(&[("HOME_OF", "/srv")]);
    let plain = BaseImage { environment, working_dir: "/base".into(), ..BaseImage::default() };
    let triggered = BaseImage { triggers: true, ..BaseImage::default() };
    let absent = BaseImage { absent: true, ..BaseImage::default() };
    let bases = BTreeMap::from([
        ("py".to_owned(), plain),
        ("onbuild".to_owned(), triggered),
        ("own".to_owned(), absent),
    ]);
    let arguments = given(arguments);
    let question = Question { text, arguments: &arguments, target, bases: &bases };
    let shown = |step: &Step| match step {
        Step::Read { sources, place } => {
            let place = place.as_ref().map_or("?", |place| place.path.as_str());
            format!("read {} {place}", sources.join(" "))
        }
        Step::Copied { sources, place, owner, mode, covers: _ } => {
            let slash = if place.directory { "/" } else { "" };
            let owner = owner.as_ref().map(|owner| format!(" of {owner}")).unwrap_or_default();
            let mode = mode.map(|mode| format!(" {mode:o}")).unwrap_or_default();
            format!("copy {} {}{slash}{owner}{mode}", sources.join(" "), place.path)
        }
        Step::Foreign { path } => format!("foreign {path}"),
    };
    Some(read(&question)?.iter().map(shown).collect())
}

/// Whether something may be at the place of the last copy already, on a base that was made in `directory`.
fn covers(directory: &str, text: &str) -> bool {
    let base = BaseImage {
        environment: BTreeMap::from([("APP_HOME".into(), "/app".into())]),
        working_dir: directory.into(),
        ..BaseImage::default()
    };
    let absent = BaseImage { absent: true, ..BaseImage::default() };
    let bases = BTreeMap::from([("py".to_owned(), base), ("own".to_owned(), absent)]);
    let arguments = BTreeMap::new();
    let question = Question { text, arguments: &arguments, target: None, bases: &bases };
    let steps = read(&question).unwrap();
    let Some(Step::Copied { covers, .. }) = steps.last() else { panic!("{steps:?}") };
    *covers
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = steps(text, None, &[]);
    let expected: Vec<_> = expected.iter().map(|&step| step.to_owned()).collect();
    assert_eq!(found, Some(expected), "{text}");
}

#[track_caller]
fn unknown(text: &str) {
    assert_eq!(steps(text, None, &[]), None, "{text}");
}

#[test]
fn copies_behind_which_nothing_runs_are_only_copied() {
    check(
        "FROM py\nWORKDIR /app\nCOPY backend ./backend\nENV A=1\nUSER 1:1\nEXPOSE 80\nLABEL a=b\n\
         HEALTHCHECK CMD x\nVOLUME /data\nSTOPSIGNAL SIGINT\nENTRYPOINT [\"x\"]\nCMD y\n",
        &["copy backend /app/backend"],
    );
    check("FROM py\nCOPY a b /x/\nCOPY [\"c d\", \"e\"]", &["copy a b /x/", "copy c d /base/e"]);
    check("FROM scratch\nCOPY . .", &["copy  //"]);
    check("FROM py\nADD src /app/", &["copy src /app/"]);
}

#[test]
fn copies_before_a_run_are_read_by_it() {
    check(
        "FROM py\nCOPY req.txt /tmp/\nRUN pip install -r /tmp/req.txt\nCOPY . /app\n",
        &["read req.txt /tmp", "copy  /app"],
    );
    check("FROM py\nCOPY . /app\nRUN make", &["read  /app"]);
    check("FROM py\nCOPY . /app\nRUN <<EOF\nmake\nEOF\n", &["read  /app"]);
    check("FROM py\nCOPY . /app\nrun make", &["read  /app"]);
}

#[test]
fn mounts_of_the_context_are_read() {
    let run = |flag: &str| format!("FROM py\nRUN {flag} make\nCOPY a /a\n");
    check(&run("--mount=type=bind,source=./x,target=/x"), &["read x ?", "copy a /a"]);
    check(&run("--mount=target=/x"), &["read  ?", "copy a /a"]);
    check(&run("--mount=type=cache,target=/x"), &["copy a /a"]);
    check(&run("--mount=type=secret,id=x"), &["copy a /a"]);
}

#[test]
fn other_stages_read_what_they_copy() {
    let text = "FROM py AS build\nCOPY front /front\nRUN npm build\nFROM py AS unused\nCOPY docs /docs\n\
                FROM py\nCOPY --from=build /front/out /www\nCOPY back /back\n";
    check(text, &["read front ?", "foreign /www", "copy back /back"]);
    let target = steps(text, Some("BUILD"), &[]);
    assert_eq!(target, Some(vec!["read front /front".to_owned()]));
    assert_eq!(steps(text, Some("none"), &[]), None);
    check(
        "FROM py AS base\nCOPY a /a\nFROM base AS test\nRUN test\nFROM base\nCOPY b /b\n",
        &["copy a /a", "copy b /b"],
    );
    // What the test made of them is in the image.
    check(
        "FROM py AS base\nCOPY a /a\nFROM base AS test\nRUN test\nFROM base\nCOPY --from=test /r /r\n",
        &["read a ?", "read a ?", "read a /a", "foreign /r"],
    );
    check(
        "FROM py AS one\nCOPY a /a\nFROM one\nCOPY --from=0 /a /b\n",
        &["read a ?", "read a /a", "foreign /b"],
    );
    check(
        "FROM py AS one\nCOPY a /a\nFROM py\nRUN --mount=type=bind,from=one,target=/x make\nCOPY b /b",
        &["read a ?", "copy b /b"],
    );
}

#[test]
fn owners_and_modes_are_kept() {
    check("FROM py\nCOPY --chown=1000:0 --chmod=0755 a /a/", &["copy a /a/ of 1000:0 755"]);
    check("FROM py\nENV U=app\nCOPY --chown=$U a /a/", &["copy a /a/ of app"]);
    check("FROM py\nCOPY --link a /a/", &["copy a /a/"]);
    check("FROM py\nCOPY --chmod=u+x a /a/", &["read a /a"]);
    check("FROM py\nCOPY --chown=$WHO a /a/", &["read a /a"]);
}

#[test]
fn variables_count_where_they_are_certain() {
    let text = "ARG BASE=py\nARG DIR=out\nFROM $BASE\nARG DIR\nARG SUB=deep\nENV TOP=/srv/$SUB OTHER=\"x y\"\n\
                COPY $DIR ${TOP}/\nWORKDIR $HOME_OF\nCOPY a b\n";
    check(text, &["copy out /srv/deep/", "copy a /srv/b"]);
    let found = steps(text, None, &[("DIR", "given")]).unwrap();
    assert_eq!(found[0], "copy given /srv/deep/");
    // Not declared in the stage; of the base or the builder, who knows.
    unknown("ARG DIR=out\nFROM py\nCOPY $DIR /x/");
    unknown("FROM py\nCOPY $TARGETARCH /x/");
    unknown("FROM py\nCOPY ${A:-b} /x/");
    unknown("FROM py\nCOPY \"a /x/");
    check("FROM py\nCOPY a $WHERE/", &["read a ?"]);
    check("FROM py\nCOPY a /a\nCOPY b $WHERE/\nCOPY c /c", &["read a /a", "read b ?", "copy c /c"]);
    check("FROM py\nWORKDIR $WHERE\nCOPY a b\nCOPY c /c", &["read a ?", "copy c /c"]);
    // An argument of the stage below may be one of this stage or not.
    unknown("FROM py AS one\nARG A=a\nFROM one\nCOPY $A /x/");
}

#[test]
fn images_that_are_not_known_or_trigger_something_leave_all_to_count() {
    unknown("FROM other\nCOPY a /a");
    unknown("FROM onbuild\nCOPY a /a");
    unknown("FROM onbuild AS one\nRUN x\nFROM py\nCOPY --from=one /x /x\nCOPY a /a");
    unknown("FROM $NONE\nCOPY a /a");
    unknown("FROM py AS one\nONBUILD COPY . /x\nFROM one\nCOPY a /a");
    check("FROM py\nONBUILD COPY . /x\nCOPY a /a", &["copy a /a"]);
}

#[test]
fn syntaxes_flags_and_instructions_that_are_not_known_leave_all_to_count() {
    check("# syntax=docker/dockerfile:1\nFROM py\nCOPY a /a", &["copy a /a"]);
    check("# syntax=docker/dockerfile:1.7\nFROM py\nCOPY a /a", &["copy a /a"]);
    for syntax in
        ["docker/dockerfile:1-labs", "docker/dockerfile:2", "me/own", "docker/dockerfile:10"]
    {
        unknown(&format!("# syntax={syntax}\nFROM py\nCOPY a /a"));
    }
    assert_eq!(steps("FROM py\nCOPY a /a", None, &[("BUILDKIT_SYNTAX", "me/own")]), None);
    unknown("FROM py\nCOPY --new=b a /a");
    unknown("FROM py\nINCLUDE x\nCOPY a /a");
    unknown("COPY a /a");
    unknown("");
    unknown("FROM py AS a b\nCOPY a /a");
    unknown("FROM py\nCOPY --from=$X a /a");
    check("FROM py\nCOPY --parents a/b /a", &["read a/b ?"]);
    check("FROM py\nCOPY --exclude=*.md a /a", &["read a ?"]);
    check("# escape=`\nFROM py\nCOPY a `\n /a", &["copy a /a"]);
}

#[test]
fn what_comes_from_elsewhere_is_foreign() {
    check("FROM py\nADD https://host.test/x.tgz /x/\nCOPY a /a", &["foreign /x", "copy a /a"]);
    check("FROM py\nCOPY <<EOF a /x/\nhello\nEOF\n", &["foreign /x", "copy a /x/"]);
    check("FROM py\nCOPY --from=nginx:1 /etc /etc\nCOPY a /a", &["foreign /etc", "copy a /a"]);
    check(
        "FROM py\nCOPY a /a\nCOPY --from=nginx:1 /etc $X\nCOPY b /b",
        &["read a /a", "copy b /b"],
    );
}

#[test]
fn base_images_are_those_of_the_stages_that_count() {
    let none = BTreeMap::new();
    let of = |text: &str| {
        let question = Question { text, arguments: &none, target: None, bases: &BTreeMap::new() };
        base_images(&question).map(|found| (found.own, found.all.into_iter().collect::<Vec<_>>()))
    };
    let text = "FROM a AS one\nFROM b AS two\nFROM one AS three\nFROM c\nCOPY --from=three /x /x\n";
    assert_eq!(of(text), Some(("c".to_owned(), vec!["a".to_owned(), "c".to_owned()])));
    assert_eq!(of("FROM $X"), None);
}

#[test]
fn of_an_image_that_a_builder_keeps_to_itself_neither_variables_nor_directory_are_known() {
    check("FROM own\nCOPY a b\nWORKDIR /app\nCOPY c .\n", &["read a ?", "copy c /app/"]);
    check("FROM own\nENV D=d\nCOPY $D /d\n", &["copy d /d"]);
    unknown("FROM own\nARG D=d\nCOPY $D /d\n");
}

#[test]
fn a_history_shows_whether_the_image_below_did_something_with_the_context() {
    let none = BTreeMap::new();
    let text = "FROM base AS one\nENV A=1\nFROM one\nRUN make\nONBUILD RUN x\nCOPY a /a\n";
    let question = Question { text, arguments: &none, target: None, bases: &BTreeMap::new() };
    let bases = base_images(&question).unwrap();
    let shown = |below: &[&str]| {
        let own = ["COPY a /a # buildkit", "RUN /bin/sh -c make # buildkit", "ENV A=1"];
        let history: Vec<_> = own.iter().chain(below).map(|&line| line.to_owned()).collect();
        bases.are_plain_by(&history)
    };
    let system = "/bin/sh -c #(nop) ADD file:12 in / ";
    assert!(shown(&["CMD [\"python3\"]", "RUN /bin/sh -c set -eux", system]));
    assert!(shown(&[system]));
    assert!(!shown(&["COPY . /app # buildkit", "CMD [\"python3\"]", system]), "ONBUILD COPY");
    assert!(!shown(&["/bin/sh -c #(nop) ADD dir:1 in /app ", system]), "ONBUILD ADD");
    assert!(!shown(&["USER app", "COPY . /app", system]));
    assert!(!shown(&[]));
    // Another image, or a builder that writes another history.
    let other = |lines: &[&str]| {
        bases.are_plain_by(&lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    };
    assert!(!other(&["COPY a /a", "ENV A=1", "CMD x", system]));
    assert!(!other(&["COPY a /a", system]));
    let classic = [
        "/bin/sh -c #(nop)  LABEL a=b",
        "/bin/sh -c #(nop) COPY dir:1 in /a ",
        "/bin/sh -c make",
        "/bin/sh -c #(nop)  ENV A=1",
    ];
    assert!(other(
        &[&classic[..], &["/bin/sh -c #(nop)  CMD [\"x\"]", "/bin/sh -c set -eux", system]]
            .concat()
    ));
    assert!(!other(&[&classic[..], &["/bin/sh -c #(nop) COPY dir:1 in /seen ", system]].concat()));
}

#[test]
fn where_something_may_be_already_is_told() {
    for text in [
        "RUN apt-get install -y gcc\nWORKDIR /app\nCOPY . .",
        "WORKDIR /app\nCOPY . .",
        "WORKDIR /srv\nRUN npm ci\nWORKDIR /app\nCOPY . .",
        "RUN echo $OTHER\nCOPY . /app/",
        "RUN --mount=type=bind,source=./x,target=/x make\nCOPY . /app/",
    ] {
        assert!(!covers("/", &format!("FROM py\n{text}")), "{text}");
    }
    for text in [
        "WORKDIR /app\nRUN npm ci\nCOPY . .",
        "WORKDIR /app/front\nRUN npm ci\nWORKDIR ..\nCOPY . .",
        "RUN mkdir /app\nCOPY . /app/",
        "RUN <<EOF\nmkdir /app\nEOF\nCOPY . /app/",
        "RUN --mount=type=cache,target=/app/cache true\nCOPY . /app/",
        "RUN cp -r /x $APP_HOME\nCOPY . /app/",
        "RUN cp -r /x ${APP_HOME}/x\nCOPY . /app/",
        "ARG WHERE\nRUN cp -r /x $WHERE\nCOPY . /app/",
        "WORKDIR $WHERE\nRUN npm ci\nCOPY . /app/",
        "COPY --parents a/b /app/\nCOPY . /app/",
        "COPY --from=nginx:1 /x $WHERE\nCOPY . /app/",
        "COPY rootfs/ /",
    ] {
        assert!(covers("/", &format!("FROM py\n{text}")), "{text}");
    }
    assert!(covers("/", "FROM py AS one\nWORKDIR /app\nRUN npm ci\nFROM one\nCOPY . ."));
    assert!(!covers("/", "FROM py AS one\nWORKDIR /app\nRUN npm ci\nFROM py\nCOPY . /app/"));
}

#[test]
fn an_image_below_may_have_something_around_its_own_directory() {
    for (directory, expected) in [("", false), ("/", false), ("/srv", false), ("/app", true)] {
        assert_eq!(covers(directory, "FROM py\nCOPY . /app/"), expected, "{directory}");
    }
    assert!(covers("/app", "FROM py\nCOPY . /app/sub/"));
    assert!(covers("/app/sub", "FROM py\nCOPY . /app/"));
    assert!(covers("/", "FROM own\nCOPY . /app/"), "which is not known");
    assert!(!covers("/", "FROM scratch\nCOPY . /app/"));
}
