//! Start commands as people write them, and what they import.

use std::collections::BTreeMap;

use super::*;

#[derive(Default)]
struct Service {
    files: BTreeMap<&'static str, &'static str>,
    variables: BTreeMap<&'static str, &'static str>,
    scripts: BTreeMap<&'static str, &'static str>,
    /// Whether nothing else is set.
    whole: bool,
}

impl Around for Service {
    fn text(&self, path: &str) -> Option<String> {
        self.files.get(path).map(|text| (*text).to_owned())
    }

    fn variable(&self, name: &str) -> Known {
        match self.variables.get(name) {
            Some(value) => Known::Value((*value).to_owned()),
            None if self.whole => Known::Unset,
            None => Known::Unknown,
        }
    }

    fn console_script(&self, name: &str) -> Option<String> {
        self.scripts.get(name).map(|text| (*text).to_owned())
    }
}

fn service() -> Service {
    Service { whole: true, ..Service::default() }
}

/// An entry in short: what, in which directories first, and a mark where it is not needed.
fn short(entry: &Started) -> String {
    let target = match &entry.target {
        Target::Module(module) => {
            let objects = match module.objects.join("|") {
                objects if objects.is_empty() => objects,
                objects => format!(":{objects}"),
            };
            let also = if module.or_module { "/" } else { "" };
            let other = if module.or_other { "?" } else { "" };
            let fallback =
                module.fallback.as_ref().map_or(String::new(), |name| format!(">{name}"));
            format!("{}{objects}{also}{fallback}{other}", module.name)
        }
        Target::Main(name) => format!("-m {name}"),
        Target::Script(path) => format!("./{path}"),
        Target::Refused(reason) => format!("!{reason}"),
    };
    let first: Vec<_> = entry.start.first.iter().map(|path| format!("[{path}]")).collect();
    format!("{target} {}{}", first.concat(), if entry.needed { "" } else { " maybe" })
}

/// What a line of words between blanks imports.
fn of(service: &Service, line: &str) -> Vec<String> {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    started(&words, service).iter().map(short).collect()
}

/// What a text that a shell reads imports.
fn sh(service: &Service, text: &str) -> Vec<String> {
    let words = ["sh", "-c", text].map(str::to_owned);
    started(&words, service).iter().map(short).collect()
}

#[test]
fn servers_import_a_module_with_an_object_from_where_they_start() {
    let service = service();
    for (line, found) in [
        ("uvicorn app.main:app --host 0.0.0.0 --port 8000", "app.main:app []"),
        ("uvicorn --reload --app-dir src main:create.app --factory", "main:create.app [src]"),
        ("/opt/venv/bin/uvicorn main:app --app-dir=/srv", "main:app [/srv]"),
        ("python -m uvicorn main:app", "main:app [][]"),
        ("python -I -m uvicorn main:app", "main:app []"),
        ("gunicorn -w 4 shop.wsgi", "shop.wsgi:application []"),
        ("gunicorn --chdir src -b :8000 shop.wsgi:app", "shop.wsgi:app [src]"),
        ("gunicorn --pythonpath a,b shop:app()", "shop:app [b][a][]"),
        ("hypercorn --bind 0.0.0.0:80 pkg.web", "pkg.web:app []"),
        ("hypercorn asgi:src/web:make()", "web:make [src]"),
        ("granian --interface asgi main:app", "main:app []"),
        ("granian --working-dir src main", "main:app [src]"),
        ("daphne -b 0.0.0.0 -p 80 shop.asgi:application", "shop.asgi:application []"),
        ("litestar --app shop.web:app run --host 0.0.0.0", "shop.web:app []"),
        ("litestar --app=shop.web:app run", "shop.web:app []"),
        ("sanic shop.server:app --host=0.0.0.0 --workers 4", "shop.server:app []"),
        (
            "python -m taskiq worker --workers 2 shop.tasks:broker shop.jobs",
            "shop.tasks:broker [][]",
        ),
    ] {
        assert_eq!(of(&service, line), [found], "{line}");
    }
    let found = of(&service, "gunicorn -k uvicorn.workers.UvicornWorker main:app");
    assert_eq!(found, ["uvicorn.workers:UvicornWorker/ []", "main:app []"]);
    assert_eq!(of(&service, "gunicorn -k gevent main:app")[0], "gevent []");
}

