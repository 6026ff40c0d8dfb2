//! Events of the libraries as bars on a terminal, as plain lines elsewhere, or as nothing.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pyfast_installer::{Event, Sink};

use crate::ui::{Ui, for_terminal};

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
    pub(crate) fn expect(&self, wheels: usize) {
        let style = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len} wheels  {msg:.dim}");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_length(wheels as u64);
    }

    /// Where the libraries send their events.
    pub(crate) fn sink(&self) -> Sink {
        let progress = self.clone();
        Arc::new(move |event| progress.event(event))
    }

    fn event(&self, event: Event) {
        match event {
            Event::Fetching { wheel, size } => {
                let size = size.map(|size| format!(" ({})", HumanBytes(size))).unwrap_or_default();
                self.ui.detail(format!("fetching {wheel}{size}"));
                self.bar.set_message(for_terminal(&wheel));
            }
            Event::Building { source } => {
                self.ui.detail(format!("building {source}"));
                self.bar.set_message(for_terminal(&format!("building {source}")));
            }
            Event::Admitted { wheel, files, .. } => {
                self.ui.detail(format!("unpacked {wheel} ({files} files)"));
                self.bar.inc(1);
            }
            Event::Waiting(waiting) => {
                self.bar.suspend(|| {
                    self.ui.note(format!("waiting for {waiting}, as long as it works"));
                });
            }
            Event::Warning { message } => self.bar.suspend(|| self.ui.warning(message)),
            _ => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}
