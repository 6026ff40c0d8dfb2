//! `pyfast tree`.

use std::process::ExitCode;

use pyfast_environment::drawing::drawn;
use pyfast_environment::graph::Graph;
use pyfast_packaging::PackageName;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::settings::Settings;

/// Show the packages of the lock as a tree
///
/// What has been shown before is marked with (*) and not shown again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast tree\n  pyfast tree --depth 1\n  pyfast tree --invert urllib3"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Begin with these packages [default: those that the requirements name]
    #[arg(value_name = "PACKAGE")]
    packages: Vec<PackageName>,
    /// Show below each package what needs it
    #[arg(long)]
    invert: bool,
    /// How many levels to show below the first
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    depth: usize,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let opened = args.lock.open(settings)?;
    for name in &args.packages {
        opened.package(name)?;
    }
    let graph = Graph::new(&opened.lock, args.invert);
    let roots = if args.packages.is_empty() { graph.roots() } else { args.packages.clone() };
    if settings.ui.json() {
        let roots: Vec<String> = roots.iter().map(ToString::to_string).collect();
        settings.ui.json_data(&json!({ "roots": roots, "packages": to_json(&graph, args.invert) }));
    } else {
        settings.ui.data(drawn(&graph, &roots, args.depth));
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(graph: &Graph<'_>, inverted: bool) -> Vec<serde_json::Value> {
    let key = if inverted { "needed_by" } else { "dependencies" };
    let packages = graph.packages().map(|package| {
        let below: Vec<String> =
            graph.below(&package.name).iter().map(ToString::to_string).collect();
        json!({
            "name": package.name.to_string(),
            "version": package.version.to_string(),
            "requested": package.requested,
            key: below,
        })
    });
    packages.collect()
}
