//! Whether a file says only what Compose understands: the schema of the Compose Specification, and where a file departs
//! from it. Owns the reading of the schema, as far as that one goes; must not know what any key means.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::error::ComposeError;
use super::yaml::{MergeTag, Node, Yaml};

/// The schema itself.
const TEXT: &str = include_str!("compose-spec.json");

/// What Compose takes for a switch.
pub(super) const SWITCHED: [&str; 8] = ["true", "false", "y", "n", "yes", "no", "on", "off"];

type Done = Result<(), ComposeError>;

/// The schema, read once.
pub(super) fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| serde_json::from_str(TEXT).expect("a test reads the whole of it"))
}

/// How much of a model stands in one place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// What changes or completes another part, which has what is missing here.
    Part,
}

/// Refuses what Compose would refuse of a file.
pub(super) fn check_file(document: &Node, extent: Extent) -> Done {
    check(schema(), document, "", extent)
}

/// Refuses what Compose would refuse of a service that others may complete; `key` is where it stands.
pub(super) fn check_service(service: &Node, key: &str) -> Done {
    check(&schema()["definitions"]["service"], service, key, Extent::Part)
}

fn check(rule: &Value, node: &Node, key: &str, extent: Extent) -> Done {
    // What is taken out need not be anything.
    if node.tag == Some(MergeTag::Reset) {
        return Ok(());
    }
    let rule = resolved(rule);
    // What another part has instead is not known here.
    if extent == Extent::Part && matches!(node.value, Yaml::Null | Yaml::Time(_)) {
        return Ok(());
    }
    let kinds = kinds(rule);
    if let (Yaml::Time(text), false) = (&node.value, kinds.is_empty()) {
        let reason = format!("YAML takes `{text}` for a time unless it is quoted");
        return Err(node.invalid(key, reason));
    }
    if let Some(forms) = rule.get("oneOf").and_then(Value::as_array) {
        return one_of(forms, node, key, extent);
    }
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(node, kind)) {
        return Err(node.invalid(key, needed(&kinds)));
    }
    match &node.value {
        Yaml::Map(_) => mapping(rule, node, key, extent),
        Yaml::Seq(items) => {
            let Some(rule) = rule.get("items") else { return Ok(()) };
            let mut each = items.iter().enumerate();
            each.try_for_each(|(at, item)| check(rule, item, &format!("{key}[{at}]"), extent))
        }
        _ => single(rule, node, key, extent),
    }
}

fn resolved(rule: &Value) -> &Value {
    let name = rule.get("$ref").and_then(Value::as_str);
    let name = name.and_then(|name| name.strip_prefix("#/definitions/"));
    name.map_or(rule, |name| resolved(&schema()["definitions"][name]))
}

/// The first of several forms that suits; where none does, the first of the value's own kind says why.
fn one_of(forms: &[Value], node: &Node, key: &str, extent: Extent) -> Done {
    let mut refusal = None;
    for form in forms.iter().filter(|form| takes(form, node)) {
        match check(form, node, key, extent) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    let all: Vec<&str> = forms.iter().flat_map(|form| kinds(resolved(form))).collect();
    Err(refusal.unwrap_or_else(|| node.invalid(key, needed(&all))))
}

/// Whether a form is one for values of this kind.
fn takes(form: &Value, node: &Node) -> bool {
    let form = resolved(form);
    match form.get("oneOf").and_then(Value::as_array) {
        Some(forms) => forms.iter().any(|form| takes(form, node)),
        None => kinds(form).iter().any(|kind| is(node, kind)),
    }
}

fn kinds(rule: &Value) -> Vec<&str> {
    match &rule["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => {
            let forms = rule["oneOf"].as_array().into_iter().flatten();
            forms.flat_map(|form| kinds(resolved(form))).collect()
        }
    }
}

/// Whether a value is of a kind. What a variable stood for is a text, and Compose makes of it what is needed.
fn is(node: &Node, kind: &str) -> bool {
    match (kind, &node.value) {
        ("null", Yaml::Null)
        | ("boolean", Yaml::Bool(_))
        | ("integer" | "number", Yaml::Int(_))
        | ("number", Yaml::Float(_))
        | ("string", Yaml::Str(_))
        | ("array", Yaml::Seq(_))
        | ("object", Yaml::Map(_)) => true,
        ("boolean", Yaml::Str(text)) => SWITCHED.contains(&text.to_lowercase().as_str()),
        ("integer" | "number", Yaml::Str(text)) => text.parse::<f64>().is_ok(),
        _ => false,
    }
}

