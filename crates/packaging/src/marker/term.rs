//! One comparison of a marker: which variable it is about, and what it says of it.

use std::ops::Range;

use pep440_rs::{Operator, Version, VersionPattern, VersionSpecifier};
use pep508_rs::{
    ExtraName, ExtraOperator, MarkerExpression, MarkerOperator, MarkerTree, MarkerValue,
    MarkerValueExtra, MarkerValueString, MarkerValueVersion,
};

/// What a comparison is about, in the order in which diagrams ask for it: the first is at the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    Version(MarkerValueVersion),
    String(MarkerValueString),
    In(MarkerValueString, String),
    Contains(MarkerValueString, String),
    Extra(MarkerValueExtra),
}

/// A comparison that says something.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) variable: Variable,
    pub(super) tree: MarkerTree,
}

/// A comparison as it was written.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) left: MarkerValue,
    pub(super) operator: MarkerOperator,
    pub(super) right: MarkerValue,
    /// Where it stands.
    pub(super) at: Range<usize>,
}

/// The number that no version in a marker may have: the parts after it would have none.
const LARGEST: u64 = u64::MAX - 1;

impl Comparison {
    /// What it says; nothing where it makes no sense, which is no fault (rule 24).
    ///
    /// # Errors
    /// For numbers that cannot be worked with, in words.
    pub(super) fn term(self) -> Result<Option<Term>, String> {
        match (self.left, self.right) {
            (MarkerValue::MarkerEnvVersion(key), MarkerValue::QuotedString(value)) => {
                version(&key, self.operator, &value, true)
            }
            (MarkerValue::QuotedString(value), MarkerValue::MarkerEnvVersion(key)) => {
                version(&key, inverted(self.operator), &value, false)
            }
            (MarkerValue::MarkerEnvString(key), MarkerValue::QuotedString(value)) => {
                Ok(string(key, self.operator, value))
            }
            (MarkerValue::QuotedString(value), MarkerValue::MarkerEnvString(key)) => {
                Ok(string(key, inverted(self.operator), value))
            }
            (MarkerValue::Extra, MarkerValue::QuotedString(value))
            | (MarkerValue::QuotedString(value), MarkerValue::Extra) => {
                Ok(extra(self.operator, value))
            }
            _ => Ok(None),
        }
    }
}

/// The operator with its sides changed: what the diagrams want is the variable on the left.
fn inverted(operator: MarkerOperator) -> MarkerOperator {
    use MarkerOperator::{
        Contains, GreaterEqual, GreaterThan, In, LessEqual, LessThan, NotContains, NotIn,
    };
    match operator {
        LessThan => GreaterThan,
        LessEqual => GreaterEqual,
        GreaterThan => LessThan,
        GreaterEqual => LessEqual,
        In => Contains,
        NotIn => NotContains,
        Contains => In,
        NotContains => NotIn,
        same => same,
    }
}

fn string(key: MarkerValueString, operator: MarkerOperator, value: String) -> Option<Term> {
    let variable = match operator {
        MarkerOperator::TildeEqual => return None,
        MarkerOperator::In | MarkerOperator::NotIn => Variable::In(key.clone(), value.clone()),
        MarkerOperator::Contains | MarkerOperator::NotContains => {
            Variable::Contains(key.clone(), value.clone())
        }
        _ => Variable::String(key.clone()),
    };
    let tree = MarkerTree::expression(MarkerExpression::String { key, operator, value });
    Some(Term { variable, tree })
}

fn extra(operator: MarkerOperator, value: String) -> Option<Term> {
    let operator = match operator {
        MarkerOperator::Equal => ExtraOperator::Equal,
        MarkerOperator::NotEqual => ExtraOperator::NotEqual,
        _ => return None,
    };
    let name = match value.parse::<ExtraName>() {
        Ok(name) => MarkerValueExtra::Extra(name),
        Err(_) => MarkerValueExtra::Arbitrary(value),
    };
    let tree = MarkerTree::expression(MarkerExpression::Extra { operator, name: name.clone() });
    Some(Term { variable: Variable::Extra(name), tree })
}

/// A comparison of versions. `stars` says whether `3.*` is one, which it is on the right only.
fn version(
    key: &MarkerValueVersion,
    operator: MarkerOperator,
    value: &str,
    stars: bool,
) -> Result<Option<Term>, String> {
    let variable = Variable::Version(match key {
        MarkerValueVersion::ImplementationVersion => MarkerValueVersion::ImplementationVersion,
        _ => MarkerValueVersion::PythonFullVersion,
    });
    let tree = match operator {
        MarkerOperator::In | MarkerOperator::NotIn => {
            listed(key, value, matches!(operator, MarkerOperator::NotIn))?
        }
        _ => compared(key, operator, value, stars)?,
    };
    Ok(tree.map(|tree| Term { variable, tree }))
}

/// `in '3.10 3.11'` and `not in '3.10, 3.12'`: any of them, or none.
fn listed(key: &MarkerValueVersion, list: &str, none: bool) -> Result<Option<MarkerTree>, String> {
    let mut any = MarkerTree::FALSE;
    for part in list.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty())
    {
        let Ok(version) = part.parse::<Version>() else { return Ok(None) };
        check_numbers(&version)?;
        let specifier = VersionSpecifier::equals_version(version);
        any.or(MarkerTree::expression(MarkerExpression::Version { key: key.clone(), specifier }));
    }
    Ok(Some(if none { any.negate() } else { any }))
}

fn compared(
    key: &MarkerValueVersion,
    operator: MarkerOperator,
    value: &str,
    stars: bool,
) -> Result<Option<MarkerTree>, String> {
    let Ok(pattern) = value.parse::<VersionPattern>() else { return Ok(None) };
    if pattern.is_wildcard() && !stars {
        return Ok(None);
    }
    check_numbers(pattern.version())?;
    let operator = match operator {
        MarkerOperator::Equal => Operator::Equal,
        MarkerOperator::NotEqual => Operator::NotEqual,
        MarkerOperator::GreaterThan => Operator::GreaterThan,
        MarkerOperator::GreaterEqual => Operator::GreaterThanEqual,
        MarkerOperator::LessThan => Operator::LessThan,
        MarkerOperator::LessEqual => Operator::LessThanEqual,
        MarkerOperator::TildeEqual => Operator::TildeEqual,
        _ => return Ok(None),
    };
    let Ok(specifier) = VersionSpecifier::from_pattern(operator, pattern) else { return Ok(None) };
    let expression = |specifier| {
        MarkerTree::expression(MarkerExpression::Version { key: key.clone(), specifier })
    };
    if operator != Operator::TildeEqual {
        return Ok(Some(expression(specifier)));
    }
    // `~= 3.0` is spelt out, because the diagrams drop the zero and then have no compatible release.
    let release = specifier.version().release();
    let prefix = Version::new(release.iter().take(release.len().saturating_sub(1)));
    let mut both = expression(VersionSpecifier::equals_star_version(prefix));
    let lower = specifier.version().clone();
    both.and(expression(VersionSpecifier::greater_than_equal_version(lower)));
    Ok(Some(both))
}

fn check_numbers(version: &Version) -> Result<(), String> {
    match version.release().iter().find(|number| **number >= LARGEST) {
        Some(number) => Err(format!("{number} is too large a number in a marker")),
        None => Ok(()),
    }
}
