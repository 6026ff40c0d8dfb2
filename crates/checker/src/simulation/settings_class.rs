//! Classes of pydantic's settings that are made while modules are imported: which variables they need. Must not know values.

use std::collections::{BTreeMap, BTreeSet};

use super::failing::{Kind, Raised};
use super::table::Value;
use super::{Frame, Simulation};
use crate::finding::Rule;
use crate::outline::{Call, Class, Field, Keyword, Literal, Name, Path, Step};

/// A class with what it inherits.
#[derive(Debug, Default)]
struct Settings {
    fields: BTreeMap<String, Placed>,
    config: BTreeMap<String, Literal>,
    /// Of pydantic's first version, where a field that may be `None` is.
    is_first: bool,
}

/// A field, and the module whose text has it.
#[derive(Debug, Clone)]
struct Placed {
    field: Field,
    module: String,
}

impl Simulation<'_> {
    /// A class of the project is called.
    pub(super) fn instantiated(
        &mut self,
        module: &str,
        at: u32,
        call: &Call,
    ) -> Result<(), Raised> {
        let is_odd = call.keywords.iter().any(|name| name.is_empty() || name.starts_with('_'));
        if self.has_all_variables || call.arguments > 0 || is_odd {
            return Ok(());
        }
        let Some(mut settings) = self.settings(module, at, 0) else { return Ok(()) };
        settings.fields.retain(|name, _| call.keywords.iter().all(|keyword| keyword != name));
        let Some(from_files) = self.of_files(&settings) else { return Ok(()) };
        for placed in settings.fields.values() {
            self.field(placed, &settings, &from_files)?;
        }
        Ok(())
    }

    /// What is known of a class if it is one of settings; `None` if it is none, or not all of it is seen.
    fn settings(&mut self, module: &str, at: u32, depth: usize) -> Option<Settings> {
        // One that inherits nothing is none, and most are called for something else.
        let inherits = |class: &Class| (!class.bases.is_empty()).then(|| Seen::of(class));
        let (seen, frame) = self.of_class(module, at, inherits)?;
        let seen = seen?;
        if seen.is_open || depth >= 8 {
            return None;
        }
        let mut settings = Settings::default();
        let mut is_settings = false;
        for base in seen.bases.iter().rev() {
            match self.quietly(base, &frame) {
                Value::Foreign(name) if name.ends_with(".BaseSettings") => {
                    is_settings = true;
                    settings.is_first = name.starts_with("pydantic.");
                }
                Value::Class { module, at } => {
                    let inherited = self.settings(&module, at, depth + 1)?;
                    is_settings = true;
                    settings.is_first |= inherited.is_first;
                    settings.fields.extend(inherited.fields);
                    settings.config.extend(inherited.config);
                }
                _ => return None,
            }
        }
        for field in seen.fields {
            let placed = Placed { field, module: module.to_owned() };
            settings.fields.insert(placed.field.name.clone(), placed);
        }
        settings.config.extend(seen.config.into_iter().map(|one| (one.name, one.value)));
        is_settings.then_some(settings)
    }

    /// The names that files set which the class reads itself; `None` if that is not known.
    fn of_files(&self, settings: &Settings) -> Option<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for (key, value) in &settings.config {
            match (key.as_str(), value) {
                ("**" | "secrets_dir" | "json_file" | "yaml_file" | "toml_file", value)
                    if *value != Literal::None =>
                {
                    return None;
                }
                ("env_file", Literal::Text(file)) => {
                    let places = self.service.search_path.iter().flat_map(|entry| {
                        let above = entry.directory.parent().unwrap_or(&entry.directory);
                        [entry.directory.join(file), above.join(file)]
                    });
                    let texts = places.filter_map(|place| self.library.files.read(&place).ok());
                    names.extend(texts.flat_map(|text| assigned(&String::from_utf8_lossy(&text))));
                }
                ("env_file", Literal::None) => {}
                ("env_file", _) | ("env_prefix" | "env_nested_delimiter", Literal::Other) => {
                    return None;
                }
                _ => {}
            }
        }
        Some(names)
    }

    fn field(
        &mut self,
        placed: &Placed,
        settings: &Settings,
        from_files: &BTreeSet<String>,
    ) -> Result<(), Raised> {
        let field = &placed.field;
        if field.is_open || field.name.starts_with('_') || field.annotation.contains("ClassVar") {
            return Ok(());
        }
        let names = settings.variables_of(field);
        let is_exact = settings.config.get("case_sensitive") == Some(&Literal::True);
        let is_same = |one: &str, other: &str| {
            if is_exact { one == other } else { one.eq_ignore_ascii_case(other) }
        };
        let is_own = |known: &String| names.iter().any(|name| is_same(name, known));
        let is_empty = self.service.empty.iter().any(is_own);
        let all = self.service.environment.as_ref();
        let is_set = all.is_none_or(|all| all.keys().any(is_own));
        let own = self.variables.iter().map(Name::as_str);
        let mut own = own.chain(from_files.iter().map(String::as_str));
        let is_else = own.any(|known| names.iter().any(|name| is_same(name, known)));
        if is_else {
            return Ok(());
        }
        let Some(frame) = self.frame_of(&placed.module) else { return Ok(()) };
        let name = &names[0];
        let shown = if is_exact { name.clone() } else { name.to_uppercase() };
        let kind = Kind::Other("ValidationError".to_owned());
        let ignores_empty = settings.config.get("env_ignore_empty") == Some(&Literal::True);
        if is_empty && !ignores_empty && is_number(&field.annotation) {
            let mut draft = self.draft(&frame, field.at, Rule::EmptySetting, &shown);
            draft.message = format!(
                "the variable `{shown}` is set to nothing, and the field `{}` needs a value of `{}`",
                field.name, field.annotation
            );
            draft.hint = Some(format!(
                "give `{shown}` a value, take it away from the service, or set `env_ignore_empty=True` in `model_config`"
            ));
            return self.fail(kind, draft);
        }
        let may_be_nested = settings.config.contains_key("env_nested_delimiter");
        if !is_set && settings.needs(field) && !may_be_nested {
            let mut draft = self.missing_variable(&shown, field.at, &frame);
            draft.message = format!(
                "the field `{}` has no default, and the service does not have the variable `{shown}`",
                field.name
            );
            draft.hint = Some(format!(
                "give `{shown}` to the service under `environment`, or give the field a default"
            ));
            return self.fail(kind, draft);
        }
        Ok(())
    }

    fn frame_of(&self, module: &str) -> Option<Frame> {
        let path = self.modules.get(module)?.path.clone()?;
        Some(Frame::new(module, path))
    }
}

