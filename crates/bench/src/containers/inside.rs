//! What `pyfast run` and stored bytecode are worth inside a container that mounts the volume read-only.

use serde::Deserialize;

use super::calls::Calls;
use super::project::Project;
use super::report::{Contender, Series};
use crate::error::Error;

/// Times two command lines in turn and prints their seconds. The second of `imports` may neither read nor write bytecode.
const SCRIPT: &str = r#"
import json, os, subprocess, sys, time
runs, modules = int(sys.argv[1]), sys.argv[2]
run = ["/pyfast/bin/pyfast", "run", "--"]
def timed(words, **more):
    begun = time.perf_counter()
    subprocess.run(words, check=True, env={**os.environ, **more})
    return time.perf_counter() - begun
def pairs(one, other):
    one(), other()
    return [[one(), other()] for _ in range(runs)]
said = {"run": pairs(lambda: timed(run + ["/bin/true"]), lambda: timed(["/bin/true"])), "imports": []}
if modules:
    words = run + ["python3", "-c", "import " + modules]
    none = {"PYTHONPYCACHEPREFIX": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    said["imports"] = pairs(lambda: timed(words), lambda: timed(words, **none))
print(json.dumps(said))
"#;

#[derive(Deserialize)]
struct Said {
    run: Vec<(f64, f64)>,
    imports: Vec<(f64, f64)>,
}

/// Measures in the project's container.
///
/// # Errors
/// When the container is gone or a module cannot be imported.
pub(crate) fn measure(
    calls: &Calls,
    made: &Project,
    runs: u32,
    modules: &[String],
) -> Result<Vec<Series>, Error> {
    let container = made.container()?;
    let (runs, modules) = (runs.to_string(), modules.join(", "));
    let script = ["exec", &container, "/pyfast/bin/pyfast", "run", "--", "python3", "-c", SCRIPT];
    let text = calls.docker(&[&script[..], &[&runs, &modules]].concat())?;
    let said: Said = serde_json::from_str(&text).map_err(Error::Json)?;
    let row = |name, title, names: [&'static str; 2], pairs: Vec<(f64, f64)>| {
        let (ones, others) = pairs.into_iter().unzip();
        Series::new(name, title, [Contender::new(names[0], ones), Contender::new(names[1], others)])
    };
    let run =
        row("run", "a process started in the container", ["pyfast run -- true", "true"], said.run);
    let imports = row(
        "imports",
        "imports in a read-only environment",
        ["stored bytecode", "no bytecode"],
        said.imports,
    );
    Ok([run, imports].into_iter().filter(|row| !row.is_empty()).collect())
}