/// What would have done.
fn needed(kinds: &[&str]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for kind in kinds {
        let word = match *kind {
            "string" => "a text",
            "boolean" => "`true` or `false`",
            "integer" => "a whole number",
            "number" => "a number",
            "array" => "a list",
            "object" => "a mapping",
            "null" => "nothing",
            other => other,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.split_last() {
        Some((last, [])) => format!("{last} is needed"),
        Some((last, rest)) => format!("{} or {last} is needed", rest.join(", ")),
        None => "nothing can stand here".to_owned(),
    }
}

fn mapping(rule: &Value, node: &Node, key: &str, extent: Extent) -> Done {
    // The service that it extends has the rest.
    let extent = if node.get("extends").is_some() { Extent::Part } else { extent };
    let none = Map::new();
    let named = rule["properties"].as_object().unwrap_or(&none);
    let patterns = rule["patternProperties"].as_object().unwrap_or(&none);
    for (name, value) in node.entries() {
        let place = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        let by_pattern = || patterns.iter().find(|(pattern, _)| matches(pattern, name));
        if let Some(rule) = named.get(name).or_else(|| by_pattern().map(|(_, rule)| rule)) {
            check(rule, value, &place, extent)?;
        } else if rule["additionalProperties"] == Value::Bool(false) {
            return Err(value.misplaced(&place, unknown(name, named)));
        }
    }
    if extent == Extent::Part {
        return Ok(());
    }
    let required = rule["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match required.into_iter().find(|name| node.get(name).is_none()) {
        Some(name) => Err(node.invalid(key, format!("`{name}` is missing"))),
        None => Ok(()),
    }
}

fn unknown(name: &str, known: &Map<String, Value>) -> String {
    let near = known.keys().min_by_key(|known| strsim::damerau_levenshtein(name, known));
    match near {
        Some(near) => format!("Compose knows no such key; the nearest one is `{near}`"),
        None => "names consist of letters, digits, `.`, `_` and `-`".to_owned(),
    }
}

/// The patterns that the schema uses; a test holds that it uses no others.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern {
        "^x-" => name.starts_with("x-"),
        "^[a-z]+$" => !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()),
        "^[a-zA-Z0-9._-]+$" => {
            let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            !name.is_empty() && name.chars().all(usual)
        }
        _ => !name.is_empty(),
    }
}

