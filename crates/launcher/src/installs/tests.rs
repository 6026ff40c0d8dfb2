//! Whole Dockerfiles before and after.

use super::*;

fn given() -> Given<'static> {
    Given {
        provided: &|_| true,
        project: false,
        itself: false,
        compiled: None,
        commands: &[],
        script: &|_| None,
    }
}

fn without(text: &str, given: &Given<'_>) -> Without {
    let question = Question { text, arguments: &BTreeMap::new(), targets: &[None] };
    Installs::read(&question).without(given)
}

/// The Dockerfile that is left, and what of it stays though it installs.
#[track_caller]
fn check(text: &str, expected: &str, left: &[&str]) {
    let found = without(text, &given());
    assert_eq!(found.text.as_deref().unwrap_or(text), expected);
    let told: Vec<_> =
        found.left.iter().map(|one| format!("{}: {}: {}", one.line, one.text, one.why)).collect();
    assert_eq!(told.len(), left.len(), "{told:?}");
    for (told, part) in told.iter().zip(left) {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    // What is left needs no second run.
    let again = without(expected, &given());
    assert_eq!(again.text, None, "{again:?}");
}

#[track_caller]
fn stays(text: &str, left: &[&str]) {
    check(text, text, left);
}

#[test]
fn a_stage_that_only_made_the_environment_goes() {
    check(
        "\
# syntax=docker/dockerfile:1
FROM python:3.11-slim AS builder
RUN apt-get update && apt-get install -y --no-install-recommends \\
    build-essential \\
    libpq-dev \\
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv
# The environment.
RUN uv venv /opt/venv
ENV VIRTUAL_ENV=/opt/venv PATH=\"/opt/venv/bin:$PATH\"
COPY backend/requirements.txt /tmp/requirements.txt
RUN uv pip install -r /tmp/requirements.txt \\
    && uv pip install ta==0.11.0 psycopg2-binary 'croniter>=2'

FROM python:3.11-slim
# What it runs with.
RUN apt-get update && apt-get install -y \\
    curl \\
    # to compile
    gcc \\
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/venv /opt/venv
ENV PATH=\"/opt/venv/bin:$PATH\" \\
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY backend ./backend
CMD [\"uvicorn\", \"backend.main:app\"]
",
        "\
# syntax=docker/dockerfile:1
FROM python:3.11-slim
# What it runs with.
RUN apt-get update && apt-get install -y \\
    curl \\
    && rm -rf /var/lib/apt/lists/*
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY backend ./backend
CMD [\"uvicorn\", \"backend.main:app\"]
",
        &[],
    );
}

#[test]
fn commands_go_and_the_rest_of_their_instruction_stays() {
    check(
        "FROM x\nRUN pip install -U pip && pip install -r r.txt && mkdir /data && pip install ta\nUSER me\n",
        "FROM x\nRUN mkdir /data\nUSER me\n",
        &[],
    );
    check(
        "FROM x\nRUN <<EOF\nset -e\napt-get update\napt-get install -y gcc libmagic1\npip install ta\nmkdir /d\nEOF\nUSER me\n",
        "FROM x\nRUN <<EOF\nset -e\napt-get update\napt-get install -y libmagic1\nmkdir /d\nEOF\nUSER me\n",
        &[],
    );
    check("FROM x\nRUN [\"pip\", \"install\", \"ta\"]\nUSER me\n", "FROM x\nUSER me\n", &[]);
    check(
        "FROM x\nRUN --mount=type=cache,target=/c \\\n  pip install ta \\\n  && echo done\n",
        "FROM x\nRUN --mount=type=cache,target=/c \\\n  echo done\n",
        &[],
    );
}

#[test]
fn no_blank_lines_are_left_where_instructions_stood_together() {
    check(
        "FROM x\n\n# why\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n\nUSER me\n",
        "FROM x\n\nUSER me\n",
        &[],
    );
}

#[test]
fn compilers_that_are_removed_again_go_with_their_removal() {
    check(
        "FROM x\nRUN apk add --no-cache --virtual .b gcc musl-dev \\\n && pip install ta \\\n && apk del .b\nUSER me\n",
        "FROM x\nUSER me\n",
        &[],
    );
    check(
        "FROM x\nRUN apt-get update && apt-get install -y gcc git && pip install ta && apt-get purge -y gcc && rm -rf /var/lib/apt/lists/*\n",
        "FROM x\nRUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*\n",
        &[],
    );
}

#[test]
fn what_prepares_and_cleans_up_goes_with_the_last_install_wherever_it_stands() {
    check(
        "FROM x\nRUN apt-get update\nRUN apt-get install -y gcc\nRUN pip install ta\nRUN rm -rf /var/lib/apt/lists/*\nUSER me\n",
        "FROM x\nUSER me\n",
        &[],
    );
    check(
        "FROM x\nRUN set -e; apt-get update; mkdir /d; apt-get install -y gcc\nRUN pip install ta\n",
        "FROM x\nRUN set -e; mkdir /d\n",
        &[],
    );
    // Another install needs it, here or in a stage that starts from here.
    check(
        "FROM x\nRUN apt-get update\nRUN apt-get install -y gcc\nRUN pip install ta\nRUN apt-get install -y git\n",
        "FROM x\nRUN apt-get update\nRUN apt-get install -y git\n",
        &[],
    );
    check(
        "FROM x AS a\nRUN apt-get update\nRUN apt-get install -y gcc\nRUN pip install ta\nFROM a\nRUN apt-get install -y git\n",
        "FROM x AS a\nRUN apt-get update\nFROM a\nRUN apt-get install -y git\n",
        &[],
    );
    // Nothing that it served goes.
    check("FROM x\nRUN apt-get update\nRUN pip install ta\n", "FROM x\nRUN apt-get update\n", &[]);
}

#[test]
fn upgrades_of_the_system_stay_with_what_prepares_them() {
    check(
        "FROM x\nRUN apt-get update && apt-get upgrade -y && apt-get install -y gcc\nRUN pip install ta\n",
        "FROM x\nRUN apt-get update && apt-get upgrade -y\n",
        &[],
    );
    check(
        "FROM x\nRUN apk update && apk upgrade\nRUN apk add gcc\nRUN pip install ta\n",
        "FROM x\nRUN apk update && apk upgrade\n",
        &[],
    );
}

#[test]
fn wheels_that_are_made_in_one_stage_and_installed_in_another_go() {
    check(
        "FROM x AS w\nCOPY requirements*.txt .\nRUN pip wheel -w /wheels -r requirements.txt\n\nFROM x\nCOPY --from=w /wheels /wheels\nRUN pip install --no-index -r requirements.txt\nCOPY . .\n",
        "FROM x\nCOPY . .\n",
        &[],
    );
}

#[test]
fn a_stage_that_installs_nothing_stays_as_it_is() {
    check(
        "FROM n AS b\nRUN npm run build\nFROM x\nCOPY --from=b /dist /dist\nRUN pip install ta\n",
        "FROM n AS b\nRUN npm run build\nFROM x\nCOPY --from=b /dist /dist\n",
        &[],
    );
}

#[test]
fn what_something_else_needs_stays_and_is_named() {
    stays(
        "FROM x\nRUN apt-get install -y gcc\nRUN pip install django\nCOPY . .\nRUN python manage.py collectstatic\n",
        &["3: pip install django: line 5 may need it: python manage.py collectstatic"],
    );
    stays("FROM x AS a\nRUN pip install ta\nFROM a\nRUN ./prepare\n", &["line 4 may need it"]);
    stays("FROM x AS a\nRUN pip install ta\nFROM a AS test\nFROM a\nUSER b\n", &["stage test"]);
    stays(
        "FROM x\nRUN python -m venv /v\nRUN /v/bin/pip install ta\nCMD [\"/v/bin/uvicorn\", \"a:b\"]\n",
        &["line 4 starts it: CMD [\"/v/bin/uvicorn\", \"a:b\"]"],
    );
    stays(
        "FROM x\nRUN python -m venv /v\nRUN /v/bin/pip install ta\nRUN chown -R me /v\n",
        &["line 4 may need it: chown -R me /v"],
    );
    stays("FROM x\nRUN pip install uv ta\nCMD uv run app\n", &["line 3 starts it: CMD uv run app"]);
}

#[test]
fn what_is_not_understood_keeps_what_serves_it() {
    stays(
        "FROM x\nARG F\nRUN apt-get install -y gcc\nRUN python -m venv /v\nENV PATH=/v/bin:$PATH\nRUN pip install ta\nRUN pip install -r $F\n",
        &["7: pip install -r $F: a value in it"],
    );
    stays(
        "FROM x\nRUN if [ -n \"$DEV\" ]; then pip install ta; fi\n",
        &["it stands among conditions"],
    );
    stays("FROM x\nRUN pip install ta || true\n", &["what else runs depends on it"]);
    stays("FROM x\nRUN pip install -i https://host/simple ta\n", &["an index that only it names"]);
}

#[test]
fn what_the_environment_does_not_have_stays() {
    let text = "FROM x\nCOPY ml.txt .\nRUN pip install -r ml.txt\n";
    let found = without(text, &Given { provided: &|_| false, ..given() });
    assert_eq!(found.text, None);
    assert_eq!(found.left[0].why, "its environment has no ml.txt");
    let text = "FROM x\nRUN uv sync --no-install-project\nUSER me\n";
    assert_eq!(without(text, &given()).left.len(), 1);
    let found = without(text, &Given { project: true, ..given() });
    assert_eq!(found.text.as_deref(), Some("FROM x\nUSER me\n"));
}

#[test]
fn what_compiles_stays_where_something_may_have_to_be_compiled() {
    let text = "FROM x\nRUN apt-get install -y gcc libpq-dev\nRUN pip install psycopg2\nUSER me\n";
    let given = Given { compiled: Some("psycopg2".to_owned()), ..given() };
    let found = without(text, &given);
    let expected = "FROM x\nRUN apt-get install -y gcc libpq-dev\nUSER me\n";
    assert_eq!(found.text.as_deref(), Some(expected));
    assert!(found.left[0].why.contains("psycopg2"), "{:?}", found.left);
}

#[test]
fn a_service_that_starts_in_the_old_environment_keeps_it() {
    let text = "FROM x\nRUN python -m venv /v && /v/bin/pip install ta\n";
    let commands = [vec!["/v/bin/celery".to_owned(), "worker".to_owned()]];
    let found = without(text, &Given { commands: &commands, ..given() });
    assert_eq!(found.text, None);
    assert!(found.left[0].why.contains("`/v/bin/celery`"), "{:?}", found.left);
}

#[test]
fn names_are_told_as_written_with_their_lines() {
    let text = "FROM x\nARG V=1.2\nRUN pip install pip \\\n  'celery[redis]>=5' \\\n && pip install ta==$V rich\n";
    let question = Question { text, arguments: &BTreeMap::new(), targets: &[None] };
    let named = Installs::read(&question).named();
    let named: Vec<_> = named.iter().map(|one| (one.text.as_str(), one.line)).collect();
    assert_eq!(
        named,
        [("celery[redis]>=5", 3), ("rich", 5)],
        "what only the build knows is not told"
    );
}

#[test]
fn nothing_of_a_text_makes_it_fail() {
    for text in [
        "",
        "FROM",
        "RUN",
        "FROM x\nRUN",
        "FROM x\nRUN pip install \\",
        "FROM x\nRUN <<E",
        "FROM x\nRUN <<E\nE",
        "\u{feff}FROM x\r\nRUN pip install ta\r\nUSER y\r\n",
        "FROM x\nENV\nCOPY\nCMD",
        "FROM x\nRUN []\nRUN --network=none\nRUN apt-get install gcc\nRUN pip install ta",
        "FROM x\nRUN [\"\"]\nRUN \"\"\nRUN ''\nRUN apt-get install gcc\nRUN pip install ta",
        "FROM x\nRUN sh -c ''\nRUN sh -c \"''\"\nRUN env\nRUN A=1\nRUN pip install ta",
        "FROM x\nRUN <<E\n\nE\nRUN <<E bash\nE\nRUN pip install ta\nCOPY --from=0 /\nCMD []\nENTRYPOINT [\"\"]",
        "FROM x AS é\nRUN pip install 'é' -t é -\nCOPY --from=é é é\nHEALTHCHECK NONE\nONBUILD RUN",
    ] {
        without(text, &given());
    }
    let windows = "FROM x\r\nRUN pip install ta\r\nUSER y\r\n";
    assert_eq!(without(windows, &given()).text.as_deref(), Some("FROM x\r\nUSER y\r\n"));
}

#[test]
fn what_another_stage_installs_for_itself_is_not_the_services() {
    let text = "FROM x AS docs\nRUN pip install mkdocs\nRUN mkdocs build\nFROM x\nRUN pip install ta\nCOPY --from=docs /site /site\n";
    let found = without(text, &given());
    let named: Vec<_> = found.named.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(named, ["ta"]);
    assert_eq!(found.text, None);
}

/// Texts behind a first stage that have something which is not certain, and the word that says why all stays.
const UNCERTAIN: &[(&str, &str)] = &[
    (
        "RUN pip install -r a.txt\nRUN poetry config virtualenvs.create false\n",
        "calls an installer",
    ),
    ("RUN uv lock && uv pip install -r a.txt\n", "calls an installer"),
    ("RUN uv python install 3.12\nRUN uv pip install ta\n", "calls an installer"),
    ("RUN pip install ta && uv cache clean\n", "calls an installer"),
    ("RUN pip install build && python -m build /x\nRUN pip install ta\n", "calls an installer"),
    ("RUN pip install ta && pip cache purge\n", "calls an installer"),
    ("RUN find / -exec pip list +\nRUN pip install ta\n", "calls an installer"),
    ("RUN pip install --user ta\n", "installs for a user"),
    ("RUN pip install --no-deps ta\n", "shapes what is installed"),
    ("RUN pip install --pre ta\n", "shapes what is installed"),
    ("RUN pip install --no-binary :all: ta\n", "shapes what is installed"),
    ("RUN pip install --only-binary=ta ta\n", "shapes what is installed"),
    ("RUN pip install --what so ta\n", "an option of it is not known"),
    ("RUN pip install -Ur a.txt\n", "an option of it is not known"),
    ("RUN pip install --target=~/d ta\n", "only known when it runs"),
    ("RUN pip install ta && pip install .\n", "no pyproject.toml"),
    ("RUN pip install ta && pip install .[web]\n", "extras of the project"),
    ("RUN pip install ta && pip wheel .\n", "installs files"),
    ("RUN pip install ta && uv sync --frozen --no-dev --extra web\n", "option of it is not known"),
    ("RUN pip install ta && uv sync --frozen\n", "groups of dependencies"),
    ("RUN pip install ta && poetry install --no-interaction\n", "groups of dependencies"),
    ("RUN pip install ta && poetry install --only dev\n", "option of it is not known"),
    ("COPY p.py /usr/local/lib/python3/site-packages/\nRUN pip install ta\n", "names a place"),
    ("RUN sed -i s/a/b/ /usr/lib/python3/dist-packages/x\nRUN pip install ta\n", "names a place"),
    ("RUN python -m venv /v && /v/bin/pip install ta\nCOPY x /v/bin/\n", "names a place"),
    ("RUN python -m venv /v && /v/bin/pip install ta\nENV L=/v/lib\n", "names a place"),
    ("RUN python -m venv /v && /v/bin/pip install ta\nVOLUME /v\n", "names a place"),
    ("WORKDIR /v\nRUN python -m venv /v && /v/bin/pip install ta\n", "names a place"),
    (
        "ENV PATH=/v/bin:/w/bin:$PATH\nRUN python -m venv /v && /v/bin/pip install ta\n",
        "names a place",
    ),
    ("RUN . /v/bin/activate && python x.py\nRUN pip install ta\n", "runs in the environment"),
    (
        "COPY requirements.txt .\nRUN sort requirements.txt\nRUN pip install -r requirements.txt\n",
        "may read requirements.txt",
    ),
    (
        "COPY requirements.txt .\nRUN cat requirements.txt\nRUN pip install -r requirements.txt\n",
        "may read requirements.txt",
    ),
    ("RUN pip install ta\nONBUILD COPY . .\n", "images that are made from this one"),
    (
        "RUN pip install ta\nENTRYPOINT [\"./entrypoint.sh\"]\n",
        "./entrypoint.sh, which is started, cannot be read",
    ),
    (
        "RUN pip install ta\nENTRYPOINT [\"tini\", \"--\", \"bash\", \"run\"]\n",
        "run, which is started, cannot be read",
    ),
    ("RUN pip install ta\nCMD sh -c 'sh go'\n", "go, which is started, cannot be read"),
    ("RUN pip install ta\nCMD make serve\n", "Makefile, which is started, cannot be read"),
    (
        "COPY start /usr/bin/start\nRUN pip install ta\nCMD start\n",
        "start, which is started, cannot be read",
    ),
    ("RUN pip install ta\nFROM y AS dev\nRUN b\nFROM stage0\n", "no service uses this stage"),
    (
        "RUN pip install --prefix=/i ta\nFROM n\nRUN b\nFROM x\nCOPY --from=0 /i /usr/local\nCOPY --from=1 /d /d\n",
        "by its number",
    ),
    (
        "RUN pip install --prefix=/i ta\nFROM x\nCOPY --from=stage0 /i /usr/local\nCOPY --from=stage0 /t /t\n",
        "something else than the environment",
    ),
    (
        "RUN pip install ta\nFROM x\nCOPY --from=stage0 /usr/local/bin /usr/local/bin\n",
        "something else than the environment",
    ),
    (
        "RUN pip install ta\nFROM x\nCOPY --from=stage0 /usr/local /usr/local\n",
        "something else than the environment",
    ),
    (
        "RUN python -m venv /v && /v/bin/pip install ta\nFROM x\nCOPY --from=stage0 /v/bin/x /b\n",
        "something else than the environment",
    ),
    (
        "RUN pip install --prefix=/i ta\nFROM x\nRUN --mount=type=bind,from=stage0,target=/t cp /t/x /b\nCOPY --from=stage0 /i /usr/local\n",
        "takes files of a stage",
    ),
    (
        "RUN python -m venv /v && /v/bin/pip install ta\nFROM x\nCOPY --from=stage0 /v /w\nCMD [\"/w/bin/run\"]\n",
        "starts it",
    ),
];

#[test]
fn the_project_itself_goes_where_its_environment_has_it_too() {
    let installs = [
        "pip install --no-cache-dir .",
        "pip install ./ ta",
        "uv pip install --system .",
        "uv sync --frozen --no-dev --link-mode copy",
        "uv sync --locked --no-default-groups --no-editable",
        "poetry install --no-interaction --only main",
        "poetry --no-ansi install --only=main",
        "poetry install --without dev",
    ];
    for install in installs {
        let text = format!("FROM x\nWORKDIR /app\nCOPY . .\nRUN {install}\nCMD [\"shop\"]\n");
        let of = |project, itself, own: bool| {
            let provided = |name: &str| own && name == "pyproject.toml";
            without(&text, &Given { provided: &provided, project, itself, ..given() })
        };
        let goes = of(true, true, true);
        let expected = "FROM x\nWORKDIR /app\nCOPY . .\nCMD [\"shop\"]\n";
        assert_eq!(goes.text.as_deref(), Some(expected), "{install}: {:?}", goes.left);
        for (given, why) in [
            (of(true, false, true), "`project = true` of its environment"),
            (of(false, true, true), "no pyproject.toml"),
            (of(true, true, false), "none of its environment's"),
        ] {
            assert_eq!(given.text, None, "{install}");
            let [left] = &given.left[..] else { panic!("{install}: {:?}", given.left) };
            assert!(left.why.contains(why), "{install}: {}", left.why);
        }
    }
}

#[test]
fn one_thing_that_is_not_certain_keeps_the_whole_text() {
    let venv = "RUN python -m venv /v && /v/bin/pip install ta\n";
    for (text, why) in UNCERTAIN {
        let text = format!("FROM x AS stage0\n{text}");
        let found = without(&text, &given());
        assert_eq!(found.text, None, "{text}");
        assert!(found.left.iter().any(|one| one.why.contains(why)), "{text}: {:?}", found.left);
    }
    let text = format!("FROM x\n{venv}CMD [\"./go.sh\"]\n");
    for (script, goes) in
        [("exec \"$@\"\n", true), ("/v/bin/celery\n", false), ("uv run x\n", false)]
    {
        let read = |name: &str| (name == "./go.sh").then(|| script.to_owned());
        let found = without(&text, &Given { script: &read, ..given() });
        assert_eq!(found.text.is_some(), goes, "{script}: {:?}", found.left);
    }
}

#[test]
fn an_index_that_only_the_dockerfile_names_keeps_it_and_its_packages() {
    for line in [
        "ENV PIP_INDEX_URL=https://host/simple",
        "ARG PIP_EXTRA_INDEX_URL",
        "ENV PIP_FIND_LINKS /w",
        "ENV A=b PIP_CONFIG_FILE=/c",
        "ENV UV_EXTRA_INDEX_URL=https://host",
        "ARG UV_INDEX_PRIVATE_PASSWORD",
        "ENV UV_DEFAULT_INDEX=https://host",
        "RUN PIP_INDEX_URL=https://host pip install tb",
        "RUN export PIP_INDEX_URL=https://host && pip install tb",
        "RUN <<E\npip config set global.index-url https://host\nE",
        "RUN pip  config --global set global.index-url https://host",
        "COPY deploy/pip.conf /etc/",
        "ADD uv.toml .",
        "RUN --mount=type=secret,id=pip,target=/etc/x pip install tb",
        "RUN pip install -i https://host/simple tb",
        "RUN pip install . -i https://host/simple",
        "RUN pip install --extra-index-url=https://me:PASS@host/simple tb",
        "RUN pip install -fhttps://host tb",
        "RUN if a; then pip install --index-url https://host tb; fi",
        "RUN poetry source add p https://host",
    ] {
        let text = format!("FROM x\nRUN pip install ta\n{line}\n");
        let found = without(&text, &given());
        assert_eq!((found.text, found.named.len()), (None, 0), "{line}");
        assert!(
            found.left.iter().any(|one| one.line == 3 && one.why.contains("an index")),
            "{line}"
        );
        // Where nothing is installed there is nothing to say.
        if !line.contains("install") {
            assert_eq!(
                without(&format!("FROM x\n{line}\n"), &given()),
                Without::default(),
                "{line}"
            );
        }
    }
}

#[test]
fn what_only_the_build_knows_is_neither_told_nor_shown() {
    let arguments = BTreeMap::from([("TOKEN".to_owned(), Some("SECRET".to_owned()))]);
    let text = "FROM x\nARG TOKEN\nRUN pip install \"ta @ git+https://${TOKEN}@host/x\" tb\nRUN pip install -r $TOKEN/r.txt\nRUN ./x $TOKEN\nCMD uv run $TOKEN\n";
    let question = Question { text, arguments: &arguments, targets: &[None] };
    let found = Installs::read(&question).without(&Given { provided: &|_| false, ..given() });
    assert_eq!(found.text, None);
    assert!(!format!("{found:?}").contains("SECRET"), "{found:?}");
    assert!(found.left[0].text.contains("${TOKEN}@host"), "{:?}", found.left);
    let named: Vec<_> = found.named.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(named, ["tb"]);
    for requirement in ["ta @ https://me:p@host/ta.whl", "ta @ https://host/ta.whl?token=t"] {
        let found = without(&format!("FROM x\nRUN pip install '{requirement}'\n"), &given());
        assert_eq!((found.text, found.named.len()), (None, 0));
        assert!(found.left[0].why.contains("a login"), "{:?}", found.left);
    }
}

#[test]
fn compilers_stay_where_something_else_may_compile() {
    for rest in [
        "RUN make x\n",
        "RUN CC=gcc true\n",
        "CMD [\"serve\", \"--cc\", \"/usr/bin/gcc\"]\n",
        "RUN npm ci\n",
    ] {
        let text = format!("FROM x\nRUN apt-get install -y gcc\n{rest}RUN pip install ta\n");
        let found = without(&text, &given());
        let expected = format!("FROM x\nRUN apt-get install -y gcc\n{rest}");
        assert_eq!(found.text, Some(expected));
        assert!(found.left[0].why.contains("may compile"), "{:?}", found.left);
    }
}

#[test]
fn installers_are_no_requirements_in_whatever_version_and_setuptools_is_one() {
    let text = "FROM x\nRUN pip install pip==24.0 wheel setuptools\nRUN pip install 'setuptools<70'\nRUN pip install uv==0.5 ta setuptools\n";
    let found = without(text, &given());
    let named: Vec<_> = found.named.iter().map(|one| (one.text.as_str(), one.line)).collect();
    assert_eq!(named, [("setuptools<70", 3), ("ta", 4), ("setuptools", 4)]);
    assert_eq!(found.text.as_deref(), Some("FROM x\n"));
}

#[test]
fn a_text_of_more_instructions_than_anybody_writes_stays() {
    let text = format!("FROM x\n{}", "RUN pip install ta\n".repeat(4000));
    let found = without(&text, &given());
    assert_eq!((found.text, found.left.len(), found.left[0].line), (None, 1, 502));
}

#[test]
fn a_stage_that_a_service_names_by_its_number_keeps_those_before_it() {
    let text =
        "FROM x AS b\nRUN pip install --prefix=/i ta\nFROM x AS app\nCOPY --from=b /i /usr/local\n";
    let read = |target: &str| {
        let targets = [Some(target.to_owned())];
        let question = Question { text, arguments: &BTreeMap::new(), targets: &targets };
        Installs::read(&question).without(&given())
    };
    assert_eq!(read("app").text.as_deref(), Some("FROM x AS app\n"));
    let numbered = read("1");
    assert_eq!(numbered.text, None);
    assert!(numbered.left[0].why.contains("by its number"), "{:?}", numbered.left);
}
