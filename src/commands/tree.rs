//! `pyfast tree`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use pyfast_packaging::PackageName;
use pyfast_resolver::{Lock, LockedPackage};
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
        let report = json!({ "roots": roots, "packages": graph.to_json() });
        settings.ui.data(format!("{report}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut drawing =
        Drawing { graph: &graph, depth: args.depth, shown: BTreeSet::new(), text: String::new() };
    for root in &roots {
        drawing.draw(root, "", "");
    }
    settings.ui.data(drawing.text);
    Ok(ExitCode::SUCCESS)
}

/// Packages with those that stand below them.
struct Graph<'a> {
    packages: BTreeMap<&'a PackageName, &'a LockedPackage>,
    below: BTreeMap<&'a PackageName, Vec<&'a PackageName>>,
    inverted: bool,
}

impl<'a> Graph<'a> {
    fn new(lock: &'a Lock, inverted: bool) -> Self {
        let packages: BTreeMap<_, _> =
            lock.packages.iter().map(|package| (&package.name, package)).collect();
        let mut below: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for package in &lock.packages {
            for dependency in package.dependencies.iter().filter(|name| packages.contains_key(name))
            {
                let (upper, lower) = if inverted {
                    (dependency, &package.name)
                } else {
                    (&package.name, dependency)
                };
                below.entry(upper).or_default().push(lower);
            }
        }
        Self { packages, below, inverted }
    }

    fn below(&self, name: &PackageName) -> &[&'a PackageName] {
        self.below.get(name).map_or(&[], Vec::as_slice)
    }

    /// Where the tree begins: what the user asked for and whatever nothing leads to, so that every
    /// package is shown. A circle that nothing leads to is entered at its first package.
    fn roots(&self) -> Vec<PackageName> {
        let led_to: BTreeSet<_> = self.below.values().flatten().copied().collect();
        let requested = |package: &LockedPackage| package.requested && !self.inverted;
        let first =
            |package: &&LockedPackage| requested(package) || !led_to.contains(&package.name);
        let mut roots: Vec<&PackageName> =
            self.packages.values().copied().filter(first).map(|package| &package.name).collect();
        let mut reached = BTreeSet::new();
        for root in &roots {
            self.reach(root, &mut reached);
        }
        let mut circles: Vec<&PackageName> = Vec::new();
        for name in self.packages.keys() {
            if !reached.contains(name) {
                let mut own = BTreeSet::new();
                self.reach(name, &mut own);
                // An earlier circle that this one leads to needs no entry of its own.
                circles.retain(|entry| !own.contains(entry));
                circles.push(name);
                reached.append(&mut own);
            }
        }
        roots.extend(circles);
        roots.into_iter().cloned().collect()
    }

    fn reach(&self, from: &'a PackageName, reached: &mut BTreeSet<&'a PackageName>) {
        let mut pending = vec![from];
        while let Some(name) = pending.pop() {
            if reached.insert(name) {
                pending.extend(self.below(name));
            }
        }
    }

    fn to_json(&self) -> Vec<serde_json::Value> {
        let key = if self.inverted { "needed_by" } else { "dependencies" };
        let packages = self.packages.values().map(|package| {
            let below: Vec<String> =
                self.below(&package.name).iter().map(ToString::to_string).collect();
            json!({
                "name": package.name.to_string(),
                "version": package.version.to_string(),
                "requested": package.requested,
                key: below,
            })
        });
        packages.collect()
    }
}

struct Drawing<'g, 'a> {
    graph: &'g Graph<'a>,
    depth: usize,
    shown: BTreeSet<PackageName>,
    text: String,
}

impl Drawing<'_, '_> {
    /// Draws a package and what is below it; `lead` stands before its own line, `indent` before the
    /// lines below.
    fn draw(&mut self, name: &PackageName, lead: &str, indent: &str) {
        let Some(package) = self.graph.packages.get(name) else { return };
        let below = self.graph.below(name);
        let again = self.shown.contains(name) && !below.is_empty();
        let mark = if again { " (*)" } else { "" };
        let _ = writeln!(self.text, "{lead}{name}=={}{mark}", package.version);
        // Each level indents by four characters.
        if again || indent.chars().count() / 4 >= self.depth {
            return;
        }
        self.shown.insert(name.clone());
        for (place, lower) in below.iter().enumerate() {
            let last = place + 1 == below.len();
            let (branch, space) =
                if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.draw(lower, &format!("{indent}{branch}"), &format!("{indent}{space}"));
        }
    }
}
