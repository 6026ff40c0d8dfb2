//! A lock as it goes to other machines. Owns what is left out of it there: by what somebody gets in, and where things were on
//! this machine. Knows nothing of what else a lock says.

use pyfast_packaging::safe_url::{carried, last_of};
use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::model::Lock;

impl Lock {
    /// The text of a lock of this program without passwords, queries of URLs and paths of this machine: what is known by a
    /// digest is known without them. The directory of an editable package stays, which is where it is imported from.
    /// `None` where the text is none of a lock.
    pub fn carried(text: &str) -> Option<String> {
        let mut document: DocumentMut = text.parse().ok()?;
        carry(document.as_table_mut());
        // What it was locked from names paths, too.
        let own = document.get_mut("tool").and_then(|tool| tool.get_mut("pyfast"));
        if let Some(own) = own.and_then(Item::as_table_like_mut) {
            own.remove("inputs");
        }
        Some(document.to_string())
    }
}

fn carry(table: &mut dyn TableLike) {
    if table.get("editable").and_then(Item::as_bool) == Some(true) {
        return;
    }
    for (key, item) in table.iter_mut() {
        match item {
            Item::None => {}
            Item::Table(table) => carry(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|table| carry(table)),
            Item::Value(value) => carry_value(key.get(), value),
        }
    }
}

fn carry_value(key: &str, value: &mut Value) {
    match value {
        Value::InlineTable(table) => carry(table),
        Value::Array(values) => values.iter_mut().for_each(|value| carry_value(key, value)),
        _ => {}
    }
    let Some(text) = value.as_str() else { return };
    let text = match key {
        "url" | "index" => carried(text),
        "path" => last_of(text).to_owned(),
        _ => return,
    };
    let decor = value.decor().clone();
    *value = text.into();
    *value.decor_mut() = decor;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_elsewhere_without_keys_and_paths() {
        let text = r#"lock-version = "1.0"

[[packages]]
name = "a"
index = "https://a.example/simple"
wheels = [{ name = "a.whl", url = "https://a.example/a.whl?key=s", hashes = { sha256 = "0" } }]

[[packages]]
name = "b"
archive = { path = "home/me/b.whl", hashes = { sha256 = "0" } }

[[packages]]
name = "c"
directory = { path = "home/me/c", editable = true }

[tool.pyfast]
inputs = "0"
requested = ["a"]
"#;
        let expected = text
            .replace("?key=s", "")
            .replace("home/me/b.whl", "b.whl")
            .replace("inputs = \"0\"\n", "");
        assert_eq!(Lock::carried(text), Some(expected));
        assert_eq!(Lock::carried("["), None);
    }
}
