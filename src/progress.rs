//! What goes on while an environment is made, as bars on a terminal, as plain lines elsewhere, or as nothing.

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::style::ProgressTracker;
use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use pyfast_crew::{Event, Events};
use pyfast_environment::venv_link::{Taken, VENV};
use pyfast_installer::Event as Work;
use pyfast_terminal::View;

use crate::settings::tell;
use crate::ui::{Ui, count, for_terminal};

/// From this size on a wheel is worth a line of a log, in bytes.
const LARGE: u64 = 50_000_000;

/// Shows what goes on. Nothing is drawn for what is over at once.
#[derive(Clone)]
pub(crate) struct Progress {
    ui: Ui,
    bar: ProgressBar,
    view: Arc<Mutex<View>>,
}

impl Progress {
    pub(crate) fn new(ui: Ui) -> Self {
        let view = Arc::new(Mutex::new(View::default()));
        if !ui.bars() {
            return Self { ui, bar: ProgressBar::hidden(), view };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {gauge:.cyan}{words}") {
            bar.set_style(style.with_key("gauge", gauge(&view)).with_key("words", words(&view)));
        }
        Self { ui, bar, view }
    }

    /// A step whose length is not known.
    pub(crate) fn step(&self, message: &'static str) {
        locked(&self.view).begin(message);
        self.tick();
    }

    /// Draws from now on, where there is somewhere to draw.
    fn tick(&self) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.enable_steady_tick(Duration::from_millis(80));
    }

    /// Where those send their events who work for an environment.
    pub(crate) fn events(&self) -> Events {
        let progress = self.clone();
        Arc::new(move |event| progress.event(event))
    }

    pub(crate) fn event(&self, event: Event) {
        match event {
            Event::Interpreter { what, path, why, new } => {
                let said = format!("Using {what} at {} ({why})", path.display());
                if new { self.note(said) } else { self.detail(said) }
            }
            Event::Bringing { python, packages, bytes, channels } => {
                let what = python.map_or("native libraries".into(), |it| format!("Python {it}"));
                self.bringing(&format!("{what} from {}", channels.join(", ")), packages, bytes);
            }
            Event::Indexes(indexes) => indexes
                .into_iter()
                .for_each(|(index, why)| self.detail(format!("index {index} ({why})"))),
            Event::Parts { parts } => self.note(format!("Taking {}", parts.join(", "))),
            Event::NotInstalled { file, commands } => self.note(format!(
                "{} itself is not installed, nor are its commands ({}): `project = true`, or \"editable\", of an environment in pyfast.toml does it",
                file.display(),
                commands.join(", ")
            )),
            Event::Resolving => self.step("resolving"),
            Event::Cloning { url } => self.begins(format!("cloning {url}")),
            Event::Cloned { url } => self.ends(&format!("cloning {url}")),
            Event::Wheels { count, bytes } => {
                locked(&self.view).expect(count, bytes);
                self.tick();
            }
            Event::InContainer => self.step("installing in a container"),
            Event::Work(event) => self.work(event),
            Event::Doubt(doubt) => self.bar.suspend(|| tell(self.ui, doubt)),
            Event::Warning(message) => self.warning(message),
            Event::Detail(message) => self.bar.suspend(|| self.ui.detail(message)),
            Event::Compiling => self.note("Bytecode is compiled in the background".to_owned()),
            Event::Compiled { modules } => self.note(compiled(modules)),
            Event::NoCompiler { python } => self.warning(format!(
                "no Python {python} on this machine can compile bytecode for the image: containers will compile at each start"
            )),
            Event::OthersLock { env, other, own } => {
                let (other, name) = (other.display(), own.file_name().unwrap_or_default().display());
                self.warning(format!(
                    "`{other}` is the lock of another environment: `pyfast lock --env {env}` makes `{name}`"
                ));
            }
            Event::Removed { containers } => {
                let containers = count(containers, "container");
                self.note(format!("Removed {containers} that killed processes had left"));
            }
            Event::Keeper { container } => self.note(format!(
                "Made the container {container}, which is never started: `docker volume prune` of this engine would take the volume otherwise"
            )),
            Event::VenvTaken { taken, current } => self.warning(in_the_way(&taken, &current)),
            Event::KeptOutOfGit { file } => {
                self.note(format!("`{VENV}` is kept out of git by {}", file.display()));
            }
            Event::InGit { reason } => {
                self.detail(format!("cannot keep `{VENV}` out of git: {reason}"));
            }
            Event::NoLink { link, reason } => {
                self.detail(format!("cannot link {}: {reason}", link.display()));
            }
            _ => {}
        }
    }

    fn warning(&self, message: String) {
        self.bar.suspend(|| self.ui.warning(message));
    }

    fn note(&self, message: String) {
        self.bar.suspend(|| self.ui.note(message));
    }

    fn detail(&self, message: String) {
        self.bar.suspend(|| self.ui.detail(message));
    }

    fn fetching(&self, wheel: &str, size: Option<u64>, received: Arc<AtomicU64>) {
        let told = match size {
            Some(size) => format!("{wheel} ({})", DecimalBytes(size)),
            None => wheel.to_owned(),
        };
        // Who reads a log instead of watching wonders what takes so long.
        if self.bar.is_hidden() && size.is_some_and(|size| size >= LARGE) {
            self.note(format!("Fetching {told}"));
        } else {
            self.detail(format!("fetching {told}"));
        }
        locked(&self.view).fetching(for_terminal(wheel), size, received);
    }

    fn work(&self, event: Work) {
        match event {
            Work::Fetching { wheel, size, received } => self.fetching(&wheel, size, received),
            Work::Present { wheel, size } => locked(&self.view).present(&wheel, size),
            Work::Building { source } => self.begins(format!("building {source}")),
            Work::BuildEnded { source } => self.ends(&format!("building {source}")),
            Work::Admitted { wheel, files, .. } => {
                self.detail(format!("unpacked {wheel} ({files} files)"));
                locked(&self.view).admitted(&wheel);
            }
            Work::Waiting(waiting) => {
                self.bar.suspend(|| {
                    self.ui.note(format!("waiting for {waiting}, as long as it works"));
                });
            }
            Work::Warning { message } => self.bar.suspend(|| self.ui.warning(message)),
            _ => {}
        }
    }

    fn bringing(&self, what: &str, packages: usize, bytes: u64) {
        let (packages, size) = (count(packages, "package"), DecimalBytes(bytes));
        self.note(format!("Bringing {what} ({packages}, {size})"));
        self.step("bringing packages of channels");
    }

    /// Something takes its time.
    fn begins(&self, work: String) {
        locked(&self.view).begins(for_terminal(&work));
        self.detail(work);
    }

    fn ends(&self, work: &str) {
        locked(&self.view).ends(&for_terminal(work));
    }

    /// Takes the bar away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

