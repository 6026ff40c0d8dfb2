//! A Dockerfile's text without what a plan takes out. Owns what goes along with it: separators, continued lines, the
//! comment above. Decides nothing.

use std::ops::Range;

use super::plan::Plan;
use super::stages::{Does, Lines, Stage, Step};

/// The text without what the plan says.
pub(super) fn without(lines: &Lines<'_>, stages: &[Stage], plan: &Plan) -> String {
    let mut gone: Vec<Range<usize>> = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        if plan.stages.contains(&at) {
            let end = stage.steps.last().map_or(stage.lines.end, |step| step.lines.end);
            gone.push(whole(lines, stage.lines.start..end));
            continue;
        }
        for (number, step) in stage.steps.iter().enumerate() {
            if plan.steps.contains(&(at, number)) {
                let start =
                    beginning(&stage.steps[..=number], &|one| plan.steps.contains(&(at, one)));
                gone.push(whole(lines, start..step.lines.end));
                continue;
            }
            let words = |place: &Range<usize>| plan.words.contains(place);
            match &step.does {
                Does::Runs(commands) => {
                    let places: Vec<_> = commands.iter().map(|(one, _)| one.place()).collect();
                    let taken = |one: usize| plan.commands.contains(&(at, number, one));
                    gone.extend(parts(&places, &taken));
                    for (command, _) in commands {
                        let places: Vec<_> =
                            command.words.iter().map(|word| word.place.clone()).collect();
                        gone.extend(parts(&places, &|one| words(&places[one])));
                    }
                }
                Does::Sets(variables) => {
                    let places: Vec<_> =
                        variables.iter().filter_map(|one| one.place.clone()).collect();
                    gone.extend(parts(&places, &|one| words(&places[one])));
                }
                _ => {}
            }
        }
    }
    gone.sort_by_key(|range| (range.start, range.end));
    let mut text = String::new();
    let mut at = 0;
    for range in gone {
        if range.start > at {
            text.push_str(&lines.text[at..range.start]);
        }
        at = at.max(range.end);
    }
    text.push_str(&lines.text[at.min(lines.text.len())..]);
    text
}

/// The line where the last of these instructions begins, and those right above it that go too: they go together, with
/// what stands around them.
fn beginning(steps: &[Step], gone: &dyn Fn(usize) -> bool) -> usize {
    let mut start = usize::MAX;
    for (number, step) in steps.iter().enumerate().rev() {
        if start != usize::MAX && (step.lines.end != start || !gone(number)) {
            break;
        }
        start = step.lines.start;
    }
    start
}

/// Lines, with the comment right above them, and the blank lines behind unless something stands before.
fn whole(lines: &Lines<'_>, own: Range<usize>) -> Range<usize> {
    let mut start = own.start;
    while start > 0 && is_comment(lines.line(start - 1)) {
        start -= 1;
    }
    // Directives stand above everything, and are no comments of an instruction.
    if start == 0 {
        start = own.start;
    }
    let mut end = own.end;
    let before = if start == 0 { "" } else { lines.line(start - 1).trim() };
    if before.is_empty() || is_comment(before) {
        while !lines.line(end).is_empty() && lines.line(end).trim().is_empty() {
            end += 1;
        }
    }
    lines.bytes(&(start..end))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// What goes of a row of things, each with what stands between it and those that stay: joints, lines that are
/// continued, comments.
fn parts(row: &[Range<usize>], taken: &dyn Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut kept, mut first): (Option<usize>, Option<usize>) = (None, None);
    for at in 0..=row.len() {
        if at < row.len() && taken(at) {
            first = first.or(Some(at));
            continue;
        }
        if let Some(from) = first.take() {
            let start = kept.map_or(row[from].start, |kept| row[kept].end);
            let end = match (kept, row.get(at)) {
                (None, Some(next)) => next.start,
                _ => row[at - 1].end,
            };
            found.push(start..end);
        }
        kept = Some(at);
    }
    found
}