/// What of a class statement counts here.
struct Seen {
    bases: Vec<Path>,
    fields: Vec<Field>,
    config: Vec<Keyword>,
    is_open: bool,
}

impl Seen {
    fn of(class: &Class) -> Self {
        let is_open = class.body.iter().any(|step| match step {
            Step::Bind(bind) => matches!(
                bind.name.as_str(),
                "settings_customise_sources" | "customise_sources" | "__init__" | "__new__"
            ),
            _ => false,
        });
        Self {
            bases: class.bases.clone(),
            fields: class.fields.clone(),
            config: class.config.clone(),
            is_open,
        }
    }
}

impl Settings {
    /// The variables that a field is read from.
    fn variables_of(&self, field: &Field) -> Vec<String> {
        if !field.aliases.is_empty() {
            return field.aliases.clone();
        }
        let prefix = match self.config.get("env_prefix") {
            Some(Literal::Text(prefix)) => prefix.as_str(),
            _ => "",
        };
        vec![format!("{prefix}{}", field.name)]
    }

    fn needs(&self, field: &Field) -> bool {
        let may_be_none =
            field.annotation.contains("Optional") || field.annotation.contains("None");
        !(field.has_default || self.is_first && may_be_none)
    }
}

/// Types that nothing is no value of.
fn is_number(annotation: &str) -> bool {
    let words = annotation.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut words = words.filter(|word| !word.is_empty() && !["Optional", "None"].contains(word));
    let is_number = |word: &str| {
        matches!(word, "int" | "float" | "bool" | "PositiveInt" | "NonNegativeInt" | "Decimal")
    };
    words.next().is_some_and(is_number) && words.next().is_none()
}

/// The names that a file of variables sets.
fn assigned(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, _) = line.split_once('=')?;
        (!name.starts_with('#')).then(|| name.trim().to_owned())
    });
    names.collect()
}
