//! Words and lists of a shell, as it would read them.

use super::*;

struct Nothing;

impl Around for Nothing {
    fn text(&self, _path: &str) -> Option<String> {
        None
    }

    fn variable(&self, name: &str) -> Known {
        match name {
            "SET" => Known::Value("a b".to_owned()),
            "EMPTY" => Known::Value(String::new()),
            "GONE" => Known::Unset,
            _ => Known::Unknown,
        }
    }

    fn console_script(&self, _name: &str) -> Option<String> {
        None
    }
}

fn words(text: &str) -> Vec<String> {
    let arguments = ["one", "two words"].map(str::to_owned);
    let runs = runs(text, &arguments, &Start::default(), &Nothing);
    runs.into_iter().map(|run| run.words.join("|").replace(UNKNOWN, "?")).collect()
}

#[test]
fn words_are_what_a_shell_makes_of_them() {
    for (text, found) in [
        ("a 'b c' \"d $GONE e\" f\\ g", "a|b c|d  e|f g"),
        ("a $SET \"$SET\" x$SET", "a|a|b|a b|x?"),
        ("a $GONE \"$GONE\" $EMPTY", "a|"),
        ("a ${GONE:-x} ${EMPTY:-y} ${EMPTY-z} ${SET:-w}", "a|x|y|a|b"),
        ("a $OTHER ${OTHER:-x} ${SET%b} $(b) `c` $((1+1))", "a|?|?|?|?|?|?"),
        ("a \"$@\" $1 \"$2\" $3", "a|one|two words|one|two words"),
        ("a *.py ~/x b[1] {x,y} 'z*'", "a|?.py|?/x|b?1]|?x,y}|z*"),
        ("a >out 2>&1 <in b", "a|b"),
        ("a \\\n  b # c", "a|b"),
        ("X=1 a $X", "a|?"),
        ("X=1; export Y=$X; a $X $Y", "a|1|1"),
        ("shift; a \"$@\"", "a|two words"),
    ] {
        assert_eq!(words(text), [found], "{text}");
    }
}

#[test]
fn nothing_is_said_behind_what_only_running_it_tells() {
    for text in ["a 'b", "a \"b", "cat <<E\nx\nE", "a $'x'", "a <(b)", "( a", "if x; then a"] {
        assert_eq!(words(text), [""; 0], "{text}");
    }
    for text in ["a; eval b; c", "a; . ./b; c", "a; cd $OTHER; c", "a; if b; then exit; fi; c"] {
        assert_eq!(words(text), ["a"], "{text}");
    }
    assert_eq!(words("X=1; if b; then X=2; fi; a $X"), ["a|?"]);
    assert_eq!(words("f() { echo x; }; f; a"), ["f", "a"]);
}

#[test]
fn any_text_is_read_to_its_end() {
    for text in
        ["$", "${", "${}", "${x", "$(", "\\", "a &&", "&& a", ";;", "}", "fi", "()", "{ }", "!"]
    {
        let _no_panic = words(text);
    }
}