#[test]
fn words_that_a_server_refuses_are_told() {
    let service = service();
    assert_eq!(
        of(&service, "uvicorn main"),
        ["!uvicorn wants MODULE:OBJECT and is given `main` []"]
    );
    assert!(of(&service, "gunicorn main:api.app")[0].starts_with('!'));
}

#[test]
fn workers_import_where_each_looks_for_its_application() {
    let service = service();
    for (line, found) in [
        ("celery -A proj worker -l info", vec!["proj:app|celery>proj.celery? []"]),
        ("celery -A proj.tasks worker", vec!["proj:tasks/ []"]),
        ("celery --app=proj.tasks:queue beat", vec!["proj.tasks:queue []"]),
        (
            "celery --workdir src -A proj.app worker -P gevent",
            vec!["proj:app/ [src]", "gevent [src]"],
        ),
        ("celery -A proj.app flower --port=5555", vec!["proj:app/ []", "flower []"]),
        (
            "celery -A proj.app beat -S django_celery_beat.schedulers:DatabaseScheduler",
            vec!["proj:app/ []", "django_celery_beat.schedulers:DatabaseScheduler []"],
        ),
        ("celery worker", vec![]),
        ("celery -A $APP worker", vec![]),
        ("dramatiq app.broker:broker app.tasks -p 2", vec!["app.broker:broker []", "app.tasks []"]),
        ("rq worker -c app.settings high", vec!["app.settings []"]),
        ("rq worker high", vec![]),
        ("arq app.worker.WorkerSettings --burst", vec!["app.worker:WorkerSettings []"]),
        ("huey_consumer main.huey -w 4", vec!["main:huey []"]),
    ] {
        let line = line.replace('$', "\0");
        assert_eq!(of(&service, &line), found, "{line}");
    }
}

#[test]
fn frameworks_look_into_files_and_variables() {
    let mut service = service();
    service.files.insert("app.py", "");
    assert_eq!(of(&service, "flask run"), ["app []"]);
    service.files.extend([("src/shop/__init__.py", ""), ("src/shop/web.py", "")]);
    assert_eq!(of(&service, "flask --app src/shop/web.py:make('x') run"), ["shop.web:make [src]"]);
    service.variables.insert("FLASK_APP", "shop");
    assert_eq!(of(&service, "python -m flask run"), ["shop [][]"]);
    assert_eq!(of(&service, "fastapi run"), ["app []"]);
    assert_eq!(of(&service, "fastapi dev src/shop/web.py --port 80"), ["shop.web [src]"]);
    assert_eq!(of(&service, "streamlit run pages/home.py"), ["./pages/home.py [pages] maybe"]);
    let ini = "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = .\n";
    service.files.insert("db/alembic.ini", ini);
    assert_eq!(
        of(&service, "alembic -c db/alembic.ini upgrade head"),
        ["./db/migrations/env.py []"]
    );
    assert_eq!(of(&service, "alembic upgrade head"), [""; 0]);
}

