//! Whole Dockerfiles before and after.

use super::*;

fn given() -> Given<'static> {
    Given { provided: &|_| true, project: false, compiled: None, commands: &[] }
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
    check(
        "FROM x AS w\nRUN pip install --user ta\nFROM x\nCOPY --from=w /root/.local /root/.local\nENV PATH=/root/.local/bin:$PATH\nCOPY . .\n",
        "FROM x\nCOPY . .\n",
        &[],
    );
}

#[test]
fn a_stage_with_another_use_stays() {
    check(
        "FROM x AS b\nRUN pip install --prefix=/i ta\nRUN npm run build\nFROM x\nCOPY --from=b /i /usr/local\nCOPY --from=b /dist /dist\n",
        "FROM x AS b\nRUN npm run build\nFROM x\nCOPY --from=b /dist /dist\n",
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
        &["line 4 starts `/v/bin/uvicorn a:b`"],
    );
    stays(
        "FROM x\nRUN python -m venv /v\nRUN /v/bin/pip install ta\nRUN chown -R me /v\n",
        &["line 4 may need it: chown -R me /v"],
    );
    stays("FROM x\nRUN pip install uv ta\nCMD uv run app\n", &["line 3 starts"]);
}

#[test]
fn what_is_not_understood_keeps_what_serves_it() {
    check(
        "FROM x\nARG F\nRUN apt-get install -y gcc\nRUN python -m venv /v\nENV PATH=/v/bin:$PATH\nRUN pip install ta\nRUN pip install -r $F\n",
        "FROM x\nARG F\nRUN apt-get install -y gcc\nRUN python -m venv /v\nENV PATH=/v/bin:$PATH\nRUN pip install -r $F\n",
        &["7: pip install -r $F: a value in it"],
    );
    stays(
        "FROM x\nRUN if [ -n \"$DEV\" ]; then pip install ta; fi\n",
        &["it stands among conditions"],
    );
    stays("FROM x\nRUN pip install ta || true\n", &["what else runs depends on it"]);
    stays("FROM x\nRUN pip install -i https://host/simple ta\n", &["it names an index"]);
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
    assert!(found.left[0].why.contains("/v/bin/celery worker"), "{:?}", found.left);
}

#[test]
fn names_are_told_as_written_with_their_lines() {
    let text = "FROM x\nARG V=1.2\nRUN pip install pip \\\n  'celery[redis]>=5' \\\n && pip install ta==$V\n";
    let question = Question { text, arguments: &BTreeMap::new(), targets: &[None] };
    let named = Installs::read(&question).named();
    let named: Vec<_> = named.iter().map(|one| (one.text.as_str(), one.line)).collect();
    assert_eq!(named, [("celery[redis]>=5", 3), ("ta==1.2", 5)]);
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
    let expected = "FROM x AS docs\nRUN pip install mkdocs\nRUN mkdocs build\nFROM x\nCOPY --from=docs /site /site\n";
    assert_eq!(found.text.as_deref(), Some(expected));
}
