//! The grammar of markers.

use pep508_rs::{MarkerOperator, MarkerTree, MarkerValue};

use super::combine::{Effort, Formula, Joint};
use super::term::Comparison;
use crate::scanner::{Scanner, Unreadable};

/// The longest marker that is read, in bytes. The longest seen have some thousands.
const LONGEST: usize = 64 << 10;
/// The deepest nesting of parentheses that is read.
const DEEPEST: usize = 100;

/// Reads a marker, whose combining takes its part of an effort that several share.
///
/// # Errors
/// What is wrong with the text, and where; also where it is too complex.
pub(crate) fn read_part(text: &str, effort: &mut Effort) -> Result<MarkerTree, Unreadable> {
    if text.len() > LONGEST {
        let reason = format!("a marker of more than {LONGEST} bytes is too long");
        return Err(Unreadable { reason, at: 0..text.len() });
    }
    let mut reader = Reader { scanner: Scanner::new(text), depth: 0 };
    let formula = reader.any()?;
    if reader.scanner.peek().is_some() {
        return Err(reader.scanner.expected("`and`, `or` or the end of the marker"));
    }
    // What says nothing (rule 24) is true.
    let tree = formula.tree(effort);
    let too_complex = |reason| Unreadable { reason, at: 0..text.len() };
    Ok(tree.map_err(too_complex)?.unwrap_or(MarkerTree::TRUE))
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    depth: usize,
}

