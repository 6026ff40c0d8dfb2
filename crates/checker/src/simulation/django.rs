//! What Django's settings name as texts: applications, middleware, URLs, the model of users. Owns when each is imported; must
//! not know commands.
//!
//! <https://docs.djangoproject.com/en/stable/ref/settings/>

use std::sync::Arc;

use super::listed::Lister;
use super::{Frame, Simulation};
use crate::finding::Rule;
use crate::library;
use crate::outline::{Bind, Bound, Logging, Outline, Step};
use crate::reached;
use crate::search::Found;
use crate::service::Django;
use crate::syntax::Read;

/// How many modules of settings take each other in.
const DEEPEST: usize = 8;

/// A text of the settings, and the file that has it.
struct Named {
    text: String,
    /// Of the modules of settings.
    module: usize,
}

/// Modules of settings.
#[derive(Default)]
struct Settings {
    /// One, and before it those that it takes in with a star.
    modules: Vec<Lister>,
    /// Those that it may take in (`try: from .local import *`).
    perhaps: Vec<Arc<Read>>,
}

impl Simulation<'_> {
    /// What settings name, as far as their own text says it for certain.
    pub(super) fn enter_django(&mut self, settings: &str, reader: Django) {
        let name = settings;
        let mut settings = Settings::default();
        self.read_settings(name, &mut settings);
        if let Some((frame, logging)) = settings.logging() {
            drop(self.configure_logging(logging, frame));
        }
        let applications = settings.listed("INSTALLED_APPS");
        for named in &applications {
            self.enter_application(&named.text, settings.frame(named));
        }
        self.enter_users(&settings, &applications);
        let serves = matches!(reader, Django::Server | Django::Developers);
        let checks = matches!(reader, Django::Checks | Django::Developers);
        if let Some(urls) = settings.text("ROOT_URLCONF") {
            // Whoever only serves imports them with the first request.
            self.unsure += usize::from(!checks);
            let frame = settings.frame(&urls);
            drop(self.load(&urls.text, self.offset_of(&urls.text, frame), frame));
            self.unsure -= usize::from(!checks);
        }
        for named in settings.listed("MIDDLEWARE").iter().filter(|_| serves) {
            let frame = settings.frame(named);
            drop(self.import_dotted(&named.text, self.offset_of(&named.text, frame), frame));
        }
        // Another application may bring a server of its own.
        let is_usual = applications.iter().all(|one| !["daphne", "channels"].contains(&&*one.text));
        if let Some(named) = settings.text("WSGI_APPLICATION")
            && reader == Django::Developers
            && is_usual
        {
            let frame = settings.frame(&named);
            drop(self.import_dotted(&named.text, self.offset_of(&named.text, frame), frame));
        }
    }

    fn read_settings(&self, module: &str, found: &mut Settings) {
        let known = found.modules.len() + found.perhaps.len();
        let Some(lister) = self.lister(module).filter(|_| known < DEEPEST) else { return };
        let package = self.modules.get(module).map(|module| module.package.clone());
        let star = |step: &Step| match step {
            Step::From(from) if from.names.is_empty() => {
                reached::absolute(from, package.as_deref().unwrap_or_default())
            }
            _ => None,
        };
        let Some(outline) = &lister.read.outline else { return };
        let certain: Vec<String> = outline.body.iter().filter_map(star).collect();
        library::each_step(outline, &mut |step| {
            let name = star(step).filter(|name| !certain.contains(name));
            let read = name.and_then(|name| match self.find(&name) {
                Found::Source { path, .. } => self.library.read(&path, self.service.python),
                _ => None,
            });
            found.perhaps.extend(read);
        });
        for name in certain {
            if !found.modules.iter().any(|known| known.frame.module == name) {
                self.read_settings(&name, found);
            }
        }
        found.modules.push(lister);
    }

    /// A module by the text that names it, or by that of a class in it, with its models.
    fn enter_application(&mut self, name: &str, frame: &Frame) {
        let is_class = |last: &str| last.starts_with(char::is_uppercase);
        let meant = match name.rsplit_once('.') {
            Some((parent, last)) if is_class(last) => parent,
            _ => name,
        };
        drop(self.load(meant, self.offset_of(name, frame), frame));
        let models = format!("{name}.models");
        if !matches!(self.find(&models), Found::Missing { .. }) {
            drop(self.load(&models, 0, frame));
        }
    }

    /// `AUTH_USER_MODEL`, which is looked for once all models are there.
    fn enter_users(&mut self, settings: &Settings, applications: &[Named]) {
        let Some(named) = settings.text("AUTH_USER_MODEL") else { return };
        let has_users = applications.iter().any(|one| one.text == "django.contrib.auth");
        let Some((label, model)) = named.text.split_once('.').filter(|_| has_users) else { return };
        let own: Vec<&str> = applications.iter().map(|one| one.text.as_str()).collect();
        let mut of_label = own.iter().filter(|name| name.rsplit('.').next() == Some(label));
        let (Some(application), None) = (of_label.next(), of_label.next()) else { return };
        let models = format!("{application}.models");
        // Models count by the application that they are in, whoever has imported them.
        let below = format!("{application}.");
        let elsewhere = self.order.iter().any(|module| {
            let is_inside = module == application || module.starts_with(&below);
            let has = self.modules.get(module).is_none_or(|known| known.names.contains_key(model));
            is_inside && *module != models && has && self.modules.contains_key(module)
        });
        if elsewhere || self.has_object(&models, model) != Some(false) {
            return;
        }
        let frame = settings.frame(&named);
        let at = self.offset_of(&named.text, frame);
        let mut draft = self.draft(frame, at, Rule::MissingName, &named.text);
        draft.message =
            format!("`AUTH_USER_MODEL` names the model `{model}`, which `{models}` does not have");
        self.report(draft);
    }
}