#[test]
fn django_names_its_settings_in_a_text_or_a_variable() {
    let text = "#!/usr/bin/env python\nimport os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', \
                \"shop.settings\")\nfrom django.core.management import \
                execute_from_command_line\n";
    let mut service = service();
    service.files.extend([("manage.py", text), ("shop/wsgi.py", text)]);
    let settings = "shop.settings []";
    assert_eq!(of(&service, "python manage.py migrate"), ["./manage.py []", settings]);
    assert_eq!(of(&service, "./manage.py migrate"), ["./manage.py []", settings]);
    assert_eq!(of(&service, "gunicorn shop.wsgi"), ["shop.wsgi:application []", settings]);
    let named = of(&service, "python manage.py check --settings=shop.dev");
    assert_eq!(named[1], "shop.dev []");
    service
        .files
        .insert("shop/api.py", "import django\ndjango.setup()\nDJANGO_SETTINGS_MODULE = 'x.y'\n");
    service.files.insert(
        "shop/asgi.py",
        "DJANGO_SETTINGS_MODULE = 'x.y'\nfrom django import get_asgi_application\n",
    );
    for (module, reader) in [("shop.api", Django::Command), ("shop.asgi", Django::Server)] {
        let words = ["uvicorn".to_owned(), format!("{module}:app")];
        assert_eq!(started(&words, &service)[1].lists, Some(Lists::Django(reader)), "{module}");
    }
    for (words, reader) in [
        ("migrate --noinput", Django::Checks),
        ("migrate --skip-checks", Django::Command),
        ("runserver 0.0.0.0:80", Django::Developers),
        ("collectstatic", Django::Command),
        ("check --deploy", Django::Checks),
        ("check --tag security", Django::Command),
        ("check --tag=security", Django::Command),
        ("check -t security", Django::Command),
    ] {
        let words = format!("python manage.py {words}");
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        assert_eq!(started(&words, &service)[1].lists, Some(Lists::Django(reader)), "{words:?}");
    }
    service
        .files
        .insert("jobs.py", "import django\ndjango.setup()\nDJANGO_SETTINGS_MODULE = 'x.y'\n");
    let words = ["python", "jobs.py", "check"].map(str::to_owned);
    let lists = started(&words, &service)[1].lists;
    assert_eq!(lists, Some(Lists::Django(Django::Command)), "a script of its own");
    service.variables.insert("DJANGO_SETTINGS_MODULE", "shop.live");
    assert_eq!(of(&service, "gunicorn shop.wsgi")[1], "shop.live []");
}

#[test]
fn the_interpreter_runs_files_and_modules() {
    let service = service();
    for (line, found) in [
        ("python app/main.py --port 80", "./app/main.py [app]"),
        ("python3.12 -u -W ignore main.py", "./main.py []"),
        ("python -P main.py", "./main.py "),
        ("python -m app.worker", "-m app.worker []"),
        ("python -um app", "-m app []"),
        ("python -m debugpy --listen 0.0.0.0:5678 -m app.main", "-m app.main [][]"),
        ("python -m coverage run -p main.py", "./main.py [][]"),
    ] {
        assert_eq!(of(&service, line), [found], "{line}");
    }
    for line in ["python", "python -c pass", "python -V", "python folder", "node main.js"] {
        assert_eq!(of(&service, line), [""; 0], "{line}");
    }
}

#[test]
fn what_stands_before_a_program_is_passed_over() {
    let mut service = service();
    service.scripts.insert("shop", "shop.cli:main [extra]");
    service.files.insert("shop.ini", "");
    for before in [
        "exec",
        "env -u X A=1",
        "tini --",
        "tini -g --",
        "dumb-init",
        "gosu app",
        "nice -n 5",
        "timeout -k 5 10",
        "uv run --no-sync",
        "poetry run",
        "pyfast run --env web --",
        "nohup",
        "wait-for-it.sh db:5432 --",
        "ddtrace-run",
        "X=1",
        "watchmedo auto-restart -R --",
    ] {
        let line = format!("{before} uvicorn main:app");
        assert_eq!(of(&service, &line), ["main:app []"], "{line}");
    }
    assert_eq!(of(&service, "shop serve"), ["shop.cli:main "]);
    assert_eq!(of(&service, "env PYTHONSAFEPATH=1 python -m shop"), ["-m shop "]);
}