impl Reader<'_> {
    /// `marker_or = marker_and ('or' marker_and)*`
    fn any(&mut self) -> Result<Formula, Unreadable> {
        self.joined(Joint::Or, "or", Self::all)
    }

    /// `marker_and = marker_expr ('and' marker_expr)*`
    fn all(&mut self) -> Result<Formula, Unreadable> {
        self.joined(Joint::And, "and", Self::one)
    }

    fn joined(
        &mut self,
        joint: Joint,
        word: &str,
        part: fn(&mut Self) -> Result<Formula, Unreadable>,
    ) -> Result<Formula, Unreadable> {
        let mut parts = vec![part(self)?];
        self.scanner.skip_space();
        while self.scanner.eat_word(word) {
            parts.push(part(self)?);
            self.scanner.skip_space();
        }
        Ok(Formula::of(joint, parts))
    }

    /// `marker_expr = '(' marker_or ')' | marker_var marker_op marker_var`
    fn one(&mut self) -> Result<Formula, Unreadable> {
        self.scanner.skip_space();
        if !self.scanner.eat('(') {
            let comparison = self.comparison()?;
            let at = comparison.at.clone();
            return Ok(Formula::Term(
                comparison.term().map_err(|reason| Unreadable { reason, at })?,
            ));
        }
        if self.depth == DEEPEST {
            let at = self.scanner.at();
            let reason = format!("it nests parentheses more than {DEEPEST} deep");
            return Err(self.scanner.wrong_since(at.saturating_sub(1), reason));
        }
        self.depth += 1;
        let inner = self.any()?;
        self.depth -= 1;
        self.scanner.skip_space();
        if !self.scanner.eat(')') {
            return Err(self.scanner.expected("`)`"));
        }
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Comparison, Unreadable> {
        let start = self.scanner.at();
        let left = self.value()?;
        self.scanner.skip_space();
        let operator = self.operator()?;
        self.scanner.skip_space();
        let right = self.value()?;
        Ok(Comparison { left, operator, right, at: start..self.scanner.at() })
    }

    /// A quoted string, or the name of a variable.
    fn value(&mut self) -> Result<MarkerValue, Unreadable> {
        let start = self.scanner.at();
        for quote in ['"', '\''] {
            if self.scanner.eat(quote) {
                let value = self.scanner.take(|c| c != quote).to_owned();
                if !self.scanner.eat(quote) {
                    return Err(self.scanner.expected(&format!("a closing `{quote}`")));
                }
                return Ok(MarkerValue::QuotedString(value));
            }
        }
        let name = self.scanner.take(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        if name.is_empty() {
            return Err(self.scanner.expected("the name of a variable or a quoted string"));
        }
        name.parse().map_err(|_unknown: String| {
            self.scanner.wrong_since(start, format!("markers have no variable `{name}`"))
        })
    }

    fn operator(&mut self) -> Result<MarkerOperator, Unreadable> {
        let start = self.scanner.at();
        if self.scanner.eat_word("in") {
            return Ok(MarkerOperator::In);
        }
        if self.scanner.eat_word("not") {
            self.scanner.skip_space();
            if self.scanner.eat_word("in") {
                return Ok(MarkerOperator::NotIn);
            }
            return Err(self.scanner.expected("`in` after `not`"));
        }
        let operator = self.scanner.take(|c| matches!(c, '<' | '=' | '>' | '~' | '!'));
        if operator.is_empty() {
            return Err(self.scanner.expected("an operator such as `>=` or `not in`"));
        }
        operator.parse().map_err(|_unknown: String| {
            self.scanner.wrong_since(start, format!("markers have no operator `{operator}`"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::marker::{disjoint, read};

    #[test]
    fn rule_24_what_makes_no_sense_is_ignored() {
        for text in [
            "os_name ~= 'x'",
            "'x' ~= os_name",
            "'x' == 'y'",
            "os_name == sys_platform",
            "extra > 'x'",
            "extra==extra",
            "python_version == 'x'",
            "python_version in '3.9 x'",
            "'3.*' == python_version",
            "python_version ~= '3'",
        ] {
            assert_eq!(read(text), Ok(MarkerTree::TRUE), "{text}");
            let with = read(&format!("os_name == 'nt' and {text}"));
            assert_eq!(with, read("os_name == 'nt'"), "{text}");
            let either = read(&format!("{text} or os_name == 'nt'"));
            assert_eq!(either, read("os_name == 'nt'"), "{text}");
        }
    }

    #[test]
    fn nothing_that_is_written_is_read_wrongly() {
        let check = |text: &str, part: &str, reason: &str| {
            let error = read(text).expect_err(text);
            assert_eq!(text.get(error.at.clone()), Some(part), "{text}: {error:?}");
            assert!(error.reason.contains(reason), "{text}: {error:?}");
        };
        check("extra==extra \"é", "\"", "`and`, `or` or the end");
        check("os_name==os_name \"é", "\"", "found `\"`");
        check("os_name == 'é", "", "a closing `'`");
        check("os_name == 'a' é", "é", "found `é`");
        check("é == 'a'", "é", "no variable `é`");
        check("(os_name == 'a'", "", "`)`");
        check("os_name not == 'a'", "=", "`in` after `not`");
        check("os_name == 'a' and", "", "the name of a variable");
        let largest = format!("python_version > '3.{}'", u64::MAX);
        check(&largest, &largest, "too large a number");
        let deep = format!("{}os_name=='x'", "(".repeat(5000));
        check(&deep, "(", "100 deep");
        let long = format!("os_name == '{}'", "x".repeat(LONGEST));
        check(&long, &long, "too long");
    }

    /// What the diagrams' own reader makes of it.
    fn same(text: &str) {
        assert_eq!(read(text).ok(), MarkerTree::from_str(text).ok(), "{text}");
    }

    #[test]
    fn markers_mean_what_they_always_did() {
        for text in [
            "python_version < '3.8' and (os_name == 'nt' or sys_platform != 'linux')",
            "python_version in '3.8 3.9' or python_version not in '3.10'",
            "python_full_version >= '3.8.1' and '3.11' > python_version",
            "python_version ~= '3.8' or python_full_version ~= '3.8.1'",
            "implementation_version == '7.3.*' and python_version != '3.8.*'",
            "'linux' in sys_platform and platform_machine not in 'x86_64 aarch64'",
            "'a b' not in platform_version or platform.version >= '5'",
            "extra == 'Some_Thing' and extra != 'x-' or os.name<='z'",
            "os_name=='a' or os_name=='b' and os_name=='c' or (os_name=='d')",
            "sys_platform == \"win'32\"",
        ] {
            same(text);
        }
    }

    #[test]
    fn compatible_releases_of_a_zero_are_read() {
        let compatible = read("python_full_version ~= '3.0'");
        assert_eq!(compatible, read("python_full_version >= '3' and python_full_version < '4'"));
    }

    fn pairs(count: usize, joint: &str, inner: &str) -> String {
        let pair = |n| format!("(extra=='a{n}' {inner} extra=='b{n}')");
        (0..count).map(pair).collect::<Vec<_>>().join(joint)
    }

    #[test]
    fn no_marker_takes_long() {
        // Of this thread alone: what else the machine does counts for nothing.
        let worked = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec;
        let started = worked();
        assert!(read(&pairs(14, " and ", "or")).is_ok());
        let complex = read(&pairs(100, " and ", "or")).expect_err("2^100 nodes");
        assert!(complex.reason.contains("too complex"), "{complex:?}");
        let many: Vec<String> = (0..2000).map(|n| format!("platform_release!='{n}'")).collect();
        let many = read(&many.join(" and ")).expect("a marker");
        assert!(!disjoint(&many, &read("platform_release == 'x'").expect("a marker")));
        let extras: Vec<String> = (0..900).map(|n| format!("extra=='{n}'")).collect();
        assert!(read(&extras.join(" or ")).is_ok());
        let term = |n| format!("(sys_platform=='{n}' and platform_machine!='{n}')");
        let terms: Vec<String> = (0..60).map(term).collect();
        assert!(read(&terms.join(" or ")).is_ok());
        assert!(worked() - started < 60, "took {} s", worked() - started);
    }

    #[test]
    fn as_deep_a_diagram_as_there_is_fits_on_a_small_stack() {
        let extras: Vec<String> = (0..1000).map(|n| format!("extra=='{n}'")).collect();
        let read = move || {
            let tree = read(&extras.join(" or ")).expect("a marker");
            let decided = crate::marker::decide(&tree, &["7".parse().expect("a name")]);
            (decided.is_true(), crate::marker::text(&tree).is_ok())
        };
        let small = std::thread::Builder::new().stack_size(2 << 20).spawn(read);
        assert_eq!(small.expect("a thread").join().expect("no overflow"), (true, true));
        let more: Vec<String> = (0..1001).map(|n| format!("extra=='{n}'")).collect();
        let error = crate::marker::read(&more.join(" or ")).expect_err("too deep");
        assert!(error.reason.contains("more than 1000"), "{error:?}");
    }
}
