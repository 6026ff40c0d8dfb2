//! What goes on while an environment is made, as bars on a terminal, as plain lines elsewhere, or as nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pyfast_crew::{Event, Events};
use pyfast_environment::venv_link::{Taken, VENV};
use pyfast_installer::{Event as Work, Sink};

use crate::settings::tell;
use crate::ui::{Ui, count, for_terminal};

/// Shows what goes on. Nothing is drawn for what is over at once.
#[derive(Clone)]
pub(crate) struct Progress {
    ui: Ui,
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(ui: Ui) -> Self {
        if !ui.bars() {
            return Self { ui, bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
        Self { ui, bar }
    }

    /// A step whose length is not known.
    pub(crate) fn step(&self, message: &'static str) {
        let style = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(message);
        self.bar.enable_steady_tick(Duration::from_millis(80));
    }

    /// Wheels to come.
    fn expect(&self, wheels: usize) {
        let style = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len} wheels  {msg:.dim}");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_length(wheels as u64);
    }

    /// Where the libraries send their events.
    pub(crate) fn sink(&self) -> Sink {
        let progress = self.clone();
        Arc::new(move |event| progress.work(event))
    }

    /// Where those send theirs who work for an environment.
    pub(crate) fn events(&self) -> Events {
        let progress = self.clone();
        Arc::new(move |event| progress.event(event))
    }

    pub(crate) fn event(&self, event: Event) {
        match event {
            Event::Resolving => self.step("resolving"),
            Event::Wheels(wheels) => self.expect(wheels),
            Event::InContainer => self.step("installing in a container"),
            Event::Work(event) => self.work(event),
            Event::Doubt(doubt) => self.bar.suspend(|| tell(self.ui, doubt)),
            Event::Warning(message) => self.warning(message),
            Event::Detail(message) => self.bar.suspend(|| self.ui.detail(message)),
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
                let told = format!("cannot keep `{VENV}` out of git: {reason}");
                self.bar.suspend(|| self.ui.detail(told));
            }
            Event::NoLink { link, reason } => {
                self.bar.suspend(|| self.ui.detail(format!("cannot link {}: {reason}", link.display())));
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

    fn work(&self, event: Work) {
        match event {
            Work::Fetching { wheel, size } => {
                let size = size.map(|size| format!(" ({})", HumanBytes(size))).unwrap_or_default();
                self.ui.detail(format!("fetching {wheel}{size}"));
                self.bar.set_message(for_terminal(&wheel));
            }
            Work::Building { source } => {
                self.ui.detail(format!("building {source}"));
                self.bar.set_message(for_terminal(&format!("building {source}")));
            }
            Work::Admitted { wheel, files, .. } => {
                self.ui.detail(format!("unpacked {wheel} ({files} files)"));
                self.bar.inc(1);
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

    /// Takes the bar away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
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
