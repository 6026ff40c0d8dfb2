//! A page of documentation whose blocks of commands can be read, and written with other outputs. Knows nothing of who
//! runs them.

use std::fmt;

/// What begins a block of commands; the name of a shell may follow.
const FENCE: &str = "```console";
const PROMPT: &str = "$ ";

#[derive(Clone)]
pub(super) struct Page {
    parts: Vec<Part>,
}

#[derive(Clone)]
enum Part {
    Prose(String),
    Commands(Block),
}

/// Commands of one shell.
#[derive(Clone)]
pub(super) struct Block {
    /// The shell's name.
    pub(super) shell: String,
    pub(super) steps: Vec<Step>,
}

/// A command with the lines that it prints.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut block: Option<Block> = None;
        for line in text.lines() {
            match (&mut block, line.strip_prefix(FENCE)) {
                (None, Some(shell)) => block = Some(Block::of(shell.trim())),
                (None, None) => parts.push(Part::Prose(line.to_owned())),
                (Some(_), _) if line == "```" => parts.extend(block.take().map(Part::Commands)),
                (Some(block), _) => block.add(line),
            }
        }
        assert!(block.is_none(), "a block does not end");
        let page = Self { parts };
        assert!(page.blocks().any(|block| !block.steps.is_empty()), "the page has no commands");
        page
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.parts.iter().filter_map(|part| match part {
            Part::Commands(block) => Some(block),
            Part::Prose(_) => None,
        })
    }

    pub(super) fn blocks_mut(&mut self) -> impl Iterator<Item = &mut Block> {
        self.parts.iter_mut().filter_map(|part| match part {
            Part::Commands(block) => Some(block),
            Part::Prose(_) => None,
        })
    }
}

impl Block {
    fn of(shell: &str) -> Self {
        let shell = if shell.is_empty() { "bash" } else { shell };
        Self { shell: shell.to_owned(), steps: Vec::new() }
    }

    fn add(&mut self, line: &str) {
        match (line.strip_prefix(PROMPT), self.steps.last_mut()) {
            (Some(command), _) => {
                self.steps.push(Step { command: command.to_owned(), output: Vec::new() });
            }
            (None, Some(step)) => step.output.push(line.to_owned()),
            (None, None) => panic!("`{line}` is the output of no command"),
        }
    }

    pub(super) fn commands(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.command.as_str()).collect()
    }

    /// Exchanges what the commands print.
    pub(super) fn print(&mut self, outputs: Vec<Vec<String>>) {
        assert_eq!(self.steps.len(), outputs.len(), "each command has an output");
        for (step, output) in self.steps.iter_mut().zip(outputs) {
            step.output = output;
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Prose(line) => writeln!(f, "{line}")?,
                Part::Commands(block) => write!(f, "{block}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shell = if self.shell == "bash" { String::new() } else { format!(" {}", self.shell) };
        writeln!(f, "{FENCE}{shell}")?;
        for step in &self.steps {
            writeln!(f, "{PROMPT}{}", step.command)?;
            step.output.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        writeln!(f, "```")
    }
}