fn locked(view: &Mutex<View>) -> MutexGuard<'_, View> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How wide the terminal is now.
fn width() -> usize {
    console::Term::stderr().size().1.into()
}

/// What draws the gauge.
fn gauge(view: &Arc<Mutex<View>>) -> impl ProgressTracker + use<> {
    let view = Arc::clone(view);
    move |_: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = out.write_str(&locked(&view).gauge(width()));
    }
}

/// What writes the words beside it.
fn words(view: &Arc<Mutex<View>>) -> impl ProgressTracker + use<> {
    let view = Arc::clone(view);
    move |state: &ProgressState, out: &mut dyn fmt::Write| {
        let words = locked(&view).words(width(), Instant::now(), state.elapsed());
        let _ = out.write_str(&words);
    }
}

fn compiled(modules: usize) -> String {
    format!("Bytecode is there ({}): what starts now uses it", count(modules, "module"))
}

fn in_the_way(taken: &Taken, current: &Path) -> String {
    let what = match taken {
        Taken::Venv => "is a virtual environment of another tool".to_owned(),
        Taken::Link(target) => format!("leads to {}", target.display()),
        Taken::Other => "is not pyfast's".to_owned(),
    };
    format!(
        "`{VENV}` {what}, and stays: who uses it does not see what was synced. Remove it and sync again, or have \
         editors and shells use {}",
        current.display()
    )
}