#[test]
fn what_is_not_understood_is_silent() {
    let service = Service::default();
    for line in [
        "uvicorn \0 main:app",
        "uvicorn main:app \0",
        "uvicorn --new-option main:app",
        "uvicorn main:\0",
        "gunicorn -c conf.py main:app",
        "\0 main.py",
        "celery worker",
        "",
        "hypercorn -c h.toml main:app",
        "flask run",
        "supervisord -c x.conf",
        "litestar run",
        "sanic server",
        "taskiq worker a:b c:d",
        "litestar --app-dir src --app a:b run",
        "./start.sh",
    ] {
        assert_eq!(of(&service, line), [""; 0], "{line}");
    }
    assert_eq!(of(&service, "uvicorn main:app --port \0"), ["main:app []"]);
}

#[test]
fn a_shell_gives_variables_and_folders_to_what_it_runs() {
    let mut service = service();
    service.variables.insert("PORT", "80");
    for (text, found) in [
        ("cd src && exec uvicorn main:app --port $PORT", "main:app [src]"),
        ("APP=main:app; uvicorn \"$APP\"", "main:app []"),
        ("uvicorn ${MODULE:-app.main}:app", "app.main:app []"),
        ("exec gunicorn main:app >/dev/null 2>&1", "main:app []"),
        ("if [ -n \"$X\" ]; then echo hi; fi; uvicorn main:app", "main:app []"),
        ("while ! nc -z db 5432; do sleep 1; done\nuvicorn main:app # serves", "main:app []"),
        (". /opt/venv/bin/activate && uvicorn main:app", "main:app []"),
        ("uvicorn main:app | tee log", "main:app [] maybe"),
    ] {
        assert_eq!(sh(&service, text), [found], "{text}");
    }
    for text in [
        "cd $(dirname $0) && python main.py",
        "eval \"$CMD\"; python main.py",
        "case $X in a) exec python a.py;; esac; python b.py",
        "cat <<E\npython a.py\nE",
        "if [ -z $X ]; then cd other; fi\npython main.py",
        "false || python main.py",
        "echo 'open",
    ] {
        assert_eq!(sh(&Service::default(), text), [""; 0], "{text}");
    }
}

#[test]
fn of_a_script_only_what_ends_it_is_needed() {
    let service = service();
    for (text, found) in [
        ("python a.py; python b.py", ["./a.py [] maybe", "./b.py []"]),
        ("python a.py && python b.py", ["./a.py []", "./b.py []"]),
        ("set -e\npython a.py\npython b.py", ["./a.py []", "./b.py []"]),
        ("python a.py || exit 1\nexec python b.py", ["./a.py []", "./b.py []"]),
        ("python a.py || true\nexec python b.py", ["./a.py [] maybe", "./b.py []"]),
        ("python a.py & python b.py", ["./a.py [] maybe", "./b.py []"]),
        ("python a.py & python b.py & wait", ["./a.py [] maybe", "./b.py [] maybe"]),
        ("set -e; python a.py; exec python b.py; python c.py", ["./a.py []", "./b.py []"]),
    ] {
        assert_eq!(sh(&service, text), found, "{text}");
    }
}

#[test]
fn scripts_of_the_project_are_read() {
    let mut service = service();
    service.files.extend([
        ("start.sh", "#!/bin/sh -e\npython migrate.py\nexec \"$@\"\n"),
        ("/entry.sh", "#!/usr/bin/env bash\nset -euo pipefail\nexec uvicorn \"$1\" --port 80\n"),
        ("loop.sh", "#!/bin/sh\nexec ./loop.sh\n"),
        ("tool", "#!/usr/bin/python3\n"),
    ]);
    assert_eq!(of(&service, "./start.sh python main.py"), ["./migrate.py []", "./main.py []"]);
    assert_eq!(of(&service, "sh start.sh python main.py")[1], "./main.py []");
    assert_eq!(of(&service, "/entry.sh main:app"), ["main:app []"]);
    assert_eq!(of(&service, "./loop.sh"), [""; 0]);
    assert_eq!(of(&service, "./tool"), ["./tool []"]);
}
