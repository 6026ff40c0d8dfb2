//! What Django's settings name as texts: applications, middleware, URLs, the model of users. Owns when each is imported; must
//! not know commands.
//!
//! <https://docs.djangoproject.com/en/stable/ref/settings/>

mod settings;

use super::{Frame, Simulation};
use crate::finding::Rule;
use crate::search::Found;
use crate::service::Django;
use settings::{Named, Settings};

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
        match reader {
            Django::Developers => {
                self.enter_urls(&settings);
                self.enter_middleware(&settings);
            }
            Django::Checks => self.enter_urls(&settings),
            Django::Server | Django::Command => {
                if reader == Django::Server {
                    self.enter_middleware(&settings);
                }
                // They are imported with the first request.
                self.unsure += 1;
                self.enter_urls(&settings);
                self.unsure -= 1;
            }
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

    fn enter_urls(&mut self, settings: &Settings) {
        if let Some(urls) = settings.text("ROOT_URLCONF") {
            let frame = settings.frame(&urls);
            drop(self.load(&urls.text, self.offset_of(&urls.text, frame), frame));
        }
    }

    fn enter_middleware(&mut self, settings: &Settings) {
        for named in &settings.listed("MIDDLEWARE") {
            let frame = settings.frame(named);
            drop(self.import_dotted(&named.text, self.offset_of(&named.text, frame), frame));
        }
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
        // Models count by the application that they are in, or say that they are of, whoever has imported them.
        let elsewhere = self.order.iter().any(|module| {
            let known = self.modules.get(module).filter(|_| *module != models);
            known.is_some_and(|known| known.names.contains_key(model))
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