/// Choices, patterns and bounds of a single value.
fn single(rule: &Value, node: &Node, key: &str, extent: Extent) -> Done {
    let Some(text) = node.scalar() else { return Ok(()) };
    let instead = extent == Extent::Part && text.is_empty();
    if let Some(pattern) = rule["pattern"].as_str().filter(|_| !instead)
        && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(&text))
    {
        return Err(node.invalid(key, format!("`{text}` does not match `{pattern}`")));
    }
    if let Some(choices) = rule["enum"].as_array() {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        if !choices.contains(&text.as_str()) {
            let choices = choices.join("`, `");
            return Err(node.invalid(key, format!("`{text}` is none of `{choices}`")));
        }
    }
    let Ok(number) = text.parse::<f64>() else { return Ok(()) };
    let bound = |name: &str| rule[name].as_f64();
    if bound("minimum").is_some_and(|least| number < least)
        || bound("maximum").is_some_and(|most| number > most)
    {
        return Err(node.invalid(key, format!("{text} is out of bounds")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::yaml;
    use super::*;

    fn said(text: &str) -> String {
        let document = yaml::read(Path::new("c.yaml"), text).unwrap().remove(0);
        check_file(&document, Extent::Whole)
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn the_schema_uses_only_what_is_read_here() {
        let known = [
            "$comment",
            "$ref",
            "additionalProperties",
            "definitions",
            "enum",
            "items",
            "maximum",
            "minimum",
            "oneOf",
            "pattern",
            "patternProperties",
            "properties",
            "required",
            "type",
        ];
        let patterns = ["^x-", "^[a-z]+$", "^[a-zA-Z0-9._-]+$", ".+", "^.+$"];
        let mut open = vec![schema()];
        while let Some(rule) = open.pop() {
            for (word, inner) in rule.as_object().into_iter().flatten() {
                assert!(known.contains(&word.as_str()), "{word}");
                match (word.as_str(), inner) {
                    ("properties" | "definitions", Value::Object(all)) => open.extend(all.values()),
                    ("patternProperties", Value::Object(all)) => {
                        assert!(all.keys().all(|one| patterns.contains(&one.as_str())), "{all:?}");
                        open.extend(all.values());
                    }
                    ("oneOf", Value::Array(all)) => open.extend(all),
                    ("items" | "additionalProperties", inner) => open.push(inner),
                    ("pattern", pattern) => drop(Regex::new(pattern.as_str().unwrap()).unwrap()),
                    ("$ref", _) => assert!(resolved(rule).is_object(), "{rule}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn what_compose_refuses_is_refused_at_its_place() {
        for (text, expected) in [
            (
                "services:\n  web:\n    image: a\n    comand: x",
                "cannot use c.yaml:4:5, `services.web.comand` (`comand: x`): Compose knows no such key; the nearest one is `command`",
            ),
            (
                "servicess:\n  web: {image: a}",
                "cannot use c.yaml:1:1, `servicess` (`servicess:`): Compose knows no such key; the nearest one is `services`",
            ),
            (
                "services: {a: {image: 5}}",
                "cannot use c.yaml:1:23, `services.a.image` (`services: {a: {image: 5}}`): a text is needed",
            ),
            (
                "services:\n  a:\n    image: a\n    environment:\n",
                "`services.a.environment` (`environment:`): a mapping or a list is needed",
            ),
            (
                "services:\n  a:\n    image: a\n    environment:\n      SINCE: 2026-11-29\n",
                "c.yaml:5:14, `services.a.environment.SINCE` (`SINCE: 2026-11-29`): YAML takes `2026-11-29` for a time unless it is quoted",
            ),
            ("services: {a b: {image: a}}", "names consist of letters"),
            ("services: {a: {image: a, build: {contxt: .}}}", "the nearest one is `context`"),
            (
                "services: {a: {image: a, depends_on: {b: {condition: up}}}}",
                "none of `service_started`",
            ),
            ("services: {a: {image: a, oom_score_adj: 2000}}", "out of bounds"),
            ("services: {a: {image: a, pull_policy: now}}", "`now` does not match `always|never|"),
            ("services: {a: {image: a, container_name: a b}}", "`a b` does not match `[a-zA-Z0-9]"),
            ("services: {a: {image: a, ports: [{taget: 80}]}}", "the nearest one is `target`"),
            ("volumes: {v: {drivr: local}}", "the nearest one is `driver`"),
        ] {
            assert!(said(text).contains(expected), "{text}: {}", said(text));
        }
    }

    #[test]
    fn what_compose_accepts_is_accepted() {
        for text in [
            "x-common: {any: 2026-11-29}\nname: shop\nversion: '3'\nservices: {a: {image: a, x-own: 1}}",
            "services: {a: {image: a, environment: [A=1, B], privileged: 'true', mem_limit: 1gb}}",
            "services: {a: {image: a, environment: !reset null, ports: !override ['80']}}",
            "services: {a: {image: a, ports: [80, '81:81', {target: 82, published: '83'}]}}",
            "services: {a: {image: a, pull_policy: every_12h, container_name: a_b.c-1}}",
            "services: {a: {image: a, command: null, entrypoint: [], scale: '2', cpus: 0.5}}",
            "volumes: {v: }\nnetworks: {n: {external: true}}",
        ] {
            assert_eq!(said(text), "", "{text}");
        }
    }

    /// What a section of `docs/compose.md` says of each key. What is read comes with a word about what for.
    fn documented(section: &str) -> BTreeMap<String, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compose.md");
        let text = fs_err::read_to_string(path).unwrap();
        let (_, rest) = text.split_once(&format!("\n## {section}\n")).expect(section);
        let rows = rest.lines().take_while(|line| !line.starts_with("## "));
        let rows = rows.filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        rows.map(|(key, what)| {
            let (what, why) = what.split_once(" |").expect(key);
            assert_eq!(
                what == "read",
                !why.trim_matches([' ', '|']).is_empty(),
                "{section}: {key}"
            );
            (key.to_owned(), what.to_owned())
        })
        .collect()
    }

    /// The tables of the documentation have every key that Compose knows, and say rightly which are read: those that the
    /// readers name.
    #[test]
    fn the_documentation_says_of_every_key_what_is_done_with_it() {
        let readers = [
            include_str!("typed.rs"),
            include_str!("load.rs"),
            include_str!("check.rs"),
            include_str!("../compose_file.rs"),
        ];
        let service = &schema()["definitions"]["service"]["properties"];
        // Named there for what else has a key of the same name: mounts, builds and services.
        let (build, health) =
            (&service["build"]["oneOf"][1], &schema()["definitions"]["healthcheck"]);
        for (section, keys, others) in [
            ("Top level", &schema()["properties"], &[][..]),
            ("A service", service, &["labels", "read_only", "restart"]),
            ("`build`", &build["properties"], &["secrets"]),
            ("`healthcheck`", &health["properties"], &[]),
        ] {
            let expected: BTreeMap<String, String> = keys
                .as_object()
                .unwrap()
                .keys()
                .map(|key| {
                    let named = readers.iter().any(|text| text.contains(&format!("\"{key}\"")));
                    let what =
                        if named && !others.contains(&key.as_str()) { "read" } else { "passed" };
                    (key.clone(), what.to_owned())
                })
                .collect();
            assert_eq!(documented(section), expected, "{section}");
        }
    }
}