impl Settings {
    fn frame(&self, named: &Named) -> &Frame {
        &self.modules[named.module].frame
    }

    fn outlines(&self) -> impl Iterator<Item = (usize, &Outline)> {
        let outlines = self.modules.iter().enumerate();
        outlines.filter_map(|(at, lister)| Some((at, lister.read.outline.as_ref()?)))
    }

    /// Whether a name may be another one in the end, by what is not followed.
    fn may_change(&self, name: &str) -> bool {
        let perhaps = self.perhaps.iter().map(|read| read.outline.as_ref());
        let mut may = self.outlines().any(|(_, outline)| outline.is_open);
        for outline in perhaps {
            let Some(outline) = outline else { return true };
            may |= outline.is_open;
            library::each_step(outline, &mut |step| {
                may |= matches!(step, Step::Bind(bind) if bind.name == name
                    && !matches!(bind.value, Bound::Strings { adds: true, .. }));
            });
        }
        may
    }

    /// The texts of a list; none where something else may be in it in the end.
    fn listed(&self, name: &str) -> Vec<Named> {
        let is_it = |bind: &Bind| bind.name == name && !bind.is_local;
        let (mut all, mut changes) = (0, false);
        let mut listed: Vec<Named> = Vec::new();
        for (module, outline) in self.outlines() {
            library::each_step(outline, &mut |step| match step {
                // What is added in a branch takes nothing away.
                Step::Bind(bind) if is_it(bind) => {
                    all += usize::from(!matches!(bind.value, Bound::Strings { adds: true, .. }));
                }
                Step::Call(call) => changes |= call.called.path[0] == name,
                Step::SetItem(item) => changes |= item.of.path[0] == name,
                Step::Unbind(unbind) => changes |= unbind.name == name,
                _ => {}
            });
            let own = outline.body.iter().filter_map(|step| match step {
                Step::Bind(bind) if is_it(bind) => Some(&bind.value),
                _ => None,
            });
            for value in own {
                let Bound::Strings { items, adds } = value else { continue };
                if !adds {
                    all -= 1;
                    listed.clear();
                }
                listed.extend(items.iter().map(|text| Named { text: text.clone(), module }));
            }
        }
        if all == 0 && !changes && !self.may_change(name) { listed } else { Vec::new() }
    }

    /// A text that is set once, and for certain.
    fn text(&self, name: &str) -> Option<Named> {
        let mut binds = 0;
        let mut found = None;
        for (module, outline) in self.outlines() {
            library::each_step(outline, &mut |step| {
                binds += usize::from(matches!(step, Step::Bind(bind) if bind.name == name));
            });
            for step in &outline.body {
                if let Step::Bind(Bind { name: bound, value: Bound::Text(text), .. }) = step
                    && bound == name
                {
                    found = Some(Named { text: text.clone(), module });
                }
            }
        }
        found.filter(|_| binds == 1 && !self.may_change(name))
    }

    /// `LOGGING`, where nothing changes it.
    fn logging(&self) -> Option<(&Frame, &Logging)> {
        let (mut touched, mut replaced) = (0, false);
        let mut found = None;
        for (module, outline) in self.outlines() {
            library::each_step(outline, &mut |step| match step {
                Step::Bind(bind) => {
                    touched += usize::from(bind.name == "LOGGING");
                    replaced |= bind.name == "LOGGING_CONFIG";
                }
                Step::Call(call) => touched += usize::from(call.called.path[0] == "LOGGING"),
                Step::SetItem(item) | Step::Item(item) => {
                    touched += usize::from(item.of.path[0] == "LOGGING");
                }
                _ => {}
            });
            for step in &outline.body {
                if let Step::Bind(Bind { name, value: Bound::Logging(logging), .. }) = step
                    && name == "LOGGING"
                {
                    found = Some((&self.modules[module].frame, &**logging));
                }
            }
        }
        found.filter(|_| touched == 1 && !replaced && !self.may_change("LOGGING"))
    }
}
